//! The Pareto front of a history: trials that no other trial beats in every objective.

use std::cmp::Ordering;

use crate::columns::{Columns, History, Outcome};
use crate::sampler::Direction;

/// A trial on the front.
#[derive(Clone, Debug, PartialEq)]
pub struct FrontTrial {
    /// Number within the study.
    pub number: u32,
    /// Final values as reported, one per objective.
    pub values: Vec<f64>,
}

/// Returns the front over complete trials that hold their constraints, best in the first objective first.
///
/// Trials with a missing or NaN value are left out, pruned ones too: their last report is no final value. Trials with
/// equal values are all on the front, the older one first. Empty `directions` count as one objective to minimise; with
/// one objective the front is the best trials. `n log n` for up to two objectives, else `n` times the front.
pub fn front(history: History<'_>, directions: &[Direction]) -> Vec<FrontTrial> {
    let directions = if directions.is_empty() { &[Direction::Minimize] } else { directions };
    let mut trials = Vec::new();
    let mut losses = Vec::new();
    for (columns, row) in history.rows().filter(|&(columns, row)| counts(columns, row)) {
        let values: Vec<f64> = (0..directions.len()).map(|objective| columns.value(objective, row)).collect();
        if values.iter().any(|value| value.is_nan()) {
            continue;
        }
        losses.push(losses_of(&values, directions));
        trials.push(FrontTrial { number: columns.number[row], values });
    }
    let mut members: Vec<(&Vec<f64>, FrontTrial)> =
        non_dominated(&losses).into_iter().map(|at| (&losses[at], trials[at].clone())).collect();
    members.sort_by(|a, b| compare(a.0, b.0).then(a.1.number.cmp(&b.1.number)));
    members.into_iter().map(|(_, trial)| trial).collect()
}

/// Returns the positions of points that no other point dominates, ascending; equal points are all kept.
///
/// Losses are smaller-is-better, one list of equal length per point, without NaN.
pub fn non_dominated<P: AsRef<[f64]>>(losses: &[P]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    // A point can only be dominated by one before it in this order.
    order.sort_by(|&a, &b| compare(losses[a].as_ref(), losses[b].as_ref()).then(a.cmp(&b)));
    let mut front: Vec<usize> = Vec::new();
    for at in order {
        if !is_dominated(losses, &front, losses[at].as_ref()) {
            front.push(at);
        }
    }
    front.sort_unstable();
    front
}

/// Returns the number of the front that each point lies on: 0 for those that nothing dominates, 1 for those that only
/// points of front 0 dominate, and so on.
///
/// Efficient non-dominated sorting (Zhang et al. 2015). Losses as for [`non_dominated`].
pub fn front_numbers<P: AsRef<[f64]>>(losses: &[P]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| compare(losses[a].as_ref(), losses[b].as_ref()).then(a.cmp(&b)));
    let mut numbers = vec![0; losses.len()];
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for at in order {
        // If no member of a front dominates the point, no member of a later one does.
        let front = fronts.partition_point(|front| is_dominated(losses, front, losses[at].as_ref()));
        numbers[at] = front;
        match fronts.get_mut(front) {
            Some(front) => front.push(at),
            None => fronts.push(vec![at]),
        }
    }
    numbers
}

/// Whether a front that comes before `point` in lexicographic order has a member that dominates it.
fn is_dominated<P: AsRef<[f64]>>(losses: &[P], front: &[usize], point: &[f64]) -> bool {
    // With two losses the last member has the smallest second one: it dominates if any member does.
    let enough = if point.len() <= 2 { 1 } else { front.len() };
    front.iter().rev().take(enough).any(|&member| dominates(losses[member].as_ref(), point))
}

/// Whether `a` is at least as good as `b` in every loss and better in one.
pub fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

/// Whether a trial may be on the front: complete, and no constraint violated or unknown.
pub(super) fn counts(columns: &Columns, row: usize) -> bool {
    columns.outcome[row] == Outcome::Complete && columns.violation(row) <= 0.0
}

fn losses_of(values: &[f64], directions: &[Direction]) -> Vec<f64> {
    // Adding zero makes -0 equal to 0 in the total order too.
    values.iter().zip(directions).map(|(&value, direction)| direction.to_loss(value) + 0.0).collect()
}

fn compare(a: &[f64], b: &[f64]) -> Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::columns::Row;

    fn trial(number: u32, outcome: Outcome, values: &[f64], violation: f64) -> Row {
        Row { number, outcome, params: vec![], values: values.to_vec(), violation, last_step: None, last_value: f64::NAN }
    }

    fn numbers(rows: Vec<Row>, directions: &[Direction]) -> Vec<u32> {
        let mut columns = Columns::default();
        rows.into_iter().for_each(|row| columns.push(row));
        let history = History { chunks: &[], tail: Some(&columns) };
        front(history, directions).into_iter().map(|trial| trial.number).collect()
    }

    #[test]
    fn front_holds_complete_feasible_trials_in_order_of_the_first_objective() {
        let rows = vec![
            trial(0, Outcome::Complete, &[3.0, 3.0], 0.0),
            trial(1, Outcome::Complete, &[1.0, 1.0], 0.0),
            trial(2, Outcome::Complete, &[2.0, 1.0], 0.0),
            trial(3, Outcome::Complete, &[0.0, 9.0], 0.5),
            trial(4, Outcome::Complete, &[0.0, 9.0], f64::NAN),
            trial(5, Outcome::Pruned, &[0.0, 9.0], 0.0),
            trial(6, Outcome::Complete, &[f64::NAN, 9.0], 0.0),
            trial(7, Outcome::Complete, &[0.0], 0.0),
            trial(8, Outcome::Complete, &[1.0, 1.0], 0.0),
        ];
        assert_eq!(numbers(rows, &[Direction::Minimize, Direction::Maximize]), [1, 8, 0]);
    }

    #[test]
    fn with_one_objective_the_front_is_the_best_trials() {
        let rows = || [4.0, 5.0, 5.0].iter().zip(0..).map(|(&value, number)| trial(number, Outcome::Complete, &[value], 0.0));
        assert_eq!(numbers(rows().collect(), &[Direction::Maximize]), [1, 2]);
        assert_eq!(numbers(rows().collect(), &[]), [0]);
        assert!(numbers(vec![], &[]).is_empty());
    }

    #[test]
    fn signed_zeros_are_equal() {
        assert_eq!(
            numbers(
                vec![trial(0, Outcome::Complete, &[0.0, -0.0], 0.0), trial(1, Outcome::Complete, &[-0.0, 0.0], 0.0)],
                &[Direction::Minimize; 2]
            ),
            [0, 1]
        );
    }

    proptest! {
        #[test]
        fn front_agrees_with_its_definition(objectives in 1..5_usize, cells in prop::collection::vec(0..5_u8, 0..150)) {
            let losses: Vec<Vec<f64>> =
                cells.chunks_exact(objectives).map(|chunk| chunk.iter().copied().map(f64::from).collect()).collect();
            let free = |&at: &usize| !losses.iter().any(|other| dominates(other, &losses[at]));
            let expected: Vec<usize> = (0..losses.len()).filter(free).collect();
            prop_assert_eq!(non_dominated(&losses), expected);
            let numbers = front_numbers(&losses);
            for (at, &number) in numbers.iter().enumerate() {
                let above = (0..losses.len()).filter(|&other| dominates(&losses[other], &losses[at]));
                prop_assert_eq!(number, above.map(|other| numbers[other] + 1).max().unwrap_or(0));
            }
        }
    }
}
