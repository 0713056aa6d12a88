//! One type for all rules: which of them there is, and what each is told.

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::config::PrunerConfig;
use super::halving::Halving;
use super::hyperband::Hyperband;
use super::ladder::{Ladder, Shape};
use super::learning_curve::LearningCurve;
use super::patience::Patience;
use super::pausing::Pausing;
use super::percentile::{MEDIAN, Percentile};
use super::reports::Reports;
use super::threshold::Threshold;
use super::wilcoxon::Wilcoxon;
use crate::columns::Outcome;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Rule {
    None,
    Percentile(Percentile),
    Ladder(Ladder),
    Halving(Halving),
    Hyperband(Hyperband),
    Threshold(Threshold),
    Patience(Patience),
    Wilcoxon(Wilcoxon),
    LearningCurve(LearningCurve),
}

impl Rule {
    pub(super) fn new(config: &PrunerConfig, objectives: usize) -> Self {
        let shape = |min_steps, reduction, max_steps, skipped| Shape { min_steps, reduction, max_steps, skipped, objectives };
        match *config {
            PrunerConfig::None => Self::None,
            PrunerConfig::Median { startup_trials, warmup_steps, interval } => {
                Self::Percentile(Percentile::new(MEDIAN, startup_trials, warmup_steps, interval))
            }
            PrunerConfig::Percentile { percentile, startup_trials, warmup_steps, interval } => {
                Self::Percentile(Percentile::new(percentile, startup_trials, warmup_steps, interval))
            }
            PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, promotion } => Self::Ladder(Ladder::new(
                shape(first_rung(min_steps, reduction, max_steps), reduction, max_steps, early_stopping_rate),
                promotion,
            )),
            PrunerConfig::Halving { min_steps, reduction, max_steps, early_stopping_rate, cohort, promotion } => {
                Self::Halving(Halving::new(
                    shape(first_rung(min_steps, reduction, max_steps), reduction, max_steps, early_stopping_rate),
                    cohort,
                    promotion,
                ))
            }
            PrunerConfig::Hyperband { min_steps, reduction, max_steps, brackets, promotion } => {
                Self::Hyperband(Hyperband::new(shape(min_steps, reduction, max_steps, 0), brackets, promotion))
            }
            PrunerConfig::Threshold { lower, upper, warmup_steps, interval } => {
                Self::Threshold(Threshold { lower, upper, warmup_steps, interval })
            }
            PrunerConfig::Patience { patience, min_delta, ref pruner } => {
                let inner = pruner.as_deref().map(|pruner| Self::new(pruner, objectives));
                Self::Patience(Patience::new(patience, min_delta, inner))
            }
            PrunerConfig::Wilcoxon { p_threshold, startup_steps } => Self::Wilcoxon(Wilcoxon::new(p_threshold, startup_steps)),
            PrunerConfig::LearningCurve { error_rate, startup_trials, control, min_steps } => {
                Self::LearningCurve(LearningCurve::new(error_rate, startup_trials, control, min_steps))
            }
        }
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        match self {
            Self::None => Verdict::Continue,
            Self::Percentile(percentile) => percentile.judge(reports),
            Self::Ladder(ladder) => ladder.judge(number, reports),
            Self::Halving(halving) => halving.judge(number, reports),
            Self::Hyperband(hyperband) => hyperband.judge(number, reports),
            Self::Threshold(threshold) => threshold.judge(reports),
            Self::Patience(patience) => patience.judge(number, reports),
            Self::Wilcoxon(wilcoxon) => wilcoxon.judge(reports),
            Self::LearningCurve(curve) => curve.judge(number, reports),
        }
    }

    pub(super) fn record(&mut self, number: u32, reports: &Reports) {
        match self {
            Self::Ladder(ladder) => ladder.record(number, reports),
            Self::Halving(halving) => halving.record(number, reports),
            Self::Hyperband(hyperband) => hyperband.record(number, reports),
            Self::Patience(Patience { inner: Some(inner), .. }) => inner.record(number, reports),
            Self::None
            | Self::Percentile(_)
            | Self::Threshold(_)
            | Self::Patience(_)
            | Self::Wilcoxon(_)
            | Self::LearningCurve(_) => {}
        }
    }

    pub(super) fn finish(&mut self, number: u32, outcome: Outcome, reports: &Reports, loss: f64) {
        let is_complete = outcome == Outcome::Complete;
        match self {
            Self::Ladder(ladder) => {
                ladder.forget(number);
                ladder.record(number, reports);
            }
            Self::Halving(halving) => halving.finish(number, reports),
            Self::Hyperband(hyperband) => {
                hyperband.forget(number);
                hyperband.record(number, reports);
            }
            Self::Percentile(percentile) if is_complete => percentile.finish(number, reports),
            Self::Wilcoxon(wilcoxon) if is_complete => wilcoxon.finish(number, reports, loss),
            Self::LearningCurve(curve) if is_complete => curve.finish(number, reports, loss),
            Self::Patience(Patience { inner: Some(inner), .. }) => inner.finish(number, outcome, reports, loss),
            Self::None
            | Self::Percentile(_)
            | Self::Threshold(_)
            | Self::Patience(_)
            | Self::Wilcoxon(_)
            | Self::LearningCurve(_) => {}
        }
    }

    pub(super) fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        match self {
            Self::Ladder(ladder) => ladder.needs_point(previous, step),
            Self::Halving(halving) => halving.needs_point(previous, step),
            Self::Hyperband(hyperband) => hyperband.needs_point(previous, step),
            Self::LearningCurve(curve) => curve.needs_point(previous, step),
            Self::Patience(Patience { inner: Some(inner), .. }) => inner.needs_point(previous, step),
            Self::None | Self::Percentile(_) | Self::Threshold(_) | Self::Patience(_) | Self::Wilcoxon(_) => false,
        }
    }

    pub(super) fn pausing(&self) -> Option<&dyn Pausing> {
        match self {
            Self::Ladder(ladder) => Some(ladder),
            Self::Halving(halving) => Some(halving),
            Self::Hyperband(hyperband) => Some(hyperband),
            Self::Patience(Patience { inner: Some(inner), .. }) => inner.pausing(),
            Self::None
            | Self::Percentile(_)
            | Self::Threshold(_)
            | Self::Patience(_)
            | Self::Wilcoxon(_)
            | Self::LearningCurve(_) => None,
        }
    }

    pub(super) fn pausing_mut(&mut self) -> Option<&mut dyn Pausing> {
        match self {
            Self::Ladder(ladder) => Some(ladder),
            Self::Halving(halving) => Some(halving),
            Self::Hyperband(hyperband) => Some(hyperband),
            Self::Patience(Patience { inner: Some(inner), .. }) => inner.pausing_mut(),
            Self::None
            | Self::Percentile(_)
            | Self::Threshold(_)
            | Self::Patience(_)
            | Self::Wilcoxon(_)
            | Self::LearningCurve(_) => None,
        }
    }
}

/// Returns the step of a ladder's first rung.
///
/// Where nothing is said of it, it is the `reduction²`-th part of the last step, so that trials are judged at two rungs.
/// Earlier values often mislead, and an epoch of that part costs little; each further rung would save less and less.
fn first_rung(min_steps: Option<i64>, reduction: u32, max_steps: Option<i64>) -> i64 {
    let factor = i64::from(reduction.max(2));
    min_steps.unwrap_or_else(|| (max_steps.unwrap_or(1) / factor.saturating_mul(factor)).max(1))
}
