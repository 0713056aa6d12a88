//! How much a point promises: the logarithm of expected improvement times the probability that it is feasible
//! (Gardner et al. 2014).

use super::ei::{Slopes, ln_below_zero, ln_improvement};
use super::model::{Model, Scratch};

/// The models, and the value to improve on.
#[derive(Clone, Debug)]
pub(super) struct Acquisition {
    pub(super) objective: Model,
    /// The best mean at a feasible observed point.
    pub(super) best: f64,
    /// Below zero where points are feasible; `None` while no trial was not.
    pub(super) feasibility: Option<Model>,
}

/// Memory for evaluations.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    scratch: Scratch,
    by_mean: Vec<f64>,
    by_deviation: Vec<f64>,
}

impl Acquisition {
    /// Returns a number that the exact one never exceeds, cheaply; `None` at a point tried before.
    pub(super) fn bound(&self, point: &[f64], workspace: &mut Workspace) -> Option<f64> {
        let (outlook, is_known) = self.objective.outlook(point, &mut workspace.scratch);
        let mut bound = ln_improvement(self.best, outlook.mean, outlook.deviation).value;
        if is_known {
            return None;
        }
        if let Some(feasibility) = &self.feasibility {
            let (outlook, is_known) = feasibility.outlook(point, &mut workspace.scratch);
            // A wider deviation helps only where the mean is infeasible.
            bound += if outlook.mean > 0.0 { ln_below_zero(outlook.mean, outlook.deviation).value } else { 0.0 };
            if is_known {
                return None;
            }
        }
        Some(bound)
    }

    /// Returns the logarithm of what the point promises.
    pub(super) fn value(&self, point: &[f64], workspace: &mut Workspace) -> f64 {
        let at = self.objective.predict(point, &mut workspace.scratch);
        let gain = ln_improvement(self.best, at.mean, at.deviation).value;
        let feasible = self.feasibility.as_ref().map_or(0.0, |model| {
            let at = model.predict(point, &mut workspace.scratch);
            ln_below_zero(at.mean, at.deviation).value
        });
        gain + feasible
    }

    /// Returns what [`Acquisition::value`] does, and writes its gradient by the columns.
    pub(super) fn gradient(&self, point: &[f64], into: &mut [f64], workspace: &mut Workspace) -> f64 {
        into.fill(0.0);
        let best = self.best;
        let gain = chain(&self.objective, point, into, workspace, |mean, deviation| ln_improvement(best, mean, deviation));
        let Some(feasibility) = &self.feasibility else {
            return gain;
        };
        gain + chain(feasibility, point, into, workspace, ln_below_zero)
    }

    /// Whether a point is new, and rather feasible than not.
    pub(super) fn is_possible(&self, point: &[f64]) -> bool {
        let mut workspace = Workspace::default();
        let is_feasible = |model: &Model| model.predict(point, &mut Scratch::default()).mean <= 0.0;
        self.bound(point, &mut workspace).is_some() && self.feasibility.as_ref().is_none_or(is_feasible)
    }

    /// Counts a point as under way.
    pub(super) fn believe(&mut self, point: &[f64]) {
        let believed = self.objective.predict(point, &mut Scratch::default()).mean;
        self.best = self.best.min(believed);
        self.objective.believe(point);
        if let Some(feasibility) = &mut self.feasibility {
            feasibility.believe(point);
        }
    }
}

/// Adds a model's share of the gradient to `into` by the chain rule.
fn chain(model: &Model, point: &[f64], into: &mut [f64], workspace: &mut Workspace, outer: impl Fn(f64, f64) -> Slopes) -> f64 {
    let Workspace { scratch, by_mean, by_deviation } = workspace;
    by_mean.resize(point.len(), 0.0);
    by_deviation.resize(point.len(), 0.0);
    let at = model.gradients(point, by_mean, by_deviation, scratch);
    let slopes = outer(at.mean, at.deviation);
    for (into, (mean, deviation)) in into.iter_mut().zip(by_mean.iter().zip(by_deviation.iter())) {
        *into += slopes.by_mean * mean + slopes.by_deviation * deviation;
    }
    slopes.value
}
