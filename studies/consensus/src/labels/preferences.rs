//! Preferences between two things, and how strong each thing is by all of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_amount, check_known};
use crate::vote::{Standing, Tally};

/// Which of two things an annotator prefers. As a class for votes and estimates it is 0, 1 or 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// The first one.
    First = 0,
    /// The second one.
    Second = 1,
    /// Neither.
    Tie = 2,
}

/// Returns how the votes on one pair stand; classes as [`Preference`] numbers them.
pub fn vote(preferences: &[Preference]) -> Standing {
    let mut tally = Tally::new(3);
    preferences.iter().for_each(|&preference| tally.add(preference as u32).expect("one of three"));
    tally.standing()
}

/// What an annotator said of two things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// One thing, from 0.
    pub first: u32,
    /// Another one.
    pub second: u32,
    /// Which is preferred.
    pub preference: Preference,
}

/// How to estimate strengths: the chance that one of two is preferred is its share of their strengths (Bradley and
/// Terry 1952).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BradleyTerry {
    /// Comparisons that nobody made: so many won and so many lost against a thing of average strength. With 0, things
    /// that have only won or only lost, or that no chain of comparisons joins, have no estimate to come to rest at.
    pub smoothing: f64,
    /// It ends when no strength has moved by more than this.
    pub tolerance: f64,
    /// Or after so many iterations.
    pub max_iterations: u32,
}

impl Default for BradleyTerry {
    fn default() -> Self {
        Self { smoothing: 0.5, tolerance: 1e-9, max_iterations: 10_000 }
    }
}

/// What was estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strengths {
    /// How strong each thing is; they sum to 1.
    pub strengths: Vec<f64>,
    /// Iterations made.
    pub iterations: u32,
    /// Whether the tolerance was reached.
    pub is_converged: bool,
}

impl BradleyTerry {
    /// Estimates strengths by minorisation and maximisation (Hunter 2004); a tie is half a win for both.
    ///
    /// An iteration costs the different pairs that were compared.
    ///
    /// # Errors
    ///
    /// An unknown thing, one compared with itself, or settings out of range.
    pub fn fit(&self, things: u32, comparisons: &[Comparison]) -> Result<Strengths, ConsensusError> {
        check_amount("smoothing", self.smoothing)?;
        check_amount("tolerance", self.tolerance)?;
        let (wins, games) = count(things, comparisons)?;
        // The average thing has strength 1 until the end.
        let mut strengths = vec![1.0; things as usize];
        let (mut iterations, mut is_converged) = (0, false);
        while iterations < self.max_iterations && !is_converged {
            let mut divisors: Vec<f64> = strengths.iter().map(|strength| 2.0 * self.smoothing / (strength + 1.0)).collect();
            for (&(first, second), &games) in &games {
                let share = games / (strengths[first] + strengths[second]);
                divisors[first] += share;
                divisors[second] += share;
            }
            is_converged = self.renew(&mut strengths, &wins, &divisors) <= self.tolerance;
            iterations += 1;
        }
        let total: f64 = strengths.iter().sum();
        strengths.iter_mut().for_each(|strength| *strength /= total);
        Ok(Strengths { strengths, iterations, is_converged })
    }

    /// Takes new strengths; returns by how much the one that moved most has moved, as a share of all.
    fn renew(&self, strengths: &mut [f64], wins: &[f64], divisors: &[f64]) -> f64 {
        let (mut moved, mut total): (f64, f64) = (0.0, 0.0);
        for ((strength, wins), &divisor) in strengths.iter_mut().zip(wins).zip(divisors) {
            let new = if divisor > 0.0 { (wins + self.smoothing) / divisor } else { *strength };
            moved = moved.max((new - *strength).abs());
            total += new;
            *strength = new;
        }
        moved / total
    }
}

/// Wins of each thing, and comparisons of each pair, smaller number first.
type Counts = (Vec<f64>, BTreeMap<(usize, usize), f64>);

fn count(things: u32, comparisons: &[Comparison]) -> Result<Counts, ConsensusError> {
    let (mut wins, mut games) = (vec![0.0; things as usize], BTreeMap::new());
    for &Comparison { first, second, preference } in comparisons {
        check_known("thing", first, things)?;
        check_known("thing", second, things)?;
        check("second", f64::from(second), "another thing than `first`", first != second)?;
        let (first, second) = (first as usize, second as usize);
        *games.entry((first.min(second), first.max(second))).or_insert(0.0) += 1.0;
        match preference {
            Preference::First => wins[first] += 1.0,
            Preference::Second => wins[second] += 1.0,
            Preference::Tie => {
                wins[first] += 0.5;
                wins[second] += 0.5;
            }
        }
    }
    Ok((wins, games))
}

#[cfg(test)]
#[path = "preferences_tests.rs"]
mod tests;
