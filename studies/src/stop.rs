//! When a study ends before its budget is used: from its history, so that a restart ends it at the same trial.

use std::sync::Arc;

use hone_search::stop::{EndedTrial, StopRule, StopState};

use crate::{
    event::Origin,
    finished::FinishedTrial,
    ids::Micros,
    spec::{StopSpec, StudySpec},
    study::Study,
};

/// Complete trials before what may still be gained is estimated.
const ESTIMATE_FROM: u32 = 40;
const MICROS_PER_HOUR: f64 = 3.6e9;

impl StopSpec {
    /// The rules that look at trials. Time is looked at apart, because it passes without any.
    fn rules(&self) -> Vec<StopRule> {
        let no_improvement = self.no_improvement.map(|trials| StopRule::NoImprovement { trials, min_delta: self.min_delta });
        let regret = self.regret_bound.map(|below| StopRule::RegretBound {
            below,
            confidence: self.confidence,
            startup_trials: ESTIMATE_FROM,
        });
        let cost = self.cost.map(|limit| StopRule::Cost { limit });
        [no_improvement, regret, cost].into_iter().flatten().collect()
    }
}

/// Starts with no trials; `None` without rules.
pub(crate) fn begin(spec: &StudySpec) -> Option<Arc<StopState>> {
    let rules = spec.stop.rules();
    let directions: Vec<_> = spec.objectives.iter().map(|objective| objective.direction).collect();
    (!rules.is_empty()).then(|| Arc::new(StopState::new(&rules, &directions)))
}

/// Starts again with all trials of a study whose rules have changed.
pub(crate) fn begin_again(study: &Study) -> Option<Arc<StopState>> {
    let mut state = begin(&study.spec)?;
    for part in study.finished.parts() {
        (0..part.len()).for_each(|row| record(&mut state, study, FinishedTrial { segment: part, row }));
    }
    Some(state)
}

/// Takes note of a trial that has just ended.
pub(crate) fn record(state: &mut Arc<StopState>, study: &Study, trial: FinishedTrial<'_>) {
    let columns = &trial.segment.columns;
    let values: Vec<f64> = (0..study.spec.objectives.len()).map(|at| columns.value(at, trial.row)).collect();
    let ended = EndedTrial {
        outcome: trial.outcome(),
        values: &values,
        violation: columns.violation(trial.row),
        cost: cost(study, trial),
    };
    let detail = trial.segment.detail(trial.row);
    if detail.is_some_and(|detail| detail.origin == Origin::Imported) {
        Arc::make_mut(state).learn(&ended);
    } else {
        Arc::make_mut(state).record(&ended);
    }
}

/// The value of the metric that tells it, or the hours that the trial's attempts have run.
fn cost(study: &Study, trial: FinishedTrial<'_>) -> f64 {
    match &study.spec.stop.cost_metric {
        Some(metric) => study.metric_index(metric).and_then(|index| trial.metric(index)).unwrap_or(0.0),
        None => time_spent(trial) as f64 / MICROS_PER_HOUR,
    }
}

/// A trial may have waited between its attempts, for hours where a pruner held it back.
fn time_spent(trial: FinishedTrial<'_>) -> Micros {
    let (segment, row) = (trial.segment, trial.row);
    match segment.detail(row) {
        Some(detail) => detail.attempts.iter().filter_map(|attempt| Some(attempt.ended? - attempt.started)).sum(),
        None => segment.ended[row] - segment.started[row],
    }
}

/// Why the study should end now; `None`: it goes on.
pub(crate) fn reason(study: &Study, wall: Micros) -> Option<String> {
    let over = |limit: &Micros| wall.saturating_sub(study.created) >= *limit;
    if let Some(limit) = study.spec.stop.time.filter(over) {
        return Some(format!("its time of {} is over", crate::file::units::format_duration(limit)));
    }
    study.stop.as_ref()?.reason().map(|stop| stop.reason.clone())
}
