use std::collections::BTreeMap;

use proptest::{collection, prelude::*};

use super::*;

fn entry(path: &str, content: &[u8]) -> Entry {
    let path = RelativePath::parse(path).unwrap();
    Entry { path, size: content.len() as u64, hash: Hash::of(content), executable: false, chunks: Vec::new() }
}

fn large(path: &str, sizes: &[u32]) -> Entry {
    let chunks: Vec<Chunk> = sizes.iter().map(|size| Chunk { hash: Hash::of(&size.to_le_bytes()), size: *size }).collect();
    let size = sizes.iter().map(|size| u64::from(*size)).sum();
    Entry { size, chunks, ..entry(path, b"large") }
}

fn read(text: &[u8]) -> Result<Manifest, ManifestError> {
    Manifest::read(&mut &*text)
}

fn refusal(lines: &[&str]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_manifest_comes_back_from_its_text() {
    let executable = Entry { executable: true, ..entry("run.sh", b"#!") };
    let files = vec![executable, entry("é/\"x\"", b""), large("big", &[4 << 20, 1 << 20]), entry("a", b"a")];
    let manifest = Manifest::new(files).unwrap();
    assert_eq!(read(&manifest.to_bytes()).unwrap(), manifest);
    assert_eq!(manifest.id(), Hash::of(&manifest.to_bytes()));
    assert_eq!(manifest.bytes(), 2 + (5 << 20) + 1);
    assert_eq!(manifest.file("run.sh").map(|file| file.size), Some(2));
    assert_eq!(manifest.file("run"), None);
    assert_eq!(manifest.blobs().count(), 5);
}

/// Kept for ever: the id of a snapshot must not change from build to build.
#[test]
fn the_text_is_that_of_every_build() {
    let manifest = Manifest::new(vec![entry("b", b"x"), Entry { executable: true, ..entry("a", b"") }]).unwrap();
    let text = String::from_utf8(manifest.to_bytes()).unwrap();
    let (empty, x) = (Hash::of(b""), Hash::of(b"x"));
    let lines = [
        "{\"hone_dataset\":1}".to_owned(),
        format!("{{\"path\":\"a\",\"size\":0,\"hash\":\"{empty}\",\"executable\":true}}"),
        format!("{{\"path\":\"b\",\"size\":1,\"hash\":\"{x}\"}}\n"),
    ];
    assert_eq!(text, lines.join("\n"));
    let large = String::from_utf8(Manifest::new(vec![large("c", &[4 << 20, 9])]).unwrap().to_bytes()).unwrap();
    let parts = [4_194_304_u32, 9].map(|size| format!("[\"{}\",{size}]", Hash::of(&size.to_le_bytes())));
    assert!(large.ends_with(&format!("\"chunks\":[{}]}}\n", parts.join(","))), "{large}");
}

#[test]
fn paths_are_there_once_and_no_file_is_a_folder() {
    let wrong = |files: Vec<Entry>| Manifest::new(files).unwrap_err().to_string();
    assert!(wrong(vec![entry("a", b""), entry("a", b"x")]).contains("`a` twice"));
    assert!(wrong(vec![entry("a/b", b""), entry("a.b", b""), entry("a", b"x")]).contains("`a/b` below the file `a`"));
    assert!(wrong(Vec::new()).contains("no files"));
    assert!(Manifest::new(vec![entry("a.b", b""), entry("a/b", b""), entry("ab", b"x")]).is_ok());
}

#[test]
fn text_that_is_not_canonical_is_refused_with_its_line() {
    let hash = Hash::of(b"").to_string();
    let file = |path: &str| format!("{{\"path\":\"{path}\",\"size\":0,\"hash\":\"{hash}\"}}");
    let head = "{\"hone_dataset\":1}";
    assert!(refusal(&["{\"hone_dataset\":2}", &file("a")]).contains("upgrade hone"));
    assert!(refusal(&["{}", &file("a")]).starts_with("line 1"));
    assert!(refusal(&[head]).contains("no files"));
    assert!(refusal(&[head, &file("b"), &file("a")]).contains("line 3"));
    assert!(refusal(&[head, &file("a").replace(':', ": ")]).contains("not written as it should be"));
    assert!(refusal(&[head, &file("../a")]).contains("`..`"));
    assert!(refusal(&[head, &file("a").replace("\"size\":0", "\"size\":4194305")]).contains("one blob"));
    assert!(refusal(&[head, &file("a").replace('}', ",\"mode\":1}")]).contains("line 2"));
    let chunk = format!(",\"chunks\":[[\"{hash}\",3]]}}");
    let sized = file("a").replace("\"size\":0", "\"size\":4194305").replace('}', &chunk);
    assert!(refusal(&[head, &sized]).contains("its chunks have 3"));
}

proptest! {
    #[test]
    fn order_of_the_files_does_not_matter(files in collection::btree_map("[a-c]{1,3}(\\.[a-c]|/[a-c]{1,2})?", any::<u8>(), 1..12)) {
        let files: BTreeMap<String, u8> = files;
        let entries: Vec<Entry> = files.iter().map(|(path, byte)| entry(path, &[*byte])).collect();
        let mut reversed = entries.clone();
        reversed.reverse();
        match (Manifest::new(entries), Manifest::new(reversed)) {
            (Ok(one), Ok(other)) => {
                prop_assert_eq!(one.id(), other.id());
                prop_assert_eq!(read(&one.to_bytes()).unwrap(), one);
            }
            (one, other) => prop_assert!(one.is_err() && other.is_err()),
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\{\"hone_dataset\":1\\}\n)?[\\[\\]{}\":,0-9a-f/\n]{0,200}") {
        let _ = read(text.as_bytes());
    }
}
