//! From a study's creation to its end.

use std::sync::Arc;

use hone_search::{Promotion, PrunerConfig};
use hone_studies::{
    AttemptFiles, Cause, Command, Driver, Effect, End, Event, Failure, Next, Origin, Reject, Reply, SECOND, StateKind,
    StudyState, TrialState, WorkerState,
};

use super::support::{Bench, START, STREAM, at, bytes, ended, exit_code, held, last, leases, profile, spec};

#[test]
fn a_study_of_one_trial_goes_from_creation_to_its_end() {
    let mut bench = Bench::new();
    let (worker, attached) = bench.attach(profile("a", 1));
    let at = START;
    let registered = Event::WorkerRegistered { worker, at, profile: profile("a", 1) };
    let attached_event = Event::WorkerAttached { worker, at, incarnation: "1".to_owned() };
    assert_eq!(attached.events, [registered, attached_event]);

    let mut spec = spec("one");
    spec.search.max_trials = Some(1);
    let spec = Arc::new(spec);
    let (study, created) = bench.create((*spec).clone());
    let (text, source, driver) = (String::new(), None, Driver::Workers);
    assert_eq!(created.events, [Event::StudyCreated { study, at, spec, text, source, driver }]);
    assert_eq!(created.effects, [Effect::Propose { study, first_number: 0, count: 1, as_of: 0 }]);

    let proposed = bench.answer(&created);
    let lease = leases(&proposed).remove(0);
    let trial = lease.task;
    let (params, origin, why) = (vec![0.0], Origin::Sampled { as_of: 0 }, "test".to_owned());
    let trial_created = Event::TrialCreated { study, trial, number: 0, at, params, origin, why };
    assert_eq!(proposed.events, [trial_created, Event::TrialLeased { trial, attempt: 1, worker, at, gpus: vec![] }]);

    let done = bench.complete(worker, &lease, 0.5);
    let (end, files) = (End::Finished { values: vec![0.5] }, AttemptFiles::default());
    let attempt_ended = Event::AttemptEnded { trial, attempt: 1, through: 2, at, end, next: Next::Complete, files };
    let moved = Event::StudyMoved { study, at, to: StudyState::Finished, reason: "budget used".to_owned() };
    assert_eq!(done.events[1..], [attempt_ended, moved]);
    assert_eq!(done.effects, [Effect::Sweep]);
    assert_eq!(bench.core.state.study(study).expect("there").best, Some((0.5, 0)));
    bench.check_replay();
}

#[test]
fn a_failed_attempt_waits_twice_as_long_each_time_and_then_fails_the_trial() {
    let mut study = spec("retries");
    study.search.max_trials = Some(1);
    study.trial.retries = 2;
    let (mut bench, _, worker, mut lease) = Bench::with_lease(study);
    for wait in [SECOND, 2 * SECOND] {
        bench.records(worker, &lease, 1, vec![ended(exit_code(1))]).expect("accepted");
        let not_before = bench.now.wall + wait;
        assert_eq!(bench.trial(lease.task).state, TrialState::Waiting { not_before });
        assert_eq!(leases(&bench.pass(wait - 1)), []);
        assert_eq!(bench.core.next_due(bench.now), Some(bench.now.mono + 1));
        lease = leases(&bench.pass(1)).remove(0);
    }
    let failed = bench.records(worker, &lease, 1, vec![ended(exit_code(1))]).expect("accepted");
    let is_fail = |event: &Event| matches!(event, Event::AttemptEnded { next: Next::Fail, attempt: 3, .. });
    assert!(failed.events.iter().any(is_fail), "{:?}", failed.events);
    assert_eq!(bench.core.state.trial_state(lease.task), Some(StateKind::Failed));
    bench.check_replay();
}

#[test]
fn losing_a_worker_uses_up_no_retry_but_too_often_fails_the_trial() {
    let mut study = spec("lost");
    study.search.parallel = Some(1);
    let (mut bench, _, _, lease) = Bench::with_lease(study);
    for life in 2..4 {
        let (_, outcome) = bench.attach_with(profile("a", 1), &life.to_string(), &[]);
        assert_eq!(leases(&outcome)[0].attempt, life, "it runs again at once");
        assert_eq!(bench.trial(lease.task).own_failures, 0);
    }
    let (_, outcome) = bench.attach_with(profile("a", 1), "4", &[]);
    let limit = |event: &Event| matches!(event, Event::AttemptEnded { end: End::Failed(Failure::CrashLimit { .. }), .. });
    assert!(outcome.events.iter().any(limit), "{:?}", outcome.events);
    bench.check_replay();
}

#[test]
fn a_verdict_stands_whatever_becomes_of_the_attempt() {
    let mut study = spec("pruned");
    study.search.parallel = Some(1);
    study.search.pruner = PrunerConfig::Asha {
        min_steps: Some(1),
        reduction: 2,
        max_steps: None,
        early_stopping_rate: 0,
        promotion: Promotion::Stop,
    };
    let (mut bench, _, worker, lease) = Bench::with_lease(study);
    let outcome = bench.records(worker, &lease, 1, vec![at(1, 1.0), ended(Cause::Exited)]).expect("accepted");
    let second = bench.leases_after(outcome).remove(0);
    let judged = bench.records(worker, &second, 1, vec![at(1, 2.0)]).expect("accepted");
    let prune =
        Effect::Prune { worker, task: second.task, attempt: 1, reason: "asha: place 2 of 2 at step 1, best 1 go on".to_owned() };
    assert_eq!(judged.effects, std::slice::from_ref(&prune));

    let later = bench.records(worker, &second, 2, vec![at(2, 0.0)]).expect("accepted");
    assert_eq!(later.effects, [prune], "the directive is repeated");
    assert_eq!(bench.trial(second.task).curve.last(0), Some((1, 2.0)), "later reports are discarded");

    let (_, outcome) = bench.attach_with(profile("a", 1), "2", &[]);
    let pruned = |event: &Event| matches!(event, Event::AttemptEnded { end: End::Pruned, next: Next::Prune, .. });
    assert!(outcome.events.iter().any(pruned), "{:?}", outcome.events);
    assert_eq!(bench.core.state.trial_state(second.task), Some(StateKind::Pruned));
    bench.check_replay();
}

#[test]
fn a_result_that_is_no_number_or_never_came_fails_the_trial() {
    for (facts, word) in [(vec![last(f64::NAN)], "NaN"), (vec![last(f64::INFINITY)], "inf"), (vec![], "never reported")] {
        let (mut bench, _, worker, lease) = Bench::with_lease(spec("metric"));
        let facts: Vec<_> = facts.into_iter().chain([ended(Cause::Exited)]).collect();
        let outcome = bench.records(worker, &lease, 1, facts).expect("accepted");
        let said = outcome.events.iter().find_map(|event| match event {
            Event::AttemptEnded { end: End::Failed(Failure::BadMetric { message }), .. } => Some(message.clone()),
            _ => None,
        });
        assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{said:?}");
    }
}

#[test]
fn a_running_trial_that_is_paused_keeps_its_place_and_goes_on_as_the_next_attempt() {
    let mut study = spec("pause");
    study.search.max_trials = Some(1);
    let (mut bench, _, worker, lease) = Bench::with_lease(study);
    let (_, paused) = bench.ask(Command::PauseTrial { trial: lease.task });
    let reason = "paused by a user".to_owned();
    assert_eq!(paused.effects, [Effect::Kill { worker, task: lease.task, attempt: 1, reason }]);
    assert_eq!(bench.trial(lease.task).state, TrialState::Paused);
    assert!(leases(&bench.pass(SECOND)).is_empty());
    bench.records(worker, &lease, 1, vec![ended(Cause::Killed)]).expect("accepted");
    let again = bench.run(Command::ResumeTrial { trial: lease.task });
    assert_eq!((again[0].task, again[0].attempt), (lease.task, 2));
    bench.check_replay();
}

#[test]
fn a_cancelled_trial_says_why_and_its_late_result_counts_for_nothing() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("cancel"));
    bench.ask(Command::CancelTrial { trial: lease.task });
    let late = bench.records(worker, &lease, 1, vec![last(0.1), ended(Cause::Exited)]).expect("acknowledged");
    assert!(!late.events.iter().any(|event| matches!(event, Event::AttemptEnded { .. } | Event::AttemptStale { .. })));
    let study = bench.core.state.study(study).expect("there");
    assert_eq!((study.counts.cancelled, study.counts.complete, study.best), (1, 0, None));
    let row = study.finished_trial(lease.task).expect("finished");
    let detail = row.segment.detail(row.row).expect("not the plain case");
    assert_eq!(detail.end, "cancelled: cancelled by a user");
}

#[test]
fn a_trial_that_was_cancelled_before_it_started_says_so_too() {
    let mut bench = Bench::new();
    let (study, _) = bench.create(spec("queue"));
    let (Reply::Trial(trial), _) = bench.ask(Command::Enqueue { study, params: [].into(), attributes: [].into() }) else {
        panic!("a trial");
    };
    bench.ask(Command::StopStudy { study });
    let study = bench.core.state.study(study).expect("there");
    let row = study.finished_trial(trial).expect("finished");
    let detail = row.segment.detail(row.row).expect("not the plain case");
    assert_eq!(detail.end, "cancelled: the study stops: stopped by a user");
}

#[test]
fn a_stopping_study_starts_nothing_and_ends_with_what_runs() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("stop"));
    bench.ask(Command::Enqueue { study, params: [].into(), attributes: [].into() });
    let (_, stopped) = bench.ask(Command::StopStudy { study });
    let cancelled = stopped.events.iter().filter(|event| matches!(event, Event::TrialCancelled { .. })).count();
    assert_eq!((cancelled, stopped.effects.len()), (1, 0), "the queue goes, what runs stays");
    let done = bench.complete(worker, &lease, 1.0);
    let state = bench.core.state.study(study).expect("there");
    assert_eq!((state.state, state.reason.as_str()), (StudyState::Finished, "stopped by a user"));
    assert!(leases(&done).is_empty());
}

#[test]
fn a_paused_study_starts_nothing_until_it_is_resumed() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("pause"));
    bench.ask(Command::PauseStudy { study });
    let done = bench.complete(worker, &lease, 1.0);
    assert_eq!(done.effects, [], "nothing is asked or leased");
    let resumed = bench.run(Command::ResumeStudy { study });
    assert_eq!(resumed.len(), 1);
}

#[test]
fn cancelling_a_study_kills_what_runs_and_ends_it() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("cancel"));
    let (_, cancelled) = bench.ask(Command::CancelStudy { study });
    let reason = "the study was cancelled".to_owned();
    assert_eq!(cancelled.effects[0], Effect::Kill { worker, task: lease.task, attempt: 1, reason });
    assert_eq!(bench.core.state.study(study).map(|study| study.state), Some(StudyState::Finished));
    assert!(matches!(bench.refused(Command::CancelStudy { study }), Reject::WrongStudyState { .. }));
}

#[test]
fn a_removed_study_leaves_nothing_but_its_used_id() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("gone"));
    assert!(matches!(bench.refused(Command::RemoveStudy { study, force: false }), Reject::WrongStudyState { .. }));
    bench.ask(Command::RemoveStudy { study, force: true });
    assert!(bench.core.state.study(study).is_none());
    bench.records(worker, &lease, 1, vec![ended(Cause::Killed)]).expect("what is left of it is acknowledged");
    let (next, _) = bench.create(spec("gone"));
    assert!(next > study);
    bench.check_replay();
}

#[test]
fn a_refused_study_leaves_nothing_behind() {
    let mut bench = Bench::new();
    let mut bad = spec("queue");
    bad.enqueue = vec![[].into(), [("y".to_owned(), hone_search::Value::Float(0.5))].into()];
    let before = bytes(&bench.core.state);
    let create = |spec| Command::CreateStudy {
        spec: Arc::new(spec),
        text: String::new(),
        source: None,
        driver: Driver::Workers,
        paused: false,
        request: None,
    };
    assert!(matches!(bench.refused(create(bad)), Reject::BadParameters(_)));
    let mut long = spec("long");
    long.search.max_trials = Some(1);
    long.enqueue = vec![[].into(), [].into()];
    assert_eq!(bench.refused(create(long)), Reject::BudgetUsed { max_trials: 1 });
    assert_eq!(bytes(&bench.core.state), before);
}

#[test]
fn a_study_of_clients_is_never_leased() {
    let mut bench = Bench::new();
    bench.attach(profile("a", 4));
    let command = Command::CreateStudy {
        spec: Arc::new(spec("ask and tell")),
        text: String::new(),
        source: None,
        driver: Driver::Clients,
        paused: false,
        request: None,
    };
    let (_, created) = bench.ask(command);
    assert_eq!(created.effects, []);
}

#[test]
fn a_target_that_is_reached_stops_the_study() {
    let mut study = spec("target");
    study.objectives[0].target = Some(0.2);
    let (mut bench, id, worker, lease) = Bench::with_lease(study);
    bench.complete(worker, &lease, 0.1);
    let study = bench.core.state.study(id).expect("there");
    assert_eq!((study.state, study.reason.as_str()), (StudyState::Finished, "target reached"));
}

#[test]
fn an_exhausted_sampler_ends_the_study_once_nothing_is_open() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("grid"));
    bench.ask(Command::Exhausted { study });
    let state = |bench: &Bench| bench.core.state.study(study).map(|study| study.state);
    assert_eq!(state(&bench), Some(StudyState::Active), "a retry may still come");
    let done = bench.complete(worker, &lease, 1.0);
    assert_eq!(done.effects.len(), 1, "the sampler is asked once more");
    bench.ask(Command::Exhausted { study });
    assert_eq!(state(&bench), Some(StudyState::Finished));
}

#[test]
fn a_drained_worker_gets_nothing_new_and_is_told_again_when_it_missed_it() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("drain"));
    let (_, drained) = bench.ask(Command::DrainWorker { worker, hand_back: true });
    assert!(matches!(drained.effects[..], [Effect::Drain { hand_back: true, .. }]));
    bench.ask(Command::DetachWorker { worker, stream: STREAM });
    let (_, again) = bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
    assert_eq!(again.effects, drained.effects);
    assert_eq!(bench.core.state.worker(worker).map(|worker| worker.state), Some(WorkerState::Draining));
    let (_, activated) = bench.ask(Command::ActivateWorker { worker });
    assert_eq!(activated.effects[0], Effect::Undrain { worker });
    assert_eq!(bench.ask(Command::DrainWorker { worker, hand_back: true }).1.effects, drained.effects);
    let done = bench.complete(worker, &lease, 1.0);
    assert_eq!(done.effects, []);
}
