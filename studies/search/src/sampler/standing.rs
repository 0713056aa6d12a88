//! Where a finished trial stands among others, before several objectives are weighed against each other.

use std::cmp::Ordering;

use super::Direction;
use super::dominance::{self, Place};
use crate::columns::{Columns, Outcome};

/// How much a trial's end is worth, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// It has its values and holds its constraints.
    Complete,
    /// It was stopped early; the further it got the better.
    Pruned,
    /// It violates constraints; the less the better.
    Infeasible,
    /// It has no value: it failed, or its value is no number.
    Failed,
}

/// Where a trial stands: smaller is better, field by field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// How it ended.
    pub(crate) kind: Kind,
    /// Loss of the first objective, negated last step, or violation.
    first: f64,
    /// Last reported loss of a pruned trial.
    second: f64,
}

impl Standing {
    /// Returns where the trial in `row` stands; `None` if it was called off, which says nothing about its point.
    pub(crate) fn of(columns: &Columns, row: usize, directions: &[Direction]) -> Option<Self> {
        let failed = Self { kind: Kind::Failed, first: 0.0, second: 0.0 };
        match columns.outcome[row] {
            Outcome::Cancelled => return None,
            Outcome::Failed => return Some(failed),
            Outcome::Complete | Outcome::Pruned => {}
        }
        let violation = columns.violation(row);
        // A violation that is no number cannot be shown to hold.
        if violation > 0.0 || violation.is_nan() {
            return Some(Self { kind: Kind::Infeasible, first: last_if_nan(violation), second: 0.0 });
        }
        if columns.outcome[row] == Outcome::Pruned {
            return Some(Self::pruned(columns, row, directions));
        }
        let has_all = (0..directions.len().max(1)).all(|objective| !columns.value(objective, row).is_nan());
        let loss = direction(directions).to_loss(columns.value(0, row)) + 0.0;
        Some(if has_all { Self { kind: Kind::Complete, first: loss, second: 0.0 } } else { failed })
    }

    fn pruned(columns: &Columns, row: usize, directions: &[Direction]) -> Self {
        let report = columns.last_report(row);
        let first = report.map_or(f64::INFINITY, |(step, _)| -(step as f64));
        let loss = report.map_or(f64::NAN, |(_, value)| direction(directions).to_loss(value));
        Self { kind: Kind::Pruned, first, second: last_if_nan(loss) }
    }

    /// Returns the loss of the first objective of a complete trial.
    pub(crate) fn loss(&self) -> Option<f64> {
        (self.kind == Kind::Complete).then_some(self.first)
    }

    /// Orders trials, the better one first; several objectives go by the first.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let first = self.first.total_cmp(&other.first);
        self.kind.cmp(&other.kind).then(first).then(self.second.total_cmp(&other.second))
    }
}

/// Appends the losses of all objectives of a complete trial.
pub(crate) fn push_losses(losses: &mut Vec<f64>, columns: &Columns, row: usize, directions: &[Direction]) {
    if directions.len() <= 1 {
        losses.push(last_if_nan(direction(directions).to_loss(columns.value(0, row))));
        return;
    }
    let loss = |(objective, direction): (usize, &Direction)| last_if_nan(direction.to_loss(columns.value(objective, row)));
    losses.extend(directions.iter().enumerate().map(loss));
}

/// Returns the places of the complete trials among each other where there are several objectives; `None` for the rest.
pub(crate) fn places(columns: &Columns, directions: &[Direction], standing: &[Option<Standing>]) -> Vec<Option<Place>> {
    let has_place = |standing: &Option<Standing>| {
        directions.len() > 1 && standing.as_ref().is_some_and(|standing| standing.kind == Kind::Complete)
    };
    let losses = |row: usize| {
        let mut losses = Vec::new();
        push_losses(&mut losses, columns, row, directions);
        losses
    };
    let with_place = (0..standing.len()).filter(|&row| has_place(&standing[row]));
    let mut places = dominance::places(&with_place.map(losses).collect::<Vec<_>>()).into_iter();
    standing.iter().map(|standing| if has_place(standing) { places.next() } else { None }).collect()
}

fn direction(directions: &[Direction]) -> Direction {
    directions.first().copied().unwrap_or_default()
}

fn last_if_nan(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss + 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Row;

    /// How a trial ended, its value, its violation, its last report.
    type Trial = (Outcome, f64, f64, Option<(i64, f64)>);

    fn order(trials: &[Trial], directions: &[Direction]) -> Vec<usize> {
        let mut columns = Columns::default();
        for &(outcome, value, violation, report) in trials {
            columns.push(Row {
                number: columns.len() as u32,
                outcome,
                params: Vec::new(),
                values: vec![value],
                violation,
                last_step: report.map(|report| report.0),
                last_value: report.map_or(f64::NAN, |report| report.1),
            });
        }
        let standing = |row: usize| Standing::of(&columns, row, directions);
        let mut order: Vec<usize> = (0..trials.len()).filter(|&row| standing(row).is_some()).collect();
        order.sort_by(|&a, &b| standing(a).zip(standing(b)).map_or(Ordering::Equal, |(a, b)| a.compare(&b)));
        order
    }

    #[test]
    fn complete_then_pruned_by_progress_then_infeasible_then_failed() {
        use Outcome::{Cancelled, Complete, Failed, Pruned};
        let nan = f64::NAN;
        let trials = [
            (Failed, 0.0, 0.0, None),
            (Complete, nan, 0.0, None),
            (Complete, -9.0, 3.0, None),
            (Complete, -9.0, nan, None),
            (Pruned, nan, 0.0, Some((5, 2.0))),
            (Pruned, nan, 0.0, Some((7, 9.0))),
            (Pruned, nan, 1.0, Some((9, 0.0))),
            (Cancelled, -99.0, 0.0, None),
            (Complete, 2.0, 0.0, None),
            (Complete, f64::INFINITY, 0.0, None),
            (Complete, -1.0, 0.0, None),
        ];
        assert_eq!(order(&trials, &[]), [10, 8, 9, 5, 4, 6, 2, 3, 0, 1]);
    }

    #[test]
    fn maximising_turns_values_round() {
        let trials = [1.0, 3.0, 2.0].map(|value| (Outcome::Complete, value, 0.0, None));
        assert_eq!(order(&trials, &[Direction::Maximize]), [1, 2, 0]);
    }
}
