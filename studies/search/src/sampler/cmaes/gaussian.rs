//! The normal distribution of one run, and how a ranked generation moves it.
//!
//! Covariance matrix adaptation with active update (Hansen 2016, arXiv:1604.00772). Every point enters as an
//! injected one (Hansen 2011, arXiv:1110.4181): its distance from the mean is cut at a bound that points drawn
//! from the distribution hardly ever reach. So it does not matter which distribution a point was drawn from,
//! and points that come late, or from people, may move the distribution like any other.

use super::matrix;
use super::rates::{Rates, Weights};

/// Most axes with a full covariance matrix; beyond, only variances are learnt.
const MOST_FULL: usize = 80;
/// The largest factor by which one generation changes the step size, as a logarithm (Hansen 2011).
const MOST_GROWTH: f64 = 1.0;
/// The widest standard deviation along any axis: the unit interval is no wider.
const WIDEST: f64 = 1.0;
/// Most that a bad point close to the mean, as mirrored ones are, is taken to be further away, in squares.
const MOST_FAIR: f64 = 4.0;
/// How far the mean may lie outside the unit cube: at a bound the distribution goes on beyond it.
const STRAY: f64 = 0.5;
/// The smallest step size, so that steps can be divided by it.
const FINEST: f64 = 1e-15;
/// The smallest and the largest eigenvalue's ratio below which a matrix is repaired (Hansen 2016, B.3).
const WORST_CONDITION: f64 = 1e-14;

/// A normal distribution over the unit cube, with the paths it came along.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gaussian {
    pub(super) mean: Vec<f64>,
    pub(super) sigma: f64,
    covariance: Covariance,
    path_sigma: Vec<f64>,
    path_c: Vec<f64>,
    generations: u32,
    rates: Rates,
}

/// A covariance matrix with its symmetric roots.
#[derive(Clone, Debug, PartialEq)]
enum Covariance {
    /// All of it.
    Full { matrix: Vec<f64>, root: Vec<f64>, inverse_root: Vec<f64> },
    /// Its diagonal.
    Diagonal(Vec<f64>),
}

/// The points of a generation as steps from the mean, each divided by the step size.
pub(super) struct Generation<'a> {
    /// One step after the other.
    pub(super) steps: Vec<f64>,
    /// Weights in the order of the steps.
    pub(super) weights: &'a Weights,
    /// Factor between a step and the distance gone, per axis: above 1 where a margin widens the distribution.
    pub(super) stretch: &'a [f64],
}

impl Gaussian {
    /// A round distribution for generations of `population` points; without axes it is empty and stays so.
    pub(super) fn new(mean: Vec<f64>, sigma: f64, population: usize) -> Self {
        let size = mean.len();
        let covariance = match size {
            0..=MOST_FULL => {
                let unit = matrix::identity(size);
                Covariance::Full { matrix: unit.clone(), root: unit.clone(), inverse_root: unit }
            }
            _ => Covariance::Diagonal(vec![1.0; size]),
        };
        Self {
            mean,
            sigma,
            covariance,
            path_sigma: vec![0.0; size],
            path_c: vec![0.0; size],
            generations: 0,
            rates: Rates::new(size.max(1), population, size > MOST_FULL),
        }
    }

    /// A distribution of the given covariance, row after row, its step size the mean of its widths.
    pub(super) fn shaped(mean: Vec<f64>, covariance: &[f64], population: usize) -> Self {
        let size = mean.len();
        let mut gaussian = Self::new(mean, 1.0, population);
        let diagonal: Vec<f64> = covariance.iter().step_by(size + 1).copied().collect();
        let variances = match &mut gaussian.covariance {
            Covariance::Full { matrix, .. } => {
                *matrix = covariance.to_vec();
                matrix::eigen(covariance.to_vec(), size).values
            }
            Covariance::Diagonal(variances) => {
                variances.clone_from(&diagonal);
                diagonal
            }
        };
        let logs: f64 = variances.iter().map(|variance| libm::log(variance.max(f64::MIN_POSITIVE))).sum();
        gaussian.sigma = libm::exp(0.5 * logs / size.max(1) as f64).clamp(FINEST, WIDEST);
        gaussian.covariance.scale(1.0 / (gaussian.sigma * gaussian.sigma));
        gaussian.decompose();
        gaussian
    }

    pub(super) fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Returns the standard deviation along each axis.
    pub(super) fn deviations(&self) -> Vec<f64> {
        let variance = |axis: usize| match &self.covariance {
            Covariance::Full { matrix, .. } => matrix[axis * (self.mean.len() + 1)],
            Covariance::Diagonal(variances) => variances[axis],
        };
        (0..self.mean.len()).map(|axis| self.sigma * variance(axis).sqrt()).collect()
    }

    /// Returns the largest standard deviation along any axis.
    pub(super) fn widest(&self) -> f64 {
        self.deviations().into_iter().fold(0.0, f64::max)
    }

    /// Turns a standard normal vector into a step.
    pub(super) fn step(&self, normal: &[f64]) -> Vec<f64> {
        match &self.covariance {
            Covariance::Full { root, .. } => matrix::product(root, normal),
            Covariance::Diagonal(variances) => normal.iter().zip(variances).map(|(z, variance)| z * variance.sqrt()).collect(),
        }
    }

    /// Turns a step into the vector that would be standard normal if the step were drawn.
    fn whiten(&self, step: &[f64]) -> Vec<f64> {
        match &self.covariance {
            Covariance::Full { inverse_root, .. } => matrix::product(inverse_root, step),
            Covariance::Diagonal(variances) => step.iter().zip(variances).map(|(y, variance)| y / variance.sqrt()).collect(),
        }
    }

    /// Moves the distribution towards the better points of a generation.
    pub(super) fn update(&mut self, mut generation: Generation<'_>) {
        let size = self.mean.len();
        if size == 0 {
            return;
        }
        let lengths: Vec<f64> = generation.steps.chunks_exact_mut(size).map(|step| self.shorten(step)).collect();
        let shift = weighted_mean(&generation.steps, &generation.weights.mean, size);
        for ((mean, shift), stretch) in self.mean.iter_mut().zip(&shift).zip(generation.stretch) {
            *mean = (*mean + self.sigma * stretch * shift).clamp(-STRAY, 1.0 + STRAY);
        }
        let mu_eff = generation.weights.mu_eff;
        let is_slow = self.follow(&shift, mu_eff);
        self.adapt(&generation, &lengths, is_slow);
        self.generations += 1;
        self.grow();
        self.decompose();
    }

    /// Cuts a step to the longest an injected point may take; returns its length in standard deviations then.
    fn shorten(&self, step: &mut [f64]) -> f64 {
        let n = step.len() as f64;
        let longest = n.sqrt() + 2.0 * n / (n + 2.0);
        let length = matrix::norm(&self.whiten(step));
        if length <= longest {
            return length;
        }
        step.iter_mut().for_each(|cell| *cell *= longest / length);
        longest
    }

    /// Extends both paths by the shift of the mean; returns whether the step size is not about to grow fast.
    fn follow(&mut self, shift: &[f64], mu_eff: f64) -> bool {
        let Rates { c_sigma, c_c, chi, .. } = self.rates;
        let white = self.whiten(shift);
        extend(&mut self.path_sigma, &white, c_sigma, mu_eff);
        let settled = 1.0 - libm::pow(1.0 - c_sigma, 2.0 * (f64::from(self.generations) + 1.0));
        let bound = (1.4 + 2.0 / (shift.len() as f64 + 1.0)) * chi;
        let is_slow = matrix::norm(&self.path_sigma) / settled.sqrt() < bound;
        let shift: Vec<f64> = if is_slow { shift.to_vec() } else { vec![0.0; shift.len()] };
        extend(&mut self.path_c, &shift, c_c, mu_eff);
        is_slow
    }

    /// Learns the covariance from the path and from the points.
    fn adapt(&mut self, generation: &Generation<'_>, lengths: &[f64], is_slow: bool) {
        let size = self.mean.len();
        let Rates { c_c, c_1, c_mu, .. } = self.rates;
        let weights = &generation.weights.covariance;
        let missed = if is_slow { 0.0 } else { c_c * (2.0 - c_c) };
        let kept = 1.0 + c_1 * missed - c_1 - c_mu * weights.iter().sum::<f64>();
        self.covariance.scale(kept);
        self.covariance.add(&self.path_c, c_1);
        for ((step, &weight), length) in generation.steps.chunks_exact(size).zip(weights).zip(lengths) {
            // A bad point far out would take away more than there is.
            let fair = if weight < 0.0 { (size as f64 / (length * length).max(f64::MIN_POSITIVE)).min(MOST_FAIR) } else { 1.0 };
            self.covariance.add(step, c_mu * weight * fair);
        }
    }

    fn grow(&mut self) {
        let Rates { c_sigma, d_sigma, chi, .. } = self.rates;
        let growth = c_sigma / d_sigma * (matrix::norm(&self.path_sigma) / chi - 1.0);
        self.sigma *= libm::exp(growth.min(MOST_GROWTH));
        let widest = self.widest();
        if widest > WIDEST {
            self.sigma *= WIDEST / widest;
        }
        self.sigma = self.sigma.max(FINEST);
    }

    fn decompose(&mut self) {
        let size = self.mean.len();
        match &mut self.covariance {
            Covariance::Diagonal(variances) => {
                let floor = variances.iter().copied().fold(0.0, f64::max) * WORST_CONDITION;
                variances.iter_mut().for_each(|variance| *variance = variance.max(floor));
            }
            Covariance::Full { matrix, root, inverse_root } => {
                let mut eigen = matrix::eigen(matrix.clone(), size);
                let floor = eigen.values.iter().copied().fold(0.0, f64::max) * WORST_CONDITION;
                if eigen.values.iter().any(|&value| value < floor) {
                    eigen.values.iter_mut().for_each(|value| *value = value.max(floor));
                    *matrix = eigen.with_values(|value| value);
                }
                *root = eigen.with_values(f64::sqrt);
                *inverse_root = eigen.with_values(|value| 1.0 / value.sqrt());
            }
        }
    }
}

impl Covariance {
    fn scale(&mut self, factor: f64) {
        let (Self::Full { matrix: cells, .. } | Self::Diagonal(cells)) = self;
        cells.iter_mut().for_each(|cell| *cell *= factor);
    }

    fn add(&mut self, step: &[f64], factor: f64) {
        match self {
            Self::Full { matrix, .. } => matrix::add_outer(matrix, step, factor),
            Self::Diagonal(variances) => variances.iter_mut().zip(step).for_each(|(cell, y)| *cell += factor * y * y),
        }
    }
}

fn extend(path: &mut [f64], shift: &[f64], rate: f64, mu_eff: f64) {
    let gain = (rate * (2.0 - rate) * mu_eff).sqrt();
    path.iter_mut().zip(shift).for_each(|(path, shift)| *path = (1.0 - rate) * *path + gain * shift);
}

fn weighted_mean(steps: &[f64], weights: &[f64], size: usize) -> Vec<f64> {
    let mut mean = vec![0.0; size];
    for (step, weight) in steps.chunks_exact(size).zip(weights) {
        mean.iter_mut().zip(step).for_each(|(mean, step)| *mean += weight * step);
    }
    mean
}
