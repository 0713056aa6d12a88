use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, Outcome, Row};
use crate::space::{Condition, Distribution, Parameter};

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

/// Floats, a logarithmic int, options, and a branch.
fn space() -> Space {
    let kind = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    let depth = Distribution::Int { low: 1, high: 64, log: true, step: 1 };
    let float = |low, high, log| Distribution::Float { low, high, log, step: None };
    let only_a = Condition { parameter: "kind".into(), values: vec!["a".into()] };
    Space {
        parameters: vec![
            parameter("x", float(-1.0, 2.0, false)),
            parameter("rate", float(1e-5, 1.0, true)),
            parameter("kind", kind),
            parameter("depth", depth),
            Parameter { when: vec![only_a], ..parameter("extra", float(0.0, 1.0, false)) },
        ],
    }
}

fn config(choice: usize) -> SamplerConfig {
    let tpe = TpeConfig { startup_trials: 5, ..TpeConfig::default() };
    let mut all: Vec<SamplerConfig> = SamplerConfig::KINDS.iter().filter_map(|kind| SamplerConfig::from_kind(kind)).collect();
    all.retain(|config| config.validate(&space()).is_empty());
    all.push(SamplerConfig::Tpe(TpeConfig { multivariate: false, ..tpe.clone() }));
    all.push(SamplerConfig::Tpe(tpe));
    all.swap_remove(choice % all.len())
}

/// What happens to a study in one step.
#[derive(Clone, Debug)]
enum Step {
    /// So many trials are asked for, and stay under way.
    Ask(usize),
    /// One parameter is asked for.
    AskOne(usize),
    /// The trial under way at this place ends.
    End(usize, u8, f64),
    /// Another study with the same cache and this seed is asked in between.
    Stray(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![4 => -3.0..3.0, 1 => Just(f64::NAN), 1 => Just(1.0), 1 => Just(f64::INFINITY)];
    let step = prop_oneof![
        3 => (1..6_usize).prop_map(Step::Ask),
        1 => (0..5_usize).prop_map(Step::AskOne),
        12 => (any::<usize>(), any::<u8>(), value).prop_map(|(place, outcome, value)| Step::End(place, outcome, value)),
        1 => any::<u64>().prop_map(Step::Stray),
    ];
    prop::collection::vec(step, 1..120)
}

fn finished(pending: Pending, outcome: u8, value: f64, objectives: usize) -> Row {
    let outcomes = [Outcome::Complete, Outcome::Complete, Outcome::Pruned, Outcome::Failed, Outcome::Cancelled];
    let outcome = outcomes[usize::from(outcome) % outcomes.len()];
    let values = (0..objectives).map(|objective| if objective == 0 { value } else { (value * 7.0).sin() }).collect();
    let violation = if pending.number.is_multiple_of(4) { value.abs() } else { 0.0 };
    let last_step = (!pending.number.is_multiple_of(3)).then_some(i64::from(pending.number % 5));
    Row { number: pending.number, outcome, params: pending.params, values, violation, last_step, last_value: value }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_warm_cache_answers_as_a_fresh_one(
        steps in steps(),
        choice in any::<usize>(),
        seed in any::<u64>(),
        objectives in 1..3_usize,
        rows_a_call in 1..4_usize,
    ) {
        let (space, config) = (space(), config(choice));
        let directions = vec![Direction::Minimize; objectives];
        let (mut cache, mut history, mut pending, mut next) = (SamplerCache::default(), Columns::default(), Vec::new(), 0);
        for (place, step) in steps.into_iter().enumerate() {
            let request = |seed, pending, count| SuggestRequest {
                space: &space,
                directions: &directions,
                history: History { chunks: &[], tail: Some(&history) },
                pending,
                seed,
                first_number: next,
                count,
                hints: Hints::default(),
            };
            match step {
                Step::Ask(count) => {
                    let request = request(seed, &pending, count);
                    let warm = suggest_cached(&config, &request, &mut cache);
                    if place % rows_a_call == 0 {
                        prop_assert_eq!(&warm, &suggest(&config, &request));
                    }
                    next += warm.len() as u32;
                    pending.extend(warm.into_iter().map(|Suggestion { number, params, .. }| Pending { number, params }));
                }
                Step::AskOne(index) => {
                    let (request, name) = (request(seed, &pending, 1), &space.parameters[index].name);
                    let warm = suggest_one_param_cached(&config, &request, name, &mut cache);
                    prop_assert_eq!(warm, suggest_one_param(&config, &request, name));
                }
                Step::End(place, outcome, value) if !pending.is_empty() => {
                    let ended = pending.remove(place % pending.len());
                    history.push(finished(ended, outcome, value, objectives));
                }
                Step::End(..) => {}
                Step::Stray(other) => {
                    suggest_cached(&config, &request(other, &[], 1), &mut cache);
                }
            }
        }
    }
}

#[test]
fn a_history_that_is_no_extension_is_learnt_anew() {
    let space = space();
    let row = |number: u32, value: f64| {
        let params = vec![f64::from(number % 9) / 9.0, 0.1, 1.0, 4.0, f64::NAN];
        finished(Pending { number, params }, 0, value, 1)
    };
    let history = |sign: f64| {
        let mut columns = Columns::default();
        (1..40).for_each(|number| columns.push(row(number, sign * f64::from(number % 9))));
        columns
    };
    let (first, second) = (history(1.0), history(-1.0));
    let request = |tail| SuggestRequest {
        space: &space,
        directions: &[Direction::Minimize],
        history: History { chunks: &[], tail: Some(tail) },
        pending: &[],
        seed: 1,
        first_number: 40,
        count: 2,
        hints: Hints::default(),
    };
    let (config, mut cache) = (SamplerConfig::default(), SamplerCache::default());
    for tail in [&first, &second, &first, &Columns::default(), &second] {
        assert_eq!(suggest_cached(&config, &request(tail), &mut cache), suggest(&config, &request(tail)));
    }
}
