//! How a study came along: its best value after each trial.

use crate::columns::{Columns, History};
use crate::sampler::Direction;

use super::pareto;

/// A trial that was better than all before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Improvement {
    /// Number of trials that had finished by then, this one included.
    pub finished: u64,
    /// Number of the trial within the study.
    pub number: u32,
    /// Its value of the objective.
    pub value: f64,
}

/// The best-so-far curve of one objective, a few steps for any number of trials.
///
/// Trials are pushed in the order in which they finish. Only complete ones that hold their constraints can improve it;
/// the others count as finished.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    objective: usize,
    direction: Direction,
    finished: u64,
    improvements: Vec<Improvement>,
}

impl Progress {
    /// Starts an empty curve for the objective at a position.
    pub fn new(objective: usize, direction: Direction) -> Self {
        Self { objective, direction, finished: 0, improvements: Vec::new() }
    }

    /// Returns the curve of a whole history.
    pub fn of(history: History<'_>, objective: usize, direction: Direction) -> Self {
        let mut progress = Self::new(objective, direction);
        history.rows().for_each(|(columns, row)| progress.push(columns, row));
        progress
    }

    /// Takes one more finished trial into account.
    pub fn push(&mut self, columns: &Columns, row: usize) {
        self.finished += 1;
        let value = columns.value(self.objective, row);
        let is_better = self.best().is_none_or(|best| self.direction.is_better(value, best.value));
        if pareto::counts(columns, row) && !value.is_nan() && is_better {
            self.improvements.push(Improvement { finished: self.finished, number: columns.number[row], value });
        }
    }

    /// Returns the number of finished trials.
    pub fn finished(&self) -> u64 {
        self.finished
    }

    /// Returns the best trial so far, the earliest of equal ones.
    pub fn best(&self) -> Option<Improvement> {
        self.improvements.last().copied()
    }

    /// Returns the steps of the curve, oldest first; the last one is the best.
    pub fn improvements(&self) -> &[Improvement] {
        &self.improvements
    }

    /// Returns the best value after so many finished trials; `None` before the first that counts.
    pub fn best_after(&self, finished: u64) -> Option<f64> {
        let steps = self.improvements.partition_point(|step| step.finished <= finished);
        steps.checked_sub(1).map(|last| self.improvements[last].value)
    }

    /// Returns how many trials have finished since the best one.
    pub fn since_best(&self) -> u64 {
        self.finished - self.best().map_or(0, |best| best.finished)
    }

    /// Returns how far the best value after so many trials lies from a known optimum: 0 if it was reached, positive
    /// while it is not.
    pub fn regret_after(&self, finished: u64, optimum: f64) -> Option<f64> {
        let best = self.best_after(finished)?;
        Some(self.direction.to_loss(best) - self.direction.to_loss(optimum))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::columns::{Outcome, Row};

    fn columns(trials: &[(Outcome, f64, f64)]) -> Columns {
        let mut columns = Columns::default();
        for (&(outcome, value, violation), number) in trials.iter().zip(0..) {
            let row =
                Row { number, outcome, params: vec![], values: vec![value], violation, last_step: None, last_value: f64::NAN };
            columns.push(row);
        }
        columns
    }

    fn progress(trials: &[(Outcome, f64, f64)], direction: Direction) -> Progress {
        Progress::of(History { chunks: &[], tail: Some(&columns(trials)) }, 0, direction)
    }

    #[test]
    fn only_complete_feasible_trials_improve() {
        use Outcome::{Complete, Failed, Pruned};
        let trials = [
            (Failed, 0.0, 0.0),
            (Complete, f64::NAN, 0.0),
            (Complete, 5.0, 0.0),
            (Complete, 5.0, 0.0),
            (Pruned, 1.0, 0.0),
            (Complete, 1.0, 0.1),
            (Complete, 3.0, 0.0),
            (Complete, 4.0, 0.0),
        ];
        let progress = progress(&trials, Direction::Minimize);
        let steps: Vec<(u64, u32, f64)> =
            progress.improvements().iter().map(|step| (step.finished, step.number, step.value)).collect();
        assert_eq!(steps, [(3, 2, 5.0), (7, 6, 3.0)]);
        assert_eq!(
            [2, 3, 6, 7, 99].map(|finished| progress.best_after(finished)),
            [None, Some(5.0), Some(5.0), Some(3.0), Some(3.0)]
        );
        assert_eq!((progress.finished(), progress.since_best()), (8, 1));
        assert_eq!(progress.regret_after(3, 2.5), Some(2.5));
        assert_eq!(progress.regret_after(1, 2.5), None);
    }

    #[test]
    fn maximising_turns_the_curve_round() {
        let trials = [0.5, 0.7, 0.6].map(|value| (Outcome::Complete, value, 0.0));
        let progress = progress(&trials, Direction::Maximize);
        assert_eq!(progress.best().map(|best| best.number), Some(1));
        assert!((progress.regret_after(3, 1.0).unwrap() - 0.3).abs() < 1e-12);
    }

    #[test]
    fn an_empty_study_has_no_best() {
        let progress = Progress::new(0, Direction::Minimize);
        assert_eq!((progress.best(), progress.best_after(10), progress.since_best()), (None, None, 0));
    }

    proptest! {
        #[test]
        fn curve_never_gets_worse_and_ends_at_the_best(values in prop::collection::vec(-5..5_i8, 1..60)) {
            let trials: Vec<_> = values.iter().map(|&value| (Outcome::Complete, f64::from(value), 0.0)).collect();
            let progress = progress(&trials, Direction::Minimize);
            for finished in 1..=values.len() {
                let expected = values[..finished].iter().min().map(|&least| f64::from(least));
                prop_assert_eq!(progress.best_after(finished as u64), expected);
            }
        }
    }
}
