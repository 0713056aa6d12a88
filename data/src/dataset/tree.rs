//! The files that are taken: a single one, or what lies below a folder.
//!
//! `.honeignore` files (gitignore syntax) leave files out, and `.git` is left out. Links are followed: what counts is the
//! content that a program would read. Empty folders are not kept.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use ignore::WalkBuilder;

use super::DatasetError;
use crate::pack::IGNORE_FILE;
use crate::path::RelativePath;

/// A file that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub path: RelativePath,
    pub file: PathBuf,
    pub executable: bool,
    pub stamp: Stamp,
}

/// What tells that a file is the one that was read before, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub size: u64,
    /// Nanoseconds since the epoch.
    pub modified: i128,
    /// The same, of the last change of anything but its content too; nobody can set it.
    pub changed: i128,
    pub inode: (u64, u64),
}

impl Stamp {
    pub fn of(metadata: &fs::Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            size: metadata.len(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}

/// Lists the files at `root`, in the order of their paths.
pub(super) fn list(root: &Path) -> Result<Vec<Found>, DatasetError> {
    let metadata = match fs::metadata(root) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(DatasetError::Missing { path: root.to_owned() });
        }
        Err(error) => return Err(DatasetError::reading(root)(error)),
    };
    if metadata.is_file() {
        let name = root.file_name().map(Path::new).unwrap_or(root);
        return Ok(vec![found(RelativePath::from_path(name)?, root, &metadata)?]);
    }
    let mut files = walk(root)?;
    files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    if files.is_empty() { Err(DatasetError::Empty { path: root.to_owned() }) } else { Ok(files) }
}

/// One file, under a path of its own.
pub(super) fn single(path: RelativePath, file: &Path) -> Result<Found, DatasetError> {
    found(path, file, &fs::metadata(file).map_err(DatasetError::reading(file))?)
}

fn walk(root: &Path) -> Result<Vec<Found>, DatasetError> {
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(true)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
        .build();
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| walk_error(root, error))?;
        if let Some(error) = entry.error() {
            return Err(DatasetError::Ignore(error.clone()));
        }
        let file = entry.path();
        let metadata = fs::metadata(file).map_err(DatasetError::reading(file))?;
        if !metadata.is_dir() {
            let path = RelativePath::from_path(file.strip_prefix(root).unwrap_or(file))?;
            files.push(found(path, file, &metadata)?);
        }
    }
    Ok(files)
}

fn found(path: RelativePath, file: &Path, metadata: &fs::Metadata) -> Result<Found, DatasetError> {
    if !metadata.is_file() {
        return Err(DatasetError::Special { path: file.to_owned() });
    }
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(Found { path, file: file.to_owned(), executable, stamp: Stamp::of(metadata) })
}

fn walk_error(root: &Path, error: ignore::Error) -> DatasetError {
    let place = place_of(&error).unwrap_or(root).to_owned();
    let loops = is_loop(&error);
    let text = error.to_string();
    match error.into_io_error() {
        Some(error) if error.kind() == std::io::ErrorKind::NotFound => DatasetError::Link { path: place },
        Some(source) if !loops => DatasetError::Io { operation: "reading", path: place, source },
        Some(_) => DatasetError::Link { path: place },
        None if loops => DatasetError::Link { path: place },
        None => DatasetError::Io { operation: "reading", path: place, source: std::io::Error::other(text) },
    }
}

fn place_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::Loop { child, .. } => Some(child),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => place_of(err),
        _ => None,
    }
}

fn is_loop(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => is_loop(err),
        _ => false,
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
