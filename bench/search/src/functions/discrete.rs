//! Steps, flat regions, options without order, whole numbers, and all of them together.

use hone_search::{Distribution, Space};

use super::Named;
use crate::draw::Source;
use crate::task::{Task, always, float, floats, goal, int, log_float, log_int, options, to_units};

/// What an instance measures a point against.
pub(super) struct Goal {
    space: Space,
    /// The goal on the scale of [`to_units`].
    pub(super) units: Vec<f64>,
    source: Source,
}

impl Goal {
    pub(super) fn new(space: &Space, source: Source) -> Self {
        let units = to_units(space, &goal(space, source));
        Self { space: space.clone(), units, source }
    }

    /// The distance of each number from its goal, signed; for options their cost, 0 at the goal, else 0.3 to 1; NaN if absent.
    pub(super) fn offsets(&self, params: &[f64]) -> Vec<f64> {
        let units = to_units(&self.space, params);
        let offset = |index: usize| match self.space.parameters[index].distribution {
            _ if units[index].is_nan() => f64::NAN,
            Distribution::Categorical { .. } => self.cost(index, units[index]),
            Distribution::Float { .. } | Distribution::Int { .. } => units[index] - self.units[index],
        };
        (0..units.len()).map(offset).collect()
    }

    fn cost(&self, index: usize, option: f64) -> f64 {
        let cost = 0.3 + 0.7 * self.source.part("cost").unit((index * 1_000) as u64 + option as u64);
        if option == self.units[index] { 0.0 } else { cost }
    }
}

fn task(named: &Named, seed: u64, space: Space, value: impl Fn(&[f64]) -> f64 + Send + Sync + 'static) -> Task {
    let goal = Goal::new(&space, named.source(seed));
    let objective = Box::new(move |params: &[f64]| value(&goal.offsets(params)).into());
    Task::new(named.name, named.family, seed, space, objective)
}

/// Stairs down to the goal; every tread is flat.
pub(super) fn steps_5(named: &Named, seed: u64) -> Task {
    task(named, seed, floats(5), |z| z.iter().map(|z| (z.abs() * 12.0).floor().powi(2)).sum())
}

/// Flat but for a bowl around the goal, which takes up a few hundredths of the space.
pub(super) fn mesa_4(named: &Named, seed: u64) -> Task {
    task(named, seed, floats(4), |z| (z.iter().map(|z| z * z).sum::<f64>() / 0.09).min(1.0))
}

/// Eight options each with costs of its own, and costs for pairs of neighbours that do not fit.
pub(super) fn options_8(named: &Named, seed: u64) -> Task {
    let sizes = [3, 4, 5, 6, 3, 4, 5, 6];
    let space = Space { parameters: sizes.iter().enumerate().map(|(i, &size)| always(format!("c{i}"), options(size))).collect() };
    let pairs = named.source(seed).part("pairs");
    let goal = Goal::new(&space, named.source(seed));
    let objective = move |params: &[f64]| {
        let single: f64 = goal.offsets(params).iter().sum();
        let pair = |i: usize| {
            let fits = params[i - 1] == goal.units[i - 1] && params[i] == goal.units[i];
            if fits { 0.0 } else { pairs.unit((i * 100) as u64 + 10 * params[i - 1] as u64 + params[i] as u64) }
        };
        (single + (1..params.len()).map(pair).sum::<f64>()).into()
    };
    Task::new(named.name, named.family, seed, space, Box::new(objective))
}

/// Four options, and six floats whose best values depend on them.
pub(super) fn switches_10(named: &Named, seed: u64) -> Task {
    let switches = [3, 4, 2, 5].iter().enumerate().map(|(i, &size)| always(format!("c{i}"), options(size)));
    let numbers = (0..6).map(|i| always(format!("x{i}"), float(-5.0, 5.0)));
    let space = Space { parameters: switches.chain(numbers).collect() };
    let moves = named.source(seed).part("moves");
    let goal = Goal::new(&space, named.source(seed));
    let objective = move |params: &[f64]| {
        let z = goal.offsets(params);
        let moved = |i: usize| {
            let option = params[i % 4];
            let aside = if option == goal.units[i % 4] { 0.0 } else { moves.unit((i * 10) as u64 + option as u64) - 0.5 };
            4.0 * (z[4 + i] - 0.6 * aside).powi(2)
        };
        (0.5 * z[..4].iter().sum::<f64>() + (0..6).map(moved).sum::<f64>()).into()
    };
    Task::new(named.name, named.family, seed, space, Box::new(objective))
}

fn mixed_space() -> Space {
    Space {
        parameters: vec![
            always("rate", log_float(1e-6, 1.0)),
            always("decay", log_float(1e-8, 1e-1)),
            always("dropout", float(0.0, 0.9)),
            always("width", log_int(4, 2048)),
            always("batch", Distribution::Int { low: 8, high: 256, log: false, step: 8 }),
            always("optimizer", options(4)),
            always("activation", options(3)),
        ],
    }
}

/// As in training: rate and batch work together, the decay matters little, options have costs.
fn mixed(z: &[f64]) -> f64 {
    let [rate, decay, dropout, width, batch, optimizer, activation] = z else { return f64::NAN };
    let fit = rate - 0.4 * batch;
    10.0 * fit * fit
        + 0.2 * decay * decay
        + dropout * dropout
        + 1.5 * width.abs()
        + batch * batch
        + 0.6 * optimizer
        + 0.3 * activation
}

pub(super) fn mixed_7(named: &Named, seed: u64) -> Task {
    task(named, seed, mixed_space(), mixed)
}

pub(super) fn noisy_mixed_7(named: &Named, seed: u64) -> Task {
    Task { noise: 0.1, ..mixed_7(named, seed) }
}

/// Logarithmic scales over many decades, of which products count.
pub(super) fn scales_6(named: &Named, seed: u64) -> Task {
    let space = Space {
        parameters: vec![
            always("a", log_float(1e-8, 1.0)),
            always("b", log_float(1e-5, 1e5)),
            always("c", log_float(1e-3, 1e3)),
            always("d", log_float(1e-10, 1e2)),
            always("n", log_int(1, 100_000)),
            always("m", log_int(1, 500)),
        ],
    };
    task(named, seed, space, |z| {
        let [a, b, c, d, n, m] = z else { return f64::NAN };
        8.0 * (a + b).powi(2) + 0.5 * (a - b).powi(2) + 4.0 * (c - d).abs() + (c + d).powi(2) + 3.0 * n * n + m.abs()
    })
}

pub(super) fn ints_15(named: &Named, seed: u64) -> Task {
    let space = Space { parameters: (0..15).map(|i| always(format!("n{i}"), int(0, 20))).collect() };
    let weights = named.source(seed).part("weights");
    task(named, seed, space, move |z| {
        let cost = |(i, z): (usize, &f64)| (0.2 + weights.unit(i as u64)) * libm::pow(20.0 * z.abs(), 1.5);
        z.iter().enumerate().map(cost).sum()
    })
}

pub(super) fn mixed_30(named: &Named, seed: u64) -> Task {
    let floats = (0..12).map(|i| always(format!("x{i}"), float(-5.0, 5.0)));
    let logs = (0..6).map(|i| always(format!("l{i}"), log_float(1e-6, 1.0)));
    let ints = (0..6).map(|i| always(format!("n{i}"), int(0, 10 + 5 * i)));
    let choices = (0..6).map(|i| always(format!("c{i}"), options(2 + i)));
    let space = Space { parameters: floats.chain(logs).chain(ints).chain(choices).collect() };
    task(named, seed, space, |z| {
        let number = |(i, z): (usize, &f64)| z * z / (1.0 + 0.2 * i as f64);
        z[..24].iter().enumerate().map(number).sum::<f64>() + 0.1 * z[24..].iter().sum::<f64>()
    })
}
