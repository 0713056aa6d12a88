//! Statistics of one column, value by value.

use serde::{Deserialize, Serialize};

use super::distinct::{Distinct, hash64};
use super::sample::Sample;
use super::top::Top;
use crate::dataset::table::Value;

/// Values that are listed as the most frequent.
const TOP: usize = 20;
/// Texts that stand for nothing in columns of numbers.
const NOTHING: [&str; 10] = ["NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "none", "-"];

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// No value at all.
    Unknown,
    Bool,
    Int,
    Float,
    Text,
    Date,
    Time,
    Bytes,
    /// Lists and objects.
    Nested,
    /// Several of these.
    Mixed,
}

impl ColumnType {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Text => "text",
            Self::Date => "date",
            Self::Time => "time",
            Self::Bytes => "bytes",
            Self::Nested => "nested",
            Self::Mixed => "mixed",
        }
    }
}

/// What is known of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Values that are there.
    pub count: u64,
    /// Values that are not.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Whether they were counted; otherwise estimated.
    pub distinct_exact: bool,
    /// Of numbers, truth values, dates and times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Of texts: characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lengths: Option<Lengths>,
    /// The most frequent values and how often they are there; none where nearly all are different.
    pub top: Vec<(String, u64)>,
    /// Whether these were counted exactly.
    pub top_exact: bool,
}

/// Statistics of numbers. Dates count in days and times in microseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Numbers {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Of a sample: divided by n − 1; 0 of one value.
    pub std: f64,
    /// Infinite values, which none of the others counts.
    pub infinite: u64,
    /// At 0, …, 1 in equal steps.
    pub quantiles: Vec<f64>,
    /// Whether the quantiles are of all values; otherwise of a sample.
    pub quantiles_exact: bool,
}

/// Lengths of texts in characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    pub min: u64,
    pub max: u64,
    pub mean: f64,
}

/// Count, mean and spread (Welford 1962), counted from the first value: what all have in common costs no digits.
#[derive(Debug, Default)]
struct Moments {
    count: u64,
    first: f64,
    /// Less the first value.
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
    infinite: u64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        if value.is_infinite() {
            self.infinite += 1;
            return;
        }
        self.count += 1;
        if self.count == 1 {
            (self.first, self.min, self.max) = (value, value, value);
        }
        let shifted = value - self.first;
        let off = shifted - self.mean;
        self.mean += off / self.count as f64;
        self.squares += off * (shifted - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn std(&self) -> f64 {
        if self.count < 2 { 0.0 } else { (self.squares / (self.count - 1) as f64).sqrt() }
    }
}

/// Which kinds of values were met.
#[derive(Debug, Default, Clone, Copy)]
struct Met {
    bools: bool,
    ints: bool,
    floats: bool,
    texts: bool,
    dates: bool,
    times: bool,
    bytes: bool,
    nested: bool,
}

/// A column that is being read.
#[derive(Debug, Default)]
pub struct ColumnReading {
    met: Met,
    /// Rows so far.
    rows: u64,
    missing: u64,
    /// Texts that stand for nothing if the column turns out to be of numbers.
    nothing: u64,
    numbers: Moments,
    sample: Sample,
    distinct: Distinct,
    top: Top,
    top_over: bool,
    shortest: u64,
    longest: u64,
    letters: u64,
    texts: u64,
}

impl ColumnReading {
    /// A column that begins at this row; the former ones have no value in it.
    #[must_use]
    pub fn after(rows: u64) -> Self {
        Self { rows, missing: rows, ..Self::default() }
    }

    /// Notes the value of the next row. `untyped`: all values come as texts, and what they are is guessed.
    pub fn add(&mut self, value: &Value, untyped: bool) {
        let place = self.rows;
        self.rows += 1;
        if value.is_missing() {
            self.missing += 1;
            return;
        }
        match value {
            Value::Text(text) if untyped => self.add_untyped(place, text),
            Value::Text(text) => {
                self.met.texts = true;
                self.note_text(text);
            }
            other => self.add_typed(place, other),
        }
    }

    fn add_typed(&mut self, place: u64, value: &Value) {
        match value {
            Value::Bool(_) => self.met.bools = true,
            Value::Int(_) | Value::Unsigned(_) => self.met.ints = true,
            Value::Float(_) => self.met.floats = true,
            Value::Date(_) => self.met.dates = true,
            Value::Time(_) => self.met.times = true,
            Value::Bytes(_) => self.met.bytes = true,
            Value::Nested(_) => self.met.nested = true,
            Value::Text(_) | Value::Missing => {}
        }
        if let Some(number) = value.number() {
            self.note_number(place, number);
        }
        self.note_value(&value.to_text(), !matches!(value, Value::Float(_) | Value::Time(_)));
    }

    fn add_untyped(&mut self, place: u64, text: &str) {
        if NOTHING.contains(&text) {
            self.nothing += 1;
            self.note_text(text);
            return;
        }
        match guess(text) {
            Guess::Bool(value) => {
                self.met.bools = true;
                self.note_number(place, f64::from(u8::from(value)));
            }
            Guess::Int(value) => {
                self.met.ints = true;
                self.note_number(place, value);
            }
            Guess::Float(value) => {
                self.met.floats = true;
                self.note_number(place, value);
            }
            Guess::Text => self.met.texts = true,
        }
        self.note_text(text);
    }

    fn note_number(&mut self, place: u64, number: f64) {
        self.numbers.add(number);
        if number.is_finite() {
            self.sample.add(place, number);
        }
    }

    fn note_text(&mut self, text: &str) {
        let length = text.chars().count() as u64;
        self.shortest = if self.texts == 0 { length } else { self.shortest.min(length) };
        self.longest = self.longest.max(length);
        self.letters += length;
        self.texts += 1;
        self.note_value(text, true);
    }

    /// Where nearly every value is another one, there is no most frequent one worth the room.
    fn note_value(&mut self, text: &str, may_repeat: bool) {
        self.distinct.add(hash64(text.as_bytes()));
        if self.top_over {
            return;
        }
        self.top.add(text);
        if !may_repeat && self.top.different().is_none() {
            (self.top, self.top_over) = (Top::default(), true);
        }
    }

    fn kind(&self, untyped: bool) -> ColumnType {
        let Met { bools, ints, floats, texts, dates, times, bytes, nested } = self.met;
        let others = [bools, texts, dates, times, bytes, nested].into_iter().filter(|met| *met).count();
        match (others, ints || floats) {
            (0, false) if self.nothing > 0 => ColumnType::Text,
            (0, false) => ColumnType::Unknown,
            (0, true) => {
                if floats {
                    ColumnType::Float
                } else {
                    ColumnType::Int
                }
            }
            // In a file without types, texts beside numbers make texts of all.
            _ if untyped && (texts || others > 1 || ints || floats) => ColumnType::Text,
            (1, false) if bools => ColumnType::Bool,
            (1, false) if texts => ColumnType::Text,
            (1, false) if dates => ColumnType::Date,
            (1, false) if times => ColumnType::Time,
            (1, false) if bytes => ColumnType::Bytes,
            (1, false) => ColumnType::Nested,
            _ => ColumnType::Mixed,
        }
    }

    /// What is known of the column after all rows.
    #[must_use]
    pub fn profile(&self, name: &str, untyped: bool, steps: usize) -> ColumnProfile {
        let kind = self.kind(untyped);
        let has_numbers = match kind {
            ColumnType::Bool | ColumnType::Int | ColumnType::Float | ColumnType::Date | ColumnType::Time => true,
            ColumnType::Unknown | ColumnType::Text | ColumnType::Bytes | ColumnType::Nested | ColumnType::Mixed => false,
        };
        let missing = self.missing + if has_numbers { self.nothing } else { 0 };
        let (top, top_exact) = self.top.most(TOP);
        let (distinct, distinct_exact) = self.distinct.count();
        let nothing_counts = has_numbers && self.nothing > 0;
        let top = top.into_iter().filter(|(value, _)| !nothing_counts || !NOTHING.contains(&value.as_str())).collect();
        ColumnProfile {
            name: name.to_owned(),
            kind,
            count: self.rows - missing,
            missing,
            distinct: if nothing_counts { distinct.saturating_sub(self.different_nothing()) } else { distinct },
            distinct_exact,
            numbers: has_numbers.then(|| self.numbers(steps)),
            lengths: (kind == ColumnType::Text).then(|| self.lengths()),
            top,
            top_exact: top_exact && !self.top_over,
        }
    }

    /// How many of the different values stand for nothing.
    fn different_nothing(&self) -> u64 {
        let known = |text: &&str| match &self.distinct {
            Distinct::Few(all) => all.contains(&hash64(text.as_bytes())),
            Distinct::Many(_) => false,
        };
        NOTHING.iter().filter(|text| known(text)).count() as u64
    }

    fn numbers(&self, steps: usize) -> Numbers {
        let Moments { first, min, max, infinite, .. } = self.numbers;
        Numbers {
            min,
            max,
            mean: first + self.numbers.mean,
            std: self.numbers.std(),
            infinite,
            quantiles: self.sample.quantiles(steps),
            quantiles_exact: self.sample.is_whole(),
        }
    }

    fn lengths(&self) -> Lengths {
        let mean = if self.texts == 0 { 0.0 } else { self.letters as f64 / self.texts as f64 };
        Lengths { min: self.shortest, max: self.longest, mean }
    }
}

/// What a cell of a file without types probably is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Guess {
    Bool(bool),
    Int(f64),
    Float(f64),
    Text,
}

/// Guesses. A number with a leading zero is a code, and so is a text.
#[must_use]
pub fn guess(text: &str) -> Guess {
    match text {
        "true" | "True" | "TRUE" => return Guess::Bool(true),
        "false" | "False" | "FALSE" => return Guess::Bool(false),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let first_two = digits.as_bytes().get(..2);
    let is_code = first_two.is_some_and(|first| first[0] == b'0' && first[1].is_ascii_digit());
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || is_code {
        return match text {
            "inf" | "Inf" | "Infinity" | "infinity" => Guess::Float(f64::INFINITY),
            "-inf" | "-Inf" | "-Infinity" | "-infinity" => Guess::Float(f64::NEG_INFINITY),
            _ => Guess::Text,
        };
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_or(Guess::Text, Guess::Int);
    }
    text.parse().map_or(Guess::Text, Guess::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn untyped(cells: &[&str]) -> ColumnProfile {
        let mut reading = ColumnReading::default();
        for cell in cells {
            let value = if cell.is_empty() { Value::Missing } else { Value::Text((*cell).into()) };
            reading.add(&value, true);
        }
        reading.profile("x", true, 4)
    }

    fn typed(values: &[Value]) -> ColumnProfile {
        let mut reading = ColumnReading::default();
        values.iter().for_each(|value| reading.add(value, false));
        reading.profile("x", false, 4)
    }

    #[test]
    fn columns_of_a_csv_are_what_all_their_cells_can_be() {
        use ColumnType::{Bool, Float, Int, Text, Unknown};
        for (cells, kind) in [
            (&["1", "", "-3"][..], Int),
            (&["1", "2.5"], Float),
            (&["1e-3", ".5", "7."], Float),
            (&["inf", "1"], Float),
            (&["true", "False"], Bool),
            (&["true", "1"], Text),
            (&["007", "042"], Text),
            (&["0", "-0", "0.5"], Float),
            (&["1", "x"], Text),
            (&["NA", "1"], Int),
            (&["NA", "DE"], Text),
            (&["NA"], Text),
            (&["1 2"], Text),
            (&["+1"], Text),
            (&["e5"], Text),
            (&["", ""], Unknown),
            (&[], Unknown),
        ] {
            assert_eq!(untyped(cells).kind, kind, "{cells:?}");
        }
    }

    #[test]
    fn numbers_have_their_statistics() {
        let profile = untyped(&["1", "2", "3", "4", "", "NA"]);
        assert_eq!((profile.count, profile.missing, profile.distinct), (4, 2, 4));
        let numbers = profile.numbers.unwrap();
        assert_eq!((numbers.min, numbers.max, numbers.mean), (1.0, 4.0, 2.5));
        assert!((numbers.std - (5.0_f64 / 3.0).sqrt()).abs() < 1e-15);
        assert_eq!(numbers.quantiles, [1.0, 1.75, 2.5, 3.25, 4.0]);
        assert_eq!(profile.lengths, None);
        assert_eq!(profile.top[0], ("1".to_owned(), 1));
        assert!(profile.top.iter().all(|(value, _)| value != "NA"));
    }

    #[test]
    fn texts_have_lengths_and_frequent_values() {
        let profile = untyped(&["é", "abc", "abc", "NA"]);
        assert_eq!((profile.count, profile.missing, profile.distinct), (4, 0, 3));
        assert_eq!(profile.lengths, Some(Lengths { min: 1, max: 3, mean: 2.25 }));
        assert_eq!((profile.top[0].clone(), profile.numbers), (("abc".to_owned(), 2), None));
    }

    #[test]
    fn kinds_of_a_typed_column_are_kept_and_mixed_ones_told() {
        use ColumnType::{Bool, Date, Float, Int, Mixed, Nested, Text, Time};
        for (values, kind) in [
            (vec![Value::Int(1), Value::Float(0.5)], Float),
            (vec![Value::Int(1), Value::Unsigned(u64::MAX)], Int),
            (vec![Value::Bool(true)], Bool),
            (vec![Value::Date(3), Value::Missing], Date),
            (vec![Value::Time(3)], Time),
            (vec![Value::Nested("[]".into())], Nested),
            (vec![Value::Text("1".into())], Text),
            (vec![Value::Text("1".into()), Value::Int(1)], Mixed),
            (vec![Value::Bool(true), Value::Int(1)], Mixed),
        ] {
            assert_eq!(typed(&values).kind, kind, "{values:?}");
        }
        let numbers = typed(&[Value::Float(f64::NAN), Value::Float(f64::INFINITY), Value::Float(2.0)]);
        assert_eq!((numbers.missing, numbers.count), (1, 2));
        let numbers = numbers.numbers.unwrap();
        assert_eq!((numbers.infinite, numbers.mean, numbers.std), (1, 2.0, 0.0));
    }

    #[test]
    fn a_column_that_comes_later_lacks_the_rows_before_it() {
        let mut reading = ColumnReading::after(5);
        reading.add(&Value::Int(1), false);
        let profile = reading.profile("x", false, 4);
        assert_eq!((profile.count, profile.missing), (1, 5));
    }
}
