//! Trials that wait at rungs: ASHA, successive halving by cohorts and Hyperband.

use super::*;

fn resuming(min_steps: i64, reduction: u32, max_steps: Option<i64>) -> PrunerConfig {
    let min_steps = Some(min_steps);
    PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate: 0, promotion: Promotion::Resume }
}

/// Judges and records a point, and does as the verdict says. Returns whether the trial goes on.
fn report(state: &mut PrunerState, number: u32, curve: &[(i64, f64)]) -> bool {
    let verdict = state.judge(number, curve);
    state.record(number, curve);
    match verdict {
        Verdict::Continue => true,
        Verdict::Pause { step, .. } => {
            state.pause(number, step);
            false
        }
        Verdict::Prune { .. } => {
            state.finish(number, Outcome::Pruned, curve);
            false
        }
    }
}

fn promotable(state: &PrunerState, closing: bool) -> Vec<(u32, i64)> {
    state.promotable(closing).iter().map(|found| (found.number, found.step)).collect()
}

#[test]
fn asha_wakes_a_trial_when_enough_worse_ones_have_come() {
    let mut state = minimise(&resuming(1, 3, None));
    assert!(!report(&mut state, 0, &[(1, 5.0)]), "the first one waits too");
    assert!(!report(&mut state, 1, &[(1, 7.0)]));
    assert_eq!((promotable(&state, false), promotable(&state, true)), (vec![], vec![(0, 1)]));
    assert!(!report(&mut state, 2, &[(1, 6.0)]));
    assert_eq!(promotable(&state, false), [(0, 1)]);
    state.resume(0);
    assert_eq!((promotable(&state, false), state.paused()), (vec![], vec![2, 1]));
    assert!(report(&mut state, 3, &[(1, 4.0)]), "the best of four goes on at once");
    assert!(!report(&mut state, 0, &[(1, 5.0), (2, 5.0), (3, 5.0)]), "and waits at the next rung");
    for number in 4..8 {
        report(&mut state, number, &[(1, 8.0)]);
    }
    assert_eq!(promotable(&state, false), [], "two of eight have gone on");
    report(&mut state, 8, &[(1, 9.0)]);
    assert_eq!(promotable(&state, false), [(2, 1)]);
}

#[test]
fn higher_rungs_and_better_trials_are_resumed_first() {
    let mut state = minimise(&resuming(1, 2, None));
    for (number, value) in [(0, 4.0), (1, 3.0), (2, 2.0), (3, 1.0)] {
        state.record(number, &[(1, value)]);
        state.pause(number, 1);
    }
    for (number, value) in [(4, 0.5), (5, 0.4)] {
        state.record(number, &[(1, value), (2, value)]);
        state.pause(number, 2);
    }
    assert_eq!(promotable(&state, false), [(5, 2), (3, 1)], "three of six go on at the first rung, two of them have");
}

#[test]
fn a_report_past_several_rungs_waits_until_it_is_good_enough_for_all() {
    let mut state = minimise(&resuming(1, 2, None));
    state.record(1, &[(1, 9.0), (2, 1.0)]);
    state.record(2, &[(1, 9.0), (2, 1.0)]);
    assert!(!report(&mut state, 0, &[(3, 5.0)]));
    assert_eq!(state.judge(0, &[(3, 5.0)]), state.judge(0, &[(3, 5.0)]));
    assert_eq!(promotable(&state, false), []);
    state.record(3, &[(1, 9.0), (2, 9.0)]);
    state.record(4, &[(1, 9.0), (2, 9.0)]);
    state.record(5, &[(1, 9.0), (2, 9.0)]);
    assert_eq!(promotable(&state, false), [(0, 2)], "third of six at step 2");
}

#[test]
fn a_resumed_trial_that_starts_over_is_not_paused_again() {
    let mut state = minimise(&resuming(1, 2, None));
    assert!(!report(&mut state, 0, &[(1, 5.0)]));
    assert!(!report(&mut state, 1, &[(1, 6.0)]));
    state.resume(0);
    assert!(!report(&mut state, 2, &[(1, 1.0)]) || state.judge(0, &[(1, 5.0)]) == Verdict::Continue);
    assert!(report(&mut state, 0, &[(1, 5.0)]));
}

#[test]
fn a_trial_that_ends_while_it_waits_is_not_resumed() {
    let mut state = minimise(&resuming(1, 2, None));
    assert!(!report(&mut state, 0, &[(1, 5.0)]));
    state.finish(0, Outcome::Cancelled, &[(1, 5.0)]);
    report(&mut state, 1, &[(1, 6.0)]);
    assert_eq!(promotable(&state, true), []);
}

fn halving(promotion: Promotion) -> PrunerState {
    let (max_steps, early_stopping_rate) = (Some(9), 0);
    minimise(&PrunerConfig::Halving { min_steps: Some(1), reduction: 2, max_steps, early_stopping_rate, cohort: 4, promotion })
}

#[test]
fn halving_stops_when_it_is_certain_that_a_trial_falls() {
    let mut state = halving(Promotion::Stop);
    assert!(report(&mut state, 0, &[(1, 5.0)]));
    assert!(report(&mut state, 1, &[(1, 4.0)]), "two of four survive");
    assert!(!report(&mut state, 2, &[(1, 6.0)]), "two are better");
    assert!(report(&mut state, 3, &[(1, 4.5)]));
    assert!(!report(&mut state, 0, &[(1, 5.0), (2, 0.0)]), "two better ones have come since");
    assert!(report(&mut state, 4, &[(1, 99.0)]), "another cohort");
}

#[test]
fn halving_waits_for_its_cohort_and_lets_exactly_the_survivors_go_on() {
    let mut state = halving(Promotion::Resume);
    assert!(!report(&mut state, 0, &[(1, 5.0)]));
    assert!(!report(&mut state, 1, &[(1, 4.0)]));
    assert_eq!(promotable(&state, false), []);
    assert_eq!(promotable(&state, true), [(1, 1), (0, 1)]);
    assert!(!report(&mut state, 2, &[(1, 6.0)]), "two are better: it ends");
    assert_eq!((promotable(&state, false), state.paused().len()), (vec![(1, 1)], 2), "only one more can come");
    state.finish(3, Outcome::Failed, &[]);
    assert_eq!(promotable(&state, false), [(1, 1), (0, 1)], "nobody else comes");
    state.resume(1);
    assert!(!report(&mut state, 1, &[(1, 4.0), (2, 3.0)]), "one of two survives the second rung");
    state.resume(0);
    assert!(!report(&mut state, 0, &[(1, 5.0), (2, 4.0)]));
    assert_eq!(promotable(&state, false), [(1, 2)]);
}

#[test]
fn halving_names_waiting_trials_that_others_have_overtaken() {
    let mut state = halving(Promotion::Resume);
    for (number, value) in [(0, 5.0), (1, 4.0), (2, 3.0)] {
        report(&mut state, number, &[(1, value)]);
    }
    let hopeless: Vec<u32> = state.hopeless().iter().map(|found| found.number).collect();
    assert_eq!(hopeless, [0]);
    state.finish(0, Outcome::Pruned, &[(1, 5.0)]);
    assert_eq!((state.hopeless(), state.paused()), (vec![], vec![1]), "the third one is certain to survive and never waited");
}

fn hyperband(max_steps: Option<i64>, brackets: Option<u32>) -> PrunerConfig {
    PrunerConfig::Hyperband { min_steps: 1, reduction: 3, max_steps, brackets, promotion: Promotion::Stop }
}

#[test]
fn hyperband_gives_all_brackets_about_the_same_budget() {
    let state = minimise(&hyperband(Some(27), None));
    let mut counts = [0_u32; 4];
    for number in 0..1_000 {
        counts[state.bracket(number).unwrap()] += 1;
    }
    // Hyperband's own cohorts, for 27 steps and a reduction of 3, are 27, 12, 6 and 4 trials, rounded up.
    let shares = [27.0 / 4.0, 9.0 / 3.0, 3.0 / 2.0, 1.0].map(|weight: f64| weight / 12.25 * 1_000.0);
    for (count, share) in counts.into_iter().zip(shares) {
        assert!((f64::from(count) - share).abs() < 3.0, "{count} {share}");
    }
    assert_eq!(minimise(&hyperband(None, None)).bracket(0), Some(0));
    assert_eq!(minimise(&asha(1, 3, None)).bracket(0), None);
}

#[test]
fn hyperband_brackets_begin_at_later_rungs_and_keep_to_themselves() {
    let mut state = minimise(&hyperband(None, Some(2)));
    let numbers =
        |bracket, state: &PrunerState| (0..20).filter(|&number| state.bracket(number) == Some(bracket)).collect::<Vec<u32>>();
    let (early, late) = (numbers(0, &state), numbers(1, &state));
    assert!(early.len() > late.len() && late.len() > 2);
    for &number in &early[..3] {
        state.record(number, &[(1, 0.0), (3, 0.0)]);
    }
    assert!(is_pruned(&state, early[3], &[(1, 9.0)]));
    assert!(!is_pruned(&state, late[0], &[(1, 9.0)]));
    assert!(!is_pruned(&state, late[0], &[(1, 9.0), (3, 9.0)]), "the first one of its bracket");
    state.record(late[1], &[(3, 0.0)]);
    let Verdict::Prune { reason } = state.judge(late[0], &[(1, 9.0), (3, 9.0)]) else { panic!() };
    assert_eq!(reason, "hyperband, bracket 1: asha: place 2 of 2 at step 3, best 1 go on");
    assert!(state.needs_step(1) && state.needs_step(3) && !state.needs_step(2));
}
