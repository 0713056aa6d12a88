//! Asynchronous successive halving (Li et al. 2020): rungs at `min_steps * reduction^k`.
//!
//! A trial reaches a rung with its first report at or past the rung's step, and the value there counts. It is
//! judged once per rung, against what other trials have shown there by then, and goes on if it is among the best
//! `floor(n / reduction)` of the n, itself included.
//!
//! ```text
//!   step   promotion = stop                     promotion = resume
//!    9     ──●────────────▶ goes on             ──●──▶              ┌──▶ later results put it among the best
//!    3     ──●──●──✕ ends                       ──●──●──❚❚ waits ───┘    promotable() names it
//!    1     ──●──✕                               ──●──❚❚
//! ```
//! Where trials end, the very best always goes on, even as the first one to come. Where they wait, nothing is lost by
//! waiting until `reduction` trials are there, so the first ones wait too. No promotion ever holds up a worker: it
//! takes another trial meanwhile.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::config::Promotion;
use super::pausing::{Pausing, Promotable};
use super::reports::Reports;
use super::rung::Rung;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ladder {
    reduction: u32,
    promotion: Promotion,
    rungs: Vec<Rung>,
}

/// How a ladder's rungs lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) min_steps: i64,
    pub(super) reduction: u32,
    /// No rung there or later.
    pub(super) max_steps: Option<i64>,
    /// Rungs left out at the start.
    pub(super) skipped: u32,
    pub(super) objectives: usize,
}

impl Shape {
    pub(super) fn rungs(&self) -> Vec<Rung> {
        let factor = i64::from(self.reduction.max(2));
        let last = self.max_steps.unwrap_or(i64::MAX);
        let steps = std::iter::successors(Some(self.min_steps.max(1)), |step| step.checked_mul(factor));
        let steps = steps.skip(self.skipped as usize).take_while(|&step| step < last);
        steps.map(|step| Rung::new(step, self.objectives)).collect()
    }
}

/// Whether a rung lies after `previous` and not after `step`.
pub(super) fn has_rung_within(rungs: &[Rung], previous: Option<i64>, step: i64) -> bool {
    rungs.iter().any(|rung| previous.is_none_or(|previous| previous < rung.step) && rung.step <= step)
}

impl Ladder {
    pub(super) fn new(shape: Shape, promotion: Promotion) -> Self {
        Self { reduction: shape.reduction.max(2), promotion, rungs: shape.rungs() }
    }

    pub(super) fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        has_rung_within(&self.rungs, previous, step)
    }

    pub(super) fn record(&mut self, number: u32, reports: &Reports) {
        for rung in &mut self.rungs {
            if !rung.record(number, reports) {
                return;
            }
        }
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        let Some(last) = reports.last_step() else {
            return Verdict::Continue;
        };
        let reached = self.rungs.iter().filter(|rung| reports.reached(rung.step) == Some(last));
        for rung in reached.filter(|rung| !rung.has_resumed(number)) {
            let standing = rung.standing(number, reports, |trials| self.quota(trials, false));
            let quota = self.quota(standing.trials, false);
            if standing.better >= quota {
                let (place, trials, step) = (standing.better + 1, standing.trials, rung.step);
                let reason = format!("asha: place {place} of {trials} at step {step}, best {quota} go on");
                return match self.promotion {
                    Promotion::Stop => Verdict::Prune { reason },
                    Promotion::Resume => Verdict::Pause { step, reason },
                };
            }
        }
        Verdict::Continue
    }

    /// How many of `trials` go on. At the end of a study nothing more is to come, so that the best need not wait.
    fn quota(&self, trials: usize, closing: bool) -> usize {
        let quota = trials / self.reduction as usize;
        match self.promotion {
            Promotion::Resume if !closing => quota,
            Promotion::Resume | Promotion::Stop => quota.max(1),
        }
    }

    pub(super) fn forget(&mut self, number: u32) {
        self.rungs.iter_mut().for_each(|rung| {
            rung.wake(number);
        });
    }
}

impl Pausing for Ladder {
    fn pause(&mut self, number: u32, step: i64) {
        if let Some(rung) = self.rungs.iter_mut().rfind(|rung| rung.step <= step && rung.contains(number)) {
            rung.pause(number);
        }
    }

    fn resume(&mut self, number: u32) {
        self.rungs.iter_mut().for_each(|rung| {
            rung.resume(number);
        });
    }

    /// Returns the trials that later results have made worth resuming, from the highest rung down.
    fn promotable(&self, closing: bool) -> Vec<Promotable> {
        let mut found = Vec::new();
        for (at, rung) in self.rungs.iter().enumerate().rev() {
            let quota = |trials| self.quota(trials, closing);
            // A trial that passed several rungs with one report must be among the best in all of them.
            let fits = |number: &u32| {
                self.rungs[at + 1..].iter().filter(|rung| rung.contains(*number)).all(|rung| rung.keeps(*number, quota))
            };
            let numbers = rung.promotable(quota).into_iter().filter(fits);
            found.extend(numbers.map(|number| Promotable { number, step: rung.step }));
        }
        found
    }

    fn paused(&self) -> Vec<u32> {
        self.rungs.iter().flat_map(Rung::paused).collect()
    }

    fn hopeless(&self) -> Vec<Promotable> {
        Vec::new()
    }
}
