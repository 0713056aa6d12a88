//! Length scales, signal and noise: the most probable ones given the observations (maximum a posteriori).
//!
//! The likelihood and its gradient are those of Rasmussen and Williams 2006, 5.8 and 5.9. The priors are log-normal.
//! That of the length scales moves out with the root of the number of parameters, as the distance of random points
//! does (Hvarfner et al. 2024), so that many parameters do not mean that nothing is ever near anything.
//!
//! The search starts from the middle of the priors and from a rough and a smooth function, on a thinned set of
//! points first; only the best is carried on over all of them. So the answer depends on the points alone and not on
//! an earlier answer, and whoever has lost the earlier one gets the same.

use super::descent::{Effort, minimize};
use super::kernel::{Column, Hyper, Kind, Points, covariances_and_slopes, squares};
use super::linalg::{Factor, dot};
use crate::normal::ln_sqrt_tau;

/// Points of the first search; a third of the cost of all its starts is one factorisation of this many.
const COARSE_POINTS: usize = 80;
/// Points of the last search.
const FINE_POINTS: usize = 240;
const COARSE: Effort = Effort { evaluations: 40, least_gain: 1e-3 };
const FINE: Effort = Effort { evaluations: 16, least_gain: 1e-2 };

/// A normal prior of a logarithm, and the range it is kept to.
#[derive(Clone, Copy, Debug)]
struct Prior {
    mean: f64,
    deviation: f64,
    bounds: (f64, f64),
}

impl Prior {
    /// Returns the negative logarithm of the density, up to a constant, and its slope.
    fn cost(&self, x: f64) -> (f64, f64) {
        let z = (x - self.mean) / self.deviation;
        (0.5 * z * z, z / self.deviation)
    }
}

/// Priors in the order of the vector that is searched: length scales, signal, noise.
fn priors(scales: usize) -> Vec<Prior> {
    let length = Prior { mean: LENGTH.ln() + 0.5 * (scales as f64).ln(), deviation: LENGTH_SPREAD, bounds: (-4.6, 4.6) };
    let signal = Prior { mean: 0.0, deviation: SIGNAL_SPREAD, bounds: (-3.0, 5.0) };
    let noise = Prior { mean: NOISE.ln(), deviation: NOISE_SPREAD, bounds: (LEAST_NOISE.ln(), 0.0) };
    let mut priors = vec![length; scales];
    priors.extend([signal, noise]);
    priors
}

/// The middle of the length scales' prior for one parameter, in parts of its range.
const LENGTH: f64 = 0.25;
const LENGTH_SPREAD: f64 = 1.0;
const SIGNAL_SPREAD: f64 = 1.0;
/// The middle of the noise's prior, in parts of the values' variance.
const NOISE: f64 = 1e-4;
const NOISE_SPREAD: f64 = 2.5;
/// Below this a covariance cannot be told from a singular one.
const LEAST_NOISE: f64 = 1e-8;

/// Returns the most probable settings for `values`, which should have mean 0 and variance 1.
pub(super) fn fit(columns: &[Column], scales: usize, points: &Points, values: &[f64]) -> Hyper {
    let priors = priors(scales);
    let bounds: Vec<(f64, f64)> = priors.iter().map(|prior| prior.bounds).collect();
    let coarse = Evidence::thinned(columns, &priors, points, values, COARSE_POINTS);
    let starts = [0.0, -1.2, 1.2].map(|shift| start(&priors, scales, shift));
    let tried = starts.map(|start| minimize(&start, &bounds, COARSE, |x, gradient| coarse.cost(x, gradient)));
    let [first, others @ ..] = tried;
    let best = others.into_iter().fold(first, |best, other| if other.1 < best.1 { other } else { best }).0;
    if points.len() <= COARSE_POINTS {
        return unpack(&best);
    }
    let fine = Evidence::thinned(columns, &priors, points, values, FINE_POINTS);
    unpack(&minimize(&best, &bounds, FINE, |x, gradient| fine.cost(x, gradient)).0)
}

/// Returns the middle of the priors with all length scales moved by `shift`.
fn start(priors: &[Prior], scales: usize, shift: f64) -> Vec<f64> {
    priors.iter().enumerate().map(|(index, prior)| prior.mean + if index < scales { shift } else { 0.0 }).collect()
}

fn unpack(x: &[f64]) -> Hyper {
    let (ln_lengths, rest) = x.split_at(x.len() - 2);
    Hyper { ln_lengths: ln_lengths.to_vec(), ln_signal: rest[0], ln_noise: rest[1] }
}

/// How probable settings are, given points and values.
struct Evidence<'a> {
    columns: &'a [Column],
    priors: &'a [Prior],
    points: Points,
    values: Vec<f64>,
}

impl<'a> Evidence<'a> {
    /// Takes at most `most` of the points, evenly over their order.
    fn thinned(columns: &'a [Column], priors: &'a [Prior], points: &Points, values: &[f64], most: usize) -> Self {
        let (all, kept) = (points.len(), points.len().min(most));
        let mut thinned = Self { columns, priors, points: Points::new(columns.len()), values: Vec::with_capacity(kept) };
        let mut point = vec![0.0; columns.len()];
        for place in 0..kept {
            let index = place * all / kept;
            points.read(index, &mut point);
            thinned.points.push(&point);
            thinned.values.push(values[index]);
        }
        thinned
    }

    /// Returns the negative logarithm of the posterior, up to a constant, and writes its gradient.
    fn cost(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let hyper = unpack(x);
        let weights = hyper.weights(self.columns);
        let (signal, noise) = (hyper.ln_signal.exp(), hyper.ln_noise.exp());
        let (factor, rows) = self.factorise(&weights, signal, noise);
        let mut alpha = self.values.clone();
        factor.solve_lower(&mut alpha);
        factor.solve_upper(&mut alpha);
        let misfit = 0.5 * dot(&self.values, &alpha);
        let likelihood = misfit + factor.half_ln_determinant() + alpha.len() as f64 * ln_sqrt_tau();
        let traces = self.traces(&rows, &factor.inverse(), &alpha);
        gradient.fill(0.0);
        for (index, column) in self.columns.iter().enumerate() {
            gradient[column.scale] -= 2.0 * weights[index] * signal * traces.by_column[index];
        }
        let scales = gradient.len() - 2;
        gradient[scales] = signal * traces.by_signal;
        gradient[scales + 1] = noise * traces.by_noise;
        self.priors.iter().zip(x).zip(gradient).fold(likelihood, |sum, ((prior, &x), gradient)| {
            let (cost, slope) = prior.cost(x);
            *gradient += slope;
            sum + cost
        })
    }

    /// Returns the factor of the covariance, and each point's covariances and slopes with those before it.
    fn factorise(&self, weights: &[f64], signal: f64, noise: f64) -> (Factor, Vec<Row>) {
        let mut factor = Factor::with_capacity(self.points.len());
        let mut rows = Vec::with_capacity(self.points.len());
        let mut point = vec![0.0; self.columns.len()];
        for index in 0..self.points.len() {
            self.points.read(index, &mut point);
            let mut row = Row { covariances: vec![0.0; index], slopes: vec![0.0; index] };
            squares(self.columns, weights, &self.points, &point, &mut row.covariances);
            covariances_and_slopes(&mut row.covariances, &mut row.slopes);
            let scaled: Vec<f64> = row.covariances.iter().map(|k| k * signal).collect();
            factor.push(&scaled, signal + noise);
            rows.push(row);
        }
        (factor, rows)
    }

    /// Returns half the traces of `(K⁻¹ − α αᵀ) ∂K` for each part of the covariance.
    fn traces(&self, rows: &[Row], inverse: &[f64], alpha: &[f64]) -> Traces {
        let mut traces = Traces { by_column: vec![0.0; self.columns.len()], by_signal: 0.0, by_noise: 0.0 };
        let mut from = 0;
        let mut pulls = vec![0.0; rows.len()];
        for (index, row) in rows.iter().enumerate() {
            let inverse_row = &inverse[from..=from + index];
            from += index + 1;
            let pulls = &mut pulls[..index];
            for (other, pull) in pulls.iter_mut().enumerate() {
                *pull = inverse_row[other] - alpha[index] * alpha[other];
            }
            let own = 0.5 * (inverse_row[index] - alpha[index] * alpha[index]);
            traces.by_noise += own;
            traces.by_signal += own + dot(pulls, &row.covariances);
            pulls.iter_mut().zip(&row.slopes).for_each(|(pull, slope)| *pull *= slope);
            self.add_column_traces(index, pulls, &mut traces.by_column);
        }
        traces
    }

    fn add_column_traces(&self, index: usize, pulls: &[f64], into: &mut [f64]) {
        for ((column, points), into) in self.columns.iter().zip(0..).zip(into) {
            let entries = self.points.column(points);
            let here = entries[index];
            let before = pulls.iter().zip(entries);
            *into += match column.kind {
                Kind::Line => before.map(|(pull, there)| pull * (here - there) * (here - there)).sum::<f64>(),
                Kind::Label => before.map(|(pull, &there)| if here == there { 0.0 } else { *pull }).sum(),
            };
        }
    }
}

/// One point's covariances for a signal of 1, and their slopes, with the points before it.
struct Row {
    covariances: Vec<f64>,
    slopes: Vec<f64>,
}

struct Traces {
    by_column: Vec<f64>,
    by_signal: f64,
    by_noise: f64,
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
