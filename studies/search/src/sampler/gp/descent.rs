//! Minimisation of a smooth function within a box: limited-memory BFGS (Nocedal 1980) on the coordinates that are
//! free to move, with steps projected onto the box and shortened until they pay (Armijo 1966; Bertsekas 1982).

use super::linalg::{add_scaled, dot};

/// Pairs of steps remembered.
const MEMORY: usize = 8;
/// The share of the promised decrease that a step must bring.
const SUFFICIENT: f64 = 1e-4;
/// Each attempt at a step is this part of the one before.
const SHORTER: f64 = 0.4;
/// Attempts at a step before the search ends.
const SHORTENINGS: u32 = 12;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Evaluations of the function.
    pub(super) evaluations: u32,
    /// A step that gains less than this ends the search.
    pub(super) least_gain: f64,
}

/// A point, the function's value there, and its gradient.
#[derive(Clone, Debug)]
struct At {
    x: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
}

/// Descends from `start` and returns the best point found and its value.
///
/// `function` writes its gradient into its second argument. A start without a finite value is returned as it is.
pub(super) fn minimize(
    start: &[f64],
    bounds: &[(f64, f64)],
    effort: Effort,
    function: impl FnMut(&[f64], &mut [f64]) -> f64,
) -> (Vec<f64>, f64) {
    let mut descent = Descent { bounds, function, left: effort.evaluations };
    let mut at = descent.evaluate(start.iter().zip(bounds).map(|(x, (low, high))| x.max(*low).min(*high)).collect());
    let mut memory = Memory::default();
    while descent.left > 0 && at.value.is_finite() {
        let direction = memory.direction(&at, bounds);
        let Some(next) = descent.step(&at, &direction) else {
            // A stale memory may point uphill or nowhere; the plain gradient is tried before giving up.
            if memory.is_empty() {
                break;
            }
            memory.forget();
            continue;
        };
        let gain = at.value - next.value;
        memory.learn(&at, &next);
        at = next;
        if gain < effort.least_gain {
            break;
        }
    }
    (at.x, at.value)
}

/// A function, its box, and how often it may still be evaluated.
struct Descent<'a, F> {
    bounds: &'a [(f64, f64)],
    function: F,
    left: u32,
}

impl<F: FnMut(&[f64], &mut [f64]) -> f64> Descent<'_, F> {
    fn evaluate(&mut self, x: Vec<f64>) -> At {
        self.left = self.left.saturating_sub(1);
        let mut gradient = vec![0.0; x.len()];
        let value = (self.function)(&x, &mut gradient);
        At { x, value, gradient }
    }

    /// Shortens a projected step until it decreases the function enough; `None` if none does.
    fn step(&mut self, at: &At, direction: &[f64]) -> Option<At> {
        let mut length = 1.0;
        for _ in 0..SHORTENINGS.min(self.left) {
            let to = |i: usize| (at.x[i] + length * direction[i]).clamp(self.bounds[i].0, self.bounds[i].1);
            let x: Vec<f64> = (0..at.x.len()).map(to).collect();
            let promised: f64 = (0..x.len()).map(|i| at.gradient[i] * (x[i] - at.x[i])).sum();
            // Also false if the promise is no number.
            let is_downhill = promised < 0.0;
            if !is_downhill {
                return None;
            }
            let next = self.evaluate(x);
            if next.value <= at.value + SUFFICIENT * promised {
                return Some(next);
            }
            length *= SHORTER;
        }
        None
    }
}

/// Recent steps and the changes of the gradient along them, oldest first.
#[derive(Default)]
struct Memory(Vec<(Vec<f64>, Vec<f64>)>);

impl Memory {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn forget(&mut self) {
        self.0.clear();
    }

    fn learn(&mut self, from: &At, to: &At) {
        let difference = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a - b).collect() };
        let (step, change) = (difference(&to.x, &from.x), difference(&to.gradient, &from.gradient));
        if dot(&step, &change) > 1e-10 * dot(&change, &change).sqrt() * dot(&step, &step).sqrt() {
            if self.0.len() == MEMORY {
                self.0.remove(0);
            }
            self.0.push((step, change));
        }
    }

    /// Returns the quasi-Newton direction over the free coordinates, 0 in those that press against their bound.
    fn direction(&self, at: &At, bounds: &[(f64, f64)]) -> Vec<f64> {
        let is_free = |i: usize| {
            let (low, high) = bounds[i];
            !((at.x[i] <= low && at.gradient[i] > 0.0) || (at.x[i] >= high && at.gradient[i] < 0.0))
        };
        let free: Vec<f64> = (0..at.x.len()).map(|i| f64::from(u8::from(is_free(i)))).collect();
        let masked = |vector: &[f64]| -> Vec<f64> { vector.iter().zip(&free).map(|(x, free)| x * free).collect() };
        let mut direction = masked(&at.gradient);
        let mut shares = Vec::with_capacity(self.0.len());
        for (step, change) in self.0.iter().rev() {
            let (step, change) = (masked(step), masked(change));
            let curvature = dot(&step, &change);
            let share = if curvature > 0.0 { dot(&step, &direction) / curvature } else { 0.0 };
            add_scaled(&mut direction, -share, &change);
            shares.push((share, step, change, curvature));
        }
        let scale = self.scale(&direction);
        direction.iter_mut().for_each(|entry| *entry *= scale);
        for (share, step, change, curvature) in shares.iter().rev().filter(|(.., curvature)| *curvature > 0.0) {
            let correction = share - dot(change, &direction) / curvature;
            add_scaled(&mut direction, correction, step);
        }
        direction.iter().zip(&free).map(|(entry, free)| -entry * free).collect()
    }

    /// Returns the first guess of the inverse curvature; without memory one that makes a step of modest length.
    fn scale(&self, direction: &[f64]) -> f64 {
        match self.0.last() {
            Some((step, change)) => dot(step, change) / dot(change, change),
            None => 0.25 / dot(direction, direction).sqrt().max(1e-12).max(0.25),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFORT: Effort = Effort { evaluations: 200, least_gain: 1e-14 };

    /// Rosenbrock's valley.
    fn valley(x: &[f64], gradient: &mut [f64]) -> f64 {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        gradient.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        a * a + 100.0 * b * b
    }

    #[test]
    fn the_valley_is_followed_to_its_end() {
        let (x, value) = minimize(&[-1.2, 1.0], &[(-2.0, 2.0); 2], EFFORT, valley);
        assert!(value < 1e-8 && (x[0] - 1.0).abs() < 1e-3, "{x:?} {value}");
    }

    #[test]
    fn a_minimum_outside_the_box_is_approached_along_its_wall() {
        let (x, _) = minimize(&[-1.0, -0.5], &[(-2.0, 0.5), (-2.0, 2.0)], EFFORT, valley);
        assert!((x[0] - 0.5).abs() < 1e-6 && (x[1] - 0.25).abs() < 1e-4, "{x:?}");
    }

    #[test]
    fn flat_and_undefined_functions_end_at_their_start() {
        let flat = minimize(&[0.3], &[(0.0, 1.0)], EFFORT, |_, _| 1.0);
        assert_eq!(flat, (vec![0.3], 1.0));
        let (x, value) = minimize(&[0.3], &[(0.0, 1.0)], EFFORT, |_, _| f64::NAN);
        assert!(x == [0.3] && value.is_nan());
    }

    #[test]
    fn the_number_of_evaluations_is_kept_to() {
        let mut count = 0;
        let effort = Effort { evaluations: 9, least_gain: 0.0 };
        minimize(&[-1.2, 1.0], &[(-2.0, 2.0); 2], effort, |x, gradient| {
            count += 1;
            valley(x, gradient)
        });
        assert!(count <= 9, "{count}");
    }
}
