//! One run: the distributions of a group of parameters, from its start to its last generation.

use super::gaussian::{Gaussian, Generation};
use super::marginals::Marginals;
use super::rates::Weights;
use super::restart::{Shape, Watch};
use super::warm::Start;
use crate::normal;
use crate::sampler::cube::Axis;

/// Standard deviation below which trials near a bound are taken to come from either side of it.
const MIRROR_MATTERS: f64 = 0.05;

/// The joint distribution over a group's numbers and options.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) shape: Shape,
    pub(super) watch: Watch,
    pub(super) generations: u32,
    gaussian: Gaussian,
    marginals: Marginals,
    /// Factor by which each axis is widened beyond the normal distribution.
    stretch: Vec<f64>,
    /// Standard deviation along each axis, widened.
    deviations: Vec<f64>,
}

/// A generation ready to be learnt from: points in order of rank, best first.
pub(super) struct Ranked {
    /// Point after point, one position per axis.
    pub(super) positions: Vec<f64>,
    /// Per point, the option of each categorical parameter.
    pub(super) options: Vec<Vec<usize>>,
    /// Whether each point is as good as the one before.
    pub(super) is_tied: Vec<bool>,
}

impl Run {
    /// Starts around `mean` in the unit cube.
    pub(super) fn new(shape: Shape, mean: Vec<f64>, axes: &[Axis], counts: &[usize]) -> Self {
        let gaussian = Gaussian::new(mean, shape.sigma, shape.population);
        Self::around(shape, gaussian, axes, counts)
    }

    /// Starts where the good trials of other studies lie.
    pub(super) fn warm(shape: Shape, start: Start, axes: &[Axis], counts: &[usize]) -> Self {
        let gaussian = Gaussian::shaped(start.mean, &start.covariance, shape.population);
        let mut shape = shape;
        shape.sigma = gaussian.sigma;
        Self { marginals: Marginals::seen(counts, &start.often), ..Self::around(shape, gaussian, axes, counts) }
    }

    /// Starts with a given distribution.
    pub(super) fn around(shape: Shape, gaussian: Gaussian, axes: &[Axis], counts: &[usize]) -> Self {
        let marginals = Marginals::new(counts);
        let (stretch, deviations) = (vec![1.0; axes.len()], gaussian.deviations());
        let mut run = Self { shape, watch: Watch::default(), generations: 0, gaussian, marginals, stretch, deviations };
        run.keep_margins(axes);
        run
    }

    /// Returns a position per axis from a standard normal number each, the whole distribution widened by `factor`.
    ///
    /// Positions beyond a bound are mirrored at it; on a stepped axis they mean its first or last value.
    pub(super) fn positions(&self, normal: &[f64], factor: f64, axes: &[Axis]) -> Vec<f64> {
        let step = self.gaussian.step(normal);
        let far = |axis: usize| factor * self.gaussian.sigma * self.stretch[axis] * step[axis];
        let place = |axis: usize| match axes[axis].is_stepped() {
            true => (self.gaussian.mean[axis] + far(axis)).clamp(0.0, 1.0),
            false => mirrored(self.gaussian.mean[axis] + far(axis)),
        };
        (0..axes.len()).map(place).collect()
    }

    pub(super) fn pick(&self, parameter: usize, unit: f64) -> usize {
        self.marginals.pick(parameter, unit)
    }

    /// Returns where a finished trial may have been drawn, given its `position` and a `unit` inside `(0, 1)`.
    ///
    /// A trial tells which value it had, not whether it was mirrored at a bound, nor where in the cell of its value
    /// it was drawn. Both are drawn again as this distribution would: with one place for all the variance would
    /// collapse, and an optimum at a bound could not be approached from both sides. While the distribution is still
    /// wide the side does not matter, and drawing it would only add noise.
    pub(super) fn origin(&self, axis: usize, axes: &[Axis], position: f64, unit: f64) -> f64 {
        let (mean, sigma) = (self.gaussian.mean[axis], self.deviations[axis]);
        if !axes[axis].is_stepped() {
            return if sigma < MIRROR_MATTERS { unmirrored(mean, sigma, position, unit) } else { position };
        }
        let Some((from, to)) = axes[axis].cell(position) else { return position };
        let from = if from > 0.0 { from } else { f64::NEG_INFINITY };
        let to = if to < 1.0 { to } else { f64::INFINITY };
        truncated(mean, sigma, from, to, unit)
    }

    /// Learns from a generation.
    pub(super) fn learn(&mut self, ranked: &Ranked, axes: &[Axis]) {
        let weights = self.gaussian.rates().weights(&ranked.is_tied);
        self.move_gaussian(&ranked.positions, &weights);
        self.marginals.update(&ranked.options, &weights.mean);
        self.generations += 1;
        self.keep_margins(axes);
    }

    fn move_gaussian(&mut self, positions: &[f64], weights: &Weights) {
        let mut steps = positions.to_vec();
        for point in steps.chunks_exact_mut(self.stretch.len().max(1)) {
            for ((cell, mean), stretch) in point.iter_mut().zip(&self.gaussian.mean).zip(&self.stretch) {
                *cell = (*cell - mean) / (self.gaussian.sigma * stretch);
            }
        }
        self.gaussian.update(Generation { steps, weights, stretch: &self.stretch });
    }

    /// Keeps neighbouring values of stepped axes likely enough to be drawn once per few generations.
    ///
    /// The margin is that of CMA-ES with margin (Hamano et al. 2022, arXiv:2205.13482): the cell of the mean is
    /// left with probability `1 / (axes · population)` at least, half of it to each side. In the first and the last
    /// cell the mean is moved as there; in between the axis is widened, found afresh each time instead of being
    /// carried along, and the mean stays.
    fn keep_margins(&mut self, axes: &[Axis]) {
        let share = 1.0 / (axes.len().max(1) * self.shape.population) as f64;
        let (both, one) = (-normal::quantile(share / 2.0), -normal::quantile(share.min(0.4)));
        self.deviations = self.gaussian.deviations();
        for (at, axis) in axes.iter().enumerate() {
            let (mean, sigma) = (&mut self.gaussian.mean[at], &mut self.deviations[at]);
            self.stretch[at] = 1.0;
            match axis.cell(*mean) {
                None => {}
                Some((from, to)) if from > 0.0 && to < 1.0 => {
                    let needed = (*mean - from).max(to - *mean) / both;
                    self.stretch[at] = (needed / *sigma).max(1.0);
                    *sigma *= self.stretch[at];
                }
                Some((from, _)) if from > 0.0 => *mean = mean.min(from + one * *sigma),
                Some((_, to)) => *mean = mean.max(to - one * *sigma),
            }
        }
    }

    /// Whether there is nothing left to gain.
    pub(super) fn is_over(&self) -> bool {
        self.watch.is_over(&self.shape, self.stretch.len(), self.gaussian.widest())
    }

    pub(super) fn sigma(&self) -> f64 {
        self.gaussian.sigma
    }
}

/// Mirrors a number at the ends of the unit interval once; further out it goes to the end.
fn mirrored(position: f64) -> f64 {
    let inside = if position < 0.0 { -position } else { position };
    let inside = if inside > 1.0 { 2.0 - inside } else { inside };
    inside.clamp(0.0, 1.0)
}

/// Returns one of the places that are mirrored to `position`, each as likely as under the normal distribution.
fn unmirrored(mean: f64, sigma: f64, position: f64, unit: f64) -> f64 {
    let places = [position, -position, 2.0 - position];
    let distance = |place: f64| ((place - mean) / sigma) * ((place - mean) / sigma);
    let nearest = places.into_iter().map(distance).fold(f64::INFINITY, f64::min);
    let density = places.map(|place| libm::exp(0.5 * (nearest - distance(place))));
    let mut rest = unit * density.iter().sum::<f64>();
    for (place, density) in places.into_iter().zip(density) {
        rest -= density;
        if rest < 0.0 {
            return place;
        }
    }
    position
}

/// Maps `unit` inside `(0, 1)` to a number of the normal cut off outside `from..to`, wherever its mean lies.
fn truncated(mean: f64, sigma: f64, from: f64, to: f64, unit: f64) -> f64 {
    if mean > to {
        return -truncated(-mean, sigma, -to, -from, unit);
    }
    // Probabilities of the upper tail, which keep their digits far out.
    let (near, far) = (normal::cdf((mean - from) / sigma), normal::cdf((mean - to) / sigma));
    let tail = near + unit * (far - near);
    if tail <= 0.0 {
        return from;
    }
    (mean - sigma * normal::quantile(tail)).clamp(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrored_numbers_stay_inside() {
        assert_eq!([-0.25, 0.5, 1.25, 7.0, -7.0].map(mirrored), [0.25, 0.5, 0.75, 0.0, 0.0]);
    }

    #[test]
    fn places_in_a_cell_lie_in_it_wherever_the_mean_is() {
        for mean in [0.0, 0.3, 0.5, 1.0] {
            for sigma in [1e-12, 0.01, 3.0] {
                for unit in [1e-16, 0.5, 0.999] {
                    let place = truncated(mean, sigma, 0.4, 0.6, unit);
                    assert!((0.4..=0.6).contains(&place), "{mean} {sigma} {unit}: {place}");
                }
            }
        }
        assert!(truncated(0.5, 0.1, f64::NEG_INFINITY, 0.2, 0.5) > -1.0);
        assert!((truncated(0.0, 0.01, 0.4, 0.6, 0.5) - 0.4).abs() < 1e-3);
        assert!((truncated(1.0, 0.01, 0.4, 0.6, 0.5) - 0.6).abs() < 1e-3);
    }

    #[test]
    fn a_place_far_from_bounds_is_its_own_origin_and_one_at_a_bound_has_two() {
        assert_eq!(unmirrored(0.5, 0.05, 0.4, 0.999), 0.4);
        let [near, beyond] = [0.25, 0.75].map(|unit| unmirrored(0.0, 0.1, 0.05, unit));
        assert_eq!((near, beyond), (0.05, -0.05));
        assert_eq!(unmirrored(1.1, 0.01, 0.9, 0.5), 1.1);
        assert_eq!(unmirrored(0.3, 1e-15, 0.9, 0.5), 0.9);
    }
}
