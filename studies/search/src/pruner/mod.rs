//! Pruners: whether a trial under way is worth going on with.
//!
//! A verdict depends on steps and values, never on the order in which reports of one trial arrive.

mod asha;
mod median;
mod ranked;

use serde::{Deserialize, Serialize};

use crate::columns::Outcome;
use crate::sampler::Direction;

use asha::Asha;
use median::Median;

/// A pruner with its settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PrunerConfig {
    /// Never stops a trial.
    #[default]
    None,
    /// Stops a trial whose best value is worse than the median of completed trials at the same step.
    Median {
        /// Completed trials needed before any is stopped.
        #[serde(default = "defaults::startup_trials")]
        startup_trials: u32,
        /// Steps before which no trial is stopped.
        #[serde(default)]
        warmup_steps: i64,
        /// Steps between two verdicts on one trial, counted from the warm-up.
        #[serde(default = "defaults::interval")]
        interval: i64,
    },
    /// Asynchronous successive halving: at each rung the best `1 / reduction` go on (Li et al. 2020).
    Asha {
        /// Step of the first rung.
        #[serde(default = "defaults::min_steps")]
        min_steps: i64,
        /// Factor between rungs, and the share that is stopped.
        #[serde(default = "defaults::reduction")]
        reduction: u32,
        /// Step at which trials end anyway: there is no rung there or later.
        #[serde(default)]
        max_steps: Option<i64>,
        /// Number of rungs left out at the start.
        #[serde(default)]
        early_stopping_rate: u32,
    },
}

mod defaults {
    pub fn startup_trials() -> u32 {
        5
    }
    pub fn interval() -> i64 {
        1
    }
    pub fn min_steps() -> i64 {
        1
    }
    pub fn reduction() -> u32 {
        3
    }
}

/// A mistake in a pruner's settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("pruner setting `{setting}` must be at least {least}, not `{given}`")]
pub struct PrunerError {
    /// Name of the setting.
    pub setting: &'static str,
    /// The smallest value allowed.
    pub least: i64,
    /// What was given.
    pub given: i64,
}

impl PrunerConfig {
    /// The names of all pruners, as in study files.
    pub const KINDS: &[&str] = &["none", "median", "asha"];

    /// Returns the pruner called `kind` with its default settings.
    pub fn from_kind(kind: &str) -> Option<Self> {
        match kind {
            "none" => Some(Self::None),
            "median" => {
                Some(Self::Median { startup_trials: defaults::startup_trials(), warmup_steps: 0, interval: defaults::interval() })
            }
            "asha" => Some(Self::Asha {
                min_steps: defaults::min_steps(),
                reduction: defaults::reduction(),
                max_steps: None,
                early_stopping_rate: 0,
            }),
            _ => None,
        }
    }

    /// Returns the pruner's name, one of [`PrunerConfig::KINDS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Median { .. } => "median",
            Self::Asha { .. } => "asha",
        }
    }

    /// Returns all mistakes in the settings.
    pub fn validate(&self) -> Vec<PrunerError> {
        let settings = match *self {
            Self::None => Vec::new(),
            Self::Median { warmup_steps, interval, .. } => {
                vec![("warmup_steps", 0, warmup_steps), ("interval", 1, interval)]
            }
            Self::Asha { min_steps, reduction, max_steps, .. } => vec![
                ("min_steps", 1, min_steps),
                ("reduction", 2, i64::from(reduction)),
                ("max_steps", 1, max_steps.unwrap_or(1)),
            ],
        };
        let error = |(setting, least, given)| PrunerError { setting, least, given };
        settings.into_iter().filter(|(_, least, given)| given < least).map(error).collect()
    }
}

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
}

/// What a pruner remembers of a study's trials. Built from scratch by the same calls, it is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrunerState {
    rule: Rule,
    direction: Direction,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Rule {
    None,
    Median(Median),
    Asha(Asha),
}

impl PrunerState {
    /// Starts with no trials. `direction` is the first objective's.
    pub fn new(config: &PrunerConfig, direction: Direction) -> Self {
        let rule = match *config {
            PrunerConfig::None => Rule::None,
            PrunerConfig::Median { startup_trials, warmup_steps, interval } => {
                Rule::Median(Median::new(startup_trials, warmup_steps, interval))
            }
            PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate } => {
                Rule::Asha(Asha::new(min_steps, reduction, max_steps, early_stopping_rate))
            }
        };
        Self { rule, direction }
    }

    /// Judges trial `number` by the last point of `curve`.
    ///
    /// `curve` holds the trial's points so far as (step, value), steps ascending, the new one last. It makes no
    /// difference whether [`PrunerState::record`] has been called for that point before.
    pub fn judge(&self, number: u32, curve: &[(i64, f64)]) -> Verdict {
        match &self.rule {
            Rule::None => Verdict::Continue,
            Rule::Median(median) => median.judge(self.direction, curve),
            Rule::Asha(asha) => asha.judge(self.direction, number, curve),
        }
    }

    /// Takes note of a report of trial `number`; `curve` as in [`PrunerState::judge`].
    ///
    /// A later attempt that reports a step again replaces what its trial said before.
    pub fn record(&mut self, number: u32, curve: &[(i64, f64)]) {
        match &mut self.rule {
            Rule::None | Rule::Median(_) => {}
            Rule::Asha(asha) => asha.record(self.direction, number, curve),
        }
    }

    /// Takes note of how trial `number` ended, with its whole curve. Only the first call for a trial counts.
    pub fn finish(&mut self, number: u32, outcome: Outcome, curve: &[(i64, f64)]) {
        match &mut self.rule {
            Rule::None => {}
            Rule::Asha(asha) => asha.record(self.direction, number, curve),
            Rule::Median(median) => match outcome {
                Outcome::Complete => median.finish(self.direction, number, curve),
                Outcome::Pruned | Outcome::Failed | Outcome::Cancelled => {}
            },
        }
    }

    /// Whether a report at exactly `step` must never be thinned away, whatever came before it.
    pub fn needs_step(&self, step: i64) -> bool {
        self.needs_point(step.checked_sub(1), step)
    }

    /// Whether a report at `step` must never be thinned away, given the step of the trial's report before it.
    ///
    /// True where a rung lies between the two, because the value there counts for that rung.
    pub fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        match &self.rule {
            Rule::None | Rule::Median(_) => false,
            Rule::Asha(asha) => asha.has_rung_within(previous, step),
        }
    }
}

#[cfg(test)]
#[path = "pruner_tests.rs"]
mod tests;
