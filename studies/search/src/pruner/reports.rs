//! What one trial has reported, turned so that smaller is better.

use crate::sampler::Direction;

/// A trial's points as (step, value), steps ascending.
pub(super) type Curve<'a> = &'a [(i64, f64)];

/// The curves of one trial, one per objective.
#[derive(Debug)]
pub(super) struct Reports<'a> {
    directions: &'a [Direction],
    curves: Vec<Curve<'a>>,
}

impl<'a> Reports<'a> {
    /// Curves missing at the end count as empty, those beyond the objectives are left out.
    pub(super) fn new<C: AsRef<[(i64, f64)]>>(directions: &'a [Direction], curves: &'a [C]) -> Self {
        let mut curves: Vec<Curve> = curves.iter().take(directions.len()).map(AsRef::as_ref).collect();
        curves.resize(directions.len(), &[]);
        Self { directions, curves }
    }

    /// Returns the first objective's points as they were reported.
    pub(super) fn first(&self) -> Curve<'a> {
        self.curves.first().copied().unwrap_or_default()
    }

    /// Returns the first objective's points as (step, loss).
    pub(super) fn losses(&self) -> impl DoubleEndedIterator<Item = (i64, f64)> + ExactSizeIterator + Clone + use<'a> {
        let direction = self.directions.first().copied().unwrap_or_default();
        self.first().iter().map(move |&(step, value)| (step, direction.to_loss(value)))
    }

    /// Turns a loss of the first objective back into a value.
    pub(super) fn value(&self, loss: f64) -> f64 {
        self.directions.first().copied().unwrap_or_default().to_loss(loss)
    }

    /// Returns the step of the newest report of any objective.
    pub(super) fn last_step(&self) -> Option<i64> {
        self.curves.iter().filter_map(|curve| curve.last()).map(|&(step, _)| step).max()
    }

    /// Returns the step at which `rung` was reached: when the last objective had its first report at or past it.
    pub(super) fn reached(&self, rung: i64) -> Option<i64> {
        let steps = self.curves.iter().map(|curve| point_at(curve, rung).map(|(step, _)| step));
        steps.reduce(|a, b| Some(a?.max(b?))).flatten()
    }

    /// Returns an objective's loss at its first report at or past `rung`; NaN if there is none.
    pub(super) fn loss_at(&self, objective: usize, rung: i64) -> f64 {
        let point = self.curves.get(objective).and_then(|curve| point_at(curve, rung));
        point.map_or(f64::NAN, |(_, value)| self.directions[objective].to_loss(value))
    }

    /// Returns all losses at `rung`.
    pub(super) fn losses_at(&self, rung: i64) -> Vec<f64> {
        // Adding zero makes -0 equal to 0 in the total order too.
        (0..self.curves.len()).map(|objective| self.loss_at(objective, rung) + 0.0).collect()
    }
}

fn point_at(curve: Curve, rung: i64) -> Option<(i64, f64)> {
    curve.get(curve.partition_point(|&(reported, _)| reported < rung)).copied()
}

/// Whether the last point of `curve` is past the warm-up and the first one of its interval.
pub(super) fn is_due(curve: Curve, warmup_steps: i64, interval: i64) -> bool {
    let interval_of = |step: i64| (i128::from(step) - i128::from(warmup_steps)).div_euclid(i128::from(interval.max(1)));
    let Some((&(step, _), before)) = curve.split_last() else {
        return false;
    };
    let previous = before.last().map(|&(step, _)| interval_of(step));
    step >= warmup_steps && previous.is_none_or(|previous| previous < interval_of(step))
}
