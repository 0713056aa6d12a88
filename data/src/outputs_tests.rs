use super::*;
use std::os::unix::fs::symlink;

fn store(dir: &tempfile::TempDir) -> BlobStore {
    BlobStore::open(&dir.path().join("blobs"), 1 << 20).unwrap()
}

/// A folder `out` with these files.
fn outputs(files: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    fs::create_dir(&out).unwrap();
    for (name, content) in files {
        let path = out.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    (dir, out)
}

fn names(entries: &[FileEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.path.as_str()).collect()
}

fn entry(path: &str, content: &[u8]) -> FileEntry {
    FileEntry { path: RelativePath::parse(path).unwrap(), hash: Hash::of(content), size: content.len() as u64, executable: false }
}

#[test]
fn files_come_back_as_they_were() {
    let (dir, out) = outputs(&[("model.bin", &[5; 100_000]), ("logs/a.txt", b"log"), ("empty", b"")]);
    fs::set_permissions(out.join("model.bin"), fs::Permissions::from_mode(0o755)).unwrap();
    let store = store(&dir);
    let (entries, skipped) = collect(&out, 1 << 20, &mut &store).unwrap();
    assert_eq!(names(&entries), ["empty", "logs/a.txt", "model.bin"]);
    assert!(skipped.is_empty());
    let target = dir.path().join("target");
    materialise(&entries, &target, &mut &store).unwrap();
    let (again, _) = collect(&target, 1 << 20, &mut &store).unwrap();
    assert_eq!(again, entries);
    assert_eq!(fs::read(target.join("logs/a.txt")).unwrap(), b"log");
}

#[test]
fn a_file_over_the_limit_is_left_out_and_smaller_ones_are_not() {
    let (dir, out) = outputs(&[("a", &[1; 60]), ("b", &[2; 60]), ("c", &[3; 40])]);
    let (entries, skipped) = collect(&out, 100, &mut &store(&dir)).unwrap();
    assert_eq!(names(&entries), ["a", "c"]);
    let left_out = Skipped { path: "b".into(), size: 60, reason: SkipReason::OverLimit };
    assert_eq!(skipped, [left_out]);
}

#[test]
fn links_count_as_their_files_when_these_are_inside() {
    let (dir, out) = outputs(&[("epoch3.ckpt", b"weights")]);
    symlink("epoch3.ckpt", out.join("best.ckpt")).unwrap();
    symlink("/etc/hostname", out.join("outside")).unwrap();
    symlink("missing", out.join("dangling")).unwrap();
    let (entries, skipped) = collect(&out, 100, &mut &store(&dir)).unwrap();
    assert_eq!(names(&entries), ["best.ckpt", "epoch3.ckpt"]);
    assert_eq!(entries[0].hash, entries[1].hash);
    assert!(skipped.iter().all(|skip| skip.reason == SkipReason::Link));
    assert_eq!(skipped.len(), 2);
}

#[test]
fn special_files_and_strange_names_are_left_out_by_name() {
    use std::os::unix::ffi::OsStrExt;
    let (dir, out) = outputs(&[("fine", b"x")]);
    let strange = std::ffi::OsStr::from_bytes(b"\xff");
    fs::write(out.join(strange), b"x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(out.join("socket")).unwrap();
    let (entries, skipped) = collect(&out, 100, &mut &store(&dir)).unwrap();
    assert_eq!(names(&entries), ["fine"]);
    let reasons: Vec<_> = skipped.iter().map(|skip| skip.reason).collect();
    assert_eq!(reasons, [SkipReason::Special, SkipReason::Name]);
}

#[test]
fn a_missing_folder_has_no_files() {
    let (dir, _) = outputs(&[]);
    let (entries, skipped) = collect(&dir.path().join("none"), 1, &mut &store(&dir)).unwrap();
    assert!(entries.is_empty() && skipped.is_empty());
}

#[test]
fn content_that_is_not_what_was_recorded_leaves_nothing() {
    struct Liar;
    impl BlobSource for Liar {
        fn open_blob(&mut self, _: &Hash) -> Result<Box<dyn Read + '_>, BlobError> {
            Ok(Box::new(&b"12345"[..]))
        }
    }
    let (dir, _) = outputs(&[]);
    let target = dir.path().join("target");
    for recorded in [&b"1234"[..], b"123456", b"54321"] {
        let error = materialise(&[entry("x", recorded)], &target, &mut Liar).unwrap_err();
        assert!(matches!(error, OutputError::Mismatch { .. }), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
    materialise(&[entry("x", b"12345")], &target, &mut Liar).unwrap();
    let error = materialise(&[entry("y", b"12345")], &target, &mut Liar).unwrap_err();
    assert!(matches!(error, OutputError::Exists { .. }));
}

#[test]
fn entries_that_want_the_same_place_are_refused() {
    let (dir, _) = outputs(&[]);
    let store = store(&dir);
    store.put(&mut &b"x"[..]).unwrap();
    for paths in [["a", "a"], ["a", "a/b"], ["a/b", "a"]] {
        let entries = paths.map(|path| entry(path, b"x"));
        let error = materialise(&entries, &dir.path().join("target"), &mut &store).unwrap_err();
        assert!(matches!(error, OutputError::Twice { .. }), "{paths:?}: {error}");
    }
}

#[test]
fn a_missing_blob_is_named() {
    let (dir, _) = outputs(&[]);
    let gone = entry("x", b"gone");
    let error = materialise(std::slice::from_ref(&gone), &dir.path().join("t"), &mut &store(&dir)).unwrap_err();
    assert!(matches!(error, OutputError::Blob(BlobError::Missing { hash }) if hash == gone.hash));
}
