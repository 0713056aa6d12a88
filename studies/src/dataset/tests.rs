//! Names, and what events add up to.

use std::sync::Arc;

use super::*;
use crate::ids::{BlobId, DatasetId};

fn snapshot(content: u8) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        manifest: BlobId([content; 32]),
        profile: Some(BlobId([content + 100; 32])),
        contract: None,
        digest: BlobId([content; 32]),
        kind: "files".to_owned(),
        files: 1,
        bytes: 3,
        rows: None,
        key: None,
        source: String::new(),
        note: String::new(),
    })
}

fn added(dataset: u64, name: &str, version: u32) -> DatasetEvent {
    DatasetEvent::Added {
        dataset: DatasetId(dataset),
        at: 7,
        name: name.to_owned(),
        version,
        snapshot: snapshot(version as u8),
        parent: version.checked_sub(1).filter(|parent| *parent > 0),
        made_from: Vec::new(),
        lineage: None,
        asked_by: None,
    }
}

fn datasets(events: &[DatasetEvent]) -> Datasets {
    let mut datasets = Datasets::default();
    events.iter().for_each(|event| datasets.apply(event));
    datasets
}

#[test]
fn names_are_plain() {
    for name in ["digits", "a", "9", "A.b_c-1", &"x".repeat(100)] {
        assert!(is_dataset_name(name), "{name}");
    }
    for name in ["", ".", "..", "-a", "_a", "a b", "a/b", "a@1", "é", "a\n", &"x".repeat(101)] {
        assert!(!is_dataset_name(name), "{name}");
    }
}

#[test]
fn a_version_is_named_behind_the_last_at() {
    assert_eq!(split_reference("digits@3"), ("digits", Some(3)));
    assert_eq!(split_reference("digits"), ("digits", None));
    assert_eq!(split_reference("digits@latest"), ("digits", None));
    for odd in ["digits@", "digits@-1", "digits@v3", "digits@99999999999"] {
        assert_eq!(split_reference(odd), (odd, None));
    }
}

#[test]
fn people_find_versions_by_name_id_or_last() {
    let all = datasets(&[added(1, "digits", 1), added(1, "digits", 2), added(2, "last", 1), added(3, "1", 1)]);
    let label = |given: &str| all.find(given).map(|found| found.label());
    assert_eq!(label("digits"), Ok("digits@2".to_owned()));
    assert_eq!(label("digits@1"), Ok("digits@1".to_owned()));
    assert_eq!(label("2"), Ok("last@1".to_owned()));
    assert_eq!(label("last"), Ok("last@1".to_owned()), "a name wins over the word");
    assert_eq!(label("1"), Ok("1@1".to_owned()), "a name wins over an id");
    assert_eq!(label("3@1"), Ok("1@1".to_owned()));
    let nearest = Some("digits".to_owned());
    assert_eq!(label("digts@2"), Err(DatasetReject::NoSuchDataset { given: "digts".to_owned(), nearest }));
    let missing = DatasetReject::NoSuchVersion { name: "digits".to_owned(), version: 9, latest: Some(2) };
    assert_eq!(label("digits@9").as_ref(), Err(&missing));
    assert_eq!(missing.to_string(), "dataset `digits` has no version 9; the newest is 2");
    let plain = datasets(&[added(1, "digits", 1), added(2, "faces", 1)]);
    assert_eq!(plain.find("last").map(|found| found.label()), Ok("faces@1".to_owned()));
}

#[test]
fn a_removed_version_keeps_its_number_and_a_removed_dataset_frees_its_name() {
    let of = |version| VersionRef { dataset: DatasetId(1), version };
    let mut all = datasets(&[added(1, "digits", 1), added(1, "digits", 2)]);
    all.apply(&DatasetEvent::VersionRemoved { of: of(2), at: 8 });
    let dataset = all.dataset_named("digits").unwrap();
    assert_eq!((dataset.last_version, dataset.latest().map(|version| version.number)), (2, Some(1)));
    all.apply(&DatasetEvent::Removed { dataset: DatasetId(1), at: 9 });
    assert!(all.dataset_named("digits").is_none() && all.version(of(1)).is_none());
    assert_eq!(all.next_dataset(), DatasetId(2), "ids are not used again");
}

#[test]
fn every_version_names_its_manifest_and_documents() {
    let all = datasets(&[added(1, "digits", 1), added(1, "digits", 2)]);
    let mut named = Vec::new();
    all.reachable_blobs(&mut |blob| named.push(blob.0[0]));
    assert_eq!(named, [1, 101, 2, 102]);
    let mut manifests = Vec::new();
    all.manifests(&mut |blob| manifests.push(blob.0[0]));
    assert_eq!(manifests, [1, 2]);
}
