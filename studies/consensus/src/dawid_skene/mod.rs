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
//! # One item at a time
//!
//! [`Fit::parameters`] is what a fit has found out, without its items. It gives the probabilities of one item from its
//! answers alone, so that items can be asked about until they are decided, and a new fit is only made now and then.
//!
//! # Memory
//!
//! A fit holds a matrix for every annotator, with one coin too. Annotators × classes² rates take at most [`MOST_RATES`].
//!
//! # What it cannot know
//!
//! Two annotators who disagree give no hint of who is right. With fewer than three answers to most items the accuracies
//! rest on the smoothing, and on items with a known class if there are some.

mod choose;
mod confusion;
mod em;
mod online;
mod parameters;

use serde::{Deserialize, Serialize};

use crate::answers::{Answers, Gold};
use crate::error::{ConsensusError, check, check_amount, check_classes, check_length};

pub use confusion::Confusion;
pub use online::Online;
pub use parameters::{Parameters, Skill};

use confusion::check_shares;
use em::Em;

/// The most rates of all annotators' matrices together, annotators × classes²: 128 MiB, of which a fit keeps up to eight.
/// A hundred annotators can have 409 classes, ten thousand 40.
pub const MOST_RATES: usize = 1 << 24;

/// Checks that matrices take no more memory than they may.
fn check_rates(annotators: usize, classes: u32) -> Result<(), ConsensusError> {
    let rates = (classes as usize).checked_pow(2).and_then(|rates| rates.checked_mul(annotators));
    match rates {
        Some(rates) if rates <= MOST_RATES => Ok(()),
        _ => Err(ConsensusError::TooManyRates { annotators, classes, most: MOST_RATES }),
    }
}

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
#[serde(remote = "Self")]
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

    /// Checks the numbers; every reader and user does so.
    ///
    /// # Errors
    ///
    /// A number that is negative or not finite.
    pub fn check(&self) -> Result<(), ConsensusError> {
        check_amount("smoothing.class", self.class)?;
        check_amount("smoothing.agree", self.agree)?;
        check_amount("smoothing.differ", self.differ)
    }
}

checked_serde!(Smoothing);

impl Default for Smoothing {
    fn default() -> Self {
        Self { class: 1.0, agree: 2.0, differ: 1.0 }
    }
}

/// How to fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, remote = "Self")]
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

checked_serde!(DawidSkene);

/// What was estimated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
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
    ///
    /// # Panics
    ///
    /// The item is none of those fitted.
    pub fn posterior(&self, item: u32) -> &[f64] {
        let classes = self.prior.len();
        let items = self.posteriors.len() / classes;
        assert!((item as usize) < items, "item `{item}` is unknown: there are `{items}`, counted from 0");
        &self.posteriors[item as usize * classes..][..classes]
    }

    /// Checks that it is about so many annotators and classes.
    pub(crate) fn check_for(&self, annotators: u32, classes: u32) -> Result<(), ConsensusError> {
        check_length("prior", self.prior.len(), classes as usize)?;
        check_length("confusions", self.confusions.len(), annotators as usize)?;
        self.check()
    }

    /// What was read: everything is about the same annotators and classes.
    fn check(&self) -> Result<(), ConsensusError> {
        let classes = self.prior.len();
        check_classes(u32::try_from(classes).unwrap_or(u32::MAX))?;
        check_shares("prior", &self.prior)?;
        check_length("kinds", self.kinds.len(), self.confusions.len())?;
        for confusion in self.confusions.iter().chain([&self.newcomer]) {
            check_length("rates", confusion.rates().len(), classes.pow(2))?;
        }
        let whole = self.posteriors.len().next_multiple_of(classes);
        check_length("posteriors", self.posteriors.len(), whole)?;
        self.posteriors.chunks_exact(classes).try_for_each(|row| check_shares("posteriors", row))
    }
}

checked_serde!(Fit);

impl DawidSkene {
    /// Estimates classes, prior and matrices. Items in `gold` keep the class they are known to have.
    ///
    /// The same answers give the same result, bit for bit, in whatever order they were listed.
    ///
    /// # Errors
    ///
    /// Settings out of range, an item or class in `gold` that is unknown, two classes of one item, or more annotators ×
    /// classes² than [`MOST_RATES`].
    pub fn fit(&self, answers: &Answers, gold: &[Gold]) -> Result<Fit, ConsensusError> {
        self.check()?;
        check_rates(answers.annotators() as usize, answers.classes())?;
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

    /// Checks the settings; every reader and user does so.
    ///
    /// # Errors
    ///
    /// A smoothing or tolerance that is negative or not finite, or no iterations.
    pub fn check(&self) -> Result<(), ConsensusError> {
        self.smoothing.check()?;
        check_amount("tolerance", self.tolerance)?;
        let iterations = self.max_iterations;
        check("max_iterations", f64::from(iterations), "a number from 1", iterations > 0)
    }
}

#[cfg(test)]
mod tests;
