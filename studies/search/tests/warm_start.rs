//! What a warm start is worth: studies that start from others with their optimum near by, further off, and far away.

use std::sync::Arc;

use hone_search::{
    Columns, Direction, Distribution, Foreign, Hints, History, Outcome, Parameter, Row, SamplerCache, SamplerConfig, Space,
    SuggestRequest, suggest_warm, transfer,
};

const SEEDS: u64 = 12;
const SOURCE_TRIALS: u32 = 60;
const TRIALS: u32 = 25;

/// A function whose optimum, 0, is at a goal that seed and shift give.
struct Problem {
    name: &'static str,
    space: Space,
    loss: fn(&[f64]) -> f64,
}

fn float(name: &str, low: f64, high: f64, log: bool) -> Parameter {
    let distribution = Distribution::Float { low, high, log, step: None };
    Parameter { name: name.to_owned(), distribution, when: Vec::new() }
}

fn numbers(count: usize) -> Space {
    Space { parameters: (0..count).map(|index| float(&format!("x{index}"), 0.0, 1.0, false)).collect() }
}

fn mixed() -> Space {
    let choices = ["a", "b", "c", "d"].map(Into::into).to_vec();
    let int = Distribution::Int { low: 0, high: 20, log: false, step: 1 };
    let parameter = |name: &str, distribution| Parameter { name: name.to_owned(), distribution, when: Vec::new() };
    let mut parameters = numbers(2).parameters;
    parameters.push(float("rate", 1e-4, 1.0, true));
    parameters.push(parameter("layers", int));
    parameters.push(parameter("kind", Distribution::Categorical { choices }));
    Space { parameters }
}

fn bowl(offsets: &[f64]) -> f64 {
    offsets.iter().map(|x| x * x).sum()
}

fn ellipsoid(offsets: &[f64]) -> f64 {
    offsets.iter().enumerate().map(|(index, x)| libm::pow(1e3, index as f64 / 4.0) * x * x).sum()
}

fn rastrigin(offsets: &[f64]) -> f64 {
    offsets.iter().map(|x| 25.0 * x * x + 2.0 * (1.0 - libm::cos(5.0 * std::f64::consts::TAU * x))).sum()
}

fn problems() -> Vec<Problem> {
    vec![
        Problem { name: "bowl-5", space: numbers(5), loss: bowl },
        Problem { name: "ellipsoid-5", space: numbers(5), loss: ellipsoid },
        Problem { name: "rastrigin-4", space: numbers(4), loss: rastrigin },
        Problem { name: "mixed-5", space: mixed(), loss: bowl },
    ]
}

/// A number of `[0, 1)` that looks random.
fn noise(seed: u64, index: usize) -> f64 {
    let mut bits = (seed * 1_000 + index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((bits ^ (bits >> 29)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Where the optimum lies on each axis, moved by `shift` of the range.
fn goal(seed: u64, index: usize, shift: f64) -> f64 {
    let start = 0.2 + 0.6 * noise(seed, index);
    let to = if start > 0.5 { start - shift } else { start + shift };
    to.clamp(0.05, 0.95)
}

fn loss(problem: &Problem, params: &[f64], seed: u64, shift: f64) -> f64 {
    let offset = |(index, parameter): (usize, &Parameter)| match &parameter.distribution {
        Distribution::Float { low, high, log: true, .. } => {
            let unit = (params[index].ln() - low.ln()) / (high.ln() - low.ln());
            unit - goal(seed, index, shift)
        }
        Distribution::Float { low, high, .. } => (params[index] - low) / (high - low) - goal(seed, index, shift),
        Distribution::Int { low, high, .. } => (params[index] - *low as f64) / (high - low) as f64 - goal(seed, index, shift),
        Distribution::Categorical { choices } => {
            let best = (goal(seed, index, shift) * choices.len() as f64).floor();
            if params[index] == best { 0.0 } else { 0.4 }
        }
    };
    let offsets: Vec<f64> = problem.space.parameters.iter().enumerate().map(offset).collect();
    (problem.loss)(&offsets)
}

/// Runs a study; its values are those of the function on a scale of its own.
fn run(
    config: &SamplerConfig,
    problem: &Problem,
    seeds: (u64, u64),
    shift: f64,
    trials: u32,
    foreign: &[Arc<Foreign>],
) -> Columns {
    let (goal_seed, seed) = seeds;
    let (mut history, mut cache) = (Columns::default(), SamplerCache::default());
    for number in 0..trials {
        let request = SuggestRequest {
            space: &problem.space,
            directions: &[Direction::Minimize],
            history: History { chunks: &[], tail: Some(&history) },
            pending: &[],
            seed,
            first_number: number,
            count: 1,
            hints: Hints::default(),
        };
        let suggestion = suggest_warm(config, &request, foreign, &mut cache).remove(0);
        let values = vec![loss(problem, &suggestion.params, goal_seed, shift)];
        let params = suggestion.params;
        let outcome = Outcome::Complete;
        history.push(Row { number, outcome, params, values, violation: 0.0, last_step: None, last_value: f64::NAN });
    }
    history
}

/// A finished study whose optimum lies `shift` away, its values on another scale.
fn source(problem: &Problem, seed: u64, shift: f64) -> Arc<Foreign> {
    let mut columns = run(&SamplerConfig::default(), problem, (seed, 900 + seed), shift, SOURCE_TRIALS, &[]);
    columns.values[0].iter_mut().for_each(|value| *value = 1_000.0 + 37.0 * *value);
    let history = History { chunks: &[], tail: Some(&columns) };
    let taken = transfer::take(&problem.space, &problem.space, history, &[0], &[Direction::Minimize]);
    Arc::new(Foreign { name: "source".to_owned(), columns: taken.columns })
}

fn best(history: &Columns, trials: usize) -> f64 {
    history.values[0][..trials].iter().copied().fold(f64::INFINITY, f64::min)
}

/// Geometric mean over problems and seeds of the warm study's regret as a share of the cold one's.
fn ratio(config: &SamplerConfig, shift: f64, trials: usize) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for problem in &problems() {
        for seed in 0..SEEDS {
            let foreign = [source(problem, seed, shift)];
            let cold = run(config, problem, (seed, seed), 0.0, trials as u32, &[]);
            let warm = run(config, problem, (seed, seed), 0.0, trials as u32, &foreign);
            sum += (best(&warm, trials).max(1e-9) / best(&cold, trials).max(1e-9)).ln();
            count += 1.0;
        }
    }
    (sum / count).exp()
}

/// Prints the table of the documentation: `cargo test --release -p hone-search --test warm_start -- --ignored --nocapture`
#[test]
#[ignore = "prints figures"]
fn table() {
    let shifts = [0.0, 0.05, 0.1, 0.2, 0.4, 0.7];
    for kind in ["tpe", "cmaes", "nsga2", "gp"] {
        let config = SamplerConfig::from_kind(kind).expect("a sampler");
        for problem in problems() {
            for trials in if kind == "gp" { vec![25] } else { vec![10, 25, 60] } {
                print!("{kind:6} {:12} {trials:3}", problem.name);
                for shift in shifts {
                    let mut logs = 0.0;
                    for seed in 0..SEEDS {
                        let foreign = [source(&problem, seed, shift)];
                        let cold = run(&config, &problem, (seed, seed), 0.0, trials, &[]);
                        let warm = run(&config, &problem, (seed, seed), 0.0, trials, &foreign);
                        logs += (best(&warm, trials as usize).max(1e-9) / best(&cold, trials as usize).max(1e-9)).ln();
                    }
                    print!(" {:7.3}", (logs / SEEDS as f64).exp());
                }
                println!();
            }
        }
    }
}

#[test]
fn a_study_near_by_lowers_regret_and_one_far_away_does_little_harm() {
    let tpe = SamplerConfig::default();
    assert!(ratio(&tpe, 0.05, TRIALS as usize) < 0.5);
    assert!(ratio(&tpe, 0.7, TRIALS as usize) < 1.5);
}
