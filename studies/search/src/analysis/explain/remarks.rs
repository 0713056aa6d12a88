//! What stands out about a study as a whole.

use super::{Counts, ExplainRequest};
use crate::analysis::importance::Importances;
use crate::analysis::progress::Progress;
use crate::columns::{Columns, History};

/// With fewer trials than this per parameter, importances are uncertain.
const TRIALS_PER_PARAMETER: usize = 10;
const FEWEST_TRIALS: usize = 30;
/// A share of failed trials from which it is worth a look.
const MANY_FAILED: f64 = 0.2;
/// A share of pruned trials that leaves little to learn from.
const MOST_PRUNED: f64 = 0.9;
/// A share of repeated points from which a sampler wastes trials.
const MANY_REPEATED: f64 = 0.05;
/// So many trials without a better one, and at least half of all, are a standstill.
const STANDSTILL: u64 = 50;

/// Something that stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Nothing has finished with a value: there is nothing to explain yet.
    NothingToJudge,
    /// All values are equal.
    AllEqual,
    /// No trial holds its constraints.
    NothingFeasible {
        /// Number of complete trials.
        complete: usize,
    },
    /// Few trials for the number of parameters: what follows is uncertain.
    FewTrials {
        /// Number of trials judged.
        judged: usize,
        /// Number that would do.
        enough: usize,
    },
    /// Many trials violate their constraints.
    ManyInfeasible {
        /// Number of those.
        infeasible: usize,
        /// Number of complete trials.
        complete: usize,
    },
    /// Many trials failed.
    ManyFailed {
        /// Number of those.
        failed: usize,
        /// Number of finished trials.
        finished: usize,
    },
    /// How many trials were pruned.
    Pruned {
        /// Number of those.
        pruned: usize,
        /// Number of finished trials.
        finished: usize,
        /// Whether so many were that little is left to learn from.
        is_most: bool,
    },
    /// The same points were tried again.
    Repeated {
        /// Number of trials whose point an earlier one had.
        repeated: usize,
        /// Number of finished trials.
        finished: usize,
    },
    /// Nothing better was found for long.
    Standstill {
        /// Number of trials since the best one.
        since: u64,
        /// Number of finished trials.
        finished: u64,
    },
}

pub(super) fn remarks(request: &ExplainRequest<'_>, counts: &Counts, importances: &Importances) -> Vec<Remark> {
    let repeated = repeated(request.history, request.space.len());
    let candidates = [
        about_values(request, counts),
        about_certainty(request, importances),
        share_of(counts.infeasible, counts.complete, MANY_FAILED)
            .filter(|_| counts.infeasible < counts.complete)
            .map(|(infeasible, complete)| Remark::ManyInfeasible { infeasible, complete }),
        share_of(counts.failed, counts.finished, MANY_FAILED).map(|(failed, finished)| Remark::ManyFailed { failed, finished }),
        about_pruning(counts),
        share_of(repeated, counts.finished, MANY_REPEATED).map(|(repeated, finished)| Remark::Repeated { repeated, finished }),
        about_standstill(request),
    ];
    candidates.into_iter().flatten().collect()
}

/// Returns the part and the whole if the part is large enough.
fn share_of(part: usize, whole: usize, least: f64) -> Option<(usize, usize)> {
    (part > 0 && part as f64 >= least * whole as f64).then_some((part, whole))
}

fn about_values(request: &ExplainRequest<'_>, counts: &Counts) -> Option<Remark> {
    let complete = || request.history.rows().filter(|(columns, row)| columns.outcome[*row] == crate::Outcome::Complete);
    let mut values = complete().map(|(columns, row)| columns.value(0, row)).filter(|value| !value.is_nan());
    let Some(first) = values.next() else {
        return Some(Remark::NothingToJudge);
    };
    if counts.infeasible == counts.complete {
        return Some(Remark::NothingFeasible { complete: counts.complete });
    }
    let are_equal = request.directions.len() <= 1 && counts.complete > 2 && values.all(|value| value == first);
    are_equal.then_some(Remark::AllEqual)
}

fn about_certainty(request: &ExplainRequest<'_>, importances: &Importances) -> Option<Remark> {
    let judged = importances.trials;
    let enough = (TRIALS_PER_PARAMETER * request.space.len()).max(FEWEST_TRIALS);
    (judged > 0 && judged < enough).then_some(Remark::FewTrials { judged, enough })
}

fn about_pruning(counts: &Counts) -> Option<Remark> {
    let is_most = counts.pruned as f64 >= MOST_PRUNED * counts.finished as f64;
    (counts.pruned > 0).then_some(Remark::Pruned { pruned: counts.pruned, finished: counts.finished, is_most })
}

fn about_standstill(request: &ExplainRequest<'_>) -> Option<Remark> {
    let direction = match request.directions {
        [] => crate::Direction::default(),
        [direction] => *direction,
        [_, _, ..] => return None,
    };
    let progress = Progress::of(request.history, 0, direction);
    let (since, finished) = (progress.since_best(), progress.finished());
    (progress.best().is_some() && since >= STANDSTILL && 2 * since >= finished).then_some(Remark::Standstill { since, finished })
}

/// Counts trials whose point an earlier one had, by a hash of 64 bits.
fn repeated(history: History<'_>, parameters: usize) -> usize {
    let mut hashes: Vec<u64> = history.rows().map(|(columns, row)| hash(columns, row, parameters)).collect();
    hashes.sort_unstable();
    hashes.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// Mixes the bits of a point (the finaliser of Steele, Lea and Flood 2014 after each number).
fn hash(columns: &Columns, row: usize, parameters: usize) -> u64 {
    let mix = |hash: u64, bits: u64| {
        let mixed = (hash ^ bits).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    };
    // All absences are alike, and so are both zeros.
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
    (0..parameters).fold(0, |hash, parameter| mix(hash, bits(columns.param(parameter, row))))
}
