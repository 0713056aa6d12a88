use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, Outcome, Row};
use crate::space::{Condition, Distribution, Parameter};

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn float(name: &str, low: f64, high: f64, log: bool) -> Parameter {
    parameter(name, Distribution::Float { low, high, log, step: None })
}

fn int(name: &str, low: i64, high: i64, log: bool) -> Parameter {
    parameter(name, Distribution::Int { low, high, log, step: 1 })
}

fn options(name: &str, choices: &[&str]) -> Parameter {
    let choices = choices.iter().map(|&choice| choice.into()).collect();
    parameter(name, Distribution::Categorical { choices })
}

fn when(mut child: Parameter, parent: &str, value: &str) -> Parameter {
    child.when.push(Condition { parameter: parent.into(), values: vec![value.into()] });
    child
}

/// A child before its parent, every kind of distribution, two branches, one constant.
fn mixed_space() -> Space {
    Space {
        parameters: vec![
            when(float("momentum", 0.0, 0.99, false), "optimizer", "sgd"),
            float("rate", 1e-5, 1e-1, true),
            int("width", 16, 4096, true),
            options("optimizer", &["sgd", "adam"]),
            when(int("warmup", 0, 10, false), "optimizer", "adam"),
            when(float("beta", 0.9, 0.999, false), "optimizer", "adam"),
            parameter("dropout", Distribution::Float { low: 0.0, high: 0.5, log: false, step: Some(0.1) }),
            int("layers", 3, 3, false),
        ],
    }
}

fn finite_space() -> Space {
    Space { parameters: vec![int("a", 0, 4, false), options("kind", &["x", "y"]), when(int("b", 0, 2, false), "kind", "x")] }
}

fn row(number: u32, params: Params, value: f64) -> Row {
    let outcome = Outcome::Complete;
    Row { number, outcome, params, values: vec![value], violation: 0.0, last_step: None, last_value: f64::NAN }
}

/// Finished trials with random points and made-up outcomes of every kind.
fn made_up_history(space: &Space, trials: u32, seed: u64) -> Columns {
    let request = request(space, seed, 0, trials as usize);
    let mut columns = Columns::default();
    for suggestion in suggest(&SamplerConfig::Random, &request) {
        let number = suggestion.number;
        let value = f64::from(number.wrapping_mul(2_654_435_761) >> 8);
        let outcome = match number % 7 {
            0 => Outcome::Pruned,
            1 => Outcome::Failed,
            _ => Outcome::Complete,
        };
        let violation = if number % 5 == 0 { 1.0 } else { 0.0 };
        let last_step = (number % 3 == 0).then_some(i64::from(number));
        columns.push(Row { outcome, violation, last_step, ..row(number, suggestion.params, value) });
    }
    columns
}

fn request(space: &Space, seed: u64, first_number: u32, count: usize) -> SuggestRequest<'_> {
    SuggestRequest {
        space,
        directions: &[Direction::Minimize],
        history: History::default(),
        pending: &[],
        seed,
        first_number,
        count,
        hints: Hints::default(),
    }
}

fn all_samplers() -> Vec<SamplerConfig> {
    let separate = TpeConfig { multivariate: false, ..TpeConfig::default() };
    let from_kind = |kind: &&str| SamplerConfig::from_kind(kind);
    let mut samplers: Vec<_> = SamplerConfig::KINDS.iter().filter_map(from_kind).collect();
    samplers.push(SamplerConfig::Tpe(separate));
    samplers
}

#[test]
fn names_and_settings_survive_text_and_bytes() {
    for config in all_samplers() {
        assert!(SamplerConfig::KINDS.contains(&config.name()));
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<SamplerConfig>(&json).unwrap(), config);
        let packed = rmp_serde::to_vec(&config).unwrap();
        assert_eq!(rmp_serde::from_slice::<SamplerConfig>(&packed).unwrap(), config);
    }
    let parsed: SamplerConfig = serde_json::from_str(r#"{"kind":"tpe","candidates":5}"#).unwrap();
    assert_eq!(parsed, SamplerConfig::Tpe(TpeConfig { candidates: 5, ..TpeConfig::default() }));
}

#[test]
fn samplers_refuse_what_they_cannot_search() {
    let errors = SamplerConfig::Grid.validate(&mixed_space());
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert_eq!(SamplerConfig::Grid.validate(&finite_space()), []);
    let huge = Space { parameters: vec![int("a", 0, i64::MAX, false), int("b", 0, i64::MAX, false)] };
    assert_eq!(SamplerConfig::Grid.validate(&huge), [SamplerError::GridTooLarge]);
    let none = SamplerConfig::Tpe(TpeConfig { candidates: 0, ..TpeConfig::default() });
    assert_eq!(none.validate(&huge), [SamplerError::NoCandidates]);
}

#[test]
fn grid_visits_every_point_once_in_an_order_of_the_seed() {
    let space = finite_space();
    let all = suggest(&SamplerConfig::Grid, &request(&space, 5, 0, 100));
    assert_eq!(all.len(), 20);
    assert_eq!(space.cardinality(), Some(20));
    for (index, suggestion) in all.iter().enumerate() {
        assert_eq!(space.contains(&suggestion.params), Ok(()));
        assert!(all[..index].iter().all(|other| !same_numbers(&other.params, &suggestion.params)));
    }
    assert!(suggest(&SamplerConfig::Grid, &request(&space, 5, 20, 1)).is_empty());
    assert_ne!(all, suggest(&SamplerConfig::Grid, &request(&space, 6, 0, 100)));
}

#[test]
fn sobol_fills_every_stratum_of_every_parameter() {
    let space = Space { parameters: vec![float("x", 0.0, 1.0, false), float("y", 0.0, 1.0, false)] };
    let points = suggest(&SamplerConfig::Sobol, &request(&space, 9, 0, 64));
    for axis in 0..2 {
        let mut strata: Vec<u32> = points.iter().map(|point| (point.params[axis] * 64.0) as u32).collect();
        strata.sort_unstable();
        assert_eq!(strata, (0..64).collect::<Vec<u32>>());
    }
}

#[test]
fn sobol_goes_on_past_its_sequence_and_its_dimensions() {
    let parameters = (0..300).map(|index| float(&format!("p{index}"), 0.0, 1.0, false)).collect();
    let space = Space { parameters };
    for number in [0, 65_535, 65_536, u32::MAX] {
        let points = suggest(&SamplerConfig::Sobol, &request(&space, 1, number, 1));
        assert_eq!(space.contains(&points[0].params), Ok(()));
    }
    assert_eq!(suggest(&SamplerConfig::Sobol, &request(&space, 1, u32::MAX, 5)).len(), 1);
}

#[test]
fn golden_suggestions_never_change_within_a_version() {
    let space = mixed_space();
    let history = made_up_history(&space, 40, 1);
    let shown = |config: &SamplerConfig| {
        let history = History { chunks: &[], tail: Some(&history) };
        let request = SuggestRequest { history, ..request(&space, 42, 40, 1) };
        let suggestion = suggest(config, &request).remove(0);
        let bits: Vec<String> = suggestion.params.iter().map(|value| format!("{value:.9e}")).collect();
        format!("{} {}", bits.join(" "), suggestion.why)
    };
    let all = [SamplerConfig::Random, SamplerConfig::Sobol, SamplerConfig::default()];
    assert_eq!(all.map(|config| shown(&config)), GOLDEN);
}

const GOLDEN: [&str; 3] = [
    "7.855297218e-1 9.254433401e-2 8.780000000e2 0.000000000e0 NaN NaN 2.000000000e-1 3.000000000e0 random",
    "NaN 2.792315842e-3 3.565000000e3 1.000000000e0 3.000000000e0 9.494104615e-1 4.000000000e-1 3.000000000e0 sobol point 40",
    "NaN 1.085619920e-5 1.543000000e3 1.000000000e0 3.000000000e0 9.073311767e-1 0.000000000e0 3.000000000e0 tpe: log ratio 7.72 over 34 trials",
];

#[test]
fn parameters_asked_one_by_one_are_those_drawn_together() {
    let space = mixed_space();
    for config in [SamplerConfig::Random, SamplerConfig::Sobol, SamplerConfig::default()] {
        let request = request(&space, 3, 17, 1);
        let whole = suggest(&config, &request).remove(0).params;
        for (index, parameter) in space.parameters.iter().enumerate().rev() {
            let one = suggest_one_param(&config, &request, &parameter.name).unwrap();
            assert!(whole[index].is_nan() || one.value == whole[index], "{}", parameter.name);
        }
        assert_eq!(suggest_one_param(&config, &request, "nowhere"), None);
    }
}

#[test]
fn a_parameter_added_to_the_space_changes_no_draw_of_the_others() {
    let space = mixed_space();
    let mut grown = space.clone();
    grown.parameters.push(float("late", 0.0, 1.0, false));
    for config in [SamplerConfig::Random, SamplerConfig::Sobol] {
        let before = suggest(&config, &request(&space, 3, 5, 1)).remove(0).params;
        let after = suggest(&config, &request(&grown, 3, 5, 1)).remove(0).params;
        assert!(same_numbers(&before, &after[..space.len()]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn suggestions_belong_to_the_space_and_repeat_exactly(
        seed in any::<u64>(),
        finished in 0..60_u32,
        is_finite in any::<bool>(),
        split_at in 0..60_usize,
    ) {
        let space = if is_finite { finite_space() } else { mixed_space() };
        let history = made_up_history(&space, finished, seed);
        let pending = [Pending { number: 1_000, params: history_point(&history, &space) }];
        for config in all_samplers() {
            let history = History { chunks: &[], tail: Some(&history) };
            let request = SuggestRequest { history, pending: &pending, ..request(&space, seed, 70, 3) };
            let first = suggest(&config, &request);
            for suggestion in &first {
                prop_assert_eq!(space.contains(&suggestion.params), Ok(()), "{:?}", suggestion);
            }
            prop_assert_eq!(&first, &suggest(&config, &request));
            let chunks = cut(history.tail.unwrap(), split_at);
            let cut = SuggestRequest { history: History { chunks: &chunks, tail: None }, ..request };
            prop_assert_eq!(&first, &suggest(&config, &cut));
            for parameter in &space.parameters {
                let one = suggest_one_param(&config, &request, &parameter.name).unwrap();
                prop_assert!(parameter.distribution.contains(one.value), "{:?} {:?}", parameter, one);
            }
        }
    }

    #[test]
    fn a_batch_equals_its_trials_one_by_one_where_history_is_not_read(seed in any::<u64>(), first in 0..9_u32) {
        let space = finite_space();
        for config in all_samplers().into_iter().filter(SamplerConfig::is_cheap) {
            let batch = suggest(&config, &request(&space, seed, first, 8));
            let singles: Vec<Suggestion> =
                (first..first + 8).flat_map(|number| suggest(&config, &request(&space, seed, number, 1))).collect();
            prop_assert_eq!(batch, singles);
        }
    }
}

fn history_point(history: &Columns, space: &Space) -> Params {
    if history.is_empty() {
        return vec![f64::NAN; space.len()];
    }
    (0..space.len()).map(|index| history.param(index, 0)).collect()
}

fn cut(history: &Columns, at: usize) -> Vec<Arc<Columns>> {
    let mut parts = [Columns::default(), Columns::default()];
    for index in 0..history.len() {
        parts[usize::from(index >= at)].push(history.row(index));
    }
    parts.map(Arc::new).to_vec()
}
