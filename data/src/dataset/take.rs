//! Takes a snapshot of files: reads what has changed, on all threads, and says where each blob's bytes lie.
//!
//! Nothing is copied. Whoever keeps the blobs reads the [`Piece`]s afterwards and checks them against their names, which
//! finds a file that was changed in between.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rayon::prelude::*;

use super::DatasetError;
use super::chunks::hash_content;
use super::index::{self, Index, Read};
use super::manifest::{Entry, Manifest};
use super::tree::{self, Found, Stamp};
use crate::hash::Hash;
use crate::path::RelativePath;

/// Bytes of a file, which are a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub file: PathBuf,
    /// Where in it they begin.
    pub offset: u64,
    /// How many.
    pub size: u64,
}

impl Piece {
    /// Opens the file at the piece; no more than the piece is to be read.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(&self) -> io::Result<io::Take<File>> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file.take(self.size))
    }
}

/// A snapshot, and where its blobs come from.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Its files.
    pub manifest: Manifest,
    /// Where each file lies, by its path.
    pub places: BTreeMap<RelativePath, PathBuf>,
    /// Where the bytes of each blob lie.
    pub pieces: BTreeMap<Hash, Piece>,
    /// How many bytes were read; the others were known from before.
    pub bytes_read: u64,
}

/// How far the reading is; may be looked at from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of all files; 0 until they are listed.
    pub bytes: AtomicU64,
    /// Of them, so many are read or known.
    pub done: AtomicU64,
}

/// Takes a snapshot of the file or folder `root`.
///
/// # Errors
/// [`DatasetError`]
pub fn take(root: &Path, index: &mut Index, progress: &Progress) -> Result<Taken, DatasetError> {
    take_found(tree::list(root)?, index, progress)
}

/// Takes a snapshot of files that lie anywhere, each under a path of its own.
///
/// # Errors
/// [`DatasetError`]
pub fn take_files(
    files: impl IntoIterator<Item = (RelativePath, PathBuf)>,
    index: &mut Index,
    progress: &Progress,
) -> Result<Taken, DatasetError> {
    let files = files.into_iter().map(|(path, file)| tree::single(path, &file)).collect::<Result<Vec<_>, _>>()?;
    take_found(files, index, progress)
}

fn take_found(files: Vec<Found>, index: &mut Index, progress: &Progress) -> Result<Taken, DatasetError> {
    progress.bytes.store(files.iter().map(|found| found.stamp.size).sum(), Ordering::Relaxed);
    let began = index::now();
    let known = &*index;
    let read = files.par_iter().map(|found| read_one(found, known, progress)).collect::<Result<Vec<_>, _>>()?;
    let (mut entries, mut places, mut pieces) = (Vec::with_capacity(files.len()), BTreeMap::new(), BTreeMap::new());
    let mut bytes_read = 0;
    for (found, (read, fresh)) in files.into_iter().zip(read) {
        if fresh {
            bytes_read += found.stamp.size;
        }
        index.put(found.path.as_str(), found.stamp, read.clone(), began);
        let Found { path, file, executable, stamp } = found;
        let entry = Entry { path, size: stamp.size, hash: read.hash, executable, chunks: read.chunks };
        note_pieces(&entry, &file, &mut pieces);
        places.insert(entry.path.clone(), file);
        entries.push(entry);
    }
    Ok(Taken { manifest: Manifest::new(entries)?, places, pieces, bytes_read })
}

/// What a file holds, and whether it was read for that.
fn read_one(found: &Found, index: &Index, progress: &Progress) -> Result<(Read, bool), DatasetError> {
    let known = index.get(found.path.as_str(), &found.stamp).cloned();
    let read = match &known {
        Some(read) => read.clone(),
        None => read_file(found)?,
    };
    progress.done.fetch_add(found.stamp.size, Ordering::Relaxed);
    Ok((read, known.is_none()))
}

fn read_file(found: &Found) -> Result<Read, DatasetError> {
    let reading = || DatasetError::reading(&found.file);
    let mut file = File::open(&found.file).map_err(reading())?;
    let (hash, size, chunks) = hash_content(&mut file, found.stamp.size).map_err(reading())?;
    let after = Stamp::of(&fs::metadata(&found.file).map_err(reading())?);
    if size != found.stamp.size || after != found.stamp {
        return Err(DatasetError::Changed { path: found.file.clone() });
    }
    Ok(Read { hash, chunks })
}

fn note_pieces(entry: &Entry, file: &Path, pieces: &mut BTreeMap<Hash, Piece>) {
    let mut offset = 0;
    for (hash, size) in entry.parts() {
        pieces.entry(*hash).or_insert_with(|| Piece { file: file.to_owned(), offset, size });
        offset += size;
    }
}

#[cfg(test)]
#[path = "take_tests.rs"]
mod tests;
