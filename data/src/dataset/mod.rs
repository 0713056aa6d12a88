//! Snapshots of data: immutable, named by their content, kept as blobs.
//!
//! ```text
//! folder or file ─ take ─▶ manifest + pieces of files ─▶ blobs       unchanged files are not read again
//!                                                          │
//! manifest ─ restore ─▶ the same files elsewhere ◀─────────┘         every piece and every file verified
//! ```
//!
//! A snapshot's id is the name of its [`Manifest`]'s blob. Files over [`WHOLE_BYTES`] are cut where their content says
//! so (`chunks`), so that versions of a large file share most of their blobs; others are a blob each.

mod chunks;
mod content;
mod contract;
mod diff;
pub mod dvc;
mod index;
mod manifest;
pub mod profile;
mod restore;
mod rows;
pub mod table;
mod take;
mod tree;

use std::{io, path::PathBuf};

use crate::{blobs::BlobError, hash::Hash, path::PathError, path::RelativePath};

pub use chunks::{CHUNK_BYTES, WHOLE_BYTES};
pub use content::Content;
pub use contract::{Checking, ColumnContract, Contract, ContractSource, ContractType, Violation};
pub use diff::{Changes, ColumnChange, Diff, RowChange, Side, diff};
pub use index::Index;
pub use manifest::{Chunk, Entry, Manifest, ManifestError};
pub use restore::{restore, verify};
pub use rows::{Rows, Sample};
pub use take::{Piece, Progress, Taken, take, take_files};

/// Why data cannot be taken into a snapshot or put back from one.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// There is nothing at the path.
    #[error("there is no file or folder `{path}`", path = .path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// The folder has no files.
    #[error("`{path}` has no files; empty folders are not kept", path = .path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// A link that leads to nothing, or in a circle.
    #[error("the link `{path}` leads nowhere; remove it, or leave it out in `.honeignore`", path = .path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Neither file, folder nor link.
    #[error("`{path}` is neither file nor folder; leave it out in `.honeignore`", path = .path.display())]
    Special {
        /// The path.
        path: PathBuf,
    },
    /// A name that cannot be stored.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A line of an ignore file cannot be understood.
    #[error("`.honeignore` cannot be used: {0}")]
    Ignore(#[source] ignore::Error),
    /// A file changed while it was read.
    #[error("`{path}` changed while it was read; try again when nothing writes to it", path = .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The manifest is none.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A blob that the manifest names is missing or damaged.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The pieces of a file do not add up to it.
    #[error("the content of `{path}` is not what the manifest says; fetch it again")]
    Mismatch {
        /// The file.
        path: RelativePath,
    },
    /// The target is there already.
    #[error("`{path}` exists already; name a folder that does not exist yet", path = .path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// What the operating system says.
    #[error("{operation} `{path}` failed", path = .path.display())]
    Io {
        /// What was done.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The message.
        #[source]
        source: io::Error,
    },
}

impl DatasetError {
    /// What reading a file says.
    pub(crate) fn reading(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation: "reading", path, source }
    }
}

/// An error with its causes in one line.
pub(crate) fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// Visits every blob that a snapshot needs, its manifest included.
pub fn blobs_of(id: &Hash, manifest: &Manifest, visit: &mut dyn FnMut(&Hash)) {
    visit(id);
    manifest.blobs().for_each(|(hash, _)| visit(hash));
}
