//! How good each annotator is, by every measure there is data for.

use serde::{Deserialize, Serialize};

use crate::answers::{Answer, Answers, Gold};
use crate::dawid_skene::{Fit, Kind};
use crate::error::{ConsensusError, check_amount, check_known};
use crate::proportion::{Interval, Rate};
use crate::quantiles::median;

/// A rate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Hits, and of how many.
    pub rate: Rate,
    /// Between what and what the rate behind them lies (Wilson 1927); from 0 to 1 where nothing was counted.
    pub interval: Interval,
}

/// How long an annotator took for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Duration {
    /// Who.
    pub annotator: u32,
    /// How long, in milliseconds.
    pub taken_ms: f64,
}

/// What is known of an annotator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnnotatorSummary {
    /// Who.
    pub annotator: u32,
    /// Answers given.
    pub answers: u32,
    /// Right answers to items whose class is known.
    pub gold: Scored,
    /// Answers that are what most others say of the item. Items without others, or whose others are tied, are left out.
    pub consensus: Scored,
    /// The share of right answers by Dawid and Skene's estimate, over the estimated prior.
    pub estimated_accuracy: Option<f64>,
    /// How much the answers tell by the same estimate: 0 for answers that do not depend on the item, 1 for a perfect
    /// annotator (Raykar and Yu 2012).
    pub spammer_score: Option<f64>,
    /// What the estimate describes the annotator by.
    pub kind: Option<Kind>,
    /// The median time for an answer, in milliseconds.
    pub median_ms: Option<f64>,
}

/// Returns what is known of every annotator, in their order.
///
/// `fit` is the estimate from these answers, where one was made. Those who gave no answer have no estimate.
///
/// # Errors
///
/// An unknown item, class or annotator, a negative duration, a fit to other annotators, or a confidence that is not
/// above 0 and below 1.
pub fn summarise(
    answers: &Answers,
    gold: &[Gold],
    durations: &[Duration],
    fit: Option<&Fit>,
    confidence: f64,
) -> Result<Vec<AnnotatorSummary>, ConsensusError> {
    let annotators = answers.annotators() as usize;
    if let Some(fit) = fit.filter(|fit| fit.confusions.len() != annotators) {
        return Err(ConsensusError::Length { what: "confusions", given: fit.confusions.len(), needed: annotators });
    }
    let right = against_gold(answers, gold)?;
    let agreed = against_others(answers);
    let times = times(answers, durations)?;
    let counts = answers.counts();
    let mut summaries = Vec::with_capacity(annotators);
    for (at, times) in times.into_iter().enumerate() {
        let fit = fit.filter(|_| counts[at] > 0);
        summaries.push(AnnotatorSummary {
            annotator: at as u32,
            answers: counts[at],
            gold: scored(right[at], confidence)?,
            consensus: scored(agreed[at], confidence)?,
            estimated_accuracy: fit.map(|fit| fit.confusions[at].accuracy(&fit.prior)),
            spammer_score: fit.map(|fit| fit.confusions[at].spammer_score()),
            kind: fit.map(|fit| fit.kinds[at]),
            median_ms: (!times.is_empty()).then(|| median(times)),
        });
    }
    Ok(summaries)
}

fn scored(rate: Rate, confidence: f64) -> Result<Scored, ConsensusError> {
    Ok(Scored { rate, interval: rate.wilson(confidence)? })
}

/// Right answers of each annotator to items whose class is known.
fn against_gold(answers: &Answers, gold: &[Gold]) -> Result<Vec<Rate>, ConsensusError> {
    let known = answers.lay_out(gold)?;
    let mut rates = vec![Rate::default(); answers.annotators() as usize];
    for (item, known) in answers.by_item().zip(known) {
        let Some(class) = known else { continue };
        item.iter().for_each(|answer| rates[answer.annotator as usize].record(answer.class == class));
    }
    Ok(rates)
}

/// Answers of each annotator that are what most of the others say.
fn against_others(answers: &Answers) -> Vec<Rate> {
    let mut rates = vec![Rate::default(); answers.annotators() as usize];
    let mut counts = vec![0; answers.classes() as usize];
    for item in answers.by_item() {
        item.iter().for_each(|answer| counts[answer.class as usize] += 1);
        for answer in item {
            counts[answer.class as usize] -= 1;
            if let Some(class) = most_common(item, &counts) {
                rates[answer.annotator as usize].record(answer.class == class);
            }
            counts[answer.class as usize] += 1;
        }
        item.iter().for_each(|answer| counts[answer.class as usize] = 0);
    }
    rates
}

/// The class that has most votes, if it is one; only classes among the answers have any.
fn most_common(item: &[Answer], counts: &[u32]) -> Option<u32> {
    let most = item.iter().map(|answer| counts[answer.class as usize]).max().filter(|&most| most > 0)?;
    let mut leaders = item.iter().map(|answer| answer.class).filter(|&class| counts[class as usize] == most);
    let first = leaders.next()?;
    leaders.all(|class| class == first).then_some(first)
}

fn times(answers: &Answers, durations: &[Duration]) -> Result<Vec<Vec<f64>>, ConsensusError> {
    let mut times = vec![Vec::new(); answers.annotators() as usize];
    for &Duration { annotator, taken_ms } in durations {
        check_known("annotator", annotator, answers.annotators())?;
        check_amount("taken_ms", taken_ms)?;
        times[annotator as usize].push(taken_ms);
    }
    Ok(times)
}

#[cfg(test)]
#[path = "quality_tests.rs"]
mod tests;
