//! Many kernels side by side, laid out so that a point is measured against sixteen of them at a time.
//!
//! A kernel is a product over axes: normal densities on `[0, 1]` for numbers, smoothed indicators for options.
//! Numbers in steps use the density at the middle of a cell under a kernel as blurred as the cell is wide. All
//! arithmetic is lane by lane and in a fixed order.

use super::axis::Axes;
use super::exp::mass_around;
use crate::normal;

/// Kernels measured at a time.
pub(super) const LANES: usize = 16;

/// One number per kernel of a block. Singles are exact enough: no kernel is narrower than ten thousand of their
/// steps in `[0, 1]`, they hold the number of any of 16 million options, and half the memory is read.
pub(super) type Block = [f32; LANES];

/// Kernels that are not there.
pub(super) const ABSENT: Block = [f32::NEG_INFINITY; LANES];

/// A product is taken apart before it gets smaller than this, so that no factor makes it vanish.
const TINY: f64 = 1e-100;

/// How wide kernels on single points are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Widths {
    /// Standard deviations along the lines.
    pub(super) sigmas: Vec<f64>,
    /// For each axis with options, the logarithms of an observed option's probability and of another one's.
    options: Vec<(f32, f32)>,
}

impl Widths {
    /// Spreads `share` evenly over all options beside an observed one's 1.
    pub(super) fn new(axes: &Axes, sigmas: Vec<f64>, share: f64) -> Self {
        let smoothed = |count: usize| {
            let (each, total) = (share / count as f64, 1.0 + share);
            (((1.0 + each) / total).ln() as f32, (each / total).ln() as f32)
        };
        Self { sigmas, options: axes.options().map(smoothed).collect() }
    }
}

/// A point to be measured against kernels of the same widths.
///
/// Kernels are cut off at the ends of the range. What they lose there is made up for at the point instead of at
/// each kernel (Jones 1993), so that it is worked out once.
#[derive(Debug, Default)]
pub(super) struct Probe {
    pub(super) point: Vec<f32>,
    /// Along each line `1 / (2 sigma^2)`.
    precisions: Vec<f32>,
    options: Vec<(f32, f32)>,
    /// What is the same for all kernels.
    base: f32,
}

impl Probe {
    /// Points the probe to a place whose cells are as wide as `blurs` say.
    pub(super) fn aim(&mut self, widths: &Widths, point: &[f64], blurs: &[f64]) {
        self.point.clear();
        self.point.extend(point.iter().map(|&unit| unit as f32));
        self.options.clone_from(&widths.options);
        self.precisions.clear();
        let (mut norm, mut base) = (1.0, 0.0);
        for ((&unit, &blur), &sigma) in point.iter().zip(blurs).zip(&widths.sigmas) {
            let variance = sigma * sigma + blur * blur;
            self.precisions.push((0.5 / variance) as f32);
            norm *= variance.sqrt() * mass_around(unit, variance.sqrt());
            if norm < TINY {
                base -= f64::ln(norm);
                norm = 1.0;
            }
        }
        self.base = (base - norm.ln() - blurs.len() as f64 * normal::ln_sqrt_tau()) as f32;
    }
}

/// Kernels laid on single points, all of the same widths, which the probe brings along.
#[derive(Clone, Debug, Default)]
pub(super) struct Bank {
    len: usize,
    /// `[block]`, logarithms of weights.
    weights: Vec<Block>,
    /// `[block × axis]`, where the kernel lies.
    means: Vec<Block>,
}

impl Bank {
    /// Returns the number of kernels.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Forgets all kernels.
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.weights.clear();
        self.means.clear();
    }

    /// Adds a kernel.
    pub(super) fn push(&mut self, point: &[f64], ln_weight: f64) {
        if self.len == self.weights.len() * LANES {
            self.weights.push(ABSENT);
            self.means.resize(self.means.len() + point.len(), [0.0; LANES]);
        }
        self.set(self.len, point, ln_weight);
        self.len += 1;
    }

    /// Puts a kernel in the place of another one.
    pub(super) fn set(&mut self, slot: usize, point: &[f64], ln_weight: f64) {
        let (block, lane) = (slot / LANES, slot % LANES);
        for (means, &mean) in self.means[block * point.len()..].iter_mut().zip(point) {
            means[lane] = mean as f32;
        }
        self.weights[block][lane] = ln_weight as f32;
    }

    /// Writes the place of the kernel at `slot` to `point`.
    pub(super) fn place(&self, slot: usize, point: &mut [f64]) {
        let means = &self.means[slot / LANES * point.len()..];
        for (mean, means) in point.iter_mut().zip(means) {
            *mean = f64::from(means[slot % LANES]);
        }
    }

    /// Appends the logarithm of every kernel at the probe to `terms`.
    pub(super) fn measure(&self, probe: &Probe, terms: &mut Vec<Block>) {
        let (axes, lines) = (probe.point.len(), probe.precisions.len());
        let (numbers, options) = probe.point.split_at(lines);
        for (block, weights) in self.weights.iter().enumerate() {
            let means = &self.means[block * axes..][..axes];
            let mut sums = weights.map(|weight| weight + probe.base);
            for ((number, means), precision) in numbers.iter().zip(means).zip(&probe.precisions) {
                for (sum, mean) in sums.iter_mut().zip(means) {
                    let distance = number - mean;
                    *sum -= distance * distance * precision;
                }
            }
            for ((option, means), &(hit, miss)) in options.iter().zip(&means[lines..]).zip(&probe.options) {
                for (sum, mean) in sums.iter_mut().zip(means) {
                    *sum += if mean == option { hit } else { miss };
                }
            }
            terms.push(sums);
        }
    }
}

#[cfg(test)]
#[path = "bank_tests.rs"]
mod tests;
