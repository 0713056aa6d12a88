//! How a batch of samples is chosen, as plain data that is kept beside the choice.

use serde::{Deserialize, Serialize};

use super::{AcquisitionError, Metric, Mixture};

/// What is chosen, of which share by what, under which constraints.
///
/// A plan with its seed, and the same candidates in any order, give the same batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// The acquisition function, or several with shares.
    pub acquisition: Mixture,
    /// Rows to choose, at most; the control slice is among them.
    pub count: usize,
    /// Decides ties, the control slice and all chance.
    pub seed: u64,
    /// The number of batches that were chosen with this seed before. A control slice of less than one row a batch adds up
    /// over rounds.
    pub round: u32,
    /// The share of rows that are drawn uniformly from all that are not labelled, before anything else is chosen.
    pub control: f64,
    /// How rows with high scores are thinned. Functions that rate sets of rows need no thinning and have none.
    pub diversity: Diversity,
    /// How many times the wanted rows are left to choose from by diversity, by score; at least 1.
    pub prefilter: f64,
    /// What diversity and the geometric functions take for a row's place.
    pub space: Place,
    /// How distances between embeddings are measured.
    pub metric: Metric,
    /// Whether diversity also keeps away from labelled rows, where their embeddings are known.
    pub away_from_labelled: bool,
    /// The distance at or below which an embedding is a duplicate of another.
    pub near_duplicates: Option<f64>,
    /// Whether each predicted class is asked equally often, as far as it has rows.
    pub class_balanced: bool,
    /// What all chosen rows may cost together.
    pub budget: Option<f64>,
    /// The power of the density of other candidates around a row, by which its score is multiplied; 0 leaves it alone.
    pub density: f64,
    /// The power of the score in [`super::Acquisition::PowerBald`].
    pub beta: f64,
    /// The radius of the balls of [`super::Acquisition::ProbCover`]; estimated where it is not given.
    pub radius: Option<f64>,
}

/// How rows with high scores are thinned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diversity {
    /// Not at all: the highest scores are chosen.
    None,
    /// The one with the highest score, then always the one farthest from all that are chosen.
    #[default]
    KCenter,
    /// The one with the highest score, then one drawn by its squared distance from those that are chosen.
    KMeansPp,
}

/// What is taken for a row's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The embedding where there is one, else the class probabilities.
    #[default]
    Auto,
    /// The embedding.
    Embedding,
    /// The class probabilities.
    Probabilities,
    /// The gradient that the likeliest label gives a linear head: rows that are unsure about the same classes in the same
    /// way are near.
    Gradient,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            acquisition: Mixture::default(),
            count: 10,
            seed: 0,
            round: 0,
            control: 0.1,
            diversity: Diversity::default(),
            prefilter: 3.0,
            space: Place::default(),
            metric: Metric::default(),
            away_from_labelled: false,
            near_duplicates: None,
            class_balanced: false,
            budget: None,
            density: 0.0,
            beta: 1.0,
            radius: None,
        }
    }
}

/// Why a batch cannot be chosen.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SelectError {
    /// A number of the plan that cannot be.
    #[error("`{key}` is {value}; write {wanted}")]
    Plan {
        /// The field of the plan.
        key: &'static str,
        /// What it has.
        value: f64,
        /// What it may have.
        wanted: &'static str,
    },
    /// A field of the plan for which the candidates lack something.
    #[error("`{key}` needs {what}; {way_out}")]
    Lacking {
        /// The field of the plan, or an acquisition function.
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
    /// Predictions or embeddings that cannot be scored.
    #[error(transparent)]
    Score(#[from] AcquisitionError),
}

impl Plan {
    /// The rows of this round's batch that are drawn uniformly.
    ///
    /// What is whole of `count × control`, with the parts that earlier rounds left over; at least one in a batch of ten or
    /// more, so that what active learning saves can always be measured.
    #[must_use]
    pub fn control_count(&self) -> usize {
        let due = |rounds: f64| (rounds * self.count as f64 * self.control + 1e-9).floor();
        let count = (due(f64::from(self.round) + 1.0) - due(f64::from(self.round))) as usize;
        let least = usize::from(self.control > 0.0 && self.count >= 10);
        count.max(least).min(self.count)
    }

    /// Looks at every number of the plan.
    ///
    /// # Errors
    /// [`SelectError::Plan`] for the first that cannot be.
    pub fn check(&self) -> Result<(), SelectError> {
        let any = [
            ("control", Some(self.control), (0.0..=1.0).contains(&self.control), "a share from 0 to 1"),
            ("prefilter", Some(self.prefilter), self.prefilter >= 1.0 && self.prefilter.is_finite(), "a factor of 1 or more"),
            ("density", Some(self.density), self.density >= 0.0 && self.density.is_finite(), "a power of 0 or more"),
            ("beta", Some(self.beta), self.beta >= 0.0 && self.beta.is_finite(), "a power of 0 or more"),
            ("near_duplicates", self.near_duplicates, is_at_least_zero(self.near_duplicates), "a distance of 0 or more"),
            ("budget", self.budget, is_at_least_zero(self.budget), "a cost of 0 or more"),
            ("radius", self.radius, is_at_least_zero(self.radius), "a distance of 0 or more"),
        ];
        match any.into_iter().find(|(_, _, holds, _)| !holds) {
            Some((key, value, _, wanted)) => Err(SelectError::Plan { key, value: value.unwrap_or(f64::NAN), wanted }),
            None => Ok(()),
        }
    }
}

fn is_at_least_zero(value: Option<f64>) -> bool {
    value.is_none_or(|value| value >= 0.0 && value.is_finite())
}
