//! Which trials count as good: ranks, the share that is good, and how much each observation weighs.

use std::cmp::Ordering;

use super::pareto;
use crate::columns::{Columns, Outcome};
use crate::sampler::Direction;

/// The share of trials that counts as good.
const GOOD_SHARE: f64 = 0.1;
/// At most so many good trials with one objective.
const MOST_GOOD: usize = 25;
/// The latest observations that weigh fully; older ones weigh less the older they are.
const FULL_WEIGHT: usize = 25;

/// Returns how many of `trials` count as good.
pub(super) fn good_count(trials: usize, objectives: usize) -> usize {
    let share = (GOOD_SHARE * trials as f64).ceil() as usize;
    if objectives <= 1 { share.min(MOST_GOOD) } else { share }
}

/// Returns weights for observations ordered by trial number: a ramp from `1/n` to 1, then ones.
pub(super) fn recency_weights(count: usize) -> Vec<f64> {
    let ramp = count.saturating_sub(FULL_WEIGHT);
    let first = 1.0 / count.max(1) as f64;
    let rise = (1.0 - first) / ramp.saturating_sub(1).max(1) as f64;
    let rising = (0..ramp).map(|place| first + rise * place as f64);
    rising.chain(std::iter::repeat_n(1.0, count - ramp)).collect()
}

/// Where a trial stands: smaller is better, field by field.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Key {
    kind: Kind,
    first: f64,
    second: f64,
}

/// Complete trials come first, then pruned ones, then those that violate constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Complete,
    Pruned,
    Infeasible,
}

impl Key {
    fn compare(&self, other: &Self) -> Ordering {
        let first = self.first.total_cmp(&other.first);
        self.kind.cmp(&other.kind).then(first).then(self.second.total_cmp(&other.second))
    }
}

/// Marks the best `good_count` of the trials. `rows` are complete or pruned and ordered by number; ties go to
/// the earlier one.
pub(super) fn mark_good(rows: &[(&Columns, usize)], directions: &[Direction]) -> Vec<bool> {
    let mut good = vec![false; rows.len()];
    let wanted = good_count(rows.len(), directions.len());
    if wanted == 0 {
        return good;
    }
    let keys = keys(rows, directions);
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.select_nth_unstable_by(wanted - 1, |&a, &b| keys[a].compare(&keys[b]).then(a.cmp(&b)));
    for &row in &order[..wanted] {
        good[row] = true;
    }
    good
}

fn keys(rows: &[(&Columns, usize)], directions: &[Direction]) -> Vec<Key> {
    let mut keys: Vec<Key> = rows.iter().map(|&row| key(row, directions)).collect();
    if directions.len() > 1 {
        let complete: Vec<usize> = (0..rows.len()).filter(|&row| keys[row].kind == Kind::Complete).collect();
        let losses: Vec<Vec<f64>> = complete.iter().map(|&row| losses(rows[row], directions)).collect();
        for (&row, (front, crowd)) in complete.iter().zip(pareto::places(&losses)) {
            keys[row].first = front;
            keys[row].second = crowd;
        }
    }
    keys
}

fn key((columns, row): (&Columns, usize), directions: &[Direction]) -> Key {
    let direction = directions.first().copied().unwrap_or_default();
    let violation = columns.violation(row);
    // A violation that is no number cannot be shown to hold.
    if violation > 0.0 || violation.is_nan() {
        return Key { kind: Kind::Infeasible, first: last_if_nan(violation), second: 0.0 };
    }
    match columns.outcome[row] {
        Outcome::Complete => {
            let loss = direction.to_loss(columns.value(0, row));
            Key { kind: Kind::Complete, first: last_if_nan(loss), second: 0.0 }
        }
        Outcome::Pruned | Outcome::Failed | Outcome::Cancelled => {
            let report = columns.last_report(row);
            let first = report.map_or(f64::INFINITY, |(step, _)| -(step as f64));
            let loss = report.map_or(f64::NAN, |(_, value)| direction.to_loss(value));
            Key { kind: Kind::Pruned, first, second: last_if_nan(loss) }
        }
    }
}

fn losses((columns, row): (&Columns, usize), directions: &[Direction]) -> Vec<f64> {
    let loss = |(objective, direction): (usize, &Direction)| last_if_nan(direction.to_loss(columns.value(objective, row)));
    directions.iter().enumerate().map(loss).collect()
}

fn last_if_nan(loss: f64) -> f64 {
    if loss.is_nan() { f64::INFINITY } else { loss + 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::Row;

    fn trial(outcome: Outcome, value: f64, violation: f64, report: Option<(i64, f64)>) -> Row {
        Row {
            number: 0,
            outcome,
            params: Vec::new(),
            values: vec![value],
            violation,
            last_step: report.map(|report| report.0),
            last_value: report.map_or(f64::NAN, |report| report.1),
        }
    }

    fn order(trials: Vec<Row>, directions: &[Direction]) -> Vec<usize> {
        let mut columns = Columns::default();
        trials.into_iter().for_each(|trial| columns.push(trial));
        let rows: Vec<_> = (0..columns.len()).map(|row| (&columns, row)).collect();
        let keys = keys(&rows, directions);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|&a, &b| keys[a].compare(&keys[b]));
        order
    }

    #[test]
    fn complete_then_pruned_by_progress_then_infeasible_by_violation() {
        let nan = f64::NAN;
        let trials = vec![
            trial(Outcome::Complete, 0.1, 3.0, None),
            trial(Outcome::Pruned, nan, 0.0, None),
            trial(Outcome::Pruned, nan, 0.0, Some((5, nan))),
            trial(Outcome::Pruned, nan, 0.0, Some((5, 9.0))),
            trial(Outcome::Pruned, nan, 0.0, Some((7, 50.0))),
            trial(Outcome::Complete, 2.0, 0.0, None),
            trial(Outcome::Complete, 1.0, 0.0, None),
            trial(Outcome::Complete, 0.0, 1.0, None),
        ];
        assert_eq!(order(trials, &[Direction::Minimize]), [6, 5, 4, 3, 2, 1, 7, 0]);
    }

    #[test]
    fn maximising_turns_values_round() {
        let values = [1.0, 3.0, f64::NAN, 2.0];
        let trials = values.map(|value| trial(Outcome::Complete, value, 0.0, None));
        assert_eq!(order(trials.to_vec(), &[Direction::Maximize]), [1, 3, 0, 2]);
    }

    #[test]
    fn several_objectives_go_by_front() {
        let trials = [[1.0, 1.0], [3.0, 0.0], [0.0, 0.5], [2.0, 9.0]]
            .map(|values| Row { values: values.to_vec(), ..trial(Outcome::Complete, 0.0, 0.0, None) });
        let order = order(trials.to_vec(), &[Direction::Minimize, Direction::Maximize]);
        assert_eq!(order[3], 1);
    }

    #[test]
    fn a_tenth_is_good_up_to_25_for_one_objective() {
        let counts = [0, 1, 10, 11, 250, 10_000].map(|trials| good_count(trials, 1));
        assert_eq!(counts, [0, 1, 1, 2, 25, 25]);
        assert_eq!(good_count(10_000, 2), 1000);
    }

    #[test]
    fn weights_rise_to_one_over_all_but_the_latest_25() {
        assert_eq!(recency_weights(25), vec![1.0; 25]);
        let weights = recency_weights(28);
        assert_eq!(weights.len(), 28);
        let expected = [1.0 / 28.0, (1.0 + 1.0 / 28.0) / 2.0, 1.0];
        assert!(weights.iter().zip(expected).all(|(weight, expected)| (weight - expected).abs() < 1e-15));
        assert_eq!(weights[3..], [1.0; 25]);
        assert_eq!(recency_weights(26)[0], 1.0 / 26.0);
    }
}
