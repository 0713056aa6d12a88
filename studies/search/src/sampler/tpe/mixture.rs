//! A Parzen estimator: a weighted mixture of kernels, one per observation, and a wide one as the prior.
//!
//! A kernel is a product over axes of truncated normals (continuous numbers), their mass in a cell (numbers in
//! steps), or a smoothed indicator (options). Bandwidths follow Bergstra et al. 2011: the larger gap to a
//! neighbour, kept within limits.
//!
//! Where values repeat, as steps and options do, kernels alike on an axis form a class, and a point is
//! evaluated once per class instead of once per kernel.

use super::axis::{Axis, Line};
use crate::normal;

/// Weight of the prior kernel beside observations of weight 1.
const PRIOR_WEIGHT: f64 = 1.0;
/// The narrowest kernel, as a fraction of the range, once there are enough observations.
const FINEST: f64 = 100.0;
/// Terms this far below the largest in logarithm vanish beside it.
const VANISHING: f64 = -40.0;

/// A mixture of kernels over the axes of one group.
#[derive(Debug)]
pub(super) struct Mixture {
    /// Logarithm of each kernel's weight, and of the factors that do not depend on the point.
    base: Vec<f64>,
    /// Running sums of the weights, the last one being the total.
    sums: Vec<f64>,
    kernels: Vec<Kernels>,
}

/// All kernels along one axis, in the order of the observations, the prior last.
#[derive(Debug)]
enum Kernels {
    /// Normal densities, given by means and inverse standard deviations.
    Density { line: Line, means: Vec<f64>, inverses: Vec<f64> },
    /// Masses of normals in cells; `class` gives each kernel's entry in `normals`, `ln_inside` the logarithm of
    /// a normal's mass within the range.
    Mass { line: Line, normals: Vec<Normal>, ln_inside: Vec<f64>, class: Vec<u32> },
    /// Options; `class` is the observed one, or their number for the prior.
    Options { count: usize, class: Vec<u32> },
}

/// A normal distribution along one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Normal {
    mean: f64,
    sigma: f64,
    /// `1 / sigma`.
    inverse: f64,
}

impl Normal {
    fn new(mean: f64, sigma: f64) -> Self {
        Self { mean, sigma, inverse: 1.0 / sigma }
    }
}

impl Mixture {
    /// Builds the mixture over observations given as one column of positions per axis.
    ///
    /// `weights` has one entry per observation; the prior is added.
    pub(super) fn new(axes: &[Axis], columns: &[Vec<f64>], mut weights: Vec<f64>) -> Self {
        weights.push(PRIOR_WEIGHT);
        let total: f64 = weights.iter().sum();
        let mut base: Vec<f64> = weights.iter().map(|weight| (weight / total).ln()).collect();
        let kernels = axes.iter().zip(columns).map(|(axis, column)| Kernels::new(axis, column)).collect();
        let sums = weights.iter().scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        let sums = sums.collect();
        for axis in &kernels {
            Kernels::add_constants(axis, &mut base);
        }
        Self { base, sums, kernels }
    }

    /// Picks a kernel by weight.
    pub(super) fn pick(&self, unit: f64) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let kernel = self.sums.partition_point(|&sum| sum <= unit * total);
        kernel.min(self.sums.len() - 1)
    }

    /// Draws from one kernel along one axis; returns a position that an allowed value has.
    pub(super) fn draw(&self, kernel: usize, axis: usize, unit: f64) -> f64 {
        match &self.kernels[axis] {
            Kernels::Density { line, means, inverses } => {
                draw_normal(line, Normal::new(means[kernel], 1.0 / inverses[kernel]), unit)
            }
            Kernels::Mass { line, normals, class, .. } => draw_normal(line, normals[class[kernel] as usize], unit),
            Kernels::Options { count, class } => draw_option(*count, class.len(), class[kernel] as usize, unit),
        }
    }

    /// Returns the logarithm of the mixture's density at `point`.
    ///
    /// `scratch` belongs to this mixture: it remembers what was worked out for earlier points.
    pub(super) fn ln_density(&self, point: &[f64], scratch: &mut Scratch) -> f64 {
        let terms = &mut scratch.terms;
        terms.clear();
        terms.extend_from_slice(&self.base);
        for (index, (axis, &position)) in self.kernels.iter().zip(point).enumerate() {
            axis.add_to(terms, position, (index, &mut scratch.tables));
        }
        ln_sum_exp(terms)
    }
}

/// What evaluations of one mixture share: a buffer, and the classes' logarithms at positions seen before.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    terms: Vec<f64>,
    tables: Vec<Table>,
}

/// The logarithm of every class of kernels along one axis at one position.
#[derive(Debug)]
struct Table {
    axis: usize,
    position: f64,
    classes: Vec<f64>,
}

/// Finds the table for an axis and a position, or works it out.
fn table(tables: &mut Vec<Table>, axis: usize, position: f64, classes: impl FnOnce() -> Vec<f64>) -> &[f64] {
    let known = tables.iter().position(|table| table.axis == axis && table.position == position);
    let at = known.unwrap_or_else(|| {
        tables.push(Table { axis, position, classes: classes() });
        tables.len() - 1
    });
    &tables[at].classes
}

impl Kernels {
    fn new(axis: &Axis, column: &[f64]) -> Self {
        match axis {
            Axis::Line(line) => line_kernels(line, column),
            Axis::Options(count) => {
                let observed = column.iter().map(|&option| option as u32);
                let class = observed.chain([*count as u32]).collect();
                Self::Options { count: *count, class }
            }
        }
    }

    /// Adds the normalising constants of densities, which no point changes.
    fn add_constants(&self, base: &mut [f64]) {
        let Self::Density { line, means, inverses } = self else {
            return;
        };
        let mut known = (f64::NAN, 0.0);
        for (term, (&mean, &inverse)) in base.iter_mut().zip(means.iter().zip(inverses)) {
            if known.0 != inverse {
                known = (inverse, inverse.ln() - normal::ln_sqrt_tau());
            }
            *term += known.1 - ln_inside(line, &Normal::new(mean, 1.0 / inverse));
        }
    }

    /// Adds each kernel's logarithm at `position` to its term.
    fn add_to(&self, terms: &mut [f64], position: f64, (axis, tables): (usize, &mut Vec<Table>)) {
        match self {
            Self::Density { means, inverses, .. } => {
                for ((term, mean), inverse) in terms.iter_mut().zip(means).zip(inverses) {
                    let distance = (position - mean) * inverse;
                    *term -= 0.5 * distance * distance;
                }
            }
            Self::Mass { line, normals, ln_inside, class } => {
                let cell = line.cell(position);
                let mass = |(normal, inside)| ln_cell(normal, cell) - inside;
                let masses = || normals.iter().zip(ln_inside).map(mass).collect();
                add_classes(terms, class, table(tables, axis, position, masses));
            }
            Self::Options { count, class } => {
                let weight = |observed| option_weight(*count, class.len(), observed, position as usize);
                let weights = || (0..=*count).map(|observed| weight(observed).ln()).collect();
                add_classes(terms, class, table(tables, axis, position, weights));
            }
        }
    }
}

fn add_classes(terms: &mut [f64], class: &[u32], values: &[f64]) {
    for (term, &class) in terms.iter_mut().zip(class) {
        *term += values[class as usize];
    }
}

fn ln_cell(normal: &Normal, (from, to): (f64, f64)) -> f64 {
    normal::ln_mass((from - normal.mean) * normal.inverse, (to - normal.mean) * normal.inverse)
}

fn ln_inside(line: &Line, normal: &Normal) -> f64 {
    normal::ln_mass_around(normal.mean, normal.sigma, line.low, line.high)
}

fn draw_normal(line: &Line, normal: Normal, unit: f64) -> f64 {
    let position = normal::truncated(normal.mean, normal.sigma, line.low, line.high, unit);
    line.position(line.internal(position))
}

/// Returns the probability of `option` under the kernel of an `observed` one; the prior observed none.
///
/// Every option has a share of the prior's weight spread over all kernels, the observed one 1 on top.
fn option_weight(count: usize, kernels: usize, observed: usize, option: usize) -> f64 {
    if observed == count {
        return 1.0 / count as f64;
    }
    let share = PRIOR_WEIGHT / kernels as f64;
    let own = if observed == option { 1.0 } else { 0.0 };
    (share + own) / (1.0 + share * count as f64)
}

fn draw_option(count: usize, kernels: usize, observed: usize, unit: f64) -> f64 {
    let mut left = unit;
    for option in 0..count - 1 {
        left -= option_weight(count, kernels, observed, option);
        if left < 0.0 {
            return option as f64;
        }
    }
    (count - 1) as f64
}

/// Lays a kernel on each position, its width the larger gap to a neighbour, and the prior over everything.
fn line_kernels(line: &Line, column: &[f64]) -> Kernels {
    let prior = Normal::new(0.5 * (line.low + line.high), line.width());
    let count = column.len() + 1;
    let narrowest = line.width() / FINEST.min(1.0 + count as f64);
    let means = column.iter().copied().chain([prior.mean]);
    let mut sorted: Vec<(f64, u32)> = means.zip(0..).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut normals = Vec::with_capacity(count);
    let mut class = vec![0; count];
    for (place, &(mean, kernel)) in sorted.iter().enumerate() {
        let sigma = gap(&sorted, place).clamp(narrowest, line.width());
        let is_prior = kernel as usize == column.len();
        let normal = if is_prior { prior } else { Normal::new(mean, sigma) };
        if normals.last() != Some(&normal) {
            normals.push(normal);
        }
        class[kernel as usize] = normals.len() as u32 - 1;
    }
    if line.is_continuous() {
        let of_kernels = class.iter().map(|&class| normals[class as usize]);
        let (means, inverses) = of_kernels.map(|normal| (normal.mean, normal.inverse)).unzip();
        return Kernels::Density { line: line.clone(), means, inverses };
    }
    let ln_inside = normals.iter().map(|normal| ln_inside(line, normal)).collect();
    Kernels::Mass { line: line.clone(), normals, ln_inside, class }
}

/// Returns the larger distance to the neighbours of a sorted position; at the ends there is only one.
fn gap(sorted: &[(f64, u32)], place: usize) -> f64 {
    let own = sorted[place].0;
    let left = place.checked_sub(1).map_or(0.0, |place| own - sorted[place].0);
    let right = sorted.get(place + 1).map_or(0.0, |next| next.0 - own);
    left.max(right)
}

fn ln_sum_exp(terms: &[f64]) -> f64 {
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if largest == f64::NEG_INFINITY {
        return largest;
    }
    let heavy = terms.iter().map(|term| term - largest).filter(|&term| term > VANISHING);
    largest + heavy.map(f64::exp).sum::<f64>().ln()
}

#[cfg(test)]
#[path = "mixture_tests.rs"]
mod tests;
