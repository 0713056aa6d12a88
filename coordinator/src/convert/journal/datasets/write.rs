//! From the core's events about datasets to messages.

use bytes::Bytes;
use hone_proto::journal::{self as wire, dataset_event::Kind};
use hone_studies::{
    BlobId,
    dataset::{DatasetEvent, DatasetUse, Reference, Snapshot, VersionRef},
};

use super::super::write::blob;

/// Writes an event as its message.
pub(in super::super) fn event_to_proto(event: &DatasetEvent) -> wire::DatasetEvent {
    wire::DatasetEvent { kind: Some(kind(event)) }
}

fn kind(event: &DatasetEvent) -> Kind {
    match event {
        DatasetEvent::Added { .. } => Kind::Added(added(event)),
        DatasetEvent::Pinned { of, at, by } => {
            Kind::Pinned(wire::DatasetPinned { of: version(*of), at: *at, by: Some(reference(by)) })
        }
        DatasetEvent::Released { of, at, by } => {
            Kind::Released(wire::DatasetReleased { of: version(*of), at: *at, by: Some(reference(by)) })
        }
        DatasetEvent::Marked { of, at, by, reason } => {
            let by = Some(reference(by));
            Kind::Marked(wire::DatasetMarked { of: version(*of), at: *at, by, reason: reason.clone() })
        }
        DatasetEvent::VersionRemoved { of, at } => {
            Kind::VersionRemoved(wire::DatasetVersionRemoved { of: version(*of), at: *at })
        }
        DatasetEvent::Removed { dataset, at } => Kind::Removed(wire::DatasetRemoved { dataset: dataset.0, at: *at }),
        DatasetEvent::Used { study, at, uses } => {
            Kind::Used(wire::DatasetsUsed { study: study.0, at: *at, uses: uses.iter().map(used).collect() })
        }
    }
}

fn added(event: &DatasetEvent) -> wire::DatasetAdded {
    let DatasetEvent::Added { dataset, at, name, version: number, snapshot: of, parent, made_from, lineage, asked_by } = event
    else {
        return wire::DatasetAdded::default();
    };
    wire::DatasetAdded {
        dataset: dataset.0,
        at: *at,
        name: name.clone(),
        version: *number,
        snapshot: Some(snapshot(of)),
        parent: parent.unwrap_or(0),
        made_from: made_from.iter().filter_map(|of| version(*of)).collect(),
        lineage: optional(*lineage),
        asked_by: asked_by.map(|request| Bytes::copy_from_slice(&request.0)).unwrap_or_default(),
    }
}

fn snapshot(snapshot: &Snapshot) -> wire::DatasetSnapshot {
    wire::DatasetSnapshot {
        manifest: blob(snapshot.manifest),
        profile: optional(snapshot.profile),
        contract: optional(snapshot.contract),
        digest: blob(snapshot.digest),
        kind: snapshot.kind.clone(),
        files: snapshot.files,
        bytes: snapshot.bytes,
        rows: snapshot.rows,
        key: snapshot.key.clone(),
        source: snapshot.source.clone(),
        note: snapshot.note.clone(),
    }
}

fn used(used: &DatasetUse) -> wire::DatasetUse {
    let manifest = blob(used.manifest);
    wire::DatasetUse { alias: used.alias.clone(), of: version(used.of), label: used.label.clone(), manifest }
}

fn version(of: VersionRef) -> Option<wire::DatasetVersionRef> {
    Some(wire::DatasetVersionRef { dataset: of.dataset.0, version: of.version })
}

fn reference(by: &Reference) -> wire::DatasetReference {
    wire::DatasetReference { kind: by.kind.to_string(), name: by.name.to_string() }
}

fn optional(id: Option<BlobId>) -> Bytes {
    id.map(blob).unwrap_or_default()
}
