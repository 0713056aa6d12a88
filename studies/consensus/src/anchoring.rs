//! Whether a model's prediction pulls annotators along when they see it.
//!
//! A share of the items is shown without the prediction, chosen at random; their annotators are blind. If people agree
//! with the model more often where they see what it says, the difference is the anchoring. The comparison says nothing
//! where something else decided who saw the prediction.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check_inside};
use crate::proportion::{Interval, Rate, newcombe, sample_sizes};

/// Answers counted by whether the model's prediction was seen; a hit is one that agrees with the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchoring {
    /// Where it was seen.
    pub shown: Rate,
    /// Where it was not.
    pub blind: Rate,
}

/// What counts as anchoring, and how sure one wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AnchoringRule {
    /// Confidence of the interval.
    pub confidence: f64,
    /// The chance to see a difference that is there.
    pub power: f64,
    /// The smallest difference of rates that matters.
    pub relevant: f64,
    /// Answers of either kind before anything is said.
    pub least_answers: u32,
}

impl Default for AnchoringRule {
    fn default() -> Self {
        Self { confidence: 0.95, power: 0.8, relevant: 0.05, least_answers: 30 }
    }
}

/// What the difference says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// There are too few answers of one kind.
    TooEarly,
    /// People agree with the model more often when they see its prediction.
    Anchored,
    /// People agree with the model less often when they see its prediction.
    Repelled,
    /// If there is a difference, it is smaller than what matters.
    Negligible,
    /// There may be a difference that matters, or none.
    Unclear,
}

/// How the two kinds of answers compare.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnchoringReport {
    /// The answers.
    pub counts: Anchoring,
    /// Rate of agreement where the prediction was seen less that where it was not.
    pub difference: Option<f64>,
    /// The difference's interval (Newcombe 1998).
    pub interval: Interval,
    /// Blind answers needed in all to see a difference that matters, at the present mix of both kinds.
    pub blind_needed: u64,
    /// What the difference says.
    pub finding: Finding,
    /// The same in words.
    pub reason: String,
}

impl Anchoring {
    /// Takes note of an answer.
    pub fn record(&mut self, was_shown: bool, agrees: bool) {
        let rate = if was_shown { &mut self.shown } else { &mut self.blind };
        rate.record(agrees);
    }

    /// Compares the two kinds of answers.
    ///
    /// # Errors
    ///
    /// More hits than answers, or a confidence, power or relevant difference that is not above 0 and below 1.
    pub fn report(&self, rule: &AnchoringRule) -> Result<AnchoringReport, ConsensusError> {
        check_inside("relevant", rule.relevant)?;
        let interval = newcombe(self.shown, self.blind, rule.confidence)?;
        let difference = self.shown.share().zip(self.blind.share()).map(|(shown, blind)| shown - blind);
        let blind_needed = self.blind_needed(rule)?;
        let finding = self.finding(rule, interval);
        let reason = self.reason(rule, finding, interval, blind_needed);
        Ok(AnchoringReport { counts: *self, difference, interval, blind_needed, finding, reason })
    }

    fn blind_needed(&self, rule: &AnchoringRule) -> Result<u64, ConsensusError> {
        // Knowing nothing, take the rate that is hardest to tell apart.
        let blind = self.blind.share().unwrap_or(0.5).min(1.0 - rule.relevant);
        let is_mixed = self.shown.of > 0 && self.blind.of > 0;
        let ratio = if is_mixed { f64::from(self.blind.of) / f64::from(self.shown.of) } else { 1.0 };
        let (_, needed) = sample_sizes(blind + rule.relevant, blind, ratio, rule.confidence, rule.power)?;
        Ok(needed)
    }

    fn finding(&self, rule: &AnchoringRule, interval: Interval) -> Finding {
        if self.shown.of.min(self.blind.of) < rule.least_answers {
            Finding::TooEarly
        } else if interval.low > 0.0 {
            Finding::Anchored
        } else if interval.high < 0.0 {
            Finding::Repelled
        } else if interval.low.abs().max(interval.high) < rule.relevant {
            Finding::Negligible
        } else {
            Finding::Unclear
        }
    }

    fn reason(&self, rule: &AnchoringRule, finding: Finding, interval: Interval, needed: u64) -> String {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let share = |rate: Rate| percent(rate.share().unwrap_or(f64::NAN));
        let compared = format!(
            "{} % agree with the model where they see its prediction and {} % where they do not ({} % interval of the difference: {} to {} points)",
            share(self.shown),
            share(self.blind),
            100.0 * rule.confidence,
            percent(interval.low),
            percent(interval.high),
        );
        match finding {
            Finding::TooEarly => format!(
                "too early: {} answers saw the prediction and {} did not, and {} of each are needed before anything is said",
                self.shown.of, self.blind.of, rule.least_answers
            ),
            Finding::Anchored => format!("the prediction pulls people along: {compared}"),
            Finding::Repelled => format!("the prediction puts people off: {compared}"),
            Finding::Negligible => format!("no anchoring that matters: {compared}"),
            Finding::Unclear => {
                format!("not clear yet, {needed} blind answers are needed and there are {}: {compared}", self.blind.of)
            }
        }
    }
}

#[cfg(test)]
#[path = "anchoring_tests.rs"]
mod tests;
