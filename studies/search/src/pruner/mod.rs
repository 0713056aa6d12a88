//! Pruners: whether a trial under way is worth going on with.
//!
//! | Kind | Compares a trial with | Stops or pauses it |
//! |---|---|---|
//! | `median`, `percentile` | complete trials at the same step | at any step |
//! | `asha`, `halving`, `hyperband` | all trials that have reached a rung | at rungs |
//! | `threshold`, `patience` | bounds, and its own past | at any step |
//! | `wilcoxon` | the best complete trial, step by step | at any step |
//! | `learning_curve` | how trials that ran to their end went on from there | at checks |
//!
//! A verdict depends on steps and values, never on the order in which reports of one trial arrive, and none waits for
//! another trial. A curve is a list of (step, value), steps ascending. With several objectives there is one curve for
//! each, in their order, and a trial has reached a step when all objectives have.
//!
//! # Pausing
//!
//! ```text
//!               judge → Pause { step }      pause(number, step)
//!   running ────────────────────────▶ ────────────────────────▶ paused ──┐ in hopeless(), or the study's end:
//!      ▲                                                           │     │ finish(number, Pruned, …)
//!      └──────── resume(number) ◀── a slot is free, and the trial ─┘     ▼
//!                                   is in promotable(closing)          ended
//! ```
//! With `promotion = resume`, ladders pause trials instead of stopping them. Whoever runs the trials saves a checkpoint
//! at the verdict and tells [`PrunerState::pause`]; asks [`PrunerState::promotable`] whenever a slot is free, before
//! starting another trial; and tells [`PrunerState::resume`] when a paused trial is started again from its checkpoint,
//! so that no step is trained twice. When no more new trials are to start, `promotable(true)` lets the best go on
//! without waiting for others; when that is empty too and nothing runs, the trials that still wait are over.

mod config;
mod halving;
mod hyperband;
mod ladder;
mod learning_curve;
mod patience;
mod pausing;
mod percentile;
pub(crate) mod ranked;
mod reports;
mod rule;
mod rung;
mod signed_rank;
mod threshold;
mod wilcoxon;

use serde::{Deserialize, Serialize};

use crate::columns::Outcome;
use crate::sampler::Direction;

pub use config::{Promotion, PrunerConfig, PrunerError};
pub use pausing::Promotable;

use reports::Reports;
use rule::Rule;

/// What a pruner says about a trial under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Stop.
    Prune {
        /// One short clause that says why.
        reason: String,
    },
    /// Save a checkpoint and wait. Only from pruners of which [`PrunerConfig::pauses`] is true.
    Pause {
        /// Step of the rung at which it waits, to be told to [`PrunerState::pause`].
        step: i64,
        /// One short clause that says why.
        reason: String,
    },
}

/// What a pruner remembers of a study's trials. Built from scratch by the same calls, it is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrunerState {
    rule: Rule,
    directions: Vec<Direction>,
}

impl PrunerState {
    /// Starts with no trials, for one objective.
    pub fn new(config: &PrunerConfig, direction: Direction) -> Self {
        Self::for_objectives(config, &[direction])
    }

    /// Starts with no trials, for several objectives. Pruners that do not take several look at the first one.
    pub fn for_objectives(config: &PrunerConfig, directions: &[Direction]) -> Self {
        let directions = if directions.is_empty() { vec![Direction::default()] } else { directions.to_vec() };
        Self { rule: Rule::new(config, directions.len()), directions }
    }

    /// Judges trial `number` by the last point of `curve`, for one objective.
    ///
    /// `curve` holds the trial's points so far, the new one last. It makes no difference whether
    /// [`PrunerState::record`] has been called for that point before.
    pub fn judge(&self, number: u32, curve: &[(i64, f64)]) -> Verdict {
        self.judge_all(number, &[curve])
    }

    /// Judges trial `number` by the last points of its curves, one per objective.
    pub fn judge_all<C: AsRef<[(i64, f64)]>>(&self, number: u32, curves: &[C]) -> Verdict {
        self.rule.judge(number, &Reports::new(&self.directions, curves))
    }

    /// Takes note of a report of trial `number`; `curve` as in [`PrunerState::judge`].
    ///
    /// A later attempt that reports a step again replaces what its trial said before.
    pub fn record(&mut self, number: u32, curve: &[(i64, f64)]) {
        self.record_all(number, &[curve]);
    }

    /// Takes note of a report of trial `number`; `curves` as in [`PrunerState::judge_all`].
    pub fn record_all<C: AsRef<[(i64, f64)]>>(&mut self, number: u32, curves: &[C]) {
        self.rule.record(number, &Reports::new(&self.directions, curves));
    }

    /// Takes note of how trial `number` ended, with its whole curve, whose last value counts as the final one.
    pub fn finish(&mut self, number: u32, outcome: Outcome, curve: &[(i64, f64)]) {
        self.finish_all(number, outcome, &[curve], &[]);
    }

    /// Takes note of how trial `number` ended, with its curves and final values, one per objective.
    ///
    /// Where there is no final value the last one reported stands for it. Only the first call for a trial counts.
    pub fn finish_all<C: AsRef<[(i64, f64)]>>(&mut self, number: u32, outcome: Outcome, curves: &[C], values: &[f64]) {
        let reports = Reports::new(&self.directions, curves);
        let last = || reports.losses().next_back().map_or(f64::NAN, |(_, loss)| loss);
        let loss = values.first().map_or_else(last, |&value| self.directions[0].to_loss(value));
        self.rule.finish(number, outcome, &reports, loss);
    }

    /// Takes note that trial `number` waits at the rung at `step`, as a verdict to pause said.
    pub fn pause(&mut self, number: u32, step: i64) {
        if let Some(pausing) = self.rule.pausing_mut() {
            pausing.pause(number, step);
        }
    }

    /// Takes note that trial `number` no longer waits, but goes on from its checkpoint.
    pub fn resume(&mut self, number: u32) {
        if let Some(pausing) = self.rule.pausing_mut() {
            pausing.resume(number);
        }
    }

    /// Returns the paused trials that are worth going on with now, the furthest first.
    ///
    /// `closing` says that no new trial will start, so that there is nothing to wait for. The order is the one in
    /// which to resume them; resuming one leaves the others promotable.
    pub fn promotable(&self, closing: bool) -> Vec<Promotable> {
        self.rule.pausing().map_or_else(Vec::new, |pausing| pausing.promotable(closing))
    }

    /// Returns the paused trials that will never be promotable. They should be ended as pruned, because others of
    /// their cohort may wait for that.
    pub fn hopeless(&self) -> Vec<Promotable> {
        self.rule.pausing().map_or_else(Vec::new, |pausing| pausing.hopeless())
    }

    /// Returns the numbers of all paused trials, in no particular order.
    pub fn paused(&self) -> Vec<u32> {
        self.rule.pausing().map_or_else(Vec::new, |pausing| pausing.paused())
    }

    /// Returns the Hyperband bracket of trial `number`; `None` for other pruners.
    pub fn bracket(&self, number: u32) -> Option<usize> {
        if let Rule::Hyperband(hyperband) = &self.rule { Some(hyperband.bracket(number)) } else { None }
    }

    /// Whether a report at exactly `step` must never be thinned away, whatever came before it.
    pub fn needs_step(&self, step: i64) -> bool {
        self.needs_point(step.checked_sub(1), step)
    }

    /// Whether a report at `step` must never be thinned away, given the step of the trial's report before it.
    ///
    /// True where a rung or check lies between the two, because the value there counts for it. Holds for the curve of
    /// each objective by itself.
    pub fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        self.rule.needs_point(previous, step)
    }
}

/// Spreads numbers evenly over `0..1`: multiples of the golden ratio, modulo 1 (Weyl 1916).
fn golden(number: u32) -> f64 {
    const RATIO: f64 = 0.618_033_988_749_894_8;
    (f64::from(number) * RATIO).fract()
}

#[cfg(test)]
mod tests;
