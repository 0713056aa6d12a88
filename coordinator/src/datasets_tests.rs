use std::{fs, path::PathBuf, sync::Arc, time::SystemTime};

use hone_data::dataset::{Index, Progress, take};
use hone_studies::{
    BlobId, Command, DatasetId, Now, Reply, State,
    dataset::{DatasetCommand, NewVersion, Snapshot, VersionRef},
};

use super::*;
use crate::{engine::Engine, store::Store};

const NOW: Now = Now { wall: 1_000_000, mono: 0 };

struct Bench {
    folder: tempfile::TempDir,
    store: Store,
    engine: Engine,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("store"), crate::timings::timings()).expect("a store");
        let engine = store.open_engine(NOW).expect("an engine");
        Bench { folder, store, engine }
    }

    fn blobs(&self) -> &BlobStore {
        self.store.blobs()
    }

    /// Uploads a snapshot of a file with this content; all blobs but those that `leave_out` says.
    fn upload(&self, content: &[u8], leave_out: impl Fn(&Hash) -> bool) -> (Hash, Manifest) {
        let data = self.folder.path().join("data");
        fs::create_dir_all(&data).expect("a folder");
        fs::write(data.join("file"), content).expect("a file");
        let taken = take(&data, &mut Index::default(), &Progress::default()).expect("a snapshot");
        for (hash, piece) in taken.pieces.iter().filter(|(hash, _)| !leave_out(hash)) {
            let stored = self.blobs().put(&mut piece.open().expect("a file")).expect("room");
            assert_eq!(stored.hash, *hash);
        }
        let id = self.blobs().put(&mut taken.manifest.to_bytes().as_slice()).expect("room").hash;
        (id, taken.manifest)
    }

    fn command(&mut self, command: DatasetCommand) -> Reply {
        let committed = self.engine.commit(NOW, vec![Command::Dataset(command)]).expect("a commit");
        committed.replies.into_iter().next().expect("a reply").expect("accepted")
    }

    fn add(&mut self, name: &str, id: Hash) {
        let blob = BlobId(*id.as_bytes());
        let snapshot = Snapshot {
            manifest: blob,
            profile: None,
            contract: None,
            digest: blob,
            kind: "files".to_owned(),
            files: 1,
            bytes: 1,
            rows: None,
            key: None,
            source: String::new(),
            note: String::new(),
        };
        self.command(DatasetCommand::Add(Box::new(NewVersion {
            name: name.to_owned(),
            snapshot: Arc::new(snapshot),
            made_from: Vec::new(),
            lineage: None,
            labels: None,
            again: false,
            expected: None,
            asked_by: None,
        })));
    }

    fn state(&self) -> &State {
        &self.engine.core().state
    }

    fn file(&self, hash: &Hash) -> PathBuf {
        self.store.directory().join("blobs").join(&hash.to_string()[..2]).join(hash.to_string())
    }

    /// Makes every blob older than what a sweep spares.
    fn age(&self) {
        for (hash, _) in self.blobs().list().expect("blobs") {
            let file = fs::File::open(self.file(&hash)).expect("a blob");
            file.set_modified(SystemTime::now() - 2 * crate::store::SWEEP_GRACE).expect("a time");
        }
    }

    fn sweep(&self) -> Result<u64, BlobError> {
        self.age();
        self.store.sweep(self.state(), self.engine.spilled()).map(|swept| swept.removed)
    }
}

fn large(seed: u8) -> Vec<u8> {
    let mut bytes = vec![0; 9 << 20];
    blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn a_snapshot_is_held_when_everything_of_it_is_there() {
    let bench = Bench::new();
    let (id, manifest) = bench.upload(&large(1), |_| false);
    let held = hold(bench.blobs(), &id, &[]).expect("it is complete");
    assert_eq!(held.manifest, manifest);
    bench.age();
    assert_eq!(bench.sweep().expect("swept"), 0, "what is held stays, though nothing names it");
    drop(held);
    assert_eq!(bench.sweep().expect("swept"), manifest.blobs().count() as u64 + 1);
}

/// A removal sweeps by a state that does not have the version yet.
#[test]
fn what_was_uploaded_long_ago_outlives_a_sweep_that_began_before_its_version() {
    let mut bench = Bench::new();
    let (id, manifest) = bench.upload(&large(1), |_| false);
    bench.age();
    let (former, spilled) = (bench.state().clone(), bench.engine.spilled().to_vec());
    let held = hold(bench.blobs(), &id, &[]).expect("it is complete");
    bench.add("digits", id);
    drop(held);
    let swept = bench.store.sweep(&former, &spilled).expect("swept");
    assert_eq!((swept.removed, swept.spared), (0, manifest.blobs().count() as u64 + 1));
    assert_eq!(verify(bench.blobs(), &id, &[]).0, Vec::<String>::new());
}

/// Blobs that nothing names yet: their upload is still going on.
#[test]
fn a_sweep_by_another_removal_spares_what_is_being_uploaded() {
    let mut bench = Bench::new();
    let (other, _) = bench.upload(b"another", |_| false);
    bench.add("other", other);
    let (id, _) = bench.upload(&large(1), |_| false);
    bench.command(DatasetCommand::Remove { dataset: DatasetId(1), force: false });
    bench.store.sweep(bench.state(), bench.engine.spilled()).expect("swept");
    hold(bench.blobs(), &id, &[]).expect("everything is there");
}

#[test]
fn a_snapshot_with_a_missing_blob_or_document_is_told_apart_from_a_wrong_one() {
    let bench = Bench::new();
    let (id, manifest) = bench.upload(&large(1), |_| false);
    let missing = *manifest.blobs().nth(1).expect("a second chunk").0;
    fs::remove_file(bench.file(&missing)).expect("removed");
    let of = manifest.blobs().count() + 1;
    let problem = hold(bench.blobs(), &id, &[]).expect_err("a chunk is missing");
    assert!(matches!(problem, SnapshotProblem::Incomplete { missing: 1, of: all, first } if all == of && first == missing));
    let (id, _) = bench.upload(b"x", |_| false);
    let document = Hash::of(b"a profile that nobody has uploaded");
    assert!(matches!(hold(bench.blobs(), &id, &[document]), Err(SnapshotProblem::Incomplete { missing: 1, .. })));
    let gone = Hash::of(b"no manifest");
    assert!(matches!(hold(bench.blobs(), &gone, &[]), Err(SnapshotProblem::Blob(BlobError::Missing { .. }))));
    let none = bench.blobs().put(&mut &b"no manifest either"[..]).expect("room").hash;
    assert!(matches!(hold(bench.blobs(), &none, &[]), Err(SnapshotProblem::Manifest(_))));
    let text = String::from_utf8(bench.upload(b"abc", |_| false).1.to_bytes()).expect("text").replace("\"size\":3", "\"size\":4");
    let wrong = bench.blobs().put(&mut text.as_bytes()).expect("room").hash;
    assert!(matches!(hold(bench.blobs(), &wrong, &[]), Err(SnapshotProblem::Size { found: 3, size: 4, .. })));
}

#[test]
fn a_sweep_follows_manifests_and_takes_only_what_no_version_needs() {
    let mut bench = Bench::new();
    let (one, first) = bench.upload(&large(1), |_| false);
    let mut changed = large(1);
    changed.extend_from_slice(b"more");
    let (two, second) = bench.upload(&changed, |_| false);
    bench.add("digits", one);
    bench.add("digits", two);
    bench.upload(b"nobody's", |_| false);
    assert_eq!(bench.sweep().expect("swept"), 2, "the blob and the manifest that nobody names");
    let findings = name_blobs(bench.blobs(), &bench.state().datasets, &mut BTreeSet::new());
    assert_eq!(findings, Vec::<String>::new());
    let of = VersionRef { dataset: DatasetId(1), version: 1 };
    bench.command(DatasetCommand::RemoveVersion { of, force: true });
    let kept: BTreeSet<Hash> = second.blobs().map(|(hash, _)| *hash).collect();
    let gone = first.blobs().filter(|(hash, _)| !kept.contains(hash)).count() as u64 + 1;
    assert!(gone < first.blobs().count() as u64, "the versions share chunks");
    assert_eq!(bench.sweep().expect("swept"), gone);
    assert_eq!(verify(bench.blobs(), &two, &[]).0, Vec::<String>::new());
}

/// What a damaged manifest named is not known, so nothing may be taken.
#[test]
fn a_damaged_manifest_stops_the_sweep_and_is_named() {
    let mut bench = Bench::new();
    let (one, _) = bench.upload(b"data", |_| false);
    bench.add("digits", one);
    bench.upload(b"nobody's", |_| false);
    let text = fs::read(bench.file(&one)).expect("a manifest");
    fs::write(bench.file(&one), &text[1..]).expect("damaged");
    assert!(matches!(bench.sweep(), Err(BlobError::Mismatch { .. })));
    let findings = name_blobs(bench.blobs(), &bench.state().datasets, &mut BTreeSet::new());
    assert!(findings.len() == 1 && findings[0].contains("`digits@1`"), "{findings:?}");
    let (findings, blobs, _) = verify(bench.blobs(), &one, &[]);
    assert!(findings[0].contains("manifest") && blobs == 1, "{findings:?}");
    assert!(!bench.file(&one).exists(), "it was set aside");
    assert!(matches!(bench.sweep(), Err(BlobError::Missing { .. })));
}

#[test]
fn a_changed_blob_of_a_version_is_named() {
    let bench = Bench::new();
    let (id, manifest) = bench.upload(&large(1), |_| false);
    let (findings, blobs, bytes) = verify(bench.blobs(), &id, &[]);
    assert_eq!((findings, blobs), (Vec::new(), manifest.blobs().count() as u64 + 1));
    assert!(bytes > 9 << 20);
    let chunk = manifest.blobs().next().expect("a chunk").0;
    fs::write(bench.file(chunk), b"other").expect("changed");
    let (findings, _, _) = verify(bench.blobs(), &id, &[]);
    assert!(findings.len() == 1 && findings[0].contains(&chunk.to_string()), "{findings:?}");
    // It was set aside, so whoever has the data is asked for it.
    let problem = hold(bench.blobs(), &id, &[]).expect_err("a chunk is missing");
    assert!(matches!(problem, SnapshotProblem::Incomplete { missing: 1, first, .. } if first == *chunk));
    bench.upload(&large(1), |_| false);
    assert_eq!(verify(bench.blobs(), &id, &[]).0, Vec::<String>::new());
}
