//! Continuous functions with one basin: ill-conditioned, noisy and high-dimensional ones.

use super::Named;
use crate::draw::Source;
use hone_search::Space;

use crate::task::{Objective, Task, floats, goal};

/// A task over `count` floats; `value` gets the offsets from the goal, each at most 8.5 in size.
fn around_goal(named: &Named, seed: u64, count: usize, value: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Task {
    let space = floats(count);
    let objective = offsets(&space, named.source(seed), value);
    Task::new(named.name, named.family, seed, space, objective)
}

pub(super) fn offsets(space: &Space, source: Source, value: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Objective {
    let goal = goal(space, source);
    Box::new(move |params| {
        let offsets: Vec<f64> = params.iter().zip(&goal).map(|(value, goal)| value - goal).collect();
        value(&offsets).into()
    })
}

/// Rows of an orthogonal matrix, by Gram and Schmidt.
pub(super) fn rotation(source: Source, size: usize) -> Vec<Vec<f64>> {
    let source = source.part("rotation");
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(size);
    for row in 0..size {
        let mut new: Vec<f64> = (0..size).map(|column| source.normal((row * size + column) as u64)).collect();
        for old in &rows {
            let along = dot(&new, old);
            new.iter_mut().zip(old).for_each(|(new, old)| *new -= along * old);
        }
        let length = dot(&new, &new).sqrt();
        new.iter_mut().for_each(|value| *value /= length);
        rows.push(new);
    }
    rows
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// `condition` to the power of 0 to 1, from the first to the last direction.
fn curvature(condition: f64, index: usize, count: usize) -> f64 {
    libm::pow(condition, index as f64 / (count - 1) as f64)
}

pub(super) fn ellipsoid_5(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 5, |x| x.iter().enumerate().map(|(index, x)| curvature(1e4, index, 5) * x * x).sum())
}

pub(super) fn rotated_ellipsoid_8(named: &Named, seed: u64) -> Task {
    let rows = rotation(named.source(seed), 8);
    around_goal(named, seed, 8, move |x| {
        rows.iter().enumerate().map(|(index, row)| curvature(1e3, index, 8) * dot(row, x) * dot(row, x)).sum()
    })
}

/// A curved valley (Rosenbrock 1960), its optimum moved to the goal.
fn rosenbrock(x: &[f64]) -> f64 {
    let at = |index: usize| 1.0 + 0.4 * x[index];
    (1..x.len()).map(|index| 100.0 * (at(index) - at(index - 1).powi(2)).powi(2) + (1.0 - at(index - 1)).powi(2)).sum()
}

pub(super) fn rosenbrock_4(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 4, rosenbrock)
}

pub(super) fn rosenbrock_10(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 10, rosenbrock)
}

/// A slope along a ridge that is steep to both sides everywhere.
pub(super) fn sharp_ridge_6(named: &Named, seed: u64) -> Task {
    let rows = rotation(named.source(seed), 6);
    around_goal(named, seed, 6, move |x| {
        let along = dot(&rows[0], x);
        let aside: f64 = rows[1..].iter().map(|row| dot(row, x).powi(2)).sum();
        along * along + 10.0 * aside.sqrt()
    })
}

/// A round bowl; the noise is as large as the regret of a good start.
pub(super) fn noisy_bowl_5(named: &Named, seed: u64) -> Task {
    Task { noise: 3.0, ..around_goal(named, seed, 5, |x| dot(x, x)) }
}

pub(super) fn bowl_20(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 20, |x| x.iter().enumerate().map(|(index, x)| curvature(30.0, index, 20) * x * x).sum())
}

/// Forty parameters, of which five matter.
pub(super) fn few_of_40(named: &Named, seed: u64) -> Task {
    let source = named.source(seed).part("weights");
    let mut order: Vec<usize> = (0..40).collect();
    order.sort_by(|&a, &b| source.unit(a as u64).total_cmp(&source.unit(b as u64)));
    let matters: Vec<bool> = (0..40).map(|index| order[..5].contains(&index)).collect();
    around_goal(named, seed, 40, move |x| {
        x.iter().zip(&matters).map(|(x, &matters)| if matters { x * x } else { 0.002 * x * x }).sum()
    })
}
