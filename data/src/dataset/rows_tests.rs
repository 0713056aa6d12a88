use std::{fs, path::Path};

use super::super::profile::Wanted;
use super::super::{Index, Progress, take};
use super::*;

/// A snapshot of these files with its profile, and a way to read it.
pub(in crate::dataset) struct Data {
    dir: tempfile::TempDir,
    pub manifest: Manifest,
    pub profile: Profile,
}

impl Data {
    pub fn new(files: &[(&str, &str)]) -> Data {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let manifest = take(dir.path(), &mut Index::default(), &Progress::default()).unwrap().manifest;
        let root: &Path = dir.path();
        let profile = Profile::of(&manifest, &|entry| Content::of_file(&entry.path.below(root)), Wanted::default()).unwrap();
        Data { dir, manifest, profile }
    }

    pub fn open(&self, entry: &Entry) -> std::io::Result<Content> {
        Content::of_file(&entry.path.below(self.dir.path()))
    }

    fn all(&self, key: Option<&str>) -> Vec<Sample> {
        let open = |entry: &Entry| self.open(entry);
        let mut rows = Rows::new(&self.manifest, Some(&self.profile), key, &open);
        let mut all = Vec::new();
        while let Some(part) = rows.next_samples().unwrap() {
            all.extend(part);
        }
        all
    }

    fn ids(&self, key: Option<&str>) -> Vec<String> {
        self.all(key).into_iter().map(|sample| sample.id).collect()
    }

    fn find(&self, key: Option<&str>, ids: &[&str]) -> Vec<Json> {
        let open = |entry: &Entry| self.open(entry);
        let rows = Rows::new(&self.manifest, Some(&self.profile), key, &open);
        let found = rows.find(&ids.iter().copied().collect()).unwrap();
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        found.into_iter().map(|sample| Json::Object(sample.fields)).collect()
    }
}

const PEOPLE: &str = "id,age,name,member\na-1,30,Ada,true\na-2,,Bob,false\na-3,NA,007,true\n";

#[test]
fn rows_are_called_by_their_key_or_number_and_files_by_their_path() {
    let one = Data::new(&[("people.csv", PEOPLE)]);
    assert_eq!(one.ids(Some("id")), ["a-1", "a-2", "a-3"]);
    assert_eq!(one.ids(None), ["0", "1", "2"]);
    let two = Data::new(&[("a.csv", "x\n1\n2\n"), ("b.jsonl", "{\"x\":3}\n")]);
    assert_eq!(two.ids(None), ["a.csv:0", "a.csv:1", "b.jsonl:0"]);
    assert_eq!(Data::new(&[("b/y.txt", ""), ("a.txt", "z")]).ids(None), ["a.txt", "b/y.txt"]);
}

#[test]
fn a_row_has_values_as_its_columns_are() {
    let data = Data::new(&[("people.csv", PEOPLE)]);
    assert_eq!(
        data.find(Some("id"), &["a-3", "a-1", "nobody"]),
        [
            json!({"id": "a-1", "age": 30, "name": "Ada", "member": true}),
            json!({"id": "a-3", "age": null, "name": "007", "member": true})
        ]
    );
    assert_eq!(data.find(None, &["1"]), [json!({"id": "a-2", "age": null, "name": "Bob", "member": false})]);
}

#[test]
fn json_lines_are_found_as_they_were_written() {
    let text = "{\"key\":7,\"tags\":[\"a\",1],\"x\":0.5}\n{\"key\":8,\"y\":null}\n";
    let data = Data::new(&[("a.jsonl", text)]);
    assert_eq!(data.find(Some("key"), &["7"]), [json!({"key": 7, "tags": ["a", 1], "x": 0.5, "y": null})]);
    assert_eq!(data.find(Some("key"), &["8"]), [json!({"key": 8, "tags": null, "x": null, "y": null})]);
}

#[test]
fn a_file_tells_where_its_content_is() {
    let data = Data::new(&[("cat/1.txt", "miau")]);
    let blob = crate::Hash::of(b"miau").to_string();
    assert_eq!(data.find(None, &["cat/1.txt"]), [json!({"path": "cat/1.txt", "size": 4, "file": {"blob": blob}})]);
}

#[test]
fn many_rows_come_in_parts_and_are_found_in_any_of_them() {
    let text: String = std::iter::once("id\n".to_owned()).chain((0..20_000).map(|at| format!("r{at}\n"))).collect();
    let data = Data::new(&[("a.csv", &text)]);
    assert_eq!(data.ids(Some("id")).len(), 20_000);
    assert_eq!(data.find(Some("id"), &["r19999", "r8192"]), [json!({"id": "r19999"}), json!({"id": "r8192"})]);
}
