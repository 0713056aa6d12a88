//! The median rule (Golovin et al. 2017), for any percentile: a trial's best value so far against the median, or
//! another percentile, of what completed trials had reached by the same step.
//!
//! For each step at which a completed trial reported, the best losses so far of all completed trials are kept
//! in order, so that a verdict needs two look-ups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::ranked::Ranked;
use super::reports::{Reports, is_due};
use crate::sampler::Direction;

/// The percentile that the median is.
pub(super) const MEDIAN: f64 = 50.0;

/// Steps tracked at most; beyond that they are rounded up to a coarser and coarser grid, which makes the
/// percentile lag behind by less than one grid cell.
const TRACKED_STEPS: usize = 256;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Percentile {
    /// Of the best, that goes on.
    percent: f64,
    startup_trials: u32,
    warmup_steps: i64,
    interval: i64,
    /// Tracked steps are multiples of this.
    stride: i64,
    /// Best losses up to each tracked step, of the completed trials that had reported by then.
    best: BTreeMap<i64, Ranked>,
    completed: BTreeSet<u32>,
}

impl Percentile {
    pub(super) fn new(percent: f64, startup_trials: u32, warmup_steps: i64, interval: i64) -> Self {
        Self {
            percent,
            startup_trials,
            warmup_steps,
            interval: interval.max(1),
            stride: 1,
            best: BTreeMap::new(),
            completed: BTreeSet::new(),
        }
    }

    pub(super) fn finish(&mut self, number: u32, reports: &Reports) {
        if !self.completed.insert(number) {
            return;
        }
        for (step, _) in reports.losses() {
            self.track(step);
        }
        let mut points = reports.losses().peekable();
        let Some(&(first, _)) = points.peek() else {
            return;
        };
        let mut best = f64::NAN;
        for (&step, losses) in self.best.range_mut(round_up(first, self.stride)..) {
            while let Some((_, loss)) = points.next_if(|&(reported, _)| reported <= step) {
                best = best.min(loss);
            }
            losses.insert(best);
        }
    }

    pub(super) fn judge(&self, reports: &Reports) -> Verdict {
        let Some((step, _)) = reports.losses().next_back() else {
            return Verdict::Continue;
        };
        let enough = self.completed.len() >= self.startup_trials as usize;
        if !enough || !is_due(reports.first(), self.warmup_steps, self.interval) {
            return Verdict::Continue;
        }
        let known = self.best.range(..=step).next_back();
        let Some(limit) = known.and_then(|(_, losses)| percentile(losses, self.percent)) else {
            return Verdict::Continue;
        };
        // `min` skips NaN, so that one bad report does not hide the good ones before it.
        let best = reports.losses().fold(f64::NAN, |best, (_, loss)| best.min(loss));
        if !Direction::Minimize.is_better(limit, best) {
            return Verdict::Continue;
        }
        let (name, best, limit) = (self.name(), reports.value(best), reports.value(limit));
        Verdict::Prune { reason: format!("{name}: best {best} at step {step} is behind {limit}") }
    }

    fn name(&self) -> String {
        if self.percent == MEDIAN { "median".to_owned() } else { format!("percentile {}", self.percent) }
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

/// Returns the loss below which `percent` of `losses` lie, interpolated between two neighbours (Hyndman and Fan 1996,
/// definition 7); the worse one if that is no number.
fn percentile(losses: &Ranked, percent: f64) -> Option<f64> {
    let last = losses.len().checked_sub(1)?;
    let place = last as f64 * (percent / 100.0).clamp(0.0, 1.0);
    let lower = losses.nth(place as usize)?;
    let upper = losses.nth((place.ceil() as usize).min(last))?;
    let share = place.fract();
    let between = lower * (1.0 - share) + upper * share;
    Some(if between.is_finite() { between } else { upper })
}
