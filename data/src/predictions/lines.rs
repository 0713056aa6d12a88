//! Text files cut into chunks of whole lines, so that many threads can parse them.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use super::error::{At, Fault, Problem};

/// Bytes of a line at most.
pub(super) const MAX_LINE: usize = 16 << 20;
/// What some programs begin a UTF-8 file with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whole lines of a file.
#[derive(Debug)]
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    /// Lines of the file before these.
    pub lines_before: u64,
}

/// Reads a file chunk by chunk.
#[derive(Debug)]
pub(super) struct Chunks {
    file: File,
    chunk_bytes: usize,
    /// The beginning of a line whose end is not read yet.
    rest: Vec<u8>,
    lines_before: u64,
    is_over: bool,
}

impl Chunks {
    /// Opens a file; what follows are chunks of about so many bytes.
    pub fn open(path: &Path, chunk_bytes: usize) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut head = [0; BYTE_ORDER_MARK.len()];
        let has_mark = file.read_exact(&mut head).is_ok() && head == BYTE_ORDER_MARK;
        file.seek(SeekFrom::Start(if has_mark { head.len() as u64 } else { 0 }))?;
        Ok(Self { file, chunk_bytes: chunk_bytes.max(1), rest: Vec::new(), lines_before: 0, is_over: false })
    }

    /// Reads the first line, without its end; the chunks that follow begin after it. `None`: the file is empty.
    pub fn first_line(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let mut bytes = std::mem::take(&mut self.rest);
        let mut end = memchr::memchr(b'\n', &bytes);
        while end.is_none() && !self.is_over {
            if bytes.len() > MAX_LINE {
                return Err(self.long_line());
            }
            self.fill(&mut bytes, 1 << 16)?;
            end = memchr::memchr(b'\n', &bytes);
        }
        match end {
            Some(end) => {
                self.rest = bytes.split_off(end + 1);
                bytes.pop();
            }
            None if bytes.is_empty() => return Ok(None),
            None => {}
        }
        self.lines_before += 1;
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok(Some(bytes))
    }

    /// Reads the next lines. Only the last line of a file may lack its end.
    pub fn next(&mut self) -> Result<Option<Chunk>, Fault> {
        let mut bytes = std::mem::take(&mut self.rest);
        while !self.is_over && bytes.len() < self.chunk_bytes {
            let wanted = self.chunk_bytes - bytes.len();
            self.fill(&mut bytes, wanted)?;
        }
        while !self.is_over && memchr::memrchr(b'\n', &bytes).is_none() {
            if bytes.len() > MAX_LINE {
                return Err(self.long_line());
            }
            let wanted = bytes.len().max(1);
            self.fill(&mut bytes, wanted)?;
        }
        if !self.is_over
            && let Some(end) = memchr::memrchr(b'\n', &bytes)
        {
            self.rest = bytes.split_off(end + 1);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let lines_before = self.lines_before;
        self.lines_before += memchr::memchr_iter(b'\n', &bytes).count() as u64;
        Ok(Some(Chunk { bytes, lines_before }))
    }

    /// Appends up to so many bytes; answers how many.
    fn fill(&mut self, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<usize> {
        bytes.reserve(wanted);
        let read = (&self.file).take(wanted as u64).read_to_end(bytes)?;
        self.is_over = read < wanted;
        Ok(read)
    }

    fn long_line(&self) -> Fault {
        Fault::at(At::Line(self.lines_before + 1), Problem::LongLine(MAX_LINE))
    }
}

/// The lines of a chunk, without their ends, each with the number of lines of the file before it.
pub(super) fn lines(chunk: &Chunk) -> impl Iterator<Item = (u64, &[u8])> {
    let mut start = 0;
    let mut before = chunk.lines_before;
    std::iter::from_fn(move || {
        let rest = chunk.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        start += end + 1;
        before += 1;
        let line = &rest[..end];
        Some((before - 1, line.strip_suffix(b"\r").unwrap_or(line)))
    })
}

/// Whether the last line of the file is among these and lacks its end.
pub(super) fn is_unfinished(chunk: &Chunk) -> bool {
    chunk.bytes.last() != Some(&b'\n')
}
