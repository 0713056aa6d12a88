use proptest::prelude::*;

use super::*;

fn ended(values: &[f64]) -> EndedTrial<'_> {
    EndedTrial { outcome: Outcome::Complete, values, violation: 0.0, cost: 1.0 }
}

fn minimise(rule: StopRule) -> StopState {
    StopState::new(&[rule], &[Direction::Minimize])
}

/// The number of trials after which the study stops.
fn stops_after(mut state: StopState, losses: &[f64]) -> Option<usize> {
    losses.iter().position(|&loss| {
        state.record(&ended(&[loss]));
        state.reason().is_some()
    })
}

#[test]
fn a_target_is_reached_by_a_complete_trial_that_holds_its_constraints() {
    let rule = || StopRule::Target { values: vec![0.5] };
    assert_eq!(stops_after(minimise(rule()), &[0.6, f64::NAN, 0.5]), Some(2));
    let mut state = minimise(rule());
    state.record(&EndedTrial { violation: 0.1, ..ended(&[0.0]) });
    state.record(&EndedTrial { violation: f64::NAN, ..ended(&[0.0]) });
    for outcome in [Outcome::Pruned, Outcome::Failed, Outcome::Cancelled] {
        state.record(&EndedTrial { outcome, ..ended(&[0.0]) });
    }
    state.record(&ended(&[]));
    assert_eq!(state.reason(), None);
    let mut upwards = StopState::new(&[rule()], &[Direction::Maximize]);
    upwards.record(&ended(&[0.4]));
    assert_eq!(upwards.reason(), None);
    upwards.record(&ended(&[0.6]));
    assert_eq!(upwards.reason().unwrap().reason, "the target is reached");
}

#[test]
fn several_targets_are_reached_by_one_trial() {
    let directions = [Direction::Minimize, Direction::Maximize];
    let mut state = StopState::new(&[StopRule::Target { values: vec![1.0, 10.0] }], &directions);
    state.record(&ended(&[0.5, 9.0]));
    state.record(&ended(&[1.5, 11.0]));
    assert_eq!(state.reason(), None);
    state.record(&ended(&[1.0, 10.0]));
    assert!(state.reason().is_some());
}

#[test]
fn no_improvement_counts_trials_since_the_last_one() {
    let rule = |min_delta| minimise(StopRule::NoImprovement { trials: 2, min_delta });
    assert_eq!(stops_after(rule(0.0), &[5.0, 5.0, 4.0, 4.0, 3.9, 4.0, 4.0]), Some(6));
    assert_eq!(stops_after(rule(0.5), &[5.0, 4.7, 4.6]), Some(2));
    assert_eq!(stops_after(rule(0.5), &[5.0, 4.7, 4.4, 4.2, 3.9]), None, "small gains add up");
    assert_eq!(stops_after(rule(0.0), &[f64::NAN; 9]), None, "nothing to improve on");
    let mut state = rule(0.0);
    state.record(&ended(&[1.0]));
    for outcome in [Outcome::Cancelled, Outcome::Pruned, Outcome::Cancelled] {
        state.record(&EndedTrial { outcome, ..ended(&[]) });
        assert_eq!(state.reason(), None);
    }
    state.record(&EndedTrial { outcome: Outcome::Failed, ..ended(&[]) });
    assert_eq!(state.reason().unwrap().reason, "no improvement in the last 2 trials");
}

#[test]
fn trials_from_elsewhere_set_what_is_to_be_improved_on_and_count_for_nothing() {
    let mut state = minimise(StopRule::NoImprovement { trials: 2, min_delta: 0.0 });
    for loss in [3.0, 1.0, 2.0, 2.0, 2.0] {
        state.learn(&ended(&[loss]));
    }
    assert_eq!(state.reason(), None);
    state.record(&ended(&[1.5]));
    assert_eq!(state.reason(), None);
    state.record(&ended(&[1.5]));
    assert!(state.reason().is_some(), "neither was better than what came from elsewhere");
    let mut state = minimise(StopRule::Cost { limit: 1.0 });
    state.learn(&EndedTrial { cost: 5.0, ..ended(&[1.0]) });
    assert_eq!(state.reason(), None);
    let mut state = minimise(StopRule::Target { values: vec![1.0] });
    state.learn(&ended(&[1.0]));
    assert!(state.reason().is_some());
}

#[test]
fn a_new_point_of_the_front_is_an_improvement() {
    let mut state =
        StopState::new(&[StopRule::NoImprovement { trials: 1, min_delta: 0.1 }], &[Direction::Minimize, Direction::Minimize]);
    for values in [[1.0, 1.0], [0.5, 2.0], [2.0, 0.5], [0.8, 0.8]] {
        state.record(&ended(&values));
        assert_eq!(state.reason(), None, "{values:?}");
    }
    state.record(&ended(&[0.75, 0.75]));
    assert!(state.reason().is_some(), "too little");
}

#[test]
fn budgets_count_what_they_should() {
    let rules = [StopRule::Trials { limit: 3 }, StopRule::Cost { limit: 10.0 }, StopRule::Time { limit_s: 60.0 }];
    let start = StopState::new(&rules, &[]);
    let mut trials = start.clone();
    for outcome in [Outcome::Complete, Outcome::Cancelled, Outcome::Pruned, Outcome::Failed] {
        assert_eq!(trials.reason(), None);
        trials.record(&EndedTrial { outcome, ..ended(&[1.0]) });
    }
    assert_eq!(trials.reason().unwrap(), &Stop { rule: 0, reason: "3 trials have ended".to_owned() });
    let mut cost = start.clone();
    cost.record(&EndedTrial { cost: f64::NAN, ..ended(&[1.0]) });
    cost.record(&EndedTrial { cost: 10.5, outcome: Outcome::Cancelled, ..ended(&[]) });
    assert_eq!(cost.reason().unwrap().reason, "the trials have cost 10.5 of 10");
    let mut time = start;
    time.pass(59.0);
    time.pass(3.0);
    assert_eq!(time.reason(), None);
    time.pass(61.0);
    assert_eq!(time.reason().unwrap(), &Stop { rule: 2, reason: "60 s have passed".to_owned() });
    time.record(&ended(&[1.0]));
    assert_eq!(time.reason().unwrap().rule, 2, "the first reason stands");
}

#[test]
fn a_regret_bound_stops_when_the_best_values_crowd_together() {
    let rule = StopRule::RegretBound { below: 0.01, confidence: 0.95, startup_trials: 40 };
    let even: Vec<f64> = (0..4_000).map(|at| f64::from(at * 2_477 % 4_000) / 4_000.0).collect();
    let stop = stops_after(minimise(rule.clone()), &even).unwrap();
    assert!((200..4_000).contains(&stop), "{stop}");
    assert_eq!(stops_after(minimise(rule), &even[..39]), None);
}

#[test]
fn settings_are_checked_and_named() {
    let error = |rule: StopRule| rule.validate().map(|error| error.to_string());
    assert_eq!(error(StopRule::Target { values: vec![1.0] }), None);
    assert_eq!(
        error(StopRule::NoImprovement { trials: 0, min_delta: 0.0 }).unwrap(),
        "stopping rule `no_improvement`: `trials` must be a number above 0, not `0`"
    );
    assert!(error(StopRule::Target { values: vec![f64::NAN] }).is_some());
    assert!(error(StopRule::RegretBound { below: 1.0, confidence: 1.0, startup_trials: 1 }).is_some());
    assert!(error(StopRule::Time { limit_s: f64::INFINITY }).is_some());
    let parsed: StopRule = serde_json::from_str(r#"{"kind":"no_improvement","trials":9}"#).unwrap();
    assert_eq!(parsed, StopRule::NoImprovement { trials: 9, min_delta: 0.0 });
}

fn every_rule() -> Vec<StopRule> {
    vec![
        StopRule::Target { values: vec![-3.0] },
        StopRule::NoImprovement { trials: 30, min_delta: 0.5 },
        StopRule::RegretBound { below: 1e-3, confidence: 0.9, startup_trials: 5 },
        StopRule::Trials { limit: 90 },
        StopRule::Cost { limit: 80.0 },
    ]
}

const ODD: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300, 5e-324];

proptest! {
    #[test]
    fn states_repeat_themselves_and_survive_bytes(cells in prop::collection::vec((0..30_usize, 0..4_usize), 0..100)) {
        let outcomes = [Outcome::Complete, Outcome::Pruned, Outcome::Failed, Outcome::Cancelled];
        let play = || {
            let mut state = StopState::new(&every_rule(), &[Direction::Minimize]);
            let mut stopped: Option<Stop> = None;
            for &(cell, outcome) in &cells {
                let value = [ODD.get(cell).copied().unwrap_or(cell as f64)];
                state.record(&EndedTrial { outcome: outcomes[outcome], ..ended(&value) });
                if let Some(stopped) = &stopped {
                    assert_eq!(state.reason(), Some(stopped), "a reason stands");
                }
                stopped = state.reason().cloned();
            }
            state
        };
        let state = play();
        prop_assert_eq!(&play(), &state);
        let packed = rmp_serde::to_vec(&state).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<StopState>(&packed).unwrap(), state);
    }
}
