//! The worker's spool: records that the coordinator has not acknowledged, in one append-only file.
//!
//! The file survives the death of the process, because what was written is with the kernel. It is not synced:
//! a power cut costs the attempt, not more. A torn tail is dropped when the file is opened.
//!
//! ```text
//! "HONESPL1" | last number (u64) | frame | frame | …
//! frame = length (u32) | CRC-32C (u32) | tag (u8) | body        length and checksum cover tag and body
//! tag 0: a record (prost)    tag 1: everything up to this number (u64) is acknowledged
//! ```
//!
//! Numbers are little-endian. When most of the file is acknowledged it is written anew beside itself and renamed.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use hone_proto::worker::Record;
use prost::Message as _;

const MAGIC: &[u8; 8] = b"HONESPL1";
const HEADER_BYTES: usize = 16;
const FRAME_BYTES: usize = 8;
const TAG_RECORD: u8 = 0;
const TAG_TRIM: u8 = 1;
/// A frame beyond this is damage, not a record.
const FRAME_LIMIT: usize = 64 << 20;
/// Acknowledged bytes below this are not worth a rewrite.
const REWRITE_BYTES: u64 = 1 << 20;

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system refused.
    #[error("cannot use the spool `{}`; check the folder's owner and free space", path.display())]
    Io {
        /// The spool's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another program's file, or a later format.
    #[error(
        "`{}` is not a spool of this version of hone; use the version that wrote it, or move the file away",
        path.display()
    )]
    Format {
        /// The file.
        path: PathBuf,
    },
}

/// What a spool held when it was opened.
#[derive(Debug, Default, PartialEq)]
pub struct Loaded {
    /// Unacknowledged records, oldest first.
    pub records: Vec<Record>,
    /// The highest number ever written.
    pub last_sequence: u64,
    /// Bytes at the end that were torn or damaged, and are gone.
    pub dropped_bytes: u64,
}

/// An open spool. Appends are buffered until [`Spool::flush`].
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    /// Bytes of the file that are known to be whole.
    written: u64,
    buffer: Vec<u8>,
    /// Live records: number and bytes of the frame.
    live: VecDeque<(u64, u64)>,
    live_bytes: u64,
    last_sequence: u64,
}

impl Spool {
    /// Opens or creates a spool and reads what it holds.
    ///
    /// # Errors
    ///
    /// [`SpoolError::Io`] when the file cannot be read or written, [`SpoolError::Format`] when it is not a spool.
    pub fn open(path: &Path) -> Result<(Self, Loaded), SpoolError> {
        let failed = |source| SpoolError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let mut file = options.read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() < HEADER_BYTES && MAGIC.starts_with(&bytes[..bytes.len().min(MAGIC.len())]) {
            bytes = header(0);
            file.set_len(0).map_err(failed)?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
            file.write_all(&bytes).map_err(failed)?;
        }
        let Some(contents) = parse(&bytes) else {
            return Err(SpoolError::Format { path: path.to_owned() });
        };
        let written = contents.whole_bytes as u64;
        file.set_len(written).map_err(failed)?;
        file.seek(SeekFrom::Start(written)).map_err(failed)?;
        let live: VecDeque<_> = contents.live.iter().map(|(record, bytes)| (record.sequence, *bytes)).collect();
        let spool = Self {
            path: path.to_owned(),
            file,
            written,
            buffer: Vec::new(),
            live_bytes: live.iter().map(|(_, bytes)| bytes).sum(),
            live,
            last_sequence: contents.last_sequence,
        };
        let loaded = Loaded {
            records: contents.live.into_iter().map(|(record, _)| record).collect(),
            last_sequence: contents.last_sequence,
            dropped_bytes: (bytes.len() - contents.whole_bytes) as u64,
        };
        Ok((spool, loaded))
    }

    /// Adds a record.
    pub fn append(&mut self, record: &Record) {
        let before = self.buffer.len();
        push_frame(&mut self.buffer, TAG_RECORD, &record.encode_to_vec());
        let bytes = (self.buffer.len() - before) as u64;
        self.live.push_back((record.sequence, bytes));
        self.live_bytes += bytes;
        self.last_sequence = self.last_sequence.max(record.sequence);
    }

    /// Forgets every record up to `sequence`.
    pub fn trim(&mut self, sequence: u64) {
        while let Some((_, bytes)) = self.live.front().filter(|(number, _)| *number <= sequence) {
            self.live_bytes -= bytes;
            self.live.pop_front();
        }
        push_frame(&mut self.buffer, TAG_TRIM, &sequence.to_le_bytes());
    }

    /// Hands everything to the kernel, and rewrites the file when most of it is acknowledged.
    ///
    /// # Errors
    ///
    /// What the system said, for example that the disk is full. Nothing is lost: the next call tries again.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.write_buffer()?;
        }
        let dead_bytes = self.written.saturating_sub(self.live_bytes);
        if dead_bytes > REWRITE_BYTES && dead_bytes > self.live_bytes {
            self.rewrite()?;
        }
        Ok(())
    }

    fn write_buffer(&mut self) -> io::Result<()> {
        if let Err(error) = self.file.write_all(&self.buffer) {
            // Half a frame would hide everything behind it.
            self.file.set_len(self.written)?;
            self.file.seek(SeekFrom::Start(self.written))?;
            return Err(error);
        }
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut bytes = header(self.last_sequence);
        self.file.seek(SeekFrom::Start(0))?;
        let mut former = Vec::new();
        self.file.read_to_end(&mut former)?;
        let contents = parse(&former).ok_or(io::ErrorKind::InvalidData)?;
        for (record, _) in &contents.live {
            push_frame(&mut bytes, TAG_RECORD, &record.encode_to_vec());
        }
        let temporary = self.path.with_extension("new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&temporary)?;
        file.write_all(&bytes)?;
        fs::rename(&temporary, &self.path)?;
        self.file = file;
        self.written = bytes.len() as u64;
        Ok(())
    }
}

/// What the bytes of a spool say.
struct Contents {
    live: VecDeque<(Record, u64)>,
    last_sequence: u64,
    whole_bytes: usize,
}

fn header(last_sequence: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&last_sequence.to_le_bytes());
    bytes
}

fn push_frame(bytes: &mut Vec<u8>, tag: u8, body: &[u8]) {
    let length = u32::try_from(body.len() + 1).unwrap_or(u32::MAX);
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&[tag]), body);
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.push(tag);
    bytes.extend_from_slice(body);
}

/// Reads whole frames until the end or the first damage; `None`: not a spool.
fn parse(bytes: &[u8]) -> Option<Contents> {
    let magic = bytes.get(..MAGIC.len())?;
    let last = bytes.get(MAGIC.len()..HEADER_BYTES)?;
    if magic != MAGIC {
        return None;
    }
    let mut contents =
        Contents { live: VecDeque::new(), last_sequence: u64::from_le_bytes(last.try_into().ok()?), whole_bytes: HEADER_BYTES };
    while let Some(frame) = next_frame(&bytes[contents.whole_bytes..]) {
        if contents.take(frame).is_none() {
            break;
        }
        contents.whole_bytes += FRAME_BYTES + frame.len();
    }
    Some(contents)
}

fn next_frame(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
    let checksum = u32::from_le_bytes(bytes.get(4..FRAME_BYTES)?.try_into().ok()?);
    if length == 0 || length > FRAME_LIMIT {
        return None;
    }
    let frame = bytes.get(FRAME_BYTES..FRAME_BYTES + length)?;
    (crc32c::crc32c(frame) == checksum).then_some(frame)
}

impl Contents {
    fn take(&mut self, frame: &[u8]) -> Option<()> {
        let (tag, body) = frame.split_first()?;
        match *tag {
            TAG_RECORD => {
                let record = Record::decode(body).ok()?;
                self.last_sequence = self.last_sequence.max(record.sequence);
                self.live.push_back((record, (FRAME_BYTES + frame.len()) as u64));
            }
            TAG_TRIM => {
                let sequence = u64::from_le_bytes(body.try_into().ok()?);
                self.last_sequence = self.last_sequence.max(sequence);
                while self.live.front().is_some_and(|(record, _)| record.sequence <= sequence) {
                    self.live.pop_front();
                }
            }
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use hone_proto::worker::{Report, record};

    use super::*;

    fn record(sequence: u64) -> Record {
        let kind = Some(record::Kind::Report(Report::default()));
        Record { sequence, task: 7, attempt: 1, in_attempt: sequence, kind }
    }

    fn numbers(loaded: &Loaded) -> Vec<u64> {
        loaded.records.iter().map(|record| record.sequence).collect()
    }

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spool");
        (folder, path)
    }

    fn filled(path: &Path, last: u64) -> Spool {
        let (mut spool, _) = Spool::open(path).expect("a spool");
        for sequence in 1..=last {
            spool.append(&record(sequence));
        }
        spool.flush().expect("a flush");
        spool
    }

    #[test]
    fn what_was_flushed_is_there_after_the_process() {
        let (_folder, path) = folder();
        let mut spool = filled(&path, 5);
        spool.trim(2);
        spool.flush().expect("a flush");
        drop(spool);
        let (_, loaded) = Spool::open(&path).expect("a spool");
        assert_eq!(numbers(&loaded), vec![3, 4, 5]);
        assert_eq!((loaded.last_sequence, loaded.dropped_bytes), (5, 0));
    }

    #[test]
    fn a_torn_tail_costs_only_the_torn_record_at_every_length() {
        let (_folder, path) = folder();
        drop(filled(&path, 3));
        let whole = fs::read(&path).expect("the file");
        let frame = (whole.len() - HEADER_BYTES) / 3;
        for length in HEADER_BYTES..whole.len() {
            fs::write(&path, &whole[..length]).expect("a torn file");
            let (mut spool, loaded) = Spool::open(&path).expect("a spool");
            let left = (length - HEADER_BYTES) / frame;
            assert_eq!(loaded.records.len(), left, "at {length} bytes");
            spool.append(&record(9));
            spool.flush().expect("a flush");
            let (_, again) = Spool::open(&path).expect("a spool");
            assert_eq!(numbers(&again).last(), Some(&9), "at {length} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_file_there() {
        let (_folder, path) = folder();
        drop(filled(&path, 3));
        let mut bytes = fs::read(&path).expect("the file");
        let middle = bytes.len() - (bytes.len() - HEADER_BYTES) / 3 - 1;
        bytes[middle] ^= 1;
        fs::write(&path, &bytes).expect("a damaged file");
        let (_, loaded) = Spool::open(&path).expect("a spool");
        assert_eq!(numbers(&loaded), vec![1]);
        assert!(loaded.dropped_bytes > 0);
    }

    #[test]
    fn a_spool_that_is_mostly_acknowledged_shrinks_and_keeps_its_last_number() {
        let (_folder, path) = folder();
        let mut spool = filled(&path, 80_000);
        let before = fs::metadata(&path).expect("the file").len();
        spool.trim(79_999);
        spool.flush().expect("a flush");
        spool.append(&record(80_001));
        spool.flush().expect("a flush");
        let after = fs::metadata(&path).expect("the file").len();
        assert!(before > REWRITE_BYTES && after < 200, "{before} to {after}");
        let (mut spool, loaded) = Spool::open(&path).expect("a spool");
        assert_eq!(numbers(&loaded), vec![80_000, 80_001]);
        spool.trim(80_001);
        spool.flush().expect("a flush");
        let (_, loaded) = Spool::open(&path).expect("a spool");
        assert_eq!((loaded.records.len(), loaded.last_sequence), (0, 80_001));
    }

    #[test]
    fn another_programs_file_is_left_alone() {
        let (_folder, path) = folder();
        fs::write(&path, b"something that somebody else wrote").expect("a file");
        assert!(matches!(Spool::open(&path), Err(SpoolError::Format { .. })));
        assert_eq!(fs::read(&path).expect("the file"), b"something that somebody else wrote");
    }
}
