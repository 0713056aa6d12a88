use super::*;
use crate::space::{Condition, Distribution, Parameter, Value};

const MINIMIZE: &[Direction] = &[Direction::Minimize];
const NAN: f64 = f64::NAN;

fn float(low: f64, high: f64) -> Distribution {
    Distribution::Float { low, high, log: false, step: None }
}

fn int(low: i64, high: i64, step: i64) -> Distribution {
    Distribution::Int { low, high, log: false, step }
}

fn choice(choices: &[&str]) -> Distribution {
    Distribution::Categorical { choices: choices.iter().map(|&text| text.into()).collect() }
}

fn space(parameters: &[(&str, Distribution)]) -> Space {
    let parameter = |(name, distribution): &(&str, Distribution)| Parameter {
        name: (*name).to_owned(),
        distribution: distribution.clone(),
        when: vec![],
    };
    Space { parameters: parameters.iter().map(parameter).collect() }
}

fn row(number: u32, params: Vec<f64>, value: f64) -> Row {
    Row { number, outcome: Outcome::Complete, params, values: vec![value], violation: 0.0, last_step: None, last_value: NAN }
}

fn columns(rows: impl IntoIterator<Item = Row>) -> Columns {
    let mut columns = Columns::default();
    rows.into_iter().for_each(|row| columns.push(row));
    columns
}

fn taken(from: &Space, to: &Space, trials: &Columns) -> Taken {
    take(from, to, History { chunks: &[], tail: Some(trials) }, &[0], MINIMIZE)
}

fn params(taken: &Taken) -> Vec<Vec<f64>> {
    (0..taken.columns.len()).map(|row| (0..2).map(|index| taken.columns.param(index, row)).collect()).collect()
}

#[test]
fn parameters_are_matched_by_name_and_missing_ones_are_absent() {
    let from = space(&[("gone", float(0.0, 1.0)), ("x", float(0.0, 1.0))]);
    let to = space(&[("x", float(0.0, 2.0)), ("new", float(0.0, 1.0))]);
    let taken = taken(&from, &to, &columns([row(7, vec![0.3, 0.6], 1.0)]));
    assert!(same(&params(&taken), &[vec![0.6, NAN]]));
    assert_eq!((taken.looked_at, taken.misfits, taken.columns.number[0]), (1, 0, 7));
    assert_eq!(shared(&from, &to), ["x"]);
}

#[test]
fn floats_ints_scales_and_steps_are_converted() {
    let log = Distribution::Float { low: 1.0, high: 100.0, log: true, step: None };
    let from = space(&[("a", float(0.0, 9.0)), ("b", int(0, 100, 1))]);
    let to = space(&[("a", int(0, 8, 2)), ("b", log)]);
    let trials = columns([row(0, vec![4.4, 10.0], 1.0), row(1, vec![7.6, 100.0], 2.0)]);
    assert!(same(&params(&taken(&from, &to, &trials)), &[vec![4.0, 10.0], vec![8.0, 100.0]]));
}

#[test]
fn options_are_matched_by_value_also_with_numbers() {
    let numbers = Distribution::Categorical { choices: vec![Value::Int(32), Value::Float(16.0)] };
    let from = space(&[("kind", choice(&["sgd", "adam"])), ("size", numbers)]);
    let to = space(&[("kind", choice(&["adam", "lion", "sgd"])), ("size", int(8, 64, 8))]);
    let trials = columns([row(0, vec![0.0, 0.0], 1.0), row(1, vec![1.0, 1.0], 2.0)]);
    assert!(same(&params(&taken(&from, &to, &trials)), &[vec![2.0, 32.0], vec![0.0, 16.0]]));
    assert_eq!(shared(&space(&[("x", choice(&["a"]))]), &space(&[("x", float(0.0, 1.0))])), Vec::<&str>::new());
}

#[test]
fn a_trial_with_a_value_that_is_not_there_any_more_is_left_out_whole() {
    let from = space(&[("x", float(0.0, 1.0)), ("kind", choice(&["a", "b"]))]);
    let to = space(&[("x", float(0.2, 0.5)), ("kind", choice(&["b"]))]);
    let trials = columns([row(0, vec![0.3, 0.0], 1.0), row(1, vec![0.1, 1.0], 1.0), row(2, vec![0.4, 1.0], 1.0)]);
    let taken = taken(&from, &to, &trials);
    assert_eq!((taken.columns.number.clone(), taken.looked_at, taken.misfits), (vec![2], 3, 2));
}

#[test]
fn values_follow_the_conditions_of_the_new_space_as_far_as_they_are_known() {
    let mut to = space(&[("kind", choice(&["a", "b"])), ("x", float(0.0, 1.0))]);
    to.parameters[1].when = vec![Condition { parameter: "kind".to_owned(), values: vec!["a".into()] }];
    let with_kind = space(&[("kind", choice(&["a", "b"])), ("x", float(0.0, 1.0))]);
    let trials = columns([row(0, vec![0.0, 0.5], 1.0), row(1, vec![1.0, 0.5], 1.0)]);
    assert!(same(&params(&taken(&with_kind, &to, &trials)), &[vec![0.0, 0.5], vec![1.0, NAN]]));
    let without = space(&[("x", float(0.0, 1.0))]);
    assert!(same(&params(&taken(&without, &to, &columns([row(0, vec![0.5], 1.0)]))), &[vec![NAN, 0.5]]));
}

#[test]
fn only_trials_that_teach_something_are_taken() {
    let space = space(&[("x", float(0.0, 1.0))]);
    let with = |number, outcome, value, report: Option<f64>| Row {
        outcome,
        last_step: report.map(|_| 3),
        last_value: report.unwrap_or(NAN),
        ..row(number, vec![0.5], value)
    };
    let trials = columns([
        with(0, Outcome::Complete, 1.0, None),
        with(1, Outcome::Complete, NAN, None),
        with(2, Outcome::Failed, NAN, Some(1.0)),
        with(3, Outcome::Cancelled, 1.0, None),
        with(4, Outcome::Pruned, NAN, Some(2.0)),
        with(5, Outcome::Pruned, NAN, None),
        with(6, Outcome::Complete, f64::INFINITY, None),
    ]);
    assert_eq!(taken(&space, &space, &trials).columns.number, [0, 4]);
    let second = take(&space, &space, History { chunks: &[], tail: Some(&trials) }, &[1], MINIMIZE);
    assert!(second.columns.is_empty(), "reports are of the first objective");
}

#[test]
fn objectives_come_in_the_order_of_the_new_study() {
    let space = space(&[("x", float(0.0, 1.0))]);
    let trials = columns([Row { values: vec![1.0, 2.0], ..row(0, vec![0.5], 0.0) }]);
    let taken = take(&space, &space, History { chunks: &[], tail: Some(&trials) }, &[1, 0], &[Direction::Minimize; 2]);
    assert_eq!([taken.columns.value(0, 0), taken.columns.value(1, 0)], [2.0, 1.0]);
}

#[test]
fn of_many_trials_the_best_and_a_spread_are_taken_in_their_order() {
    let space = space(&[("x", float(0.0, 1.0))]);
    let trials = columns((0..5_000).map(|number| row(number, vec![0.5], f64::from(number * 2_503 % 5_000))));
    let taken = taken(&space, &space, &trials);
    assert_eq!(taken.columns.len(), MOST_TRIALS);
    assert!(taken.columns.number.is_sorted());
    let mut values = taken.columns.values[0].clone();
    values.sort_by(f64::total_cmp);
    assert!((0..BEST).all(|rank| values[rank] == rank as f64));
    assert!(values[MOST_TRIALS - 1] > 4_950.0 && (values[320] - 2_564.0).abs() < 100.0, "{}", values[320]);
}

#[test]
fn several_objectives_are_ordered_by_front() {
    let losses = [[3.0, 3.0], [0.0, 1.0], [1.0, 0.0], [2.0, 2.0]];
    let trials = columns(losses.map(|values| Row { values: values.to_vec(), ..row(0, vec![0.5], 0.0) }));
    assert_eq!(order(&trials, &[Direction::Minimize; 2]), [1, 2, 3, 0]);
    assert_eq!(order(&trials, &[Direction::Maximize; 2]), [0, 3, 1, 2]);
}

fn same(a: &[Vec<f64>], b: &[Vec<f64>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| crate::columns::same_numbers(a, b))
}
