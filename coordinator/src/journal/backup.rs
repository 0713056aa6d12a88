//! Backup and restore: one folder that holds a store as it was at one event.
//!
//! ```text
//! BACKUP        the manifest: store id, oldest event, head and chain; written last
//! events        (length u32 little-endian, chunk) …
//! snapshots/    as in the store
//! blobs/        as in the store
//! ```
//! The folder appears when it is complete. A store in use is backed up in steps: the writer gives
//! the events, which fixes the point; snapshots and blobs are copied beside it, after that, and may
//! hold more than the events need but never less.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use hone_data::BlobStore;
use hone_data::durable::sync_dir;
use tempfile::TempDir;
use uuid::Uuid;

use super::chunk::{Chunk, MAX_CHUNK, encode_commit};
use super::layout::Layout;
use super::maintenance::copy_tree;
use super::manifest::{Manifest, State};
use super::snapshots::SnapshotStore;
use super::{Head, Journal, JournalError, Options, Payload, SledJournal};

/// Name of the manifest of a backup.
pub const BACKUP: &str = "BACKUP";
const EVENTS: &str = "events";
const SNAPSHOTS: &str = "snapshots";
const BLOBS: &str = "blobs";
/// Bytes of payloads gathered before they are written or committed together.
const GATHERED: usize = 1 << 20;

/// A backup that is being made; dropped before its end it leaves nothing behind.
#[derive(Debug)]
pub struct Backup {
    target: PathBuf,
    building: TempDir,
}

impl Backup {
    /// Starts a backup that will be the folder `target`, which must be absent or empty.
    ///
    /// # Errors
    /// [`JournalError::NotEmpty`], [`JournalError::Full`], [`JournalError::Io`]
    pub fn begin(target: &Path) -> Result<Self, JournalError> {
        Ok(Self { target: target.to_owned(), building: building_beside(target)? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.building.path().join(name)
    }

    /// Writes every event of the journal; its head is the point of the backup.
    ///
    /// # Errors
    /// As for reading the journal and writing files.
    pub fn events(&self, journal: &mut dyn Journal, store: Uuid) -> Result<Manifest, JournalError> {
        let path = self.path(EVENTS);
        let io = |error| JournalError::from_io(&*path, "writing", error);
        let base = journal.base()?;
        let mut out = Gatherer {
            out: BufWriter::new(File::create_new(&path).map_err(io)?),
            store,
            at: base,
            payloads: Vec::new(),
            bytes: 0,
        };
        journal.read(base.sequence + 1, &mut |_, payload| out.add(payload).map_err(io))?;
        out.write_gathered().map_err(io)?;
        out.out.into_inner().map_err(|error| io(error.into_error()))?.sync_all().map_err(io)?;
        let head = journal.head();
        Ok(Manifest { store, state: State::Closed, oldest: base.sequence + 1, head })
    }

    /// Copies the snapshots of a data directory; the events come first.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`]
    pub fn snapshots(&self, dir: &Path) -> Result<(), JournalError> {
        copy_if_there(&Layout::new(dir).snapshots(), &self.path(SNAPSHOTS))
    }

    /// Copies the blobs of a data directory; the events come first.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`]
    pub fn blobs(&self, dir: &Path) -> Result<(), JournalError> {
        copy_if_there(&Layout::new(dir).blobs(), &self.path(BLOBS))
    }

    /// Completes the backup; durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::NotEmpty`], [`JournalError::Full`], [`JournalError::Io`]
    pub fn finish(self, manifest: &Manifest) -> Result<(), JournalError> {
        manifest.store_as(self.building.path(), BACKUP)?;
        install(self.building, &self.target)
    }
}

/// Backs up the data directory `dir`, which nobody uses, into `target`; answers the point.
///
/// # Errors
/// As for opening the journal and for the steps of [`Backup`].
pub fn backup(dir: &Path, target: &Path, options: Options) -> Result<Head, JournalError> {
    let mut journal = SledJournal::open(dir, options)?;
    let backup = Backup::begin(target)?;
    let store = journal.store();
    let manifest = backup.events(&mut journal, store)?;
    backup.snapshots(dir)?;
    backup.blobs(dir)?;
    backup.finish(&manifest)?;
    Ok(manifest.head)
}

/// Makes the data directory `dir`, which must be absent or empty, from a backup; answers the point.
/// Everything is checked before `dir` appears.
///
/// # Errors
/// [`JournalError::NotABackup`], [`JournalError::NotEmpty`], and as for writing a journal.
pub fn restore(backup: &Path, dir: &Path, options: Options) -> Result<Head, JournalError> {
    let refuse = |detail: String| JournalError::NotABackup { path: backup.to_owned(), detail };
    let manifest = Manifest::load_as(backup, BACKUP)?;
    let manifest = manifest.ok_or_else(|| refuse(format!("`{BACKUP}` is missing")))?;
    let building = building_beside(dir)?;
    let layout = Layout::new(building.path());
    copy_if_there(&backup.join(SNAPSHOTS), &layout.snapshots())?;
    copy_if_there(&backup.join(BLOBS), &layout.blobs())?;
    check_copies(&layout).map_err(refuse)?;
    let head = restore_events(backup, building.path(), &manifest, options)?;
    if head != manifest.head {
        return Err(refuse(format!("its events end at {}, not at {}", head.sequence, manifest.head.sequence)));
    }
    install(building, dir)?;
    Ok(head)
}

/// Gathers payloads into chunks and writes those.
struct Gatherer<W: Write> {
    out: W,
    store: Uuid,
    at: Head,
    payloads: Vec<Payload>,
    bytes: usize,
}

impl<W: Write> Gatherer<W> {
    fn add(&mut self, payload: &[u8]) -> io::Result<()> {
        self.bytes += payload.len();
        self.payloads.push(payload.to_vec());
        if self.bytes >= GATHERED { self.write_gathered() } else { Ok(()) }
    }

    fn write_gathered(&mut self) -> io::Result<()> {
        let encoded = encode_commit(self.store, self.at, self.payloads.iter());
        for (_, bytes) in &encoded.chunks {
            self.out.write_all(&(bytes.len() as u32).to_le_bytes())?;
            self.out.write_all(bytes)?;
        }
        self.at = encoded.end;
        self.payloads.clear();
        self.bytes = 0;
        self.out.flush()
    }
}

fn restore_events(backup: &Path, dir: &Path, manifest: &Manifest, options: Options) -> Result<Head, JournalError> {
    let path = backup.join(EVENTS);
    let io = |error| JournalError::from_io(&*path, "reading", error);
    let mut events = BufReader::new(File::open(&path).map_err(io)?);
    let mut journal: Option<SledJournal> = None;
    let mut command = Vec::new();
    let mut bytes = 0;
    while let Some(stored) = next_stored(&mut events).map_err(io)? {
        let chunk = Chunk::decode(&stored).map_err(|error| damaged(&path, error.to_string()))?;
        let journal = match &mut journal {
            Some(journal) => journal,
            None => {
                let base = chunk.header.before();
                journal.insert(SledJournal::open_or_create(dir, options.clone(), manifest.store, base)?)
            }
        };
        command.extend(chunk.payloads().map(<[u8]>::to_vec));
        bytes += stored.len();
        if bytes >= GATHERED {
            journal.append(&[std::mem::take(&mut command)])?;
            bytes = 0;
        }
    }
    match journal {
        Some(mut journal) => journal.append(&[command]),
        None => Ok(SledJournal::open_or_create(dir, options, manifest.store, manifest.head)?.head()),
    }
}

/// The next stored chunk; nothing at the end of the file.
fn next_stored(events: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = Vec::new();
    events.by_ref().take(4).read_to_end(&mut length)?;
    let Ok(length) = <[u8; 4]>::try_from(length.as_slice()) else {
        let ended = length.is_empty();
        return if ended { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
    };
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_CHUNK {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a chunk is too long"));
    }
    let mut stored = vec![0; length];
    events.read_exact(&mut stored)?;
    Ok(Some(stored))
}

fn damaged(file: &Path, detail: String) -> JournalError {
    JournalError::Corrupt { file: file.to_owned(), sequence: 0, last_good: 0, detail }
}

fn check_copies(layout: &Layout) -> Result<(), String> {
    if layout.snapshots().is_dir() {
        let checked = SnapshotStore::open(&layout.snapshots()).and_then(|store| store.verify());
        checked.map_err(|error| error.to_string())?;
    }
    if layout.blobs().is_dir() {
        let damaged = BlobStore::open(&layout.blobs(), u64::MAX).and_then(|store| store.verify_all());
        if let Some(hash) = damaged.map_err(|error| error.to_string())?.first() {
            return Err(format!("the content of blob `{hash}` changed"));
        }
    }
    Ok(())
}

/// A folder beside `target`, which must be absent or empty.
fn building_beside(target: &Path) -> Result<TempDir, JournalError> {
    match fs::read_dir(target).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(JournalError::NotEmpty { path: target.to_owned() }),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(_) => return Err(JournalError::NotEmpty { path: target.to_owned() }),
    }
    let parent = parent(target);
    let build = || {
        fs::create_dir_all(parent)?;
        tempfile::Builder::new().prefix(hone_data::durable::TEMPORARY_PREFIX).tempdir_in(parent)
    };
    build().map_err(|error| JournalError::from_io(parent, "writing below", error))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives the finished folder its place; an empty folder there is replaced.
fn install(building: TempDir, target: &Path) -> Result<(), JournalError> {
    let install = || {
        sync_dir(building.path())?;
        fs::rename(building.path(), target)?;
        sync_dir(parent(target))
    };
    install().map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty => JournalError::NotEmpty { path: target.to_owned() },
        _ => JournalError::from_io(target, "renaming", error),
    })
}

fn copy_if_there(from: &Path, to: &Path) -> Result<(), JournalError> {
    if !from.is_dir() {
        return Ok(());
    }
    copy_tree(from, to).map_err(|error| JournalError::from_io(from, "copying", error))
}
