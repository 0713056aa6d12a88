//! Pruning with several objectives.

use super::*;

const BOTH: [Direction; 2] = [Direction::Minimize, Direction::Maximize];

fn two(config: &PrunerConfig) -> PrunerState {
    PrunerState::for_objectives(config, &BOTH)
}

/// Loss and accuracy at `step`.
fn shows(step: i64, loss: f64, accuracy: f64) -> [Vec<(i64, f64)>; 2] {
    [vec![(step, loss)], vec![(step, accuracy)]]
}

fn goes_on(state: &PrunerState, loss: f64, accuracy: f64) -> bool {
    state.judge_all(99, &shows(1, loss, accuracy)) == Verdict::Continue
}

#[test]
fn a_rung_keeps_fronts_and_cuts_the_last_one_by_volume() {
    let mut state = two(&asha(1, 2, None));
    for (number, (loss, accuracy)) in (0..).zip([(1.0, 0.9), (0.5, 0.8), (0.1, 0.2), (2.0, 0.3), (3.0, 0.1)]) {
        state.record_all(number, &shows(1, loss, accuracy));
    }
    // Of six, three go on. Three are on the front already, in any case.
    assert!(goes_on(&state, 0.05, 0.95), "ahead of all");
    assert!(goes_on(&state, 0.01, 0.2), "it takes the place of one on the front");
    assert!(!goes_on(&state, 0.49, 0.201), "on the front, but it adds next to nothing");
    assert!(!goes_on(&state, 1.5, 0.5), "dominated by the front");
    assert!(!goes_on(&state, 9.0, 0.0), "dominated by all");
    assert!(!goes_on(&state, 0.0, NAN) && !goes_on(&state, NAN, 1.0));
}

#[test]
fn a_rung_is_reached_when_all_objectives_are_there() {
    let mut state = two(&asha(2, 2, None));
    for number in 0..4 {
        state.record_all(number, &shows(2, 0.0, 1.0));
    }
    let late = [vec![(1, 9.0), (2, 9.0)], vec![(1, 0.0)]];
    assert_eq!(state.judge_all(9, &late), Verdict::Continue);
    let there = [vec![(1, 9.0), (2, 9.0)], vec![(1, 0.0), (3, 0.0)]];
    assert_ne!(state.judge_all(9, &there), Verdict::Continue);
    assert_eq!(state.judge_all(9, &[vec![(1, 9.0), (2, 9.0)]]), Verdict::Continue, "one curve is missing");
}

#[test]
fn waiting_trials_are_resumed_by_front() {
    let PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, .. } = asha(1, 2, None) else { panic!() };
    let mut state =
        two(&PrunerConfig::Asha { min_steps, reduction, max_steps, early_stopping_rate, promotion: Promotion::Resume });
    let curves = shows(1, 1.0, 0.5);
    let Verdict::Pause { step, .. } = state.judge_all(0, &curves) else { panic!("the first one waits") };
    state.record_all(0, &curves);
    state.pause(0, step);
    assert_eq!(state.promotable(false), []);
    state.record_all(1, &shows(1, 2.0, 0.4));
    assert_eq!(state.promotable(false), [Promotable { number: 0, step: 1 }]);
}

#[test]
fn only_ladders_weigh_objectives() {
    let several: Vec<&str> =
        every_config().iter().filter(|config| config.takes_several_objectives()).map(PrunerConfig::name).collect();
    assert!(several.contains(&"asha") && several.contains(&"hyperband") && !several.contains(&"median"));
    let mut state = two(&median(1, 0, 1));
    state.finish_all(0, Outcome::Complete, &shows(1, 1.0, 0.0), &[1.0, 0.0]);
    assert!(!goes_on(&state, 2.0, 1.0), "the first objective alone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With one front per trial the order is total, and both kinds of rung must agree.
    #[test]
    fn a_second_objective_that_agrees_changes_nothing(
        values in prop::collection::vec(0..30_i32, 1..60),
        own in 0..30_i32,
        reduction in 2..5_u32,
    ) {
        let (mut one, mut both) = (minimise(&asha(1, reduction, None)), two(&asha(1, reduction, None)));
        for (number, &value) in (0..).zip(&values) {
            let value = f64::from(value);
            one.record(number, &[(1, value)]);
            both.record_all(number, &shows(1, value, -value));
        }
        let own = f64::from(own);
        let tie = values.iter().any(|&value| f64::from(value) == own);
        let (single, several) = (is_pruned(&one, 99, &[(1, own)]), !goes_on(&both, own, -own));
        prop_assert!(single == several || tie, "{} {}", single, several);
    }

    /// No trial goes on that is dominated by as many as may go on.
    #[test]
    fn what_many_dominate_ends(points in prop::collection::vec((0..9_i32, 0..9_i32), 0..40), own in (0..9_i32, 0..9_i32)) {
        let mut state = two(&asha(1, 3, None));
        for (number, &(loss, accuracy)) in (0..).zip(&points) {
            state.record_all(number, &shows(1, f64::from(loss), f64::from(accuracy)));
        }
        let dominating = points.iter().filter(|point| point.0 <= own.0 && point.1 >= own.1 && **point != own).count();
        let quota = ((points.len() + 1) / 3).max(1);
        let goes_on = goes_on(&state, f64::from(own.0), f64::from(own.1));
        prop_assert!(!(goes_on && dominating >= quota));
        prop_assert!(goes_on || !points.is_empty());
    }
}
