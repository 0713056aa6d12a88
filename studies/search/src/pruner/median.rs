//! The median rule (Golovin et al. 2017): a trial's best value so far against the median of what completed
//! trials had reached by the same step.
//!
//! For each step at which a completed trial reported, the best losses so far of all completed trials are kept
//! in order, so that a verdict needs two look-ups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::ranked::Ranked;
use crate::sampler::Direction;

/// Steps tracked at most; beyond that they are rounded up to a coarser and coarser grid, which makes the
/// median lag behind by less than one grid cell.
const TRACKED_STEPS: usize = 256;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Median {
    startup_trials: u32,
    warmup_steps: i64,
    interval: i64,
    /// Tracked steps are multiples of this.
    stride: i64,
    /// Best losses up to each tracked step, of the completed trials that had reported by then.
    best: BTreeMap<i64, Ranked>,
    completed: BTreeSet<u32>,
}

impl Median {
    pub(super) fn new(startup_trials: u32, warmup_steps: i64, interval: i64) -> Self {
        Self {
            startup_trials,
            warmup_steps,
            interval: interval.max(1),
            stride: 1,
            best: BTreeMap::new(),
            completed: BTreeSet::new(),
        }
    }

    pub(super) fn finish(&mut self, direction: Direction, number: u32, curve: &[(i64, f64)]) {
        if !self.completed.insert(number) {
            return;
        }
        for &(step, _) in curve {
            self.track(step);
        }
        let Some(&(first, _)) = curve.first() else {
            return;
        };
        let mut points = curve.iter().peekable();
        let mut best = f64::NAN;
        for (&step, losses) in self.best.range_mut(round_up(first, self.stride)..) {
            while let Some(&(_, value)) = points.next_if(|&&(reported, _)| reported <= step) {
                best = best.min(direction.to_loss(value));
            }
            losses.insert(best);
        }
    }

    pub(super) fn judge(&self, direction: Direction, curve: &[(i64, f64)]) -> Verdict {
        let Some(&(step, _)) = curve.last() else {
            return Verdict::Continue;
        };
        if self.completed.len() < self.startup_trials as usize || !self.is_due(curve) {
            return Verdict::Continue;
        }
        let Some(median) = self.best.range(..=step).next_back().and_then(|(_, losses)| middle(losses)) else {
            return Verdict::Continue;
        };
        // `min` skips NaN, so that one bad report does not hide the good ones before it.
        let best = curve.iter().fold(f64::NAN, |best, &(_, value)| best.min(direction.to_loss(value)));
        if !Direction::Minimize.is_better(median, best) {
            return Verdict::Continue;
        }
        let (best, median) = (direction.to_loss(best), direction.to_loss(median));
        let reason = format!("median: best {best} at step {step} is behind {median}");
        Verdict::Prune { reason }
    }

    /// Whether the last point is past the warm-up and the first one of its interval.
    fn is_due(&self, curve: &[(i64, f64)]) -> bool {
        let interval_of = |step: i64| (i128::from(step) - i128::from(self.warmup_steps)).div_euclid(i128::from(self.interval));
        let Some((&(step, _), before)) = curve.split_last() else {
            return false;
        };
        let previous = before.last().map(|&(step, _)| interval_of(step));
        step >= self.warmup_steps && previous.is_none_or(|previous| previous < interval_of(step))
    }

    /// Starts tracking `step`: nobody reported since the tracked step before it, so its losses hold here too.
    fn track(&mut self, step: i64) {
        let step = round_up(step, self.stride);
        if self.best.contains_key(&step) {
            return;
        }
        let before = self.best.range(..step).next_back().map(|(_, losses)| losses.clone());
        self.best.insert(step, before.unwrap_or_default());
        while self.best.len() > TRACKED_STEPS {
            self.coarsen();
        }
    }

    /// Doubles the stride; of the steps that fall together the last one holds what was known by then.
    fn coarsen(&mut self) {
        self.stride = self.stride.saturating_mul(2);
        let finer = std::mem::take(&mut self.best);
        self.best = finer.into_iter().map(|(step, losses)| (round_up(step, self.stride), losses)).collect();
    }
}

/// Returns the smallest multiple of `stride` that is not below `step`.
fn round_up(step: i64, stride: i64) -> i64 {
    let (step, stride) = (i128::from(step), i128::from(stride));
    let multiple = -(-step).div_euclid(stride) * stride;
    i64::try_from(multiple).unwrap_or(i64::MAX)
}

/// Returns the median; between two middle numbers their mean, or the worse one if that is no number.
fn middle(losses: &Ranked) -> Option<f64> {
    let upper = losses.nth(losses.len() / 2)?;
    let lower = losses.nth(losses.len().saturating_sub(1) / 2)?;
    let mean = lower / 2.0 + upper / 2.0;
    Some(if mean.is_finite() { mean } else { upper })
}
