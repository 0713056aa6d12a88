//! Tables as CSV: a header line, then rows. Separated by what the first line has most of. A first line of numbers alone is
//! a row: then the columns are called `c0`, `c1`, …

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read},
    sync::Arc,
};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};

use super::{BATCH_ROWS, TableError, Value, check_columns};
use crate::dataset::profile::{Guess, guess};

/// Written between cells; the first one is taken where the header has none.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Rows of a CSV.
pub(super) struct CsvTable {
    columns: Vec<Arc<str>>,
    reader: csv::Reader<BufReader<Box<dyn Read + Send>>>,
    record: ByteRecord,
    /// The first line was a row; it waits in `record`.
    waits: bool,
}

impl fmt::Debug for CsvTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvTable").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl CsvTable {
    pub fn open(bytes: Box<dyn Read + Send>, tabs: bool) -> Result<Self, TableError> {
        let mut bytes = BufReader::with_capacity(1 << 16, bytes);
        let beginning = bytes.fill_buf()?;
        let marked = beginning.starts_with(b"\xef\xbb\xbf");
        let header = beginning.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let separator = if tabs { b'\t' } else { separator_of(header) };
        if marked {
            bytes.consume(3);
        }
        let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(bytes);
        let mut record = ByteRecord::new();
        if !reader.read_byte_record(&mut record).map_err(|error| csv_error(error, None))? {
            return Err(TableError::Table("it has no header line".to_owned()));
        }
        if record.iter().all(is_number) {
            let columns = (0..record.len()).map(|at| Arc::from(format!("c{at}"))).collect();
            return Ok(Self { columns, reader, record, waits: true });
        }
        let columns = record.iter().map(|name| text(name).map(Arc::from));
        let columns: Vec<Arc<str>> =
            columns.collect::<Option<_>>().ok_or_else(|| TableError::Table("the header is not UTF-8".to_owned()))?;
        check_columns(&columns)?;
        Ok(Self { columns, reader, record, waits: false })
    }

    pub fn read(&mut self, first: u64, rows: &mut Vec<Vec<Value>>) -> Result<Vec<Arc<str>>, TableError> {
        while rows.len() < BATCH_ROWS {
            let row = first + rows.len() as u64 + 1;
            let waited = std::mem::take(&mut self.waits);
            if !waited && !self.reader.read_byte_record(&mut self.record).map_err(|error| csv_error(error, Some(row)))? {
                break;
            }
            let values = self.record.iter().zip(&self.columns).map(|(cell, column)| {
                let wrong = || TableError::Row { row, reason: format!("`{column}` is not UTF-8") };
                let cell = text(cell).ok_or_else(wrong)?;
                Ok(if cell.is_empty() { Value::Missing } else { Value::Text(cell.into()) })
            });
            rows.push(values.collect::<Result<_, TableError>>()?);
        }
        Ok(self.columns.clone())
    }
}

fn is_number(cell: &[u8]) -> bool {
    text(cell).is_some_and(|cell| matches!(guess(cell), Guess::Int(_) | Guess::Float(_)))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn separator_of(header: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0_usize; SEPARATORS.len()];
    for byte in header {
        if *byte == b'"' {
            quoted = !quoted;
        }
        if let Some(at) = SEPARATORS.iter().position(|separator| separator == byte).filter(|_| !quoted) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let at = counts.iter().position(|count| *count == most && most > 0);
    at.map_or(SEPARATORS[0], |at| SEPARATORS[at])
}

fn csv_error(error: csv::Error, row: Option<u64>) -> TableError {
    let text = error.to_string();
    let reason = match error.into_kind() {
        ErrorKind::Io(error) => return TableError::Io(error),
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.map_or_else(String::new, |pos| format!(" (line {})", pos.line()));
            format!("it has {len} cells{line}, and the first line has {expected_len}")
        }
        _ => text,
    };
    match row {
        Some(row) => TableError::Row { row, reason },
        None => TableError::Table(reason),
    }
}
