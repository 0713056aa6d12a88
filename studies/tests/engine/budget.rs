//! `max_trials` is exact, whatever happens on the way.

use std::sync::Arc;

use hone_studies::{Cause, Command, Effect, Reject, Reply, StateKind, StudyState, TaskId};

use super::support::{Bench, ended, exit_code, leases, profile, proposal, spec};

fn of(max: u64) -> hone_studies::StudySpec {
    let mut study = spec("budget");
    study.search.max_trials = Some(max);
    study
}

/// Works off everything; each trial with number in `failing` fails.
fn work_off(bench: &mut Bench, worker: hone_studies::WorkerId, mut open: Vec<hone_studies::Assignment>, failing: &[u32]) -> u64 {
    let mut done = 0;
    while let Some(lease) = open.pop() {
        let outcome = if failing.contains(&lease.number) {
            bench.records(worker, &lease, 1, vec![ended(exit_code(1))]).expect("accepted")
        } else {
            bench.complete(worker, &lease, f64::from(lease.number))
        };
        done += 1;
        open.extend(bench.leases_after(outcome));
    }
    done
}

#[test]
fn exactly_as_many_trials_end_as_were_asked_for() {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 4));
    let mut study = of(11);
    study.enqueue = vec![[].into(), [].into()];
    let (id, outcome) = bench.create(study);
    let open = bench.leases_after(outcome);
    let done = work_off(&mut bench, worker, open, &[3, 5]);
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((done, study.counts.complete, study.counts.failed, study.next_number), (11, 9, 2, 11));
    assert_eq!((study.state, study.reason.as_str()), (StudyState::Finished, "budget used"));
    bench.check_replay();
}

#[test]
fn what_is_open_never_exceeds_what_is_left() {
    let mut bench = Bench::new();
    bench.attach(profile("a", 16));
    let (study, outcome) = bench.create(of(3));
    assert_eq!(bench.leases_after(outcome).len(), 3);
    let enqueue = Command::Enqueue { study, params: [].into(), attributes: [].into() };
    assert_eq!(bench.refused(enqueue), Reject::BudgetUsed { max_trials: 3 });
}

#[test]
fn a_cancelled_trial_does_not_count() {
    let (mut bench, study, worker, lease) = Bench::with_lease(of(1));
    let outcome = bench.ask(Command::CancelTrial { trial: lease.task }).1;
    assert!(leases(&outcome).is_empty());
    let next = bench.records(worker, &lease, 1, vec![ended(Cause::Killed)]).expect("accepted");
    let next = bench.leases_after(next);
    assert_eq!(next[0].number, 1, "another one takes its place");
    bench.complete(worker, &next[0], 1.0);
    let counts = bench.core.state.study(study).expect("there").counts;
    assert_eq!((counts.cancelled, counts.complete, counts.counted()), (1, 1, 1));
}

#[test]
fn a_retry_takes_the_place_of_the_failed_trial() {
    let (mut bench, study, worker, lease) = Bench::with_lease(of(1));
    bench.records(worker, &lease, 1, vec![ended(exit_code(1))]).expect("accepted");
    let state = |bench: &Bench| bench.core.state.study(study).map(|study| study.state);
    assert_eq!(state(&bench), Some(StudyState::Finished));

    let (reply, outcome) = bench.ask(Command::RetryTrial { trial: lease.task });
    let Reply::Trial(retry) = reply else { panic!("{reply:?}") };
    let again = leases(&outcome).remove(0);
    assert_eq!((again.task, &again.params), (retry, &lease.params));
    bench.complete(worker, &again, 0.5);
    let study = bench.core.state.study(study).expect("there").clone();
    assert_eq!((study.state, study.counts.superseded, study.counts.counted()), (StudyState::Finished, 1, 1));
    assert_eq!(study.overlay(lease.task).and_then(|overlay| overlay.superseded_by), Some(retry));
    assert!(matches!(bench.refused(Command::RetryTrial { trial: lease.task }), Reject::WrongTrialState { .. }));
    bench.check_replay();
}

#[test]
fn a_cancelled_trial_is_retried_only_where_the_budget_allows() {
    let (mut bench, _, worker, lease) = Bench::with_lease(of(1));
    bench.ask(Command::CancelTrial { trial: lease.task });
    let next = bench.records(worker, &lease, 1, vec![ended(Cause::Killed)]).expect("accepted");
    bench.leases_after(next);
    assert_eq!(bench.refused(Command::RetryTrial { trial: lease.task }), Reject::BudgetUsed { max_trials: 1 });
}

#[test]
fn a_raised_budget_wakes_the_study_up() {
    let (mut bench, study, worker, lease) = Bench::with_lease(of(1));
    bench.complete(worker, &lease, 1.0);
    let change = |max| Command::ChangeStudy { study, spec: Arc::new(of(max)), text: String::new() };
    assert!(matches!(bench.refused(change(0)), Reject::NotChangeable(_)));
    let more = bench.run(change(2));
    assert_eq!(more.len(), 1);
    bench.complete(worker, &more[0], 1.0);
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.counted()), Some(2));
}

#[test]
fn a_proposal_that_the_study_has_moved_on_from_is_refused_and_asked_for_again() {
    let mut bench = Bench::new();
    bench.attach(profile("a", 2));
    let mut study = of(5);
    study.search.parallel = Some(2);
    let (id, outcome) = bench.create(study);
    assert_eq!(outcome.effects, [Effect::Propose { study: id, first_number: 0, count: 2, as_of: 0 }]);
    bench.ask(Command::Enqueue { study: id, params: [].into(), attributes: [].into() });
    let late = Command::Proposed { study: id, first_number: 0, as_of: 0, trials: vec![proposal(0), proposal(1)] };
    assert_eq!(bench.core.handle(bench.now, late).map(|_| ()), Err(Reject::StaleProposal { first_number: 0 }));
    let again = bench.pass(0);
    assert_eq!(again.effects, [Effect::Propose { study: id, first_number: 1, count: 1, as_of: 0 }]);
}

#[test]
fn with_one_at_a_time_every_question_knows_all_finished_trials() {
    let mut study = of(4);
    study.search.parallel = Some(1);
    let (mut bench, _, worker, mut lease) = Bench::with_lease(study);
    for finished in 1..4 {
        let outcome = bench.complete(worker, &lease, 1.0);
        let asked = |effect: &Effect| matches!(effect, Effect::Propose { count: 1, as_of, .. } if *as_of == finished);
        assert!(outcome.effects.iter().any(asked), "{:?}", outcome.effects);
        lease = bench.leases_after(outcome).remove(0);
    }
}

#[test]
fn trials_that_are_open_or_complete_cannot_be_retried() {
    let (mut bench, _, worker, lease) = Bench::with_lease(of(2));
    assert!(matches!(bench.refused(Command::RetryTrial { trial: lease.task }), Reject::WrongTrialState { .. }));
    bench.complete(worker, &lease, 1.0);
    assert_eq!(bench.core.state.trial_state(lease.task), Some(StateKind::Complete));
    assert!(matches!(bench.refused(Command::RetryTrial { trial: lease.task }), Reject::WrongTrialState { .. }));
    assert_eq!(bench.refused(Command::RetryTrial { trial: TaskId(99) }), Reject::NoSuchTrial(TaskId(99)));
}

#[test]
fn a_stopping_study_refuses_a_retry_instead_of_cancelling_it_at_once() {
    let (mut bench, study, worker, lease) = Bench::with_lease(of(2));
    let outcome = bench.records(worker, &lease, 1, vec![ended(exit_code(1))]).expect("accepted");
    assert_eq!(bench.leases_after(outcome).len(), 1, "another one runs while the study stops");
    bench.ask(Command::StopStudy { study });
    assert!(matches!(bench.refused(Command::RetryTrial { trial: lease.task }), Reject::WrongStudyState { .. }));
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.superseded), Some(0));
}
