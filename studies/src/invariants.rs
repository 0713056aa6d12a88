//! What must hold of every state, by name. Tests and the simulator check it after each step, `hone store verify` on a
//! store: a violation is a bug of Hone, or damage that no checksum saw.

mod labels;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hone_search::{Direction, Outcome};

use crate::{
    event::{Driver, Origin, StudyState, WorkerState},
    ids::{CLIENT, TaskId},
    roster::{Free, Roster, Session},
    state::State,
    study::{Counts, Study},
    trial::{Attempt, StateKind, Trial, TrialState},
};

/// An invariant that does not hold, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// One word for the invariant, the same in every version.
    pub name: &'static str,
    /// What was found, in words.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.detail)
    }
}

/// Every invariant that `state` and `roster` break. Linear in the history. With an empty roster (a store that nobody
/// runs) the ones about connected workers hold by themselves.
pub fn violations(state: &State, roster: &Roster) -> Vec<Violation> {
    let mut found = Found::default();
    for study in state.studies() {
        check_study(study, &mut found);
    }
    check_indexes(state, &mut found);
    check_datasets(state, &mut found);
    check_leases(state, roster, &mut found);
    check_holds(state, roster, &mut found);
    labels::check(state, roster, &mut found);
    for (id, session) in roster.sessions() {
        if let Some(worker) = state.worker(id) {
            check_capacity(&format!("worker {id}"), session, &Free::of(&worker.profile.capacity), &mut found);
        }
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn check(&mut self, holds: bool, name: &'static str, detail: impl FnOnce() -> String) {
        if !holds {
            self.0.push(Violation { name, detail: detail() });
        }
    }
}

// ---------------------------------------------------------------- one study

fn check_study(study: &Study, found: &mut Found) {
    let place = format!("study {}", study.id);
    check_budget(study, &place, found);
    check_counts(study, &place, found);
    check_waiting(study, &place, found);
    check_held(study, &place, found);
    check_numbers(study, &place, found);
    check_best(study, &place, found);
    check_metrics(study, &place, found);
    check_warm_start(study, &place, found);
    for trial in study.open() {
        check_trial(trial, found);
    }
    for part in study.finished.parts() {
        for (row, detail) in part.details() {
            check_attempts(part.trial[row], &detail.attempts, found);
        }
    }
    let nothing_open = study.state != StudyState::Finished || study.counts.open() == 0;
    found.check(nothing_open, "finished_study", || format!("{place} is finished and has open trials"));
}

fn check_budget(study: &Study, place: &str, found: &mut Found) {
    let Some(max) = study.spec.search.max_trials else { return };
    let used = study.counts.counted() + study.counts.open();
    found.check(used <= max, "budget", || format!("{place} has used {used} of {max} trials"));
}

fn check_counts(study: &Study, place: &str, found: &mut Found) {
    let mut counts = Counts { superseded: study.counts.superseded, imported: study.counts.imported, ..Counts::default() };
    for kind in study.open().map(|trial| trial.state.kind()) {
        *counts.of(kind) += 1;
    }
    for outcome in study.finished.parts().flat_map(|part| part.columns.outcome.iter()) {
        *counts.of(StateKind::of_outcome(*outcome)) += 1;
    }
    found.check(counts == study.counts, "counts", || format!("{place} says {:?} and has {counts:?}", study.counts));
    let details = study.finished.parts().flat_map(|part| part.details());
    let imported = details.filter(|(_, detail)| detail.origin == Origin::Imported).count() as u64;
    found.check(imported == counts.imported, "imported", || format!("{place} says {} and has {imported}", counts.imported));
    let superseded = study.overlays().filter(|(_, overlay)| overlay.superseded_by.is_some()).count() as u64;
    found.check(superseded == counts.superseded, "superseded", || {
        format!("{place} says {} and has {superseded}", counts.superseded)
    });
}

/// A study has the trials of every study that it starts from, and no value that it cannot have itself.
fn check_warm_start(study: &Study, place: &str, found: &mut Found) {
    let named = study.warm_start.iter().map(|warm| warm.foreign.name.as_str());
    let same = named.eq(study.spec.search.warm_start.iter().map(String::as_str));
    found.check(same, "warm_start", || format!("{place} has not the trials of the studies that it starts from"));
    for (parameter, at) in study.spec.space.parameters.iter().zip(0..) {
        let columns = study.warm_start.iter().map(|warm| &warm.foreign.columns);
        let mut values = columns.flat_map(|columns| (0..columns.len()).map(move |row| columns.param(at, row)));
        let foreign = values.find(|value| !value.is_nan() && !parameter.distribution.contains(*value));
        found.check(foreign.is_none(), "warm_start", || format!("{place} starts from `{}` = {foreign:?}", parameter.name));
    }
}

fn check_waiting(study: &Study, place: &str, found: &mut Found) {
    let waiting = |trial: &Trial| match trial.state {
        TrialState::Waiting { not_before } => Some((not_before, trial.id)),
        TrialState::Running { .. } | TrialState::Paused => None,
        TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => None,
    };
    let mut queue: Vec<_> = study.open().filter_map(|trial| waiting(trial)).collect();
    queue.sort_unstable();
    found.check(study.waiting().eq(queue), "waiting_index", || format!("{place}: the queue differs from the trials' states"));
}

/// What the study, its trials and its pruner say of who is held back is the same.
fn check_held(study: &Study, place: &str, found: &mut Found) {
    let trials = study.open().filter(|trial| trial.held().is_some()).map(|trial| (trial.number, trial.id));
    let same = study.held().iter().map(|(number, id)| (*number, *id)).eq(trials);
    found.check(same, "held_index", || format!("{place} says that {:?} are held, its trials differ", study.held()));
    let mut paused = study.pruner.paused();
    paused.sort_unstable();
    let same = study.held().keys().eq(&paused);
    found.check(same, "held_by_pruner", || format!("{place} holds {:?} and its pruner {paused:?}", study.held()));
}

/// Numbers are dense from 0, each used once, and ids rise with them.
fn check_numbers(study: &Study, place: &str, found: &mut Found) {
    let mut by_number: BTreeMap<u32, TaskId> = BTreeMap::new();
    let finished = study.finished.parts().flat_map(|part| part.columns.number.iter().copied().zip(part.trial.iter().copied()));
    for (number, id) in finished.chain(study.open().map(|trial| (trial.number, trial.id))) {
        let twice = by_number.insert(number, id);
        found.check(twice.is_none(), "numbers_unique", || format!("{place}: number {number} is there twice"));
    }
    let dense = by_number.len() == study.next_number as usize && by_number.keys().copied().eq(0..study.next_number);
    found.check(dense, "numbers_dense", || format!("{place}: numbers below {} have gaps", study.next_number));
    let rising = by_number.values().zip(by_number.values().skip(1)).all(|(a, b)| a < b);
    found.check(rising, "ids_rise", || format!("{place}: ids do not rise with numbers"));
    for row in 0..study.finished.len() {
        let number = study.finished.by_row(row).number();
        let same = study.finished.by_number(number).is_some_and(|found| found.id() == study.finished.by_row(row).id());
        found.check(same, "finished_index", || format!("{place}: the index misses number {number}"));
    }
}

fn check_best(study: &Study, place: &str, found: &mut Found) {
    let [objective] = study.spec.objectives.as_slice() else { return };
    let mut best: Option<(f64, u32)> = None;
    for part in study.finished.parts() {
        for row in (0..part.len()).filter(|row| part.columns.outcome[*row] == Outcome::Complete) {
            let value = part.columns.value(0, row);
            let better = part.columns.violation(row) <= 0.0
                && (study.driver == Driver::Workers || !value.is_nan())
                && best.is_none_or(|(known, _)| match objective.direction {
                    Direction::Minimize => value < known,
                    Direction::Maximize => value > known,
                });
            if better {
                best = Some((value, part.columns.number[row]));
            }
        }
    }
    found.check(best == study.best, "best", || format!("{place} says {:?} and has {best:?}", study.best));
}

fn check_metrics(study: &Study, place: &str, found: &mut Found) {
    let known = study.metrics.len();
    let open = study.open().flat_map(|trial| trial.curve.metrics());
    let finished = study.finished.parts().flat_map(|part| (0..part.len()).flat_map(|row| part.curve(row)).map(|point| point.0));
    let unknown = open.chain(finished).find(|metric| usize::from(*metric) >= known);
    found.check(unknown.is_none(), "metrics", || format!("{place} names {known} metrics and has values of {unknown:?}"));
}

// ---------------------------------------------------------------- one trial

fn check_trial(trial: &Trial, found: &mut Found) {
    let id = trial.id;
    check_attempts(id, &trial.attempts, found);
    let open_attempts = trial.attempts.iter().filter(|attempt| attempt.end.is_none()).count();
    let (running, last) = (trial.running(), trial.attempts.last());
    let matches = match trial.state {
        TrialState::Running { attempt, worker } => {
            open_attempts == 1 && last.is_some_and(|last| last.number == attempt && last.worker == worker && last.end.is_none())
        }
        TrialState::Waiting { .. } | TrialState::Paused => open_attempts == 0 && running.is_none(),
        TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => false,
    };
    let state = trial.state.kind().name();
    found.check(matches, "one_running_attempt", || format!("trial {id} is {state} with {open_attempts} attempts that run"));
}

fn check_attempts(id: TaskId, attempts: &[Attempt], found: &mut Found) {
    let dense = attempts.iter().map(|attempt| attempt.number).eq(1..=attempts.len() as u32);
    found.check(dense, "attempts_dense", || format!("trial {id}: attempts are not numbered 1, 2, 3 …"));
    let explained = attempts.iter().filter_map(|attempt| attempt.end.as_ref()).all(|end| !end.to_string().is_empty());
    found.check(explained, "ends_explained", || format!("trial {id}: an attempt has ended without a reason"));
}

// ---------------------------------------------------------------- over the studies

fn check_indexes(state: &State, found: &mut Found) {
    for study in state.studies() {
        let finished = study.finished.parts().flat_map(|part| part.trial.iter().copied());
        let mut trials = study.open().map(|trial| trial.id).chain(finished);
        let stray = trials.find(|trial| state.study_of(*trial).is_none_or(|owner| owner.id != study.id));
        found.check(stray.is_none(), "owners", || format!("trial {stray:?} of study {} is not found there", study.id));
    }
    let unfinished = state.studies().filter(|study| study.state != StudyState::Finished).map(|study| study.id);
    let same = state.unfinished().map(|study| study.id).eq(unfinished);
    found.check(same, "unfinished_index", || "the index of unfinished studies differs from their states".to_owned());
    for study in state.studies() {
        let named = state.study_named(&study.spec.name).is_some_and(|named| named.id == study.id);
        found.check(named, "names", || format!("study {} is not found by its name", study.id));
    }
}

/// Datasets are found by their names, no version comes from one that is newer, and what a study uses is there.
fn check_datasets(state: &State, found: &mut Found) {
    for dataset in state.datasets.datasets() {
        let place = format!("dataset {}", dataset.id);
        let named = state.datasets.dataset_named(&dataset.name).is_some_and(|named| named.id == dataset.id);
        found.check(named, "dataset_names", || format!("{place} is not found by its name"));
        found.check(dataset.latest().is_some(), "dataset_versions", || format!("{place} has no version"));
        for version in dataset.versions() {
            let in_order = version.number <= dataset.last_version && version.parent.is_none_or(|parent| parent < version.number);
            found.check(in_order, "dataset_versions", || format!("{place}: version {} is out of order", version.number));
        }
    }
    for study in state.studies() {
        let named = study.datasets.iter().map(|used| &used.alias).eq(study.spec.trial.datasets.keys());
        found.check(named, "study_datasets", || format!("study {} has not the datasets that it names", study.id));
        for used in &study.datasets {
            let manifest = state.datasets.version(used.of).map(|found| found.version.snapshot.manifest);
            let same = manifest == Some(used.manifest);
            found.check(same, "study_datasets", || format!("study {} uses `{}`, which is not there", study.id, used.label));
        }
    }
}

/// Every running trial of a client is watched, and nothing else is.
fn check_holds(state: &State, roster: &Roster, found: &mut Found) {
    let open = state.studies().flat_map(|study| study.open());
    let running = open.filter(|trial| trial.running().is_some_and(|attempt| attempt.worker == CLIENT)).map(|trial| trial.id);
    let running: BTreeSet<TaskId> = running.collect();
    let watched: BTreeSet<TaskId> = roster.held_by_clients().collect();
    let unwatched = *roster == Roster::default();
    found.check(unwatched || running == watched, "holds", || format!("clients run {running:?}, watched are {watched:?}"));
}

/// Every lease is of a worker that exists and has not left, and what a connected worker runs is taken from it.
fn check_leases(state: &State, roster: &Roster, found: &mut Found) {
    for study in state.studies().filter(|study| study.driver == Driver::Workers) {
        for (trial, attempt) in study.open().filter_map(|trial| Some((trial, trial.running()?))) {
            let worker = state.worker(attempt.worker);
            let there = worker.is_some_and(|worker| worker.state != WorkerState::Gone);
            found.check(there, "leases_of_workers", || format!("trial {} runs on worker {}", trial.id, attempt.worker));
            let Some(session) = roster.session(attempt.worker) else { continue };
            let claimed = session.claims().any(|claim| claim == (trial.id, attempt.number));
            found.check(claimed || !session.is_connected(), "claims", || {
                format!("worker {} runs trial {} and its resources are not taken", attempt.worker, trial.id)
            });
        }
    }
}

fn check_capacity(place: &str, session: &Session, whole: &Free, found: &mut Found) {
    let free = session.free();
    let within = |left: i64, all: i64| (0..=all).contains(&left);
    let gpus = free.gpus_milli.iter().all(|left| within(*left, 1_000));
    let fits = within(free.cpus_milli, whole.cpus_milli) && within(free.memory_bytes, whole.memory_bytes) && gpus;
    let slots = within(free.slots, whole.slots);
    found.check(!session.is_connected() || (fits && slots), "oversubscribed", || {
        format!("{place} has {free:?} left of {whole:?}")
    });
}
