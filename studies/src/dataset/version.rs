//! A dataset and its versions.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::ids::{BlobId, DatasetId, Micros, RequestId};

/// A named line of versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    pub id: DatasetId,
    pub name: String,
    pub created: Micros,
    pub(super) versions: BTreeMap<u32, Arc<Version>>,
    /// The number of the newest version that ever was.
    pub last_version: u32,
}

impl Dataset {
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Arc<Version>> {
        self.versions.values()
    }

    pub fn version(&self, number: u32) -> Option<&Arc<Version>> {
        self.versions.get(&number)
    }

    /// The newest version that is there.
    pub fn latest(&self) -> Option<&Arc<Version>> {
        self.versions.values().next_back()
    }
}

/// A version: a snapshot, where it comes from, and who names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// Counted from 1 within the dataset, never reused.
    pub number: u32,
    pub at: Micros,
    pub snapshot: Arc<Snapshot>,
    /// The version that was the newest before it.
    pub parent: Option<u32>,
    /// Versions that its data was made from.
    pub made_from: Vec<VersionRef>,
    /// A document that traces its rows to what they were made of.
    pub lineage: Option<BlobId>,
    pub asked_by: Option<RequestId>,
    /// Who names it, and since when. It cannot be removed before they let go.
    pub pins: BTreeMap<Reference, Micros>,
    /// What was found to be wrong with it since.
    pub marks: Vec<Mark>,
}

/// Data as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The manifest's blob: the snapshot's id.
    pub manifest: BlobId,
    /// Schema and statistics.
    pub profile: Option<BlobId>,
    /// The feature contract that it was checked against.
    pub contract: Option<BlobId>,
    /// The same for data that differs in nothing but the order of rows.
    pub digest: BlobId,
    pub kind: String,
    pub files: u64,
    pub bytes: u64,
    /// Of all tables together.
    pub rows: Option<u64>,
    /// The column whose values name the rows.
    pub key: Option<String>,
    /// Where it was taken from, for people.
    pub source: String,
    pub note: String,
}

/// One version of one dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VersionRef {
    pub dataset: DatasetId,
    pub version: u32,
}

/// Something that names a version: a kind of thing, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// Such as `model`, `labels` or `user`.
    pub kind: Arc<str>,
    pub name: Arc<str>,
}

impl Reference {
    pub fn new(kind: &str, name: &str) -> Reference {
        Reference { kind: kind.into(), name: name.into() }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind, self.name)
    }
}

/// A word on a version that came later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub at: Micros,
    pub by: Reference,
    pub reason: String,
}

/// A version that the trials of a study are given, fixed when the study was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetUse {
    /// What the study calls it.
    pub alias: String,
    pub of: VersionRef,
    /// `name@version`, for people.
    pub label: String,
    pub manifest: BlobId,
}
