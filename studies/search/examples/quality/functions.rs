//! Functions with known minima over spaces of many kinds, moved and turned by the seed of a run.
//!
//! The shapes are textbook ones (Hansen et al. 2009, COCO; Surjanovic and Bingham, Virtual Library of Simulation
//! Experiments); the spaces around them are ours. Every minimum is 0.

use std::f64::consts::PI;

use hone_search::{Choice, Condition, Distribution, Parameter, Space};

/// One function to minimise.
pub struct Function {
    /// Its name, unique in the list, with its number of dimensions.
    pub name: &'static str,
    /// What sort of difficulty it stands for.
    pub family: &'static str,
    /// Where it is searched.
    pub space: fn() -> Space,
    /// Its value at internal parameters, NaN where absent, for an instance.
    pub value: fn(&[f64], &Instance) -> f64,
    /// Standard deviation of the normal noise that a sampler sees on top.
    pub noise: f64,
}

/// What differs between two runs of the same function.
pub struct Instance {
    seed: u64,
}

impl Instance {
    /// The instance of a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// Returns a number in `[0, 1)` that depends on the seed and `index` alone (splitmix64, Steele et al. 2014).
    pub fn unit(&self, index: u64) -> f64 {
        let mut z = self.seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns a normal number, by Box and Muller 1958.
    pub fn normal(&self, index: u64) -> f64 {
        let (a, b) = (self.unit(2 * index + 1_000), self.unit(2 * index + 1_001));
        (-2.0 * (1.0 - a).ln()).sqrt() * (2.0 * PI * b).cos()
    }

    /// Moves the minimum from 0 to somewhere in the middle four fifths of `[-1, 1]`.
    fn moved(&self, x: &[f64]) -> Vec<f64> {
        (0..).zip(x).map(|(index, x)| x - 1.6 * (self.unit(index) - 0.5)).collect()
    }

    /// Moves, then turns by a product of random reflections (Householder 1958).
    fn turned(&self, x: &[f64]) -> Vec<f64> {
        let mut turned = self.moved(x);
        for reflection in 0..2 {
            let normal: Vec<f64> = (0..x.len() as u64).map(|index| self.normal(97 * (reflection + 1) + index)).collect();
            let length: f64 = normal.iter().map(|n| n * n).sum();
            let along: f64 = normal.iter().zip(&turned).map(|(n, x)| n * x).sum();
            turned.iter_mut().zip(&normal).for_each(|(x, n)| *x -= 2.0 * along * n / length);
        }
        turned
    }
}

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn float(low: f64, high: f64, log: bool) -> Distribution {
    Distribution::Float { low, high, log, step: None }
}

fn options(count: i64) -> Distribution {
    Distribution::Categorical { choices: (0..count).map(Choice::Int).collect() }
}

fn cube<const N: usize>() -> Space {
    Space { parameters: (0..N).map(|index| parameter(&format!("x{index}"), float(-1.0, 1.0, false))).collect() }
}

fn lattice<const N: usize>() -> Space {
    let steps = Distribution::Int { low: -20, high: 20, log: false, step: 1 };
    Space { parameters: (0..N).map(|index| parameter(&format!("n{index}"), steps.clone())).collect() }
}

fn menus<const N: usize>() -> Space {
    Space { parameters: (0..N).map(|index| parameter(&format!("c{index}"), options(4 + (index % 3) as i64))).collect() }
}

/// What a user tunes of a neural network.
fn network() -> Space {
    Space {
        parameters: vec![
            parameter("rate", float(1e-6, 1.0, true)),
            parameter("decay", float(1e-8, 1e-1, true)),
            parameter("dropout", Distribution::Float { low: 0.0, high: 0.6, log: false, step: Some(0.05) }),
            parameter("width", Distribution::Int { low: 8, high: 2048, log: true, step: 1 }),
            parameter("layers", Distribution::Int { low: 1, high: 8, log: false, step: 1 }),
            parameter("optimizer", options(4)),
            parameter("activation", options(3)),
            parameter("momentum", float(0.0, 0.99, false)),
        ],
    }
}

/// Three models with parameters of their own.
fn models() -> Space {
    let mut parameters = vec![parameter("model", options(3)), parameter("shared", float(-1.0, 1.0, false))];
    for model in 0..3 {
        for index in 0..2 + model {
            let when = vec![Condition { parameter: "model".into(), values: vec![Choice::Int(model)] }];
            parameters.push(Parameter { when, ..parameter(&format!("m{model}x{index}"), float(-1.0, 1.0, false)) });
        }
    }
    Space { parameters }
}

fn squares(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

fn sphere(x: &[f64], instance: &Instance) -> f64 {
    squares(&instance.moved(x))
}

fn stretched(x: &[f64], condition: f64) -> f64 {
    let last = (x.len() - 1).max(1) as f64;
    (0..).zip(x).map(|(index, x)| condition.powf(f64::from(index) / last) * x * x).sum()
}

fn ellipsoid(x: &[f64], instance: &Instance) -> f64 {
    stretched(&instance.moved(x), 1e4)
}

fn turned_ellipsoid(x: &[f64], instance: &Instance) -> f64 {
    stretched(&instance.turned(x), 1e3)
}

fn rosenbrock(x: &[f64], instance: &Instance) -> f64 {
    let x: Vec<f64> = instance.moved(x).iter().map(|x| 2.0 * x + 1.0).collect();
    x.windows(2).map(|pair| 100.0 * (pair[1] - pair[0] * pair[0]).powi(2) + (1.0 - pair[0]).powi(2)).sum()
}

fn ackley(x: &[f64], instance: &Instance) -> f64 {
    let (x, n) = (instance.moved(x), x.len() as f64);
    let waves: f64 = x.iter().map(|x| (2.0 * PI * 16.0 * x).cos()).sum();
    20.0 - 20.0 * (-0.2 * 16.0 * (squares(&x) / n).sqrt()).exp() + 1_f64.exp() - (waves / n).exp()
}

fn rastrigin(x: &[f64], instance: &Instance) -> f64 {
    let x = instance.moved(x);
    x.iter().map(|x| 5.12 * x).map(|x| x * x - 10.0 * (2.0 * PI * x).cos() + 10.0).sum()
}

fn griewank(x: &[f64], instance: &Instance) -> f64 {
    let x: Vec<f64> = instance.moved(x).iter().map(|x| 60.0 * x).collect();
    let waves: f64 = (1..).zip(&x).map(|(index, x)| (x / f64::from(index).sqrt()).cos()).product();
    1.0 + squares(&x) / 4000.0 - waves
}

fn levy(x: &[f64], instance: &Instance) -> f64 {
    let w: Vec<f64> = instance.moved(x).iter().map(|x| 1.0 + 2.5 * x).collect();
    let middle: f64 = w[..w.len() - 1].iter().map(|w| (w - 1.0).powi(2) * (1.0 + 10.0 * (PI * w + 1.0).sin().powi(2))).sum();
    let last = w[w.len() - 1];
    (PI * w[0]).sin().powi(2) + middle + (last - 1.0).powi(2) * (1.0 + (2.0 * PI * last).sin().powi(2))
}

fn styblinski(x: &[f64], instance: &Instance) -> f64 {
    let x = instance.moved(x).into_iter().map(|x| 5.0 * x - 2.903_534_027_771_177);
    x.map(|x| 0.5 * (x.powi(4) - 16.0 * x * x + 5.0 * x) + 39.166_165_703_771_41).sum()
}

fn plateaus(x: &[f64], instance: &Instance) -> f64 {
    instance.turned(x).iter().map(|x| (8.0 * x).abs().floor().powi(2)).sum()
}

/// Two parameters of ten matter.
fn sparse(x: &[f64], instance: &Instance) -> f64 {
    let x = instance.moved(x);
    squares(&x[3..5]) + 1e-3 * squares(&x)
}

fn bowl_and_basin(x: &[f64], instance: &Instance) -> f64 {
    let x = instance.moved(x);
    let far: f64 = x.iter().map(|x| (x.abs() - 0.7).powi(2)).sum();
    (20.0 * squares(&x)).min(1.0 + far)
}

fn lattice_bowl(x: &[f64], instance: &Instance) -> f64 {
    let best = |index| (30.0 * (instance.unit(index) - 0.5)).round();
    (0..).zip(x).map(|(index, x)| f64::from(1 + index as u32) * (x - best(index)).powi(2)).sum()
}

fn wanted(instance: &Instance, index: u64, count: u64) -> f64 {
    (instance.unit(500 + index) * count as f64).floor()
}

/// Each wrong option costs, and two neighbours that are both wrong cost more.
fn menu_cost(x: &[f64], instance: &Instance) -> f64 {
    let wrong: Vec<f64> = (0..)
        .zip(x)
        .map(|(index, &x)| if x == wanted(instance, index, 4 + index % 3) { 0.0 } else { 1.0 + instance.unit(index + x as u64) })
        .collect();
    wrong.iter().sum::<f64>() + wrong.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>()
}

fn network_loss(x: &[f64], instance: &Instance) -> f64 {
    let off = |index: usize, scaled: f64| (scaled - 0.2 - 0.6 * instance.unit(index as u64)).powi(2);
    let optimizer = if x[5] == wanted(instance, 5, 4) { 0.0 } else { 0.05 + 0.1 * instance.unit(x[5] as u64 + 40) };
    let activation = if x[6] == wanted(instance, 6, 3) { 0.0 } else { 0.02 };
    let rate = off(0, (x[0].log10() + 6.0) / 6.0 + 0.1 * (x[5] - wanted(instance, 5, 4)));
    let width = off(3, (x[3] / 8.0).log2() / 8.0 + 0.2 * (x[4] - 4.0) / 8.0);
    let steps = |value: f64, best: f64| (value - best).powi(2);
    let dropout = steps(x[2], (12.0 * instance.unit(2)).round() * 0.05);
    let layers = steps(x[4], 1.0 + (7.0 * instance.unit(4)).round()) / 200.0;
    3.0 * rate
        + 0.3 * off(1, (x[1].log10() + 8.0) / 7.0)
        + 0.5 * width
        + dropout
        + layers
        + optimizer
        + activation
        + 0.2 * off(7, x[7])
}

fn model_loss(x: &[f64], instance: &Instance) -> f64 {
    let model = x[0] as usize;
    let first = [2, 4, 7][model];
    let own = instance.moved(&x[first..first + 2 + model]);
    let best = wanted(instance, 0, 3) as usize;
    (if model == best { 0.0 } else { 0.1 }) + squares(&own) + 0.5 * (x[1] - instance.unit(77)).powi(2)
}

/// All functions, families together.
pub const FUNCTIONS: &[Function] = &[
    function("sphere-5", "standard-5", cube::<5>, sphere),
    function("ellipsoid-5", "standard-5", cube::<5>, ellipsoid),
    function("rosenbrock-5", "standard-5", cube::<5>, rosenbrock),
    function("ackley-5", "standard-5", cube::<5>, ackley),
    function("rastrigin-5", "standard-5", cube::<5>, rastrigin),
    function("griewank-5", "standard-5", cube::<5>, griewank),
    function("levy-5", "standard-5", cube::<5>, levy),
    function("styblinski-5", "standard-5", cube::<5>, styblinski),
    function("turned-5", "turned", cube::<5>, turned_ellipsoid),
    function("turned-12", "turned", cube::<12>, turned_ellipsoid),
    function("rosenbrock-2", "low", cube::<2>, rosenbrock),
    function("rastrigin-2", "low", cube::<2>, rastrigin),
    function("basin-3", "low", cube::<3>, bowl_and_basin),
    function("sphere-20", "high", cube::<20>, sphere),
    function("ackley-20", "high", cube::<20>, ackley),
    function("rosenbrock-20", "high", cube::<20>, rosenbrock),
    function("sphere-40", "high", cube::<40>, sphere),
    function("sparse-10", "sparse", cube::<10>, sparse),
    function("plateaus-5", "plateau", cube::<5>, plateaus),
    function("lattice-6", "plateau", lattice::<6>, lattice_bowl),
    function("menus-8", "categorical", menus::<8>, menu_cost),
    function("menus-16", "categorical", menus::<16>, menu_cost),
    function("network-8", "mixed", network, network_loss),
    function("models-11", "conditional", models, model_loss),
    Function { noise: 0.2, ..function("noisy-sphere-5", "noisy", cube::<5>, sphere) },
    Function { noise: 0.05, ..function("noisy-network-8", "noisy", network, network_loss) },
];

const fn function(
    name: &'static str,
    family: &'static str,
    space: fn() -> Space,
    value: fn(&[f64], &Instance) -> f64,
) -> Function {
    Function { name, family, space, value, noise: 0.0 }
}
