//! Rows as they are stored: a header of types, then the values.

use super::SqliteError;

/// A stored value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// None.
    #[default]
    Null,
    /// A whole number; a column of real numbers stores whole ones so.
    Int(i64),
    /// A real number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    /// Returns the number, whole or real.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Null | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// Returns the whole number.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Null | Self::Real(_) | Self::Text(_) | Self::Blob(_) => None,
        }
    }

    /// Returns the text.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null | Self::Int(_) | Self::Real(_) | Self::Blob(_) => None,
        }
    }
}

const CUT: SqliteError = SqliteError::Damaged("a row is cut short");

/// Reads a number of one to nine bytes, and returns what follows.
pub(super) fn varint(bytes: &[u8]) -> Result<(i64, &[u8]), SqliteError> {
    let mut value = 0_u64;
    for (at, &byte) in bytes.iter().enumerate().take(9) {
        if at == 8 {
            return Ok(((value << 8 | u64::from(byte)) as i64, &bytes[9..]));
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok((value as i64, &bytes[at + 1..]));
        }
    }
    Err(CUT)
}

/// Reads all values of a payload.
pub(super) fn values(payload: &[u8]) -> Result<Vec<Value>, SqliteError> {
    let (header, rest) = varint(payload)?;
    let header = usize::try_from(header).map_err(|_| CUT)?;
    let types_end = header.checked_sub(payload.len() - rest.len()).ok_or(CUT)?;
    let mut types = rest.get(..types_end).ok_or(CUT)?;
    let mut content = payload.get(header..).ok_or(CUT)?;
    let mut values = Vec::new();
    while !types.is_empty() {
        let (kind, next) = varint(types)?;
        types = next;
        let size = size_of(kind)?;
        let (bytes, after) = content.split_at_checked(size).ok_or(CUT)?;
        content = after;
        values.push(value(kind, bytes));
    }
    Ok(values)
}

fn size_of(kind: i64) -> Result<usize, SqliteError> {
    match kind {
        0 | 8 | 9 => Ok(0),
        1..=4 => Ok(kind as usize),
        5 => Ok(6),
        6 | 7 => Ok(8),
        12.. => usize::try_from((kind - 12) / 2).map_err(|_| CUT),
        _ => Err(SqliteError::Damaged("a value has an unknown type")),
    }
}

fn value(kind: i64, bytes: &[u8]) -> Value {
    match kind {
        0 => Value::Null,
        7 => Value::Real(f64::from_bits(whole(bytes) as u64)),
        8 => Value::Int(0),
        9 => Value::Int(1),
        ..12 => Value::Int(whole(bytes)),
        _ if kind % 2 == 0 => Value::Blob(bytes.to_vec()),
        _ => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// A signed number, most significant byte first.
fn whole(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|&byte| byte >= 0x80);
    bytes.iter().fold(if negative { -1 } else { 0 }, |value, &byte| value << 8 | i64::from(byte))
}
