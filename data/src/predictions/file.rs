//! A file of predictions of any format, cut into parts that threads read side by side.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    batch::{Batch, place},
    csv,
    error::{At, Fault, PredictionError, Problem},
    jsonl,
    layout::Layout,
    lines::{Chunk, Chunks},
    npy::{self, Beside, NpyFile},
    parquet::{ParquetFile, Piece},
};

/// Bytes of a file that one thread takes at once.
pub const CHUNK_BYTES: usize = 1 << 20;

/// A file of predictions, opened.
#[derive(Debug)]
pub struct PredictionFile {
    path: PathBuf,
    name: String,
    layout: Layout,
    content: Content,
    chunk_bytes: usize,
}

/// How predictions are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A header line, then a row a line.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// An array of NumPy.
    Npy,
    /// Parquet.
    Parquet,
}

#[derive(Debug)]
enum Content {
    Csv(csv::Columns),
    JsonLines(jsonl::Shape),
    Npy(NpyFile),
    Parquet(ParquetFile),
}

/// What one thread reads at once.
#[derive(Debug)]
pub(super) enum Part {
    Lines(Chunk),
    Range(npy::Range),
    Piece(Piece),
}

/// The parts of a file, in their order.
pub(super) enum Parts<'a> {
    Lines(Chunks),
    Ranges(npy::Ranges<'a>),
    Pieces(std::vec::IntoIter<Piece>),
}

/// Whether the row of a sample is wanted.
pub(super) type Wanted<'a> = Option<&'a dyn Fn(&[u8]) -> bool>;

impl PredictionFile {
    /// Opens a file, whatever its name ends with: the format shows in what it begins with. Beside an array of NumPy,
    /// ids and embeddings are looked for.
    ///
    /// # Errors
    /// [`PredictionError`]: it cannot be read, is empty, or has columns that are not those of predictions.
    pub fn open(path: &Path) -> Result<Self, PredictionError> {
        Self::open_as(path, &path.display().to_string(), &Beside::of(path))
    }

    /// Opens a file that messages call `name`, with the files that belong to it.
    ///
    /// # Errors
    /// As [`PredictionFile::open`].
    pub fn open_as(path: &Path, name: &str, beside: &Beside) -> Result<Self, PredictionError> {
        let (content, layout) = open(path, beside).map_err(|fault| fault.of(name))?;
        Ok(Self { path: path.to_owned(), name: name.to_owned(), layout, content, chunk_bytes: CHUNK_BYTES })
    }

    /// Reads about so many bytes at once. Results do not depend on it.
    #[must_use]
    pub fn with_chunk_bytes(mut self, chunk_bytes: usize) -> Self {
        self.chunk_bytes = chunk_bytes.max(1);
        self
    }

    /// What its rows hold.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is written.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.content {
            Content::Csv(_) => Format::Csv,
            Content::JsonLines(_) => Format::JsonLines,
            Content::Npy(_) => Format::Npy,
            Content::Parquet(_) => Format::Parquet,
        }
    }

    /// How many rows it has; of text an estimate from its first lines.
    pub(super) fn rows_about(&self) -> Result<u64, PredictionError> {
        match &self.content {
            Content::Npy(file) => Ok(file.rows()),
            Content::Parquet(file) => Ok(file.rows()),
            Content::Csv(_) | Content::JsonLines(_) => self.lines_about().map_err(|error| self.error(error.into())),
        }
    }

    fn lines_about(&self) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        let bytes = file.metadata()?.len();
        let mut head = Vec::new();
        file.take(1 << 16).read_to_end(&mut head)?;
        let lines = memchr::memchr_iter(b'\n', &head).count().max(1) as u64;
        Ok(bytes.saturating_mul(lines) / (head.len() as u64).max(1) + 1)
    }

    /// The error that names this file.
    pub(super) fn error(&self, fault: Fault) -> PredictionError {
        fault.of(&self.name)
    }

    /// How messages tell a row, given its number.
    #[must_use]
    pub fn place(&self, number: u64) -> At {
        match self.content {
            Content::Csv(_) => place(number, true, 1),
            Content::JsonLines(_) => place(number, true, 0),
            Content::Npy(_) | Content::Parquet(_) => place(number, false, 0),
        }
    }

    /// The numbers of the rows of these samples, where ids are nothing but that; those that are none are left out.
    pub(super) fn numbers_of(&self, ids: &[String]) -> Option<Vec<u64>> {
        let Content::Npy(file) = &self.content else { return None };
        if file.has_ids() {
            return None;
        }
        let number = |id: &String| id.parse().ok().filter(|number: &u64| *number < file.rows() && number.to_string() == *id);
        Some(ids.iter().filter_map(number).collect())
    }

    /// Reads the rows with these numbers of a file whose ids are nothing but that.
    pub(super) fn read_numbers(&self, numbers: &[u64]) -> Result<Batch, PredictionError> {
        let mut batch = Batch::default();
        if let Content::Npy(file) = &self.content {
            file.read_rows(numbers, &mut batch).map_err(|fault| self.error(fault))?;
        }
        batch.check(&self.layout).map_err(|fault| self.error(fault))?;
        Ok(batch)
    }

    /// Whether two rows may have the same id.
    pub(super) fn may_repeat(&self) -> bool {
        match &self.content {
            Content::Npy(file) => file.has_ids(),
            Content::Csv(_) | Content::JsonLines(_) | Content::Parquet(_) => true,
        }
    }

    /// Starts reading, for so many threads.
    pub(super) fn parts(&self, threads: usize) -> Result<Parts<'_>, Fault> {
        Ok(match &self.content {
            Content::Csv(_) => {
                let mut chunks = Chunks::open(&self.path, self.chunk_bytes)?;
                chunks.first_line()?;
                Parts::Lines(chunks)
            }
            Content::JsonLines(_) => Parts::Lines(Chunks::open(&self.path, self.chunk_bytes)?),
            Content::Npy(file) => Parts::Ranges(file.ranges(self.chunk_bytes)?),
            Content::Parquet(file) => Parts::Pieces(file.pieces(threads).into_iter()),
        })
    }

    /// Reads the rows of a part, all or those that are wanted, checks them, and hands them on, batch by batch.
    pub(super) fn read(
        &self,
        part: &Part,
        wanted: Wanted<'_>,
        batch: &mut Batch,
        visit: &mut dyn FnMut(&Batch) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut checked = |batch: &Batch| {
            batch.check(&self.layout)?;
            visit(batch)
        };
        match (&self.content, part) {
            (Content::Csv(columns), Part::Lines(chunk)) => {
                csv::parse(chunk, (columns, &self.layout), wanted, batch)?;
                checked(batch)
            }
            (Content::JsonLines(shape), Part::Lines(chunk)) => {
                jsonl::parse(chunk, shape, wanted, batch)?;
                checked(batch)
            }
            (Content::Npy(file), Part::Range(range)) => {
                file.parse(range, wanted, batch)?;
                checked(batch)
            }
            (Content::Parquet(file), Part::Piece(piece)) => file.parse(*piece, &self.layout, wanted, &mut |batch| checked(batch)),
            (Content::Csv(_) | Content::JsonLines(_) | Content::Npy(_) | Content::Parquet(_), _) => {
                unreachable!("parts are those of another file")
            }
        }
    }
}

impl Parts<'_> {
    /// The next part; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Part>, Fault> {
        Ok(match self {
            Self::Lines(chunks) => chunks.next()?.map(Part::Lines),
            Self::Ranges(ranges) => ranges.next()?.map(Part::Range),
            Self::Pieces(pieces) => pieces.next().map(Part::Piece),
        })
    }
}

fn open(path: &Path, beside: &Beside) -> Result<(Content, Layout), Fault> {
    match sniff(path)? {
        Format::Npy => NpyFile::open(path, beside).map(|(file, layout)| (Content::Npy(file), layout)),
        Format::Parquet => ParquetFile::open(path).map(|(file, layout)| (Content::Parquet(file), layout)),
        Format::JsonLines => {
            let mut chunks = Chunks::open(path, CHUNK_BYTES)?;
            let mut before = 0;
            let line = loop {
                match chunks.first_line()? {
                    None => return Err(Fault::file(Problem::Empty)),
                    Some(line) if line.iter().all(u8::is_ascii_whitespace) => before += 1,
                    Some(line) => break line,
                }
            };
            let shape = jsonl::shape(&line, before)?;
            let layout = shape.layout.clone();
            Ok((Content::JsonLines(shape), layout))
        }
        Format::Csv => {
            let line = Chunks::open(path, CHUNK_BYTES)?.first_line()?.ok_or_else(|| Fault::file(Problem::Empty))?;
            let (columns, layout) = csv::header(&line)?;
            Ok((Content::Csv(columns), layout))
        }
    }
}

/// Tells the format by the first bytes.
fn sniff(path: &Path) -> Result<Format, Fault> {
    let mut head = Vec::new();
    File::open(path)?.take(1 << 10).read_to_end(&mut head)?;
    if head.starts_with(npy::MAGIC) {
        return Ok(Format::Npy);
    }
    if head.starts_with(b"PAR1") {
        return Ok(Format::Parquet);
    }
    for (magic, kind) in [(&b"PK\x03\x04"[..], "a zip archive, as `numpy.savez` writes"), (b"\x1f\x8b", "compressed with gzip")] {
        if head.starts_with(magic) {
            let message = format!("it is {kind}; write plain CSV, JSON lines, Parquet, or an array with `numpy.save`");
            return Err(Fault::file(Problem::Malformed(message)));
        }
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&head);
    match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err(Fault::file(Problem::Empty)),
        Some(b'{') => Ok(Format::JsonLines),
        Some(b'[') => Err(Fault::file(Problem::JsonArray)),
        Some(_) => Ok(Format::Csv),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
