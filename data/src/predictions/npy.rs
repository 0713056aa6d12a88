//! Predictions as arrays of NumPy: probabilities row by row, or one score a row.
//!
//! An array holds no ids: they stand in a text file beside it, one a line, or are the numbers of the rows. Embeddings are
//! another array beside it.

mod array;

pub(super) use self::array::MAGIC;

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use self::array::Array;
use super::{
    batch::{Batch, digits},
    error::{At, Fault, Problem},
    file::Wanted,
    layout::{Classes, Kind, Layout, MAX_EMBEDDING, MAX_ID, enough},
};

/// Files that belong to an array.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Ids of the rows, one a line.
    pub ids: Option<PathBuf>,
    /// Embeddings, an array with as many rows.
    pub embeddings: Option<PathBuf>,
}

impl Beside {
    /// The files that lie beside `NAME.npy`: `NAME.ids.txt` and `NAME.embeddings.npy`.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let beside = |suffix: &str| {
            let mut name = path.file_stem().map(OsString::from)?;
            name.push(suffix);
            Some(path.with_file_name(name)).filter(|path| path.is_file())
        };
        Self { ids: beside(".ids.txt"), embeddings: beside(".embeddings.npy") }
    }
}

/// An array that is a file of predictions, with what lies beside it.
#[derive(Debug)]
pub(super) struct NpyFile {
    values: Array,
    embeddings: Option<Array>,
    ids: Option<PathBuf>,
    /// How messages call what lies beside.
    names: [String; 2],
}

/// Rows of an array, with their ids where a file has them.
#[derive(Debug)]
pub(super) struct Range {
    pub first: u64,
    pub count: usize,
    /// A line for each row.
    ids: Option<Vec<u8>>,
}

impl NpyFile {
    /// Opens the arrays and reads their headers.
    pub fn open(path: &Path, beside: &Beside) -> Result<(Self, Layout), Fault> {
        let values = Array::open(path)?;
        let kind = match values.width {
            None => Kind::Score,
            Some(width) => {
                let classes = Classes::Numbered(width);
                enough(&classes)?;
                Kind::Probabilities(classes)
            }
        };
        if values.rows == 0 {
            return Err(Fault::file(Problem::Empty));
        }
        let names = [&beside.ids, &beside.embeddings].map(|path| path.as_deref().map(file_name).unwrap_or_default());
        let embeddings = beside.embeddings.as_deref().map(Array::open).transpose().map_err(|fault| fault.column(&*names[1]))?;
        let embedding = embeddings.as_ref().map(|array| embedding_width(array, values.rows)).transpose();
        let embedding = embedding.map_err(|fault| fault.column(&*names[1]))?;
        let layout = Layout { kind, embedding, has_cost: false };
        Ok((Self { values, embeddings, ids: beside.ids.clone(), names }, layout))
    }

    /// Rows of the array.
    pub fn rows(&self) -> u64 {
        self.values.rows
    }

    /// Whether ids are other than the numbers of the rows.
    pub fn has_ids(&self) -> bool {
        self.ids.is_some()
    }

    /// Reads the rows with these numbers, which are their ids.
    pub fn read_rows(&self, numbers: &[u64], batch: &mut Batch) -> Result<(), Fault> {
        batch.clear();
        for number in numbers {
            batch.number(*number, 1);
            batch.push_id(digits(*number, &mut [0; 20]));
            self.read(*number, 1, batch)?;
        }
        Ok(())
    }

    /// Cuts the rows into ranges of about so many bytes.
    pub fn ranges(&self, chunk_bytes: usize) -> Result<Ranges<'_>, Fault> {
        let row_bytes = self.values.row_bytes() + self.embeddings.as_ref().map_or(0, Array::row_bytes);
        let count = (chunk_bytes / row_bytes).max(1);
        let ids = self.ids.as_deref().map(File::open).transpose().map_err(|error| self.in_ids(error.into()))?;
        Ok(Ranges { file: self, next: 0, count, ids: ids.map(|file| BufReader::with_capacity(1 << 18, file)) })
    }

    /// Reads the rows of a range for which `wanted` holds, given their ids.
    pub fn parse(&self, range: &Range, wanted: Wanted<'_>, batch: &mut Batch) -> Result<(), Fault> {
        batch.clear();
        match wanted {
            None => {
                batch.number(range.first, range.count);
                range.each_id(|_, id| batch.push_id(id));
                self.read(range.first, range.count, batch)
            }
            Some(wanted) => {
                let mut found = Vec::new();
                range.each_id(|row, id| {
                    if wanted(id) {
                        batch.number(row, 1);
                        batch.push_id(id);
                        found.push(row);
                    }
                });
                found.into_iter().try_for_each(|row| self.read(row, 1, batch))
            }
        }
    }

    fn read(&self, first: u64, count: usize, batch: &mut Batch) -> Result<(), Fault> {
        self.values.read(first, count, &mut batch.values)?;
        match &self.embeddings {
            Some(array) => array.read(first, count, &mut batch.embeddings).map_err(|fault| fault.column(&*self.names[1])),
            None => Ok(()),
        }
    }

    fn in_ids(&self, fault: Fault) -> Fault {
        fault.column(&*self.names[0])
    }

    fn id_fault(&self, at: At, problem: Problem) -> Fault {
        self.in_ids(Fault::at(at, problem))
    }
}

/// The ranges of an array, in their order.
#[derive(Debug)]
pub(super) struct Ranges<'a> {
    file: &'a NpyFile,
    next: u64,
    count: usize,
    ids: Option<BufReader<File>>,
}

impl Ranges<'_> {
    /// The next range; `None` after the last one.
    pub fn next(&mut self) -> Result<Option<Range>, Fault> {
        let first = self.next;
        let left = self.file.rows() - first;
        if left == 0 {
            return self.no_more_ids().map(|()| None);
        }
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(self.count);
        self.next += count as u64;
        let ids = match &mut self.ids {
            Some(ids) => Some(id_lines(ids, self.file, first, count)?),
            None => None,
        };
        Ok(Some(Range { first, count, ids }))
    }

    fn no_more_ids(&mut self) -> Result<(), Fault> {
        let Some(ids) = &mut self.ids else { return Ok(()) };
        let more = ids.fill_buf().map_err(|error| self.file.in_ids(error.into()))?;
        if more.is_empty() {
            return Ok(());
        }
        let rows = self.file.rows();
        let message = format!("it has more lines than the array has rows, {rows}; write one id a line for each row");
        Err(self.file.id_fault(At::File, Problem::Malformed(message)))
    }
}

/// Reads so many lines.
fn id_lines(ids: &mut BufReader<File>, file: &NpyFile, first: u64, count: usize) -> Result<Vec<u8>, Fault> {
    let mut lines = Vec::with_capacity(count * 12);
    for row in first..first + count as u64 {
        let start = lines.len();
        read_line(ids, &mut lines).map_err(|error| file.in_ids(error.into()))?;
        if lines.len() - start > MAX_ID + 2 {
            return Err(file.id_fault(At::Line(row + 1), Problem::LongLine(MAX_ID)));
        }
        if lines.len() == start {
            let message = format!("it has {row} lines and the array has {} rows; write one id a line for each row", file.rows());
            return Err(file.id_fault(At::File, Problem::Malformed(message)));
        }
        if lines.last() != Some(&b'\n') {
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// Reads a line, or the beginning of one that is too long.
fn read_line(from: &mut BufReader<File>, into: &mut Vec<u8>) -> io::Result<()> {
    use io::Read as _;
    from.take(MAX_ID as u64 + 3).read_until(b'\n', into).map(|_| ())
}

impl Range {
    /// Calls `visit` with the number and the id of each row.
    fn each_id(&self, mut visit: impl FnMut(u64, &[u8])) {
        match &self.ids {
            None => {
                let mut room = [0; 20];
                (self.first..self.first + self.count as u64).for_each(|row| visit(row, digits(row, &mut room)));
            }
            Some(lines) => {
                let mut start = 0;
                for (row, end) in (self.first..).zip(memchr::memchr_iter(b'\n', lines)) {
                    let line = &lines[start..end];
                    visit(row, line.strip_suffix(b"\r").unwrap_or(line));
                    start = end + 1;
                }
            }
        }
    }
}

fn embedding_width(array: &Array, rows: u64) -> Result<usize, Fault> {
    let malformed = |message: String| Err(Fault::file(Problem::Malformed(message)));
    match array.width {
        _ if array.rows != rows => malformed(format!("it has {} rows, and the predictions have {rows}", array.rows)),
        None | Some(0) => malformed("it has one dimension; embeddings have two: samples and numbers of each".to_owned()),
        Some(found) if found > MAX_EMBEDDING => {
            Err(Fault::file(Problem::TooMany { what: "numbers of an embedding", found, limit: MAX_EMBEDDING }))
        }
        Some(width) => Ok(width),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
