//! Whether models still change their minds: the agreement of successive models' predictions (Bloodgood and
//! Vijay-Shanker 2009).
//!
//! Stops when the mean of Cohen's kappa between each model and the next, over the last three, is at least 0.99. Models
//! that predict one class throughout agree whatever they have learned: kappa has no meaning there, and they do not count
//! as stable.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::agreement::{Weighting, cohen_kappa};
use crate::error::{ConsensusError, check, check_classes, check_known, check_length};

/// When predictions are stable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, remote = "Self")]
pub struct StabilityRule {
    /// How many comparisons of successive models are averaged.
    pub window: u32,
    /// The least mean of kappa.
    pub threshold: f64,
}

impl Default for StabilityRule {
    fn default() -> Self {
        Self { window: 3, threshold: 0.99 }
    }
}

impl StabilityRule {
    /// Checks the settings; every reader and user does so.
    ///
    /// # Errors
    ///
    /// A window of 0, or a threshold that is not above 0 and at most 1.
    pub fn check(&self) -> Result<(), ConsensusError> {
        check("window", f64::from(self.window), "a number from 1", self.window > 0)?;
        check("threshold", self.threshold, "above 0 and at most 1", self.threshold > 0.0 && self.threshold <= 1.0)
    }
}

checked_serde!(StabilityRule);

/// What the predictions so far say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stability {
    /// Too few models have been compared.
    TooEarly {
        /// Comparisons made.
        compared: u32,
        /// Comparisons needed.
        needed: u32,
    },
    /// Two models in the window predict one class throughout.
    OneClass,
    /// They change their minds.
    Moving {
        /// The mean of kappa.
        kappa: f64,
        /// What it has to reach.
        threshold: f64,
    },
    /// More labels change little: stop.
    Stable {
        /// The mean of kappa.
        kappa: f64,
        /// What it had to reach.
        threshold: f64,
    },
}

impl Stability {
    /// Returns whether to stop asking for labels.
    pub fn is_enough(&self) -> bool {
        matches!(self, Self::Stable { .. })
    }

    /// Returns a sentence that says it.
    pub fn reason(&self) -> String {
        match self {
            Self::TooEarly { compared, needed } => {
                format!("too early: {compared} models were compared with the one before, and {needed} are needed")
            }
            Self::OneClass => "go on: models predict one class throughout, which says nothing of what they know".to_owned(),
            Self::Moving { kappa, threshold } => {
                format!("go on: models still change their minds, kappa {kappa:.4} is below {threshold}")
            }
            Self::Stable { kappa, threshold } => {
                format!("stop: models no longer change their minds, kappa {kappa:.4} has reached {threshold}")
            }
        }
    }
}

/// The predictions of one model after the other on the same validation split.
///
/// Keeps the latest predictions and as many comparisons as the window holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct StabilityWatch {
    rule: StabilityRule,
    classes: u32,
    last: Option<Vec<u32>>,
    /// Comparisons made, of which the latest are kept.
    compared: u32,
    /// Of each comparison in the window, the latest last; `None` where both predicted one class.
    kappas: VecDeque<Option<f64>>,
}

impl StabilityWatch {
    /// Starts with no models.
    ///
    /// # Errors
    ///
    /// Settings out of range, or fewer than 2 classes.
    pub fn new(rule: StabilityRule, classes: u32) -> Result<Self, ConsensusError> {
        rule.check()?;
        check_classes(classes)?;
        Ok(Self { rule, classes, last: None, compared: 0, kappas: VecDeque::new() })
    }

    /// Takes the next model's predictions: a class for each item of the split, in the same order each time.
    ///
    /// # Errors
    ///
    /// An unknown class, no items, or another number of them than before.
    pub fn record(&mut self, predictions: Vec<u32>) -> Result<Stability, ConsensusError> {
        predictions.iter().try_for_each(|&class| check_known("class", class, self.classes))?;
        let given = predictions.len();
        match &self.last {
            None => check_length("predictions", given, given.max(1))?,
            Some(last) => {
                check_length("predictions", given, last.len())?;
                let kappa = cohen_kappa(last, &predictions, self.classes, Weighting::Equal)?;
                if self.kappas.len() == self.rule.window as usize {
                    self.kappas.pop_front();
                }
                self.kappas.push_back(kappa);
                self.compared = self.compared.saturating_add(1);
            }
        }
        self.last = Some(predictions);
        Ok(self.stability())
    }

    /// Returns what the predictions so far say.
    pub fn stability(&self) -> Stability {
        let StabilityRule { window, threshold } = self.rule;
        if self.compared < window {
            return Stability::TooEarly { compared: self.compared, needed: window };
        }
        let Some(recent) = self.kappas.iter().copied().collect::<Option<Vec<f64>>>() else { return Stability::OneClass };
        let kappa = recent.iter().sum::<f64>() / f64::from(window);
        if kappa >= threshold { Stability::Stable { kappa, threshold } } else { Stability::Moving { kappa, threshold } }
    }

    /// What was read: predictions of known classes, and as many comparisons as were made and the window holds.
    fn check(&self) -> Result<(), ConsensusError> {
        check_classes(self.classes)?;
        self.last.iter().flatten().try_for_each(|&class| check_known("class", class, self.classes))?;
        check_length("kappas", self.kappas.len(), self.compared.min(self.rule.window) as usize)?;
        let kappas = self.kappas.iter().flatten();
        kappas.copied().try_for_each(|kappa| check("kappas", kappa, "at most 1", kappa <= 1.0))?;
        let models = usize::from(self.last.is_some());
        check_length("last", models, models.max(usize::from(self.compared > 0)))
    }
}

checked_serde!(StabilityWatch);

#[cfg(test)]
#[path = "stability_tests.rs"]
mod tests;
