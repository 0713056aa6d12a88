//! The journal on sled.
//!
//! ```text
//!  open:  LOCK ─▶ settle ─▶ MANIFEST ─▶ raw scan ─▶ sled ─▶ tail against MANIFEST and scan ─▶ head
//!  append: sizes ─▶ MANIFEST when due ─▶ chunks ─▶ apply_batch, flush, fdatasync ─▶ head
//! ```
//!
//! It must never answer `Ok` for a commit that is not synced, and never show events that differ from
//! what was written: whatever does not fit together is [`JournalError::Corrupt`].

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::chunk::{Chunk, check_sizes, encode_commit};
use super::database::{Change, Database, Options, data_file, spilled};
use super::layout::Layout;
use super::lock::StoreLock;
use super::manifest::{Manifest, State};
use super::opening::{at_event, corrupt, create, decode, open_checked};
use super::{Head, Journal, JournalError, Payload, Usage, Visitor};

/// Chunks after which the manifest is written again, at most; a fresh store doubles up to it.
const MANIFEST_EVERY: usize = 1_000;
/// Chunks written or removed with one sync while many are moved.
const MOVED_AT_ONCE: usize = 64;

/// A journal in a data directory, held until it is dropped.
#[derive(Debug)]
pub struct SledJournal {
    layout: Layout,
    options: Options,
    manifest: Manifest,
    /// Nothing while it is being opened again and after a failure to.
    database: Option<Database>,
    head: Head,
    oldest: u64,
    /// Chunks written since the manifest.
    unrecorded: usize,
    /// Chunks after which the manifest is due.
    record_after: usize,
    failure: Option<Failure>,
    /// Last, so that everything is closed when the lock is given up.
    _lock: StoreLock,
}

/// Why the journal refuses to go on.
#[derive(Debug, Clone)]
enum Failure {
    /// There was no room; opening it again may help.
    Full(String),
    /// Final for this process.
    Final(String),
}

impl SledJournal {
    /// Opens the journal in `dir`, creating the directory and the store where there is none.
    ///
    /// # Errors
    /// [`JournalError::Held`], [`JournalError::Unwritable`], [`JournalError::NewerFormat`],
    /// [`JournalError::Corrupt`], [`JournalError::Full`], [`JournalError::Io`]
    pub fn open(dir: &Path, options: Options) -> Result<Self, JournalError> {
        Self::open_or_create(dir, options, Uuid::new_v4(), Head::GENESIS)
    }

    /// Opens the journal in `dir`; a new one gets this id and begins after `base`.
    pub(super) fn open_or_create(dir: &Path, options: Options, store: Uuid, base: Head) -> Result<Self, JournalError> {
        let layout = Layout::new(dir);
        layout.make_root()?;
        let lock = StoreLock::acquire(dir)?;
        layout.settle()?;
        let mut manifest = match Manifest::load(dir)? {
            Some(manifest) => manifest,
            None => create(&layout, &options, Manifest::new(store, base))?,
        };
        let suspect = manifest.state == State::Suspect;
        let opened = open_checked(&layout, &options, &mut manifest)?;
        let mut journal = Self {
            layout,
            options,
            manifest,
            head: opened.head,
            oldest: opened.oldest,
            database: Some(opened.database),
            unrecorded: 0,
            record_after: 1,
            failure: None,
            _lock: lock,
        };
        if suspect {
            journal.rewrite()?;
        }
        Ok(journal)
    }

    /// Identity of the store.
    #[must_use]
    pub fn store(&self) -> Uuid {
        self.manifest.store
    }

    /// The data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.layout.root()
    }

    /// Writes the database anew, without the space that removed chunks left, checking every event.
    ///
    /// # Errors
    /// As for [`Journal::append`] and [`Journal::read`]; the old database stays in place.
    pub fn rewrite(&mut self) -> Result<(), JournalError> {
        self.read(self.oldest, &mut |_, _| Ok(()))?;
        let target = self.layout.compacting();
        let copied = copy_chunks(self.database()?, &target, &self.options);
        copied.map_err(|error| self.failed(error))?;
        self.database = None;
        let installed = self.layout.install(&target).and_then(|()| self.open_again());
        installed.map_err(|error| self.failed(error))
    }

    fn database(&self) -> Result<&Database, JournalError> {
        if let Some(Failure::Full(cause) | Failure::Final(cause)) = &self.failure {
            return Err(JournalError::Poisoned { cause: cause.clone() });
        }
        let closed = || JournalError::Poisoned { cause: "the database is closed".to_owned() };
        self.database.as_ref().ok_or_else(closed)
    }

    /// Remembers a failure, so that nothing is acknowledged after it.
    fn failed(&mut self, error: JournalError) -> JournalError {
        let cause = error.to_string();
        self.failure = Some(match &error {
            JournalError::Full { .. } => Failure::Full(cause),
            _ => Failure::Final(cause),
        });
        if matches!(error, JournalError::SyncFailed { .. }) {
            self.manifest.state = State::Suspect;
            if let Err(error) = self.manifest.store(self.layout.root()) {
                tracing::warn!(%error, "the next start does not know about the failed sync");
            }
        }
        error
    }

    fn record(&mut self) -> Result<(), JournalError> {
        self.manifest.head = self.head;
        let stored = self.manifest.store(self.layout.root());
        stored.map_err(|error| self.failed(error))?;
        self.unrecorded = 0;
        self.record_after = (2 * self.record_after).min(MANIFEST_EVERY);
        Ok(())
    }

    fn apply(&mut self, changes: Vec<Change>) -> Result<(), JournalError> {
        let applied = self.database()?.apply(changes);
        applied.map_err(|error| self.failed(error))
    }

    fn open_again(&mut self) -> Result<(), JournalError> {
        let opened = open_checked(&self.layout, &self.options, &mut self.manifest)?;
        self.head = opened.head;
        self.oldest = opened.oldest;
        self.database = Some(opened.database);
        Ok(())
    }

    fn corrupt(&self, sequence: u64, detail: impl Into<String>) -> JournalError {
        corrupt(&self.layout, sequence, detail)
    }

    /// Visits the events of one chunk from `from` on; `at` is the point before the chunk.
    fn visit_chunk(&self, chunk: &Chunk<'_>, at: Head, from: u64, visit: &mut Visitor<'_>) -> Result<Head, JournalError> {
        if chunk.header.before() != at {
            return Err(self.corrupt(at.sequence + 1, "the chain is broken"));
        }
        let mut head = at;
        for payload in chunk.payloads() {
            head = head.next(payload);
            if head.sequence >= from {
                visit(head.sequence, payload)?;
            }
        }
        Ok(head)
    }

    /// Keys of the chunks that hold only events before `sequence`, and the first key that stays.
    fn keys_before(&self, sequence: u64) -> Result<(Vec<u64>, u64), JournalError> {
        let kept = self.database()?.at_or_before(sequence.min(self.head.sequence))?;
        let kept = kept.map_or(self.oldest, |(key, _)| key);
        let mut keys = Vec::new();
        for entry in self.database()?.from(self.oldest) {
            let (key, _) = entry?;
            if key >= kept {
                break;
            }
            keys.push(key);
        }
        Ok((keys, kept))
    }
}

impl Journal for SledJournal {
    fn head(&self) -> Head {
        self.head
    }

    fn base(&mut self) -> Result<Head, JournalError> {
        let Some((key, value)) = self.database()?.first()? else {
            return Ok(self.head);
        };
        Ok(decode(&self.layout, key, &value)?.header.before())
    }

    fn append(&mut self, commands: &[Vec<Payload>]) -> Result<Head, JournalError> {
        check_sizes(commands)?;
        self.database()?;
        let payloads = commands.iter().flatten();
        let commit = encode_commit(self.manifest.store, self.head, payloads);
        if commit.chunks.is_empty() {
            return Ok(self.head);
        }
        if self.unrecorded >= self.record_after {
            self.record()?;
        }
        let chunks = commit.chunks.len();
        self.apply(commit.chunks.into_iter().map(|(first, bytes)| (first, Some(bytes.into()))).collect())?;
        self.unrecorded += chunks;
        self.head = commit.end;
        Ok(self.head)
    }

    fn read(&mut self, from: u64, visit: &mut Visitor<'_>) -> Result<(), JournalError> {
        if from < self.oldest {
            return Err(JournalError::Dropped { sequence: from, oldest: self.oldest });
        }
        let database = self.database()?;
        if from > self.head.sequence {
            return Ok(());
        }
        let Some((start, value)) = database.at_or_before(from)? else {
            return Err(self.corrupt(self.oldest, "its chunk is missing"));
        };
        let mut at = decode(&self.layout, start, &value)?.header.before();
        for entry in database.from(start) {
            let (key, value) = entry.map_err(|error| at_event(error, at.sequence + 1))?;
            let chunk = decode(&self.layout, key, &value)?;
            at = self.visit_chunk(&chunk, at, from, visit)?;
        }
        if at != self.head {
            return Err(self.corrupt(at.sequence + 1, "the journal ends too early"));
        }
        Ok(())
    }

    fn drop_before(&mut self, sequence: u64) -> Result<(), JournalError> {
        let head = self.head.sequence;
        if sequence > head + 1 {
            return Err(JournalError::BeyondHead { sequence, head });
        }
        let (keys, kept) = self.keys_before(sequence)?;
        if keys.is_empty() {
            return Ok(());
        }
        // From here on the older events need not be present, all of them or some.
        self.manifest.oldest = kept;
        self.record()?;
        for keys in keys.chunks(MOVED_AT_ONCE) {
            self.apply(keys.iter().map(|key| (*key, None)).collect())?;
        }
        self.oldest = kept;
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), JournalError> {
        self.database()?;
        self.record()
    }

    fn usage(&self) -> Usage {
        Usage {
            bytes_on_disk: self.database.as_ref().map_or(0, Database::bytes_on_disk),
            oldest: self.oldest,
            head: self.head.sequence,
        }
    }

    fn reopen(&mut self) -> Result<Head, JournalError> {
        if let Some(Failure::Final(cause)) = &self.failure {
            return Err(JournalError::Poisoned { cause: cause.clone() });
        }
        // Our handle was open all the time: an error of a write in the background shows here, once.
        if let Some(database) = self.database.take() {
            let synced = database.sync_data();
            synced.map_err(|error| self.failed(error))?;
        }
        self.open_again().map_err(|error| self.failed(error))?;
        self.failure = None;
        Ok(self.head)
    }
}

impl Drop for SledJournal {
    fn drop(&mut self) {
        let Some(database) = self.database.take().filter(|_| self.failure.is_none()) else {
            return;
        };
        let synced = database.sync_data();
        drop(database);
        self.manifest.state = State::Closed;
        self.manifest.head = self.head;
        let closed = synced.and_then(|()| self.manifest.store(self.layout.root()));
        if let Err(error) = closed {
            tracing::warn!(%error, "the journal was not closed in order");
        }
    }
}

/// Copies every chunk into a new database in `target`.
fn copy_chunks(from: &Database, target: &Path, options: &Options) -> Result<(), JournalError> {
    let to = Database::open(target, options)?;
    let mut changes = Vec::new();
    for entry in from.from(0) {
        let (key, value) = entry?;
        changes.push((key, Some(value)));
        if changes.len() == MOVED_AT_ONCE {
            to.apply(std::mem::take(&mut changes))?;
        }
    }
    to.apply(changes)
}

/// Values that sled moved out of its log in the data directory `dir`; must be 0.
///
/// # Errors
/// Whatever the operating system says about reading the folder.
pub fn spilled_values(dir: &Path) -> std::io::Result<usize> {
    spilled(&Layout::new(dir).journal())
}

/// The file of sled that holds the data of the data directory `dir`.
#[must_use]
pub fn sled_file(dir: &Path) -> PathBuf {
    data_file(&Layout::new(dir).journal())
}

#[cfg(test)]
#[path = "sled_tests.rs"]
mod tests;
