//! Parameters that exist only under conditions.

use hone_search::{Choice, Space};

use super::Named;
use super::discrete::Goal;
use crate::draw::Source;
use crate::task::{Task, always, float, int, log_float, log_int, only, options};

fn option(index: usize) -> Vec<Choice> {
    vec![Choice::Str(format!("o{index}"))]
}

fn at_least(least: i64, most: i64) -> Vec<Choice> {
    (least..=most).map(Choice::Int).collect()
}

/// The squares of what is there, weighed.
fn squares(z: &[f64], weight: f64) -> f64 {
    z.iter().filter(|z| !z.is_nan()).map(|z| weight * z * z).sum()
}

/// Four models, each with parameters of its own, and one parameter that all share.
pub(super) fn branches_11(named: &Named, seed: u64) -> Task {
    let space = Space {
        parameters: vec![
            always("model", options(4)),
            always("shared", log_float(1e-5, 1.0)),
            only("a0", float(-5.0, 5.0), "model", option(0)),
            only("a1", log_float(1e-4, 1e2), "model", option(0)),
            only("b0", log_int(1, 512), "model", option(1)),
            only("b1", log_float(1e-6, 1.0), "model", option(1)),
            only("c0", float(0.0, 1.0), "model", option(2)),
            only("c1", float(0.0, 1.0), "model", option(2)),
            only("c2", int(1, 30), "model", option(2)),
            only("d0", options(4), "model", option(3)),
            only("d1", float(0.0, 1.0), "model", option(3)),
        ],
    };
    let goal = Goal::new(&space, named.source(seed));
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        (0.5 * z[0] + 2.0 * z[1] * z[1] + squares(&z[2..9], 2.0) + squares(&z[9..10], 0.3) + squares(&z[10..], 2.0)).into()
    };
    Task::new(named.name, named.family, seed, space, Box::new(objective))
}

/// A network of one to four layers, each with a width; the best rate depends on the depth.
pub(super) fn layers_8(named: &Named, seed: u64) -> Task {
    let widths = (1..=4).map(|layer| {
        let when = if layer == 1 { at_least(1, 4) } else { at_least(layer, 4) };
        only(format!("width{layer}"), log_int(8, 1024), "layers", when)
    });
    let others = [always("rate", log_float(1e-6, 1.0)), always("dropout", float(0.0, 0.8)), always("activation", options(4))];
    let space = Space { parameters: [always("layers", int(1, 4))].into_iter().chain(widths).chain(others).collect() };
    let goal = Goal::new(&space, named.source(seed));
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        let widths = squares(&z[1..5], 2.0) / params[0];
        let rate = z[5] + 0.3 * z[0];
        (0.6 * z[0].abs() + widths + 5.0 * rate * rate + z[6] * z[6] + 0.4 * z[7]).into()
    };
    Task::new(named.name, named.family, seed, space, Box::new(objective))
}

/// Conditions on conditions.
pub(super) fn nested_8(named: &Named, seed: u64) -> Task {
    let space = Space {
        parameters: vec![
            always("solver", options(2)),
            only("method", options(3), "solver", option(0)),
            only("momentum", float(0.0, 1.0), "method", option(0)),
            only("beta1", float(0.0, 1.0), "method", option(1)),
            only("beta2", log_float(1e-4, 1.0), "method", option(1)),
            only("memory", int(1, 20), "solver", option(1)),
            always("rate", log_float(1e-5, 10.0)),
            always("iterations", log_int(10, 10_000)),
        ],
    };
    let rates = named.source(seed).part("rates");
    let goal = Goal::new(&space, named.source(seed));
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        let rate = z[6] + method_shift(rates, &goal, params);
        let kinds = 0.2 * z[0] + if z[1].is_nan() { 0.0 } else { 0.3 * z[1] };
        (kinds + squares(&z[2..6], 1.5) + 6.0 * rate * rate + z[7] * z[7]).into()
    };
    Task::new(named.name, named.family, seed, space, Box::new(objective))
}

/// How far another method than the best moves the best rate.
fn method_shift(rates: Source, goal: &Goal, params: &[f64]) -> f64 {
    let is_best = params[0] == goal.units[0] && (params[1].is_nan() || params[1] == goal.units[1]);
    let kind = if params[1].is_nan() { 3 } else { params[1] as u64 };
    if is_best { 0.0 } else { 0.4 * (rates.unit(kind) - 0.5) }
}
