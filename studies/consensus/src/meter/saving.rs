//! How many labels were saved against labels chosen at random.
//!
//! Two sets of learning curves: one of models whose labels were asked for by uncertainty, all of them counted, the
//! random ones and those at the start too; and one of models that were trained on random labels alone, the control.
//! The saving is 1 less the labels that the first needs for some accuracy over those that the second needs for it.
//!
//! ```text
//!  curves ──► mean ──► nearest rising curve ──► labels for the same accuracy ──► 1 − active / control
//!    └── drawn anew, many times ─────────────────────────────────────────────────► interval
//! ```

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Use};
use crate::error::{ConsensusError, check, check_inside};
use crate::quantiles::quantile;

use super::curve::Curve;

/// At which accuracy labels are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The highest that both reach.
    #[default]
    Equal,
    /// This one.
    Accuracy(f64),
}

/// What several curves of one kind are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeats {
    /// Runs with different seeds. If there are as many of both kinds, the runs at the same place belong together and are
    /// drawn together.
    #[default]
    Seeds,
    /// One run, measured on bootstrap resamples of the validation split; the curves at the same place are of the same
    /// resample.
    Resamples,
}

/// How to measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavingRule {
    /// At which accuracy labels are compared.
    pub target: Target,
    /// What several curves of one kind are.
    pub repeats: Repeats,
    /// Confidence of the interval.
    pub confidence: f64,
    /// How often curves are drawn anew, for [`Repeats::Seeds`].
    pub resamples: u32,
    /// Seed of these draws.
    pub seed: u64,
    /// Control labels before anything is said.
    pub least_control_labels: u32,
}

impl Default for SavingRule {
    fn default() -> Self {
        let (target, repeats) = (Target::default(), Repeats::default());
        Self { target, repeats, confidence: 0.95, resamples: 2_000, seed: 0, least_control_labels: 30 }
    }
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The accuracy at which labels are compared.
    pub accuracy: f64,
    /// Labels needed with active learning.
    pub active_labels: f64,
    /// Labels needed with random choice.
    pub control_labels: f64,
    /// Whether the control has not come that far, so that it needs more labels and the saving is larger.
    pub is_at_least: bool,
    /// The share of labels saved; negative if active learning needs more.
    pub saving: f64,
    /// The lower end of its interval; `None` if active learning misses the accuracy in too many resamples to tell.
    pub low: Option<f64>,
    /// The upper end, likewise.
    pub high: Option<f64>,
    /// The confidence of the interval.
    pub confidence: f64,
}

/// What can be said of the saving.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Saving {
    /// There are too few control labels.
    TooEarly {
        /// How many there are.
        control_labels: f64,
        /// How many are needed.
        needed: u32,
    },
    /// One curve of a kind says nothing of chance.
    TooFewCurves {
        /// Curves of the kind that has fewer.
        given: usize,
    },
    /// Active learning has not come to the accuracy that was asked for.
    NotReached {
        /// The accuracy.
        accuracy: f64,
        /// How far it has come.
        reached: f64,
        /// Labels that random choice needed, if it has come there.
        control_labels: Option<f64>,
    },
    /// Active learning saves labels: the interval is above 0.
    Saves(Estimate),
    /// It has not been shown to help: the interval holds 0.
    NotShown(Estimate),
    /// It does harm: the interval is below 0.
    Costs(Estimate),
}

impl Saving {
    /// Returns what was measured, if anything was.
    pub fn estimate(&self) -> Option<&Estimate> {
        match self {
            Self::Saves(estimate) | Self::NotShown(estimate) | Self::Costs(estimate) => Some(estimate),
            Self::TooEarly { .. } | Self::TooFewCurves { .. } | Self::NotReached { .. } => None,
        }
    }

    /// Returns a sentence that says it.
    pub fn reason(&self) -> String {
        match self {
            Self::TooEarly { control_labels, needed } => {
                format!("too early: {control_labels} labels were chosen at random, and {needed} are needed to compare with")
            }
            Self::TooFewCurves { given } => {
                format!("`{given}` runs of one kind say nothing of chance: at least 2 of each are needed")
            }
            Self::NotReached { accuracy, reached, control_labels: None } => {
                format!("active learning has come to {reached:.4} and not to {accuracy:.4}, nor has random choice")
            }
            Self::NotReached { accuracy, reached, control_labels: Some(labels) } => format!(
                "active learning does not help: it has come to {reached:.4} and not to {accuracy:.4}, and random choice came there with {labels:.0} labels"
            ),
            Self::Saves(estimate) => format!("active learning saves labels: {}", estimate.words()),
            Self::NotShown(estimate) => {
                format!("active learning has not been shown to help, the interval holds 0: {}", estimate.words())
            }
            Self::Costs(estimate) => format!("active learning does not help, random choice is better: {}", estimate.words()),
        }
    }
}

impl Estimate {
    fn words(&self) -> String {
        let percent = |share: Option<f64>| share.map_or("unknown".to_owned(), |share| format!("{:.0} %", 100.0 * share));
        let more = if self.is_at_least { "more than " } else { "" };
        format!(
            "{:.0} labels instead of {more}{:.0} for an accuracy of {:.4}, {} fewer ({} % interval: {} to {})",
            self.active_labels,
            self.control_labels,
            self.accuracy,
            percent(Some(self.saving)),
            100.0 * self.confidence,
            percent(self.low),
            percent(self.high),
        )
    }
}

/// Measures the labels saved.
///
/// # Errors
///
/// No curves of a kind, curves of a kind that have no range of labels in common, resamples that are not as many of both
/// kinds, or settings out of range.
pub fn saving(active: &[Curve], control: &[Curve], rule: &SavingRule) -> Result<Saving, ConsensusError> {
    check_inside("confidence", rule.confidence)?;
    check("resamples", f64::from(rule.resamples), "a number from 1", rule.resamples > 0)?;
    if rule.repeats == Repeats::Resamples && active.len() != control.len() {
        return Err(ConsensusError::Length { what: "control", given: control.len(), needed: active.len() });
    }
    let whole = compare(&active.iter().collect::<Vec<_>>(), &control.iter().collect::<Vec<_>>(), rule.target);
    let whole = whole.ok_or(ConsensusError::Length { what: "common labels", given: 0, needed: 1 })?;
    let control_labels = control.iter().map(Curve::last_labels).fold(f64::INFINITY, f64::min);
    if control_labels < f64::from(rule.least_control_labels) {
        return Ok(Saving::TooEarly { control_labels, needed: rule.least_control_labels });
    }
    let given = active.len().min(control.len());
    if given < 2 {
        return Ok(Saving::TooFewCurves { given });
    }
    let Some(active_labels) = whole.active_labels else {
        let Compared { accuracy, reached, control_labels, .. } = whole;
        return Ok(Saving::NotReached { accuracy, reached, control_labels });
    };
    let mut savings: Vec<f64> = match rule.repeats {
        Repeats::Seeds => redrawn(active, control, rule),
        Repeats::Resamples => {
            active.iter().zip(control).filter_map(|(a, c)| compare(&[a], &[c], rule.target)).map(|found| found.saving()).collect()
        }
    };
    savings.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - rule.confidence);
    let end = |share| Some(quantile(&savings, share)).filter(|end| end.is_finite());
    Ok(judge(Estimate {
        accuracy: whole.accuracy,
        active_labels,
        control_labels: whole.control_labels.unwrap_or(whole.control_end),
        is_at_least: whole.control_labels.is_none(),
        saving: whole.saving(),
        low: end(tail),
        high: end(1.0 - tail),
        confidence: rule.confidence,
    }))
}

fn judge(estimate: Estimate) -> Saving {
    // An end that is unknown is below everything.
    let (low, high) = (estimate.low.unwrap_or(f64::NEG_INFINITY), estimate.high.unwrap_or(f64::NEG_INFINITY));
    if low > 0.0 {
        Saving::Saves(estimate)
    } else if high < 0.0 {
        Saving::Costs(estimate)
    } else {
        Saving::NotShown(estimate)
    }
}

/// Two mean curves beside each other.
struct Compared {
    accuracy: f64,
    /// The best that active learning has come to.
    reached: f64,
    active_labels: Option<f64>,
    control_labels: Option<f64>,
    /// Labels at the end of the control.
    control_end: f64,
}

impl Compared {
    /// Where the control has not come to the accuracy, it counts as having come there at its end: the saving is at least
    /// that. Where active learning has not, nothing bounds the loss.
    fn saving(&self) -> f64 {
        let control = self.control_labels.unwrap_or(self.control_end);
        self.active_labels.map_or(f64::NEG_INFINITY, |active| if control > 0.0 { 1.0 - active / control } else { 0.0 })
    }
}

/// `None` where curves of a kind have no range in common.
fn compare(active: &[&Curve], control: &[&Curve], target: Target) -> Option<Compared> {
    let (active, control) = (Curve::mean(active)?.rising(), Curve::mean(control)?.rising());
    let reached = active.last_accuracy();
    let accuracy = match target {
        Target::Equal => reached.min(control.last_accuracy()),
        Target::Accuracy(accuracy) => accuracy,
    };
    let control_end = control.last_labels();
    let (active_labels, control_labels) = (active.labels_for(accuracy), control.labels_for(accuracy));
    Some(Compared { accuracy, reached, active_labels, control_labels, control_end })
}

/// Savings of curves drawn anew (Efron 1979).
fn redrawn(active: &[Curve], control: &[Curve], rule: &SavingRule) -> Vec<f64> {
    let are_paired = active.len() == control.len();
    let resample = |number| {
        let mut draw = Draw::new(rule.seed, Use::Curves, number);
        let first: Vec<usize> = active.iter().map(|_| draw.below(active.len())).collect();
        let second = match are_paired {
            true => first.clone(),
            false => control.iter().map(|_| draw.below(control.len())).collect(),
        };
        let active: Vec<&Curve> = first.into_iter().map(|at| &active[at]).collect();
        let control: Vec<&Curve> = second.into_iter().map(|at| &control[at]).collect();
        compare(&active, &control, rule.target).map(|found| found.saving())
    };
    (0..rule.resamples).filter_map(resample).collect()
}

#[cfg(test)]
#[path = "saving_tests.rs"]
mod tests;
