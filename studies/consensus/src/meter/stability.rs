//! Whether models still change their minds: the agreement of successive models' predictions (Bloodgood and
//! Vijay-Shanker 2009).
//!
//! Stops when the mean of Cohen's kappa between each model and the next, over the last three, is at least 0.99. Models
//! that predict one class throughout agree whatever they have learned: kappa has no meaning there, and they do not count
//! as stable.

use serde::{Deserialize, Serialize};

use crate::agreement::{Weighting, cohen_kappa};
use crate::error::{ConsensusError, check, check_known};

/// When predictions are stable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StabilityWatch {
    rule: StabilityRule,
    classes: u32,
    last: Option<Vec<u32>>,
    /// Of each comparison; `None` where both predicted one class.
    kappas: Vec<Option<f64>>,
}

impl StabilityWatch {
    /// Starts with no models.
    ///
    /// # Errors
    ///
    /// A window of 0, or a threshold that is not above 0 and at most 1.
    pub fn new(rule: StabilityRule, classes: u32) -> Result<Self, ConsensusError> {
        check("window", f64::from(rule.window), "a number from 1", rule.window > 0)?;
        check("threshold", rule.threshold, "above 0 and at most 1", rule.threshold > 0.0 && rule.threshold <= 1.0)?;
        Ok(Self { rule, classes, last: None, kappas: Vec::new() })
    }

    /// Takes the next model's predictions: a class for each item of the split, in the same order each time.
    ///
    /// # Errors
    ///
    /// An unknown class, or another number of items than before.
    pub fn record(&mut self, predictions: Vec<u32>) -> Result<Stability, ConsensusError> {
        predictions.iter().try_for_each(|&class| check_known("class", class, self.classes))?;
        if let Some(last) = &self.last {
            let (given, needed) = (predictions.len(), last.len());
            if given != needed {
                return Err(ConsensusError::Length { what: "predictions", given, needed });
            }
            self.kappas.push(cohen_kappa(last, &predictions, self.classes, Weighting::Equal)?);
        }
        self.last = Some(predictions);
        Ok(self.stability())
    }

    /// Returns what the predictions so far say.
    pub fn stability(&self) -> Stability {
        let (window, threshold) = (self.rule.window, self.rule.threshold);
        let Some(start) = self.kappas.len().checked_sub(window as usize) else {
            return Stability::TooEarly { compared: self.kappas.len() as u32, needed: window };
        };
        let Some(recent) = self.kappas[start..].iter().copied().collect::<Option<Vec<f64>>>() else {
            return Stability::OneClass;
        };
        let kappa = recent.iter().sum::<f64>() / f64::from(window);
        if kappa >= threshold { Stability::Stable { kappa, threshold } } else { Stability::Moving { kappa, threshold } }
    }
}

#[cfg(test)]
#[path = "stability_tests.rs"]
mod tests;
