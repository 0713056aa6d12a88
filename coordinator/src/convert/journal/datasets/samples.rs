//! One event about datasets of every kind and every shape that a kind can have.

use std::sync::Arc;

use hone_studies::{
    BlobId, DatasetId, Event, RequestId, StudyId,
    dataset::{DatasetEvent, DatasetUse, Reference, Snapshot, VersionRef},
};

const AT: i64 = 1_700_000_000_000_002;

pub(in super::super) fn samples() -> Vec<(&'static str, Event)> {
    let of = VersionRef { dataset: DatasetId(4), version: 2 };
    let by = Reference::new("model", "digits@1");
    let uses = vec![
        DatasetUse { alias: "train".to_owned(), of, label: "digits@2".to_owned(), manifest: BlobId([1; 32]) },
        DatasetUse { alias: String::new(), of, label: String::new(), manifest: BlobId([0; 32]) },
    ];
    let events = vec![
        ("dataset.added", full(of)),
        ("dataset.added.bare", bare()),
        ("dataset.pinned", DatasetEvent::Pinned { of, at: AT, by: by.clone() }),
        ("dataset.released", DatasetEvent::Released { of, at: AT, by: by.clone() }),
        ("dataset.marked", DatasetEvent::Marked { of, at: AT, by, reason: "an answer was withdrawn".to_owned() }),
        ("dataset.version_removed", DatasetEvent::VersionRemoved { of, at: AT }),
        ("dataset.removed", DatasetEvent::Removed { dataset: DatasetId(4), at: AT }),
        ("dataset.used", DatasetEvent::Used { study: StudyId(3), at: AT, uses }),
    ];
    events.into_iter().map(|(name, event)| (name, Event::Dataset(Box::new(event)))).collect()
}

fn full(of: VersionRef) -> DatasetEvent {
    let snapshot = Snapshot {
        manifest: BlobId([1; 32]),
        profile: Some(BlobId([2; 32])),
        contract: Some(BlobId([3; 32])),
        digest: BlobId([4; 32]),
        kind: "table".to_owned(),
        files: 1,
        bytes: 1 << 40,
        rows: Some(0),
        key: Some("id".to_owned()),
        source: "digits.csv".to_owned(),
        note: "the first half".to_owned(),
    };
    DatasetEvent::Added {
        dataset: DatasetId(4),
        at: AT,
        name: "digits".to_owned(),
        version: 3,
        snapshot: Arc::new(snapshot),
        parent: Some(2),
        made_from: vec![of, VersionRef { dataset: DatasetId(1), version: 9 }],
        lineage: Some(BlobId([5; 32])),
        asked_by: Some(RequestId([6; 16])),
    }
}

fn bare() -> DatasetEvent {
    let snapshot = Snapshot {
        manifest: BlobId([1; 32]),
        profile: None,
        contract: None,
        digest: BlobId([1; 32]),
        kind: "files".to_owned(),
        files: 12,
        bytes: 0,
        rows: None,
        key: None,
        source: String::new(),
        note: String::new(),
    };
    DatasetEvent::Added {
        dataset: DatasetId(1),
        at: 0,
        name: "a".to_owned(),
        version: 1,
        snapshot: Arc::new(snapshot),
        parent: None,
        made_from: Vec::new(),
        lineage: None,
        asked_by: None,
    }
}
