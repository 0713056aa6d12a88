use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, History, Outcome, Pending, Row};
use crate::sampler::{Direction, Hints, SamplerCache, suggest as suggest_anew, suggest_cached, suggest_one_param};
use crate::space::{Condition, Distribution, Parameter, Space};

const ONE: &[Direction] = &[Direction::Minimize];
const TWO: &[Direction] = &[Direction::Minimize, Direction::Maximize];

fn number(name: &str) -> Parameter {
    Parameter {
        name: name.into(),
        distribution: Distribution::Float { low: 0.0, high: 1.0, log: false, step: None },
        when: Vec::new(),
    }
}

fn kind() -> Parameter {
    let distribution = Distribution::Categorical { choices: vec!["a".into(), "b".into()] };
    Parameter { name: "kind".into(), distribution, when: Vec::new() }
}

fn numbers(count: usize) -> Space {
    Space { parameters: (0..count).map(|index| number(&format!("x{index}"))).collect() }
}

fn branches() -> Space {
    let when = vec![Condition { parameter: "kind".into(), values: vec!["a".into()] }];
    Space { parameters: vec![kind(), number("x"), Parameter { when, ..number("y") }] }
}

fn constant() -> Space {
    let distribution = Distribution::Int { low: 3, high: 3, log: false, step: 1 };
    Space { parameters: vec![Parameter { name: "n".into(), distribution, when: Vec::new() }] }
}

fn row(number: u32, params: Vec<f64>, outcome: Outcome, value: f64) -> Row {
    Row { number, outcome, params, values: vec![value, -value], violation: 0.0, last_step: None, last_value: f64::NAN }
}

fn history(space: &Space, trials: u32, edit: impl Fn(&mut Row)) -> Columns {
    let mut columns = Columns::default();
    for number in 0..trials {
        let request = request(space, ONE, &columns, number);
        let params = suggest_anew(&SamplerConfig::Random, &request).remove(0).params;
        let value = params.iter().filter(|value| !value.is_nan()).sum();
        let mut row = row(number, params, Outcome::Complete, value);
        edit(&mut row);
        columns.push(row);
    }
    columns
}

fn request<'a>(space: &'a Space, directions: &'a [Direction], history: &'a Columns, first_number: u32) -> SuggestRequest<'a> {
    let history = History { chunks: &[], tail: Some(history) };
    SuggestRequest { space, directions, history, pending: &[], seed: 5, first_number, count: 1, hints: Hints::default() }
}

fn planned(max_trials: u32, parallel: u32) -> Hints {
    Hints { max_trials: Some(max_trials), parallel: Some(parallel) }
}

fn why(request: &SuggestRequest<'_>) -> String {
    let suggestion = suggest_anew(&SamplerConfig::Auto, request).remove(0);
    assert_eq!(request.space.contains(&suggestion.params), Ok(()));
    suggestion.why
}

#[test]
fn every_choice_is_reached_and_says_why() {
    let none = Columns::default();
    let ask = |space: &Space, directions, hints| why(&SuggestRequest { hints, ..request(space, directions, &none, 0) });
    for (said, expected) in [
        (ask(&constant(), ONE, planned(100, 1)), "auto: random, because nothing varies; random"),
        (ask(&numbers(1), ONE, planned(1, 1)), "auto: sobol, because 1 trial is too few to learn from; sobol point 0"),
        (ask(&numbers(3), ONE, planned(10, 1)), "auto: sobol, because 10 trials are too few to learn from; sobol point 0"),
        (ask(&numbers(6), ONE, planned(100, 8)), "auto: gp, because 6 numbers and 100 trials; startup: sobol point 0"),
        (
            ask(&branches(), ONE, Hints::default()),
            "auto: gp, because 2 numbers and 1 option under conditions and 0 trials so far; startup: sobol point 0",
        ),
        (ask(&numbers(61), ONE, planned(100, 1)), "auto: cmaes, because 61 numbers; cma-es: first generation, spread evenly"),
    ] {
        assert_eq!(said, expected);
    }
    for (said, start) in [
        (ask(&numbers(2), ONE, planned(100_000, 500)), "auto: cmaes, because 500 trials at once and 2 numbers; "),
        (ask(&branches(), ONE, planned(100_000, 500)), "auto: tpe, because 500 trials at once and 2 numbers"),
        (ask(&numbers(2), TWO, planned(100, 1)), "auto: gp, because 2 objectives, 2 numbers and 100 trials; "),
        (ask(&numbers(2), TWO, planned(100, 64)), "auto: tpe, because 2 objectives, 64 trials at once, 2 numbers and 100"),
        (ask(&numbers(2), &[Direction::Minimize; 4], Hints::default()), "auto: tpe, because 4 objectives, 2 numbers and 0"),
    ] {
        assert!(said.starts_with(start), "{said}");
    }
}

#[test]
fn a_long_history_moves_on_to_samplers_that_do_not_slow_down() {
    let (plain, mixed) = (numbers(2), branches());
    let complete = history(&plain, 500, |_| ());
    let violating = history(&plain, 500, |row| row.violation = f64::from(row.number % 2));
    let branched = history(&mixed, 500, |_| ());
    let said = |space, directions, columns| why(&request(space, directions, columns, 500));
    assert!(
        said(&plain, ONE, &complete)
            .starts_with("auto: cmaes, because 2 numbers and 500 trials so far; cma-es: run 1, generation")
    );
    assert!(said(&plain, ONE, &violating).starts_with("auto: tpe, "));
    assert!(said(&mixed, ONE, &branched).starts_with("auto: tpe, "));
    assert!(said(&plain, TWO, &complete).starts_with("auto: nsga2, because 2 objectives"));
}

#[test]
fn trials_seen_under_way_count_where_no_number_is_planned() {
    let (space, none) = (numbers(2), Columns::default());
    let batch = suggest_anew(&SamplerConfig::Auto, &SuggestRequest { count: 200, ..request(&space, ONE, &none, 0) });
    assert_eq!(batch.len(), 200);
    assert!(batch.iter().all(|suggestion| suggestion.why.starts_with("auto: cmaes, because 200 trials at once")));
}

#[test]
fn one_parameter_comes_from_tpe() {
    let space = branches();
    let known = history(&space, 30, |_| ());
    let asked = request(&space, ONE, &known, 30);
    let one = suggest_one_param(&SamplerConfig::Auto, &asked, "y").unwrap();
    let by_tpe = suggest_one_param(&SamplerConfig::Tpe(TpeConfig::default()), &asked, "y").unwrap();
    assert_eq!(one.value, by_tpe.value);
    assert_eq!(one.why, format!("auto: tpe, because parameters are asked for one by one; {}", by_tpe.why));
}

#[test]
fn histories_without_any_lesson_still_get_answers() {
    for space in [numbers(1), branches(), constant(), Space::default()] {
        let edits: [fn(&mut Row); 5] = [
            |row| row.outcome = Outcome::Failed,
            |row| row.values = vec![f64::NAN; 2],
            |row| row.values = vec![1.0; 2],
            |row| row.violation = f64::NAN,
            |row| row.values = vec![f64::INFINITY; 2],
        ];
        for edit in edits {
            let known = history(&space, 25, edit);
            for directions in [ONE, TWO] {
                why(&request(&space, directions, &known, 25));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The sampler changes with the trials under way; each must know what happened while others were asked.
    #[test]
    fn a_kept_memory_changes_no_answer_while_samplers_take_turns(under_way in prop::collection::vec(0..2_u32, 8..30), seed in any::<u64>()) {
        let space = branches();
        let (mut known, mut cache) = (Columns::default(), SamplerCache::default());
        for (at, &crowd) in under_way.iter().enumerate() {
            let at = at as u32;
            let pending: Vec<Pending> = (0..crowd * 200).map(|other| Pending { number: 1_000 + other, params: vec![1.0, 0.5, f64::NAN] }).collect();
            let request = SuggestRequest { pending: &pending, seed, ..request(&space, ONE, &known, at) };
            let kept = suggest_cached(&SamplerConfig::Auto, &request, &mut cache);
            prop_assert_eq!(&kept, &suggest_anew(&SamplerConfig::Auto, &request));
            let params = kept[0].params.clone();
            let value = params[1];
            known.push(row(at, params, Outcome::Complete, value));
        }
    }
}
