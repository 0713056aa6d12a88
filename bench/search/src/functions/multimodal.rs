//! Continuous functions with many local optima.

use std::f64::consts::{E, PI, TAU};

use hone_search::Space;

use super::Named;
use super::continuous::offsets;
use crate::draw::Source;
use crate::task::{Task, always, float, floats, to_units};

fn around_goal(named: &Named, seed: u64, count: usize, value: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Task {
    let space = floats(count);
    let objective = offsets(&space, named.source(seed), value);
    Task::new(named.name, named.family, seed, space, objective)
}

fn ripple(x: f64) -> f64 {
    1.0 - libm::cos(TAU * x)
}

/// Rastrigin (1974).
pub(super) fn rastrigin_5(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 5, |x| x.iter().map(|x| x * x + 10.0 * ripple(*x)).sum())
}

/// Ackley (1987): nearly flat far from the goal.
pub(super) fn ackley_10(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 10, |x| {
        let count = x.len() as f64;
        let square = x.iter().map(|x| x * x).sum::<f64>() / count;
        let cosine = x.iter().map(|x| libm::cos(TAU * x)).sum::<f64>() / count;
        20.0 * (1.0 - libm::exp(-0.2 * square.sqrt())) + E - libm::exp(cosine)
    })
}

/// Levy and Montalvo (1985), their second function.
pub(super) fn levy_6(named: &Named, seed: u64) -> Task {
    around_goal(named, seed, 6, |x| {
        let w: Vec<f64> = x.iter().map(|x| 1.0 + 0.5 * x).collect();
        let last = w[w.len() - 1] - 1.0;
        let middle = |w: &f64| (w - 1.0).powi(2) * (1.0 + 10.0 * libm::sin(PI * w + 1.0).powi(2));
        let first = libm::sin(PI * w[0]).powi(2);
        first + w[..w.len() - 1].iter().map(middle).sum::<f64>() + last.powi(2) * (1.0 + libm::sin(TAU * (last + 1.0)).powi(2))
    })
}

/// A wide funnel that ends too high and a narrower one with the goal, both rippled (after Lunacek et al. 2008).
pub(super) fn two_funnels_5(named: &Named, seed: u64) -> Task {
    let space = floats(5);
    let goal = crate::task::goal(&space, named.source(seed));
    let away: Vec<f64> = goal.iter().map(|goal| -4.5 * goal.signum()).collect();
    let value = move |x: &[f64]| {
        let near: f64 = x.iter().map(|x| x * x).sum();
        let far: f64 = x.iter().zip(&away).map(|(x, away)| (x - away).powi(2)).sum();
        near.min(6.0 + 0.6 * far) + x.iter().map(|x| 2.0 * ripple(*x)).sum::<f64>()
    };
    let objective = offsets(&space, named.source(seed), value);
    Task::new(named.name, named.family, seed, space, objective)
}

/// Turns some directions around, so that each instance of a fixed function is another one.
fn mirrored(space: &Space, source: Source, params: &[f64]) -> Vec<f64> {
    let source = source.part("mirror");
    let turn = |(index, unit): (usize, f64)| if source.unit(index as u64) < 0.5 { unit } else { 1.0 - unit };
    to_units(space, params).into_iter().enumerate().map(turn).collect()
}

/// A task over the unit cube, shown as floats from -5 to 5.
fn fixed(named: &Named, seed: u64, optimum: f64, count: usize, value: fn(&[f64]) -> f64) -> Task {
    let space = Space { parameters: (0..count).map(|index| always(format!("x{index}"), float(-5.0, 5.0))).collect() };
    let (source, inner) = (named.source(seed), space.clone());
    let objective = move |params: &[f64]| value(&mirrored(&inner, source, params)).into();
    Task { optimum, ..Task::new(named.name, named.family, seed, space, Box::new(objective)) }
}

/// Branin (1972): three equal optima.
pub(super) fn branin_2(named: &Named, seed: u64) -> Task {
    fixed(named, seed, 0.397_887_357_729_738, 2, branin)
}

fn branin(unit: &[f64]) -> f64 {
    let (x, y) = (15.0 * unit[0] - 5.0, 15.0 * unit[1]);
    let valley = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(x) + 10.0
}

/// Hartmann (1973), six parameters, four wells.
pub(super) fn hartmann_6(named: &Named, seed: u64) -> Task {
    fixed(named, seed, -3.322_368_011_415_515, 6, hartmann)
}

const DEPTH: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
const WIDTH: [[f64; 6]; 4] = [
    [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
    [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
    [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
    [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
];
const WELL: [[f64; 6]; 4] = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

fn hartmann(unit: &[f64]) -> f64 {
    let distance = |well: usize| -> f64 { (0..6).map(|i| WIDTH[well][i] * (unit[i] - WELL[well][i]).powi(2)).sum() };
    -(0..4).map(|well| DEPTH[well] * libm::exp(-distance(well))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_optima_are_reached() {
        let branin_at = branin(&[(PI + 5.0) / 15.0, 2.275 / 15.0]);
        assert!((branin_at - 0.397_887_357_729_738).abs() < 1e-9, "{branin_at}");
        let best = [0.201_689_511, 0.150_010_692, 0.476_873_974, 0.275_332_430, 0.311_651_616, 0.657_300_534];
        assert!((hartmann(&best) + 3.322_368_011_415_515).abs() < 1e-6, "{}", hartmann(&best));
    }
}
