//! A parabola through the best trials, and where it is lowest.
//!
//! A kernel with a length scale for each parameter learns slowly that a valley runs across them, and expected improvement
//! creeps along it. Near an optimum most functions are quadratic, and a quadratic function of `d` numbers is known after
//! `(d + 1)(d + 2) / 2` values (response surfaces: Box and Wilson 1951; as a local model: Powell 2009, Hansen 2019). With
//! fewer trials the products are left out, which leaves `2 d + 1` values.
//!
//! Whether a parabola fits is asked of trials that were left out of it, one by one: noise and ripples fail that test.

use super::descent::{Effort, minimize};
use super::linalg::{Factor, add_scaled, dot};

/// Most coefficients: those of 22 numbers.
const MOST_COEFFICIENTS: usize = 300;
/// Trials for each coefficient, at least and at most.
const LEAST_TRIALS: f64 = 1.3;
const MOST_TRIALS: f64 = 2.0;
/// Weight of the last trial, where the best weighs 1.
const LAST_WEIGHT: f64 = 0.05;
/// What is added to the diagonal, as a share of its mean: trials may lie in a plane.
const RIDGE: f64 = 1e-10;
/// Share of the variance that the parabola has to predict of trials left out.
const LEAST_PREDICTED: f64 = 0.5;
/// How far beyond the trials their parabola is believed, in widths of their range.
const BEYOND: f64 = 0.5;
/// The share of a trial's error that the parabola leaves, at least: where it goes through a trial, that proves nothing.
const LEAST_LEFT: f64 = 1e-3;
const DESCENT: Effort = Effort { evaluations: 200, least_gain: 1e-13 };

/// Where a parabola is lowest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lowest {
    pub(super) position: Vec<f64>,
    /// How many trials the parabola goes through.
    pub(super) trials: usize,
}

/// Returns where the parabola is lowest, within the unit cube and near the trials; `None` if none fits.
///
/// Trials are given by their positions, best first, with finite losses.
pub(super) fn lowest(positions: &[Vec<f64>], losses: &[f64]) -> Option<Lowest> {
    let best = positions.first().filter(|best| !best.is_empty())?;
    let terms = Terms::for_trials(best.len(), positions.len())?;
    let trials = ((terms.count() as f64 * MOST_TRIALS) as usize).min(positions.len());
    let sample = Sample::new(&positions[..trials], &losses[..trials])?;
    let parabola = Parabola::fit(terms, &sample)?;
    let (z, _) = minimize(&vec![0.0; best.len()], &sample.bounds(best), DESCENT, |z, slope| parabola.value(z, slope));
    let position = z.iter().zip(&sample.scales).zip(best).map(|((z, scale), best)| (best + z * scale).clamp(0.0, 1.0)).collect();
    Some(Lowest { position, trials })
}

/// The terms of a parabola in so many numbers: 1, each number, each square, and with `products` each product of two.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Terms {
    numbers: usize,
    products: bool,
}

impl Terms {
    /// Returns as many terms as so many trials determine.
    fn for_trials(numbers: usize, trials: usize) -> Option<Self> {
        let suits = |terms: &Self| {
            let count = terms.count();
            count <= MOST_COEFFICIENTS && trials as f64 >= LEAST_TRIALS * count as f64
        };
        [true, false].map(|products| Self { numbers, products }).into_iter().find(suits)
    }

    fn count(&self) -> usize {
        let products = if self.products { self.numbers * (self.numbers - 1) / 2 } else { 0 };
        1 + 2 * self.numbers + products
    }

    fn of(&self, z: &[f64]) -> Vec<f64> {
        let mut terms = vec![1.0];
        terms.extend_from_slice(z);
        terms.extend(z.iter().map(|z| z * z));
        if self.products {
            terms.extend((1..z.len()).flat_map(|a| (0..a).map(move |b| z[a] * z[b])));
        }
        terms
    }
}

/// Trials around the best, each axis scaled by their range.
struct Sample {
    points: Vec<Vec<f64>>,
    /// Losses above the best, the largest being 1.
    values: Vec<f64>,
    weights: Vec<f64>,
    scales: Vec<f64>,
}

impl Sample {
    /// Returns `None` if all losses are equal.
    fn new(positions: &[Vec<f64>], losses: &[f64]) -> Option<Self> {
        let (best, worst) = (losses[0], losses[losses.len() - 1]);
        // Halved, so that the largest doubles have a difference.
        let range = worst / 2.0 - best / 2.0;
        if range.is_nan() || range <= 0.0 {
            return None;
        }
        let away = |axis: usize| positions.iter().fold(0.0_f64, |far, at| far.max((at[axis] - positions[0][axis]).abs()));
        let scales: Vec<f64> =
            (0..positions[0].len()).map(|axis| Some(away(axis)).filter(|&far| far > 0.0).unwrap_or(1.0)).collect();
        let scaled =
            |at: &Vec<f64>| at.iter().zip(&positions[0]).zip(&scales).map(|((x, best), scale)| (x - best) / scale).collect();
        let last = (positions.len() - 1).max(1) as f64;
        let weight = |rank: usize| 1.0 - (1.0 - LAST_WEIGHT) * rank as f64 / last;
        Some(Self {
            points: positions.iter().map(scaled).collect(),
            values: losses.iter().map(|loss| (loss / 2.0 - best / 2.0) / range).collect(),
            weights: (0..positions.len()).map(weight).collect(),
            scales,
        })
    }

    /// Returns the box in which the parabola is believed.
    fn bounds(&self, best: &[f64]) -> Vec<(f64, f64)> {
        let bounds = |(axis, best): (usize, &f64)| {
            let along = || self.points.iter().map(|point| point[axis]);
            let (low, high) = (along().fold(0.0, f64::min), along().fold(0.0, f64::max));
            let beyond = BEYOND * (high - low);
            let scale = self.scales[axis];
            ((low - beyond).max(-best / scale).min(0.0), (high + beyond).min((1.0 - best) / scale).max(0.0))
        };
        best.iter().enumerate().map(bounds).collect()
    }
}

/// A quadratic function.
struct Parabola {
    terms: Terms,
    coefficients: Vec<f64>,
}

impl Parabola {
    /// Fits by weighted least squares; `None` if trials left out contradict it.
    fn fit(terms: Terms, sample: &Sample) -> Option<Self> {
        let rows: Vec<Vec<f64>> = sample.points.iter().map(|point| terms.of(point)).collect();
        let factor = normal_equations(&rows, &sample.weights, terms.count());
        let mut coefficients = vec![0.0; terms.count()];
        for ((row, weight), value) in rows.iter().zip(&sample.weights).zip(&sample.values) {
            add_scaled(&mut coefficients, weight * value, row);
        }
        factor.solve_lower(&mut coefficients);
        factor.solve_upper(&mut coefficients);
        let fits = predicted_share(&rows, sample, &factor, &coefficients) >= LEAST_PREDICTED;
        fits.then_some(Self { terms, coefficients })
    }

    /// Returns the value, and writes the slope.
    fn value(&self, z: &[f64], slope: &mut [f64]) -> f64 {
        let (linear, rest) = self.coefficients[1..].split_at(z.len());
        let (squares, products) = rest.split_at(z.len());
        slope.copy_from_slice(linear);
        slope.iter_mut().zip(squares).zip(z).for_each(|((slope, square), z)| *slope += 2.0 * square * z);
        let mut products = products.iter();
        for a in 1..z.len() {
            for (b, product) in products.by_ref().take(a).enumerate() {
                slope[a] += product * z[b];
                slope[b] += product * z[a];
            }
        }
        dot(&self.coefficients, &self.terms.of(z))
    }
}

/// Returns the factor of the weighted products of the terms.
fn normal_equations(rows: &[Vec<f64>], weights: &[f64], count: usize) -> Factor {
    let mut matrix = vec![vec![0.0; count]; count];
    for (row, weight) in rows.iter().zip(weights) {
        for (at, into) in matrix.iter_mut().enumerate() {
            add_scaled(&mut into[..=at], weight * row[at], &row[..=at]);
        }
    }
    let ridge = RIDGE * matrix.iter().enumerate().map(|(at, row)| row[at]).sum::<f64>() / count as f64;
    let mut factor = Factor::with_capacity(count);
    for (at, row) in matrix.iter().enumerate() {
        factor.push(&row[..at], row[at] + ridge);
    }
    factor
}

/// Returns which share of the variance is predicted where the trial predicted is left out (PRESS, Allen 1974).
fn predicted_share(rows: &[Vec<f64>], sample: &Sample, factor: &Factor, coefficients: &[f64]) -> f64 {
    let total: f64 = sample.weights.iter().sum();
    let mean = dot(&sample.weights, &sample.values) / total;
    let (mut missed, mut variance) = (0.0, 0.0);
    for ((row, &weight), &value) in rows.iter().zip(&sample.weights).zip(&sample.values) {
        let mut pull = row.clone();
        factor.solve_lower(&mut pull);
        let left = (1.0 - weight * dot(&pull, &pull)).max(LEAST_LEFT);
        let error = (value - dot(row, coefficients)) / left;
        missed += weight * error * error;
        variance += weight * (value - mean) * (value - mean);
    }
    1.0 - missed / variance
}

#[cfg(test)]
#[path = "parabola_tests.rs"]
mod tests;
