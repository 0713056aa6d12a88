//! What a study says to the person who runs it: what matters, where the good trials lie, what to change.
//!
//! Plain data; every part has a `sentence` that takes the space for its names. Rules that could fool somebody are
//! statistical tests with their limits stated beside them, and say nothing when the trials are too few.
//!
//! ```text
//! history ─┬→ importances ──┬→ advice: widen, narrow, fix, drop
//!          ├→ good trials ──┤
//!          │                └→ regions: where they lie
//!          └→ counts ────────→ remarks: too few, failing, repeated, stagnant
//! ```

mod advice;
mod regions;
mod remarks;
mod sentences;
mod tests_of_chance;

use super::importance::{self, ImportanceRequest, Importances, Method};
use super::pareto;
use super::seen::{self, Goal, Seen};
use crate::columns::{History, Outcome};
use crate::sampler::Direction;
use crate::space::Space;

pub use advice::{Advice, Side};
pub use regions::{OptionShare, Region, Where};
pub use remarks::Remark;
pub use sentences::short_number;

/// From so many complete trials importances come from fANOVA, below from PED-ANOVA.
const ENOUGH_FOR_FANOVA: usize = 30;

/// What an explanation is asked of.
#[derive(Clone, Copy, Debug)]
pub struct ExplainRequest<'a> {
    /// A valid space.
    pub space: &'a Space,
    /// One direction per objective; empty counts as one objective to minimise.
    pub directions: &'a [Direction],
    /// The finished trials.
    pub history: History<'a>,
    /// Makes the forest behind importances repeatable.
    pub seed: u64,
}

/// How many trials ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All finished trials.
    pub finished: usize,
    /// Reported final values.
    pub complete: usize,
    /// Complete, but with a violated constraint.
    pub infeasible: usize,
    /// Stopped early by a pruner.
    pub pruned: usize,
    /// Failed for good.
    pub failed: usize,
    /// Called off.
    pub cancelled: usize,
}

/// What a study says.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyExplanation {
    /// How many trials ended how.
    pub counts: Counts,
    /// How much each parameter matters. With several objectives: for lying on an early front.
    pub importances: Importances,
    /// Where the good trials lie, one per parameter that they have, the most important parameter first.
    pub regions: Vec<Region>,
    /// What to change, the most important parameter first.
    pub advice: Vec<Advice>,
    /// What else stands out.
    pub remarks: Vec<Remark>,
}

/// Explains a study from its finished trials.
pub fn explain(request: &ExplainRequest<'_>) -> StudyExplanation {
    let counts = count(request.history);
    let goal = if request.directions.len() > 1 { Goal::Front } else { Goal::Objective(0) };
    let method = if counts.complete >= ENOUGH_FOR_FANOVA { Method::Fanova } else { Method::PedAnova };
    let ExplainRequest { space, directions, history, seed } = *request;
    let importances = importance::importances(method, &ImportanceRequest { space, directions, history, goal, seed });
    let trials = seen::seen(history, directions, goal);
    let by_importance: Vec<Judged<'_>> = importances
        .parameters
        .iter()
        .map(|importance| Judged { importance, distribution: &space.parameters[importance.parameter].distribution })
        .collect();
    let good = Good::new(&trials);
    StudyExplanation {
        regions: by_importance.iter().filter_map(|judged| regions::region(judged, &good)).collect(),
        advice: by_importance.iter().flat_map(|judged| advice::advice(judged, &good)).collect(),
        remarks: remarks::remarks(request, &counts, &importances),
        counts,
        importances,
    }
}

/// A parameter with what is known of its importance.
struct Judged<'a> {
    importance: &'a importance::ParameterImportance,
    distribution: &'a crate::space::Distribution,
}

/// The trials and how good they are.
struct Good<'a> {
    trials: &'a [Seen<'a>],
    /// 1 for the best of them, 0 for the rest, parts for ties.
    goodness: Vec<f64>,
    /// Ranks among trials of the same time, 0 for the best.
    ranks: Vec<f64>,
    /// The best trial.
    best: Option<Seen<'a>>,
}

impl<'a> Good<'a> {
    fn new(trials: &'a [Seen<'a>]) -> Self {
        let may_win = trials.iter().filter(|trial| trial.may_be_good);
        let best = may_win.fold(None, |best: Option<&Seen<'_>>, trial| match best {
            Some(best) if best.loss <= trial.loss => Some(best),
            Some(_) | None => Some(trial),
        });
        Self { trials, goodness: seen::goodness(trials), ranks: seen::ranks(trials), best: best.copied() }
    }

    /// Returns the trials that had a parameter as (internal number, goodness, rank).
    fn with(&self, parameter: usize) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
        let labels = self.goodness.iter().zip(&self.ranks);
        let all = self.trials.iter().zip(labels).map(move |(trial, (&good, &rank))| (trial.param(parameter), good, rank));
        all.filter(|(value, ..)| !value.is_nan())
    }

    /// Whether there are trials that are better than others.
    fn is_told_apart(&self) -> bool {
        self.goodness.contains(&1.0) && self.goodness.contains(&0.0)
    }
}

fn count(history: History<'_>) -> Counts {
    let mut counts = Counts::default();
    for (columns, row) in history.rows() {
        counts.finished += 1;
        match columns.outcome[row] {
            Outcome::Complete => {
                counts.complete += 1;
                counts.infeasible += usize::from(!pareto::counts(columns, row));
            }
            Outcome::Pruned => counts.pruned += 1,
            Outcome::Failed => counts.failed += 1,
            Outcome::Cancelled => counts.cancelled += 1,
        }
    }
    counts
}

#[cfg(test)]
#[path = "explain_tests.rs"]
mod tests;
