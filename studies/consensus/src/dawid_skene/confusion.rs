//! What an annotator answers to items of each class, and what that makes of their answers.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_classes, check_length};

use super::check_rates;

/// No rate is taken to be smaller: one answer never rules a class out for good.
pub const FLOOR: f64 = 1e-10;

/// Rates of a row may miss 1 by this much in all.
const SLACK: f64 = 1e-6;

/// Checks that numbers are shares of one whole.
pub(super) fn check_shares(what: &'static str, shares: &[f64]) -> Result<(), ConsensusError> {
    shares.iter().try_for_each(|&share| check(what, share, "a number from 0", share >= 0.0))?;
    let sum: f64 = shares.iter().sum();
    check(what, sum, "rows that sum to 1", (sum - 1.0).abs() <= SLACK)
}

/// Checks that a number is a share.
pub(super) fn check_share(what: &'static str, share: f64) -> Result<(), ConsensusError> {
    check(what, share, "a number from 0 to 1", (0.0..=1.0).contains(&share))
}

/// An annotator's confusion matrix: how often each class is answered to items of each class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Rates")]
pub struct Confusion {
    classes: u32,
    /// By true class, then by answer.
    rates: Vec<f64>,
}

/// A matrix that was read, before it is checked.
#[derive(Deserialize)]
struct Rates {
    classes: u32,
    rates: Vec<f64>,
}

impl TryFrom<Rates> for Confusion {
    type Error = ConsensusError;

    fn try_from(Rates { classes, rates }: Rates) -> Result<Self, ConsensusError> {
        Self::new(classes, rates)
    }
}

impl Confusion {
    /// Takes the rates of answers, one row of `classes` numbers for each true class; each row sums to 1.
    ///
    /// # Errors
    ///
    /// Fewer than 2 classes, another number of rates than `classes²`, a negative rate, or a row that does not sum to 1.
    pub fn new(classes: u32, rates: Vec<f64>) -> Result<Self, ConsensusError> {
        check_classes(classes)?;
        check_length("rates", rates.len(), (classes as usize).pow(2))?;
        rates.chunks_exact(classes as usize).try_for_each(|row| check_shares("rates", row))?;
        Ok(Self { classes, rates })
    }

    /// Takes the share of right answers; the wrong ones are spread evenly (the one-coin model).
    ///
    /// # Errors
    ///
    /// Fewer than 2 classes, more than memory should hold the rates of, or an accuracy outside `[0, 1]`.
    pub fn one_coin(classes: u32, accuracy: f64) -> Result<Self, ConsensusError> {
        check_classes(classes)?;
        check_rates(1, classes)?;
        check_share("accuracy", accuracy)?;
        let wrong = (1.0 - accuracy) / f64::from(classes - 1);
        let cells = (0..classes).flat_map(|truth| (0..classes).map(move |answer| truth == answer));
        let rates = cells.map(|is_right| if is_right { accuracy } else { wrong }).collect();
        Ok(Self { classes, rates })
    }

    /// Takes rates that sum to 1 as they were computed.
    pub(super) fn from_rates(classes: u32, rates: Vec<f64>) -> Self {
        Self { classes, rates }
    }

    /// Returns how many classes there are.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// Returns the rates, one row for each true class.
    pub fn rates(&self) -> &[f64] {
        &self.rates
    }

    /// Returns how often `answer` is given to items of class `truth`.
    ///
    /// # Panics
    ///
    /// A class is not below [`Confusion::classes`].
    pub fn rate(&self, truth: u32, answer: u32) -> f64 {
        for class in [truth, answer] {
            assert!(class < self.classes, "class `{class}` is unknown: there are `{}`, counted from 0", self.classes);
        }
        self.rates[truth as usize * self.classes as usize + answer as usize]
    }

    /// Returns the share of right answers where classes are as frequent as `prior` says; not a number where it says 0
    /// of all.
    ///
    /// # Panics
    ///
    /// The prior is not one number for each class.
    pub fn accuracy(&self, prior: &[f64]) -> f64 {
        assert_eq!(prior.len(), self.classes as usize, "a prior has one number for each class");
        let (mut right, mut total) = (0.0, 0.0);
        for (truth, &frequency) in (0..self.classes).zip(prior) {
            right += frequency * self.rate(truth, truth);
            total += frequency;
        }
        right / total
    }

    /// Returns how much the answers tell: 0 for answers that do not depend on the item, 1 for a perfect annotator, or one
    /// who is always wrong in the same way.
    ///
    /// The spammer score of Raykar and Yu (2012): the mean squared distance between the rows of the matrix.
    pub fn spammer_score(&self) -> f64 {
        let classes = self.classes as usize;
        let rows: Vec<&[f64]> = self.rates.chunks_exact(classes).collect();
        let mut sum = 0.0;
        for (at, first) in rows.iter().enumerate() {
            for second in &rows[at + 1..] {
                sum += first.iter().zip(*second).map(|(a, b)| (a - b).powi(2)).sum::<f64>();
            }
        }
        sum / (classes * (classes - 1)) as f64
    }
}

/// Turns logarithms of weights into probabilities, and returns the logarithm of the weights' sum.
pub(super) fn normalise(logs: &mut [f64]) -> f64 {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for log in logs.iter_mut() {
        *log = (*log - most).exp();
        sum += *log;
    }
    logs.iter_mut().for_each(|weight| *weight /= sum);
    most + sum.ln()
}
