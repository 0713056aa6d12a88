//! Tables as Parquet, row by row. Snappy and Zstandard are read, and what is not compressed.

use std::{
    io::BufReader,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    errors::ParquetError,
    file::{
        reader::{ChunkReader, FileReader as _, Length},
        serialized_reader::SerializedFileReader,
    },
    record::{Field, Row, reader::RowIter},
};
use serde_json::{Map, Value as Json};

use super::{BATCH_ROWS, TableError, Value, check_columns};
use crate::dataset::content::{Content, Reader};

/// Rows of a Parquet file.
pub(super) struct ParquetTable {
    columns: Vec<Arc<str>>,
    rows: RowIter<'static>,
}

impl std::fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParquetTable").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Length for Content {
    fn len(&self) -> u64 {
        self.size()
    }
}

impl ChunkReader for Content {
    type T = BufReader<Reader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        // No more than a page's header is read through it.
        Ok(BufReader::with_capacity(1 << 10, self.reader_at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged file names lengths beyond its end.
        if start.checked_add(length as u64).is_none_or(|end| end > self.size()) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of {}", self.size())));
        }
        let mut bytes = vec![0; length];
        self.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

impl ParquetTable {
    pub fn open(content: &Content) -> Result<Self, TableError> {
        let opened = guarded(|| SerializedFileReader::new(content.clone()));
        let file = opened.map_err(|error| TableError::Table(words(&error)))?;
        let schema = file.metadata().file_metadata().schema();
        let columns: Vec<Arc<str>> = schema.get_fields().iter().map(|field| Arc::from(field.name())).collect();
        check_columns(&columns)?;
        let rows = guarded(|| Ok(RowIter::from_file_into(Box::new(file))));
        Ok(Self { columns, rows: rows.map_err(|error| TableError::Table(words(&error)))? })
    }

    pub fn read(&mut self, first: u64, rows: &mut Vec<Vec<Value>>) -> Result<Vec<Arc<str>>, TableError> {
        while rows.len() < BATCH_ROWS {
            let number = first + rows.len() as u64 + 1;
            let wrong = |error: ParquetError| TableError::Row { row: number, reason: words(&error) };
            let Some(row) = guarded(|| self.rows.next().transpose()).map_err(wrong)? else { break };
            rows.push(row.into_columns().into_iter().map(|(_, field)| value_of(field)).collect());
        }
        Ok(self.columns.clone())
    }
}

/// The library gives up with a panic on some damaged files.
fn guarded<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    let damaged = |_| Err(ParquetError::General("a page is damaged".to_owned()));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(damaged)
}

fn words(error: &ParquetError) -> String {
    match error {
        ParquetError::NYI(what) | ParquetError::General(what) if what.contains("feature") || what.contains("compression") => {
            format!("it cannot be read: {what}; write it with Snappy, Zstandard or no compression")
        }
        other => format!("it is no sound Parquet file: {other}"),
    }
}

fn value_of(field: Field) -> Value {
    match field {
        Field::Null => Value::Missing,
        Field::Bool(value) => Value::Bool(value),
        Field::Byte(value) => Value::Int(value.into()),
        Field::Short(value) => Value::Int(value.into()),
        Field::Int(value) => Value::Int(value.into()),
        Field::Long(value) => Value::Int(value),
        Field::UByte(value) => Value::Int(value.into()),
        Field::UShort(value) => Value::Int(value.into()),
        Field::UInt(value) => Value::Int(value.into()),
        Field::ULong(value) => i64::try_from(value).map_or(Value::Unsigned(value), Value::Int),
        Field::Float16(value) => Value::Float(value.to_f64()),
        Field::Float(value) => Value::Float(value.into()),
        Field::Double(value) => Value::Float(value),
        Field::Str(text) => Value::Text(text.into()),
        Field::Bytes(bytes) => Value::Bytes(bytes.data().into()),
        Field::Date(days) => Value::Date(days),
        Field::TimestampMillis(millis) => Value::Time(millis.saturating_mul(1_000)),
        Field::TimestampMicros(micros) => Value::Time(micros),
        other => Value::Nested(json_of(other).to_string().into()),
    }
}

/// What has parts, and what has no kind of its own (decimals, times of day).
fn json_of(field: Field) -> Json {
    match field {
        Field::Group(row) => Json::Object(object_of(row)),
        Field::ListInternal(list) => Json::Array(list.elements().iter().cloned().map(json_of).collect()),
        Field::MapInternal(map) => {
            let entry = |(key, value): &(Field, Field)| (value_of(key.clone()).to_text(), json_of(value.clone()));
            Json::Object(map.entries().iter().map(entry).collect())
        }
        Field::Decimal(_) | Field::TimeMillis(_) | Field::TimeMicros(_) => Json::String(field.to_string()),
        other => value_of(other).to_json(),
    }
}

fn object_of(row: Row) -> Map<String, Json> {
    row.into_columns().into_iter().map(|(name, field)| (name, json_of(field))).collect()
}
