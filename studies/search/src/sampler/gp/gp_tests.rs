use std::f64::consts::PI;

use crate::columns::{Columns, History, Outcome, Pending, Row, same_numbers};
use crate::sampler::{Direction, GpConfig, Hints, SamplerCache, SamplerConfig, SuggestRequest, suggest, suggest_cached};
use crate::space::{Condition, Distribution, Parameter, Space};

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn unit(name: &str) -> Parameter {
    parameter(name, Distribution::Float { low: 0.0, high: 1.0, log: false, step: None })
}

fn cube(dimensions: usize) -> Space {
    Space { parameters: (0..dimensions).map(|index| unit(&format!("x{index}"))).collect() }
}

fn gp() -> SamplerConfig {
    SamplerConfig::Gp(GpConfig::default())
}

fn row(number: u32, params: &[f64], value: f64) -> Row {
    Row {
        number,
        outcome: Outcome::Complete,
        params: params.to_vec(),
        values: vec![value],
        violation: 0.0,
        last_step: None,
        last_value: f64::NAN,
    }
}

fn request<'a>(space: &'a Space, history: &'a Columns, number: u32) -> SuggestRequest<'a> {
    SuggestRequest {
        space,
        directions: &[Direction::Minimize],
        history: History { chunks: &[], tail: Some(history) },
        pending: &[],
        seed: 3,
        first_number: number,
        count: 1,
        hints: Hints::default(),
    }
}

/// Searches one trial after the other; `trial` turns a point into its row.
fn search(config: &SamplerConfig, space: &Space, seed: u64, trials: u32, trial: impl Fn(u32, &[f64]) -> Row) -> Columns {
    let (mut columns, mut cache) = (Columns::default(), SamplerCache::default());
    for number in 0..trials {
        let request = SuggestRequest { seed, ..request(space, &columns, number) };
        let point = suggest_cached(config, &request, &mut cache).remove(0).params;
        assert_eq!(space.contains(&point), Ok(()));
        columns.push(trial(number, &point));
    }
    columns
}

fn best(columns: &Columns) -> f64 {
    let values = (0..columns.len()).filter(|&row| columns.violation(row) == 0.0).map(|row| columns.value(0, row));
    values.filter(|value| !value.is_nan()).fold(f64::INFINITY, f64::min)
}

/// Regret on the unit square; the least is 0.397887.
fn branin(point: &[f64]) -> f64 {
    let (x, y) = (15.0 * point[0] - 5.0, 15.0 * point[1]);
    let valley = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0 - 0.397_887
}

/// Regret on the unit cube of six dimensions; the least is −3.32237 (Hartmann 1973).
fn hartmann(point: &[f64]) -> f64 {
    const HEIGHTS: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const SHARPNESS: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const PEAKS: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hill = |index: usize| {
        let part = |axis: usize| SHARPNESS[index][axis] * (point[axis] - PEAKS[index][axis]).powi(2);
        HEIGHTS[index] * (-(0..6).map(part).sum::<f64>()).exp()
    };
    3.322_37 - (0..4).map(hill).sum::<f64>()
}

fn mean_log_regret(config: &SamplerConfig, space: &Space, trials: u32, function: fn(&[f64]) -> f64) -> f64 {
    let regret = |seed| best(&search(config, space, seed, trials, |number, point| row(number, point, function(point))));
    (0..3).map(|seed| regret(seed).max(1e-9).ln()).sum::<f64>() / 3.0
}

#[test]
fn branin_and_hartmann_are_solved_far_better_than_at_random() {
    for (dimensions, trials, function) in [(2, 35, branin as fn(&[f64]) -> f64), (6, 60, hartmann)] {
        let space = cube(dimensions);
        let by_model = mean_log_regret(&gp(), &space, trials, function);
        let at_random = mean_log_regret(&SamplerConfig::Random, &space, trials, function);
        assert!(by_model < at_random - 3.0_f64.ln(), "{dimensions}: {by_model} {at_random}");
    }
}

/// A branch for each kind, an int, a step: every shape of parameter at once.
fn mixed() -> Space {
    let kind = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    let only = |value: &str| vec![Condition { parameter: "kind".into(), values: vec![value.into()] }];
    Space {
        parameters: vec![
            Parameter { when: only("a"), ..unit("a_only") },
            parameter("kind", kind),
            parameter("rate", Distribution::Float { low: 1e-5, high: 1.0, log: true, step: None }),
            parameter("width", Distribution::Int { low: 1, high: 512, log: true, step: 1 }),
            Parameter { when: only("b"), ..parameter("depth", Distribution::Int { low: 1, high: 6, log: false, step: 1 }) },
            parameter("drop", Distribution::Float { low: 0.0, high: 0.5, log: false, step: Some(0.1) }),
        ],
    }
}

/// Least, 0, with kind "b", rate 1e-2, width 64, depth 4, drop 0.2.
fn mixed_loss(point: &[f64]) -> f64 {
    let branch = match point[1] as i32 {
        0 => 1.0 + point[0],
        1 => 0.2 * (point[4] - 4.0).abs(),
        _ => 2.0,
    };
    branch + (point[2].log10() + 2.0).powi(2) + 0.3 * (point[3].log2() - 6.0).powi(2) + (point[5] - 0.2).abs()
}

#[test]
fn a_mixed_conditional_space_is_searched_in_every_kind_of_parameter() {
    let by_model = mean_log_regret(&gp(), &mixed(), 50, mixed_loss);
    let at_random = mean_log_regret(&SamplerConfig::Random, &mixed(), 50, mixed_loss);
    assert!(by_model < at_random - 3.0_f64.ln(), "{by_model} {at_random}");
}

#[test]
fn a_finite_space_is_used_up_without_repeating_a_point() {
    let space = Space {
        parameters: vec![
            parameter("a", Distribution::Int { low: 0, high: 4, log: false, step: 1 }),
            parameter("b", Distribution::Categorical { choices: ["u", "v", "w"].map(Into::into).to_vec() }),
        ],
    };
    let columns = search(&gp(), &space, 1, 17, |number, point| Row {
        outcome: if number % 5 == 0 { Outcome::Failed } else { Outcome::Complete },
        ..row(number, point, point[0] + point[1])
    });
    let points: Vec<[f64; 2]> = (0..15).map(|row| [columns.param(0, row), columns.param(1, row)]).collect();
    // The first ten are the Sobol sampler's, which may repeat a point of so small a space.
    for (index, point) in points.iter().enumerate().skip(10) {
        assert!(points[..index].iter().filter(|other| *other == point).count() == 0 || distinct(&points[..index]) == 15);
    }
}

fn distinct(points: &[[f64; 2]]) -> usize {
    let mut points = points.to_vec();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    points.dedup();
    points.len()
}

#[test]
fn infeasible_and_failing_regions_are_left_alone() {
    let space = cube(2);
    // The loss falls towards the far corner, where trials fail or violate.
    let trial = |number: u32, point: &[f64]| {
        let over = point[0] + point[1] - 1.0;
        let outcome = if over > 0.4 { Outcome::Failed } else { Outcome::Complete };
        Row { outcome, violation: over.max(0.0), ..row(number, point, -point[0] - 2.0 * point[1]) }
    };
    let columns = search(&gp(), &space, 5, 45, trial);
    let bad = (20..45).filter(|&row| columns.violation(row) > 0.05).count();
    assert!(bad <= 12, "{bad} of the last 25 were far out");
    assert!(best(&columns) < -1.95, "{}", best(&columns));
}

#[test]
fn while_nothing_is_feasible_the_violation_is_minimised() {
    let space = cube(3);
    let trial = |number: u32, point: &[f64]| {
        let away: f64 = point.iter().map(|x| (x - 0.8).powi(2)).sum();
        Row { violation: (away - 0.01).max(0.0), ..row(number, point, point[0]) }
    };
    let columns = search(&gp(), &space, 2, 30, trial);
    assert!((0..30).any(|row| columns.violation(row) == 0.0));
}

#[test]
fn several_objectives_spread_over_the_front() {
    let space = cube(2);
    let directions = [Direction::Minimize, Direction::Maximize];
    let (mut columns, mut cache) = (Columns::default(), SamplerCache::default());
    for number in 0..40 {
        let request = SuggestRequest { directions: &directions, ..request(&space, &columns, number) };
        let point = suggest_cached(&gp(), &request, &mut cache).remove(0).params;
        let losses = [point[0] + point[1], point[0] - (point[1] * 2.0).powi(2)];
        columns.push(Row { values: losses.to_vec(), ..row(number, &point, 0.0) });
    }
    // The front is where the second parameter is 0.
    let late: Vec<f64> = (20..40).filter(|&row| columns.param(1, row) < 0.05).map(|row| columns.param(0, row)).collect();
    assert!(late.len() >= 12, "{late:?}");
    assert!(late.iter().any(|x| *x < 0.25) && late.iter().any(|x| *x > 0.75), "{late:?}");
}

#[test]
fn trials_under_way_and_suggestions_of_one_batch_keep_apart() {
    let space = cube(2);
    let columns = search(&SamplerConfig::Sobol, &space, 4, 15, |number, point| row(number, point, branin(point)));
    let first = suggest(&gp(), &request(&space, &columns, 15)).remove(0).params;
    let pending = [Pending { number: 15, params: first.clone() }];
    let batch = SuggestRequest { pending: &pending, count: 6, ..request(&space, &columns, 16) };
    let mut points: Vec<Vec<f64>> = suggest(&gp(), &batch).into_iter().map(|suggestion| suggestion.params).collect();
    points.push(first);
    for (index, a) in points.iter().enumerate() {
        for b in &points[..index] {
            let apart = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart > 1e-3, "{points:?}");
        }
    }
}

#[test]
fn a_warm_memory_and_a_fresh_one_suggest_the_same() {
    let space = mixed();
    let (mut columns, mut cache) = (Columns::default(), SamplerCache::default());
    for number in 0..60 {
        let request = request(&space, &columns, number);
        let warm = suggest_cached(&gp(), &request, &mut cache).remove(0);
        if number % 7 == 0 {
            assert_eq!(warm, suggest(&gp(), &request).remove(0));
        }
        let outcome = if number % 11 == 5 { Outcome::Failed } else { Outcome::Complete };
        columns.push(Row { outcome, ..row(number, &warm.params, mixed_loss(&warm.params)) });
    }
}

/// Histories that teach little or nothing.
fn degenerate(kind: usize, number: u32, point: &[f64]) -> Row {
    let nan = f64::NAN;
    let value = match kind {
        0 => 1.0,
        1 => nan,
        2 => [f64::INFINITY, f64::NEG_INFINITY, 1e308, -1e308, 5e-324][number as usize % 5],
        _ => f64::from(number),
    };
    let outcome = match kind {
        3 => Outcome::Failed,
        4 => [Outcome::Pruned, Outcome::Cancelled][number as usize % 2],
        _ => Outcome::Complete,
    };
    let violation = if kind == 5 { [nan, 1e300, f64::INFINITY][number as usize % 3] } else { 0.0 };
    let report = (kind == 4).then_some(f64::INFINITY);
    Row { outcome, violation, last_step: report.map(|_| 1), last_value: report.unwrap_or(nan), ..row(number, point, value) }
}

#[test]
fn degenerate_histories_still_get_points_of_the_space() {
    for kind in 0..6 {
        search(&gp(), &mixed(), 9, 16, |number, point| degenerate(kind, number, point));
    }
}

#[test]
fn degenerate_spaces_still_get_points() {
    let options = (0..1_000_000).map(crate::space::Choice::Int).collect();
    let parameters = vec![
        parameter("tiny", Distribution::Float { low: 0.0, high: 1e-300, log: false, step: None }),
        parameter("many", Distribution::Categorical { choices: options }),
        parameter("one", Distribution::Int { low: 3, high: 3, log: false, step: 1 }),
        parameter("all", Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 }),
    ];
    search(&gp(), &Space { parameters }, 1, 13, |number, point| row(number, point, point[0] * 1e300));
    let single = Space { parameters: vec![parameter("one", Distribution::Int { low: 3, high: 3, log: false, step: 1 })] };
    for space in [single, Space::default()] {
        search(&gp(), &space, 1, 13, |number, point| row(number, point, 1.0));
    }
}

#[test]
fn points_seen_a_hundred_times_do_not_break_the_model() {
    let space = cube(2);
    let mut columns = Columns::default();
    for number in 0..100 {
        columns.push(row(number, &[0.5, 0.5], f64::from(number % 3)));
    }
    let found = suggest(&gp(), &request(&space, &columns, 100)).remove(0).params;
    assert!(!same_numbers(&found, &[0.5, 0.5]));
}

#[test]
fn a_valley_across_the_parameters_is_followed_by_a_parabola() {
    let valley = |point: &[f64]| 1e4 * (point[0] + point[1] - 1.1).powi(2) + (point[0] - point[1] - 0.3).powi(2);
    let columns = search(&gp(), &cube(2), 1, 30, |number, point| row(number, point, valley(point)));
    assert!(best(&columns) < 1e-8, "{}", best(&columns));
    let said = |number| suggest(&gp(), &request(&cube(2), &columns, number)).remove(0).why;
    assert!(said(30).starts_with("gp: log improvement"), "{}", said(30));
}

#[test]
fn every_third_trial_may_go_to_the_lowest_point_of_a_parabola_but_never_twice_to_the_same() {
    let space = mixed();
    let known = search(&SamplerConfig::Sobol, &space, 1, 60, |number, point| {
        row(number, point, 9.0 * point[1] + (point[2].log10() + 2.0).powi(2) + (point[3].log2() - 4.0).powi(2))
    });
    let asked = SuggestRequest { count: 9, ..request(&space, &known, 60) };
    let batch = suggest(&gp(), &asked);
    let is_lowest = |at: usize| batch[at].why.starts_with("gp: lowest point of a parabola through the best ");
    assert_eq!((0..9).filter(|&at| is_lowest(at)).collect::<Vec<_>>(), [2]);
    let point = &batch[2].params;
    assert!((point[2].log10() + 2.0).abs() < 0.1 && (point[3] - 16.0).abs() <= 2.0, "{point:?}");
    for (at, a) in batch.iter().enumerate() {
        assert!(batch[..at].iter().all(|b| !same_numbers(&a.params, &b.params)), "{batch:?}");
    }
}
