//! The log of an attempt: what it writes to standard output and error, bounded on disk. A short one stays in memory
//! and never becomes a file.
//!
//! ```text
//! file:   | head, kept for ever | ring: the latest bytes            |
//! offset: 0                half of the limit                    limit
//! ```
//!
//! Offsets count everything that was ever written. What lies between the head and the ring is gone, and a
//! reader that asks for it is given what comes next.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tokio::sync::watch;

/// A limit below this would not hold an error message.
const SMALLEST_LIMIT: u64 = 4_096;
/// A log is kept in memory up to this; one that grows longer goes to its file.
const MEMORY_BYTES: usize = 32 << 10;
/// Bytes of standard error that explain a failure.
const EXPLAIN_BYTES: usize = 2_048;
/// Lines of standard error that explain a failure.
const EXPLAIN_LINES: usize = 5;

/// A bounded log that is written and read at the same time.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    inner: Mutex<Inner>,
    length: watch::Sender<Length>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Length {
    /// Bytes ever written.
    pub bytes: u64,
    /// Nothing follows.
    pub closed: bool,
}

/// A log that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whole {
    /// It never became a file.
    Bytes(Vec<u8>),
    /// It is here.
    File(PathBuf),
}

/// A piece of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins; later than asked for when that part is gone.
    pub offset: u64,
    /// Empty: nothing is there yet.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    head: u64,
    ring: u64,
    written: u64,
    /// The latest bytes of standard error.
    errors: Vec<u8>,
    /// The first write that failed; the log ends there.
    failure: Option<io::Error>,
}

/// Where the bytes are.
#[derive(Debug)]
enum Place {
    /// All that were written.
    Memory(Vec<u8>),
    /// Head and ring.
    File(File),
}

impl Log {
    /// A log of at most `limit_bytes` at `path`; the file is created when memory no longer holds it.
    #[must_use]
    pub fn new(path: &Path, limit_bytes: u64) -> Self {
        let limit = limit_bytes.max(SMALLEST_LIMIT);
        let inner = Inner {
            place: Place::Memory(Vec::new()),
            head: limit / 2,
            ring: limit - limit / 2,
            written: 0,
            errors: Vec::new(),
            failure: None,
        };
        Self { path: path.to_owned(), inner: Mutex::new(inner), length: watch::Sender::new(Length::default()) }
    }

    /// Adds bytes. A full disk ends the log, never the trial.
    pub fn append(&self, bytes: &[u8], is_error: bool) {
        let mut inner = self.lock();
        if is_error {
            inner.keep_errors(bytes);
        }
        if inner.failure.is_none()
            && let Err(error) = inner.write(&self.path, bytes)
        {
            tracing::warn!("cannot write the log `{}`: {error}", self.path.display());
            inner.failure = Some(error);
        }
        let bytes = inner.written;
        drop(inner);
        self.length.send_modify(|length| length.bytes = bytes);
    }

    /// Nothing follows.
    pub fn close(&self) {
        self.length.send_modify(|length| length.closed = true);
    }

    /// Tells readers when there is more.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Length> {
        self.length.subscribe()
    }

    /// Reads at most `limit` bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn read(&self, offset: u64, limit: usize) -> io::Result<Piece> {
        self.lock().read(offset, limit)
    }

    /// The last lines of standard error, for a message.
    #[must_use]
    pub fn last_errors(&self) -> String {
        let inner = self.lock();
        let text = String::from_utf8_lossy(&inner.errors);
        let mut lines: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(EXPLAIN_LINES).collect();
        lines.reverse();
        lines.join("\n")
    }

    /// Gives the whole log, with a line in place of what is gone. `None`: nothing was written.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn finish(&self) -> io::Result<Option<Whole>> {
        self.close();
        match &self.lock().place {
            Place::Memory(bytes) if bytes.is_empty() => return Ok(None),
            Place::Memory(bytes) => return Ok(Some(Whole::Bytes(bytes.clone()))),
            Place::File(_) => {}
        }
        Ok(self.finish_in_file()?.map(Whole::File))
    }

    /// As [`Self::finish`], and always as one plain file.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn finish_in_file(&self) -> io::Result<Option<PathBuf>> {
        self.close();
        let mut inner = self.lock();
        if inner.written == 0 {
            return Ok(None);
        }
        inner.file(&self.path)?;
        if inner.written <= inner.head + inner.ring {
            return Ok(Some(self.path.clone()));
        }
        let path = self.path.with_extension("whole");
        let mut whole = File::create(&path)?;
        inner.copy(0, inner.head, &mut whole)?;
        let gone = inner.written - inner.head - inner.ring;
        write!(whole, "\n[hone: {gone} bytes were left out here]\n")?;
        inner.copy(inner.written - inner.ring, inner.written, &mut whole)?;
        Ok(Some(path))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn write(&mut self, path: &Path, mut bytes: &[u8]) -> io::Result<()> {
        let capacity = usize::try_from(self.head + self.ring).unwrap_or(usize::MAX).min(MEMORY_BYTES);
        if let Place::Memory(kept) = &mut self.place
            && bytes.len() <= capacity.saturating_sub(kept.len())
        {
            kept.extend_from_slice(bytes);
            self.written += bytes.len() as u64;
            return Ok(());
        }
        self.file(path)?;
        // Of one piece only what would survive it is written.
        let room = self.head.saturating_sub(self.written) + self.ring;
        let surplus = (bytes.len() as u64).saturating_sub(room);
        if surplus > 0 {
            let head_left = self.head.saturating_sub(self.written);
            let (head, rest) = bytes.split_at(usize::try_from(head_left).unwrap_or(usize::MAX));
            self.put(head)?;
            self.written += surplus;
            bytes = &rest[usize::try_from(surplus).unwrap_or(usize::MAX)..];
        }
        self.put(bytes)
    }

    /// Moves what is in memory to the file.
    fn file(&mut self, path: &Path) -> io::Result<()> {
        if let Place::Memory(kept) = &self.place {
            let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
            // Less than head and ring hold, so it lies as it was written.
            file.write_all_at(kept, 0)?;
            self.place = Place::File(file);
        }
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let Place::File(file) = &self.place else { return Ok(()) };
        while !bytes.is_empty() {
            let (place, contiguous) = self.place(self.written);
            let count = bytes.len().min(usize::try_from(contiguous).unwrap_or(usize::MAX));
            file.write_all_at(&bytes[..count], place)?;
            self.written += count as u64;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Where in the file a byte lies, and how many follow it there.
    fn place(&self, offset: u64) -> (u64, u64) {
        if offset < self.head {
            return (offset, self.head - offset);
        }
        let in_ring = (offset - self.head) % self.ring;
        (self.head + in_ring, self.ring - in_ring)
    }

    fn read(&self, offset: u64, limit: usize) -> io::Result<Piece> {
        let oldest = self.written.saturating_sub(self.ring);
        let offset = if offset >= self.head { offset.max(oldest).max(self.head) } else { offset };
        if offset >= self.written {
            return Ok(Piece { offset, bytes: Vec::new() });
        }
        let file = match &self.place {
            Place::Memory(kept) => {
                let rest = kept.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
                return Ok(Piece { offset, bytes: rest[..rest.len().min(limit)].to_vec() });
            }
            Place::File(file) => file,
        };
        let (place, contiguous) = self.place(offset);
        let count = contiguous.min(self.written - offset).min(limit as u64);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(limit)];
        file.read_exact_at(&mut bytes, place)?;
        Ok(Piece { offset, bytes })
    }

    fn copy(&self, mut from: u64, to: u64, into: &mut File) -> io::Result<()> {
        while from < to {
            let limit = usize::try_from(to - from).unwrap_or(usize::MAX).min(1 << 16);
            let piece = self.read(from, limit)?;
            into.write_all(&piece.bytes)?;
            from += piece.bytes.len() as u64;
        }
        Ok(())
    }

    fn keep_errors(&mut self, bytes: &[u8]) {
        let start = bytes.len().saturating_sub(EXPLAIN_BYTES);
        self.errors.extend_from_slice(&bytes[start..]);
        let surplus = self.errors.len().saturating_sub(EXPLAIN_BYTES);
        self.errors.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(limit: u64) -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::new(&folder.path().join("log"), limit);
        (folder, log)
    }

    fn all(log: &Log) -> (Vec<u8>, Vec<u64>) {
        let (mut offset, mut bytes, mut jumps) = (0, Vec::new(), Vec::new());
        loop {
            let piece = log.read(offset, 1_000).expect("a piece");
            if piece.bytes.is_empty() {
                return (bytes, jumps);
            }
            if piece.offset != offset {
                jumps.push(piece.offset);
            }
            offset = piece.offset + piece.bytes.len() as u64;
            bytes.extend(piece.bytes);
        }
    }

    fn pattern(count: usize) -> Vec<u8> {
        (0..count).map(|index| u8::try_from(index % 251).unwrap_or(0)).collect()
    }

    #[test]
    fn a_short_log_is_kept_as_it_is() {
        let (folder, log) = log(10_000);
        log.append(b"one\n", false);
        log.append(b"two\n", true);
        assert_eq!(all(&log), (b"one\ntwo\n".to_vec(), vec![]));
        let whole = log.finish().expect("no error").expect("a log");
        assert_eq!(whole, Whole::Bytes(b"one\ntwo\n".to_vec()));
        assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
        let path = log.finish_in_file().expect("a file").expect("a log");
        assert_eq!(std::fs::read(path).expect("the file"), b"one\ntwo\n");
    }

    #[test]
    fn a_log_goes_on_in_its_file_when_it_grows() {
        let bytes = pattern(3 * MEMORY_BYTES);
        let (_folder, log) = log(1 << 20);
        for (index, piece) in bytes.chunks(10_000).enumerate() {
            log.append(piece, false);
            assert_eq!(all(&log), (bytes[..bytes.len().min((index + 1) * 10_000)].to_vec(), vec![]));
        }
        let Some(Whole::File(path)) = log.finish().expect("no error") else { panic!("it is long") };
        assert_eq!(std::fs::read(path).expect("the file"), bytes);
    }

    #[test]
    fn an_empty_log_is_none() {
        let (_folder, log) = log(10_000);
        log.append(b"", false);
        assert_eq!(log.finish().expect("no error"), None);
    }

    #[test]
    fn a_long_log_keeps_its_head_and_its_tail_however_it_was_written() {
        let bytes = pattern(100_000);
        for chunk in [1, 999, 4_096, 5_000, 12_000, 100_000] {
            let (_folder, log) = log(10_000);
            for piece in bytes.chunks(chunk) {
                log.append(piece, false);
            }
            let (kept, jumps) = all(&log);
            assert_eq!(&kept[..5_000], &bytes[..5_000], "{chunk}");
            assert_eq!(&kept[5_000..], &bytes[95_000..], "{chunk}");
            assert_eq!(jumps, vec![95_000], "{chunk}");
            let whole = std::fs::read(log.finish_in_file().expect("a file").expect("a log")).expect("the file");
            let note = b"\n[hone: 90000 bytes were left out here]\n";
            assert_eq!(whole.len(), 10_000 + note.len());
            assert_eq!(&whole[5_000..5_000 + note.len()], note);
        }
    }

    #[test]
    fn the_last_lines_of_standard_error_explain() {
        let (_folder, log) = log(10_000);
        for line in 0..1_000 {
            log.append(format!("line {line}\n").as_bytes(), true);
        }
        log.append(b"on standard output\n\n", false);
        assert_eq!(log.last_errors(), "line 995\nline 996\nline 997\nline 998\nline 999");
    }

    #[test]
    fn a_disk_that_refuses_ends_the_log_and_nothing_else() {
        let log = Log::new(Path::new("/nonexistent/folder/log"), 10_000);
        log.append(b"text", false);
        log.append(&pattern(MEMORY_BYTES), false);
        log.append(b"more", false);
        assert_eq!(log.finish().expect("no error"), Some(Whole::Bytes(b"text".to_vec())));
    }
}
