//! What can be asked of the core about datasets, and what it answers.

use std::sync::Arc;

use super::version::{Reference, Snapshot, VersionRef};
use crate::{
    ids::{BlobId, DatasetId, RequestId},
    label::{LabelReject, LabelUse},
};

/// A wish about datasets. The core may refuse it.
#[derive(Clone, Debug, PartialEq)]
pub enum DatasetCommand {
    Add(Box<NewVersion>),
    /// Something names a version from now on.
    Pin {
        of: VersionRef,
        by: Reference,
    },
    Release {
        of: VersionRef,
        by: Reference,
    },
    /// Something that a version was made of turned out to be wrong.
    Mark {
        of: VersionRef,
        by: Reference,
        reason: String,
    },
    /// `force`: also one that other versions were made from.
    RemoveVersion {
        of: VersionRef,
        force: bool,
    },
    Remove {
        dataset: DatasetId,
        force: bool,
    },
}

/// A version on its way in. Its blobs are there.
#[derive(Clone, Debug, PartialEq)]
pub struct NewVersion {
    pub name: String,
    pub snapshot: Arc<Snapshot>,
    pub made_from: Vec<VersionRef>,
    pub lineage: Option<BlobId>,
    /// The labels that it is made of.
    pub labels: Option<LabelUse>,
    /// Make a version even where the newest one has the same data.
    pub again: bool,
    /// Refused unless the newest version has this number; 0: there must be none. `None`: whichever.
    pub expected: Option<u32>,
    pub asked_by: Option<RequestId>,
}

/// The answer to a command about datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetReply {
    Done,
    /// The version that has the data, and whether it is new. `reordered`: its rows are in another order.
    Added {
        of: VersionRef,
        new: bool,
        reordered: bool,
    },
}

/// Why a command about datasets was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DatasetReject {
    #[error("there is no dataset `{given}`")]
    NoSuchDataset { given: String, nearest: Option<String> },
    #[error("dataset `{name}` has no version {version}{}", newest(*.latest))]
    NoSuchVersion { name: String, version: u32, latest: Option<u32> },
    #[error(
        "`{0}` is no name for a dataset: a name has letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has at most 100 of them"
    )]
    BadName(String),
    #[error("{what} is named by {}", .by.join(", "))]
    NamedBy { what: String, by: Vec<String>, forceable: bool },
    #[error("the labels that it is made of are not there: {0}")]
    NoLabels(#[source] LabelReject),
    #[error("the newest version of `{name}` is {found}, not {expected}: somebody else has added one")]
    Overtaken { name: String, expected: u32, found: u32 },
}

fn newest(latest: Option<u32>) -> String {
    latest.map_or_else(String::new, |latest| format!("; the newest is {latest}"))
}
