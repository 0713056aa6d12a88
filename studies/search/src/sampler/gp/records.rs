//! What the models learn from: one record for each finished trial, in the order in which they finished.
//!
//! | Trial | Objective | Feasibility |
//! |---|---|---|
//! | complete | its values; an infinite one counts as the worst or best finite one | by its violation |
//! | pruned | its last report, taken to be no better than the median of complete trials and no worse than the worst | by its violation |
//! | failed, or without any number | nothing | infeasible: it would likely fail again |
//! | cancelled | nothing | nothing |
//!
//! A pruned trial of several objectives reported only the first; the others count as the worst seen.

use crate::columns::{Columns, History, Outcome};
use crate::sampler::Direction;

/// One trial that taught something.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    columns: &'a Columns,
    row: usize,
    pub(super) lesson: Lesson,
}

/// What a trial can teach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lesson {
    /// It has final values.
    Values,
    /// It was stopped, and its last report is known.
    Report,
    /// It came to nothing.
    Failure,
}

impl Record<'_> {
    pub(super) fn param(&self, parameter: usize) -> f64 {
        self.columns.param(parameter, self.row)
    }

    /// Returns by how much constraints are violated; a sum that is no number cannot be shown to hold.
    pub(super) fn violation(&self) -> f64 {
        let violation = self.columns.violation(self.row);
        if violation.is_nan() { f64::INFINITY } else { violation.max(0.0) }
    }

    pub(super) fn has_values(&self) -> bool {
        match self.lesson {
            Lesson::Values | Lesson::Report => true,
            Lesson::Failure => false,
        }
    }

    /// Returns the loss as it was written; NaN where there is none.
    fn raw(&self, objective: usize, direction: Direction) -> f64 {
        let value = match self.lesson {
            Lesson::Values => self.columns.value(objective, self.row),
            Lesson::Report if objective == 0 => self.columns.last_report(self.row).map_or(f64::NAN, |(_, value)| value),
            Lesson::Report | Lesson::Failure => f64::NAN,
        };
        direction.to_loss(value)
    }
}

/// Returns the records of the history.
pub(super) fn records<'a>(history: History<'a>) -> Vec<Record<'a>> {
    let record = |(columns, row): (&'a Columns, usize)| {
        let lesson = match columns.outcome[row] {
            Outcome::Complete => {
                if columns.value(0, row).is_nan() {
                    Lesson::Failure
                } else {
                    Lesson::Values
                }
            }
            Outcome::Pruned => match columns.last_report(row) {
                Some((_, value)) if !value.is_nan() => Lesson::Report,
                Some(_) | None => return None,
            },
            Outcome::Failed => Lesson::Failure,
            Outcome::Cancelled => return None,
        };
        Some(Record { columns, row, lesson })
    };
    history.rows().filter_map(record).collect()
}

/// Returns the losses of one objective, for records that all have values: finite, pruned ones filled in.
pub(super) fn losses(records: &[&Record<'_>], objective: usize, direction: Direction) -> Vec<f64> {
    let raw: Vec<f64> = records.iter().map(|record| record.raw(objective, direction)).collect();
    let complete = |(record, loss): (&&Record<'_>, &f64)| (record.lesson == Lesson::Values && loss.is_finite()).then_some(*loss);
    let mut known: Vec<f64> = records.iter().zip(&raw).filter_map(complete).collect();
    if known.is_empty() {
        known = raw.iter().copied().filter(|loss| loss.is_finite()).collect();
    }
    known.sort_by(f64::total_cmp);
    let (Some(&best), Some(&worst)) = (known.first(), known.last()) else {
        return vec![0.0; raw.len()];
    };
    let median = known[known.len() / 2];
    let fill = |(record, loss): (&&Record<'_>, f64)| {
        let floor = if record.lesson == Lesson::Report { median } else { best };
        if loss.is_nan() { worst } else { loss.max(floor).min(worst) }
    };
    records.iter().zip(raw).map(fill).collect()
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
