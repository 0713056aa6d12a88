//! The table of a trial's life, cell by cell.

use super::{StateKind, Step, TrialState, next_state};
use crate::ids::WorkerId;

const WORKER: WorkerId = WorkerId(3);

const STATES: [TrialState; 7] = [
    TrialState::Waiting { not_before: 5 },
    TrialState::Running { attempt: 1, worker: WorkerId(9) },
    TrialState::Paused,
    TrialState::Complete,
    TrialState::Pruned,
    TrialState::Failed,
    TrialState::Cancelled,
];

const STEPS: [Step; 12] = [
    Step::Lease { attempt: 2, worker: WORKER },
    Step::Reclaim { attempt: 2, worker: WORKER },
    Step::Requeue { not_before: 7 },
    Step::PauseAttempt,
    Step::Complete,
    Step::Prune,
    Step::Fail,
    Step::CancelAttempt,
    Step::Pause,
    Step::Resume,
    Step::Cancel,
    Step::PrunePaused,
];

/// One line per state in the order of [`STATES`], one letter per step in the order of [`STEPS`]: the first letter of
/// the state after it (C complete, X cancelled), a dot where the step is impossible.
const TABLE: [&str; 7] = [
    "RR......P.X.", // waiting
    "..WPCUFX....", // running
    ".........WXU", // paused
    "............", // complete
    "............", // pruned
    "............", // failed
    "............", // cancelled
];

fn letter(state: Option<TrialState>) -> char {
    match state.map(|state| state.kind()) {
        None => '.',
        Some(StateKind::Waiting) => 'W',
        Some(StateKind::Running) => 'R',
        Some(StateKind::Paused) => 'P',
        Some(StateKind::Complete) => 'C',
        Some(StateKind::Pruned) => 'U',
        Some(StateKind::Failed) => 'F',
        Some(StateKind::Cancelled) => 'X',
    }
}

#[test]
fn every_step_from_every_state_leads_where_the_table_says() {
    for (state, line) in STATES.into_iter().zip(TABLE) {
        let found: String = STEPS.into_iter().map(|step| letter(next_state(state, step))).collect();
        assert_eq!(found, line, "{state:?}");
    }
}

#[test]
fn states_and_kinds_are_listed_in_the_same_order() {
    assert_eq!(STATES.map(|state| state.kind()), StateKind::ALL);
}

#[test]
fn final_states_are_those_with_an_outcome_and_lead_nowhere() {
    for state in STATES {
        let leads = STEPS.into_iter().any(|step| next_state(state, step).is_some());
        assert_eq!(leads, state.outcome().is_none(), "{state:?}");
        assert!(state.outcome().is_none_or(|outcome| StateKind::of_outcome(outcome) == state.kind()));
    }
}

#[test]
fn a_step_carries_its_data_into_the_state() {
    let [waiting, running, ..] = STATES;
    assert_eq!(next_state(waiting, STEPS[0]), Some(TrialState::Running { attempt: 2, worker: WORKER }));
    assert_eq!(next_state(waiting, STEPS[1]), Some(TrialState::Running { attempt: 2, worker: WORKER }));
    assert_eq!(next_state(running, STEPS[2]), Some(TrialState::Waiting { not_before: 7 }));
    assert_eq!(next_state(TrialState::Paused, Step::Resume), Some(TrialState::Waiting { not_before: 0 }));
}
