//! The bytes of one file, wherever they lie: in a file, or in the blobs of a snapshot. Read at any place, by many at once.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::manifest::Entry;
use crate::blobs::BlobStore;
use crate::hash::Hash;

/// Where a stretch of the content lies.
#[derive(Debug, Clone)]
enum Place {
    File(PathBuf),
    Blob(Hash),
}

#[derive(Debug, Clone)]
struct Part {
    place: Place,
    /// Where in the content it begins.
    start: u64,
    size: u64,
}

/// The bytes of one file. Clones share what is open.
#[derive(Debug, Clone)]
pub struct Content {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    parts: Vec<Part>,
    blobs: Option<BlobStore>,
    size: u64,
    /// The part that was read last: reading mostly goes on where it was.
    open: Mutex<Option<(usize, Arc<File>)>>,
}

impl Content {
    /// A file of this machine.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let size = std::fs::metadata(path)?.len();
        let part = Part { place: Place::File(path.to_owned()), start: 0, size };
        Ok(Self::new(vec![part], None, size))
    }

    /// A file of a snapshot whose blobs are in `blobs`.
    #[must_use]
    pub fn of_entry(entry: &Entry, blobs: &BlobStore) -> Self {
        let mut start = 0;
        let mut part = |(hash, size): (&Hash, u64)| {
            let part = Part { place: Place::Blob(*hash), start, size };
            start += size;
            part
        };
        let parts = entry.parts().map(&mut part).collect();
        Self::new(parts, Some(blobs.clone()), entry.size)
    }

    fn new(parts: Vec<Part>, blobs: Option<BlobStore>, size: u64) -> Self {
        Self { shared: Arc::new(Shared { parts, blobs, size, open: Mutex::default() }) }
    }

    /// Bytes of it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.shared.size
    }

    /// Reads from its beginning.
    #[must_use]
    pub fn reader(&self) -> Reader {
        self.reader_at(0)
    }

    /// Reads on from a place.
    #[must_use]
    pub fn reader_at(&self, at: u64) -> Reader {
        Reader { content: self.clone(), at }
    }

    /// Reads bytes at a place; fewer than asked for where a part ends, none at the end.
    ///
    /// # Errors
    /// What the operating system says; `NotFound` for a blob that is not there.
    pub fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        if at >= self.shared.size || into.is_empty() {
            return Ok(0);
        }
        let index = self.shared.parts.partition_point(|part| part.start + part.size <= at);
        let Some(part) = self.shared.parts.get(index) else { return Ok(0) };
        let within = at - part.start;
        let wanted = usize::try_from(part.size - within).unwrap_or(usize::MAX).min(into.len());
        match self.shared.file(index)?.read_at(&mut into[..wanted], within)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }

    /// Fills `into` from a place.
    ///
    /// # Errors
    /// As [`Content::read_at`]; `UnexpectedEof` when the content ends before.
    pub fn read_exact_at(&self, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
        while !into.is_empty() {
            let read = self.read_at(into, at)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            into = &mut into[read..];
            at += read as u64;
        }
        Ok(())
    }
}

impl Shared {
    fn file(&self, index: usize) -> io::Result<Arc<File>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, file)) = &*open
            && *known == index
        {
            return Ok(file.clone());
        }
        let file = match (&self.parts[index].place, &self.blobs) {
            (Place::File(path), _) => File::open(path)?,
            (Place::Blob(hash), Some(blobs)) => {
                blobs.open_blob(hash).map_err(|error| io::Error::new(io::ErrorKind::NotFound, error.to_string()))?
            }
            (Place::Blob(hash), None) => return Err(io::Error::new(io::ErrorKind::NotFound, hash.to_string())),
        };
        let file = Arc::new(file);
        *open = Some((index, file.clone()));
        Ok(file)
    }
}

/// Reads a content in order.
#[derive(Debug)]
pub struct Reader {
    content: Content,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read_at(into, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
