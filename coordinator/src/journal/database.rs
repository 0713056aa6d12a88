//! sled 0.34.7, used as what it is: a few large keys, one unsynced batch at most, nothing trusted.
//!
//! `flush` does not reach the disk on Linux (it calls `sync_file_range`), so every [`Database::apply`]
//! ends with `fdatasync` on sled's own file. There is no background thread: sled's flusher syncs on
//! its own time and only logs an error that the next `fdatasync` would then no longer report.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hone_data::durable::sync_dir;
use sled::{Batch, IVec};

use super::JournalError;
use super::nudge::Nudge;
use super::supervise::{supervised, supervised_for};

/// Bytes of one segment. A leaf of up to 16 chunks is rewritten as one message and must fit well
/// into a segment; else sled spills it into files that it never syncs.
const SEGMENT_BYTES: usize = 4 << 20;
/// Extra look-ups of each chunk that is written or read. sled's cache has 256 parts, and a part evicts
/// only once in 64 look-ups; with few large leaves it would otherwise keep hundreds of megabytes,
/// whatever its limit is.
const LOOK_UPS: usize = 8;
/// Attempts to take sled's own lock, which a database closed just now gives up a little later.
const LOCK_ATTEMPTS: u32 = 100;
/// Pause between those attempts.
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes of sled's page cache.
    pub cache_bytes: u64,
    /// Longest time that opening may take.
    pub open_limit: Duration,
    /// Whether a commit ends with `fdatasync`. Never off but in tests: it plants the bug that the
    /// crash images must find.
    pub sync: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 64 << 20, open_limit: Duration::from_secs(300), sync: true }
    }
}

/// A key, and its new value or nothing to remove it.
pub type Change = (u64, Option<IVec>);

/// An open sled database whose keys are sequence numbers.
#[derive(Debug)]
pub struct Database {
    nudge: Option<Nudge>,
    /// Nothing only while dropping.
    db: Option<sled::Db>,
    dir: PathBuf,
    /// Own handle on sled's file: it sees every write error that happens while it is open.
    file: File,
    sync: bool,
}

impl Database {
    /// Opens or creates the database in `dir`; what it holds is durable afterwards.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when sled cannot, [`JournalError::Full`], [`JournalError::Io`]
    pub fn open(dir: &Path, options: &Options) -> Result<Self, JournalError> {
        let io = |error| JournalError::from_io(dir, "opening", error);
        fs::create_dir_all(dir).map_err(io)?;
        remove_generating(dir).map_err(io)?;
        let db = open_supervised(dir, options)?;
        let file = File::open(data_file(dir)).map_err(io)?;
        let nudge = Nudge::start(db.clone()).map_err(io)?;
        let database = Self { nudge: Some(nudge), db: Some(db), dir: dir.to_owned(), file, sync: options.sync };
        database.sync_everything()?;
        Ok(database)
    }

    /// Writes one batch; durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`], [`JournalError::SyncFailed`], [`JournalError::Corrupt`]
    pub fn apply(&self, changes: Vec<Change>) -> Result<(), JournalError> {
        let mut batch = Batch::default();
        let mut written = Vec::new();
        for (key, value) in changes {
            match value {
                None => batch.remove(&key.to_be_bytes()),
                Some(value) => {
                    written.push(key);
                    batch.insert(&key.to_be_bytes(), value);
                }
            }
        }
        self.call("writing", |db| db.apply_batch(batch))?;
        written.into_iter().try_for_each(|key| self.evict_others(key))?;
        self.call("writing", |db| self.watched(|| db.flush().map(drop)))?;
        if self.sync { self.sync_data() } else { Ok(()) }
    }

    /// Syncs sled's file through our own handle.
    ///
    /// # Errors
    /// [`JournalError::SyncFailed`]
    pub fn sync_data(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|error| JournalError::SyncFailed { path: data_file(&self.dir), detail: error.to_string() })
    }

    /// The first entry.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`], [`JournalError::Io`]
    pub fn first(&self) -> Result<Option<(u64, IVec)>, JournalError> {
        self.entry(sled::Tree::first)
    }

    /// The last entry.
    ///
    /// # Errors
    /// As for [`first`](Self::first).
    pub fn last(&self) -> Result<Option<(u64, IVec)>, JournalError> {
        self.entry(sled::Tree::last)
    }

    /// The last entry whose key is `key` or less.
    ///
    /// # Errors
    /// As for [`first`](Self::first).
    pub fn at_or_before(&self, key: u64) -> Result<Option<(u64, IVec)>, JournalError> {
        self.entry(|db| db.range(..=key.to_be_bytes()).next_back().transpose())
    }

    /// The entries from `key` on.
    pub fn from(&self, key: u64) -> Entries<'_> {
        let iter = self.db().map(|db| db.range(key.to_be_bytes()..));
        Entries { database: self, iter }
    }

    /// Bytes that the files take on the disk.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        folder_bytes(&self.dir)
    }

    /// Looks an entry up so often that sled evicts others.
    fn evict_others(&self, key: u64) -> Result<(), JournalError> {
        let look_up = |db: &sled::Tree| (0..LOOK_UPS).try_for_each(|_| db.contains_key(key.to_be_bytes()).map(drop));
        self.call("reading", look_up)
    }

    /// Runs a flush with the helper beside it.
    fn watched<T>(&self, flush: impl FnOnce() -> T) -> T {
        match &self.nudge {
            Some(nudge) => nudge.watch(flush),
            None => flush(),
        }
    }

    fn db(&self) -> Option<&sled::Db> {
        self.db.as_ref()
    }

    fn call<T>(&self, operation: &'static str, call: impl FnOnce(&sled::Tree) -> sled::Result<T>) -> Result<T, JournalError> {
        let Some(db) = self.db() else {
            return Err(JournalError::Poisoned { cause: "the database is closed".to_owned() });
        };
        let result = supervised(|| call(db)).map_err(|panic| damaged(&self.dir, panic))?;
        result.map_err(|error| from_sled(&self.dir, operation, error))
    }

    fn entry(
        &self,
        find: impl FnOnce(&sled::Tree) -> sled::Result<Option<(IVec, IVec)>>,
    ) -> Result<Option<(u64, IVec)>, JournalError> {
        let found = self.call("reading", find)?;
        found.map(|(key, value)| Ok((self.number(&key)?, value))).transpose()
    }

    fn number(&self, key: &IVec) -> Result<u64, JournalError> {
        let bytes = <[u8; 8]>::try_from(&**key);
        bytes.map(u64::from_be_bytes).map_err(|_| damaged(&self.dir, "a key is not a number".to_owned()))
    }

    /// What sled itself leaves to chance: its settings file and the names of its files.
    fn sync_everything(&self) -> Result<(), JournalError> {
        self.sync_data()?;
        let sync = || -> io::Result<()> {
            File::open(self.dir.join("conf"))?.sync_all()?;
            sync_dir(&self.dir.join("blobs"))?;
            sync_dir(&self.dir)
        };
        sync().map_err(|error| JournalError::from_io(&*self.dir, "syncing", error))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Its thread shares the database, which closes with its last owner.
        drop(self.nudge.take());
        let db = self.db.take();
        if let Err(panic) = supervised(|| drop(db)) {
            tracing::warn!(panic, "sled did not close in order");
        }
    }
}

/// Entries in the order of their keys.
pub struct Entries<'a> {
    database: &'a Database,
    iter: Option<sled::Iter>,
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, IVec), JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        let iter = self.iter.as_mut()?;
        let dir = &self.database.dir;
        let (key, value) = match supervised(|| iter.next()) {
            Ok(None) => return None,
            Ok(Some(Ok(entry))) => entry,
            Ok(Some(Err(error))) => return Some(Err(from_sled(dir, "reading", error))),
            Err(panic) => return Some(Err(damaged(dir, panic))),
        };
        let number = self.database.number(&key);
        Some(number.and_then(|key| self.database.evict_others(key).map(|()| (key, value))))
    }
}

/// The file of sled that holds the data.
#[must_use]
pub fn data_file(dir: &Path) -> PathBuf {
    dir.join("db")
}

/// Number of values that sled moved out of its log, which must stay 0: it never syncs them.
///
/// # Errors
/// Whatever the operating system says about reading the folder.
pub fn spilled(dir: &Path) -> io::Result<usize> {
    match fs::read_dir(dir.join("blobs")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        entries => Ok(entries?.count()),
    }
}

fn open_supervised(dir: &Path, options: &Options) -> Result<sled::Db, JournalError> {
    let config = sled::Config::new()
        .path(dir)
        .mode(sled::Mode::LowSpace)
        .cache_capacity(options.cache_bytes)
        .segment_size(SEGMENT_BYTES)
        .flush_every_ms(None);
    let open = move || {
        for _ in 1..LOCK_ATTEMPTS {
            match config.open() {
                Err(error) if is_lock(&error) => std::thread::sleep(LOCK_PAUSE),
                opened => return opened,
            }
        }
        config.open()
    };
    let opened = supervised_for(options.open_limit, open).map_err(|panic| damaged(dir, panic))?;
    opened.map_err(|error| from_sled(dir, "opening", error))
}

fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(io) if io.to_string().starts_with("could not acquire lock"))
}

/// Removes half-written snapshots of sled, which it would take for whole ones.
fn remove_generating(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn damaged(dir: &Path, detail: String) -> JournalError {
    JournalError::Corrupt { file: data_file(dir), sequence: 0, last_good: 0, detail }
}

fn from_sled(dir: &Path, operation: &'static str, error: sled::Error) -> JournalError {
    match error {
        sled::Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => damaged(dir, error.to_string()),
        sled::Error::Io(error) => JournalError::from_io(data_file(dir), operation, error),
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => damaged(dir, error.to_string()),
    }
}

/// Bytes of all files below `dir`; what cannot be read counts nothing.
fn folder_bytes(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}
