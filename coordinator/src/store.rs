//! A data directory as the coordinator uses it: journal, snapshots, blobs, spilled events, sweeping.

use std::{
    collections::BTreeSet,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hone_data::{
    Hash,
    blobs::{BlobError, BlobStore, Swept},
};
use hone_studies::{BlobId, Now, State, Timings};

use crate::{
    datasets,
    engine::{Engine, RecoverError, SpillStore},
    journal::{JournalError, Options, SledJournal, layout::Layout},
    snapshot::{SnapshotError, Snapshots},
};

/// The largest blob: a checkpoint or model of a big network.
const MAX_BLOB_BYTES: u64 = 64 << 30;
/// Blobs younger than this are never swept: their names may still be on the way.
pub const SWEEP_GRACE: Duration = Duration::from_secs(3_600);

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// Whether it may work once there is room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            OpenError::Journal(error)
            | OpenError::Recover(RecoverError::Journal(error) | RecoverError::Snapshot(SnapshotError::Journal(error)))
            | OpenError::Snapshot(SnapshotError::Journal(error)) => error.may_reopen(),
            OpenError::Blob(BlobError::Full { .. }) => true,
            OpenError::Recover(_) | OpenError::Snapshot(_) | OpenError::Blob(_) | OpenError::Thread(_) => false,
        }
    }
}

/// The parts of a data directory that outlive one engine.
#[derive(Clone)]
pub struct Store {
    id: uuid::Uuid,
    directory: PathBuf,
    timings: Timings,
    blobs: BlobStore,
    snapshots: Arc<Snapshots>,
    sweep_wanted: Arc<AtomicBool>,
    /// Opened first, because it holds the lock; taken by the first engine.
    journal: Arc<Mutex<Option<SledJournal>>>,
}

impl Store {
    /// Locks and opens a data directory, which is made (0700) where there is none.
    ///
    /// # Errors
    /// The directory cannot be written, is held by another process, damaged, of a newer format, or full.
    pub fn open(directory: &Path, timings: Timings) -> Result<Store, OpenError> {
        make_private(directory)?;
        let journal = SledJournal::open(directory, Options::default())?;
        let layout = Layout::new(directory);
        let id = journal.store();
        Ok(Store {
            id,
            directory: directory.to_owned(),
            timings,
            blobs: BlobStore::open(&layout.blobs(), MAX_BLOB_BYTES)?,
            snapshots: Arc::new(Snapshots::open(&layout.snapshots())?),
            sweep_wanted: Arc::default(),
            journal: Arc::new(Mutex::new(Some(journal))),
        })
    }

    /// Recovers from the journal, which is opened again after the first time.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_engine(&self, now: Now) -> Result<Engine, OpenError> {
        let opened = self.journal.lock().unwrap_or_else(PoisonError::into_inner).take();
        let journal = match opened {
            Some(journal) => journal,
            None => SledJournal::open(&self.directory, Options::default())?,
        };
        let spill = Box::new(Spill(self.blobs.clone()));
        Ok(Engine::recover(Box::new(journal), spill, Some(&self.snapshots), now, self.timings.clone())?)
    }

    /// Identity of the store, chosen when it was made.
    pub fn id(&self) -> String {
        self.id.to_string()
    }

    /// The same, as backups write it.
    pub fn uuid(&self) -> uuid::Uuid {
        self.id
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// How long leases last.
    pub fn timings(&self) -> &Timings {
        &self.timings
    }

    pub fn blobs(&self) -> &BlobStore {
        &self.blobs
    }

    pub fn snapshots(&self) -> Arc<Snapshots> {
        self.snapshots.clone()
    }

    /// Blobs may have become unreachable; the next sweep looks.
    pub fn want_sweep(&self) {
        self.sweep_wanted.store(true, Ordering::Relaxed);
    }

    /// Whether blobs may have become unreachable since the last call.
    pub fn take_sweep_wish(&self) -> bool {
        self.sweep_wanted.swap(false, Ordering::Relaxed)
    }

    /// Removes blobs that neither the state, nor a manifest of a dataset, nor a spilled event names any more and that are
    /// older than the grace time.
    ///
    /// # Errors
    /// When the folder cannot be read, or a manifest: nothing is removed then.
    pub fn sweep(&self, state: &State, spilled: &[(u64, BlobId)]) -> Result<Swept, BlobError> {
        let mut reachable: BTreeSet<BlobId> = spilled.iter().map(|(_, blob)| *blob).collect();
        state.reachable_blobs(&mut |blob| {
            reachable.insert(*blob);
        });
        datasets::blobs_of_manifests(&self.blobs, &state.datasets, &mut |hash| {
            reachable.insert(BlobId(*hash.as_bytes()));
        })?;
        self.blobs.sweep(&|hash: &Hash| reachable.contains(&BlobId(*hash.as_bytes())), SWEEP_GRACE)
    }
}

/// Spilled events in a blob store.
pub(crate) struct Spill(pub(crate) BlobStore);

impl SpillStore for Spill {
    fn put(&mut self, bytes: &[u8]) -> Result<BlobId, JournalError> {
        let stored = self.0.put(&mut &bytes[..]).map_err(journal_error)?;
        Ok(BlobId(*stored.hash.as_bytes()))
    }

    fn get(&self, id: BlobId) -> Result<Vec<u8>, JournalError> {
        self.0.get(&Hash::from_bytes(id.0)).map_err(journal_error)
    }
}

fn journal_error(error: BlobError) -> JournalError {
    let (path, detail) = (PathBuf::from("blobs"), error.to_string());
    match error {
        BlobError::Full { .. } => JournalError::Full { path, detail },
        _ => JournalError::Corrupt { file: path, sequence: 0, last_good: 0, detail },
    }
}

/// Makes a folder that only its owner may enter; one that is there keeps its permissions.
fn make_private(directory: &Path) -> Result<(), JournalError> {
    let unwritable = |source| JournalError::Unwritable { path: directory.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(unwritable)
}
