//! Who is right when annotators disagree: expectation maximisation after Dawid and Skene (1979).
//!
//! Every item has one true class, drawn from a prior; every annotator has a confusion matrix and answers each item
//! independently of the others. Starting from the shares of votes, the classes' probabilities and the matrices are
//! estimated in turn until they no longer move. An iteration costs answers × classes + annotators × classes².
//!
//! ```text
//!  answers ──► shares of votes ──► prior, matrices ──► probabilities of classes ─┐
//!                                        ▲                                       │ until no probability moves by
//!                                        └───────────────────────────────────────┘ more than the tolerance
//! ```
//!
//! # Few answers
//!
//! A matrix has `C (C − 1)` numbers, which few answers cannot tell. The one-coin model has one per annotator: the share
//! of right answers, whatever the class. [`Model::Auto`], the default, lets the data choose, by the Bayesian information
//! criterion (Schwarz 1978): the logarithm of the answers' probability, less `½ k ln n` for each annotator who is
//! described by `k` numbers and gave `n` answers. Four fits compete: a coin for everybody, a matrix for everybody, and
//! from each of these two a mixed one, in which those have a matrix whose own answers pay for it. So few answers keep the
//! coin, unless people err in one direction only, and plainly.
//!
//! # Smoothing
//!
//! [`Smoothing`] adds answers that nobody gave to what is counted. The estimates are then the most probable ones under
//! a Dirichlet prior, no probability becomes 0, and an annotator with a handful of answers is not taken to be perfect.
//!
//! # What it cannot know
//!
//! Two annotators who disagree give no hint of who is right. With fewer than three answers to most items the accuracies
//! rest on the smoothing, and on items with a known class if there are some.

mod choose;
mod confusion;
mod em;
mod online;

use serde::{Deserialize, Serialize};

use crate::answers::{Answers, Gold};
use crate::error::{ConsensusError, check, check_amount};

pub use confusion::{Confusion, posterior};
pub use online::Online;

use em::Em;

/// What describes an annotator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// One coin, or a whole matrix for those whose answers call for it.
    #[default]
    Auto,
    /// A confusion matrix for everybody (Dawid and Skene 1979).
    Full,
    /// The share of right answers for everybody (Zhang et al. 2016).
    OneCoin,
}

/// What describes one annotator, once it is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A whole confusion matrix.
    Full,
    /// The share of right answers.
    OneCoin,
}

/// Answers that are counted though nobody gave them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smoothing {
    /// Items of each class, for the prior.
    pub class: f64,
    /// Right answers: of each annotator with one coin, to each class with a matrix.
    pub agree: f64,
    /// Wrong answers likewise; a matrix spreads them evenly over the wrong classes.
    pub differ: f64,
}

impl Smoothing {
    /// Adds nothing. Estimates are the most likely ones, and annotators with few answers look better than they are.
    pub const NONE: Self = Self { class: 0.0, agree: 0.0, differ: 0.0 };
}

impl Default for Smoothing {
    fn default() -> Self {
        Self { class: 1.0, agree: 2.0, differ: 1.0 }
    }
}

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DawidSkene {
    /// What describes an annotator.
    pub model: Model,
    /// Answers that nobody gave.
    pub smoothing: Smoothing,
    /// It ends when no probability of a class has moved by more than this.
    pub tolerance: f64,
    /// Or after so many iterations.
    pub max_iterations: u32,
}

impl Default for DawidSkene {
    fn default() -> Self {
        Self { model: Model::default(), smoothing: Smoothing::default(), tolerance: 1e-6, max_iterations: 200 }
    }
}

/// What was estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// The probability of each class before any answer.
    pub prior: Vec<f64>,
    /// Each annotator's matrix; for who has given no answer, that of [`Fit::newcomer`].
    pub confusions: Vec<Confusion>,
    /// What describes each annotator.
    pub kinds: Vec<Kind>,
    /// What to expect of somebody unknown: one coin, estimated from all answers.
    pub newcomer: Confusion,
    /// The probability of each class, items one after the other; the prior where nobody has answered.
    pub posteriors: Vec<f64>,
    /// Iterations made; of the automatic model's fits, by the one that was chosen.
    pub iterations: u32,
    /// Whether the tolerance was reached.
    pub is_converged: bool,
    /// Logarithm of the answers' probability and, with smoothing, of the Dirichlet density; no iteration lowers it.
    pub log_posterior: f64,
}

impl Fit {
    /// Returns the probability of each class of an item.
    pub fn posterior(&self, item: u32) -> &[f64] {
        let classes = self.prior.len();
        &self.posteriors[item as usize * classes..][..classes]
    }
}

impl DawidSkene {
    /// Estimates classes, prior and matrices. Items in `gold` keep the class they are known to have.
    ///
    /// The same answers give the same result, bit for bit, in whatever order they were listed.
    ///
    /// # Errors
    ///
    /// Settings out of range, or an item or class in `gold` that is unknown.
    pub fn fit(&self, answers: &Answers, gold: &[Gold]) -> Result<Fit, ConsensusError> {
        self.check()?;
        let known = answers.lay_out(gold)?;
        let start = |kind| Em::new(answers, &known, self.smoothing, vec![kind; answers.annotators() as usize]);
        let em = match self.model {
            Model::OneCoin => self.run(start(Kind::OneCoin)),
            Model::Full => self.run(start(Kind::Full)),
            Model::Auto => {
                let coins = self.with_chosen(self.run(start(Kind::OneCoin)));
                coins.or(self.with_chosen(self.run(start(Kind::Full))))
            }
        };
        Ok(em.into_fit())
    }

    fn run<'a>(&self, mut em: Em<'a>) -> Em<'a> {
        em.run(self.tolerance, self.max_iterations);
        em
    }

    /// The fit itself, or with what each annotator deserves by it if that is better.
    fn with_chosen<'a>(&self, em: Em<'a>) -> Em<'a> {
        match em.chosen() {
            Some(mixed) => em.or(self.run(mixed)),
            None => em,
        }
    }

    fn check(&self) -> Result<(), ConsensusError> {
        check_amount("smoothing.class", self.smoothing.class)?;
        check_amount("smoothing.agree", self.smoothing.agree)?;
        check_amount("smoothing.differ", self.smoothing.differ)?;
        check_amount("tolerance", self.tolerance)?;
        let iterations = self.max_iterations;
        check("max_iterations", f64::from(iterations), "a number from 1", iterations > 0)
    }
}

#[cfg(test)]
mod tests;
