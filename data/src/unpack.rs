//! Unpacks an archive of [`pack`](crate::pack) into a fresh folder, trusting nothing in it.
//!
//! Only files, folders and links that stay inside are made, never through a link, never more than
//! the limits say. The folder appears when it is complete.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use tar::{Archive, EntryType};

use crate::durable::TEMPORARY_PREFIX;
use crate::path::{PathError, RelativePath, link_fault};

/// How much an archive may hold.
#[derive(Debug, Clone, Copy)]
pub struct UnpackLimits {
    /// Files, folders and links at most.
    pub max_entries: u64,
    /// Bytes of all files together at most.
    pub max_bytes: u64,
}

/// Why an archive is refused.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The target is there already.
    #[error("`{path}` exists already", path = .path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// More entries than the limit.
    #[error("the archive has more than {limit} entries; raise the limit or leave files out")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
    /// More bytes than the limit.
    #[error("the archive has more than {limit} bytes; raise the limit or leave files out")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// A path that would leave the folder.
    #[error("the archive is refused: {0}")]
    Path(#[from] PathError),
    /// An entry that does not belong into a source archive.
    #[error("the archive is refused: `{path}` {reason}")]
    Entry {
        /// The entry.
        path: RelativePath,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The archive is damaged, or writing failed.
    #[error("unpacking into `{path}` failed", path = .path.display())]
    Io {
        /// The target.
        path: PathBuf,
        /// The message.
        #[source]
        source: io::Error,
    },
}

/// Unpacks `archive` into `target`, which must not exist; its parent must.
///
/// # Errors
/// [`UnpackError`]; nothing is left behind.
pub fn unpack(archive: &mut dyn Read, target: &Path, limits: &UnpackLimits) -> Result<(), UnpackError> {
    let io = |source| UnpackError::Io { path: target.to_owned(), source };
    into_fresh_folder(
        target,
        io,
        |path| UnpackError::Exists { path },
        |folder| {
            let mut unpacking = Unpacking { folder, folders: BTreeSet::new(), limits, entries: 0, bytes: 0 };
            let mut archive = Archive::new(archive);
            for entry in archive.entries().map_err(io)? {
                unpacking.entry(&mut entry.map_err(io)?)?;
            }
            Ok(())
        },
    )
}

/// Lets `fill` build a folder beside `target` and moves it there when that succeeded.
pub(crate) fn into_fresh_folder<E>(
    target: &Path,
    io: impl Fn(io::Error) -> E,
    exists: impl Fn(PathBuf) -> E,
    fill: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    if target.symlink_metadata().is_ok() {
        return Err(exists(target.to_owned()));
    }
    let parent = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let building = tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempdir_in(parent).map_err(&io)?;
    let content = building.path().join("content");
    fs::create_dir(&content).map_err(&io)?;
    fill(&content)?;
    fs::rename(&content, target).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            exists(target.to_owned())
        }
        _ => io(error),
    })
}

struct Unpacking<'a> {
    folder: &'a Path,
    /// Folders made here; nothing is ever put into any other.
    folders: BTreeSet<RelativePath>,
    limits: &'a UnpackLimits,
    entries: u64,
    bytes: u64,
}

impl Unpacking<'_> {
    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> Result<(), UnpackError> {
        self.entries += 1;
        if self.entries > self.limits.max_entries {
            return Err(UnpackError::TooManyEntries { limit: self.limits.max_entries });
        }
        let path = entry_path(&entry.path_bytes())?;
        if let Some(parent) = path.parent() {
            self.make_folder(&parent)?;
        }
        match entry.header().entry_type() {
            EntryType::Directory => self.make_folder(&path),
            EntryType::Regular => self.make_file(&path, entry),
            EntryType::Symlink => self.make_link(&path, entry),
            _ => Err(UnpackError::Entry { path, reason: "is neither file, folder nor link" }),
        }
    }

    fn make_folder(&mut self, path: &RelativePath) -> Result<(), UnpackError> {
        if self.folders.contains(path) {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_folder(&parent)?;
        }
        fs::create_dir(path.below(self.folder)).map_err(|error| self.taken_or(path, error))?;
        self.folders.insert(path.clone());
        Ok(())
    }

    fn make_file<R: Read>(&mut self, path: &RelativePath, entry: &mut tar::Entry<'_, R>) -> Result<(), UnpackError> {
        self.bytes = self.bytes.saturating_add(entry.size());
        if self.bytes > self.limits.max_bytes {
            return Err(UnpackError::TooLarge { limit: self.limits.max_bytes });
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        let mut file = create_file(&path.below(self.folder), executable).map_err(|error| self.taken_or(path, error))?;
        let size = entry.size();
        match io::copy(entry, &mut file) {
            Ok(copied) if copied == size => Ok(()),
            Ok(_) => Err(self.io(io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.io(error)),
        }
    }

    fn make_link<R: Read>(&mut self, path: &RelativePath, entry: &tar::Entry<'_, R>) -> Result<(), UnpackError> {
        let refuse = |reason| UnpackError::Entry { path: path.clone(), reason };
        let target = entry.link_name_bytes().unwrap_or_default();
        let target = std::str::from_utf8(&target).map_err(|_| refuse("points to what is not UTF-8"))?;
        if link_fault(path, target).is_some() {
            return Err(refuse("is a link that leads out"));
        }
        symlink(target, path.below(self.folder)).map_err(|error| self.taken_or(path, error))
    }

    fn taken_or(&self, path: &RelativePath, error: io::Error) -> UnpackError {
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                UnpackError::Entry { path: path.clone(), reason: "appears twice" }
            }
            _ => self.io(error),
        }
    }

    fn io(&self, source: io::Error) -> UnpackError {
        UnpackError::Io { path: self.folder.to_owned(), source }
    }
}

/// Makes a new file, readable by all and executable when asked, as the process's mask allows.
pub(crate) fn create_file(path: &Path, executable: bool) -> io::Result<fs::File> {
    let mode = if executable { 0o777 } else { 0o666 };
    OpenOptions::new().write(true).create_new(true).mode(mode).open(path)
}

fn entry_path(bytes: &[u8]) -> Result<RelativePath, PathError> {
    let text = String::from_utf8_lossy(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => RelativePath::parse(text.strip_suffix('/').unwrap_or(text)),
        Err(_) => Err(PathError { path: text.into_owned(), reason: "it is not UTF-8" }),
    }
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
