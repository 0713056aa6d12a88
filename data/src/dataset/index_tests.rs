use super::*;

fn stamp(modified: i128) -> Stamp {
    Stamp { size: 3, modified, changed: modified, inode: (1, 2) }
}

fn read_of(text: &str) -> Read {
    Read { hash: Hash::of(text.as_bytes()), chunks: vec![Chunk { hash: Hash::of(b"c"), size: 7 }] }
}

const LATER: i128 = 100 + 2 * SETTLED;

#[test]
fn what_was_read_is_known_as_long_as_nothing_changed() {
    let (folder, root) = (tempfile::tempdir().unwrap(), Path::new("/data"));
    let mut index = Index::open(folder.path(), root);
    index.put("a", stamp(100), read_of("a"), LATER);
    index.save().unwrap();
    let again = Index::open(folder.path(), root);
    assert_eq!(again.get("a", &stamp(100)), Some(&read_of("a")));
    for changed in [stamp(101), Stamp { size: 4, ..stamp(100) }, Stamp { inode: (1, 3), ..stamp(100) }] {
        assert_eq!(again.get("a", &changed), None);
    }
    assert_eq!(again.get("b", &stamp(100)), None);
    assert_eq!(Index::open(folder.path(), Path::new("/other")).get("a", &stamp(100)), None);
}

/// A file that is written twice within one tick of the clock has the same stamp both times.
#[test]
fn a_file_that_has_just_changed_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), Path::new("/data"));
    index.put("young", stamp(LATER - SETTLED + 1), read_of("a"), LATER);
    index.put("old", stamp(LATER - SETTLED), read_of("a"), LATER);
    index.save().unwrap();
    let again = Index::open(folder.path(), Path::new("/data"));
    assert_eq!(again.known.keys().collect::<Vec<_>>(), ["old"]);
}

#[test]
fn files_that_are_gone_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), Path::new("/data"));
    index.put("a", stamp(1), read_of("a"), LATER);
    index.put("b", stamp(1), read_of("b"), LATER);
    index.save().unwrap();
    let mut again = Index::open(folder.path(), Path::new("/data"));
    again.put("b", stamp(1), read_of("b"), LATER);
    again.save().unwrap();
    assert_eq!(Index::open(folder.path(), Path::new("/data")).known.len(), 1);
}

#[test]
fn a_damaged_index_is_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(folder.path(), Path::new("/data"));
    index.put("a", stamp(1), read_of("a"), LATER);
    index.save().unwrap();
    let file = fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    for text in ["", "rubbish", "{\"hone_index\":99,\"root\":\"/data\"}\n"] {
        fs::write(&file, text).unwrap();
        assert!(Index::open(folder.path(), Path::new("/data")).known.is_empty(), "{text}");
    }
}
