//! Constraints: how far a trial is from what it has to keep to.

use crate::{
    spec::{Constraint, Summary},
    study::Study,
    trial::Trial,
};
use hone_search::Direction;

impl Constraint {
    /// By how much a value is beyond the bound, in units of the bound (of 1 where that is 0); 0: the constraint holds.
    pub fn violation(&self, value: f64) -> f64 {
        let beyond = |bound: Option<f64>, sign: f64| {
            bound.map_or(0.0, |bound| {
                let scale = if bound == 0.0 { 1.0 } else { bound.abs() };
                (sign * (value - bound) / scale).max(0.0)
            })
        };
        beyond(self.max, 1.0) + beyond(self.min, -1.0)
    }
}

/// The sum over all constraints; what a trial that ended early has not reported is taken to hold.
pub(crate) fn violation(study: &Study, trial: &Trial) -> f64 {
    let constraints = study.spec.constraints.iter();
    let shown = constraints.filter_map(|constraint| Some((constraint, value(study, trial, &constraint.metric)?)));
    shown.map(|(constraint, value)| constraint.violation(value)).sum()
}

/// The final value of a metric.
pub(crate) fn value(study: &Study, trial: &Trial, metric: &str) -> Option<f64> {
    let index = study.metric_index(metric)?;
    trial.curve.summary(index, Summary::Last, Direction::Minimize)
}
