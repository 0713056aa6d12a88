//! Bounds on what a trial may report: outside them, or with no number at all, it is beyond saving.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::reports::{Reports, is_due};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Threshold {
    pub(super) lower: Option<f64>,
    pub(super) upper: Option<f64>,
    pub(super) warmup_steps: i64,
    pub(super) interval: i64,
}

impl Threshold {
    pub(super) fn judge(&self, reports: &Reports) -> Verdict {
        let Some(&(step, value)) = reports.first().last() else {
            return Verdict::Continue;
        };
        if !is_due(reports.first(), self.warmup_steps, self.interval) {
            return Verdict::Continue;
        }
        let reason = if value.is_nan() {
            format!("threshold: no number at step {step}")
        } else if let Some(lower) = self.lower.filter(|&lower| value < lower) {
            format!("threshold: {value} at step {step} is below {lower}")
        } else if let Some(upper) = self.upper.filter(|&upper| value > upper) {
            format!("threshold: {value} at step {step} is above {upper}")
        } else {
            return Verdict::Continue;
        };
        Verdict::Prune { reason }
    }
}
