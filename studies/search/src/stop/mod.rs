//! When a whole study has done enough: a goal reached, nothing gained any more, or a budget spent.
//!
//! The state takes note of each trial that ended, once, in the order of the history, and of time spent; asking costs
//! nothing. The first rule that holds stops the study for good: trials under way may end afterwards, and change
//! nothing any more. There is no clock here: time is what the caller says it is.
//!
//! ```
//! use hone_search::{Direction, Outcome, stop::{EndedTrial, StopRule, StopState}};
//!
//! let rules = [StopRule::Target { values: vec![0.1] }, StopRule::NoImprovement { trials: 2, min_delta: 0.0 }];
//! let mut state = StopState::new(&rules, &[Direction::Minimize]);
//! for loss in [0.9, 0.5, 0.6, 0.7] {
//!     state.record(&EndedTrial { outcome: Outcome::Complete, values: &[loss], violation: 0.0, cost: 1.0 });
//! }
//! let stop = state.reason().expect("two trials without improvement");
//! assert_eq!(stop.reason, "no improvement in the last 2 trials");
//! ```

mod improvement;
mod regret;

use serde::{Deserialize, Serialize};

use crate::columns::Outcome;
use crate::sampler::Direction;

use improvement::Improvement;
use regret::Regret;

/// One reason to stop a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StopRule {
    /// A complete trial has reached these values, one per objective, all at once, and holds its constraints.
    Target {
        /// The values; objectives without one may be anything.
        values: Vec<f64>,
    },
    /// The last so many trials have improved nothing: the best value, or with several objectives the front.
    ///
    /// Complete, pruned and failed trials count, from the first complete one on.
    NoImprovement {
        /// How many trials.
        trials: u32,
        /// What counts as an improvement at least, in units of each objective.
        #[serde(default)]
        min_delta: f64,
    },
    /// What the first objective may still gain is, with this confidence, less than `below`. For one objective.
    ///
    /// An estimate from the best values seen, not a promise: see the module's source.
    RegretBound {
        /// In units of the objective.
        below: f64,
        /// Between 0 and 1.
        #[serde(default = "defaults::confidence")]
        confidence: f64,
        /// Complete trials needed.
        #[serde(default = "defaults::startup_trials")]
        startup_trials: u32,
    },
    /// So many trials have ended: complete, pruned or failed.
    Trials {
        /// How many.
        limit: u64,
    },
    /// So much time has passed.
    Time {
        /// In seconds, on the caller's clock.
        limit_s: f64,
    },
    /// The trials have cost so much in all, cancelled ones too.
    Cost {
        /// In the caller's unit.
        limit: f64,
    },
}

mod defaults {
    pub fn confidence() -> f64 {
        0.95
    }
    pub fn startup_trials() -> u32 {
        40
    }
}

/// A mistake in a rule's settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("stopping rule `{rule}`: `{setting}` must be {allowed}, not `{given}`")]
pub struct StopError {
    /// Name of the rule.
    pub rule: &'static str,
    /// Name of the setting.
    pub setting: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
    /// What was given.
    pub given: f64,
}

impl StopRule {
    /// Returns the rule's name, as it is serialised.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Target { .. } => "target",
            Self::NoImprovement { .. } => "no_improvement",
            Self::RegretBound { .. } => "regret_bound",
            Self::Trials { .. } => "trials",
            Self::Time { .. } => "time",
            Self::Cost { .. } => "cost",
        }
    }

    /// Returns the first mistake in the settings, if there is one.
    pub fn validate(&self) -> Option<StopError> {
        const POSITIVE: &str = "a number above 0";
        let is_positive = |given: f64| given > 0.0 && given.is_finite();
        let (setting, allowed, given, fits) = match *self {
            Self::Target { ref values } => {
                let given = values.iter().copied().find(|value| value.is_nan()).unwrap_or(0.0);
                ("values", "numbers", given, !given.is_nan())
            }
            Self::NoImprovement { trials: 0, .. } => ("trials", POSITIVE, 0.0, false),
            Self::NoImprovement { min_delta, .. } => {
                ("min_delta", "a number from 0", min_delta, min_delta >= 0.0 && min_delta.is_finite())
            }
            Self::RegretBound { confidence, .. } if !(confidence > 0.0 && confidence < 1.0) => {
                ("confidence", "above 0 and below 1", confidence, false)
            }
            Self::RegretBound { below, .. } => ("below", POSITIVE, below, is_positive(below)),
            Self::Trials { limit } => ("limit", POSITIVE, limit as f64, limit > 0),
            Self::Time { limit_s } => ("limit_s", POSITIVE, limit_s, is_positive(limit_s)),
            Self::Cost { limit } => ("limit", POSITIVE, limit, is_positive(limit)),
        };
        let rule = self.name();
        (!fits).then_some(StopError { rule, setting, allowed, given })
    }
}

/// A trial that ended.
#[derive(Clone, Copy, Debug)]
pub struct EndedTrial<'a> {
    /// How it ended.
    pub outcome: Outcome,
    /// Final values, one per objective; empty if there are none.
    pub values: &'a [f64],
    /// Sum of the positive constraint values; 0 if all constraints hold.
    pub violation: f64,
    /// What it cost, in the caller's unit.
    pub cost: f64,
}

/// Why a study should stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// Place of the rule in the list.
    pub rule: usize,
    /// One short clause that says why.
    pub reason: String,
}

/// What stopping rules remember of a study. Built from scratch by the same calls, it is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopState {
    directions: Vec<Direction>,
    rules: Vec<Watch>,
    stop: Option<Stop>,
}

/// A rule and what it has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Watch {
    Target { losses: Vec<f64>, is_reached: bool },
    NoImprovement(Improvement),
    RegretBound(Regret),
    Trials { limit: u64, ended: u64 },
    Time { limit_s: f64, passed_s: f64 },
    Cost { limit: f64, spent: f64 },
}

impl StopState {
    /// Starts with no trials. Without rules nothing ever stops; the first of several that hold is the one named.
    pub fn new(rules: &[StopRule], directions: &[Direction]) -> Self {
        let directions = if directions.is_empty() { vec![Direction::default()] } else { directions.to_vec() };
        let rules = rules.iter().map(|rule| Watch::new(rule, &directions)).collect();
        Self { directions, rules, stop: None }
    }

    /// Takes note of a trial that ended.
    pub fn record(&mut self, trial: &EndedTrial<'_>) {
        let losses = self.losses(trial);
        for rule in &mut self.rules {
            rule.record(trial, losses.as_deref());
        }
        self.look();
    }

    /// Takes note of a trial that was run elsewhere: what it reached has to be improved on, and it uses up no budget.
    pub fn learn(&mut self, trial: &EndedTrial<'_>) {
        let Some(losses) = self.losses(trial) else { return };
        for rule in &mut self.rules {
            rule.learn(trial, &losses);
        }
        self.look();
    }

    /// Takes note that `seconds` have passed since the study began. An earlier time than before changes nothing.
    pub fn pass(&mut self, seconds: f64) {
        for rule in &mut self.rules {
            if let Watch::Time { passed_s, .. } = rule {
                *passed_s = passed_s.max(seconds);
            }
        }
        self.look();
    }

    /// Returns why the study should stop; `None`: go on.
    pub fn reason(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// The final losses of a complete trial that holds its constraints and has them all.
    fn losses(&self, trial: &EndedTrial<'_>) -> Option<Vec<f64>> {
        let counts = trial.outcome == Outcome::Complete && trial.violation <= 0.0;
        let whole = trial.values.len() >= self.directions.len() && trial.values.iter().all(|value| !value.is_nan());
        let losses = || self.directions.iter().zip(trial.values).map(|(direction, &value)| direction.to_loss(value)).collect();
        (counts && whole).then(losses)
    }

    fn look(&mut self) {
        if self.stop.is_none() {
            let mut reasons = self.rules.iter().enumerate();
            self.stop = reasons.find_map(|(rule, watch)| watch.reason().map(|reason| Stop { rule, reason }));
        }
    }
}

impl Watch {
    fn new(rule: &StopRule, directions: &[Direction]) -> Self {
        match *rule {
            StopRule::Target { ref values } => {
                let losses = directions.iter().zip(values).map(|(direction, &value)| direction.to_loss(value)).collect();
                Self::Target { losses, is_reached: false }
            }
            StopRule::NoImprovement { trials, min_delta } => Self::NoImprovement(Improvement::new(trials, min_delta)),
            StopRule::RegretBound { below, confidence, startup_trials } => {
                Self::RegretBound(Regret::new(below, confidence, startup_trials))
            }
            StopRule::Trials { limit } => Self::Trials { limit, ended: 0 },
            StopRule::Time { limit_s } => Self::Time { limit_s, passed_s: 0.0 },
            StopRule::Cost { limit } => Self::Cost { limit, spent: 0.0 },
        }
    }

    /// `losses` are there if the trial is complete and holds its constraints.
    fn record(&mut self, trial: &EndedTrial<'_>, losses: Option<&[f64]>) {
        let counts = trial.outcome != Outcome::Cancelled;
        match self {
            Self::Target { losses: goals, is_reached } => {
                *is_reached |= losses.is_some_and(|losses| losses.iter().zip(goals).all(|(loss, goal)| *loss <= *goal));
            }
            Self::NoImprovement(improvement) if counts => improvement.record(losses),
            Self::RegretBound(regret) => {
                if let Some([loss]) = losses {
                    regret.record(*loss);
                }
            }
            Self::Trials { ended, .. } => *ended += u64::from(counts),
            Self::Cost { spent, .. } if trial.cost > 0.0 => *spent += trial.cost,
            Self::NoImprovement(_) | Self::Time { .. } | Self::Cost { .. } => {}
        }
    }

    fn learn(&mut self, trial: &EndedTrial<'_>, losses: &[f64]) {
        match self {
            Self::Target { .. } | Self::RegretBound(_) => self.record(trial, Some(losses)),
            Self::NoImprovement(improvement) => {
                improvement.learn(losses);
            }
            Self::Trials { .. } | Self::Time { .. } | Self::Cost { .. } => {}
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Target { is_reached, .. } => is_reached.then(|| "the target is reached".to_owned()),
            Self::NoImprovement(improvement) => improvement.reason(),
            Self::RegretBound(regret) => regret.reason(),
            Self::Trials { limit, ended } => (ended >= limit).then(|| format!("{ended} trials have ended")),
            Self::Time { limit_s, passed_s } => (passed_s >= limit_s).then(|| format!("{limit_s} s have passed")),
            Self::Cost { limit, spent } => (spent >= limit).then(|| format!("the trials have cost {spent} of {limit}")),
        }
    }
}

#[cfg(test)]
mod tests;
