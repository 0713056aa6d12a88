//! PED-ANOVA: how unevenly the good trials lie along each parameter (Watanabe, Bansal and Hutter 2023).
//!
//! The importance is Pearson's divergence of the good trials' Parzen density from the uniform one,
//! `v = E[(p(x | good) / u(x) - 1)²]`: the variance, up to a factor, that the parameter alone gives to being good or
//! not. Two things are ours:
//!
//! - The density is compared with the range and not with all trials. A sampler that learns puts most of its trials
//!   where the good ones are; compared with those, what matters most would look alike.
//! - A handful of good trials never lies evenly. What uniform ones would give, in closed form, is subtracted.
//!
//! Whether an effect is clear is asked of all trials, not of the good ones: the variance of their smoothed ranks along
//! the parameter is compared with what it would be if ranks were dealt out at random, again in closed form. Ranks are
//! taken within stretches of time, because a study improves: what a sampler happened to try late would look good.

use super::table::Table;
use super::{Effect, Importances, Method, shares};
use crate::analysis::cells::Cells;
use crate::analysis::seen::{self, Seen};
use crate::space::Space;

/// Standard deviations above chance from which an effect is clear.
const CLEAR: f64 = 5.0;
/// With fewer trials a parameter is not judged.
const FEWEST_TRIALS: usize = 4;
/// Kernel width limits, as shares of the range.
const NARROWEST: f64 = 0.02;
const WIDEST: f64 = 0.3;
/// Kernel width over which ranks are smoothed: what is asked is whether there is a trend, not where.
const TREND: f64 = 0.15;

pub(super) fn importances(space: &Space, trials: &[Seen<'_>]) -> Importances {
    let judged: Vec<Seen<'_>> = trials.iter().filter(|trial| !trial.is_complete() || !trial.loss.is_nan()).copied().collect();
    let table = Table::new(space, &judged);
    let everybody = Labels::new(&judged);
    let effect = |parameter: usize| {
        let rows = table.rows_with(parameter);
        let column: Vec<u8> = rows.iter().map(|&row| table.columns[parameter][row]).collect();
        if rows.len() == judged.len() {
            return effect(&table.cells[parameter], &column, &everybody);
        }
        let had: Vec<Seen<'_>> = rows.iter().map(|&row| judged[row]).collect();
        let among_them = effect(&table.cells[parameter], &column, &Labels::new(&had));
        Effect { explained: among_them.explained * had.len() as f64 / judged.len() as f64, ..among_them }
    };
    let effects: Vec<Effect> = (0..space.len()).map(effect).collect();
    Importances { method: Method::PedAnova, trials: judged.len(), parameters: shares(&effects), interactions: Vec::new() }
}

/// How trials stand among each other.
struct Labels {
    good: Vec<f64>,
    ranks: Vec<f64>,
}

impl Labels {
    fn new(trials: &[Seen<'_>]) -> Self {
        Self { good: seen::goodness(trials), ranks: seen::ranks(trials) }
    }
}

fn effect(cells: &Cells, column: &[u8], labels: &Labels) -> Effect {
    let none = Effect { trials: column.len(), ..Effect::default() };
    let counts = sums(cells, column, |_| 1.0);
    let good = sums(cells, column, |at| labels.good[at]);
    let is_even = labels.good.iter().all(|&good| good == labels.good[0]);
    if cells.len() < 2 || column.len() < FEWEST_TRIALS || is_even {
        return none;
    }
    let densities = normalised(&kernels(cells, kernel_width(cells, &good)), cells);
    let explained = divergence(cells, &densities, &good).max(0.0);
    let ranks = sums(cells, column, |at| labels.ranks[at]);
    let wide = kernels(cells, TREND);
    let is_clear = Smoothed::new(&wide, &counts, &ranks).above_chance(cells, variance(&labels.ranks)) >= CLEAR;
    Effect { explained, is_clear, ..none }
}

/// Adds up a label per cell.
fn sums(cells: &Cells, column: &[u8], label: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut sums = vec![0.0; cells.len()];
    column.iter().enumerate().for_each(|(at, &cell)| sums[usize::from(cell)] += label(at));
    sums
}

/// Returns Pearson's divergence of the good density from the uniform one, less what chance gives.
///
/// The density is a mixture of one kernel per good trial and one uniform one as the prior. A kernel near an end of the
/// range is cut, so that even uniform trials give no even density; their expectation is the baseline.
fn divergence(cells: &Cells, densities: &[Vec<f64>], good: &[f64]) -> f64 {
    let count: f64 = good.iter().sum();
    let weight = 1.0 / (count + 1.0);
    let mut divergence = 0.0;
    for (density, share) in densities.iter().zip(&cells.shares) {
        let even = dot(density, &cells.shares);
        let distance = weight * (dot(density, good) - count * even);
        let squares: f64 = density.iter().zip(&cells.shares).map(|(value, share)| share * value * value).sum();
        divergence += share * (distance * distance - weight * weight * count * (squares - even * even));
    }
    divergence
}

/// Labels averaged over neighbouring trials, cell by cell.
struct Smoothed<'a> {
    kernels: &'a [Vec<f64>],
    trials: &'a [f64],
    /// Number of trials near each cell, by kernel weight.
    near: Vec<f64>,
    /// By how much their mean label differs from that of all; one more trial knows only the latter.
    distances: Vec<f64>,
}

impl<'a> Smoothed<'a> {
    fn new(kernels: &'a [Vec<f64>], trials: &'a [f64], labels: &[f64]) -> Self {
        let mean = labels.iter().sum::<f64>() / trials.iter().sum::<f64>();
        let near: Vec<f64> = kernels.iter().map(|kernel| dot(kernel, trials)).collect();
        let distance = |(kernel, near): (&Vec<f64>, &f64)| (dot(kernel, labels) - near * mean) / (near + 1.0);
        let distances = kernels.iter().zip(&near).map(distance).collect();
        Self { kernels, trials, near, distances }
    }

    /// Returns how many standard deviations the variance of the means lies above that of labels dealt out at random.
    ///
    /// The covariance between cells is exact for a random permutation; the deviation takes them for normal.
    fn above_chance(&self, cells: &Cells, spread: f64) -> f64 {
        let total: f64 = self.trials.iter().sum();
        let spread = spread * total / (total - 1.0);
        let weighted: Vec<Vec<f64>> = self.kernels.iter().map(|kernel| product(kernel, self.trials)).collect();
        let found: f64 = self.distances.iter().zip(&cells.shares).map(|(distance, share)| share * distance * distance).sum();
        let (mut expected, mut squares) = (0.0, 0.0);
        for (a, weighted) in weighted.iter().enumerate() {
            for (b, kernel) in self.kernels.iter().enumerate().take(a + 1) {
                let shared = dot(weighted, kernel) - self.near[a] * self.near[b] / total;
                let covariance = spread * shared / ((self.near[a] + 1.0) * (self.near[b] + 1.0));
                let square = cells.shares[a] * cells.shares[b] * covariance * covariance;
                squares += if a == b { square } else { 2.0 * square };
                expected += if a == b { cells.shares[a] * covariance } else { 0.0 };
            }
        }
        let deviation = (2.0 * squares).sqrt();
        if deviation > 0.0 { (found - expected) / deviation } else { 0.0 }
    }
}

/// Returns normal kernels, 1 at their middle; an option stands for itself.
fn kernels(cells: &Cells, width: f64) -> Vec<Vec<f64>> {
    let kernel = |a: usize, b: usize| {
        let distance = (cells.places[a] - cells.places[b]) / width;
        if cells.is_ordered() { libm::exp(-0.5 * distance * distance) } else { f64::from(u8::from(a == b)) }
    };
    (0..cells.len()).map(|a| (0..cells.len()).map(|b| kernel(a, b)).collect()).collect()
}

/// Returns the width that the good trials suggest (Scott 1992).
fn kernel_width(cells: &Cells, good: &[f64]) -> f64 {
    let count: f64 = good.iter().sum();
    let mean = dot(good, &cells.places) / count;
    let square = |place: &f64| (place - mean) * (place - mean);
    let variance = cells.places.iter().zip(good).map(|(place, good)| good * square(place)).sum::<f64>() / count;
    (1.06 * variance.sqrt() * libm::pow(count, -0.2)).clamp(NARROWEST, WIDEST)
}

/// Turns kernels into densities relative to the uniform one: `[where][whose]`, each with mass 1.
fn normalised(kernels: &[Vec<f64>], cells: &Cells) -> Vec<Vec<f64>> {
    // Kernels are symmetric, so a row is also a column.
    let masses: Vec<f64> = kernels.iter().map(|kernel| dot(kernel, &cells.shares)).collect();
    kernels.iter().map(|kernel| kernel.iter().zip(&masses).map(|(value, mass)| value / mass).collect()).collect()
}

fn variance(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}
