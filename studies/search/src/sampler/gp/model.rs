//! The posterior of a Gaussian process (Rasmussen and Williams 2006, algorithm 2.1), grown point by point.
//!
//! Trials under way are *believed*: they are taken to end as predicted (kriging believer, Ginsbourger et al. 2010).
//! A belief equal to the prediction leaves every mean as it is and only narrows the deviations, so believed points
//! enter the factor and the means never see them.

use super::kernel::{Column, Hyper, Kind, Points, covariances, covariances_and_slopes, squares};
use super::linalg::{Factor, dot};

/// The smallest variance of a prediction, in parts of the signal's.
const SMALLEST_VARIANCE: f64 = 1e-12;

/// A conditioned process over standardised values with mean zero.
#[derive(Clone, Debug)]
pub(super) struct Model {
    columns: Vec<Column>,
    weights: Vec<f64>,
    signal: f64,
    noise: f64,
    points: Points,
    factor: Factor,
    /// `K⁻¹ y` over the observed points, which come first.
    alpha: Vec<f64>,
}

/// What is predicted at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Prediction {
    pub(super) mean: f64,
    /// Standard deviation of the function itself, without noise; positive.
    pub(super) deviation: f64,
}

/// Memory for predictions, kept from one to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    q: Vec<f64>,
    slopes: Vec<f64>,
    solved: Vec<f64>,
    beside: Vec<f64>,
}

impl Model {
    /// Returns the process before any observation.
    pub(super) fn empty(columns: Vec<Column>, hyper: &Hyper) -> Self {
        let (signal, noise) = (hyper.ln_signal.exp(), hyper.ln_noise.exp());
        let (weights, points) = (hyper.weights(&columns), Points::new(columns.len()));
        Self { columns, weights, signal, noise, points, factor: Factor::default(), alpha: Vec::new() }
    }

    /// Observes `more` points, and `values` at all of them; what was believed is forgotten.
    pub(super) fn observe(&mut self, more: &Points, values: &[f64]) {
        let observed = self.alpha.len();
        self.points.truncate(observed);
        self.factor.truncate(observed);
        let mut point = vec![0.0; self.columns.len()];
        for index in 0..more.len() {
            more.read(index, &mut point);
            self.points.push(&point);
        }
        self.grow();
        self.alpha = values.to_vec();
        self.factor.solve_lower(&mut self.alpha);
        self.factor.solve_upper(&mut self.alpha);
    }

    /// Adds a point whose value is believed to be the predicted one.
    pub(super) fn believe(&mut self, point: &[f64]) {
        self.points.push(point);
        self.grow();
    }

    /// Adds the factor's rows for points that have none yet.
    fn grow(&mut self) {
        let mut point = vec![0.0; self.columns.len()];
        for index in self.factor.len()..self.points.len() {
            self.points.read(index, &mut point);
            let mut beside = vec![0.0; index];
            squares(&self.columns, &self.weights, &self.points, &point, &mut beside);
            covariances(&mut beside);
            beside.iter_mut().for_each(|k| *k *= self.signal);
            self.factor.push(&beside, self.signal + self.noise);
        }
    }

    /// Returns the number of points observed.
    pub(super) fn observed(&self) -> usize {
        self.alpha.len()
    }

    /// Returns the length scale of each column.
    pub(super) fn lengths(&self) -> impl Iterator<Item = f64> {
        self.weights.iter().map(|weight| 1.0 / weight.sqrt())
    }

    /// Returns the predicted mean at an observed point, from its value alone: `y − σ² α`.
    pub(super) fn mean_at_observed(&self, index: usize, value: f64) -> f64 {
        value - self.noise * self.alpha[index]
    }

    /// Returns the mean, a deviation that is never too small, and whether the point is one of the model's own.
    ///
    /// The deviation is that left by the nearest point alone, at a fraction of the cost of the exact one.
    pub(super) fn outlook(&self, point: &[f64], scratch: &mut Scratch) -> (Prediction, bool) {
        let q = &mut scratch.q;
        q.resize(self.points.len(), 0.0);
        squares(&self.columns, &self.weights, &self.points, point, q);
        let is_known = q.contains(&0.0);
        let mut nearest = [q.iter().copied().fold(f64::INFINITY, f64::min)];
        covariances(&mut q[..self.alpha.len()]);
        covariances(&mut nearest);
        let mean = self.signal * dot(&q[..self.alpha.len()], &self.alpha);
        let explained = nearest[0] * nearest[0] * self.signal / (self.signal + self.noise);
        (Prediction { mean, deviation: self.deviation(self.signal * explained) }, is_known)
    }

    /// Returns mean and deviation at `point`.
    pub(super) fn predict(&self, point: &[f64], scratch: &mut Scratch) -> Prediction {
        let solved = &mut scratch.solved;
        solved.resize(self.points.len(), 0.0);
        squares(&self.columns, &self.weights, &self.points, point, solved);
        covariances(solved);
        solved.iter_mut().for_each(|k| *k *= self.signal);
        let mean = dot(&solved[..self.alpha.len()], &self.alpha);
        self.factor.solve_lower(solved);
        Prediction { mean, deviation: self.deviation(dot(solved, solved)) }
    }

    fn deviation(&self, explained: f64) -> f64 {
        (self.signal - explained).max(SMALLEST_VARIANCE * self.signal).sqrt()
    }

    /// Returns mean and deviation at `point`, and writes their gradients by its columns.
    ///
    /// Columns of labels get 0: they have no direction.
    pub(super) fn gradients(
        &self,
        point: &[f64],
        by_mean: &mut [f64],
        by_deviation: &mut [f64],
        scratch: &mut Scratch,
    ) -> Prediction {
        let Scratch { q, slopes, solved, beside } = scratch;
        let (all, observed) = (self.points.len(), self.alpha.len());
        q.resize(all, 0.0);
        slopes.resize(all, 0.0);
        squares(&self.columns, &self.weights, &self.points, point, q);
        covariances_and_slopes(q, slopes);
        q.iter_mut().for_each(|k| *k *= self.signal);
        solved.clone_from(q);
        self.factor.solve_lower(solved);
        let prediction = Prediction { mean: dot(&q[..observed], &self.alpha), deviation: self.deviation(dot(solved, solved)) };
        self.factor.solve_upper(solved);
        beside.resize(all, 0.0);
        for (index, column) in self.columns.iter().enumerate() {
            (by_mean[index], by_deviation[index]) = (0.0, 0.0);
            if column.kind == Kind::Line {
                let there = self.points.column(index);
                let factor = 2.0 * self.weights[index] * self.signal;
                for ((beside, slope), there) in beside.iter_mut().zip(slopes.iter()).zip(there) {
                    *beside = factor * slope * (point[index] - there);
                }
                by_mean[index] = dot(&beside[..observed], &self.alpha);
                by_deviation[index] = -dot(beside, solved) / prediction.deviation;
            }
        }
        prediction
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
