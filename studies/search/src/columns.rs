//! Finished trials as columns: what samplers read, and what the store seals into segments.
//!
//! A cell costs 8 bytes and nothing more. Chunks never change once shared, so the store, readers and
//! sampler threads hold the same ones through [`Arc`].

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::space::Params;

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Outcome {
    /// It reported its final values.
    Complete = 0,
    /// A pruner stopped it early.
    Pruned = 1,
    /// It failed for good, after its retries.
    Failed = 2,
    /// Somebody called it off.
    Cancelled = 3,
}

/// Stands in [`Columns::last_step`] for a trial that never reported.
pub const NO_STEP: i64 = i64::MIN;

/// One finished trial, to be pushed onto [`Columns`]. Absence equals absence: NaN compares equal to NaN.
#[derive(Clone, Debug)]
pub struct Row {
    /// Number within the study, from 0.
    pub number: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// One internal number per parameter known then; NaN where absent.
    pub params: Params,
    /// Final values, one per objective; empty if there are none.
    pub values: Vec<f64>,
    /// Sum of the positive constraint values; 0 if all constraints hold.
    pub violation: f64,
    /// Step of the last intermediate value.
    pub last_step: Option<i64>,
    /// The first objective's last intermediate value; NaN if there is none.
    pub last_value: f64,
}

/// Finished trials, column by column, in the order in which they finished.
///
/// Columns that would hold nothing but absence are shorter than [`Columns::number`], or empty; use the
/// accessors, which know. Absence equals absence: NaN compares equal to NaN.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Columns {
    /// Trial numbers.
    pub number: Vec<u32>,
    /// How each trial ended.
    #[serde(with = "outcome_codes")]
    pub outcome: Vec<Outcome>,
    /// `[parameter][row]`, internal numbers; NaN where absent, and past the end of a column.
    pub params: Vec<Vec<f64>>,
    /// `[objective][row]`; NaN where there is none, and past the end of a column.
    pub values: Vec<Vec<f64>>,
    /// Sums of positive constraint values; 0 past the end.
    pub violation: Vec<f64>,
    /// Steps of the last intermediate values; [`NO_STEP`] where there is none, and past the end.
    pub last_step: Vec<i64>,
    /// The first objective's last intermediate values; NaN past the end.
    pub last_value: Vec<f64>,
}

impl Columns {
    /// Returns the number of trials.
    pub fn len(&self) -> usize {
        self.number.len()
    }

    /// Whether there are no trials.
    pub fn is_empty(&self) -> bool {
        self.number.is_empty()
    }

    /// Appends one finished trial.
    pub fn push(&mut self, row: Row) {
        let index = self.len();
        self.number.push(row.number);
        self.outcome.push(row.outcome);
        push_each(&mut self.params, index, &row.params);
        push_each(&mut self.values, index, &row.values);
        let violation = Some(row.violation).filter(|&violation| violation != 0.0);
        let last_value = Some(row.last_value).filter(|value| !value.is_nan());
        push_padded(&mut self.violation, index, violation, 0.0);
        push_padded(&mut self.last_step, index, row.last_step, NO_STEP);
        push_padded(&mut self.last_value, index, last_value, f64::NAN);
    }

    /// Returns a parameter's internal number; NaN if the trial did not have it.
    pub fn param(&self, parameter: usize, row: usize) -> f64 {
        cell(&self.params, parameter, row)
    }

    /// Returns a final value; NaN if the trial has none.
    pub fn value(&self, objective: usize, row: usize) -> f64 {
        cell(&self.values, objective, row)
    }

    /// Returns by how much the trial violates its constraints; 0 if it does not.
    pub fn violation(&self, row: usize) -> f64 {
        self.violation.get(row).copied().unwrap_or(0.0)
    }

    /// Returns the step and value of the trial's last report.
    pub fn last_report(&self, row: usize) -> Option<(i64, f64)> {
        let step = self.last_step.get(row).copied().filter(|&step| step != NO_STEP)?;
        Some((step, self.last_value.get(row).copied().unwrap_or(f64::NAN)))
    }

    /// Returns one trial again as it was pushed, with NaN for what is missing.
    pub fn row(&self, row: usize) -> Row {
        let last_report = self.last_report(row);
        Row {
            number: self.number[row],
            outcome: self.outcome[row],
            params: (0..self.params.len()).map(|parameter| self.param(parameter, row)).collect(),
            values: (0..self.values.len()).map(|objective| self.value(objective, row)).collect(),
            violation: self.violation(row),
            last_step: last_report.map(|(step, _)| step),
            last_value: last_report.map_or(f64::NAN, |(_, value)| value),
        }
    }
}

fn cell(columns: &[Vec<f64>], column: usize, row: usize) -> f64 {
    columns.get(column).and_then(|column| column.get(row)).copied().unwrap_or(f64::NAN)
}

fn push_each(columns: &mut Vec<Vec<f64>>, row: usize, cells: &[f64]) {
    if columns.len() < cells.len() {
        columns.resize(cells.len(), Vec::new());
    }
    for (column, &cell) in columns.iter_mut().zip(cells) {
        push_padded(column, row, Some(cell).filter(|cell| !cell.is_nan()), f64::NAN);
    }
}

/// Pushes a cell if there is one, filling up with `absent` what was left out before.
fn push_padded<T: Copy>(column: &mut Vec<T>, row: usize, cell: Option<T>, absent: T) {
    if let Some(cell) = cell {
        column.resize(row, absent);
        column.push(cell);
    }
}

/// The finished trials a sampler may look at, in the order in which they finished.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct History<'a> {
    /// Sealed chunks, oldest first.
    pub chunks: &'a [Arc<Columns>],
    /// The chunk that is still growing.
    pub tail: Option<&'a Columns>,
}

impl<'a> History<'a> {
    /// Returns the number of trials.
    pub fn len(&self) -> usize {
        self.parts().map(Columns::len).sum()
    }

    /// Whether there are no trials.
    pub fn is_empty(&self) -> bool {
        self.parts().all(Columns::is_empty)
    }

    /// Iterates over chunks and tail.
    pub fn parts(&self) -> impl Iterator<Item = &'a Columns> + use<'a> {
        self.chunks.iter().map(AsRef::as_ref).chain(self.tail)
    }

    /// Iterates over trials as (columns, row) in the order in which they finished.
    pub fn rows(&self) -> impl Iterator<Item = (&'a Columns, usize)> + use<'a> {
        self.rows_from(0)
    }

    /// Iterates over all trials but the first `skipped`, without visiting those.
    pub fn rows_from(&self, skipped: usize) -> impl Iterator<Item = (&'a Columns, usize)> + use<'a> {
        let mut before = 0;
        self.parts().flat_map(move |part| {
            let first = skipped.saturating_sub(before).min(part.len());
            before += part.len();
            (first..part.len()).map(move |row| (part, row))
        })
    }
}

/// A trial that was suggested and has not finished. Absence equals absence: NaN compares equal to NaN.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Number within the study.
    pub number: u32,
    /// Its point; NaN where absent or not yet asked for.
    pub params: Params,
}

/// Whether two numbers are equal, NaN being equal to NaN.
pub fn same_number(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

/// Whether two lists of numbers are equal, NaN being equal to NaN.
///
/// Compares [`Params`], whose absent cells are NaN.
pub fn same_numbers(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(&a, &b)| same_number(a, b))
}

fn same_columns(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_numbers(a, b))
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
            && self.outcome == other.outcome
            && same_numbers(&self.params, &other.params)
            && same_numbers(&self.values, &other.values)
            && same_number(self.violation, other.violation)
            && self.last_step == other.last_step
            && same_number(self.last_value, other.last_value)
    }
}

impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
            && self.outcome == other.outcome
            && same_columns(&self.params, &other.params)
            && same_columns(&self.values, &other.values)
            && same_numbers(&self.violation, &other.violation)
            && self.last_step == other.last_step
            && same_numbers(&self.last_value, &other.last_value)
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && same_numbers(&self.params, &other.params)
    }
}

/// Outcomes as one byte string instead of a list of names.
mod outcome_codes {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use super::Outcome;

    pub fn serialize<S: Serializer>(outcomes: &[Outcome], serializer: S) -> Result<S::Ok, S::Error> {
        let codes: Vec<u8> = outcomes.iter().map(|&outcome| outcome as u8).collect();
        serializer.serialize_bytes(&codes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Outcome>, D::Error> {
        deserializer.deserialize_bytes(Codes)
    }

    struct Codes;

    impl<'de> Visitor<'de> for Codes {
        type Value = Vec<Outcome>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("one byte per outcome")
        }

        fn visit_bytes<E: Error>(self, codes: &[u8]) -> Result<Self::Value, E> {
            codes.iter().map(|&code| from_code(code).ok_or_else(|| unknown(code))).collect()
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut codes: A) -> Result<Self::Value, A::Error> {
            let mut outcomes = Vec::new();
            while let Some(code) = codes.next_element()? {
                outcomes.push(from_code(code).ok_or_else(|| unknown(code))?);
            }
            Ok(outcomes)
        }
    }

    fn from_code(code: u8) -> Option<Outcome> {
        use Outcome::{Cancelled, Complete, Failed, Pruned};
        [Complete, Pruned, Failed, Cancelled].get(usize::from(code)).copied()
    }

    fn unknown<E: Error>(code: u8) -> E {
        E::custom(format!("unknown outcome code `{code}`"))
    }
}

#[cfg(test)]
#[path = "columns_tests.rs"]
mod tests;
