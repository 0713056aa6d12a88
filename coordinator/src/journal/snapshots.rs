//! Snapshots of the folded state: checksummed files outside the database.
//!
//! ```text
//! snapshots/segments/<blake3>        immutable, each written once, shared by snapshots
//! snapshots/<sequence>.snapshot      sequence, chain, ids of its segments, body, BLAKE3 of all
//! ```
//! A snapshot becomes visible when it is whole (temporary file, sync, rename, sync of the folder).
//! The two newest are kept, and every segment that one of them names.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hone_data::durable::{remove_leftovers, sync_dir, write_atomically};

use super::{Chain, Head, JournalError};

/// Snapshots kept: the newest, and one to fall back to.
const KEPT: usize = 2;
const MAGIC: [u8; 8] = *b"HoneSnap";
const FORMAT: u32 = 1;
const SUFFIX: &str = ".snapshot";
const HASH: usize = 32;

/// Name of an immutable segment: the BLAKE3 hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId([u8; HASH]);

impl SegmentId {
    /// The id of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl std::fmt::Display for SegmentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

/// A whole snapshot; its segments were checked too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The event up to which the state is folded, and the chain there.
    pub head: Head,
    /// Its segments, in the order they were given.
    pub segments: Vec<SegmentId>,
    /// The rest of the state.
    pub body: Vec<u8>,
}

/// A snapshot that cannot be used.
#[derive(Debug)]
pub struct Rejected {
    /// Its file.
    pub file: PathBuf,
    /// Why.
    pub reason: JournalError,
}

/// What [`SnapshotStore::latest_valid`] found.
#[derive(Debug, Default)]
pub struct Latest {
    /// The newest whole snapshot.
    pub snapshot: Option<Snapshot>,
    /// Newer ones that are damaged; the operator should hear of them.
    pub rejected: Vec<Rejected>,
}

/// The snapshots of one data directory.
#[derive(Debug, Clone)]
pub struct SnapshotStore {
    dir: PathBuf,
}

impl SnapshotStore {
    /// Opens the folder, which is made where there is none; leftovers of a crash are removed.
    ///
    /// # Errors
    /// [`JournalError::Io`], [`JournalError::Full`]
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let store = Self { dir: dir.to_owned() };
        let prepare = || -> io::Result<()> {
            fs::create_dir_all(store.segments())?;
            remove_leftovers(dir)?;
            remove_leftovers(&store.segments())?;
            sync_dir(dir)?;
            dir.parent().map_or(Ok(()), sync_dir)
        };
        prepare().map_err(|error| JournalError::from_io(dir, "opening", error))?;
        Ok(store)
    }

    fn segments(&self) -> PathBuf {
        self.dir.join("segments")
    }

    fn segment_file(&self, id: SegmentId) -> PathBuf {
        self.segments().join(id.to_string())
    }

    /// Writes a segment, once; durable when it returns.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`]
    pub fn put_segment(&self, bytes: &[u8]) -> Result<SegmentId, JournalError> {
        let id = SegmentId::of(bytes);
        let file = self.segment_file(id);
        let length = fs::metadata(&file).map(|metadata| metadata.len());
        if length.is_ok_and(|length| length == bytes.len() as u64) {
            return Ok(id);
        }
        write_atomically(&self.segments(), &id.to_string(), bytes)
            .map_err(|error| JournalError::from_io(file, "writing", error))?;
        Ok(id)
    }

    /// Reads a segment and checks it.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when its bytes are missing or changed.
    pub fn segment(&self, id: SegmentId) -> Result<Vec<u8>, JournalError> {
        let file = self.segment_file(id);
        match fs::read(&file) {
            Ok(bytes) if SegmentId::of(&bytes) == id => Ok(bytes),
            Ok(_) => Err(corrupt(file, 0, "its hash does not match")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(corrupt(file, 0, "it is missing")),
            Err(error) => Err(JournalError::from_io(file, "reading", error)),
        }
    }

    /// Writes a snapshot, then removes older ones and segments that no kept snapshot names.
    ///
    /// # Errors
    /// [`JournalError::Full`], [`JournalError::Io`]
    pub fn write(&self, head: Head, segments: &[SegmentId], body: &[u8]) -> Result<(), JournalError> {
        let name = file_name(head.sequence);
        write_atomically(&self.dir, &name, &encode(head, segments, body))
            .map_err(|error| JournalError::from_io(self.dir.join(name), "writing", error))?;
        self.remove_unneeded()
    }

    /// The newest whole snapshot, and the damaged ones that were passed over.
    ///
    /// # Errors
    /// [`JournalError::Io`], [`JournalError::NewerFormat`]; damage is not an error here.
    pub fn latest_valid(&self) -> Result<Latest, JournalError> {
        let mut latest = Latest::default();
        for file in self.newest_first()? {
            match self.load_checked(&file) {
                Ok(snapshot) => {
                    latest.snapshot = Some(snapshot);
                    break;
                }
                Err(reason @ JournalError::Corrupt { .. }) => {
                    tracing::warn!(file = %file.display(), %reason, "a damaged snapshot is passed over");
                    latest.rejected.push(Rejected { file, reason });
                }
                Err(other) => return Err(other),
            }
        }
        Ok(latest)
    }

    /// Reads every kept snapshot and every segment they name: the points they hold, newest first.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] for the first damage.
    pub fn verify(&self) -> Result<Vec<Head>, JournalError> {
        let files = self.newest_first()?;
        files.iter().map(|file| Ok(self.load_checked(file)?.head)).collect()
    }

    fn load_checked(&self, file: &Path) -> Result<Snapshot, JournalError> {
        let snapshot = self.load(file)?;
        for segment in &snapshot.segments {
            self.segment(*segment)?;
        }
        Ok(snapshot)
    }

    fn load(&self, file: &Path) -> Result<Snapshot, JournalError> {
        let bytes = fs::read(file).map_err(|error| JournalError::from_io(file, "reading", error))?;
        let snapshot = decode(file, &bytes)?;
        if file.file_name().is_some_and(|name| *name == *file_name(snapshot.head.sequence)) {
            return Ok(snapshot);
        }
        Err(corrupt(file.to_owned(), snapshot.head.sequence, "its name says another event"))
    }

    fn newest_first(&self) -> Result<Vec<PathBuf>, JournalError> {
        let list = || -> io::Result<Vec<PathBuf>> {
            let mut files = Vec::new();
            for entry in fs::read_dir(&self.dir)? {
                let entry = entry?;
                if entry.file_name().to_string_lossy().ends_with(SUFFIX) {
                    files.push(entry.path());
                }
            }
            files.sort_by(|one, other| other.cmp(one));
            Ok(files)
        };
        list().map_err(|error| JournalError::from_io(&*self.dir, "reading", error))
    }

    /// Keeps the newest snapshots that are whole and their segments. With none to fall back to,
    /// damaged ones stay for the operator.
    fn remove_unneeded(&self) -> Result<(), JournalError> {
        let (mut kept, mut needed) = (0, BTreeSet::new());
        for file in self.newest_first()? {
            if kept == KEPT {
                remove(&file)?;
                continue;
            }
            match self.load(&file) {
                Ok(snapshot) => {
                    kept += 1;
                    needed.extend(snapshot.segments.iter().map(SegmentId::to_string));
                }
                Err(JournalError::Corrupt { .. }) => {}
                Err(other) => return Err(other),
            }
        }
        self.remove_segments_but(&needed)
    }

    fn remove_segments_but(&self, needed: &BTreeSet<String>) -> Result<(), JournalError> {
        let io = |error| JournalError::from_io(self.segments(), "reading", error);
        for entry in fs::read_dir(self.segments()).map_err(io)? {
            let entry = entry.map_err(io)?;
            if !needed.contains(&*entry.file_name().to_string_lossy()) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn remove(file: &Path) -> Result<(), JournalError> {
    fs::remove_file(file).map_err(|error| JournalError::from_io(file, "removing", error))
}

/// Zero-padded, so that names sort as numbers.
fn file_name(sequence: u64) -> String {
    format!("{sequence:020}{SUFFIX}")
}

fn encode(head: Head, segments: &[SegmentId], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + segments.len() * HASH + body.len() + HASH);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&head.sequence.to_le_bytes());
    out.extend_from_slice(&head.chain.0);
    out.extend_from_slice(&(segments.len() as u64).to_le_bytes());
    for segment in segments {
        out.extend_from_slice(&segment.0);
    }
    out.extend_from_slice(body);
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    out
}

fn decode(file: &Path, bytes: &[u8]) -> Result<Snapshot, JournalError> {
    let damaged = |detail: &str| corrupt(file.to_owned(), 0, detail);
    let (content, hash) = bytes.split_last_chunk::<HASH>().ok_or_else(|| damaged("it is too short"))?;
    if blake3::hash(content) != *hash {
        return Err(damaged("its hash does not match"));
    }
    let mut rest = content;
    if take(&mut rest) != Some(MAGIC) {
        return Err(damaged("it is not a snapshot"));
    }
    let found = take(&mut rest).map(u32::from_le_bytes).ok_or_else(|| damaged("it is too short"))?;
    if found > FORMAT {
        return Err(JournalError::NewerFormat { file: file.to_owned(), found, supported: FORMAT });
    }
    fields(rest).ok_or_else(|| damaged("its lengths do not add up"))
}

fn fields(mut rest: &[u8]) -> Option<Snapshot> {
    let sequence = u64::from_le_bytes(take(&mut rest)?);
    let chain = Chain(take(&mut rest)?);
    let count = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
    let (ids, body) = rest.split_at_checked(count.checked_mul(HASH)?)?;
    let (ids, _) = ids.as_chunks::<HASH>();
    let segments = ids.iter().map(|id| SegmentId(*id)).collect();
    Some(Snapshot { head: Head { sequence, chain }, segments, body: body.to_vec() })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*first)
}

fn corrupt(file: PathBuf, sequence: u64, detail: &str) -> JournalError {
    JournalError::Corrupt { file, sequence, last_good: 0, detail: detail.to_owned() }
}

#[cfg(test)]
#[path = "snapshots_tests.rs"]
mod tests;
