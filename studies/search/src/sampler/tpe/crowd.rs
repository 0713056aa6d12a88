//! The trials that are not good, and those under way: the latest as they are, older ones merged into clusters.
//!
//! ```text
//! points ─→ the latest, a kernel each ─ oldest ─→ the nearest of some clusters, a wide kernel each
//! ```
//!
//! Bounded in size, and a function of the sequence of points alone. Merging keeps a cluster's weight, mean,
//! variance and frequencies of options (as in BIRCH, Zhang et al. 1996), so that what is lost is only where
//! exactly within a cluster its points lie.

use super::axis::Axes;
use super::bank::{Bank, Block, Probe};
use super::wide::WideBank;

/// Axes with more options than this are left out of clusters.
const MOST_OPTIONS: usize = 64;
/// How far apart two different options are, where the range of a number is 1.
const OPTION_DISTANCE: f64 = 0.5;
/// The narrowest cluster, as a fraction of the range.
const NARROWEST: f64 = 0.02;
/// How often a cluster's point counts for all options alike, beside 1 for its own.
const OPTION_SHARE: f64 = 0.01;

/// How many kernels a crowd may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// Points kept as they are.
    pub(super) latest: usize,
    /// Clusters of older ones.
    pub(super) clusters: usize,
}

/// A bounded model of a growing sequence of points.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    bounds: Bounds,
    /// The latest, in the slots of a ring.
    latest: Bank,
    /// The slot of the oldest of them once all slots are taken.
    oldest: usize,
    clusters: Clusters,
}

impl Crowd {
    pub(super) fn new(axes: &Axes, bounds: Bounds) -> Self {
        Self { bounds, latest: Bank::default(), oldest: 0, clusters: Clusters::new(axes, bounds.clusters) }
    }

    /// Adds a point; the oldest one beyond the bound goes to its cluster.
    pub(super) fn push(&mut self, axes: &Axes, point: &[f64]) {
        if self.latest.len() < self.bounds.latest {
            return self.latest.push(point, 0.0);
        }
        let mut leaving = vec![0.0; point.len()];
        self.latest.place(self.oldest, &mut leaving);
        self.clusters.add(axes, &leaving);
        self.latest.set(self.oldest, point, 0.0);
        self.oldest = (self.oldest + 1) % self.bounds.latest;
    }

    /// Makes the crowd ready to be measured.
    pub(super) fn prepare(&mut self, axes: &Axes) {
        self.clusters.lay(axes);
    }

    /// Appends the logarithm of each kernel, times the number of points it stands for, at the probe.
    pub(super) fn measure(&self, axes: &Axes, probe: &Probe, terms: &mut Vec<Block>) {
        self.latest.measure(probe, terms);
        self.clusters.bank.measure(axes, self.clusters.len(), probe, terms);
    }
}

/// Clusters of points, as sums from which means and variances follow.
#[derive(Clone, Debug)]
struct Clusters {
    most: usize,
    /// Numbers of points.
    weights: Vec<f64>,
    /// `[cluster × line]`.
    means: Vec<f64>,
    /// `[cluster × line]`, sums of squared distances from the means.
    squares: Vec<f64>,
    /// For each axis with options `[cluster × option]`, how often each was seen; empty if left out.
    counts: Vec<Vec<f64>>,
    is_stale: Vec<bool>,
    bank: WideBank,
}

impl Clusters {
    fn new(axes: &Axes, most: usize) -> Self {
        Self {
            most,
            weights: Vec::new(),
            means: Vec::new(),
            squares: Vec::new(),
            counts: axes.options().map(|_| Vec::new()).collect(),
            is_stale: Vec::new(),
            bank: WideBank::new(axes, most, MOST_OPTIONS),
        }
    }

    fn len(&self) -> usize {
        self.weights.len()
    }

    fn add(&mut self, axes: &Axes, point: &[f64]) {
        let cluster = if self.len() < self.most { self.open(axes, point) } else { self.nearest(axes, point) };
        self.weights[cluster] += 1.0;
        self.is_stale[cluster] = true;
        let (numbers, options) = point.split_at(axes.lines());
        let at = cluster * axes.lines();
        let sums = self.means[at..].iter_mut().zip(&mut self.squares[at..]);
        for ((mean, squares), number) in sums.zip(numbers) {
            // Welford 1962.
            let before = number - *mean;
            *mean += before / self.weights[cluster];
            *squares += before * (number - *mean);
        }
        for ((counts, &option), count) in self.counts.iter_mut().zip(options).zip(axes.options()) {
            if let Some(seen) = counts.get_mut(cluster * count + option as usize) {
                *seen += 1.0;
            }
        }
    }

    /// Opens a cluster without points and returns its place.
    fn open(&mut self, axes: &Axes, point: &[f64]) -> usize {
        self.weights.push(0.0);
        self.is_stale.push(true);
        self.means.extend_from_slice(&point[..axes.lines()]);
        self.squares.resize(self.means.len(), 0.0);
        for (counts, count) in self.counts.iter_mut().zip(axes.options()) {
            if count <= MOST_OPTIONS {
                counts.resize(counts.len() + count, 0.0);
            }
        }
        self.len() - 1
    }

    /// Returns the cluster whose mean is nearest; the first of equals.
    fn nearest(&self, axes: &Axes, point: &[f64]) -> usize {
        let (numbers, options) = point.split_at(axes.lines());
        let lines = axes.lines();
        let mut best = (f64::INFINITY, 0);
        for cluster in 0..self.len() {
            let means = &self.means[cluster * lines..][..lines];
            let mut distance: f64 = numbers.iter().zip(means).map(|(a, b)| (a - b) * (a - b)).sum();
            for ((counts, &option), count) in self.counts.iter().zip(options).zip(axes.options()) {
                let seen = counts.get(cluster * count + option as usize).copied().unwrap_or(0.0);
                distance += OPTION_DISTANCE * (1.0 - seen / self.weights[cluster]);
            }
            if distance < best.0 {
                best = (distance, cluster);
            }
        }
        best.1
    }

    /// Brings the kernels of clusters up to date that have changed.
    fn lay(&mut self, axes: &Axes) {
        for cluster in 0..self.len() {
            if std::mem::replace(&mut self.is_stale[cluster], false) {
                self.lay_one(axes, cluster);
            }
        }
    }

    fn lay_one(&mut self, axes: &Axes, cluster: usize) {
        let lines = cluster * axes.lines()..(cluster + 1) * axes.lines();
        let weight = self.weights[cluster];
        let width = |squares: &f64| (squares / weight + NARROWEST * NARROWEST).sqrt().min(1.0);
        let sigmas: Vec<f64> = self.squares[lines.clone()].iter().map(width).collect();
        self.bank.set(axes, cluster, (&self.means[lines], &sigmas), weight.ln());
        for (table, (counts, count)) in self.counts.iter().zip(axes.options()).enumerate() {
            let share = OPTION_SHARE * weight / count as f64;
            let total = weight + OPTION_SHARE * weight;
            for (option, seen) in counts.iter().skip(cluster * count).take(count).enumerate() {
                self.bank.set_option(cluster, table, option, ((seen + share) / total).ln());
            }
        }
    }
}

#[cfg(test)]
#[path = "crowd_tests.rs"]
mod tests;
