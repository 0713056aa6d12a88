//! What an annotator answers to items of each class, and what that makes of their answers.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_known};

/// No rate is taken to be smaller: one answer never rules a class out for good.
pub const FLOOR: f64 = 1e-10;

/// Rates of a row may miss 1 by this much in all.
const SLACK: f64 = 1e-6;

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
        if classes < 2 {
            return Err(ConsensusError::Classes(classes));
        }
        let needed = (classes as usize).pow(2);
        if rates.len() != needed {
            return Err(ConsensusError::Length { what: "rates", given: rates.len(), needed });
        }
        for row in rates.chunks_exact(classes as usize) {
            row.iter().try_for_each(|&rate| check("rates", rate, "a number from 0", rate >= 0.0))?;
            let sum: f64 = row.iter().sum();
            check("rates", sum, "rows that sum to 1", (sum - 1.0).abs() <= SLACK)?;
        }
        Ok(Self { classes, rates })
    }

    /// Takes the share of right answers; the wrong ones are spread evenly (the one-coin model).
    ///
    /// # Errors
    ///
    /// Fewer than 2 classes, or an accuracy outside `[0, 1]`.
    pub fn one_coin(classes: u32, accuracy: f64) -> Result<Self, ConsensusError> {
        if classes < 2 {
            return Err(ConsensusError::Classes(classes));
        }
        check("accuracy", accuracy, "a number from 0 to 1", (0.0..=1.0).contains(&accuracy))?;
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
    pub fn rate(&self, truth: u32, answer: u32) -> f64 {
        self.rates[truth as usize * self.classes as usize + answer as usize]
    }

    /// Returns the share of right answers where classes are as frequent as `prior` says.
    pub fn accuracy(&self, prior: &[f64]) -> f64 {
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

/// Returns the probability of each class of one item, given what is known of its annotators (Dawid and Skene 1979).
///
/// `prior` is the probability of each class; each answer is a class with the matrix of whoever gave it. Costs
/// answers × classes, so it can follow every answer.
///
/// # Errors
///
/// A prior that is not positive somewhere, a matrix with another number of classes, or an answer that is no class.
pub fn posterior<'a>(prior: &[f64], answers: impl IntoIterator<Item = (&'a Confusion, u32)>) -> Result<Vec<f64>, ConsensusError> {
    let classes = prior.len() as u32;
    if classes < 2 {
        return Err(ConsensusError::Classes(classes));
    }
    let mut logs = Vec::with_capacity(prior.len());
    for &probability in prior {
        check("prior", probability, "a number from 0 to 1", (0.0..=1.0).contains(&probability))?;
        logs.push(probability.max(FLOOR).ln());
    }
    for (confusion, answer) in answers {
        if confusion.classes != classes {
            return Err(ConsensusError::Length { what: "prior", given: prior.len(), needed: confusion.classes as usize });
        }
        check_known("class", answer, classes)?;
        for (truth, log) in (0..classes).zip(&mut logs) {
            *log += confusion.rate(truth, answer).max(FLOOR).ln();
        }
    }
    normalise(&mut logs);
    Ok(logs)
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
