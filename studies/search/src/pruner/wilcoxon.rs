//! The signed-rank test (Wilcoxon 1945) of a trial against the best one, step by step.
//!
//! For objectives that are means over folds, instances or episodes, each of which is a step: the same step of two
//! trials is the same fold, so that the differences are paired.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::reports::Reports;
use super::signed_rank::probability_of_larger;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Wilcoxon {
    p_threshold: f64,
    startup_steps: u32,
    best: Option<Best>,
}

/// The best complete trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Best {
    number: u32,
    loss: f64,
    /// (step, loss), both numbers.
    points: Vec<(i64, f64)>,
}

impl PartialEq for Wilcoxon {
    fn eq(&self, other: &Self) -> bool {
        self.p_threshold == other.p_threshold && self.startup_steps == other.startup_steps && self.best == other.best
    }
}

impl Wilcoxon {
    pub(super) fn new(p_threshold: f64, startup_steps: u32) -> Self {
        Self { p_threshold, startup_steps, best: None }
    }

    /// Takes note of a complete trial and its final loss. Equal ones go by number, whichever came first.
    pub(super) fn finish(&mut self, number: u32, reports: &Reports, loss: f64) {
        let points: Vec<(i64, f64)> = reports.losses().filter(|(_, loss)| loss.is_finite()).collect();
        let beats = |best: &Best| loss < best.loss || (loss == best.loss && number < best.number);
        if !loss.is_nan() && !points.is_empty() && self.best.as_ref().is_none_or(beats) {
            self.best = Some(Best { number, loss, points });
        }
    }

    pub(super) fn judge(&self, reports: &Reports) -> Verdict {
        let Some(best) = &self.best else {
            return Verdict::Continue;
        };
        let own: Vec<f64> = reports.losses().map(|(_, loss)| loss).filter(|loss| loss.is_finite()).collect();
        let differences = differences(reports, &best.points);
        // A trial that is ahead of the best one over all is not stopped for being behind at the steps they share.
        let best_losses: Vec<f64> = best.points.iter().map(|&(_, loss)| loss).collect();
        if differences.len() < self.startup_steps as usize || mean(&own) <= mean(&best_losses) {
            return Verdict::Continue;
        }
        let probability = probability_of_larger(&differences);
        if probability >= self.p_threshold {
            return Verdict::Continue;
        }
        let (steps, number) = (differences.len(), best.number);
        Verdict::Prune { reason: format!("wilcoxon: worse than trial {number} over {steps} steps, p = {probability:.2e}") }
    }
}

/// Own loss minus the best trial's at the steps that both have reported.
fn differences(reports: &Reports, best: &[(i64, f64)]) -> Vec<f64> {
    let mut best = best.iter().peekable();
    let mut differences = Vec::new();
    for (step, loss) in reports.losses().filter(|(_, loss)| loss.is_finite()) {
        while best.next_if(|&&(other, _)| other < step).is_some() {}
        if let Some(&(_, other)) = best.next_if(|&&(other, _)| other == step) {
            differences.push(loss - other);
        }
    }
    differences
}

fn mean(losses: &[f64]) -> f64 {
    losses.iter().sum::<f64>() / losses.len() as f64
}
