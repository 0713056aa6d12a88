use super::*;
use crate::columns::{Columns, Row};
use crate::sampler::{Hints, SamplerConfig, SuggestRequest, suggest};
use crate::space::{Distribution, Parameter};

fn float(low: f64, high: f64, log: bool) -> Distribution {
    Distribution::Float { low, high, log, step: None }
}

fn space(distributions: Vec<(&str, Distribution)>) -> Space {
    let parameter = |(name, distribution): (&str, Distribution)| Parameter { name: name.into(), distribution, when: vec![] };
    Space { parameters: distributions.into_iter().map(parameter).collect() }
}

fn run(space: &Space, sampler: &SamplerConfig, seed: u64, count: u32, judge: impl Fn(u32, &[f64]) -> (Outcome, f64)) -> Columns {
    let mut columns = Columns::default();
    for number in 0..count {
        let history = History { chunks: &[], tail: Some(&columns) };
        let request = SuggestRequest {
            space,
            directions: &[],
            history,
            pending: &[],
            seed,
            first_number: number,
            count: 1,
            hints: Hints::default(),
        };
        let params = suggest(sampler, &request).remove(0).params;
        let (outcome, value) = judge(number, &params);
        let values = if outcome == Outcome::Complete { vec![value] } else { vec![] };
        columns.push(Row { number, outcome, params, values, violation: 0.0, last_step: None, last_value: f64::NAN });
    }
    columns
}

fn ask(space: &Space, columns: &Columns) -> StudyExplanation {
    let history = History { chunks: &[], tail: Some(columns) };
    explain(&ExplainRequest { space, directions: &[], history, seed: 1 })
}

fn widened(explanation: &StudyExplanation) -> Vec<(usize, Side)> {
    let widen = |advice: &Advice| match advice {
        Advice::Widen { parameter, side, .. } => Some((*parameter, *side)),
        Advice::Narrow { .. } | Advice::Fix { .. } | Advice::Drop { .. } => None,
    };
    explanation.advice.iter().filter_map(widen).collect()
}

fn both() -> [SamplerConfig; 2] {
    [SamplerConfig::Random, SamplerConfig::default()]
}

#[test]
fn an_optimum_beyond_a_bound_asks_for_widening() {
    let space =
        space(vec![("rate", float(1e-4, 1e-1, true)), ("other", float(0.0, 1.0, false)), ("noise", float(0.0, 1.0, false))]);
    for sampler in both() {
        let mut found = 0;
        for seed in 0..20 {
            let loss = |_, x: &[f64]| (Outcome::Complete, (x[0].log10() + 0.5).abs() + 0.5 * (x[1] - 0.4).abs());
            let widened = widened(&ask(&space, &run(&space, &sampler, seed, 120, loss)));
            found += usize::from(widened == [(0, Side::High)]);
        }
        assert!(found >= 14, "{}: {found} of 20", sampler.name());
    }
}

#[test]
fn an_optimum_inside_or_no_effect_hardly_ever_asks_for_widening() {
    let space = space(vec![("a", float(0.0, 1.0, false)), ("b", float(0.0, 1.0, false)), ("c", float(0.0, 1.0, false))]);
    for sampler in both() {
        let mut wrong = 0;
        for seed in 0..30 {
            let loss = |_, x: &[f64]| (Outcome::Complete, (x[0] - 0.3).powi(2) + 0.3 * (x[1] - 0.7).powi(2));
            wrong += widened(&ask(&space, &run(&space, &sampler, seed, 120, loss))).len();
        }
        assert!(wrong <= 7, "{}: {wrong} of 180 bounds", sampler.name());
    }
}

#[test]
fn a_narrow_good_region_asks_for_narrowing_around_it() {
    let space = space(vec![("rate", float(1e-6, 1.0, true)), ("other", float(0.0, 1.0, false))]);
    let loss = |_, x: &[f64]| (Outcome::Complete, (x[0].log10() + 3.0).abs());
    let explanation = ask(&space, &run(&space, &SamplerConfig::Random, 1, 200, loss));
    let Advice::Narrow { parameter: 0, low, high } = explanation.advice[0] else { panic!("{:?}", explanation.advice) };
    assert!(low < 1e-3 && low > 1e-5 && high > 1e-3 && high < 1e-1, "{low} {high}");
    let Where::Range { low: from, high: to, share } = explanation.regions[0].place else { panic!("no range") };
    assert!(low <= from && from < 1e-3 && 1e-3 < to && to <= high && share < 0.3);
    assert!(matches!(explanation.advice[1], Advice::Fix { parameter: 1, .. }), "{:?}", explanation.advice);
}

#[test]
fn an_option_that_never_does_well_asks_to_be_dropped() {
    let options = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    let space = space(vec![("kind", options), ("x", float(0.0, 1.0, false))]);
    let loss = |_, x: &[f64]| (Outcome::Complete, if x[0] == 1.0 { 5.0 } else { 0.0 } + x[1]);
    let explanation = ask(&space, &run(&space, &SamplerConfig::Random, 1, 200, loss));
    assert!(explanation.advice.contains(&Advice::Drop { parameter: 0, options: vec![1] }), "{:?}", explanation.advice);
    let region = explanation.regions.iter().find(|region| region.parameter == 0).expect("a region");
    let Where::Options(options) = &region.place else { panic!("no options") };
    assert!(options[2].option == 1 && options[2].of_good == 0.0 && options[2].of_all > 0.2);
}

#[test]
fn remarks_say_what_stands_out() {
    let space = space(vec![("x", Distribution::Int { low: 0, high: 4, log: false, step: 1 })]);
    let judge = |number: u32, x: &[f64]| match number % 10 {
        0..=2 => (Outcome::Failed, 0.0),
        3 => (Outcome::Pruned, 0.0),
        _ => (Outcome::Complete, x[0] + if number < 30 { 0.0 } else { 1.0 }),
    };
    let explanation = ask(&space, &run(&space, &SamplerConfig::Random, 1, 150, judge));
    let counts = Counts { finished: 150, complete: 90, infeasible: 0, pruned: 15, failed: 45, cancelled: 0 };
    assert_eq!(explanation.counts, counts);
    let remarks = &explanation.remarks;
    assert!(remarks.contains(&Remark::ManyFailed { failed: 45, finished: 150 }));
    assert!(remarks.contains(&Remark::Pruned { pruned: 15, finished: 150, is_most: false }));
    assert!(remarks.contains(&Remark::Repeated { repeated: 145, finished: 150 }));
    assert!(remarks.iter().any(|remark| matches!(remark, Remark::Standstill { since: 120.., finished: 150 })), "{remarks:?}");
    assert!(!remarks.iter().any(|remark| matches!(remark, Remark::FewTrials { .. })));
}

#[test]
fn histories_that_tell_nothing_say_so_and_give_no_advice() {
    let space = space(vec![("x", float(0.0, 1.0, false)), ("y", float(0.0, 1.0, false))]);
    let all = |outcome: Outcome, value: f64, count: u32| {
        let columns = run(&space, &SamplerConfig::Random, 1, count, |_, _| (outcome, value));
        ask(&space, &columns)
    };
    let cases = [
        (all(Outcome::Complete, 0.0, 0), Remark::NothingToJudge),
        (all(Outcome::Failed, 0.0, 60), Remark::NothingToJudge),
        (all(Outcome::Complete, f64::NAN, 60), Remark::NothingToJudge),
        (all(Outcome::Complete, 2.0, 60), Remark::AllEqual),
        (all(Outcome::Complete, f64::INFINITY, 60), Remark::AllEqual),
        (all(Outcome::Complete, 2.0, 1), Remark::FewTrials { judged: 1, enough: 30 }),
    ];
    for (explanation, remark) in cases {
        assert!(explanation.remarks.contains(&remark), "{remark:?} {:?}", explanation.remarks);
        assert!(explanation.advice.is_empty() && explanation.regions.is_empty(), "{explanation:?}");
    }
}

#[test]
fn constraints_that_nothing_holds_are_remarked() {
    let space = space(vec![("x", float(0.0, 1.0, false))]);
    let mut columns = Columns::default();
    for number in 0..40 {
        let params = vec![f64::from(number) / 40.0];
        let values = params.clone();
        columns.push(Row {
            number,
            outcome: Outcome::Complete,
            params,
            values,
            violation: 1.0,
            last_step: None,
            last_value: f64::NAN,
        });
    }
    let explanation = ask(&space, &columns);
    assert_eq!((explanation.counts.infeasible, explanation.remarks[0]), (40, Remark::NothingFeasible { complete: 40 }));
    assert!(explanation.advice.is_empty());
}

#[test]
fn every_finding_has_a_sentence() {
    let options = Distribution::Categorical { choices: vec!["sgd".into(), "adam".into()] };
    let space = space(vec![("rate", float(1e-5, 1e-1, true)), ("optimizer", options)]);
    let sentences = [
        Advice::Widen { parameter: 0, side: Side::Low, crowd: 9, good: 12 }.sentence(&space),
        Advice::Narrow { parameter: 0, low: 1.234_567e-4, high: 0.02 }.sentence(&space),
        Advice::Fix { parameter: 0, at: 0.012_345 }.sentence(&space),
        Advice::Drop { parameter: 1, options: vec![0] }.sentence(&space),
        Region { parameter: 0, good: 3, place: Where::Range { low: 1e-4, high: 1e-3, share: 0.25 } }.sentence(&space),
    ];
    assert_eq!(
        sentences,
        [
            "widen `rate`: 9 of 12 good trials lie at its lower bound 1e-5, the best may lie beyond",
            "narrow `rate` to 0.000123 … 0.02: the good trials lie within",
            "fix `rate`, for instance at the best trial's 0.0123: it hardly matters",
            "drop `sgd` from `optimizer`: no good trial has it",
            "good trials have `rate` from 0.0001 to 0.001, 25 % of its range",
        ]
    );
    let options = vec![OptionShare { option: 1, of_good: 0.9, of_all: 0.5, trials: 50 }];
    let region = Region { parameter: 1, good: 10, place: Where::Options(options) };
    assert_eq!(region.sentence(&space), "good trials have `optimizer` `adam` in 90 % (of all trials 50 %)");
}

#[test]
fn short_numbers_keep_three_digits() {
    let cases = [
        (0.0, "0"),
        (1.0, "1"),
        (0.000_123_456, "0.000123"),
        (1.2e-7, "1.2e-7"),
        (123_456.0, "123456"),
        (-0.5, "-0.5"),
        (2e9, "2e9"),
    ];
    for (number, text) in cases {
        assert_eq!(short_number(number), text);
    }
}
