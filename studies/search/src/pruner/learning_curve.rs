//! Stops a trial when its curve can no longer be expected to beat the best, at a stated rate of errors.
//!
//! The rule is a test. Suppose that the trial *will* beat the best final loss `T` so far. Then, from step `s` on, it
//! has to make up for `best so far - T`. How much trials make up for from each step on is known from trials that ran
//! to their end; if fewer than `error_rate` of them did so well, the supposition is given up and the trial is stopped.
//!
//! ```text
//!   loss │╲      trial under way
//!        │ ╲____●┈┈┈┈┈┈┈┈┈┈┈┈┈┈  best so far at step s ┐
//!        │      ┊                                      ├ gap to be closed: more than all but a few ever closed?
//!      T │┈┈┈┈┈┈┊┈┈┈┈┈┈┈┈┈┈┈┈┈┈  best final loss      ┘
//!        └──────s──────────── step
//! ```
//! *Scale.* Losses are compared as `u(v) = ln(1 + max(v - T, 0) / d)` with `d` the distance of the median final loss
//! from `T`: far from the best only ratios matter, close to it differences do.
//!
//! *Errors.* A trial's score at a check is `u(best so far) - u(final)`, less the median of that score over the
//! calibration set; what counts is the largest score over all checks, so that looking often costs nothing. The limit
//! is the `ceil((n + 1) (1 - error_rate))`-th smallest of the calibration set's `n` scores: split conformal
//! prediction (Vovk, Gammerman and Shafer 2005; Lei et al. 2018), under which a new trial exchangeable with them
//! exceeds it with probability at most `error_rate`. A trial that will beat `T` has `u(final) = 0`, so its score can
//! be computed before its end. The centring uses the calibration set itself, which makes the statement very slightly
//! inexact.
//!
//! *Calibration set.* Trials that survived this pruner are no fair sample. The first `startup_trials` and a share
//! `control` of the later ones, by their number, are never stopped, and only they are used: the latest `MOST_CONTROLS`
//! of them. Of those, the better half by final loss is taken, because it is good trials whose loss matters, but
//! never fewer than the limit needs, `ceil(1 / error_rate) - 1`; with fewer, no trial is stopped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::reports::Reports;
use super::{Verdict, golden};

/// The calibration trials remembered, so that a verdict costs the same however long a study runs.
const MOST_CONTROLS: usize = 256;
/// Checks are at `min_steps` times powers of this, rounded up.
const GROWTH: f64 = 1.5;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LearningCurve {
    error_rate: f64,
    startup_trials: u32,
    control: f64,
    min_steps: i64,
    /// Calibration trials that are complete, by number.
    controls: BTreeMap<u32, Control>,
    /// The best final loss of any complete trial.
    target: Option<f64>,
}

/// A trial of the calibration set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Control {
    loss: f64,
    /// Best loss so far at each check, of those that the trial reached. Infinite where there was no number.
    bests: Vec<f64>,
}

impl LearningCurve {
    pub(super) fn new(error_rate: f64, startup_trials: u32, control: f64, min_steps: i64) -> Self {
        let min_steps = min_steps.max(1);
        Self { error_rate, startup_trials, control, min_steps, controls: BTreeMap::new(), target: None }
    }

    /// Whether a trial is never stopped.
    fn is_control(&self, number: u32) -> bool {
        number < self.startup_trials || golden(number) < self.control
    }

    pub(super) fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        let next = self.checks().find(|&check| previous.is_none_or(|previous| previous < check));
        next.is_some_and(|next| next <= step)
    }

    fn checks(&self) -> impl Iterator<Item = i64> + use<> {
        let next = |step: &i64| {
            let next = (*step as f64 * GROWTH).ceil();
            (next < i64::MAX as f64).then_some(next as i64)
        };
        std::iter::successors(Some(self.min_steps), next)
    }

    /// Takes note of a complete trial and its final loss.
    pub(super) fn finish(&mut self, number: u32, reports: &Reports, loss: f64) {
        if loss.is_nan() {
            return;
        }
        self.target = Some(self.target.map_or(loss, |target| target.min(loss)));
        if self.is_control(number) && !self.controls.contains_key(&number) {
            self.controls.insert(number, Control { loss, bests: self.bests(reports) });
            if self.controls.len() > MOST_CONTROLS {
                self.controls.pop_first();
            }
        }
    }

    /// The best loss so far at each check that the trial has reached.
    fn bests(&self, reports: &Reports) -> Vec<f64> {
        let mut points = reports.losses().peekable();
        let mut best = f64::INFINITY;
        let mut bests = Vec::new();
        for check in self.checks() {
            while let Some((_, loss)) = points.next_if(|&(step, _)| step < check) {
                best = best.min(loss);
            }
            let Some(&(_, loss)) = points.peek() else { break };
            bests.push(best.min(loss));
        }
        bests
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        let Some(target) = self.target.filter(|_| !self.is_control(number)) else {
            return Verdict::Continue;
        };
        let Some((step, before)) = self.new_check(reports) else {
            return Verdict::Continue;
        };
        let bests = self.bests(reports);
        let Some(limits) = Limits::new(self, target, bests.len()) else {
            return Verdict::Continue;
        };
        let mut new = bests.iter().enumerate().skip(before);
        let Some((_, best)) = new.find(|&(check, &best)| limits.exceeded(check, best)) else {
            return Verdict::Continue;
        };
        let (best, target) = (reports.value(*best), reports.value(target));
        let reason = format!("learning_curve: {best} at step {step} will hardly beat {target}");
        Verdict::Prune { reason }
    }

    /// Returns the last step if it reached a check, with the number of checks reached before.
    fn new_check(&self, reports: &Reports) -> Option<(i64, usize)> {
        let (&(step, _), before) = reports.first().split_last()?;
        let previous = before.last().map(|&(step, _)| step);
        let reached = previous.map_or(0, |previous| self.checks().take_while(|&check| check <= previous).count());
        self.needs_point(previous, step).then_some((step, reached))
    }

    /// Returns the trials to calibrate with: the better half, but no fewer than the limit needs.
    fn calibration_set(&self) -> Option<Vec<&Control>> {
        let needed = ((1.0 / self.error_rate) - 1.0).ceil().max(1.0) as usize;
        let mut controls: Vec<&Control> = self.controls.values().collect();
        controls.sort_by(|a, b| a.loss.total_cmp(&b.loss));
        if controls.len() < needed {
            return None;
        }
        controls.truncate(needed.max(controls.len().div_ceil(2)));
        Some(controls)
    }
}

/// How large a score may be, and what scores are made of.
#[derive(Debug)]
struct Limits {
    target: f64,
    /// The distance within which differences count, and beyond which ratios do.
    distance: f64,
    /// Median score at each check; NaN where no calibration trial came so far.
    centres: Vec<f64>,
    limit: f64,
}

impl Limits {
    /// For a trial that has reached `checks` checks. `None` if nothing can be said yet.
    fn new(state: &LearningCurve, target: f64, checks: usize) -> Option<Self> {
        let set = state.calibration_set()?;
        let distance = middle(state.controls.values().map(|control| control.loss).collect()) - target;
        if !(distance > 0.0 && distance.is_finite()) {
            return None;
        }
        let mut limits = Self { target, distance, centres: Vec::new(), limit: f64::NAN };
        let longest = set.iter().map(|control| control.bests.len()).max().unwrap_or(0).max(checks);
        for check in 0..longest {
            let scores = set.iter().filter_map(|control| limits.raw_score(control, check)).collect();
            limits.centres.push(middle(scores));
        }
        let mut scores: Vec<f64> = set.iter().map(|control| limits.score(control)).collect();
        scores.sort_by(f64::total_cmp);
        let place = ((scores.len() + 1) as f64 * (1.0 - state.error_rate)).ceil() as usize;
        limits.limit = *scores.get(place.checked_sub(1)?)?;
        Some(limits)
    }

    fn scaled(&self, loss: f64) -> f64 {
        libm::log1p((loss - self.target).max(0.0) / self.distance)
    }

    /// How much a calibration trial made up for from a check on.
    fn raw_score(&self, control: &Control, check: usize) -> Option<f64> {
        let best = control.bests.get(check)?;
        Some(self.scaled(*best) - self.scaled(control.loss))
    }

    /// The largest centred score of a calibration trial.
    fn score(&self, control: &Control) -> f64 {
        let centred = self.centres.iter().enumerate().filter_map(|(check, centre)| {
            let score = self.raw_score(control, check)? - centre;
            (!score.is_nan()).then_some(score)
        });
        centred.fold(f64::NEG_INFINITY, f64::max)
    }

    /// Whether a trial that will beat the target would hardly be so far away from it.
    fn exceeded(&self, check: usize, best: f64) -> bool {
        let centre = self.centres.get(check).copied().unwrap_or(f64::NAN);
        best > self.target && self.scaled(best) - centre > self.limit
    }
}

/// The median, the upper one of two; NaN of nothing.
fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
