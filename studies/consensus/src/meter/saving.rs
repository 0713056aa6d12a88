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
//!
//! # What a curve cannot tell
//!
//! A curve that ends below the accuracy says that more labels are needed than it has, one that begins at it that its
//! first labels suffice, and no more than that ([`Labels`]). Then the saving is known from one side only, and so is its
//! interval: the lower end is taken from the least savings that the curves admit, the upper end from the largest ones. A
//! verdict stands on the end that is known, whatever the other one is.
//!
//! # Few runs
//!
//! Percentiles of the bootstrap are too narrow for few runs: by `√((n − 1) / n)`, and as far as the normal distribution
//! is narrower than Student's. They are therefore taken further out (expanded percentiles, Hesterberg 2015). No resample
//! lies outside the runs themselves, and all of `n` runs lie on one side of the median with probability `2^(1 − n)`, so
//! there must be enough of them for that to be rarer than what the confidence leaves: 6 runs for 0.95. In a simulation of
//! two kinds that were the same, verdicts at 0.95 were false in 6.8 % of the cases with 6 runs and 5.7 % with 8; by plain
//! percentiles it is twice as many.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Use};
use crate::error::{ConsensusError, check, check_inside, check_length};
use crate::normal::{below, student_two_sided};
use crate::quantiles::quantile;

use super::curve::{Curve, Labels, Point};

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
    /// resample. Says nothing of how other runs would have gone.
    Resamples,
}

/// How to measure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, remote = "Self")]
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

impl SavingRule {
    /// Checks the settings; every reader and user does so.
    ///
    /// # Errors
    ///
    /// A target that is not finite, a confidence that is not above 0 and below 1, or no resamples.
    pub fn check(&self) -> Result<(), ConsensusError> {
        if let Target::Accuracy(accuracy) = self.target {
            check("target.accuracy", accuracy, "finite", accuracy.is_finite())?;
        }
        check_inside("confidence", self.confidence)?;
        check("resamples", f64::from(self.resamples), "a number from 1", self.resamples > 0)
    }

    /// What the confidence leaves on either side.
    fn tail(&self) -> f64 {
        0.5 * (1.0 - self.confidence)
    }

    /// Curves of either kind before anything is said.
    fn least_curves(&self) -> u32 {
        match self.repeats {
            // 2^(1 − n) at most what the confidence leaves.
            Repeats::Seeds => 1 + (-(1.0 - self.confidence).log2()).ceil().max(1.0) as u32,
            // At least one resample beyond either end.
            Repeats::Resamples => (1.0 / self.tail()).round().max(2.0) as u32,
        }
    }

    /// Which percentile of resampled savings the lower end is.
    fn percentile(&self, curves: u32) -> f64 {
        let runs = f64::from(curves);
        match self.repeats {
            Repeats::Seeds => below(-student_two_sided(self.confidence, curves - 1) * (runs / (runs - 1.0)).sqrt()),
            Repeats::Resamples => self.tail(),
        }
    }
}

checked_serde!(SavingRule);

/// What was measured. The saving is the share of labels saved, negative if active learning needs more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The accuracy at which labels are compared.
    pub accuracy: f64,
    /// Labels needed with active learning.
    pub active_labels: Labels,
    /// Labels needed with random choice.
    pub control_labels: Labels,
    /// The least saving that both admit; `None` if it is not bounded.
    pub least_saving: Option<f64>,
    /// The largest saving that both admit, the same if both are known exactly; `None` if it is not bounded.
    pub most_saving: Option<f64>,
    /// The lower end of the saving's interval; `None` if the curves do not bound it.
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
    /// Few curves say too little of chance.
    TooFewCurves {
        /// Curves of the kind that has fewer.
        given: u32,
        /// How many of each are needed.
        needed: u32,
    },
    /// Active learning has not come to the accuracy that was asked for, and may yet be better or worse.
    NotReached {
        /// The accuracy.
        accuracy: f64,
        /// How far it has come.
        reached: f64,
        /// With how many labels.
        labels: f64,
        /// Labels that random choice needs for the accuracy.
        control_labels: Labels,
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
            Self::TooFewCurves { given, needed } => {
                format!("too early: {given} runs of a kind say too little of chance, and {needed} of each are needed")
            }
            Self::NotReached { accuracy, reached, labels, control_labels: Labels::MoreThan(_) } => format!(
                "not known yet: active learning has come to {reached:.4} with {labels:.0} labels and not to {accuracy:.4}, nor has random choice"
            ),
            Self::NotReached { accuracy, reached, labels, control_labels } => format!(
                "not known yet: active learning has come to {reached:.4} with {labels:.0} labels and not to {accuracy:.4}, for which random choice needs {control_labels}"
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
    /// Returns the saving, if the labels of both are known exactly.
    pub fn saving(&self) -> Option<f64> {
        self.least_saving.filter(|_| self.least_saving == self.most_saving)
    }

    fn words(&self) -> String {
        let percent = |share: f64| format!("{:.0} %", 100.0 * share);
        let fewer = match (self.least_saving, self.most_saving) {
            (Some(least), Some(most)) if least == most => format!("{} fewer", percent(least)),
            (Some(least), Some(most)) => format!("between {} and {} fewer", percent(least), percent(most)),
            (Some(least), None) => format!("at least {} fewer", percent(least)),
            (None, Some(most)) => format!("at most {} fewer", percent(most)),
            (None, None) => "which of them is fewer is not known".to_owned(),
        };
        let end = |share: Option<f64>| share.map_or("unknown".to_owned(), percent);
        format!(
            "{} labels instead of {} for an accuracy of {:.4}, {fewer} ({} % interval: {} to {})",
            self.active_labels,
            self.control_labels,
            self.accuracy,
            100.0 * self.confidence,
            end(self.low),
            end(self.high),
        )
    }
}

/// How good a model was with so many labels, item by item of the validation split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// All labels that the model was trained on.
    pub labels: u32,
    /// Whether it was right, for each item of the split in the same order each time.
    pub hits: Vec<bool>,
}

/// The rounds of one run as curves on resamples of the validation split, for [`Repeats::Resamples`]: each resample draws
/// as many items as there are, the same for both kinds (Efron 1979).
///
/// # Errors
///
/// No rounds of a kind, labels that do not grow, or rounds on different numbers of items.
pub fn resample_split(
    active: &[Measured],
    control: &[Measured],
    resamples: u32,
    seed: u64,
) -> Result<(Vec<Curve>, Vec<Curve>), ConsensusError> {
    let needed = active.first().map_or(0, |round| round.hits.len());
    for round in active.iter().chain(control) {
        check_length("hits", round.hits.len(), needed.max(1))?;
    }
    let drawn = (0..resamples).map(|number| {
        let mut draw = Draw::new(seed, Use::Split, number);
        let items: Vec<usize> = (0..needed).map(|_| draw.below(needed)).collect();
        Ok((on(active, &items)?, on(control, &items)?))
    });
    drawn.collect()
}

/// A curve on some of the items.
fn on(rounds: &[Measured], items: &[usize]) -> Result<Curve, ConsensusError> {
    let point = |round: &Measured| {
        let hits = items.iter().filter(|&&item| round.hits[item]).count();
        Point { labels: f64::from(round.labels), accuracy: hits as f64 / items.len() as f64 }
    };
    Curve::new(rounds.iter().map(point).collect())
}

/// Measures the labels saved.
///
/// # Errors
///
/// No curves of a kind, curves of a kind that have no range of labels in common, resamples that are not as many of both
/// kinds, or settings out of range.
pub fn saving(active: &[Curve], control: &[Curve], rule: &SavingRule) -> Result<Saving, ConsensusError> {
    rule.check()?;
    if rule.repeats == Repeats::Resamples && active.len() != control.len() {
        return Err(ConsensusError::Length { what: "control", given: control.len(), needed: active.len() });
    }
    let (all_active, all_control) = (together("active", active)?, together("control", control)?);
    let whole = compare(&all_active, &all_control, rule.target).expect("both kinds have a mean");
    let control_labels = control.iter().map(Curve::last_labels).fold(f64::INFINITY, f64::min);
    if control_labels < f64::from(rule.least_control_labels) {
        return Ok(Saving::TooEarly { control_labels, needed: rule.least_control_labels });
    }
    let (given, needed) = (active.len().min(control.len()) as u32, rule.least_curves());
    if given < needed {
        return Ok(Saving::TooFewCurves { given, needed });
    }
    let found = match rule.repeats {
        Repeats::Seeds => redrawn(active, control, rule),
        Repeats::Resamples => active.iter().zip(control).filter_map(|(a, c)| compare(&[a], &[c], rule.target)).collect(),
    };
    let percentile = rule.percentile(given);
    let estimate = Estimate {
        accuracy: whole.accuracy,
        active_labels: whole.active,
        control_labels: whole.control,
        least_saving: Some(whole.least_saving()).filter(|saving| saving.is_finite()),
        most_saving: Some(whole.most_saving()).filter(|saving| saving.is_finite()),
        low: end(found.iter().map(Compared::least_saving), percentile),
        high: end(found.iter().map(Compared::most_saving), 1.0 - percentile),
        confidence: rule.confidence,
    };
    Ok(judge(estimate, &whole))
}

/// The curves of a kind, once it is known that they have a mean.
fn together<'a>(kind: &'static str, curves: &'a [Curve]) -> Result<Vec<&'a Curve>, ConsensusError> {
    if curves.is_empty() {
        return Err(ConsensusError::Length { what: kind, given: 0, needed: 1 });
    }
    let curves: Vec<&Curve> = curves.iter().collect();
    if Curve::mean(&curves).is_some() { Ok(curves) } else { Err(ConsensusError::Apart(kind)) }
}

/// A percentile of savings; `None` where they do not bound it.
fn end(savings: impl Iterator<Item = f64>, percentile: f64) -> Option<f64> {
    let mut savings: Vec<f64> = savings.collect();
    savings.sort_by(f64::total_cmp);
    Some(quantile(&savings, percentile)).filter(|end| end.is_finite())
}

fn judge(estimate: Estimate, whole: &Compared) -> Saving {
    if estimate.low.is_some_and(|low| low > 0.0) {
        Saving::Saves(estimate)
    } else if estimate.high.is_some_and(|high| high < 0.0) {
        Saving::Costs(estimate)
    } else if let Labels::MoreThan(labels) = estimate.active_labels {
        let (accuracy, reached) = (whole.accuracy, whole.reached);
        Saving::NotReached { accuracy, reached, labels, control_labels: estimate.control_labels }
    } else {
        Saving::NotShown(estimate)
    }
}

/// Two mean curves beside each other.
struct Compared {
    accuracy: f64,
    /// The best that active learning has come to.
    reached: f64,
    active: Labels,
    control: Labels,
}

impl Compared {
    /// The least saving that the labels admit; infinite if nothing bounds it.
    fn least_saving(&self) -> f64 {
        let (active, control) = (self.active.most(), self.control.least());
        if control > 0.0 { 1.0 - active / control } else { f64::NEG_INFINITY }
    }

    /// The largest saving that the labels admit; infinite if nothing bounds it but that it is below 1.
    fn most_saving(&self) -> f64 {
        // What is at most 0 is also at most 1, which can be divided by.
        let (active, control) = (self.active.least(), self.control.most().max(1.0));
        if active > 0.0 && control.is_finite() { 1.0 - active / control } else { f64::INFINITY }
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
    let (active, control) = (active.labels_for(accuracy), control.labels_for(accuracy));
    Some(Compared { accuracy, reached, active, control })
}

/// Curves drawn anew (Efron 1979).
fn redrawn(active: &[Curve], control: &[Curve], rule: &SavingRule) -> Vec<Compared> {
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
        compare(&active, &control, rule.target)
    };
    (0..rule.resamples).filter_map(resample).collect()
}

#[cfg(test)]
#[path = "saving_tests.rs"]
mod tests;
