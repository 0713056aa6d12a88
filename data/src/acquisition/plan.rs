//! How a batch of samples is chosen, as plain data that is kept beside the choice.

use serde::{Deserialize, Serialize};

use super::{Metric, Mixture, SelectError};

/// What is chosen, of which share by what, under which constraints; written and read as its settings.
///
/// A plan with a seed, and the same candidates in any order, give the same batch. It draws no control slice: whoever
/// measures by one draws it first, from the whole pool, and leaves its samples out of the candidates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "PlanSettings", into = "PlanSettings")]
pub struct Plan(PlanSettings);

/// The settings of a [`Plan`], before they are looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlanSettings {
    /// The acquisition function, or several with shares.
    pub method: Mixture,
    /// How rows with high scores are thinned. Functions that rate sets of rows, and those with chance in them, are not.
    pub diversity: Diversity,
    /// How many candidates diversity chooses from for each row that is asked, by score; at least 1.
    pub prefilter: f64,
    /// What diversity, density and the geometric functions take for a row's place.
    pub space: Place,
    /// How distances between embeddings are measured.
    pub metric: Metric,
    /// Whether diversity also keeps away from labelled samples.
    pub away_from_labelled: bool,
    /// The distance at or below which an embedding is a duplicate of another, chosen or labelled; 0 for equal ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near_duplicates: Option<f64>,
    /// Whether each predicted class is asked equally often, as far as it has rows.
    pub class_balanced: bool,
    /// Whether scores are divided by costs, so that what a label tells is weighed against what it costs.
    pub per_cost: bool,
    /// What all chosen rows may cost together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// The power of the density of candidates around a row, by which its score is multiplied; 0 leaves it alone.
    pub density: f64,
    /// The power of the score in [`super::Acquisition::PowerBald`].
    pub beta: f64,
    /// The radius of the balls of [`super::Acquisition::ProbCover`]; estimated where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
}

/// How rows with high scores are thinned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Diversity {
    /// Not at all: the highest scores are chosen.
    #[serde(rename = "none")]
    None,
    /// The one with the highest score, then always the one farthest from all that are chosen.
    #[default]
    #[serde(rename = "k-center", alias = "k_center")]
    KCenter,
    /// The one with the highest score, then one drawn by its squared distance from those that are chosen.
    #[serde(rename = "k-means++", alias = "k-means-pp", alias = "k_means_pp")]
    KMeansPp,
}

/// What is taken for a row's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The embedding where there is one, else the class probabilities; with neither, rows have no place and are not thinned.
    #[default]
    Auto,
    /// The embedding.
    Embedding,
    /// The class probabilities, of a committee their mean.
    Probabilities,
    /// The gradient that the likeliest label gives a linear head: rows that are unsure about the same classes in the same
    /// way are near.
    Gradient,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            method: Mixture::default(),
            diversity: Diversity::default(),
            prefilter: 3.0,
            space: Place::default(),
            metric: Metric::default(),
            away_from_labelled: false,
            near_duplicates: None,
            class_balanced: false,
            per_cost: false,
            budget: None,
            density: 0.0,
            beta: 1.0,
            radius: None,
        }
    }
}

impl Plan {
    /// Takes settings whose numbers can be.
    ///
    /// # Errors
    /// [`SelectError::Plan`] for the first that cannot.
    pub fn new(settings: PlanSettings) -> Result<Self, SelectError> {
        let any = [
            ("prefilter", Some(settings.prefilter), 1.0, "a factor of 1 or more"),
            ("density", Some(settings.density), 0.0, "a power of 0 or more"),
            ("beta", Some(settings.beta), 0.0, "a power of 0 or more"),
            ("near_duplicates", settings.near_duplicates, 0.0, "a distance of 0 or more"),
            ("budget", settings.budget, 0.0, "a cost of 0 or more"),
            ("radius", settings.radius, 0.0, "a distance of 0 or more"),
        ];
        for (key, value, least, wanted) in any {
            if let Some(value) = value.filter(|value| !(*value >= least && value.is_finite())) {
                return Err(SelectError::Plan { key, value, wanted });
            }
        }
        Ok(Self(settings))
    }

    /// What it was made of.
    #[must_use]
    pub const fn settings(&self) -> &PlanSettings {
        &self.0
    }
}

impl TryFrom<PlanSettings> for Plan {
    type Error = SelectError;

    fn try_from(settings: PlanSettings) -> Result<Self, SelectError> {
        Self::new(settings)
    }
}

impl From<Plan> for PlanSettings {
    fn from(plan: Plan) -> Self {
        plan.0
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
