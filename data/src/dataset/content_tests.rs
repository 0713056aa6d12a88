use std::fs;

use super::super::chunks::tests::noise;
use super::super::{Index, Progress, take};
use super::*;

#[test]
fn a_file_reads_the_same_from_its_place_and_from_the_blobs_of_its_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (path, bytes) = (dir.path().join("big"), noise(5, 9 << 20));
    fs::write(&path, &bytes).unwrap();
    let blobs = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
    let taken = take(&path, &mut Index::default(), &Progress::default()).unwrap();
    for piece in taken.pieces.values() {
        blobs.put(&mut piece.open().unwrap()).unwrap();
    }
    let entry = &taken.manifest.files()[0];
    for content in [Content::of_file(&path).unwrap(), Content::of_entry(entry, &blobs)] {
        assert_eq!(content.size(), bytes.len() as u64);
        let mut all = Vec::new();
        content.reader().read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        // Over the border of two chunks.
        let at = u64::from(entry.chunks[0].size) - 10;
        let mut some = [0; 20];
        content.read_exact_at(&mut some, at).unwrap();
        assert_eq!(some[..], bytes[at as usize..at as usize + 20]);
        assert_eq!(content.read_at(&mut some, bytes.len() as u64).unwrap(), 0);
        assert!(content.read_exact_at(&mut some, bytes.len() as u64 - 5).is_err());
    }
}

#[test]
fn a_missing_blob_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = BlobStore::open(&dir.path().join("blobs"), 1 << 30).unwrap();
    let path = crate::path::RelativePath::parse("a").unwrap();
    let entry = Entry { path, size: 3, hash: Hash::of(b"abc"), executable: false, chunks: Vec::new() };
    let error = Content::of_entry(&entry, &blobs).read_at(&mut [0; 3], 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
