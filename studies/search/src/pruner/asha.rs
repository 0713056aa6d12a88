//! Asynchronous successive halving (Li et al. 2020): rungs at `min_steps * reduction^k`.
//!
//! A trial reaches a rung with its first report at or past the rung's step, and the value there counts. It is
//! judged once per rung, against what other trials have shown there by then, and stopped unless it is among
//! the best `floor(n / reduction)` of the n, itself included; the very best always goes on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::ranked::Ranked;
use crate::columns::same_number;
use crate::sampler::Direction;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Asha {
    reduction: u32,
    rungs: Vec<Rung>,
}

/// Losses (smaller is better) shown at one rung.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Rung {
    step: i64,
    losses: Ranked,
    by_trial: BTreeMap<u32, f64>,
}

impl PartialEq for Rung {
    fn eq(&self, other: &Self) -> bool {
        let mut pairs = self.by_trial.iter().zip(&other.by_trial);
        self.step == other.step
            && self.by_trial.len() == other.by_trial.len()
            && pairs.all(|(a, b)| a.0 == b.0 && same_number(*a.1, *b.1))
    }
}

impl Rung {
    fn set(&mut self, number: u32, loss: f64) {
        if let Some(earlier) = self.by_trial.insert(number, loss) {
            if same_number(earlier, loss) {
                return;
            }
            self.losses.remove(earlier);
        }
        self.losses.insert(loss);
    }

    /// Returns how many other trials are better, and how many trials there are with this one.
    ///
    /// NaN is worse than everything, other NaN included: two trials that diverged do not save each other.
    fn place(&self, number: u32, loss: f64) -> (usize, usize) {
        let own = self.by_trial.get(&number).copied();
        let others = self.losses.len() - usize::from(own.is_some());
        if loss.is_nan() {
            return (others, others + 1);
        }
        let own_is_better = own.is_some_and(|own| own < loss);
        (self.losses.smaller(loss) - usize::from(own_is_better), others + 1)
    }
}

impl Asha {
    pub(super) fn new(min_steps: i64, reduction: u32, max_steps: Option<i64>, skipped: u32) -> Self {
        let reduction = reduction.max(2);
        let factor = i64::from(reduction);
        let last = max_steps.unwrap_or(i64::MAX);
        let steps = std::iter::successors(Some(min_steps.max(1)), |step| step.checked_mul(factor));
        let rung = |step| Rung { step, losses: Ranked::default(), by_trial: BTreeMap::new() };
        let rungs = steps.skip(skipped as usize).take_while(|&step| step < last).map(rung).collect();
        Self { reduction, rungs }
    }

    pub(super) fn has_rung_within(&self, previous: Option<i64>, step: i64) -> bool {
        self.rungs.iter().any(|rung| previous.is_none_or(|previous| previous < rung.step) && rung.step <= step)
    }

    pub(super) fn record(&mut self, direction: Direction, number: u32, curve: &[(i64, f64)]) {
        for rung in &mut self.rungs {
            let Some(loss) = value_at(curve, rung.step) else {
                return;
            };
            rung.set(number, direction.to_loss(loss));
        }
    }

    pub(super) fn judge(&self, direction: Direction, number: u32, curve: &[(i64, f64)]) -> Verdict {
        let Some((&(step, value), before)) = curve.split_last() else {
            return Verdict::Continue;
        };
        let previous = before.last().map(|&(step, _)| step);
        let reached = self.rungs.iter().filter(|rung| rung.step <= step && previous.is_none_or(|previous| previous < rung.step));
        for rung in reached {
            let (better, trials) = rung.place(number, direction.to_loss(value));
            let promoted = (trials / self.reduction as usize).max(1);
            if better >= promoted {
                let reason = format!("asha: place {} of {trials} at step {}, best {promoted} go on", better + 1, rung.step);
                return Verdict::Prune { reason };
            }
        }
        Verdict::Continue
    }
}

/// Returns the value of the first report at or past `step`.
fn value_at(curve: &[(i64, f64)], step: i64) -> Option<f64> {
    let at = curve.partition_point(|&(reported, _)| reported < step);
    curve.get(at).map(|&(_, value)| value)
}
