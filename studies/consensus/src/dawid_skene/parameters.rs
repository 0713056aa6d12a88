//! What a fit has found out, as plain numbers: enough to judge one item by its answers without fitting again.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check_classes, check_known, check_length};

use super::confusion::{FLOOR, check_share, check_shares};
use super::{Fit, Kind};

/// What describes an annotator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skill {
    /// The share of right answers; the wrong ones are spread evenly.
    OneCoin(f64),
    /// The rates of a confusion matrix, one row of answers for each true class.
    Full(Vec<f64>),
}

impl Skill {
    fn check(&self, classes: usize) -> Result<(), ConsensusError> {
        match self {
            Self::OneCoin(accuracy) => check_share("accuracy", *accuracy),
            Self::Full(rates) => {
                check_length("rates", rates.len(), classes.pow(2))?;
                rates.chunks_exact(classes).try_for_each(|row| check_shares("rates", row))
            }
        }
    }

    /// Adds the logarithm of how often a class is answered to items of each class, up to a constant.
    fn weigh(&self, answer: usize, logs: &mut [f64]) {
        let classes = logs.len();
        match self {
            Self::OneCoin(accuracy) => {
                let wrong = (1.0 - accuracy) / (classes - 1) as f64;
                logs[answer] += log(*accuracy) - log(wrong);
            }
            Self::Full(rates) => {
                let of_answer = rates[answer..].iter().step_by(classes);
                logs.iter_mut().zip(of_answer).for_each(|(sum, &rate)| *sum += log(rate));
            }
        }
    }
}

/// How frequent classes are and how good annotators are, fixed: from the last fit, or read back.
///
/// Its serialised form is numbers alone, `{"prior": [0.5, 0.5], "annotators": [{"one_coin": 0.9}], "newcomer":
/// {"one_coin": 0.8}}`, one for each annotator with one coin and classes² for one with a matrix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Parameters {
    prior: Vec<f64>,
    annotators: Vec<Skill>,
    newcomer: Skill,
}

impl Parameters {
    /// Takes the probability of each class, what describes each annotator, and what describes anybody else.
    ///
    /// # Errors
    ///
    /// Fewer than 2 classes, an accuracy outside `[0, 1]`, another number of rates than `classes²`, or a prior or row of
    /// rates that is negative somewhere or does not sum to 1.
    pub fn new(prior: Vec<f64>, annotators: Vec<Skill>, newcomer: Skill) -> Result<Self, ConsensusError> {
        let parameters = Self { prior, annotators, newcomer };
        parameters.check()?;
        Ok(parameters)
    }

    fn check(&self) -> Result<(), ConsensusError> {
        check_classes(u32::try_from(self.prior.len()).unwrap_or(u32::MAX))?;
        check_shares("prior", &self.prior)?;
        self.annotators.iter().chain([&self.newcomer]).try_for_each(|skill| skill.check(self.prior.len()))
    }

    /// Returns how many classes there are.
    pub fn classes(&self) -> u32 {
        self.prior.len() as u32
    }

    /// Returns the probability of each class before any answer.
    pub fn prior(&self) -> &[f64] {
        &self.prior
    }

    /// Returns what describes an annotator; the newcomer for one who was not among those fitted.
    pub fn skill(&self, annotator: u32) -> &Skill {
        self.annotators.get(annotator as usize).unwrap_or(&self.newcomer)
    }

    /// Returns the probability of each class of one item, given its answers as `(annotator, class)`: `p(j) ∝ π_j Π_w
    /// θ^w_{j,answer}` (Dawid and Skene 1979).
    ///
    /// Costs answers × classes at most and looks at nothing but the item, so it can follow every answer: with
    /// [`Overlap::next_by_posterior`](crate::overlap::Overlap::next_by_posterior) it decides whether another annotator
    /// is asked. Neither prior nor annotators learn from the answers. No probability or rate counts as less than 10⁻¹⁰,
    /// so one answer rules nothing out. The order of the answers changes nothing, and the result is the same bit for bit
    /// on every machine: logarithms are computed in software, sums run by annotator.
    ///
    /// # Errors
    ///
    /// A class that is unknown, or two answers of one annotator.
    pub fn posterior(&self, answers: &[(u32, u32)]) -> Result<Vec<f64>, ConsensusError> {
        let mut answers = answers.to_vec();
        answers.sort_unstable();
        if let Some(pair) = answers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ConsensusError::TwiceHere { annotator: pair[0].0 });
        }
        let mut weights: Vec<f64> = self.prior.iter().map(|&probability| log(probability)).collect();
        for (annotator, class) in answers {
            check_known("class", class, self.classes())?;
            self.skill(annotator).weigh(class as usize, &mut weights);
        }
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        weights.iter_mut().for_each(|weight| *weight = libm::exp(*weight - most));
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= sum);
        Ok(weights)
    }
}

checked_serde!(Parameters);

/// The logarithm of a probability that is not taken to be smaller than the floor.
fn log(probability: f64) -> f64 {
    libm::log(probability.max(FLOOR))
}

impl Fit {
    /// Returns what was found out, without the items.
    pub fn parameters(&self) -> Parameters {
        let skill = |(kind, confusion): (&Kind, &super::Confusion)| match kind {
            Kind::OneCoin => Skill::OneCoin(confusion.rate(0, 0)),
            Kind::Full => Skill::Full(confusion.rates().to_vec()),
        };
        Parameters {
            prior: self.prior.clone(),
            annotators: self.kinds.iter().zip(&self.confusions).map(skill).collect(),
            newcomer: Skill::OneCoin(self.newcomer.rate(0, 0)),
        }
    }
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
