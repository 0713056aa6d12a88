//! Why rows cannot be scored or chosen, and the way out.

use super::{Acquisition, Kind};

/// A name that no acquisition function has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no acquisition function `{name}`; {hint}")]
pub struct UnknownAcquisition {
    /// What was given, cut to a length that a message can show.
    pub(super) name: String,
    /// The nearest name, or all of them.
    pub(super) hint: String,
}

/// Why rows cannot be scored or chosen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum AcquisitionError {
    /// One model's predictions for a function that compares models.
    #[error("`{0}` compares the predictions of at least two models, and there is one; use `margin`, or add members")]
    NeedsCommittee(Acquisition),
    /// Predictions of another kind than the function reads.
    #[error("`{acquisition}` reads {wanted}, and the predictions are {found}; use `{instead}`")]
    Unfit {
        /// The function.
        acquisition: Acquisition,
        /// What it reads.
        wanted: &'static str,
        /// What there is.
        found: Kind,
        /// A function that reads what there is.
        instead: Acquisition,
    },
    /// Predictions without embeddings for a function that reads them.
    #[error("`{0}` needs an embedding of each sample; write them beside the predictions, or use `margin`")]
    NeedsEmbeddings(Acquisition),
    /// A function of two sets without the second one.
    #[error("`{0}` needs predictions for the target samples, those that the model is meant for; give them, or use `bald`")]
    NeedsTargets(Acquisition),
    /// A function that rates sets of rows and not each row by itself.
    #[error("`{0}` rates sets of samples, not each by itself; choose with a plan, or score with `{1}`")]
    NotRowWise(Acquisition, Acquisition),
    /// A slice that does not have as many numbers as the others ask for.
    #[error("{what} has {found} numbers, not {expected}")]
    Length {
        /// Which slice.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that the others ask for.
        expected: usize,
    },
    /// No members, or rows without a number.
    #[error("there are no {0} to score")]
    Empty(&'static str),
    /// A number that cannot be what it is taken for.
    #[error("{what} of row {row} is `{value}`; {hint}")]
    Number {
        /// Which number.
        what: &'static str,
        /// The row, from 0.
        row: usize,
        /// The number.
        value: f64,
        /// What it has to be.
        hint: &'static str,
    },
}

/// Why a batch cannot be chosen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SelectError {
    /// A number of the plan that cannot be.
    #[error("`{key}` is `{value}`; write {wanted}")]
    Plan {
        /// The setting.
        key: &'static str,
        /// What it has.
        value: f64,
        /// What it may have.
        wanted: &'static str,
    },
    /// A setting of the plan for which the candidates lack something.
    #[error("`{key}` needs {what}; {way_out}")]
    Lacking {
        /// The setting, or an acquisition function.
        key: String,
        /// What is lacking.
        what: &'static str,
        /// What to do.
        way_out: &'static str,
    },
    /// Two candidates with one id.
    #[error("the id `{id}` is that of rows {first} and {second}; give each sample one row")]
    DoubleId {
        /// The id.
        id: String,
        /// Its first row.
        first: usize,
        /// Its second row.
        second: usize,
    },
    /// A cost or a score that a plan cannot use.
    #[error("the {what} of `{id}` is `{value}`; {way_out}")]
    Unusable {
        /// Which number.
        what: &'static str,
        /// Whose.
        id: String,
        /// The number.
        value: f64,
        /// What to do.
        way_out: &'static str,
    },
    /// Predictions or embeddings that cannot be scored.
    #[error(transparent)]
    Score(#[from] AcquisitionError),
}
