//! Everything that can have happened to datasets.

use std::sync::Arc;

use serde::Serialize;

use super::version::{DatasetUse, Reference, Snapshot, VersionRef};
use crate::ids::{BlobId, DatasetId, Micros, RequestId, StudyId};

/// One fact. Never changed once it is in the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum DatasetEvent {
    /// A version exists, and so does its dataset. Every blob of it was in the store before.
    Added {
        dataset: DatasetId,
        at: Micros,
        name: String,
        version: u32,
        snapshot: Arc<Snapshot>,
        parent: Option<u32>,
        made_from: Vec<VersionRef>,
        lineage: Option<BlobId>,
        asked_by: Option<RequestId>,
    },
    /// Something names the version.
    Pinned { of: VersionRef, at: Micros, by: Reference },
    /// It does so no more.
    Released { of: VersionRef, at: Micros, by: Reference },
    /// Something that the version was made of turned out to be wrong.
    Marked { of: VersionRef, at: Micros, by: Reference, reason: String },
    /// A user removed a version; only its number stays used.
    VersionRemoved { of: VersionRef, at: Micros },
    /// A user removed the dataset with all versions; only its id stays used.
    Removed { dataset: DatasetId, at: Micros },
    /// The new study gives these versions to its trials.
    Used { study: StudyId, at: Micros, uses: Vec<DatasetUse> },
}
