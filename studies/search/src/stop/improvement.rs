//! How long it is since a trial improved on what was there.

use serde::{Deserialize, Serialize};

/// The trials since the last improvement, and what has to be improved on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Improvement {
    trials: u32,
    min_delta: f64,
    /// Losses of trials that were improvements, and that no later improvement is better than. Small gains add up,
    /// because they are measured from here and not from the trial before.
    front: Vec<Vec<f64>>,
    since: u32,
}

impl Improvement {
    pub(super) fn new(trials: u32, min_delta: f64) -> Self {
        Self { trials: trials.max(1), min_delta, front: Vec::new(), since: 0 }
    }

    pub(super) fn record(&mut self, losses: Option<&[f64]>) {
        if losses.is_some_and(|losses| self.learn(losses)) {
            self.since = 0;
        } else if !self.front.is_empty() {
            self.since = self.since.saturating_add(1);
        }
    }

    /// Takes note of what has to be improved on from now on; answers whether this was an improvement itself.
    pub(super) fn learn(&mut self, losses: &[f64]) -> bool {
        let improves = self.improves(losses);
        if improves {
            self.front.retain(|old| old.iter().zip(losses).any(|(old, new)| old < new));
            self.front.push(losses.to_vec());
        }
        improves
    }

    /// Whether it beats each trial of the front in some objective, and by enough.
    fn improves(&self, losses: &[f64]) -> bool {
        let beats = |old: &f64, new: &f64| new < old && old - new >= self.min_delta;
        self.front.iter().all(|old| old.iter().zip(losses).any(|(old, new)| beats(old, new)))
    }

    pub(super) fn reason(&self) -> Option<String> {
        (self.since >= self.trials).then(|| format!("no improvement in the last {} trials", self.since))
    }
}
