//! Versions of datasets as messages.

use bytes::Bytes;
use hone_proto::v1 as wire;
use hone_studies::{
    BlobId, State,
    dataset::{Found, Mark, Reference},
};

/// Writes a version.
pub fn dataset_version_to_proto(state: &State, found: &Found<'_>) -> wire::DatasetVersion {
    let (dataset, version) = (found.dataset, found.version);
    let snapshot = &version.snapshot;
    wire::DatasetVersion {
        dataset: dataset.id.0,
        name: dataset.name.clone(),
        version: version.number,
        added_us: version.at,
        snapshot: bytes(snapshot.manifest),
        profile: optional(snapshot.profile),
        contract: optional(snapshot.contract),
        lineage: optional(version.lineage),
        digest: bytes(snapshot.digest),
        kind: snapshot.kind.clone(),
        files: snapshot.files,
        bytes: snapshot.bytes,
        rows: snapshot.rows,
        key: snapshot.key.clone().unwrap_or_default(),
        source: snapshot.source.clone(),
        note: snapshot.note.clone(),
        parent: version.parent.map_or_else(String::new, |parent| format!("{}@{parent}", dataset.name)),
        made_from: version.made_from.iter().map(|of| state.datasets.label(*of)).collect(),
        named_by: state.names_of_version(found.reference()).iter().map(reference).collect(),
        marks: version.marks.iter().map(mark).collect(),
    }
}

fn mark(mark: &Mark) -> wire::DatasetMark {
    wire::DatasetMark { at_us: mark.at, by: Some(reference(&mark.by)), reason: mark.reason.clone() }
}

fn reference(by: &Reference) -> wire::DatasetReference {
    wire::DatasetReference { kind: by.kind.to_string(), name: by.name.to_string() }
}

fn optional(id: Option<BlobId>) -> Bytes {
    id.map(bytes).unwrap_or_default()
}

fn bytes(id: BlobId) -> Bytes {
    Bytes::copy_from_slice(&id.0)
}
