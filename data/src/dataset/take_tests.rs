use std::time::{Duration, SystemTime};

use super::super::chunks::tests::noise;
use super::*;

fn write(dir: &Path, path: &str, content: &[u8]) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn taken(root: &Path) -> Taken {
    take(root, &mut Index::default(), &Progress::default()).unwrap()
}

#[test]
fn the_same_files_are_the_same_snapshot_wherever_they_lie() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (path, content) in [("b/2", "x"), ("a", "y")] {
        write(one.path(), path, content.as_bytes());
    }
    for (path, content) in [("a", "y"), ("b/2", "x")] {
        write(other.path(), path, content.as_bytes());
    }
    assert_eq!(taken(one.path()).manifest.id(), taken(other.path()).manifest.id());
    write(other.path(), "a", b"z");
    assert_ne!(taken(one.path()).manifest.id(), taken(other.path()).manifest.id());
}

#[test]
fn every_blob_lies_where_its_piece_says() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "small", b"x");
    write(dir.path(), "same", b"x");
    write(dir.path(), "big", &noise(1, 9 << 20));
    let Taken { manifest, pieces, bytes_read, .. } = taken(dir.path());
    assert_eq!(bytes_read, (9 << 20) + 2);
    for (hash, size) in manifest.blobs() {
        let mut content = pieces[hash].open().unwrap();
        assert_eq!(Hash::of_reader(&mut content).unwrap(), (*hash, size));
    }
    assert_eq!(pieces.len(), manifest.blobs().count() - 1, "what two files share is one blob");
}

/// Gives a file a time at which it is remembered.
fn age(path: &Path) {
    let old = SystemTime::now() - Duration::from_secs(3_600);
    File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for name in ["a", "b"] {
        write(dir.path(), name, name.as_bytes());
        age(&dir.path().join(name));
    }
    let run = |settle: bool| {
        let mut index = Index::open(cache.path(), dir.path());
        let taken = take(dir.path(), &mut index, &Progress::default()).unwrap();
        if settle {
            // The time of the last change cannot be set back, so the clock is set forward.
            for found in tree::list(dir.path()).unwrap() {
                let read = read_file(&found).unwrap();
                index.put(found.path.as_str(), found.stamp, read, index::now() + 10_000_000_000);
            }
        }
        index.save().unwrap();
        taken
    };
    let first = run(true);
    assert_eq!(first.bytes_read, 2);
    let second = run(true);
    assert_eq!((second.bytes_read, &second.manifest), (0, &first.manifest));
    write(dir.path(), "b", b"c");
    let third = run(false);
    assert_eq!(third.bytes_read, 1);
    assert_ne!(third.manifest.id(), first.manifest.id());
    assert_eq!(third.manifest.file("b").unwrap().hash, Hash::of(b"c"));
}

#[test]
fn progress_counts_what_is_known_too() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", b"abc");
    let progress = Progress::default();
    take(dir.path(), &mut Index::default(), &progress).unwrap();
    assert_eq!((progress.bytes.into_inner(), progress.done.into_inner()), (3, 3));
}
