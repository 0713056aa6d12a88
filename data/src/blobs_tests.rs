use std::process::Command;

use super::*;

const NO_GRACE: Duration = Duration::ZERO;
const HOUR: Duration = Duration::from_secs(3600);

fn store() -> (tempfile::TempDir, BlobStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = BlobStore::open(&dir.path().join("blobs"), 1 << 20).unwrap();
    (dir, store)
}

fn put(store: &BlobStore, content: &[u8]) -> Hash {
    store.put(&mut &*content).unwrap().hash
}

fn nothing_reachable(_: &Hash) -> bool {
    false
}

fn uploads(store: &BlobStore) -> usize {
    fs::read_dir(store.uploads()).unwrap().count()
}

#[test]
fn a_blob_comes_back_under_the_hash_of_its_content() {
    let (_dir, store) = store();
    for content in [&b""[..], b"x", &[7; 300_000]] {
        let stored = store.put(&mut &*content).unwrap();
        assert_eq!((stored.hash, stored.size, stored.new), (Hash::of(content), content.len() as u64, true));
        assert_eq!(store.get(&stored.hash).unwrap(), content);
        assert_eq!(store.size(&stored.hash).unwrap(), content.len() as u64);
        let mut read = Vec::new();
        store.open_blob(&stored.hash).unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
    }
    assert_eq!(store.usage().unwrap(), BlobUsage { count: 3, bytes: 300_001 });
    assert_eq!(uploads(&store), 0);
}

#[test]
fn the_same_content_is_stored_once() {
    let (_dir, store) = store();
    assert!(store.put(&mut &b"x"[..]).unwrap().new);
    assert!(!store.put(&mut &b"x"[..]).unwrap().new);
    assert_eq!(store.usage().unwrap().count, 1);
}

#[test]
fn the_missing_ones_are_named() {
    let (_dir, store) = store();
    let known = put(&store, b"known");
    let unknown = Hash::of(b"unknown");
    assert_eq!(store.missing(&[known, unknown]), [unknown]);
    assert!(store.contains(&known) && !store.contains(&unknown));
    assert!(matches!(store.get(&unknown), Err(BlobError::Missing { hash }) if hash == unknown));
    assert!(matches!(store.size(&unknown), Err(BlobError::Missing { .. })));
}

#[test]
fn content_over_the_limit_is_refused_and_leaves_nothing() {
    let (_dir, store) = store();
    let exact = vec![1; 1 << 20];
    put(&store, &exact);
    let error = store.put(&mut &*[exact, vec![1]].concat()).unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { limit } if limit == 1 << 20));
    assert_eq!((uploads(&store), store.usage().unwrap().count), (0, 1));
}

#[test]
fn content_that_is_not_what_was_announced_leaves_nothing() {
    let (_dir, store) = store();
    let mut writer = store.writer().unwrap();
    writer.write(b"other").unwrap();
    let announced = Hash::of(b"announced");
    assert!(matches!(writer.finish_as(&announced), Err(BlobError::Mismatch { hash, .. }) if hash == announced));
    assert_eq!((uploads(&store), store.usage().unwrap().count), (0, 0));
}

#[test]
fn an_upload_that_breaks_off_leaves_nothing() {
    let (_dir, store) = store();
    let mut writer = store.writer().unwrap();
    writer.write(b"half").unwrap();
    assert_eq!(uploads(&store), 1);
    drop(writer);
    assert_eq!(uploads(&store), 0);
}

#[test]
fn a_sweep_removes_what_nothing_reaches() {
    let (_dir, store) = store();
    let (kept, gone) = (put(&store, b"kept"), put(&store, b"gone"));
    let swept = store.sweep(&|hash| *hash == kept, NO_GRACE).unwrap();
    assert_eq!(swept, Swept { removed: 1, removed_bytes: 4, spared: 0 });
    assert!(store.contains(&kept) && !store.contains(&gone));
}

#[test]
fn a_sweep_spares_the_young() {
    let (_dir, store) = store();
    let (young, old) = (put(&store, b"young"), put(&store, b"old"));
    for hash in [young, old] {
        let file = File::open(store.file(&hash)).unwrap();
        file.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    }
    assert!(store.missing(&[young]).is_empty());
    let swept = store.sweep(&nothing_reachable, HOUR).unwrap();
    assert_eq!((swept.removed, swept.spared), (1, 1));
    assert!(store.contains(&young) && !store.contains(&old));
}

#[test]
fn a_sweep_spares_the_pinned_until_the_last_pin_is_gone() {
    let (_dir, store) = store();
    let stored = store.put(&mut &b"x"[..]).unwrap();
    let second = store.clone().pin(&stored.hash);
    assert_eq!(store.sweep(&nothing_reachable, NO_GRACE).unwrap().spared, 1);
    drop(stored.pin);
    assert_eq!(store.sweep(&nothing_reachable, NO_GRACE).unwrap().spared, 1);
    drop(second);
    assert_eq!(store.sweep(&nothing_reachable, NO_GRACE).unwrap().removed, 1);
}

#[test]
fn a_sweep_removes_what_a_killed_upload_left() {
    let (_dir, store) = store();
    fs::write(store.uploads().join(".hone-tmp-dead"), b"half").unwrap();
    store.sweep(&nothing_reachable, HOUR).unwrap();
    assert_eq!(uploads(&store), 1);
    store.sweep(&nothing_reachable, NO_GRACE).unwrap();
    assert_eq!(uploads(&store), 0);
}

#[test]
fn changed_bytes_are_found() {
    let (_dir, store) = store();
    let (good, bad) = (put(&store, b"good"), put(&store, b"bad"));
    fs::write(store.file(&bad), b"bat").unwrap();
    assert_eq!(store.verify_all().unwrap(), [bad]);
    assert!(store.verify(&good).is_ok());
    assert!(matches!(store.get(&bad), Err(BlobError::Mismatch { .. })));
}

/// Runs `test` below a file system of one megabyte; nothing when mounting is not allowed.
fn on_small_disk(test: impl FnOnce(&Path)) -> Option<()> {
    let dir = tempfile::tempdir().unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path()).output();
    mount.is_ok_and(|output| output.status.success()).then_some(())?;
    test(dir.path());
    assert!(Command::new("umount").arg("-l").arg(dir.path()).status().unwrap().success());
    Some(())
}

/// The same error where no file system can be mounted.
fn on_full_device() {
    let mut full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = full.write_all(b"x").unwrap_err();
    assert!(matches!(BlobError::from_io("writing", Path::new("blobs"), error), BlobError::Full { .. }));
}

#[test]
fn a_full_disk_is_named_and_leaves_no_half_blob() {
    on_full_device();
    on_small_disk(|dir| {
        let store = BlobStore::open(&dir.join("blobs"), 1 << 30).unwrap();
        let small = put(&store, &[1; 100_000]);
        let error = store.put(&mut &*vec![2; 2 << 20]).unwrap_err();
        assert!(matches!(error, BlobError::Full { .. }), "{error}");
        assert_eq!((uploads(&store), store.usage().unwrap().count), (0, 1));
        assert!(store.verify(&small).is_ok());
        put(&store, &[3; 100_000]);
    });
}

#[test]
fn a_damaged_blob_that_is_set_aside_is_missing_and_can_be_put_again() {
    let (_dir, store) = store();
    let hash = put(&store, b"content");
    assert!(!store.set_aside(&hash).unwrap(), "it is sound");
    fs::write(store.file(&hash), b"other").unwrap();
    assert!(store.set_aside(&hash).unwrap());
    assert_eq!(store.missing(&[hash]), [hash]);
    assert_eq!(store.usage().unwrap(), BlobUsage::default());
    assert!(matches!(store.set_aside(&hash), Err(BlobError::Missing { .. })));
    assert_eq!(put(&store, b"content"), hash);
    store.verify(&hash).unwrap();
    store.sweep(&|_| true, NO_GRACE).unwrap();
    assert_eq!(fs::read(store.uploads().join(format!("damaged-{hash}"))).unwrap(), b"other");
}
