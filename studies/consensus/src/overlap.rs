//! How many answers an item needs: enough, one more, or too many without agreement.
//!
//! ```text
//!                    k < min ──────────────────────────────► AskMore
//!  k answers ──┤     one class has the threshold ──────────► Resolve(class)
//!                    k < max, and it can still get there ──► AskMore
//!                    else ─────────────────────────────────► Conflict
//! ```
//!
//! With votes, an item that no further answer could bring to the threshold is a conflict at once. A probability may
//! turn with any answer, so there the rule asks on until `max`.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check};
use crate::vote::Standing;

/// What to do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<T = u32> {
    /// The answers agree enough: on this class.
    Resolve(T),
    /// Another annotator should answer.
    AskMore,
    /// As many have answered as may, or could change anything, and they do not agree enough.
    Conflict,
}

/// When an item has been answered often enough.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Overlap {
    /// At least so many answers.
    pub min: u32,
    /// At most so many answers.
    pub max: u32,
    /// The share of votes, or the probability, that decides; reaching it is enough.
    pub threshold: f64,
}

impl Overlap {
    /// Checks the limits.
    ///
    /// # Errors
    ///
    /// `min` below 1, `max` below `min`, or a threshold that is not above 0 and at most 1.
    pub fn new(min: u32, max: u32, threshold: f64) -> Result<Self, ConsensusError> {
        check("min", f64::from(min), "a number from 1", min >= 1)?;
        check("max", f64::from(max), "`min` at least", max >= min)?;
        check("threshold", threshold, "above 0 and at most 1", threshold > 0.0 && threshold <= 1.0)?;
        Ok(Self { min, max, threshold })
    }

    /// Decides by votes: the number of answers per class.
    ///
    /// A class is chosen if it alone has most votes, and their share reaches the threshold.
    pub fn next_by_votes(&self, counts: &[u32]) -> Step {
        let answers: u32 = counts.iter().sum();
        if answers < self.min {
            return Step::AskMore;
        }
        let votes: Vec<f64> = counts.iter().copied().map(f64::from).collect();
        if let Standing::Won { class, share } = Standing::of(&votes)
            && share >= self.threshold
        {
            return Step::Resolve(class);
        }
        let open = self.max.saturating_sub(answers);
        let most = counts.iter().max().copied().unwrap_or(0);
        // If all who may still answer say the same.
        let best = f64::from(most + open) / f64::from(answers + open);
        if open > 0 && best >= self.threshold { Step::AskMore } else { Step::Conflict }
    }

    /// Decides by the probability of each class, as of Dawid and Skene, after so many answers.
    ///
    /// A class is chosen if it alone is most probable, and its probability reaches the threshold.
    pub fn next_by_posterior(&self, posterior: &[f64], answers: u32) -> Step {
        if answers < self.min {
            return Step::AskMore;
        }
        match Standing::of(posterior).winner() {
            Some(class) if posterior[class as usize] >= self.threshold => Step::Resolve(class),
            _ if answers < self.max => Step::AskMore,
            _ => Step::Conflict,
        }
    }

    /// Decides by how far answers of another kind agree, from 0 to 1: numbers, boxes, spans.
    pub fn next_by_agreement(&self, agreement: f64, answers: u32) -> Step<()> {
        if answers < self.min {
            return Step::AskMore;
        }
        match agreement >= self.threshold {
            true => Step::Resolve(()),
            false if answers < self.max => Step::AskMore,
            false => Step::Conflict,
        }
    }
}

#[cfg(test)]
#[path = "overlap_tests.rs"]
mod tests;
