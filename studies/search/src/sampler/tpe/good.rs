//! The mixture of the good trials: what candidates are drawn from.
//!
//! Better trials weigh more, by the logarithm of their rank (as in Hansen and Ostermeier 2001). All kernels are as
//! wide along an axis as the good trials are spread there, by Scott's rule (1992), so that the search narrows down
//! as they gather, in each direction by itself. An option stays with its kernel unless one trial more than the good
//! ones, which has all options alike, is drawn: few options change at a time, however many an axis has.

use super::axis::Axes;
use super::bank::{Bank, Block, Probe, Widths};
use super::exp::ln_sum_exp;
use crate::draw::Draw;
use crate::normal;

/// Weight of the prior beside good trials of weight 1 on average.
const PRIOR_WEIGHT: f64 = 1.0;
/// The narrowest kernel among `n` trials, times `n`: few good trials tell little of how far to look.
const FLOOR: f64 = 2.0;
/// The narrowest kernel of all, as a fraction of the range.
const FINEST: f64 = 1e-3;

/// The good trials of a group as a mixture of kernels.
#[derive(Clone, Debug, Default)]
pub(super) struct Good {
    points: Vec<Vec<f64>>,
    /// Running sums of the weights, the prior's last.
    sums: Vec<f64>,
    /// Standard deviations of where a point's kernel is drawn from, `[point × line]`.
    spreads: Vec<f64>,
    widths: Widths,
    /// How much all options share beside an observed one's 1.
    share: f64,
    bank: Bank,
    ln_prior_weight: f64,
}

impl Good {
    /// Lays kernels on `points`, the best first, of a group of `trials`.
    pub(super) fn new(axes: &Axes, points: Vec<Vec<f64>>, weights: &[f64], trials: usize) -> Self {
        let narrowest = (FLOOR / (1.0 + trials as f64)).clamp(FINEST, 1.0);
        let sigmas: Vec<f64> = (0..axes.lines()).map(|axis| scott(&points, axis, axes.len()).clamp(narrowest, 1.0)).collect();
        let total = weights.iter().sum::<f64>() + PRIOR_WEIGHT;
        let share = PRIOR_WEIGHT / (points.len() + 1) as f64;
        let mut bank = Bank::default();
        let mut spreads = Vec::with_capacity(points.len() * axes.lines());
        for (point, weight) in points.iter().zip(weights) {
            bank.push(point, (weight / total).ln());
            axes.blurs(point, &mut spreads);
        }
        let sigma_of = sigmas.iter().cycle();
        spreads.iter_mut().zip(sigma_of).for_each(|(spread, sigma)| *spread = spread.hypot(*sigma));
        let sums = weights.iter().chain([&PRIOR_WEIGHT]).scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self {
            sums: sums.collect(),
            ln_prior_weight: (PRIOR_WEIGHT / total).ln(),
            points,
            spreads,
            widths: Widths::new(axes, sigmas, share),
            share,
            bank,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Returns how wide the kernels are.
    pub(super) fn widths(&self) -> &Widths {
        &self.widths
    }

    /// Picks a kernel by weight; the prior is the one past the points.
    pub(super) fn pick(&self, unit: f64) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        self.sums.partition_point(|&sum| sum <= unit * total).min(self.points.len())
    }

    /// Draws from a kernel along a line.
    pub(super) fn draw_number(&self, axes: &Axes, kernel: usize, axis: usize, draw: &mut Draw) -> f64 {
        let Some(point) = self.points.get(kernel) else {
            return draw.unit();
        };
        let sigma = self.spreads[kernel * axes.lines() + axis];
        let unit = draw.unit();
        let number = point[axis] + sigma * normal::quantile(unit);
        if (0.0..=1.0).contains(&number) {
            return number;
        }
        normal::truncated(point[axis], sigma, 0.0, 1.0, draw.unit())
    }

    /// Draws from a kernel along an axis of so many options.
    pub(super) fn draw_option(&self, kernel: usize, axis: usize, count: usize, draw: &mut Draw) -> f64 {
        let unit = draw.unit();
        let Some(point) = self.points.get(kernel) else {
            return pick_evenly(unit, count);
        };
        let stays = 1.0 / (1.0 + self.share);
        if unit < stays { point[axis] } else { pick_evenly((unit - stays) / (1.0 - stays), count) }
    }

    /// Returns the logarithm of the mixture's density at a point, given that of the prior.
    pub(super) fn ln_density(&self, probe: &Probe, ln_prior: f64, terms: &mut Vec<Block>) -> f64 {
        terms.clear();
        self.bank.measure(probe, terms);
        ln_sum_exp(terms, self.ln_prior_weight + ln_prior)
    }
}

fn pick_evenly(unit: f64, count: usize) -> f64 {
    (unit * count as f64).floor().clamp(0.0, (count - 1) as f64)
}

/// Returns weights for so many good trials, the best first, 1 on average.
pub(super) fn rank_weights(count: usize) -> Vec<f64> {
    let top = (count as f64 + 0.5).ln();
    let raw: Vec<f64> = (1..=count).map(|rank| top - (rank as f64).ln()).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight * count as f64 / total).collect()
}

/// Returns the width of kernels on `points` along one of `axes` by Scott's rule.
fn scott(points: &[Vec<f64>], axis: usize, axes: usize) -> f64 {
    let count = points.len().max(1) as f64;
    let mean = points.iter().map(|point| point[axis]).sum::<f64>() / count;
    let squares: f64 = points.iter().map(|point| (point[axis] - mean) * (point[axis] - mean)).sum();
    (squares / count).sqrt() * libm::pow(count, -1.0 / (axes as f64 + 4.0))
}

#[cfg(test)]
#[path = "good_tests.rs"]
mod tests;
