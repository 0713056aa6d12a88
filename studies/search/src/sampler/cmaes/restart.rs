//! When a run has nothing left to gain, and what the next one is like.
//!
//! Criteria after Hansen 2016 (B.3), loosened to what a hyperparameter search can tell apart. Restarts double the
//! generation (IPOP: Auger and Hansen 2005) or take turns between doubled and small ones, whichever regime has
//! used fewer trials so far (BIPOP: Hansen 2009). Everything follows from the trials told.

use super::rates::MOST_POPULATION;
use crate::draw::{Draw, Use};
use crate::sampler::Restarts;

/// A run ends once its distribution is this narrow along every axis of the unit cube.
const NARROWEST: f64 = 1e-6;
/// A run ends once the best of its latest generations differ by no more than this share of its first losses' range.
const FLATTEST: f64 = 1e-9;
/// The range of no number.
const NOTHING: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);
/// Standard deviation of a fresh run along each axis of the unit cube.
pub(super) const FIRST_SIGMA: f64 = 0.2;

/// The shape of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shape {
    /// How many runs were before.
    pub(super) index: u32,
    /// Trials in a generation.
    pub(super) population: usize,
    /// First standard deviation along each axis.
    pub(super) sigma: f64,
    /// Trials after which it ends whatever happens.
    most_trials: usize,
    is_small: bool,
}

/// Remembers what earlier runs used, and shapes the next.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Schedule {
    restarts: Restarts,
    usual: usize,
    large: usize,
    large_used: usize,
    latest_large_used: usize,
    small_used: usize,
}

impl Schedule {
    pub(super) fn new(restarts: Restarts, usual: usize) -> Self {
        Self { restarts, usual, large: usual, large_used: 0, latest_large_used: 0, small_used: 0 }
    }

    pub(super) fn first(&self) -> Shape {
        Shape { index: 0, population: self.usual, sigma: FIRST_SIGMA, most_trials: usize::MAX, is_small: false }
    }

    /// Whether runs end before the study does.
    pub(super) fn restarts(&self) -> bool {
        self.restarts != Restarts::None
    }

    /// Returns the run after `shape`, which took `used` trials. `seed` and `name` key its draws.
    pub(super) fn next(&mut self, shape: Shape, used: usize, seed: u64, name: &str) -> Shape {
        let index = shape.index + 1;
        if shape.is_small {
            self.small_used += used;
        } else if shape.index > 0 {
            self.large_used += used;
            self.latest_large_used = used;
        } else {
            self.latest_large_used = used;
        }
        if self.restarts == Restarts::Bipop && shape.index > 0 && self.small_used < self.large_used {
            return self.small(index, seed, name);
        }
        self.large = (self.large * 2).min(MOST_POPULATION.max(self.usual));
        Shape { index, population: self.large, sigma: FIRST_SIGMA, most_trials: usize::MAX, is_small: false }
    }

    fn small(&self, index: u32, seed: u64, name: &str) -> Shape {
        let mut draw = Draw::new(seed, index, name, Use::Restart);
        let (size, width) = (draw.unit(), draw.unit());
        let ratio = self.large as f64 / self.usual as f64;
        let population = (self.usual as f64 * libm::pow(0.5 * ratio, size * size)) as usize;
        Shape {
            index,
            population: population.max(self.usual),
            sigma: FIRST_SIGMA * libm::pow(10.0, -2.0 * width),
            most_trials: (self.latest_large_used / 2).max(self.usual),
            is_small: true,
        }
    }
}

/// The losses of one run's generations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Watch {
    best: Vec<f64>,
    median: Vec<f64>,
    /// Range of the finite losses of the first generation.
    range: f64,
    trials: usize,
}

impl Watch {
    /// Notes a generation's trials and their losses, ascending and infinite for trials without one.
    ///
    /// There are none where trials have several losses: such a run ends when its distribution is narrow.
    pub(super) fn note(&mut self, trials: usize, losses: &[f64]) {
        self.trials += trials;
        let (Some(&best), Some(&median)) = (losses.first(), losses.get(losses.len() / 2)) else { return };
        let worst = losses.iter().rev().copied().find(|loss| loss.is_finite());
        if self.best.is_empty() {
            self.range = worst.map_or(0.0, |worst| worst - best);
        }
        self.best.push(best);
        self.median.push(median);
    }

    /// Returns the number of trials noted.
    pub(super) fn trials(&self) -> usize {
        self.trials
    }

    /// Whether the run should end, given the widest standard deviation of its distribution.
    pub(super) fn is_over(&self, shape: &Shape, axes: usize, widest: f64) -> bool {
        let patience = 10 + (30 * axes.max(1)).div_ceil(shape.population);
        let narrow = axes > 0 && widest < NARROWEST;
        narrow || self.trials >= shape.most_trials || self.is_flat(patience) || self.is_stagnant(patience)
    }

    fn is_flat(&self, patience: usize) -> bool {
        let Some(start) = self.best.len().checked_sub(patience) else { return false };
        let (low, high) = self.best[start..].iter().fold(NOTHING, |(low, high), &loss| (low.min(loss), high.max(loss)));
        // Where all are infinite their distance is no number, and nothing is gained either.
        let is_gaining = high - low > FLATTEST * self.range;
        !is_gaining
    }

    /// Whether neither the best nor the median losses are better than they were a while ago.
    fn is_stagnant(&self, patience: usize) -> bool {
        let window = (self.best.len() / 5).max(110 + patience);
        let Some(start) = self.best.len().checked_sub(window) else { return false };
        let part = (window * 3 / 10).max(1);
        let is_worse = |losses: &[f64]| {
            let recent = &losses[start..];
            middle(&recent[window - part..]) >= middle(&recent[..part])
        };
        is_worse(&self.best) && is_worse(&self.median)
    }
}

fn middle(losses: &[f64]) -> f64 {
    let mut sorted = losses.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(losses: impl Iterator<Item = [f64; 2]>) -> Watch {
        let mut watch = Watch::default();
        losses.for_each(|losses| watch.note(2, &losses));
        watch
    }

    #[test]
    fn a_run_ends_when_flat_or_narrow_or_stagnant_but_not_while_it_gains() {
        let shape = Schedule::new(Restarts::Bipop, 10).first();
        let falling = watch((0..100).map(|at| [0.9_f64.powi(at), 1.0]));
        assert!(!falling.is_over(&shape, 5, 0.1));
        let slow = watch((0..100).map(|at| [1.0 / f64::from(at + 1), 1.0]));
        assert!(!slow.is_over(&shape, 5, 0.1));
        assert!(slow.is_over(&shape, 5, 1e-7));
        assert!(watch((0..40).map(|_| [1.0, 1.0])).is_over(&shape, 5, 0.1));
        assert!(watch((0..40).map(|_| [f64::INFINITY; 2])).is_over(&shape, 5, 0.1));
        let noisy = |at: i32| f64::from(at * 7919 % 101);
        assert!(watch((0..400).map(|at| [noisy(at), noisy(at) + 1.0])).is_over(&shape, 5, 0.1));
    }

    #[test]
    fn ipop_doubles_each_time() {
        let mut schedule = Schedule::new(Restarts::Ipop, 8);
        let mut shape = schedule.first();
        for expected in [16, 32, 64] {
            shape = schedule.next(shape, 100, 1, "x");
            assert_eq!((shape.population, shape.is_small), (expected, false));
        }
    }

    #[test]
    fn bipop_gives_both_regimes_the_same_share() {
        let mut schedule = Schedule::new(Restarts::Bipop, 8);
        let mut shape = schedule.first();
        let mut used = [0, 0];
        for _ in 0..40 {
            let trials = if shape.is_small { shape.most_trials.min(300) } else { shape.population * 40 };
            let before = shape;
            shape = schedule.next(shape, trials, 7, "x");
            if before.index > 0 {
                used[usize::from(before.is_small)] += trials;
            }
            assert!(shape.population >= 8 && shape.sigma >= 0.002 && shape.sigma <= FIRST_SIGMA, "{shape:?}");
        }
        assert!(used[1] > 0 && used[0] > used[1] / 2, "{used:?}");
    }
}
