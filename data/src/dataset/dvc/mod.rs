//! Data under DVC's care: `.dvc` files, `dvc.lock`, directory manifests and the cache, as DVC 3 writes them.
//!
//! ```text
//! data.dvc ─┐                          ┌─ .dvc/cache/files/md5/xx/…      (or a remote of this machine)
//! dvc.lock ─┴─ Out: md5, path ─ find ──┤
//!                                      └─ the workspace, where its content is still the one named
//! snapshot ─ export ─▶ cache + data.dvc, or an out in dvc.lock
//! ```
//! A file's name in the cache is the MD5 of its bytes; a folder's is that of its manifest, a JSON list by path, with `.dir`
//! behind. Files of DVC 2 are read too: their cache lies one level higher, and their MD5 may be of the text with line ends of
//! Unix.

mod lock;
mod read;
mod repository;
mod text;
mod write;

use std::{io, path::PathBuf};

use crate::path::PathError;

pub use lock::{lock_out, replace_out};
pub use read::{Out, out_of, parse_out};
pub use repository::Repository;
pub use write::{Exported, export};

/// Why DVC's files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DvcError {
    /// The file is none of DVC's.
    #[error("`{file}` is no file of DVC: {reason}", file = .file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file describes several things, or none of that name.
    #[error("`{file}` has {has}, and {wanted}", file = .file.display())]
    Which {
        /// The file.
        file: PathBuf,
        /// What it has.
        has: String,
        /// What was looked for.
        wanted: String,
    },
    /// It lies in no repository of DVC.
    #[error("`{path}` is in no DVC repository: no folder above it has `.dvc`", path = .path.display())]
    NoRepository {
        /// The file.
        path: PathBuf,
    },
    /// Content that is nowhere on this machine.
    #[error(
        "`{path}` ({md5}) is neither in the cache, nor in a remote of this machine, nor unchanged in the workspace; run `dvc pull`"
    )]
    Missing {
        /// What it is called.
        path: String,
        /// Its name in the cache.
        md5: String,
    },
    /// The cache holds something else than its name says.
    #[error("`{file}` should have the MD5 {md5} and has {found}; remove it and run `dvc pull`", file = .file.display())]
    Mismatch {
        /// The file.
        file: PathBuf,
        /// Its name.
        md5: String,
        /// What it has.
        found: String,
    },
    /// A path that leaves its folder.
    #[error(transparent)]
    Path(#[from] PathError),
    /// What the operating system says.
    #[error("{operation} `{path}` failed", path = .path.display())]
    Io {
        /// What was done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The message.
        #[source]
        source: io::Error,
    },
    /// The data cannot be read from the store.
    #[error(transparent)]
    Data(#[from] super::DatasetError),
}

impl DvcError {
    fn reading(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation: "reading", path, source }
    }

    fn writing(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { operation: "writing", path, source }
    }
}

#[cfg(test)]
mod tests;
