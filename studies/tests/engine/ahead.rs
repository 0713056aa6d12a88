//! Trials that are suggested before there is room for them.

use hone_search::{SamplerConfig, TpeConfig};
use hone_studies::{Assignment, Effect, Micros, Outcome, SECOND, StudyId, StudySpec, WorkerId};

use super::support::{Bench, leases, profile, spec};

/// A study whose sampler learns, on a worker with four places.
fn four_at_once(change: impl FnOnce(&mut StudySpec)) -> (Bench, StudyId, WorkerId, Vec<Assignment>) {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 4));
    let mut study = spec("ahead");
    study.search.sampler = SamplerConfig::Tpe(TpeConfig::default());
    study.search.max_trials = Some(40);
    change(&mut study);
    let (study, outcome) = bench.create(study);
    let open = bench.leases_after(outcome);
    (bench, study, worker, open)
}

/// Lets the sampler take some time for each question, until it is asked nothing any more.
fn answer_after(bench: &mut Bench, outcome: Outcome, time: Micros) -> Vec<Assignment> {
    let (mut outcome, mut open) = (outcome, Vec::new());
    while asks(&outcome) {
        bench.now.mono += time;
        bench.now.wall += time;
        outcome = bench.answer(&outcome);
        open.extend(leases(&outcome));
    }
    open
}

/// Completes trials one after the other, each after some time, while the sampler takes its own. Returns for each
/// whether another one was leased in the same commit.
fn play(bench: &mut Bench, worker: WorkerId, mut open: Vec<Assignment>, trial: Micros, sampler: Micros) -> Vec<bool> {
    let mut at_once = Vec::new();
    while !open.is_empty() {
        bench.now.mono += trial;
        bench.now.wall += trial;
        let lease = open.remove(0);
        let outcome = bench.complete(worker, &lease, 1.0);
        let next = leases(&outcome);
        at_once.push(!next.is_empty());
        open.extend(next);
        open.extend(answer_after(bench, outcome, sampler));
    }
    at_once
}

fn asks(outcome: &Outcome) -> bool {
    outcome.effects.iter().any(|effect| matches!(effect, Effect::Propose { .. }))
}

fn ended(bench: &Bench, id: StudyId) -> (u64, u64) {
    let counts = bench.core.state.study(id).expect("there").counts;
    (counts.complete, counts.cancelled)
}

#[test]
fn a_worker_that_gets_free_finds_a_trial_waiting_when_the_sampler_is_slow() {
    let (mut bench, study, worker, open) = four_at_once(|_| {});
    let at_once = play(&mut bench, worker, open, SECOND, SECOND / 2);
    assert_eq!(at_once.len(), 40);
    let waited = at_once[2..36].iter().filter(|at_once| !**at_once).count();
    assert_eq!(waited, 0, "{at_once:?}");
    assert_eq!(ended(&bench, study), (40, 0));
    bench.check_replay();
}

#[test]
fn nothing_is_suggested_ahead_when_answers_take_no_time_beside_a_trial() {
    let (mut bench, study, worker, open) = four_at_once(|_| {});
    let at_once = play(&mut bench, worker, open, 100 * SECOND, SECOND / 2);
    assert!(at_once.iter().all(|at_once| !at_once), "{at_once:?}");
    assert_eq!(ended(&bench, study), (40, 0));
}

#[test]
fn nothing_is_suggested_ahead_when_trials_run_one_at_a_time() {
    let (mut bench, study, worker, open) = four_at_once(|study| study.search.parallel = Some(1));
    let at_once = play(&mut bench, worker, open, SECOND, SECOND);
    assert!(at_once.iter().all(|at_once| !at_once), "{at_once:?}");
    assert_eq!(ended(&bench, study), (40, 0));
}

#[test]
fn what_was_suggested_ahead_never_exceeds_the_limit_on_running_trials() {
    let (mut bench, study, worker, mut open) = four_at_once(|study| study.search.parallel = Some(3));
    assert_eq!(open.len(), 3);
    for _ in 0..30 {
        bench.now.mono += SECOND;
        bench.now.wall += SECOND;
        let lease = open.remove(0);
        let outcome = bench.complete(worker, &lease, 1.0);
        open.extend(leases(&outcome));
        open.extend(answer_after(&mut bench, outcome, SECOND));
        let counts = bench.core.state.study(study).expect("there").counts;
        assert!(counts.running <= 3 && counts.open() <= 6, "{counts:?}");
    }
}

#[test]
fn a_sampler_is_not_asked_while_it_thinks() {
    let (mut bench, _, worker, open) = four_at_once(|_| {});
    bench.pass(SECOND);
    let first = bench.complete(worker, &open[0], 1.0);
    assert!(asks(&first));
    let second = bench.complete(worker, &open[1], 1.0);
    assert!(!asks(&second));
}
