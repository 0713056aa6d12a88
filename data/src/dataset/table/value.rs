//! One value of a table.

use std::fmt::Write as _;

use serde_json::{Number, Value as Json};

/// A value as its file has it. Text of a CSV is text: what it means is found out by looking at the whole column.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none.
    Missing,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond the former.
    Unsigned(u64),
    /// A real number.
    Float(f64),
    /// Text.
    Text(Box<str>),
    /// Bytes that need not be text.
    Bytes(Box<[u8]>),
    /// A day, counted from 1970-01-01.
    Date(i32),
    /// An instant, in microseconds since the epoch.
    Time(i64),
    /// Anything with parts: its canonical JSON, keys in order.
    Nested(Box<str>),
}

impl Value {
    /// Whether there is nothing to look at: missing, or not a number.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Float(value) => value.is_nan(),
            _ => false,
        }
    }

    /// The number, where it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Float(value) => Some(*value).filter(|value| !value.is_nan()),
            Self::Bool(value) => Some(f64::from(u8::from(*value))),
            Self::Date(days) => Some(f64::from(*days)),
            Self::Time(micros) => Some(*micros as f64),
            Self::Missing | Self::Text(_) | Self::Bytes(_) | Self::Nested(_) => None,
        }
    }

    /// The value as text, as people and ids have it.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) => format!("{value:?}"),
            Self::Text(text) | Self::Nested(text) => text.to_string(),
            Self::Bytes(bytes) => hex(bytes),
            Self::Date(days) => date_text(i64::from(*days)),
            Self::Time(micros) => time_text(*micros),
        }
    }

    /// The value as JSON. What JSON has no number for is a text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Missing => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Unsigned(value) => Json::from(*value),
            Self::Float(value) => Number::from_f64(*value).map_or_else(|| Json::String(self.to_text()), Json::Number),
            Self::Nested(text) => serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_string())),
            Self::Text(_) | Self::Bytes(_) | Self::Date(_) | Self::Time(_) => Json::String(self.to_text()),
        }
    }

    /// Adds the value to a hash, so that two values add the same bytes only if they are the same.
    pub(crate) fn hash_into(&self, hasher: &mut blake3::Hasher) {
        let mut add = |tag: u8, bytes: &[u8]| {
            hasher.update(&[tag]);
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        match self {
            Self::Missing => add(b'-', &[]),
            Self::Bool(value) => add(b'b', &[u8::from(*value)]),
            Self::Int(value) => add(b'i', &value.to_le_bytes()),
            Self::Unsigned(value) => add(b'u', &value.to_le_bytes()),
            Self::Float(value) => add(b'f', &float_bits(*value).to_le_bytes()),
            Self::Text(text) => add(b't', text.as_bytes()),
            Self::Bytes(bytes) => add(b'y', bytes),
            Self::Date(days) => add(b'd', &days.to_le_bytes()),
            Self::Time(micros) => add(b'm', &micros.to_le_bytes()),
            Self::Nested(text) => add(b'n', text.as_bytes()),
        }
    }
}

/// All that are not numbers are one, and so are the two zeros.
fn float_bits(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The day as `2024-02-29`, by the Gregorian calendar (Hinnant, `civil_from_days`).
fn date_text(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The instant by RFC 3339, in UTC, without digits that are zero.
fn time_text(micros: i64) -> String {
    let (days, of_day) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (seconds, rest) = (of_day / 1_000_000, of_day % 1_000_000);
    let fraction = if rest == 0 { String::new() } else { format!(".{}", format!("{rest:06}").trim_end_matches('0')) };
    format!("{}T{:02}:{:02}:{:02}{fraction}Z", date_text(days), seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_instants_are_written_by_the_calendar() {
        for (days, text) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (11_016, "2000-02-29"), (19_782, "2024-02-29"), (-719_162, "0001-01-01")]
        {
            assert_eq!(Value::Date(days).to_text(), text);
        }
        assert_eq!(Value::Time(1_700_000_000_000_000).to_text(), "2023-11-14T22:13:20Z");
        assert_eq!(Value::Time(-1).to_text(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Value::Time(1_500_000).to_text(), "1970-01-01T00:00:01.5Z");
    }

    #[test]
    fn values_are_told_apart_and_equal_ones_are_not() {
        let hash = |value: &Value| {
            let mut hasher = blake3::Hasher::new();
            value.hash_into(&mut hasher);
            hasher.finalize()
        };
        let all = [
            Value::Missing,
            Value::Text("".into()),
            Value::Text("1".into()),
            Value::Int(1),
            Value::Float(1.0),
            Value::Bool(true),
            Value::Unsigned(1),
            Value::Date(1),
            Value::Time(1),
            Value::Nested("1".into()),
            Value::Bytes(Box::new(*b"1")),
        ];
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                assert_ne!(hash(one), hash(other), "{one:?} {other:?}");
            }
        }
        assert_eq!(hash(&Value::Float(0.0)), hash(&Value::Float(-0.0)));
        assert_eq!(hash(&Value::Float(f64::NAN)), hash(&Value::Float(-f64::NAN)));
    }

    #[test]
    fn json_keeps_what_it_has_words_for() {
        assert_eq!(Value::Float(0.5).to_json(), serde_json::json!(0.5));
        assert_eq!(Value::Float(f64::INFINITY).to_json(), serde_json::json!("inf"));
        assert_eq!(Value::Nested("{\"a\":[1]}".into()).to_json(), serde_json::json!({"a": [1]}));
        assert_eq!(Value::Bytes(Box::new([0, 255])).to_json(), serde_json::json!("00ff"));
        assert_eq!(Value::Unsigned(u64::MAX).to_json(), serde_json::json!(u64::MAX));
    }
}
