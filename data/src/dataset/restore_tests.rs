use std::os::unix::fs::PermissionsExt as _;

use super::super::chunks::tests::noise;
use super::super::{Index, Progress, take};
use super::*;
use crate::blobs::BlobStore;

struct Fixture {
    dir: tempfile::TempDir,
    store: BlobStore,
    manifest: Manifest,
}

/// A snapshot with a large file, two files with one content, and a program; its blobs are in the store.
fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir_all(data.join("sub")).unwrap();
    fs::write(data.join("sub/big"), noise(1, 6 << 20)).unwrap();
    fs::write(data.join("one"), "same").unwrap();
    fs::write(data.join("two"), "same").unwrap();
    fs::write(data.join("run"), "#!").unwrap();
    fs::set_permissions(data.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    let store = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
    let taken = take(&data, &mut Index::default(), &Progress::default()).unwrap();
    for piece in taken.pieces.values() {
        store.put(&mut piece.open().unwrap()).unwrap();
    }
    Fixture { dir, store, manifest: taken.manifest }
}

#[test]
fn what_is_put_back_is_what_was_taken() {
    let Fixture { dir, store, manifest } = fixture();
    let (target, mut written) = (dir.path().join("back"), 0);
    restore(&manifest, &target, &mut &store, &mut |bytes| written += bytes).unwrap();
    assert_eq!(written, manifest.bytes());
    assert_eq!(take(&target, &mut Index::default(), &Progress::default()).unwrap().manifest, manifest);
    assert_eq!(verify(&manifest, &target).unwrap(), Vec::<String>::new());
    let error = restore(&manifest, &target, &mut &store, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DatasetError::Exists { .. }), "{error:?}");
}

#[test]
fn changed_and_missing_files_are_named() {
    let Fixture { dir, store, manifest } = fixture();
    let target = dir.path().join("back");
    restore(&manifest, &target, &mut &store, &mut |_| {}).unwrap();
    fs::write(target.join("one"), "sane").unwrap();
    fs::remove_file(target.join("two")).unwrap();
    assert_eq!(verify(&manifest, &target).unwrap(), ["`one` has changed", "`two` is missing"]);
}

#[test]
fn a_damaged_or_missing_blob_leaves_nothing_behind() {
    let Fixture { dir, store, manifest } = fixture();
    let hash = manifest.file("sub/big").unwrap().chunks[1].hash;
    let blob = dir.path().join("blobs").join(&hash.to_string()[..2]).join(hash.to_string());
    let content = fs::read(&blob).unwrap();
    let target = dir.path().join("back");
    fs::write(&blob, &content[1..]).unwrap();
    let error = restore(&manifest, &target, &mut &store, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DatasetError::Blob(BlobError::Mismatch { .. })), "{error:?}");
    fs::remove_file(&blob).unwrap();
    let error = restore(&manifest, &target, &mut &store, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DatasetError::Blob(BlobError::Missing { .. })), "{error:?}");
    assert!(!target.exists());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "a half-made folder is left");
}

/// A manifest whose chunks are swapped has the right blobs and the wrong file.
#[test]
fn chunks_in_another_order_are_found() {
    let Fixture { dir, store, manifest } = fixture();
    let mut files = manifest.files().to_vec();
    let big = files.iter_mut().find(|entry| !entry.chunks.is_empty()).unwrap();
    big.chunks.swap(0, 1);
    let swapped = Manifest::new(files).unwrap();
    let error = restore(&swapped, &dir.path().join("back"), &mut &store, &mut |_| {}).unwrap_err();
    assert!(matches!(error, DatasetError::Mismatch { .. }), "{error:?}");
}
