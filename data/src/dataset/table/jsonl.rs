//! Tables as JSON lines: an object a line. Columns come as they are met.

use std::{
    collections::HashMap,
    fmt,
    io::{BufRead as _, BufReader, Read},
    sync::Arc,
};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value as Json;

use super::{BATCH_ROWS, MAX_COLUMNS, TableError, Value};

/// A longer line is none of a table.
const LINE_BYTES: u64 = 64 << 20;

/// Rows of JSON lines.
pub(super) struct JsonlTable {
    columns: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    bytes: BufReader<Box<dyn Read + Send>>,
    line: Vec<u8>,
    lines: u64,
}

impl fmt::Debug for JsonlTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonlTable").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl JsonlTable {
    pub fn open(bytes: Box<dyn Read + Send>) -> Self {
        let bytes = BufReader::with_capacity(1 << 16, bytes);
        Self { columns: Vec::new(), places: HashMap::new(), bytes, line: Vec::new(), lines: 0 }
    }

    pub fn read(&mut self, first: u64, rows: &mut Vec<Vec<Value>>) -> Result<Vec<Arc<str>>, TableError> {
        while rows.len() < BATCH_ROWS {
            self.line.clear();
            if (&mut self.bytes).take(LINE_BYTES).read_until(b'\n', &mut self.line)? == 0 {
                break;
            }
            self.lines += 1;
            let line = std::mem::take(&mut self.line);
            if !line.trim_ascii().is_empty() {
                let row = first + rows.len() as u64 + 1;
                rows.push(self.row(&line).map_err(|reason| self.wrong(row, &reason))?);
            }
            self.line = line;
        }
        Ok(self.columns.clone())
    }

    fn wrong(&self, row: u64, reason: &str) -> TableError {
        TableError::Row { row, reason: format!("line {} {reason}", self.lines) }
    }

    fn row(&mut self, line: &[u8]) -> Result<Vec<Value>, String> {
        if line.len() as u64 >= LINE_BYTES {
            return Err(format!("is longer than {LINE_BYTES} bytes"));
        }
        let mut reader = serde_json::Deserializer::from_slice(line);
        let fields = reader.deserialize_map(Fields).map_err(|error| format!("is no JSON object: {error}"))?;
        reader.end().map_err(|error| format!("has more than one JSON object: {error}"))?;
        let mut row = vec![Value::Missing; self.columns.len()];
        let mut seen = vec![false; self.columns.len()];
        for (name, value) in fields {
            let place = self.place(name)?;
            if place >= row.len() {
                row.resize(place + 1, Value::Missing);
                seen.resize(place + 1, false);
            }
            if std::mem::replace(&mut seen[place], true) {
                return Err(format!("has `{}` twice", self.columns[place]));
            }
            row[place] = value_of(value);
        }
        Ok(row)
    }

    fn place(&mut self, name: String) -> Result<usize, String> {
        if let Some(place) = self.places.get(name.as_str()) {
            return Ok(*place);
        }
        let place = self.columns.len();
        if place >= MAX_COLUMNS {
            return Err(format!("brings the table to more than {MAX_COLUMNS} columns"));
        }
        let name: Arc<str> = name.into();
        self.columns.push(name.clone());
        self.places.insert(name, place);
        Ok(place)
    }
}

/// The fields of an object, in their order and as often as they are there.
struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Vec<(String, Json)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(fields)
    }
}

fn value_of(value: Json) -> Value {
    match value {
        Json::Null => Value::Missing,
        Json::Bool(value) => Value::Bool(value),
        Json::String(text) => Value::Text(text.into()),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Unsigned(value),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        // Keys of an object are in order already.
        Json::Array(_) | Json::Object(_) => Value::Nested(value.to_string().into()),
    }
}
