//! Votes: who has most of them, and whether that is decided.

use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::error::{ConsensusError, check_amount, check_known};

/// Weighted sums that differ by no more than this share of all votes are tied.
const ROUNDING: f64 = 1e-12;

/// How the votes on one item stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Standing {
    /// Nobody has voted, or only with weight 0.
    Empty,
    /// One class has more votes than any other one.
    Won {
        /// The class.
        class: u32,
        /// Its share of the votes, in `(0, 1]`.
        share: f64,
    },
    /// Several classes have most votes.
    Tied {
        /// The classes, ascending.
        classes: Vec<u32>,
        /// The share of the votes that each of them has.
        share: f64,
    },
}

impl Standing {
    /// Returns how votes stand: one number per class, counts or sums of weights.
    pub fn of(votes: &[f64]) -> Self {
        let total: f64 = votes.iter().sum();
        if total.is_nan() || total <= 0.0 {
            return Self::Empty;
        }
        let most = votes.iter().copied().fold(0.0, f64::max);
        let leads = |&class: &u32| most - votes[class as usize] <= ROUNDING * total;
        let leaders: Vec<u32> = (0..votes.len() as u32).filter(leads).collect();
        let share = most / total;
        match leaders[..] {
            [class] => Self::Won { class, share },
            _ => Self::Tied { classes: leaders, share },
        }
    }

    /// Returns the class that has won, if one has.
    pub fn winner(&self) -> Option<u32> {
        match self {
            Self::Won { class, .. } => Some(*class),
            Self::Empty | Self::Tied { .. } => None,
        }
    }
}

/// The votes on one item, counted as they come and go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    counts: Vec<u32>,
}

impl Tally {
    /// Starts with no votes.
    pub fn new(classes: u32) -> Self {
        Self { counts: vec![0; classes as usize] }
    }

    /// Counts a vote.
    ///
    /// # Errors
    ///
    /// The class is unknown.
    pub fn add(&mut self, class: u32) -> Result<(), ConsensusError> {
        check_known("class", class, self.counts.len() as u32)?;
        self.counts[class as usize] += 1;
        Ok(())
    }

    /// Takes back a vote; returns false where the class has none.
    pub fn remove(&mut self, class: u32) -> bool {
        let Some(count) = self.counts.get_mut(class as usize).filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }

    /// Returns the votes per class.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// Returns how many votes there are.
    pub fn answers(&self) -> u32 {
        self.counts.iter().sum()
    }

    /// Returns how the votes stand.
    pub fn standing(&self) -> Standing {
        let votes: Vec<f64> = self.counts.iter().copied().map(f64::from).collect();
        Standing::of(&votes)
    }
}

/// Returns how the votes on each item stand.
pub fn majority(answers: &Answers) -> Vec<Standing> {
    tallies(answers, |_| 1.0).map(|votes| Standing::of(&votes)).collect()
}

/// Returns how the votes on each item stand, each counted with its annotator's weight.
///
/// # Errors
///
/// Not one weight per annotator, or one that is negative or not finite.
pub fn weighted_majority(answers: &Answers, weights: &[f64]) -> Result<Vec<Standing>, ConsensusError> {
    check_weights(answers, weights)?;
    Ok(tallies(answers, |annotator| weights[annotator as usize]).map(|votes| Standing::of(&votes)).collect())
}

/// Returns each item's share of votes per class, items one after the other; uniform where nobody has voted.
pub fn shares(answers: &Answers) -> Vec<f64> {
    tallies(answers, |_| 1.0).flat_map(into_shares).collect()
}

/// Returns each item's share of weighted votes per class, as [`shares`] does.
///
/// # Errors
///
/// As [`weighted_majority`].
pub fn weighted_shares(answers: &Answers, weights: &[f64]) -> Result<Vec<f64>, ConsensusError> {
    check_weights(answers, weights)?;
    Ok(tallies(answers, |annotator| weights[annotator as usize]).flat_map(into_shares).collect())
}

fn check_weights(answers: &Answers, weights: &[f64]) -> Result<(), ConsensusError> {
    let (given, needed) = (weights.len(), answers.annotators() as usize);
    if given != needed {
        return Err(ConsensusError::Length { what: "weights", given, needed });
    }
    weights.iter().try_for_each(|&weight| check_amount("weights", weight))
}

/// The votes per class on each item.
fn tallies(answers: &Answers, weight: impl Fn(u32) -> f64) -> impl Iterator<Item = Vec<f64>> {
    answers.by_item().map(move |item| {
        let mut votes = vec![0.0; answers.classes() as usize];
        item.iter().for_each(|answer| votes[answer.class as usize] += weight(answer.annotator));
        votes
    })
}

fn into_shares(mut votes: Vec<f64>) -> Vec<f64> {
    let (total, uniform) = (votes.iter().sum::<f64>(), 1.0 / votes.len() as f64);
    votes.iter_mut().for_each(|vote| *vote = if total > 0.0 { *vote / total } else { uniform });
    votes
}

#[cfg(test)]
#[path = "vote_tests.rs"]
mod tests;
