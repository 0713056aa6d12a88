//! What a snapshot consists of: its files in the order of their paths, as canonical text.
//!
//! ```text
//! {"hone_dataset":1}
//! {"path":"a.csv","size":12,"hash":"…"}
//! {"path":"b.bin","size":9000000,"hash":"…","chunks":[["…",1048576],…]}
//! ```
//! The same files give the same bytes, and so the same id. Reading accepts canonical text alone: no two texts mean the
//! same snapshot.

use std::io::{self, BufRead};

use serde::{Deserialize, Serialize};

use super::chunks::{CHUNK_BYTES, WHOLE_BYTES};
use crate::hash::Hash;
use crate::path::RelativePath;

/// The format that this build writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// A part of a large file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(Hash, u32)", into = "(Hash, u32)")]
pub struct Chunk {
    /// Its content.
    pub hash: Hash,
    /// Its size in bytes.
    pub size: u32,
}

impl From<(Hash, u32)> for Chunk {
    fn from((hash, size): (Hash, u32)) -> Self {
        Self { hash, size }
    }
}

impl From<Chunk> for (Hash, u32) {
    fn from(chunk: Chunk) -> Self {
        (chunk.hash, chunk.size)
    }
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Where it lies.
    pub path: RelativePath,
    /// Its size in bytes.
    pub size: u64,
    /// Its content.
    pub hash: Hash,
    /// Whether it may be executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
    /// Its parts in order; none: the whole content is one blob.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<Chunk>,
}

impl Entry {
    /// The blobs that make up the file, in order, with their sizes.
    pub fn parts(&self) -> impl Iterator<Item = (&Hash, u64)> {
        let whole = self.chunks.is_empty().then_some((&self.hash, self.size));
        whole.into_iter().chain(self.chunks.iter().map(|chunk| (&chunk.hash, u64::from(chunk.size))))
    }
}

/// Why bytes are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A newer build wrote it.
    #[error("the manifest has format {found}, and this build reads {FORMAT}; upgrade hone")]
    Newer {
        /// Its format.
        found: u32,
    },
    /// A line says what cannot be.
    #[error("line {line} of the manifest {reason}")]
    Line {
        /// Which, from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// It has no files.
    #[error("the manifest names no files")]
    Empty,
    /// It cannot be read.
    #[error("the manifest cannot be read")]
    Io(#[from] io::Error),
}

/// The files of a snapshot, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    files: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    hone_dataset: u32,
}

impl Manifest {
    /// Puts files in order.
    ///
    /// # Errors
    /// There are none, one path is there twice, or is a folder of another one.
    pub fn new(mut files: Vec<Entry>) -> Result<Self, ManifestError> {
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let manifest = Self { files };
        for (line, pair) in (3..).zip(manifest.files.windows(2)) {
            let [former, entry] = pair else { continue };
            in_order(former, entry).map_err(|reason| ManifestError::Line { line, reason })?;
        }
        manifest.check_folders()?;
        if manifest.files.is_empty() { Err(ManifestError::Empty) } else { Ok(manifest) }
    }

    /// The files, in the order of their paths.
    #[must_use]
    pub fn files(&self) -> &[Entry] {
        &self.files
    }

    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Entry> {
        let at = self.files.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size).sum()
    }

    /// The blobs of all files with their sizes; one that files share comes several times.
    pub fn blobs(&self) -> impl Iterator<Item = (&Hash, u64)> {
        self.files.iter().flat_map(Entry::parts)
    }

    /// The canonical text.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = line_of(&Header { hone_dataset: FORMAT });
        self.files.iter().for_each(|entry| bytes.extend(line_of(entry)));
        bytes
    }

    /// The snapshot's id: the hash of the canonical text.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }

    /// Reads canonical text, checking everything but the content of blobs.
    ///
    /// # Errors
    /// [`ManifestError`], with the line.
    pub fn read(text: &mut dyn BufRead) -> Result<Self, ManifestError> {
        let (mut line, mut number) = (Vec::new(), 0);
        let mut files: Vec<Entry> = Vec::new();
        loop {
            line.clear();
            if text.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            number += 1;
            let wrong = |reason: String| ManifestError::Line { line: number, reason };
            if number == 1 {
                check_header(&line)?;
                continue;
            }
            let entry = entry_of(&line).map_err(wrong)?;
            if let Some(former) = files.last() {
                in_order(former, &entry).map_err(wrong)?;
            }
            files.push(entry);
        }
        let manifest = Self { files };
        manifest.check_folders()?;
        if manifest.files.is_empty() { Err(ManifestError::Empty) } else { Ok(manifest) }
    }

    /// No file is a folder of another one. What lies between them in order begins with the file's path too.
    fn check_folders(&self) -> Result<(), ManifestError> {
        let mut files: Vec<&str> = Vec::new();
        for (line, entry) in (2..).zip(&self.files) {
            let path = entry.path.as_str();
            while files.last().is_some_and(|former| !path.starts_with(former)) {
                files.pop();
            }
            if let Some(folder) = files.iter().find(|former| path.as_bytes().get(former.len()) == Some(&b'/')) {
                return Err(ManifestError::Line { line, reason: format!("has `{path}` below the file `{folder}`") });
            }
            files.push(path);
        }
        Ok(())
    }
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("paths, numbers and hashes are JSON");
    line.push(b'\n');
    line
}

fn check_header(line: &[u8]) -> Result<(), ManifestError> {
    let wrong = |reason: String| ManifestError::Line { line: 1, reason };
    let header: Header = serde_json::from_slice(line).map_err(|error| wrong(format!("is no header of a manifest: {error}")))?;
    match header.hone_dataset {
        FORMAT if line_of(&header) == line => Ok(()),
        FORMAT => Err(wrong("is not written as it should be".to_owned())),
        found => Err(ManifestError::Newer { found }),
    }
}

fn entry_of(line: &[u8]) -> Result<Entry, String> {
    let entry: Entry = serde_json::from_slice(line).map_err(|error| format!("is no file's: {error}"))?;
    if line_of(&entry) != line {
        return Err("is not written as it should be".to_owned());
    }
    check_sizes(&entry)?;
    Ok(entry)
}

/// The parts of a file add up to it, and are such as the chunker makes.
fn check_sizes(entry: &Entry) -> Result<(), String> {
    let path = &entry.path;
    if entry.chunks.is_empty() {
        let whole = entry.size <= WHOLE_BYTES;
        return if whole { Ok(()) } else { Err(format!("says of `{path}` that its {} bytes are one blob", entry.size)) };
    }
    let sum: u64 = entry.chunks.iter().map(|chunk| u64::from(chunk.size)).sum();
    let usual = entry.chunks.iter().all(|chunk| (1..=CHUNK_BYTES.2 as u32).contains(&chunk.size));
    if sum == entry.size && entry.size > WHOLE_BYTES && usual {
        return Ok(());
    }
    Err(format!("says of `{path}` that it has {} bytes, and its chunks have {sum}", entry.size))
}

fn in_order(former: &Entry, entry: &Entry) -> Result<(), String> {
    match former.path.cmp(&entry.path) {
        std::cmp::Ordering::Less => Ok(()),
        std::cmp::Ordering::Equal => Err(format!("has `{}` twice", entry.path)),
        std::cmp::Ordering::Greater => Err(format!("has `{}` after `{}`", entry.path, former.path)),
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
