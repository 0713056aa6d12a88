//! Points that are not allowed.

use hone_search::Space;

use super::Named;
use super::continuous::{dot, rotation};
use super::discrete::Goal;
use crate::draw::Source;
use crate::task::{Answer, Task, always, float, floats, int, log_float, options};

fn held(value: f64, constraints: Vec<f64>) -> Answer {
    Answer { values: vec![value], constraints, curve: Vec::new() }
}

/// Radius of the disk, in units of the ranges.
const RADIUS: f64 = 0.28;

/// A slope that ends at the rim of a disk around the middle of the goal and the centre.
pub(super) fn disk_3(named: &Named, seed: u64) -> Task {
    let space = floats(3);
    let goal = Goal::new(&space, named.source(seed));
    let slope = rotation(named.source(seed), 3).swap_remove(0);
    let objective = move |params: &[f64]| {
        // Half-way to the centre, so that the whole disk lies within the bounds.
        let offset: Vec<f64> = goal.offsets(params).iter().zip(&goal.units).map(|(z, goal)| z + (goal - 0.5) / 2.0).collect();
        held(dot(&offset, &slope), vec![dot(&offset, &offset) - RADIUS * RADIUS])
    };
    let task = Task::new(named.name, named.family, seed, space, Box::new(objective));
    Task { constraints: 1, optimum: -RADIUS, worst: 2.0, ..task }
}

/// Distance of each wall from the unconstrained optimum.
const WALL: f64 = 0.1;

/// A bowl whose lowest point lies behind two walls.
pub(super) fn walls_6(named: &Named, seed: u64) -> Task {
    let space = floats(6);
    let goal = Goal::new(&space, named.source(seed));
    let normals = rotation(named.source(seed), 6);
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        held(dot(&z, &z), vec![WALL - dot(&z, &normals[0]), WALL - dot(&z, &normals[1])])
    };
    let task = Task::new(named.name, named.family, seed, space, Box::new(objective));
    Task { constraints: 2, optimum: 2.0 * WALL * WALL, worst: 6.0 * 0.85 * 0.85, ..task }
}

/// The price of a point; the best recipe costs just what may be spent.
fn price(prices: Source, z: &[f64], option: f64) -> f64 {
    let numbers: f64 = z[..4].iter().enumerate().map(|(i, z)| (0.3 + prices.unit(i as u64)) * z).sum();
    numbers + 0.3 * prices.unit(100 + option as u64)
}

/// Numbers and an option under a budget that the best point uses up.
pub(super) fn recipe_5(named: &Named, seed: u64) -> Task {
    let space = Space {
        parameters: vec![
            always("flour", float(0.0, 10.0)),
            always("salt", log_float(1e-3, 1.0)),
            always("minutes", int(5, 60)),
            always("heat", float(100.0, 300.0)),
            always("kind", options(4)),
        ],
    };
    let goal = Goal::new(&space, named.source(seed));
    let prices = named.source(seed).part("prices");
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        let spent = price(prices, &z, params[4]) - price(prices, &[0.0; 4], goal.units[4]);
        held(4.0 * dot(&z[..4], &z[..4]) + 0.5 * z[4], vec![spent])
    };
    let task = Task::new(named.name, named.family, seed, space, Box::new(objective));
    Task { constraints: 1, worst: 4.0 * 4.0 * 0.95 * 0.95 + 0.5, ..task }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::functions::ALL;

    fn named(name: &str) -> &'static Named {
        ALL.iter().find(|named| named.name == name).expect("a function")
    }

    fn from_units(units: &[f64]) -> Vec<f64> {
        units.iter().map(|unit| 10.0 * unit - 5.0).collect()
    }

    #[test]
    fn optima_lie_on_the_constraints_and_within_the_bounds() {
        for seed in 0..20 {
            let task = disk_3(named("disk-3"), seed);
            let goal = Goal::new(&task.space, named("disk-3").source(seed));
            let slope = rotation(named("disk-3").source(seed), 3).swap_remove(0);
            let best: Vec<f64> = (0..3).map(|i| 0.25 + goal.units[i] / 2.0 - 0.999_999 * RADIUS * slope[i]).collect();
            assert!(best.iter().all(|unit| (0.0..=1.0).contains(unit)), "{best:?}");
            let shown = task.run(0, &from_units(&best));
            assert!(shown.is_allowed() && (shown.clean[0] - task.optimum).abs() < 1e-5, "{shown:?}");

            let task = walls_6(named("walls-6"), seed);
            let goal = Goal::new(&task.space, named("walls-6").source(seed));
            let normals = rotation(named("walls-6").source(seed), 6);
            let best: Vec<f64> = (0..6).map(|i| goal.units[i] + 1.000_001 * WALL * (normals[0][i] + normals[1][i])).collect();
            assert!(best.iter().all(|unit| (0.0..=1.0).contains(unit)), "{best:?}");
            let shown = task.run(0, &from_units(&best));
            assert!(shown.is_allowed() && (shown.clean[0] - task.optimum).abs() < 1e-5, "{shown:?}");
        }
    }
}
