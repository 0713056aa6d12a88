//! Packs a folder into one archive whose bytes depend on the files alone.
//!
//! The archive is a tar: entries sorted by path, times and owners zero, modes reduced to "may be
//! executed". The same folder gives the same bytes, and so the same blob, on every machine.
//!
//! `.honeignore` files (gitignore syntax) leave files out; `.git` and `target` are left out unless
//! included by name. Links are stored as links and may not lead out of the folder.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use tar::{Builder, EntryType, Header};

use crate::blobs::{BlobError, BlobStore, Stored};
use crate::path::{PathError, RelativePath, link_fault};

/// Name of the files that say what to leave out.
pub const IGNORE_FILE: &str = ".honeignore";
/// Folders left out unless included by name.
pub const SKIPPED: [&str; 2] = [".git", "target"];
/// Files named in the message about a folder that is too large.
const LARGEST_NAMED: usize = 5;

/// What to pack.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// Bytes of all files together at most.
    pub max_bytes: u64,
    /// Names out of [`SKIPPED`] that are packed all the same.
    pub include: Vec<String>,
    /// Names at the top of the folder that are left out.
    pub leave_out: Vec<String>,
}

/// What was packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packed {
    /// Files, folders and links.
    pub entries: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Why a folder cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The files are too many bytes.
    #[error("`{dir}` has {bytes} bytes, the limit is {limit}; the largest files are {largest}; leave some out in `{IGNORE_FILE}` or raise the limit", dir = .dir.display())]
    TooLarge {
        /// The folder.
        dir: PathBuf,
        /// Bytes of all files.
        bytes: u64,
        /// The limit.
        limit: u64,
        /// The largest files with their bytes, largest first.
        largest: String,
    },
    /// A link leads out of the folder.
    #[error("the link `{link}` to `{target}` cannot be packed: {reason}; leave it out in `{IGNORE_FILE}`")]
    Link {
        /// The link.
        link: RelativePath,
        /// Where it points.
        target: String,
        /// What is wrong with that.
        reason: &'static str,
    },
    /// Neither file, folder nor link.
    #[error("`{path}` is neither file, folder nor link; leave it out in `{IGNORE_FILE}`")]
    Special {
        /// The path.
        path: RelativePath,
    },
    /// A name that cannot be stored.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A line of an ignore file cannot be understood.
    #[error("`{IGNORE_FILE}` cannot be used: {0}")]
    Ignore(#[source] ignore::Error),
    /// A file changed while it was read.
    #[error("`{path}` became shorter while it was packed; try again")]
    Changed {
        /// The file.
        path: RelativePath,
    },
    /// The store refused.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// Reading the folder or writing the archive failed.
    #[error("packing `{path}` failed", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The message.
        #[source]
        source: io::Error,
    },
}

enum Kind {
    Folder,
    File { size: u64, executable: bool },
    Link { target: String },
}

struct Entry {
    path: RelativePath,
    kind: Kind,
}

/// Packs `dir` into `out`.
///
/// # Errors
/// [`PackError`]; everything but a change while reading is found before the first byte is written.
pub fn pack(dir: &Path, options: &PackOptions, out: &mut dyn Write) -> Result<Packed, PackError> {
    let entries = list(dir, options)?;
    let bytes = check_size(dir, &entries, options.max_bytes)?;
    let mut builder = Builder::new(out);
    for entry in &entries {
        append(dir, entry, &mut builder)?;
    }
    builder.finish().map_err(|source| PackError::Io { path: dir.to_owned(), source })?;
    Ok(Packed { entries: entries.len() as u64, bytes })
}

/// Packs `dir` into a blob.
///
/// # Errors
/// As for [`pack`].
pub fn pack_into(store: &BlobStore, dir: &Path, options: &PackOptions) -> Result<(Stored, Packed), PackError> {
    let mut sink = Sink { writer: store.writer()?, refused: None };
    match pack(dir, options, &mut sink) {
        Ok(packed) => Ok((sink.writer.finish()?, packed)),
        Err(error) => Err(sink.refused.map_or(error, PackError::Blob)),
    }
}

/// Hands bytes to the store and keeps its own words when it refuses.
struct Sink {
    writer: crate::blobs::BlobWriter,
    refused: Option<BlobError>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes).map(|()| bytes.len()).map_err(|error| {
            self.refused = Some(error);
            io::Error::other("the blob store refused")
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn list(dir: &Path, options: &PackOptions) -> Result<Vec<Entry>, PackError> {
    let (include, leave_out) = (options.include.clone(), options.leave_out.clone());
    let walk = WalkBuilder::new(dir)
        .standard_filters(false)
        .add_custom_ignore_filename(IGNORE_FILE)
        .follow_links(false)
        .filter_entry(move |entry| {
            let name = entry.file_name();
            let skipped = SKIPPED.iter().any(|skip| name == *skip && !include.iter().any(|kept| kept == skip));
            let left_out = entry.depth() == 1 && leave_out.iter().any(|left| name == left.as_str());
            entry.depth() == 0 || !(skipped || left_out)
        })
        .build();
    let mut entries = Vec::new();
    for found in walk {
        let found = found.map_err(|error| walk_error(dir, error))?;
        if let Some(error) = found.error() {
            return Err(PackError::Ignore(error.clone()));
        }
        if found.depth() > 0 {
            entries.push(entry(dir, found.path())?);
        }
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(entries)
}

fn walk_error(dir: &Path, error: ignore::Error) -> PackError {
    let text = error.to_string();
    match error.into_io_error() {
        Some(source) => PackError::Io { path: dir.to_owned(), source },
        None => PackError::Io { path: dir.to_owned(), source: io::Error::other(text) },
    }
}

fn entry(dir: &Path, file: &Path) -> Result<Entry, PackError> {
    let relative = file.strip_prefix(dir).unwrap_or(file);
    let path = RelativePath::from_path(relative)?;
    let io = |source| PackError::Io { path: file.to_owned(), source };
    let metadata = fs::symlink_metadata(file).map_err(io)?;
    let kind = if metadata.is_dir() {
        Kind::Folder
    } else if metadata.is_symlink() {
        Kind::Link { target: link_target(&path, &fs::read_link(file).map_err(io)?)? }
    } else if metadata.is_file() {
        Kind::File { size: metadata.len(), executable: metadata.permissions().mode() & 0o111 != 0 }
    } else {
        return Err(PackError::Special { path });
    };
    Ok(Entry { path, kind })
}

fn link_target(link: &RelativePath, target: &Path) -> Result<String, PackError> {
    let text = target.to_string_lossy().into_owned();
    let reason = match target.to_str() {
        None => Some("its target is not UTF-8"),
        Some(target) => link_fault(link, target),
    };
    match reason {
        None => Ok(text),
        Some(reason) => Err(PackError::Link { link: link.clone(), target: text, reason }),
    }
}

fn check_size(dir: &Path, entries: &[Entry], limit: u64) -> Result<u64, PackError> {
    let mut files: Vec<_> = entries.iter().filter_map(|entry| Some((file_size(entry)?, &entry.path))).collect();
    let bytes = files.iter().map(|(size, _)| size).sum();
    if bytes <= limit {
        return Ok(bytes);
    }
    files.sort_by(|one, other| other.cmp(one));
    let named = files.iter().take(LARGEST_NAMED).map(|(size, path)| format!("`{path}` ({size} bytes)"));
    let largest = named.collect::<Vec<_>>().join(", ");
    Err(PackError::TooLarge { dir: dir.to_owned(), bytes, limit, largest })
}

fn file_size(entry: &Entry) -> Option<u64> {
    match entry.kind {
        Kind::File { size, .. } => Some(size),
        Kind::Folder | Kind::Link { .. } => None,
    }
}

fn append(dir: &Path, entry: &Entry, builder: &mut Builder<&mut dyn Write>) -> Result<(), PackError> {
    let file = entry.path.below(dir);
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    let path = entry.path.as_str();
    let appended = match &entry.kind {
        Kind::Folder => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(0o755);
            builder.append_data(&mut header, format!("{path}/"), io::empty())
        }
        Kind::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder.append_link(&mut header, path, target)
        }
        Kind::File { size, executable } => {
            header.set_entry_type(EntryType::Regular);
            header.set_mode(if *executable { 0o755 } else { 0o644 });
            header.set_size(*size);
            File::open(&file).and_then(|content| builder.append_data(&mut header, path, Exactly { content, left: *size }))
        }
    };
    appended.map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => PackError::Changed { path: entry.path.clone() },
        _ => PackError::Io { path: file, source },
    })
}

/// Gives exactly so many bytes, or an error: the archive says the size before the content.
struct Exactly {
    content: File,
    left: u64,
}

impl Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.content.read(&mut buffer[..wanted])?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(test)]
#[path = "pack_tests.rs"]
mod tests;
