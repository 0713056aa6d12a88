//! Invariants: a journal that no core would write is found out, by name.

use std::sync::Arc;

use hone_studies::{
    AttemptFiles, Driver, End, Event, Next, Origin, Roster, State, StudyId, StudySpec, StudyState, TaskId, WorkerId, WorkerState,
    invariants,
};

use super::support::{profile, spec};

const STUDY: StudyId = StudyId(1);
const WORKER: WorkerId = WorkerId(1);

fn study_of(id: u64, max: u64) -> Event {
    let spec = Arc::new(StudySpec { search: hone_studies::Search { max_trials: Some(max), ..spec("s").search }, ..spec("s") });
    Event::StudyCreated { study: StudyId(id), at: 0, spec, text: String::new(), source: None, driver: Driver::Workers }
}

fn worker() -> Event {
    Event::WorkerRegistered { worker: WORKER, at: 0, profile: profile("a", 1) }
}

fn created(trial: u64, number: u32) -> Event {
    let (params, origin, why) = (vec![0.5], Origin::Sampled { as_of: 0 }, String::new());
    Event::TrialCreated { study: STUDY, trial: TaskId(trial), number, at: 0, params, origin, why }
}

fn leased(trial: u64, attempt: u32) -> Event {
    Event::TrialLeased { trial: TaskId(trial), attempt, worker: WORKER, at: 0, gpus: Vec::new() }
}

fn ended(trial: u64, end: End, next: Next) -> Event {
    let files = AttemptFiles::default();
    Event::AttemptEnded { trial: TaskId(trial), attempt: 1, through: 1, at: 0, end, next, files }
}

fn names(events: Vec<Event>) -> Vec<&'static str> {
    let mut state = State::default();
    events.iter().for_each(|event| state.apply(event));
    let mut names: Vec<_> =
        invariants::violations(&state, &Roster::default()).into_iter().map(|violation| violation.name).collect();
    names.dedup();
    names
}

#[test]
fn a_sound_journal_has_no_violation() {
    let finished = ended(1, End::Finished { values: vec![1.0] }, Next::Complete);
    assert_eq!(names(vec![study_of(1, 2), worker(), created(1, 0), leased(1, 1), finished, created(2, 1)]), [""; 0]);
}

#[test]
fn more_trials_than_the_budget_are_found() {
    assert_eq!(names(vec![study_of(1, 1), created(1, 0), created(2, 1)]), ["budget"]);
}

#[test]
fn gaps_and_repetitions_of_numbers_are_found() {
    assert_eq!(names(vec![study_of(1, 9), created(1, 0), created(2, 2)]), ["numbers_dense"]);
    assert_eq!(names(vec![study_of(1, 9), created(1, 0), created(2, 0)]), ["numbers_unique"]);
}

#[test]
fn ids_that_fall_are_found() {
    assert_eq!(names(vec![study_of(1, 9), created(2, 0), created(1, 1)]), ["ids_rise"]);
}

#[test]
fn attempts_that_are_not_counted_from_one_are_found() {
    assert_eq!(names(vec![study_of(1, 9), worker(), created(1, 0), leased(1, 2)]), ["attempts_dense"]);
}

#[test]
fn leases_of_workers_that_are_not_there_are_found() {
    assert_eq!(names(vec![study_of(1, 9), created(1, 0), leased(1, 1)]), ["leases_of_workers"]);
    let gone = Event::WorkerMoved { worker: WORKER, at: 0, to: WorkerState::Gone, reason: String::new() };
    assert_eq!(names(vec![study_of(1, 9), worker(), created(1, 0), leased(1, 1), gone]), ["leases_of_workers"]);
}

#[test]
fn a_finished_study_with_open_trials_is_found() {
    let finished = Event::StudyMoved { study: STUDY, at: 0, to: StudyState::Finished, reason: String::new() };
    assert_eq!(names(vec![study_of(1, 9), created(1, 0), finished]), ["finished_study"]);
}

#[test]
fn two_studies_of_one_name_are_found() {
    assert_eq!(names(vec![study_of(1, 9), study_of(2, 9)]), ["names"]);
}

#[test]
fn a_complete_trial_without_a_value_is_found_and_does_not_panic() {
    let torn = ended(1, End::Pruned, Next::Complete);
    assert_eq!(names(vec![study_of(1, 9), worker(), created(1, 0), leased(1, 1), torn]), ["best"]);
}
