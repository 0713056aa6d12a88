use super::*;
use crate::columns::Row;
use crate::sampler::tpe::memory::Memory;
use crate::sampler::{Hints, SuggestRequest, TpeConfig};
use crate::space::{Condition, Distribution, Parameter};

fn parameter(name: &str, when: Option<&str>) -> Parameter {
    let condition = |value: &str| Condition { parameter: "kind".into(), values: vec![value.into()] };
    let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    Parameter { name: name.into(), distribution, when: when.map(condition).into_iter().collect() }
}

fn space() -> Space {
    let choices = vec!["a".into(), "b".into()];
    let kind = Parameter { name: "kind".into(), distribution: Distribution::Categorical { choices }, when: vec![] };
    Space {
        parameters: vec![
            kind,
            parameter("x", Some("a")),
            parameter("y", Some("b")),
            parameter("z", Some("a")),
            parameter("free", None),
        ],
    }
}

fn members(columns: &Columns, multivariate: bool) -> Vec<Vec<usize>> {
    let (space, config) = (space(), TpeConfig { multivariate, ..TpeConfig::default() });
    let request = SuggestRequest {
        space: &space,
        directions: &[],
        history: History { chunks: &[], tail: Some(columns) },
        pending: &[],
        seed: 0,
        first_number: 0,
        count: 1,
        hints: Hints::default(),
    };
    let mut memory = Memory::new(&config, &space);
    memory.catch_up(&request);
    memory.learn_groups(&config, &request, &space.plan());
    memory.groups.into_iter().map(|group| group.members).collect()
}

fn push(columns: &mut Columns, params: &[f64]) {
    columns.push(Row {
        number: columns.len() as u32,
        outcome: Outcome::Complete,
        params: params.to_vec(),
        values: vec![0.0],
        violation: 0.0,
        last_step: None,
        last_value: f64::NAN,
    });
}

#[test]
fn parameters_with_the_same_conditions_form_a_group_numbers_first() {
    let columns = Columns::default();
    assert_eq!(members(&columns, true), [vec![4, 0], vec![1, 3], vec![2]]);
    assert_eq!(members(&columns, false).len(), 5);
}

#[test]
fn a_parameter_added_later_does_not_cost_the_others_their_observations() {
    let nan = f64::NAN;
    let mut columns = Columns::default();
    push(&mut columns, &[0.0, 0.5, nan, 0.5]);
    push(&mut columns, &[0.0, 0.5, nan, 0.5, 0.1]);
    assert_eq!(members(&columns, true), [vec![0], vec![1, 3], vec![2], vec![4]]);
}

/// Good trials lie around 0.2, bad ones everywhere else.
fn learnt(trials: u32) -> Group {
    let space = Space { parameters: vec![parameter("x", None), parameter("y", None)] };
    let mut columns = Columns::default();
    for number in 0..trials {
        let x = f64::from(number * 37 % 101) / 101.0;
        let value = (x - 0.2).abs();
        let params = vec![x, f64::from(number * 53 % 97) / 97.0];
        let outcome = Outcome::Complete;
        columns.push(Row { number, outcome, params, values: vec![value], violation: 0.0, last_step: None, last_value: f64::NAN });
    }
    let mut group = Group::new(&[0, 1], &space, Some(Bounds { latest: 32, clusters: 16 }));
    group.catch_up(History { chunks: &[], tail: Some(&columns) }, &[]);
    group
}

#[test]
fn the_ratio_is_high_where_good_trials_are_and_falls_beside_one_under_way() {
    for trials in [20, 200, 2_000] {
        let group = learnt(trials);
        let none: [&[f64]; 0] = [];
        let ratio = |liars: &Liars, x: f64| group.ln_ratio(liars, &[x, 0.5], &mut Scratch::default());
        let alone = group.liars(none.into_iter());
        let busy = group.liars([[0.2, 0.5].as_slice()].into_iter());
        assert!(ratio(&alone, 0.2) > ratio(&alone, 0.8) + 1.0, "{trials}");
        assert!(ratio(&busy, 0.2) < ratio(&alone, 0.2), "{trials}");
    }
}
