//! What was read before: hashes by path and stamp, so that a file that has not changed is not read again.
//!
//! A file counts as unchanged while its size, inode and times are what they were. One that was changed within
//! [`SETTLED`] before it was read is not remembered: it may change again within the same tick of the clock. The index is
//! a cache: what cannot be read of it is forgotten, and losing it costs time alone.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::manifest::Chunk;
use super::tree::Stamp;
use crate::durable::write_atomically;
use crate::hash::Hash;

/// Nanoseconds that a file has to be older than the reading of it; more than any file system's clock ticks.
const SETTLED: i128 = 2_000_000_000;
/// Raised when the meaning of an entry changes.
const FORMAT: u32 = 1;

/// What was read of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub hash: Hash,
    pub chunks: Vec<Chunk>,
}

/// What was read below one place.
#[derive(Debug, Default)]
pub struct Index {
    /// Where it is kept; `None`: nowhere.
    place: Option<(PathBuf, String)>,
    known: BTreeMap<String, (Stamp, Read)>,
    /// Entries that were used or made since the index was opened: all that is kept of it.
    used: BTreeMap<String, (Stamp, Read)>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    hone_index: u32,
    root: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    size: u64,
    modified: i128,
    changed: i128,
    inode: (u64, u64),
    hash: Hash,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<Chunk>,
}

impl Index {
    /// The index of the data at `root`, kept in `folder`; empty where there is none that can be read.
    #[must_use]
    pub fn open(folder: &Path, root: &Path) -> Self {
        let root = root.to_string_lossy().into_owned();
        let name = format!("{}.index", &Hash::of(root.as_bytes()).to_string()[..32]);
        let known = fs::read_to_string(folder.join(&name)).map(|text| parse(&text, &root)).unwrap_or_default();
        Self { place: Some((folder.join(name), root)), known, used: BTreeMap::new() }
    }

    /// What is known of a file, if it has not changed.
    pub(super) fn get(&self, path: &str, stamp: &Stamp) -> Option<&Read> {
        self.known.get(path).filter(|(known, _)| known == stamp).map(|(_, read)| read)
    }

    /// Notes what was read of a file, at `now` in nanoseconds since the epoch.
    pub(super) fn put(&mut self, path: &str, stamp: Stamp, read: Read, now: i128) {
        if stamp.modified.max(stamp.changed) + SETTLED <= now {
            self.used.insert(path.to_owned(), (stamp, read));
        }
    }

    /// Writes what is known of the files that are there, and nothing else.
    ///
    /// # Errors
    /// What the operating system says; the data is taken all the same.
    pub fn save(&self) -> io::Result<()> {
        let Some((place, root)) = &self.place else { return Ok(()) };
        let (Some(folder), Some(name)) = (place.parent(), place.file_name().and_then(|name| name.to_str())) else {
            return Ok(());
        };
        fs::create_dir_all(folder)?;
        let mut text = serde_json::to_vec(&Header { hone_index: FORMAT, root: root.clone() })?;
        for (path, (stamp, read)) in &self.used {
            text.push(b'\n');
            serde_json::to_writer(&mut text, &line_of(path, stamp, read))?;
        }
        text.push(b'\n');
        write_atomically(folder, name, &text)
    }
}

/// Now, in nanoseconds since the epoch.
pub(super) fn now() -> i128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_nanos() as i128)
}

fn line_of(path: &str, stamp: &Stamp, read: &Read) -> Line {
    let Stamp { size, modified, changed, inode } = *stamp;
    Line { path: path.to_owned(), size, modified, changed, inode, hash: read.hash, chunks: read.chunks.clone() }
}

fn parse(text: &str, root: &str) -> BTreeMap<String, (Stamp, Read)> {
    let mut lines = text.lines();
    let header = lines.next().and_then(|line| serde_json::from_str::<Header>(line).ok());
    if header.is_none_or(|header| header.hone_index != FORMAT || header.root != root) {
        return BTreeMap::new();
    }
    let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
    let entry = |line: Line| {
        let Line { path, size, modified, changed, inode, hash, chunks } = line;
        (path, (Stamp { size, modified, changed, inode }, Read { hash, chunks }))
    };
    lines.map(entry).collect()
}

#[cfg(test)]
#[path = "index_tests.rs"]
mod tests;
