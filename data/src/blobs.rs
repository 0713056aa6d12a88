//! The blob store: files named by the hash of their content, written once and never changed.
//!
//! ```text
//! blobs/ab/ab12…          the blob whose hash begins with ab
//! blobs/tmp/.hone-tmp-…   uploads that have not ended; old ones are swept
//! blobs/tmp/damaged-ab12… what was found not to be what its name says
//! ```
//! A blob is visible when it is whole and durable: temporary file, sync, rename, sync of the folder.
//! Paths are made from hashes alone, never from what a client says. What nothing needs any more is
//! removed by [`BlobStore::sweep`], which spares the young and the pinned.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

use crate::durable::{TEMPORARY_PREFIX, sync_dir, temporary_in};
use crate::hash::Hash;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The content is larger than the store accepts; nothing is kept of it.
    #[error("a blob is limited to {limit} bytes, and this one is larger; raise the limit or split it")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// No room on the disk; nothing is kept of the content.
    #[error("no space left for blobs in `{path}`; free some space and try again", path = .path.display())]
    Full {
        /// The store.
        path: PathBuf,
    },
    /// There is no such blob.
    #[error("there is no blob `{hash}`; upload it again")]
    Missing {
        /// The blob.
        hash: Hash,
    },
    /// The stored bytes are not what was written, or not what was announced.
    #[error("the content of blob `{hash}` has the hash `{found}`; upload it again")]
    Mismatch {
        /// The blob.
        hash: Hash,
        /// Hash of the bytes.
        found: Hash,
    },
    /// Anything else that the operating system says.
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

impl BlobError {
    /// Sorts an error of the operating system.
    #[must_use]
    pub fn from_io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full { path },
            _ => Self::Io { operation, path, source },
        }
    }
}

/// A blob that was put.
#[derive(Debug)]
pub struct Stored {
    /// Its name.
    pub hash: Hash,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it was not there before.
    pub new: bool,
    /// Keeps it from being swept until what needs it is recorded.
    pub pin: Pin,
}

/// What a sweep did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Blobs removed.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Blobs that nothing reaches and that were spared, being young or pinned.
    pub spared: u64,
}

/// Number and bytes of all blobs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct BlobUsage {
    /// Blobs.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

type Pins = Arc<Mutex<BTreeMap<Hash, usize>>>;

fn lock(pins: &Pins) -> MutexGuard<'_, BTreeMap<Hash, usize>> {
    pins.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps a blob from being swept while it lives.
#[derive(Debug)]
pub struct Pin {
    hash: Hash,
    pins: Pins,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = lock(&self.pins);
        if let Some(count) = pins.get_mut(&self.hash) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.hash);
            }
        }
    }
}

/// A folder of blobs; clones share it.
#[derive(Debug, Clone)]
pub struct BlobStore {
    root: PathBuf,
    max_blob_bytes: u64,
    /// Pins; also held over every check-and-touch and check-and-remove, so that they exclude each other.
    pins: Pins,
}

impl BlobStore {
    /// Opens the store in `root`, made where there is none. Blobs are limited to `max_blob_bytes`.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Io`]
    pub fn open(root: &Path, max_blob_bytes: u64) -> Result<Self, BlobError> {
        let store = Self { root: root.to_owned(), max_blob_bytes, pins: Pins::default() };
        let prepare = || -> io::Result<()> {
            fs::create_dir_all(store.uploads())?;
            sync_dir(root)
        };
        prepare().map_err(|error| BlobError::from_io("opening", root, error))?;
        Ok(store)
    }

    fn uploads(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where the content of a blob is, for readers that take a path; whoever reads there holds a [`Pin`].
    #[must_use]
    pub fn path(&self, hash: &Hash) -> PathBuf {
        self.file(hash)
    }

    fn shard(&self, hash: &Hash) -> PathBuf {
        self.root.join(&hash.to_string()[..2])
    }

    fn file(&self, hash: &Hash) -> PathBuf {
        self.shard(hash).join(hash.to_string())
    }

    fn io<'a>(&'a self, operation: &'static str) -> impl FnOnce(io::Error) -> BlobError + 'a {
        move |error| BlobError::from_io(operation, &self.root, error)
    }

    /// Starts a blob that is written piece by piece.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Io`]
    pub fn writer(&self) -> Result<BlobWriter, BlobError> {
        let file = temporary_in(&self.uploads()).map_err(self.io("writing"))?;
        Ok(BlobWriter { store: self.clone(), file, hasher: blake3::Hasher::new(), size: 0 })
    }

    /// Stores everything that `content` gives.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Full`], [`BlobError::Io`]
    pub fn put(&self, content: &mut dyn Read) -> Result<Stored, BlobError> {
        let mut writer = self.writer()?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let read = match content.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(self.io("reading content for"))?,
            };
            if read == 0 {
                return writer.finish();
            }
            writer.write(&buffer[..read])?;
        }
    }

    /// Whether the blob is there.
    #[must_use]
    pub fn contains(&self, hash: &Hash) -> bool {
        self.file(hash).is_file()
    }

    /// Size of the blob in bytes.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Io`]
    pub fn size(&self, hash: &Hash) -> Result<u64, BlobError> {
        let metadata = fs::metadata(self.file(hash));
        metadata.map(|metadata| metadata.len()).map_err(|error| self.missing_or(hash, error))
    }

    /// Opens the blob for reading; its content is not checked on the way.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Io`]
    pub fn open_blob(&self, hash: &Hash) -> Result<File, BlobError> {
        File::open(self.file(hash)).map_err(|error| self.missing_or(hash, error))
    }

    /// Reads the whole blob and checks it.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Mismatch`], [`BlobError::Io`]
    pub fn get(&self, hash: &Hash) -> Result<Vec<u8>, BlobError> {
        let bytes = fs::read(self.file(hash)).map_err(|error| self.missing_or(hash, error))?;
        match Hash::of(&bytes) {
            found if found == *hash => Ok(bytes),
            found => Err(BlobError::Mismatch { hash: *hash, found }),
        }
    }

    /// Those of `hashes` that are not there. The others count as young again, so that a sweep does
    /// not take them from a client that now relies on them.
    #[must_use]
    pub fn missing(&self, hashes: &[Hash]) -> Vec<Hash> {
        let _no_sweep = lock(&self.pins);
        hashes.iter().copied().filter(|hash| !self.touch(hash)).collect()
    }

    /// Keeps a blob from being swept while the answer lives, whether it is there yet or not.
    #[must_use]
    pub fn pin(&self, hash: &Hash) -> Pin {
        self.pin_locked(&mut lock(&self.pins), hash)
    }

    fn pin_locked(&self, pins: &mut BTreeMap<Hash, usize>, hash: &Hash) -> Pin {
        *pins.entry(*hash).or_default() += 1;
        Pin { hash: *hash, pins: Arc::clone(&self.pins) }
    }

    /// Removes every blob that is not `reachable`, was not put or asked for within `grace`, and is
    /// not pinned; also what uploads left behind that long ago.
    ///
    /// # Errors
    /// [`BlobError::Io`]
    pub fn sweep(&self, reachable: &dyn Fn(&Hash) -> bool, grace: Duration) -> Result<Swept, BlobError> {
        let mut swept = Swept::default();
        for (hash, size) in self.list()? {
            if reachable(&hash) {
                continue;
            }
            if self.remove_idle(&hash, grace)? {
                swept.removed += 1;
                swept.removed_bytes += size;
            } else {
                swept.spared += 1;
            }
        }
        self.sweep_uploads(grace)?;
        Ok(swept)
    }

    fn remove_idle(&self, hash: &Hash, grace: Duration) -> Result<bool, BlobError> {
        let pins = lock(&self.pins);
        let file = self.file(hash);
        if pins.contains_key(hash) || !older_than(&file, grace) {
            return Ok(false);
        }
        fs::remove_file(&file).map_err(self.io("removing a blob from"))?;
        Ok(true)
    }

    fn sweep_uploads(&self, grace: Duration) -> Result<(), BlobError> {
        for entry in fs::read_dir(self.uploads()).map_err(self.io("reading"))? {
            let path = entry.map_err(self.io("reading"))?.path();
            let ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(TEMPORARY_PREFIX));
            if ours && older_than(&path, grace) {
                // It may have ended meanwhile, which takes it away as well.
                let _gone_already = fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// Every blob with its size, in the order of the hashes.
    ///
    /// # Errors
    /// [`BlobError::Io`]
    pub fn list(&self) -> Result<Vec<(Hash, u64)>, BlobError> {
        let list = || -> io::Result<Vec<(Hash, u64)>> {
            let mut blobs = Vec::new();
            for shard in fs::read_dir(&self.root)? {
                let shard = shard?;
                if shard.file_type()?.is_dir() && shard.file_name() != "tmp" {
                    list_shard(&shard.path(), &mut blobs)?;
                }
            }
            blobs.sort_unstable();
            Ok(blobs)
        };
        list().map_err(self.io("reading"))
    }

    /// Number and bytes of all blobs.
    ///
    /// # Errors
    /// [`BlobError::Io`]
    pub fn usage(&self) -> Result<BlobUsage, BlobError> {
        let blobs = self.list()?;
        let bytes = blobs.iter().map(|(_, size)| size).sum();
        Ok(BlobUsage { count: blobs.len() as u64, bytes })
    }

    /// Reads the blob and compares it with its name.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Mismatch`], [`BlobError::Io`]
    pub fn verify(&self, hash: &Hash) -> Result<(), BlobError> {
        let read = Hash::of_reader(&mut self.open_blob(hash)?);
        match read.map_err(self.io("reading a blob of"))? {
            (found, _) if found == *hash => Ok(()),
            (found, _) => Err(BlobError::Mismatch { hash: *hash, found }),
        }
    }

    /// Takes a damaged blob out of the store, so that it counts as missing and whoever has its content uploads it again. Its
    /// bytes stay in `tmp/damaged-…`. Answers whether it was damaged.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Io`]
    pub fn set_aside(&self, hash: &Hash) -> Result<bool, BlobError> {
        match self.verify(hash) {
            Err(BlobError::Mismatch { .. }) => {}
            sound => return sound.map(|()| false),
        }
        let _no_sweep = lock(&self.pins);
        let aside = self.uploads().join(format!("damaged-{hash}"));
        fs::rename(self.file(hash), aside).map_err(|error| self.missing_or(hash, error))?;
        sync_dir(&self.shard(hash)).map_err(self.io("writing"))?;
        Ok(true)
    }

    /// The blobs whose content does not match their name.
    ///
    /// # Errors
    /// [`BlobError::Io`]
    pub fn verify_all(&self) -> Result<Vec<Hash>, BlobError> {
        let mut damaged = Vec::new();
        for (hash, _) in self.list()? {
            match self.verify(&hash) {
                Ok(()) => {}
                Err(BlobError::Mismatch { .. }) => damaged.push(hash),
                Err(other) => return Err(other),
            }
        }
        Ok(damaged)
    }

    fn missing_or(&self, hash: &Hash, error: io::Error) -> BlobError {
        if error.kind() == io::ErrorKind::NotFound {
            return BlobError::Missing { hash: *hash };
        }
        BlobError::from_io("reading", &self.file(hash), error)
    }

    /// Makes a blob young again; answers whether it is there.
    fn touch(&self, hash: &Hash) -> bool {
        let touched = File::open(self.file(hash)).and_then(|file| file.set_modified(SystemTime::now()));
        touched.is_ok()
    }

    /// Gives the file its place.
    fn install(&self, file: NamedTempFile, hash: &Hash) -> io::Result<()> {
        let shard = self.shard(hash);
        if !shard.is_dir() {
            fs::create_dir_all(&shard)?;
            sync_dir(&self.root)?;
        }
        file.persist(self.file(hash)).map_err(|error| error.error)?;
        sync_dir(&shard)
    }
}

fn list_shard(shard: &Path, blobs: &mut Vec<(Hash, u64)>) -> io::Result<()> {
    for entry in fs::read_dir(shard)? {
        let entry = entry?;
        if let Ok(hash) = Hash::parse(&entry.file_name().to_string_lossy()) {
            blobs.push((hash, entry.metadata()?.len()));
        }
    }
    Ok(())
}

/// Whether the file was last touched `grace` ago or more; a clock set back makes files young.
fn older_than(file: &Path, grace: Duration) -> bool {
    let modified = fs::metadata(file).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= grace))
}

/// A blob that is being written; dropped before its end it leaves nothing behind.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    file: NamedTempFile,
    hasher: blake3::Hasher,
    size: u64,
}

impl BlobWriter {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`], [`BlobError::Full`], [`BlobError::Io`]; the blob is lost then.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), BlobError> {
        self.size += bytes.len() as u64;
        if self.size > self.store.max_blob_bytes {
            return Err(BlobError::TooLarge { limit: self.store.max_blob_bytes });
        }
        self.hasher.update(bytes);
        self.file.write_all(bytes).map_err(self.store.io("writing"))
    }

    /// Bytes so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Ends the blob; durable when it returns.
    ///
    /// # Errors
    /// [`BlobError::Full`], [`BlobError::Io`]
    pub fn finish(self) -> Result<Stored, BlobError> {
        let hash = Hash::of_hasher(&self.hasher);
        let size = self.size;
        let store = self.store.clone();
        let (pin, known) = {
            let mut pins = lock(&store.pins);
            (store.pin_locked(&mut pins, &hash), store.touch(&hash))
        };
        if !known {
            let io = |error| BlobError::from_io("writing", &store.root, error);
            self.file.as_file().sync_all().map_err(io)?;
            store.install(self.file, &hash).map_err(io)?;
        }
        Ok(Stored { hash, size, new: !known, pin })
    }

    /// Ends the blob when its content is the one announced.
    ///
    /// # Errors
    /// [`BlobError::Mismatch`] and nothing is kept; else as for [`finish`](Self::finish).
    pub fn finish_as(self, hash: &Hash) -> Result<Stored, BlobError> {
        match Hash::of_hasher(&self.hasher) {
            found if found == *hash => self.finish(),
            found => Err(BlobError::Mismatch { hash: *hash, found }),
        }
    }
}

#[cfg(test)]
#[path = "blobs_tests.rs"]
mod tests;
