mod budgets;
mod curves;
mod objectives;
mod rules;
mod waiting;

use proptest::prelude::*;

use super::*;
use crate::columns::Outcome;

const NAN: f64 = f64::NAN;

fn asha(min_steps: i64, reduction: u32, max_steps: Option<i64>) -> PrunerConfig {
    PrunerConfig::Asha { min_steps: Some(min_steps), reduction, max_steps, early_stopping_rate: 0, promotion: Promotion::Stop }
}

fn median(startup_trials: u32, warmup_steps: i64, interval: i64) -> PrunerConfig {
    PrunerConfig::Median { startup_trials, warmup_steps, interval }
}

fn minimise(config: &PrunerConfig) -> PrunerState {
    PrunerState::new(config, Direction::Minimize)
}

fn is_pruned(state: &PrunerState, number: u32, curve: &[(i64, f64)]) -> bool {
    state.judge(number, curve) != Verdict::Continue
}

/// Records single values at `step`, one trial each, numbered from 0.
fn rung(state: &mut PrunerState, step: i64, values: &[f64]) {
    for (number, &value) in (0..).zip(values) {
        state.record(number, &[(step, value)]);
    }
}

#[test]
fn asha_lets_the_best_share_go_on() {
    // others at the rung, own value, whether it is pruned; reduction 3
    let table: &[(&[f64], f64, bool)] = &[
        (&[], 9.0, false),
        (&[1.0], 2.0, true),
        (&[1.0], 1.0, false),
        (&[2.0], 1.0, false),
        (&[1.0, 2.0, 3.0, 4.0], 1.5, true),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], 1.5, false),
        (&[1.0, 2.0, 3.0, 4.0, 5.0], 2.5, true),
        (&[], NAN, false),
        (&[NAN], NAN, true),
        (&[NAN, NAN], 5.0, false),
        (&[f64::INFINITY], NAN, true),
        (&[NAN], f64::INFINITY, false),
    ];
    for (others, own, pruned) in table {
        let mut state = minimise(&asha(2, 3, None));
        rung(&mut state, 2, others);
        assert_eq!(is_pruned(&state, 99, &[(2, *own)]), *pruned, "{own} against {others:?}");
    }
}

#[test]
fn asha_maximises_too() {
    let mut state = PrunerState::new(&asha(1, 2, None), Direction::Maximize);
    rung(&mut state, 1, &[0.9, 0.8, 0.1]);
    assert!(!is_pruned(&state, 9, &[(1, 0.85)]));
    assert!(is_pruned(&state, 9, &[(1, 0.5)]));
}

#[test]
fn asha_judges_only_where_a_rung_is_first_reached() {
    let mut state = minimise(&asha(2, 2, None));
    for step in [2, 4, 8] {
        rung(&mut state, step, &[0.0, 0.0, 0.0, 0.0]);
    }
    let bad = |steps: &[i64]| steps.iter().map(|&step| (step, 1.0)).collect::<Vec<_>>();
    for (steps, pruned) in [
        (&[1][..], false),
        (&[2], true),
        (&[1, 3], true),
        (&[2, 3], false),
        (&[2, 3, 4], true),
        (&[3, 5], true),
        (&[4, 5, 7], false),
        (&[1, 100], true),
    ] {
        assert_eq!(is_pruned(&state, 99, &bad(steps)), pruned, "{steps:?}");
    }
}

#[test]
fn asha_verdict_is_the_same_before_and_after_recording_and_on_a_retry() {
    let mut state = minimise(&asha(1, 2, None));
    rung(&mut state, 1, &[1.0, 2.0, 3.0]);
    for value in [1.5, 2.5, NAN] {
        let before = state.judge(7, &[(1, value)]);
        let mut after = state.clone();
        after.record(7, &[(1, value)]);
        after.record(7, &[(1, value)]);
        assert_eq!(after.judge(7, &[(1, value)]), before);
        after.record(7, &[(1, 0.0)]);
        assert_eq!(after.judge(7, &[(1, value)]), before, "its own earlier value is no rival");
    }
}

#[test]
fn asha_counts_a_re_reported_step_once_with_its_latest_value() {
    let mut twice = minimise(&asha(1, 2, None));
    twice.record(0, &[(1, 5.0)]);
    twice.record(0, &[(1, 1.0)]);
    let mut once = minimise(&asha(1, 2, None));
    once.record(0, &[(1, 1.0)]);
    assert_eq!(twice, once);
    assert!(is_pruned(&twice, 1, &[(1, 3.0)]));
}

#[test]
fn asha_stops_below_max_steps_and_skips_early_rungs() {
    let config = PrunerConfig::Asha {
        min_steps: Some(1),
        reduction: 3,
        max_steps: Some(27),
        early_stopping_rate: 1,
        promotion: Promotion::Stop,
    };
    let state = minimise(&config);
    let needed: Vec<i64> = (0..100).filter(|&step| state.needs_step(step)).collect();
    assert_eq!(needed, [3, 9]);
    let endless = minimise(&asha(i64::MAX / 2, u32::MAX, None));
    assert!(endless.needs_step(i64::MAX / 2) && !endless.needs_step(i64::MAX));
}

#[test]
fn a_ladder_begins_at_the_square_of_its_reduction_below_its_end() {
    let rungs = |text: &str| {
        let state = minimise(&serde_json::from_str(text).unwrap());
        (0..200).filter(|&step| state.needs_step(step)).collect::<Vec<i64>>()
    };
    assert_eq!(rungs(r#"{"kind":"asha","max_steps":27}"#), [3, 9]);
    assert_eq!(rungs(r#"{"kind":"halving","max_steps":100,"reduction":4}"#), [6, 24, 96]);
    assert_eq!(rungs(r#"{"kind":"asha","max_steps":5}"#), [1, 3]);
    assert_eq!(rungs(r#"{"kind":"asha"}"#), [1, 3, 9, 27, 81]);
    assert_eq!(rungs(r#"{"kind":"hyperband","max_steps":27}"#), [1, 3, 9]);
}

#[test]
fn the_report_that_passes_a_rung_must_be_kept() {
    let state = minimise(&asha(4, 2, None));
    assert!(state.needs_point(None, 5));
    assert!(state.needs_point(Some(3), 5));
    assert!(!state.needs_point(Some(4), 5));
    assert!(!state.needs_point(None, 3));
    assert!(!minimise(&PrunerConfig::None).needs_point(None, 3));
}

/// Five completed trials whose bests are 1 to 5 from step 1 on, and half of that from step 10 on.
fn five_completed(config: &PrunerConfig) -> PrunerState {
    let mut state = minimise(config);
    for number in 1..=5 {
        let value = f64::from(number);
        state.finish(number, Outcome::Complete, &[(1, value), (5, 9.0), (10, value / 2.0)]);
    }
    state
}

#[test]
fn median_compares_bests_so_far_at_the_same_step() {
    let state = five_completed(&median(5, 0, 1));
    let table: &[(&[(i64, f64)], bool)] = &[
        (&[(0, 99.0)], false),
        (&[(1, 3.0)], false),
        (&[(1, 3.1)], true),
        (&[(5, 3.1)], true),
        (&[(1, 2.0), (5, 99.0)], false),
        (&[(7, 2.9)], false),
        (&[(10, 2.9)], true),
        (&[(10, 1.5)], false),
        (&[(1_000, 1.6)], true),
        (&[(1, NAN)], true),
        (&[(1, 2.0), (2, NAN)], false),
        (&[], false),
    ];
    for (curve, pruned) in table {
        assert_eq!(is_pruned(&state, 99, curve), *pruned, "{curve:?}");
    }
}

#[test]
fn median_waits_for_startup_warmup_and_interval() {
    assert!(!is_pruned(&five_completed(&median(6, 0, 1)), 99, &[(1, 99.0)]));
    let warm = five_completed(&median(5, 4, 1));
    assert!(!is_pruned(&warm, 99, &[(3, 99.0)]));
    assert!(is_pruned(&warm, 99, &[(4, 99.0)]));
    let every_ten = five_completed(&median(5, 0, 10));
    assert!(is_pruned(&every_ten, 99, &[(3, 99.0)]));
    assert!(!is_pruned(&every_ten, 99, &[(3, 99.0), (9, 99.0)]));
    assert!(is_pruned(&every_ten, 99, &[(3, 99.0), (11, 99.0)]));
}

#[test]
fn median_learns_from_completed_trials_once() {
    let state = five_completed(&median(5, 0, 1));
    let mut more = state.clone();
    more.finish(1, Outcome::Complete, &[(1, 99.0)]);
    for outcome in [Outcome::Pruned, Outcome::Failed, Outcome::Cancelled] {
        more.finish(50, outcome, &[(1, 0.0)]);
    }
    assert_eq!(more, state);
}

#[test]
fn median_of_an_even_number_is_the_mean_of_the_middle_two() {
    let mut state = minimise(&median(1, 0, 1));
    state.finish(0, Outcome::Complete, &[(1, 1.0)]);
    state.finish(1, Outcome::Complete, &[(1, 2.0)]);
    assert!(!is_pruned(&state, 9, &[(1, 1.5)]));
    assert!(is_pruned(&state, 9, &[(1, 1.6)]));
    let mut diverged = minimise(&median(1, 0, 1));
    diverged.finish(0, Outcome::Complete, &[(1, 1.0)]);
    diverged.finish(1, Outcome::Complete, &[(1, NAN)]);
    assert!(!is_pruned(&diverged, 9, &[(1, 100.0)]), "the worse of the two is no number");
}

#[test]
fn median_memory_is_bounded_when_no_two_trials_report_at_the_same_step() {
    let mut state = minimise(&median(1, 0, 1));
    for number in 0..40 {
        let offset = i64::from(number);
        let curve: Vec<_> = (0..100).map(|at| (at * 40 + offset, 100.0 - at as f64)).collect();
        state.finish(number, Outcome::Complete, &curve);
    }
    assert!(is_pruned(&state, 99, &[(2_000, 60.0)]), "half of the way the bests are about 50");
    assert!(!is_pruned(&state, 99, &[(2_000, 40.0)]));
    state.finish(100, Outcome::Complete, &[(i64::MIN, 1.0), (0, 1.0), (i64::MAX, 0.0)]);
    assert!(!is_pruned(&state, 99, &[(i64::MAX, 0.5)]));
}

/// One of each kind that has settings worth varying, besides the defaults.
fn every_config() -> Vec<PrunerConfig> {
    let defaults = PrunerConfig::KINDS.iter().filter_map(|kind| PrunerConfig::from_kind(kind));
    let resume = |config: PrunerConfig| match config {
        PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, .. } => {
            PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, promotion: Promotion::Resume }
        }
        PrunerConfig::Halving { min_steps, reduction, max_steps, early_stopping_rate, .. } => {
            let promotion = Promotion::Resume;
            PrunerConfig::Halving { min_steps, reduction, max_steps, early_stopping_rate, cohort: 4, promotion }
        }
        PrunerConfig::Hyperband { min_steps, reduction, max_steps, brackets, .. } => {
            PrunerConfig::Hyperband { min_steps, reduction, max_steps, brackets, promotion: Promotion::Resume }
        }
        other => other,
    };
    let bounds = PrunerConfig::Threshold { lower: Some(-1.0), upper: Some(7.5), warmup_steps: 2, interval: 3 };
    let wrapped = PrunerConfig::Patience { patience: 2, min_delta: 0.5, pruner: Some(Box::new(asha(1, 2, None))) };
    let eager = PrunerConfig::LearningCurve { error_rate: 0.5, startup_trials: 2, control: 0.3, min_steps: 1 };
    defaults.clone().chain(defaults.map(resume)).chain([bounds, wrapped, eager]).collect()
}

#[test]
fn settings_are_checked_by_name() {
    for kind in PrunerConfig::KINDS {
        let config = PrunerConfig::from_kind(kind).unwrap();
        assert_eq!((config.name(), config.validate()), (*kind, Vec::new()));
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<PrunerConfig>(&json).unwrap(), config);
    }
    let errors = asha(0, 1, Some(0)).validate();
    let settings: Vec<&str> = errors.iter().map(PrunerError::setting).collect();
    assert_eq!(settings, ["min_steps", "reduction", "max_steps"]);
    assert_eq!(errors[1].to_string(), "pruner setting `reduction` must be at least 2, not `1`");
    assert_eq!(median(0, -1, 0).validate().len(), 2);
    let parsed: PrunerConfig = serde_json::from_str(r#"{"kind":"asha","min_steps":2}"#).unwrap();
    assert_eq!(parsed, asha(2, 3, None));
}

#[test]
fn state_survives_bytes() {
    let mut state = minimise(&asha(1, 2, Some(100)));
    rung(&mut state, 1, &[1.0, NAN, 0.5]);
    let packed = rmp_serde::to_vec(&state).unwrap();
    assert_eq!(rmp_serde::from_slice::<PrunerState>(&packed).unwrap(), state);
}

/// Plays reports of several trials in the order given; returns the state and each trial's verdicts by step.
fn play(curves: &[Vec<(i64, f64)>], order: &[usize]) -> PrunerState {
    let mut state = minimise(&asha(1, 2, None));
    let mut told = vec![0; curves.len()];
    for &trial in order {
        let trial = trial % curves.len();
        if told[trial] < curves[trial].len() {
            told[trial] += 1;
            state.record(trial as u32, &curves[trial][..told[trial]]);
        }
    }
    for (trial, curve) in curves.iter().enumerate() {
        state.finish(trial as u32, Outcome::Complete, curve);
    }
    state
}

proptest! {
    #[test]
    fn interleaving_of_reports_leaves_no_trace(
        values in prop::collection::vec(prop::collection::vec(0..9_i32, 1..12), 1..8),
        one in prop::collection::vec(any::<usize>(), 0..80),
        other in prop::collection::vec(any::<usize>(), 0..80),
    ) {
        let curve = |values: &Vec<i32>| (1..).zip(values.iter().copied().map(f64::from)).collect();
        let curves: Vec<Vec<(i64, f64)>> = values.iter().map(curve).collect();
        let (one, other) = (play(&curves, &one), play(&curves, &other));
        prop_assert_eq!(&one, &other);
        for value in 0..9 {
            let newcomer = [(1, f64::from(value))];
            prop_assert_eq!(one.judge(99, &newcomer), other.judge(99, &newcomer));
        }
    }

    #[test]
    fn median_agrees_with_its_definition(
        values in prop::collection::vec(prop::collection::vec((1..4_i64, 0..9_i32), 1..8), 1..12),
        step in 1..30_i64,
        own in 0..9_i32,
    ) {
        let mut state = minimise(&median(1, 0, 1));
        let mut bests = Vec::new();
        for (number, gaps) in (0..).zip(&values) {
            let mut at = 0;
            let curve: Vec<(i64, f64)> = gaps
                .iter()
                .map(|&(gap, value)| {
                    at += gap;
                    (at, f64::from(value))
                })
                .collect();
            state.finish(number, Outcome::Complete, &curve);
            let reached = curve.iter().filter(|point| point.0 <= step).map(|point| point.1);
            bests.extend(reached.reduce(f64::min));
        }
        bests.sort_by(f64::total_cmp);
        let expected = !bests.is_empty() && {
            let middle = (bests[(bests.len() - 1) / 2] + bests[bests.len() / 2]) / 2.0;
            f64::from(own) > middle
        };
        prop_assert_eq!(is_pruned(&state, 99, &[(step, f64::from(own))]), expected);
    }
}

/// Plays reports and ends; pauses and resumes as the verdicts say.
fn play_through(config: &PrunerConfig, curves: &[Vec<(i64, f64)>], order: &[usize]) -> (PrunerState, Vec<Verdict>) {
    let mut state = PrunerState::new(config, Direction::Minimize);
    let mut told = vec![0; curves.len()];
    let mut verdicts = Vec::new();
    for &trial in order {
        let (number, curve) = (trial as u32 % curves.len() as u32, &curves[trial % curves.len()]);
        let at = &mut told[number as usize];
        if *at == usize::MAX || state.paused().contains(&number) {
            if let Some(next) = state.promotable(false).first() {
                state.resume(next.number);
            }
            continue;
        }
        *at += 1;
        let so_far = &curve[..(*at).min(curve.len())];
        let verdict = state.judge(number, so_far);
        state.record(number, so_far);
        assert_eq!(state.judge(number, so_far), verdict, "recording changes no verdict");
        match &verdict {
            Verdict::Pause { step, .. } => state.pause(number, *step),
            Verdict::Prune { .. } => {
                state.finish(number, Outcome::Pruned, so_far);
                *at = usize::MAX;
            }
            Verdict::Continue if *at >= curve.len() => {
                state.finish(number, Outcome::Complete, so_far);
                *at = usize::MAX;
            }
            Verdict::Continue => {}
        }
        verdicts.push(verdict);
    }
    (state, verdicts)
}

const ODD: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 5e-324];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_rule_repeats_itself_survives_bytes_and_strange_numbers(
        cells in prop::collection::vec(prop::collection::vec(0..16_usize, 1..14), 1..10),
        order in prop::collection::vec(0..1000_usize, 0..150),
    ) {
        let value = |cell: usize| ODD.get(cell).copied().unwrap_or(cell as f64);
        let curve = |cells: &Vec<usize>| (1..).zip(cells.iter().map(|&cell| value(cell))).collect();
        let curves: Vec<Vec<(i64, f64)>> = cells.iter().map(curve).collect();
        for config in every_config() {
            let (state, verdicts) = play_through(&config, &curves, &order);
            prop_assert_eq!(&play_through(&config, &curves, &order), &(state.clone(), verdicts.clone()));
            let packed = rmp_serde::to_vec(&state).unwrap();
            prop_assert_eq!(&rmp_serde::from_slice::<PrunerState>(&packed).unwrap(), &state);
            let pauses = verdicts.iter().any(|verdict| matches!(verdict, Verdict::Pause { .. }));
            prop_assert!(!pauses || config.pauses());
            let waiting: Vec<u32> = state.paused();
            prop_assert!(state.promotable(true).iter().all(|found| waiting.contains(&found.number)));
        }
    }
}
