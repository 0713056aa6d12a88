//! Early stopping: a trial that has not improved for a while, if the pruner inside agrees.

use serde::{Deserialize, Serialize};

use super::reports::Reports;
use super::{Rule, Verdict};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Patience {
    steps: i64,
    min_delta: f64,
    /// Who must agree.
    pub(super) inner: Option<Box<Rule>>,
}

impl Patience {
    pub(super) fn new(steps: i64, min_delta: f64, inner: Option<Rule>) -> Self {
        Self { steps: steps.max(1), min_delta, inner: inner.map(Box::new) }
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        let Some((last, _)) = reports.losses().next_back() else {
            return Verdict::Continue;
        };
        let from = last.saturating_sub(self.steps);
        let best = |recent: bool| {
            let points = reports.losses().filter(|&(step, _)| (step > from) == recent);
            points.fold(f64::NAN, |best, (_, loss)| best.min(loss))
        };
        let has_waited = reports.losses().next().is_some_and(|(first, _)| first <= from);
        if !has_waited || self.improves(best(false), best(true)) {
            return Verdict::Continue;
        }
        match &self.inner {
            Some(inner) => inner.judge(number, reports),
            None => Verdict::Prune { reason: format!("patience: no better since step {from}, now {last}") },
        }
    }

    /// Whether `recent` is a number, and better than `before` by enough.
    fn improves(&self, before: f64, recent: f64) -> bool {
        recent < before && before - recent >= self.min_delta || (before.is_nan() && !recent.is_nan())
    }
}
