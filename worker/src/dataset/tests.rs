use super::*;

#[tokio::test]
async fn a_version_that_is_being_fetched_is_in_use_also_when_nobody_waits_for_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let datasets = Datasets::open(&dir.path().join("datasets"), 1 << 30).expect("a shelf");
    // No coordinator ever comes, so the fetch goes on until the test ends.
    let (_connection, nobody) = watch::channel(None);
    let blobs = Blobs::open(&dir.path().join("cache"), nobody).expect("a cache");
    let id = Hash::of(b"a manifest");
    let (progress, in_use) = datasets.fetch(&blobs, id);
    drop((progress, in_use));
    let fetches = datasets.shared.fetches.lock().expect("nobody panicked");
    assert!(Arc::strong_count(&fetches[&id].in_use) > 1);
}
