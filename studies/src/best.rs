//! The best trials of a study, best first.

use std::{cmp::Ordering, collections::BinaryHeap};

use hone_search::{Columns, Direction, History, Outcome, analysis::pareto};

use crate::study::Study;

/// Numbers of the `count` best complete trials. With several objectives: the Pareto front, then by the first
/// objective. Those that break constraints come last, those that break them least first. Ties go to the older trial.
/// Linear in the history; with one objective it remembers `count` trials only.
pub fn best_trials(study: &Study, count: usize) -> Vec<u32> {
    let signs: Vec<f64> = study.spec.objectives.iter().map(|objective| sign(objective.direction)).collect();
    match signs[..] {
        [] => Vec::new(),
        [sign] => smallest(complete(study).map(|(columns, row)| Ranked::new(sign, columns, row)), count),
        _ => {
            let losses =
                |columns: &Columns, row| signs.iter().enumerate().map(|(at, sign)| sign * columns.value(at, row)).collect();
            let (kept, broken): (Vec<_>, Vec<_>) = complete(study).partition(|(columns, row)| columns.violation(*row) <= 0.0);
            let rows = kept.into_iter().map(|(columns, row)| (losses(columns, row), columns.number[row])).collect();
            let front = front_first(rows).into_iter().take(count).map(|(_, number)| number);
            let mut numbers: Vec<u32> = front.collect();
            let rest = broken.into_iter().map(|(columns, row)| Ranked::new(signs[0], columns, row));
            numbers.extend(smallest(rest, count - numbers.len()));
            numbers
        }
    }
}

fn complete(study: &Study) -> impl Iterator<Item = (&Columns, usize)> {
    let parts = study.finished.parts().map(|part| &*part.columns);
    parts
        .flat_map(|columns| (0..columns.len()).map(move |row| (columns, row)))
        .filter(|(columns, row)| columns.outcome[*row] == Outcome::Complete)
}

/// A trial by its only loss, after what it breaks; the smaller, the better.
#[derive(Clone, Copy, PartialEq)]
struct Ranked {
    violation: f64,
    loss: f64,
    number: u32,
}

impl Ranked {
    fn new(sign: f64, columns: &Columns, row: usize) -> Ranked {
        Ranked { violation: columns.violation(row), loss: sign * columns.value(0, row), number: columns.number[row] }
    }
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_violation = self.violation.total_cmp(&other.violation);
        by_violation.then(self.loss.total_cmp(&other.loss)).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Numbers of the `count` smallest, in their order.
fn smallest(rows: impl Iterator<Item = Ranked>, count: usize) -> Vec<u32> {
    let mut kept: BinaryHeap<Ranked> = BinaryHeap::new();
    for row in rows {
        if kept.len() < count {
            kept.push(row);
        } else if let Some(mut worst) = kept.peek_mut()
            && row < *worst
        {
            *worst = row;
        }
    }
    kept.into_sorted_vec().into_iter().map(|row| row.number).collect()
}

/// Numbers of the complete trials that no other one beats in every objective, best in the first objective first. With
/// one objective: the trials that share the best value.
pub fn front(study: &Study) -> Vec<u32> {
    let directions: Vec<Direction> = study.spec.objectives.iter().map(|objective| objective.direction).collect();
    let chunks = study.finished.columns();
    let front = pareto::front(History { chunks: &chunks, tail: None }, &directions);
    front.into_iter().map(|trial| trial.number).collect()
}

fn sign(direction: Direction) -> f64 {
    match direction {
        Direction::Minimize => 1.0,
        Direction::Maximize => -1.0,
    }
}

fn front_first(mut rows: Vec<(Vec<f64>, u32)>) -> Vec<(Vec<f64>, u32)> {
    rows.sort_by(|a, b| lexicographic(&a.0, &b.0).then(a.1.cmp(&b.1)));
    let dominated = |row: &(Vec<f64>, u32), front: &[(Vec<f64>, u32)]| front.iter().any(|other| dominates(&other.0, &row.0));
    let (mut front, mut rest) = (Vec::new(), Vec::new());
    for row in rows {
        if dominated(&row, &front) {
            rest.push(row);
        } else {
            front.push(row);
        }
    }
    front.extend(rest);
    front
}

fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

/// In this order a row can only be dominated by one before it.
fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranked(losses: &[f64]) -> Vec<Ranked> {
        losses.iter().zip(0..).map(|(&loss, number)| Ranked { violation: 0.0, loss, number }).collect()
    }

    #[test]
    fn what_breaks_a_constraint_comes_after_what_breaks_none() {
        let mut rows = ranked(&[3.0, 1.0, 2.0]);
        rows[1].violation = 0.5;
        rows[2].violation = 0.1;
        assert_eq!(smallest(rows.into_iter(), 3), [0, 2, 1]);
    }

    #[test]
    fn the_smallest_come_in_order_and_ties_go_to_the_older() {
        let rows = ranked(&[3.0, 1.0, 2.0, 1.0, f64::NAN, 0.5]);
        assert_eq!(smallest(rows.iter().copied(), 3), [5, 1, 3]);
        assert_eq!(smallest(rows.iter().copied(), 99), [5, 1, 3, 2, 0, 4]);
        assert!(smallest(rows.into_iter(), 0).is_empty());
    }
}
