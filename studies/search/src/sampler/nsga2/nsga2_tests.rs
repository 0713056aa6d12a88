use super::*;
use crate::analysis::hypervolume::hypervolume;
use crate::columns::{Columns, History, Outcome, Row};
use crate::sampler::{Direction, Hints, SamplerCache, SamplerConfig, suggest_cached};
use crate::space::{Condition, Distribution, Parameter, Space, Value};

const BOTH: &[Direction] = &[Direction::Minimize, Direction::Minimize];

fn float(name: &str, low: f64, high: f64) -> Parameter {
    let distribution = Distribution::Float { low, high, log: false, step: None };
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn options(name: &str, count: i64) -> Parameter {
    let choices = (0..count).map(Value::Int).collect();
    Parameter { name: name.into(), distribution: Distribution::Categorical { choices }, when: Vec::new() }
}

fn int(name: &str, low: i64, high: i64) -> Parameter {
    Parameter { name: name.into(), distribution: Distribution::Int { low, high, log: false, step: 1 }, when: Vec::new() }
}

fn when(mut child: Parameter, parent: &str, value: i64) -> Parameter {
    child.when.push(Condition { parameter: parent.into(), values: vec![Value::Int(value)] });
    child
}

fn unit_cube(dimensions: usize) -> Space {
    Space { parameters: (0..dimensions).map(|index| float(&format!("x{index}"), 0.0, 1.0)).collect() }
}

/// Plays a study in batches; `judge` gives values and violation.
fn play(
    space: &Space,
    directions: &[Direction],
    seed: u64,
    trials: u32,
    batch: u32,
    judge: impl Fn(&[f64]) -> (Vec<f64>, f64),
) -> Columns {
    let config = SamplerConfig::Nsga2(Nsga2Config::default());
    let (mut cache, mut history) = (SamplerCache::default(), Columns::default());
    for first_number in (0..trials).step_by(batch as usize) {
        let known = History { chunks: &[], tail: Some(&history) };
        let request = SuggestRequest {
            space,
            directions,
            history: known,
            pending: &[],
            seed,
            first_number,
            count: batch as usize,
            hints: Hints::default(),
        };
        for Suggestion { number, params, .. } in suggest_cached(&config, &request, &mut cache) {
            let (values, violation) = judge(&params);
            let outcome = Outcome::Complete;
            history.push(Row { number, outcome, params, values, violation, last_step: None, last_value: f64::NAN });
        }
    }
    history
}

fn volume(history: &Columns) -> f64 {
    let losses: Vec<Vec<f64>> = (0..history.len()).map(|row| vec![history.value(0, row), history.value(1, row)]).collect();
    hypervolume(&losses, &[1.0, 1.0])
}

/// Zitzler, Deb and Thiele 2000; the front's volume against (1, 1) is 2/3 for the first and 1/3 for the second.
fn zdt(x: &[f64], front: impl Fn(f64) -> f64) -> (Vec<f64>, f64) {
    let rest = 1.0 + 9.0 * x[1..].iter().sum::<f64>() / (x.len() - 1) as f64;
    (vec![x[0], rest * front(x[0] / rest)], 0.0)
}

#[test]
fn convex_and_concave_fronts_are_covered() {
    let space = unit_cube(10);
    for batch in [1, 16] {
        let convex = volume(&play(&space, BOTH, 1, 4_000, batch, |x| zdt(x, |ratio| 1.0 - ratio.sqrt())));
        assert!(convex > 0.95 * 2.0 / 3.0, "{batch} at once: {convex}");
        let concave = volume(&play(&space, BOTH, 1, 4_000, batch, |x| zdt(x, |ratio| 1.0 - ratio * ratio)));
        assert!(concave > 0.95 / 3.0, "{batch} at once: {concave}");
    }
}

#[test]
fn one_objective_is_minimised() {
    let space = unit_cube(4);
    for seed in 0..3 {
        let history = play(&space, &[], seed, 400, 1, |x| (vec![x.iter().map(|x| (x - 0.3).powi(2)).sum()], 0.0));
        let best = (0..400).map(|row| history.value(0, row)).fold(f64::INFINITY, f64::min);
        assert!(best < 1e-3, "seed {seed}: {best}");
    }
}

#[test]
fn points_that_break_constraints_are_left_behind() {
    let space = unit_cube(3);
    let judge = |x: &[f64]| (vec![x[0] + x[2], x[1] + x[2]], (0.8 - x[0] - x[1]).max(0.0));
    let history = play(&space, BOTH, 2, 400, 1, judge);
    let feasible = (300..400).filter(|&row| history.violation(row) == 0.0).count();
    let close = (300..400).filter(|&row| (history.param(0, row) + history.param(1, row) - 0.8).abs() < 0.15);
    assert!(feasible > 40, "{feasible} of 100 allowed");
    let close = close.count();
    assert!(close > 50, "{close} of 100 near the edge of what is allowed");
}

#[test]
fn options_ints_and_branches_are_searched() {
    let mut parameters = vec![options("kind", 5), int("size", 1, 40), float("x", 0.0, 1.0)];
    parameters.push(when(float("inner", 0.0, 1.0), "kind", 3));
    let space = Space { parameters };
    let judge = |p: &[f64]| {
        let inner = if p[0] == 3.0 { (p[3] - 0.6).abs() } else { 0.5 + 0.1 * p[0] };
        (vec![inner + 0.02 * (p[1] - 17.0).abs() + (p[2] - 0.2).abs()], 0.0)
    };
    for seed in 0..3 {
        let history = play(&space, &[], seed, 400, 1, judge);
        let best = (0..400).map(|row| history.value(0, row)).fold(f64::INFINITY, f64::min);
        assert!(best < 0.06, "seed {seed}: {best}");
    }
}

#[test]
fn a_finite_space_is_not_repeated_until_nearly_exhausted() {
    let space = Space { parameters: vec![options("a", 4), options("b", 3), int("c", 0, 4)] };
    let history = play(&space, &[], 5, 50, 1, |p| (vec![p[0] + p[1] + p[2]], 0.0));
    let mut points: Vec<Vec<u64>> =
        (0..50).map(|row| (0..3).map(|index| history.param(index, row).to_bits()).collect()).collect();
    points.sort();
    points.dedup();
    assert!(points.len() >= 48, "{} of 50", points.len());
}

#[test]
fn the_population_does_not_depend_on_how_trials_came_in() {
    let space = unit_cube(3);
    let history = play(&space, BOTH, 2, 200, 8, |x| (vec![x[0], 1.0 - x[0] + x[1]], 0.0));
    let config = Nsga2Config::default();
    let mut parts = Columns::default();
    let mut request = SuggestRequest {
        space: &space,
        directions: BOTH,
        history: History::default(),
        pending: &[],
        seed: 2,
        first_number: 0,
        count: 1,
        hints: Hints::default(),
    };
    let mut grown = Nsga2::new(&config, &request);
    let mut whole = grown.clone();
    for row in 0..history.len() {
        parts.push(history.row(row));
        grown.catch_up(&SuggestRequest { history: History { chunks: &[], tail: Some(&parts) }, ..request });
    }
    request.history = History { chunks: &[], tail: Some(&history) };
    whole.catch_up(&request);
    assert_eq!(grown, whole);
}

#[test]
fn degenerate_histories_still_give_points_of_the_space() {
    let tiny = Distribution::Float { low: 0.0, high: 1e-300, log: false, step: None };
    let mut parameters = vec![Parameter { name: "tiny".into(), distribution: tiny, when: vec![] }];
    parameters.extend([options("many", 1_000_000), int("wide", i64::MIN, i64::MAX), int("one", 3, 3), options("single", 1)]);
    for space in [Space { parameters }, Space { parameters: vec![int("one", 3, 3)] }, Space::default()] {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0] {
            for directions in [&[] as &[Direction], BOTH] {
                let history = play(&space, directions, 1, 60, 3, |_| (vec![value; 2], 0.0));
                for row in 0..history.len() {
                    assert_eq!(space.contains(&history.row(row).params), Ok(()));
                }
            }
        }
    }
}
