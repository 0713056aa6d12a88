//! From messages to the core's events about datasets. The bytes are input: everything is checked.

use std::sync::Arc;

use bytes::Bytes;
use hone_proto::journal::{self as wire, dataset_event::Kind};
use hone_studies::{
    BlobId, DatasetId, RequestId, StudyId,
    dataset::{DatasetEvent, DatasetUse, Reference, Snapshot, VersionRef},
};

use super::super::{
    DecodeError,
    read::{blob, unknown},
};

type Decoded<T> = Result<T, DecodeError>;

/// Reads an event from its message.
pub(in super::super) fn event_from_proto(message: wire::DatasetEvent) -> Decoded<DatasetEvent> {
    Ok(match message.kind.ok_or_else(|| unknown("dataset"))? {
        Kind::Added(it) => added(it)?,
        Kind::Pinned(it) => DatasetEvent::Pinned {
            of: version(it.of, "dataset.pinned.of")?,
            at: it.at,
            by: reference(it.by, "dataset.pinned.by")?,
        },
        Kind::Released(it) => DatasetEvent::Released {
            of: version(it.of, "dataset.released.of")?,
            at: it.at,
            by: reference(it.by, "dataset.released.by")?,
        },
        Kind::Marked(it) => DatasetEvent::Marked {
            of: version(it.of, "dataset.marked.of")?,
            at: it.at,
            by: reference(it.by, "dataset.marked.by")?,
            reason: it.reason,
        },
        Kind::VersionRemoved(it) => DatasetEvent::VersionRemoved { of: version(it.of, "dataset.version_removed.of")?, at: it.at },
        Kind::Removed(it) => DatasetEvent::Removed { dataset: DatasetId(it.dataset), at: it.at },
        Kind::Used(it) => DatasetEvent::Used {
            study: StudyId(it.study),
            at: it.at,
            uses: it.uses.into_iter().map(used).collect::<Decoded<_>>()?,
        },
    })
}

fn added(it: wire::DatasetAdded) -> Decoded<DatasetEvent> {
    let made_from = it.made_from.into_iter().map(|of| version(Some(of), "dataset.added.made_from"));
    Ok(DatasetEvent::Added {
        dataset: DatasetId(it.dataset),
        at: it.at,
        name: it.name,
        version: it.version,
        snapshot: Arc::new(snapshot(it.snapshot.ok_or(DecodeError::Missing("dataset.added.snapshot"))?)?),
        parent: (it.parent > 0).then_some(it.parent),
        made_from: made_from.collect::<Decoded<_>>()?,
        lineage: optional(&it.lineage, "dataset.added.lineage")?,
        asked_by: asked_by(&it.asked_by)?,
    })
}

fn snapshot(it: wire::DatasetSnapshot) -> Decoded<Snapshot> {
    Ok(Snapshot {
        manifest: blob(&it.manifest, "dataset.added.snapshot.manifest")?,
        profile: optional(&it.profile, "dataset.added.snapshot.profile")?,
        contract: optional(&it.contract, "dataset.added.snapshot.contract")?,
        digest: blob(&it.digest, "dataset.added.snapshot.digest")?,
        kind: it.kind,
        files: it.files,
        bytes: it.bytes,
        rows: it.rows,
        key: it.key,
        source: it.source,
        note: it.note,
    })
}

fn used(it: wire::DatasetUse) -> Decoded<DatasetUse> {
    Ok(DatasetUse {
        alias: it.alias,
        of: version(it.of, "dataset.used.of")?,
        label: it.label,
        manifest: blob(&it.manifest, "dataset.used.manifest")?,
    })
}

fn version(it: Option<wire::DatasetVersionRef>, field: &'static str) -> Decoded<VersionRef> {
    let it = it.ok_or(DecodeError::Missing(field))?;
    Ok(VersionRef { dataset: DatasetId(it.dataset), version: it.version })
}

fn reference(it: Option<wire::DatasetReference>, field: &'static str) -> Decoded<Reference> {
    it.map(|it| Reference::new(&it.kind, &it.name)).ok_or(DecodeError::Missing(field))
}

fn optional(bytes: &Bytes, field: &'static str) -> Decoded<Option<BlobId>> {
    if bytes.is_empty() { Ok(None) } else { blob(bytes, field).map(Some) }
}

fn asked_by(bytes: &Bytes) -> Decoded<Option<RequestId>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let malformed = |_| DecodeError::Malformed { field: "dataset.added.asked_by", expected: "an id of 16 bytes" };
    bytes.as_ref().try_into().map(|bytes| Some(RequestId(bytes))).map_err(malformed)
}
