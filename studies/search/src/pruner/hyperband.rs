//! Hyperband over ASHA (Li et al. 2018 and 2020): several ladders that begin at later and later rungs, in case early
//! values mislead.
//!
//! Bracket 0 begins at the first rung and takes most trials; each later one begins a rung further up and takes fewer,
//! so that all brackets spend about the same. Which bracket a trial belongs to depends on its number alone: multiples
//! of the golden ratio, modulo 1, fall into intervals as long as the brackets' shares. That keeps the shares at every
//! moment as closely as whole numbers allow, and is in step with no sequence of points.

use serde::{Deserialize, Serialize};

use super::config::Promotion;
use super::ladder::{Ladder, Shape};
use super::pausing::{Pausing, Promotable};
use super::reports::Reports;
use super::{Verdict, golden};

/// Brackets where nothing is said of them or of the last step.
const BRACKETS: u32 = 3;
/// More make no sense: the last rungs would lie beyond any number of steps.
const MOST_BRACKETS: u32 = 64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hyperband {
    brackets: Vec<Ladder>,
    /// Where each bracket's interval of `0..1` ends.
    ends: Vec<f64>,
}

impl Hyperband {
    pub(super) fn new(shape: Shape, brackets: Option<u32>, promotion: Promotion) -> Self {
        let fitting = || shape.max_steps.map(|_| u32::try_from(shape.rungs().len()).unwrap_or(MOST_BRACKETS) + 1);
        let count = brackets.or_else(fitting).unwrap_or(BRACKETS).clamp(1, MOST_BRACKETS);
        let ladder = |skipped| Ladder::new(Shape { skipped, ..shape }, promotion);
        Self { brackets: (0..count).map(ladder).collect(), ends: ends(count, shape.reduction.max(2)) }
    }

    /// Returns the bracket of a trial.
    pub(super) fn bracket(&self, number: u32) -> usize {
        let place = golden(number);
        self.ends.partition_point(|&end| end <= place).min(self.brackets.len() - 1)
    }

    pub(super) fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        // The first bracket has every rung.
        self.brackets[0].needs_point(previous, step)
    }

    pub(super) fn record(&mut self, number: u32, reports: &Reports) {
        self.of(number).record(number, reports);
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        let bracket = self.bracket(number);
        let name = |reason: String| format!("hyperband, bracket {bracket}: {reason}");
        match self.brackets[bracket].judge(number, reports) {
            Verdict::Continue => Verdict::Continue,
            Verdict::Prune { reason } => Verdict::Prune { reason: name(reason) },
            Verdict::Pause { step, reason } => Verdict::Pause { step, reason: name(reason) },
        }
    }

    pub(super) fn forget(&mut self, number: u32) {
        self.of(number).forget(number);
    }

    fn of(&mut self, number: u32) -> &mut Ladder {
        let bracket = self.bracket(number);
        &mut self.brackets[bracket]
    }
}

/// Hyperband's shares: a bracket with `s` brackets after it gets trials in proportion to `reduction^s / (s + 1)`.
fn ends(count: u32, reduction: u32) -> Vec<f64> {
    let weight =
        |after: u32| f64::from(reduction).powi(-(i32::try_from(count - 1 - after).unwrap_or(i32::MAX))) / f64::from(after + 1);
    let weights: Vec<f64> = (0..count).rev().map(weight).collect();
    let total: f64 = weights.iter().sum();
    let mut end = 0.0;
    let ends = weights.iter().map(|weight| {
        end += weight / total;
        end
    });
    ends.collect()
}

impl Pausing for Hyperband {
    fn pause(&mut self, number: u32, step: i64) {
        self.of(number).pause(number, step);
    }

    fn resume(&mut self, number: u32) {
        self.of(number).resume(number);
    }

    /// Returns what each bracket would resume, from the highest step down.
    fn promotable(&self, closing: bool) -> Vec<Promotable> {
        let mut found: Vec<Promotable> = self.brackets.iter().flat_map(|ladder| ladder.promotable(closing)).collect();
        found.sort_by_key(|promotable| std::cmp::Reverse(promotable.step));
        found
    }

    fn paused(&self) -> Vec<u32> {
        self.brackets.iter().flat_map(Ladder::paused).collect()
    }

    fn hopeless(&self) -> Vec<Promotable> {
        Vec::new()
    }
}
