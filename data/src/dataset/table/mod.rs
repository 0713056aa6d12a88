//! Tables: files whose rows have values by the names of columns. CSV, JSON lines and Parquet, read in parts.
//!
//! ```text
//! content ─ Table::open ─▶ next ─▶ Batch: columns so far, rows ─▶ …
//! ```
//! A row that makes no sense ends the reading with its number: a dataset is taken whole or not at all.

mod csv;
mod jsonl;
mod parquet;
mod value;

use std::{io, sync::Arc};

pub use value::Value;

use super::content::Content;

/// Rows in one part at most.
const BATCH_ROWS: usize = 8_192;
/// Bytes of the values of one part; the row that reaches it is the last one. Wide tables have fewer rows in a part.
const BATCH_BYTES: usize = 32 << 20;
/// A longer row is none of a table.
const ROW_BYTES: u64 = 64 << 20;
/// Columns at most; a file with more is hardly a table.
const MAX_COLUMNS: usize = 100_000;

/// What kind of table a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Values between separators, with a header line.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// What the file's name says; `None`: no table. `.gz` may follow.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (plain, packed) = match name.strip_suffix(".gz") {
            Some(plain) => (plain, true),
            None => (name.as_str(), false),
        };
        match plain.rsplit_once('.')?.1 {
            "csv" | "tsv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" | "pq" if !packed => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A row makes no sense.
    #[error("row {row}: {reason}")]
    Row {
        /// Its number, from 1, without the header.
        row: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The header, or the file as a whole, makes no sense.
    #[error("{0}")]
    Table(String),
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
}

/// Some rows.
#[derive(Debug, Default)]
pub struct Batch {
    /// Names of the columns so far, in the order of the file; later parts may have more.
    pub columns: Vec<Arc<str>>,
    /// The number of the first row, from 0.
    pub first: u64,
    /// Values by column; one that is shorter lacks the last ones.
    pub rows: Vec<Vec<Value>>,
}

/// The rows of a part that is being read.
#[derive(Debug, Default)]
struct Filling {
    rows: Vec<Vec<Value>>,
    bytes: usize,
}

impl Filling {
    fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The number of the next row, where the part begins after `first` rows.
    fn number_after(&self, first: u64) -> u64 {
        first + self.rows.len() as u64 + 1
    }

    fn push(&mut self, row: Vec<Value>) {
        self.bytes += row.iter().map(Value::bytes).sum::<usize>();
        self.rows.push(row);
    }
}

/// A table that is being read.
#[derive(Debug)]
pub struct Table {
    reader: Reader,
    rows: u64,
}

#[derive(Debug)]
enum Reader {
    Csv(csv::CsvTable),
    Jsonl(jsonl::JsonlTable),
    Parquet(parquet::ParquetTable),
}

impl Table {
    /// Opens the table in a content. `name` is the file's, which says whether it is packed or separated by tabs.
    ///
    /// # Errors
    /// [`TableError`] when its beginning makes no sense.
    pub fn open(content: &Content, format: Format, name: &str) -> Result<Self, TableError> {
        let name = name.to_ascii_lowercase();
        let packed = name.ends_with(".gz");
        let bytes: Box<dyn io::Read + Send> = if packed {
            Box::new(flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(1 << 16, content.reader())))
        } else {
            Box::new(content.reader())
        };
        let tabs = name.trim_end_matches(".gz").ends_with(".tsv");
        let reader = match format {
            Format::Csv => Reader::Csv(csv::CsvTable::open(bytes, tabs)?),
            Format::Jsonl => Reader::Jsonl(jsonl::JsonlTable::open(bytes)),
            Format::Parquet => Reader::Parquet(parquet::ParquetTable::open(content)?),
        };
        Ok(Self { reader, rows: 0 })
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// [`TableError`], with the row that makes no sense.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, TableError> {
        let mut part = Filling::default();
        let columns = match &mut self.reader {
            Reader::Csv(table) => table.read(self.rows, &mut part)?,
            Reader::Jsonl(table) => table.read(self.rows, &mut part)?,
            Reader::Parquet(table) => table.read(self.rows, &mut part)?,
        };
        let (first, rows) = (self.rows, part.rows);
        self.rows += rows.len() as u64;
        if rows.is_empty() && first > 0 {
            return Ok(None);
        }
        // A table without rows has columns all the same, once.
        let ended = rows.is_empty() && std::mem::replace(&mut self.rows, u64::MAX) == u64::MAX;
        if ended { Ok(None) } else { Ok(Some(Batch { columns, first, rows })) }
    }
}

fn check_columns(names: &[Arc<str>]) -> Result<(), TableError> {
    if names.len() > MAX_COLUMNS {
        return Err(TableError::Table(format!("it has {} columns, and {MAX_COLUMNS} are the most", names.len())));
    }
    let mut sorted: Vec<&Arc<str>> = names.iter().collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(TableError::Table(format!("two columns are called `{}`; rename one", pair[0]))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
