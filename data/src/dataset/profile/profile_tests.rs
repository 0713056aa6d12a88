use std::{fs, path::Path};

use super::super::{Index, Progress, take};
use super::*;

struct Data {
    dir: tempfile::TempDir,
}

impl Data {
    fn new(files: &[(&str, &str)]) -> Data {
        let data = Data { dir: tempfile::tempdir().unwrap() };
        files.iter().for_each(|(path, text)| data.write(path, text));
        data
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn manifest(&self) -> Manifest {
        take(self.dir.path(), &mut Index::default(), &Progress::default()).unwrap().manifest
    }

    fn profile(&self, wanted: Wanted<'_>) -> Result<Profile, ProfileError> {
        let root: &Path = self.dir.path();
        Profile::of(&self.manifest(), &|entry| Content::of_file(&entry.path.below(root)), wanted)
    }

    fn plain(&self) -> Profile {
        self.profile(Wanted::default()).unwrap()
    }

    fn keyed(&self, key: &str) -> Result<Profile, ProfileError> {
        self.profile(Wanted { key: Some(key), ..Wanted::default() })
    }

    fn sameness(&self) -> Hash {
        self.plain().sameness(&self.manifest())
    }
}

#[test]
fn a_table_has_its_schema_rows_and_statistics() {
    let profile = Data::new(&[("a.csv", "id,x,name\n1,0.5,a\n2,,b\n3,1.5,b\n")]).plain();
    assert_eq!((profile.kind.as_str(), profile.rows()), ("table", Some(3)));
    let table = &profile.tables[0];
    let columns: Vec<_> = table.columns.iter().map(|column| (column.name.as_str(), column.kind, column.missing)).collect();
    assert_eq!(columns, [("id", ColumnType::Int, 0), ("x", ColumnType::Float, 1), ("name", ColumnType::Text, 0)]);
    let numbers = table.columns[0].numbers.as_ref().unwrap();
    assert_eq!((numbers.mean, numbers.quantiles.len()), (2.0, 101));
    assert_eq!(Profile::parse(&profile.to_bytes()), Ok(profile));
    assert!(Profile::parse(b"{\"hone_profile\":9,\"kind\":\"x\"}").unwrap_err().contains("upgrade hone"));
}

#[test]
fn the_order_of_rows_and_columns_makes_no_other_data_and_a_moved_row_does() {
    let one = Data::new(&[("train.csv", "a,b\n1,x\n2,y\n"), ("test.csv", "a,b\n3,z\n"), ("readme", "r")]);
    let same = Data::new(&[("train.csv", "b,a\ny,2\nx,1\n"), ("test.csv", "a,b\n3,z\n"), ("readme", "r")]);
    assert_ne!(one.manifest().id(), same.manifest().id());
    assert_eq!(one.sameness(), same.sameness());
    for (path, text) in [("test.csv", "a,b\n2,y\n"), ("train.csv", "a,b\n1,x\n"), ("readme", "s"), ("other", "")] {
        let other = Data::new(&[("train.csv", "a,b\n1,x\n2,y\n"), ("test.csv", "a,b\n3,z\n"), ("readme", "r")]);
        other.write(path, text);
        assert_ne!(one.sameness(), other.sameness(), "{path}");
    }
    let moved = Data::new(&[("train.csv", "a,b\n1,x\n"), ("test.csv", "a,b\n3,z\n2,y\n"), ("readme", "r")]);
    assert_ne!(one.sameness(), moved.sameness());
}

#[test]
fn json_lines_and_many_parts_add_up() {
    let rows: String = (0..20_000).map(|at| format!("{{\"id\":{at},\"half\":{}}}\n", f64::from(at) / 2.0)).collect();
    let late = format!("{rows}{{\"id\":20000,\"late\":true}}\n");
    let profile = Data::new(&[("a.jsonl", &late)]).plain();
    let table = &profile.tables[0];
    assert_eq!(table.rows, 20_001);
    let column = |name: &str| table.columns.iter().find(|column| column.name == name).unwrap();
    assert_eq!((column("late").missing, column("late").count, column("late").kind), (20_000, 1, ColumnType::Bool));
    assert_eq!((column("half").missing, column("id").missing), (1, 0));
    let id = column("id").numbers.as_ref().unwrap();
    assert!((id.mean - 10_000.0).abs() < 1e-9 && !id.quantiles_exact);
    assert!((column("id").distinct as f64 / 20_001.0 - 1.0).abs() < 0.02);
}

#[test]
fn pictures_are_told_from_other_files() {
    let png = |width: u8| format!("\u{89}PNG{width}");
    let data = Data::new(&[("cat/a.png", &png(1)), ("notes.txt", "x")]);
    let profile = data.plain();
    assert_eq!((profile.kind.as_str(), profile.images.as_ref().map(|images| images.unreadable_count)), ("files", Some(1)));
    assert_eq!(Data::new(&[("notes.txt", "x")]).plain().images, None);
}

#[test]
fn what_is_no_table_is_noted_or_refused() {
    let data = Data::new(&[("good.csv", "a\n1\n"), ("bad.csv", "a,b\n1\n")]);
    let profile = data.plain();
    assert_eq!((profile.tables.len(), profile.problems[0].0.as_str(), profile.kind.as_str()), (1, "bad.csv", "files"));
    let error = data.profile(Wanted { strict: true, ..Wanted::default() }).unwrap_err();
    assert!(error.to_string().starts_with("`bad.csv`: row 1"), "{error}");
}

#[test]
fn a_key_names_every_row_once() {
    assert!(Data::new(&[("a.csv", "id,x\n1,a\n2,b\n"), ("b.csv", "id,x\n3,c\n")]).keyed("id").is_ok());
    let refusal = |files: &[(&str, &str)], key: &str| Data::new(files).keyed(key).unwrap_err().to_string();
    assert_eq!(refusal(&[("a.csv", "id,x\n1,a\n")], "key"), "`a.csv` has no column `key`; it has `id`, `x`");
    assert_eq!(refusal(&[("a.csv", "id,x\n1,a\n,b\n")], "id"), "row 2 of `a.csv` has nothing in `id`, which should name it");
    assert_eq!(
        refusal(&[("a.csv", "id\n1\n2\n"), ("b.jsonl", "{\"id\":2}\n")], "id"),
        "`2` in `id` names several rows: row 2 of `a.csv`, row 1 of `b.jsonl`"
    );
    assert!(refusal(&[("a.txt", "")], "id").contains("no column `id`"));
}

#[test]
fn whoever_looks_sees_every_row_in_order() {
    let data = Data::new(&[("a.csv", "id\n1\n2\n"), ("b.csv", "id\n3\n")]);
    let mut seen = Vec::new();
    let mut look = |path: &str, batch: &Batch| seen.push((path.to_owned(), batch.first, batch.rows.len()));
    data.profile(Wanted { look: Some(&mut look), ..Wanted::default() }).unwrap();
    assert_eq!(seen, [("a.csv".to_owned(), 0, 2), ("b.csv".to_owned(), 0, 1)]);
}
