//! The files that a trial leaves behind: collected as a list of entries and blobs, put back elsewhere.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::blobs::{BlobError, BlobStore};
use crate::hash::Hash;
use crate::path::{PathError, RelativePath};
use crate::unpack::{create_file, into_fresh_folder};

/// One file of an output folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it lies below the folder.
    pub path: RelativePath,
    /// Its content.
    pub hash: Hash,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// Why a file was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// It does not fit into what the limit leaves after the files before it.
    OverLimit,
    /// Its name is not UTF-8, or too long.
    Name,
    /// A link to something outside the folder, to a folder, or to nothing.
    Link,
    /// Neither file, folder nor link.
    Special,
}

/// A file that was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it lies below the folder.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Why.
    pub reason: SkipReason,
}

/// Where collected files go; a store here, or an upload.
pub trait BlobSink {
    /// Takes the content of a blob; one that is known already need not be read.
    ///
    /// # Errors
    /// [`BlobError`]
    fn put_blob(&mut self, hash: &Hash, size: u64, content: &mut dyn Read) -> Result<(), BlobError>;
}

/// Where the content of blobs comes from.
pub trait BlobSource {
    /// Opens a blob for reading.
    ///
    /// # Errors
    /// [`BlobError`]
    fn open_blob(&mut self, hash: &Hash) -> Result<Box<dyn Read + '_>, BlobError>;
}

impl BlobSink for &BlobStore {
    fn put_blob(&mut self, hash: &Hash, _size: u64, content: &mut dyn Read) -> Result<(), BlobError> {
        if self.missing(&[*hash]).is_empty() {
            return Ok(());
        }
        match self.put(content)?.hash {
            found if found == *hash => Ok(()),
            found => Err(BlobError::Mismatch { hash: *hash, found }),
        }
    }
}

impl BlobSource for &BlobStore {
    fn open_blob(&mut self, hash: &Hash) -> Result<Box<dyn Read + '_>, BlobError> {
        BlobStore::open_blob(self, hash).map(|file| Box::new(file) as Box<dyn Read>)
    }
}

/// Why files cannot be collected or put back.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// A blob could not be stored or fetched.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A path that cannot be used.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The target is there already.
    #[error("`{path}` exists already", path = .path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The content is not what the entry says.
    #[error("the content of `{path}` is not what was recorded; fetch it again")]
    Mismatch {
        /// The file.
        path: RelativePath,
    },
    /// Two entries want the same place.
    #[error("`{path}` appears twice, or once as a folder")]
    Twice {
        /// The path.
        path: RelativePath,
    },
    /// The operating system refused.
    #[error("reading or writing `{path}` failed", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The message.
        #[source]
        source: io::Error,
    },
}

/// Hands every file below `dir` to `sink`, in the order of the paths, as long as all together stay
/// within `max_bytes`; a file that does not fit is left out and smaller ones after it are not.
///
/// A link to a file inside the folder counts as that file. A missing folder has no files.
///
/// # Errors
/// [`OutputError`]
pub fn collect(dir: &Path, max_bytes: u64, sink: &mut dyn BlobSink) -> Result<(Vec<FileEntry>, Vec<Skipped>), OutputError> {
    let (mut entries, mut skipped) = (Vec::new(), Vec::new());
    let mut left = max_bytes;
    for file in files(dir)? {
        match collect_one(dir, &file, left, sink)? {
            Ok(entry) => {
                left -= entry.size;
                entries.push(entry);
            }
            Err(skip) => skipped.push(skip),
        }
    }
    Ok((entries, skipped))
}

/// Everything below `dir` but folders, sorted by path.
fn files(dir: &Path) -> Result<Vec<PathBuf>, OutputError> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let io = |source| OutputError::Io { path: folder.clone(), source };
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder == dir => continue,
            entries => entries.map_err(io)?,
        };
        for entry in entries {
            let entry = entry.map_err(io)?;
            let list = if entry.file_type().map_err(io)?.is_dir() { &mut folders } else { &mut files };
            list.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn collect_one(dir: &Path, file: &Path, left: u64, sink: &mut dyn BlobSink) -> Result<Result<FileEntry, Skipped>, OutputError> {
    let relative = file.strip_prefix(dir).unwrap_or(file);
    let skip = |size, reason| Ok(Err(Skipped { path: relative.to_owned(), size, reason }));
    let io = |source| OutputError::Io { path: file.to_owned(), source };
    let link = fs::symlink_metadata(file).map_err(io)?.is_symlink();
    if link && !leads_to_file_inside(dir, file) {
        return skip(0, SkipReason::Link);
    }
    let metadata = fs::metadata(file).map_err(io)?;
    if !metadata.is_file() {
        return skip(0, SkipReason::Special);
    }
    let Ok(path) = RelativePath::from_path(relative) else {
        return skip(metadata.len(), SkipReason::Name);
    };
    if metadata.len() > left {
        return skip(metadata.len(), SkipReason::OverLimit);
    }
    let mut content = File::open(file).map_err(io)?;
    let (hash, size) = Hash::of_reader(&mut content).map_err(io)?;
    if size > left {
        return skip(size, SkipReason::OverLimit);
    }
    content.rewind().map_err(io)?;
    sink.put_blob(&hash, size, &mut content)?;
    let executable = metadata.permissions().mode() & 0o111 != 0;
    Ok(Ok(FileEntry { path, hash, size, executable }))
}

fn leads_to_file_inside(dir: &Path, link: &Path) -> bool {
    let (Ok(dir), Ok(target)) = (dir.canonicalize(), link.canonicalize()) else { return false };
    target.starts_with(dir) && target.is_file()
}

/// Puts the files of `entries` into the new folder `dir`, checking every content; the folder appears
/// when it is complete. Its parent must exist.
///
/// # Errors
/// [`OutputError`]; nothing is left behind.
pub fn materialise(entries: &[FileEntry], dir: &Path, source: &mut dyn BlobSource) -> Result<(), OutputError> {
    let io = |source| OutputError::Io { path: dir.to_owned(), source };
    into_fresh_folder(
        dir,
        io,
        |path| OutputError::Exists { path },
        |folder| entries.iter().try_for_each(|entry| put_back(entry, folder, source)),
    )
}

fn put_back(entry: &FileEntry, folder: &Path, source: &mut dyn BlobSource) -> Result<(), OutputError> {
    let path = entry.path.below(folder);
    let io = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => OutputError::Twice { path: entry.path.clone() },
        _ => OutputError::Io { path: path.clone(), source: error },
    };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io)?;
    }
    let mut file = create_file(&path, entry.executable).map_err(io)?;
    // One byte more than recorded is enough to know that the content is another one.
    let mut content = source.open_blob(&entry.hash)?.take(entry.size.saturating_add(1));
    let mut hasher = blake3::Hasher::new();
    let mut both = Both { file: &mut file, hasher: &mut hasher };
    let size = io::copy(&mut content, &mut both).map_err(io)?;
    if size == entry.size && Hash::of_hasher(&hasher) == entry.hash {
        return Ok(());
    }
    Err(OutputError::Mismatch { path: entry.path.clone() })
}

/// Writes to a file and hashes on the way.
struct Both<'a> {
    file: &'a mut File,
    hasher: &'a mut blake3::Hasher,
}

impl io::Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "outputs_tests.rs"]
mod tests;
