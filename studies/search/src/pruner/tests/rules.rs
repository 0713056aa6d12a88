//! Percentile, threshold, patience and the signed-rank test.

use super::*;

#[test]
fn percentile_lets_the_best_quarter_go_on() {
    let config = PrunerConfig::Percentile { percentile: 25.0, startup_trials: 1, warmup_steps: 0, interval: 1 };
    let mut state = minimise(&config);
    for number in 0..5 {
        state.finish(number, Outcome::Complete, &[(1, f64::from(number))]);
    }
    assert!(!is_pruned(&state, 9, &[(1, 1.0)]));
    assert!(is_pruned(&state, 9, &[(1, 1.01)]));
    let Verdict::Prune { reason } = state.judge(9, &[(1, 3.0)]) else { panic!() };
    assert_eq!(reason, "percentile 25: best 3 at step 1 is behind 1");
}

#[test]
fn percentile_maximises_the_best_share_too() {
    let config = PrunerConfig::Percentile { percentile: 40.0, startup_trials: 1, warmup_steps: 0, interval: 1 };
    let mut state = PrunerState::new(&config, Direction::Maximize);
    for number in 0..6 {
        state.finish(number, Outcome::Complete, &[(1, f64::from(number))]);
    }
    assert!(!is_pruned(&state, 9, &[(1, 3.0)]));
    assert!(is_pruned(&state, 9, &[(1, 2.9)]));
}

#[test]
fn threshold_stops_outside_its_bounds_and_without_a_number() {
    let bounds = |lower, upper| minimise(&PrunerConfig::Threshold { lower, upper, warmup_steps: 2, interval: 1 });
    let table: &[(Option<f64>, Option<f64>, f64, bool)] = &[
        (None, None, f64::INFINITY, false),
        (None, None, NAN, true),
        (Some(0.0), None, -0.1, true),
        (Some(0.0), None, 0.0, false),
        (None, Some(1.0), 1.1, true),
        (None, Some(1.0), 1.0, false),
        (None, Some(1.0), f64::INFINITY, true),
    ];
    for &(lower, upper, value, pruned) in table {
        assert_eq!(is_pruned(&bounds(lower, upper), 0, &[(1, 0.5), (2, value)]), pruned, "{value}");
        assert!(!is_pruned(&bounds(lower, upper), 0, &[(1, value)]), "the warm-up");
    }
}

#[test]
fn threshold_bounds_are_values_whatever_the_direction() {
    let config = PrunerConfig::Threshold { lower: Some(0.2), upper: None, warmup_steps: 0, interval: 1 };
    let state = PrunerState::new(&config, Direction::Maximize);
    assert!(is_pruned(&state, 0, &[(1, 0.1)]));
    assert!(!is_pruned(&state, 0, &[(1, 0.3)]));
}

fn patience(patience: i64, min_delta: f64, pruner: Option<PrunerConfig>) -> PrunerState {
    minimise(&PrunerConfig::Patience { patience, min_delta, pruner: pruner.map(Box::new) })
}

#[test]
fn patience_ends_when_nothing_improves_over_its_steps() {
    let curve = |values: &[f64]| (1..).zip(values.iter().copied()).collect::<Vec<(i64, f64)>>();
    // patience, least improvement, values, whether it is pruned at the last one
    let table: &[(i64, f64, &[f64], bool)] = &[
        (2, 0.0, &[], false),
        (2, 0.0, &[3.0], false),
        (2, 0.0, &[3.0, 3.0], false),
        (2, 0.0, &[3.0, 3.0, 3.0], true),
        (2, 0.0, &[3.0, 3.0, 2.9], false),
        (2, 0.0, &[3.0, 2.9, 4.0], false),
        (2, 0.0, &[3.0, 2.9, 4.0, 5.0], true),
        (2, 0.5, &[3.0, 2.9, 2.6], true),
        (2, 0.5, &[3.0, 2.9, 2.5], false),
        (2, 0.0, &[NAN, NAN, NAN], true),
        (2, 0.0, &[NAN, NAN, 1.0], false),
        (2, 0.0, &[1.0, NAN, NAN], true),
        (2, 0.0, &[f64::INFINITY, f64::INFINITY, 5.0], false),
        (i64::MAX, 0.0, &[1.0, 1.0, 1.0], false),
    ];
    for &(steps, min_delta, values, pruned) in table {
        assert_eq!(is_pruned(&patience(steps, min_delta, None), 0, &curve(values)), pruned, "{values:?}");
    }
}

#[test]
fn patience_is_counted_in_steps_and_not_in_reports() {
    let state = patience(100, 0.0, None);
    assert!(!is_pruned(&state, 0, &[(0, 1.0), (1, 1.0), (2, 1.0), (99, 1.0)]));
    assert!(is_pruned(&state, 0, &[(0, 1.0), (100, 1.0)]));
}

#[test]
fn patience_asks_the_pruner_inside() {
    let mut state = patience(2, 0.0, Some(asha(3, 2, None)));
    rung(&mut state, 3, &[1.0, 2.0]);
    assert!(state.needs_step(3));
    assert!(is_pruned(&state, 9, &[(1, 5.0), (2, 5.0), (3, 5.0)]));
    assert!(!is_pruned(&state, 9, &[(1, 0.5), (2, 0.5), (3, 0.5)]), "among the best");
    assert!(!is_pruned(&state, 9, &[(1, 9.0), (2, 6.0), (3, 5.0)]), "still improving");
}

fn wilcoxon(p_threshold: f64, startup_steps: u32) -> PrunerState {
    minimise(&PrunerConfig::Wilcoxon { p_threshold, startup_steps })
}

/// Values at steps 0, 1, 2, …
fn folds(values: &[f64]) -> Vec<(i64, f64)> {
    (0..).zip(values.iter().copied()).collect()
}

#[test]
fn wilcoxon_stops_what_is_worse_than_the_best_fold_by_fold() {
    let mut state = wilcoxon(0.1, 2);
    assert!(!is_pruned(&state, 1, &folds(&[9.0; 6])), "nothing to compare with");
    state.finish(0, Outcome::Complete, &folds(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert!(!is_pruned(&state, 1, &folds(&[1.5, 2.6, 3.7])), "p is 1/8");
    assert!(!is_pruned(&state, 1, &folds(&[1.5, 2.6, 3.7, 4.8])), "its mean is still ahead of the whole best trial");
    assert!(is_pruned(&state, 1, &folds(&[3.5, 4.6, 5.7, 6.8])), "p is 1/16");
    assert!(!is_pruned(&state, 1, &folds(&[3.5, 4.6, 5.7, 3.0])));
    let elsewhere: Vec<(i64, f64)> = (100..110).map(|step| (step, 99.0)).collect();
    assert!(!is_pruned(&state, 1, &elsewhere), "no step in common");
    assert!(!is_pruned(&wilcoxon(0.1, 5), 1, &folds(&[9.0; 4])));
}

#[test]
fn wilcoxon_compares_with_the_best_final_value() {
    let mut state = wilcoxon(0.1, 2);
    state.finish_all(0, Outcome::Complete, &[folds(&[5.0; 5])], &[5.0]);
    state.finish_all(1, Outcome::Complete, &[folds(&[9.0; 5])], &[1.0]);
    state.finish_all(2, Outcome::Complete, &[folds(&[0.0; 5])], &[NAN]);
    state.finish_all(3, Outcome::Pruned, &[folds(&[0.0; 5])], &[0.0]);
    assert!(!is_pruned(&state, 7, &folds(&[8.0; 5])));
    assert!(is_pruned(&state, 7, &folds(&[10.0; 5])));
}

#[test]
fn mistakes_in_settings_are_named() {
    let text = |config: PrunerConfig| config.validate().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let percentile = |percentile| PrunerConfig::Percentile { percentile, startup_trials: 0, warmup_steps: 0, interval: 1 };
    assert_eq!(text(percentile(100.0)), "pruner setting `percentile` must be above 0 and below 100, not `100`");
    assert_eq!(percentile(NAN).validate().len(), 1);
    let bounds = |lower, upper| PrunerConfig::Threshold { lower, upper, warmup_steps: 0, interval: 1 };
    assert_eq!(text(bounds(Some(2.0), Some(1.0))), "pruner setting `lower` must be at most `upper`, not `2`");
    assert_eq!(text(bounds(Some(2.0), None)), "");
    let inside = PrunerConfig::Patience { patience: 0, min_delta: -1.0, pruner: Some(Box::new(asha(1, 1, None))) };
    assert_eq!(inside.validate().iter().map(PrunerError::setting).collect::<Vec<_>>(), ["patience", "min_delta", "reduction"]);
    let curve = |error_rate, control| PrunerConfig::LearningCurve { error_rate, startup_trials: 0, control, min_steps: 1 };
    assert_eq!(text(curve(0.0, 0.1)), "pruner setting `error_rate` must be above 0 and below 1, not `0`");
    assert_eq!(text(curve(0.1, 0.0)), "pruner setting `control` must be above 0 and at most 1, not `0`");
}
