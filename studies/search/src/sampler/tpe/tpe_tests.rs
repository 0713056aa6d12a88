use super::*;
use crate::columns::{Columns, History, Outcome, Row};
use crate::sampler::{Direction, Hints, SamplerConfig, suggest as suggest_with};
use crate::space::{Choice, Condition, Distribution, Parameter, Space};

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn float(name: &str, low: f64, high: f64) -> Parameter {
    parameter(name, Distribution::Float { low, high, log: false, step: None })
}

fn options(name: &str, count: i64) -> Parameter {
    let choices = (0..count).map(Choice::Int).collect();
    parameter(name, Distribution::Categorical { choices })
}

fn when(mut child: Parameter, parent: &str, value: i64) -> Parameter {
    child.when.push(Condition { parameter: parent.into(), values: vec![Choice::Int(value)] });
    child
}

/// A study played through: `parallel` trials are suggested at a time, then all finish.
struct Study<'a> {
    space: &'a Space,
    directions: &'a [Direction],
    config: SamplerConfig,
    seed: u64,
    parallel: usize,
    history: Columns,
}

impl<'a> Study<'a> {
    fn new(space: &'a Space, config: SamplerConfig, seed: u64) -> Self {
        let directions = &[Direction::Minimize];
        Self { space, directions, config, seed, parallel: 1, history: Columns::default() }
    }

    fn ask(&self, count: usize, pending: &[Pending]) -> Vec<Suggestion> {
        let request = SuggestRequest {
            space: self.space,
            directions: self.directions,
            history: History { chunks: &[], tail: Some(&self.history) },
            pending,
            seed: self.seed,
            first_number: self.history.len() as u32,
            count,
            hints: Hints::default(),
        };
        suggest_with(&self.config, &request)
    }

    fn tell(&mut self, suggestion: &Suggestion, outcome: Outcome, values: Vec<f64>) {
        self.history.push(Row {
            number: suggestion.number,
            outcome,
            params: suggestion.params.clone(),
            values,
            violation: 0.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }

    fn play(&mut self, trials: usize, objective: impl Fn(&[f64]) -> Vec<f64>) {
        while self.history.len() < trials {
            for suggestion in self.ask(self.parallel, &[]) {
                assert_eq!(self.space.contains(&suggestion.params), Ok(()));
                self.tell(&suggestion, Outcome::Complete, objective(&suggestion.params));
            }
        }
    }

    fn best(&self) -> f64 {
        self.history.values[0].iter().copied().fold(f64::INFINITY, f64::min)
    }
}

fn mean_best(space: &Space, config: &SamplerConfig, parallel: usize, objective: impl Fn(&[f64]) -> f64) -> f64 {
    let bests = (0..11)
        .map(|seed| {
            let mut study = Study { parallel, ..Study::new(space, config.clone(), seed) };
            study.play(80, |params| vec![objective(params)]);
            study.best()
        })
        .sum::<f64>();
    bests / 11.0
}

/// Means over 11 seeds of the best of 80 trials: TPE must reach `factor` of what random search does.
fn beats_random(space: &Space, factor: f64, objective: impl Fn(&[f64]) -> f64 + Copy) {
    let random = mean_best(space, &SamplerConfig::Random, 1, objective);
    for multivariate in [true, false] {
        let config = SamplerConfig::Tpe(TpeConfig { multivariate, ..TpeConfig::default() });
        for parallel in [1, 4] {
            let tpe = mean_best(space, &config, parallel, objective);
            assert!(tpe < factor * random, "{multivariate} {parallel}: {tpe} against {random}");
        }
    }
}

#[test]
fn beats_random_on_a_sphere() {
    let parameters = (0..4).map(|axis| float(&format!("x{axis}"), -5.0, 5.0)).collect();
    beats_random(&Space { parameters }, 0.5, |x| x.iter().map(|x| (x - 1.0) * (x - 1.0)).sum());
}

#[test]
fn beats_random_in_the_right_branch_of_a_conditional_space() {
    let mut parameters = vec![options("kind", 3)];
    for kind in 0..3 {
        for axis in 0..2 {
            parameters.push(when(float(&format!("x{kind}{axis}"), 0.0, 1.0), "kind", kind));
        }
    }
    beats_random(&Space { parameters }, 0.5, |params| {
        let kind = params[0] as usize;
        let distance: f64 = params[1 + 2 * kind..3 + 2 * kind].iter().map(|x| (x - 0.3) * (x - 0.3)).sum();
        [2.0, 0.0, 1.0][kind] * 0.1 + distance + 1e-4
    });
}

#[test]
fn beats_random_among_options() {
    let parameters = (0..6).map(|axis| options(&format!("c{axis}"), 5)).collect();
    beats_random(&Space { parameters }, 0.85, |params| {
        1.0 + params.iter().zip([3.0, 1.0, 4.0, 1.0, 0.0, 2.0]).filter(|(a, b)| **a != *b).count() as f64
    });
}

#[test]
fn beats_random_on_log_ints_and_steps() {
    let log = |low, high| Distribution::Int { low, high, log: true, step: 1 };
    let parameters = vec![
        parameter("width", log(1, 100_000)),
        parameter("depth", log(1, 64)),
        parameter("rate", Distribution::Float { low: 1e-6, high: 1.0, log: true, step: None }),
        parameter("drop", Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.05) }),
    ];
    beats_random(&Space { parameters }, 0.6, |x| {
        (x[0] / 300.0).ln().abs() + (x[1] / 5.0).ln().abs() + (x[2] / 1e-3).ln().abs() + (x[3] - 0.35).abs() * 5.0
    });
}

#[test]
fn beats_random_on_ints_wider_than_a_double() {
    let wide = |low, log| Distribution::Int { low, high: i64::MAX, log, step: 1 };
    let parameters = vec![parameter("plain", wide(i64::MIN, false)), parameter("log", wide(1, true))];
    beats_random(&Space { parameters }, 0.5, |x| (x[0] / 1e18 - 3.0).abs() + (x[1] / 1e15).ln().abs() / 10.0);
}

#[test]
fn maximising_mirrors_minimising() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0), float("y", 0.0, 1.0)] };
    let objective = |x: &[f64]| (x[0] - 0.2).abs() + (x[1] - 0.7).abs();
    let mut down = Study::new(&space, SamplerConfig::default(), 4);
    let mut up = Study { directions: &[Direction::Maximize], ..Study::new(&space, SamplerConfig::default(), 4) };
    down.play(40, |x| vec![objective(x)]);
    up.play(40, |x| vec![-objective(x)]);
    assert_eq!(down.history.params, up.history.params);
}

#[test]
fn two_objectives_spread_over_the_front() {
    let space = Space { parameters: vec![float("x", -2.0, 4.0), float("y", -3.0, 3.0)] };
    let directions = &[Direction::Minimize, Direction::Minimize];
    let objectives = |x: &[f64]| vec![x[0].powi(2) + x[1].powi(2), (x[0] - 2.0).powi(2) + x[1].powi(2)];
    let near = |config: SamplerConfig| {
        let mut study = Study { directions, ..Study::new(&space, config, 8) };
        study.play(120, objectives);
        let point = |row| [study.history.param(0, row), study.history.param(1, row)];
        (60..120).map(point).filter(|[x, y]| (-0.3..2.3).contains(x) && y.abs() < 0.5).count()
    };
    let (tpe, random) = (near(SamplerConfig::default()), near(SamplerConfig::Random));
    assert!(tpe > 2 * random, "{tpe} against {random} of 60 near the front");
}

#[test]
fn startup_counts_complete_and_pruned_trials_only() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0)] };
    let mut study = Study::new(&space, SamplerConfig::default(), 1);
    for outcome in [Outcome::Complete, Outcome::Failed, Outcome::Pruned, Outcome::Cancelled].repeat(5) {
        let suggestion = study.ask(1, &[]).remove(0);
        let learnt = study.history.outcome.iter().filter(|&&outcome| group::is_learnable(outcome)).count();
        assert_eq!(suggestion.why.starts_with("startup: sobol point"), learnt < 10, "{}", suggestion.why);
        study.tell(&suggestion, outcome, vec![0.5]);
    }
    let late = study.ask(1, &[]).remove(0);
    assert!(late.why.starts_with("tpe: log ratio") && late.why.ends_with("over 10 trials"), "{}", late.why);
}

#[test]
fn the_liar_keeps_parallel_suggestions_apart() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0)] };
    let spread = |constant_liar, seed| {
        let config = SamplerConfig::Tpe(TpeConfig { constant_liar, ..TpeConfig::default() });
        let mut study = Study::new(&space, config, seed);
        study.play(30, |x| vec![(x[0] - 0.5).abs()]);
        let values: Vec<f64> = study.ask(16, &[]).iter().map(|suggestion| suggestion.params[0]).collect();
        let mean = values.iter().sum::<f64>() / 16.0;
        values.iter().map(|value| (value - mean).abs()).sum::<f64>()
    };
    for seed in 0..5 {
        assert!(spread(true, seed) > 2.0 * spread(false, seed), "seed {seed}");
    }
}

#[test]
fn suggestions_of_a_batch_equal_those_given_each_other_as_pending() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0), options("c", 3)] };
    let mut study = Study::new(&space, SamplerConfig::default(), 3);
    study.play(30, |x| vec![(x[0] - 0.5).abs() + x[1]]);
    let batch = study.ask(3, &[]);
    let pending = [Pending { number: batch[0].number, params: batch[0].params.clone() }];
    let request = SuggestRequest {
        space: &space,
        directions: study.directions,
        history: History { chunks: &[], tail: Some(&study.history) },
        pending: &pending,
        seed: 3,
        first_number: batch[1].number,
        count: 2,
        hints: Hints::default(),
    };
    assert_eq!(suggest_with(&study.config, &request), batch[1..]);
}

#[test]
fn a_finite_space_is_not_repeated_until_it_is_exhausted() {
    let space = Space { parameters: vec![options("c", 4), when(options("d", 5), "c", 1), options("e", 3)] };
    let points = space.cardinality().unwrap() as usize;
    let mut study = Study::new(&space, SamplerConfig::default(), 2);
    study.play(points + 3, |params| vec![params[0] + params[2]]);
    let key = |row| study.history.row(row).params.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let mut after_startup: Vec<_> = (10..points).map(key).collect();
    after_startup.sort();
    after_startup.dedup();
    assert_eq!(after_startup.len(), points - 10);
}

#[test]
fn infeasible_trials_are_not_followed() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0)] };
    let mut study = Study::new(&space, SamplerConfig::default(), 6);
    while study.history.len() < 60 {
        let suggestion = study.ask(1, &[]).remove(0);
        let x = suggestion.params[0];
        study.history.push(Row {
            number: suggestion.number,
            outcome: Outcome::Complete,
            params: suggestion.params,
            values: vec![x],
            violation: (0.6 - x).max(0.0),
            last_step: None,
            last_value: f64::NAN,
        });
    }
    let late = &study.history.params[0][40..];
    let close = late.iter().filter(|&&x| (0.55..0.8).contains(&x)).count();
    assert!(close >= 12, "{close} of 20 near the edge of what is allowed");
}
