//! Leases: expiry, fencing, taking back, reconnect windows.

use hone_studies::{Cause, Command, Effect, End, Event, HeldAttempt, Next, Reply, SECOND, StateKind, StudySpec, TrialState};

use super::support::{Bench, STREAM, at, ended, held, last, leases, profile, spec};

const LEASE: i64 = 60 * SECOND;

fn one_at_a_time() -> StudySpec {
    let mut study = spec("lease");
    study.search.parallel = Some(1);
    study
}

/// What the events say became of attempts.
fn ends(events: &[Event]) -> Vec<(u32, &End, &Next)> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::AttemptEnded { attempt, end, next, .. } => Some((*attempt, end, next)),
            _ => None,
        })
        .collect()
}

#[test]
fn silence_for_the_lease_time_loses_the_attempt_and_not_a_moment_earlier() {
    let (mut bench, _, _, lease) = Bench::with_lease(one_at_a_time());
    assert!(bench.pass(LEASE - 1).events.is_empty());
    let lost = bench.pass(1);
    assert!(matches!(ends(&lost.events)[..], [(1, End::Lost { .. }, Next::Requeue { not_before: 0 })]));
    assert!(leases(&lost).is_empty(), "the silent worker gets nothing");
    assert_eq!(bench.trial(lease.task).crashes, 1);
    assert!(bench.pass(LEASE).events.is_empty(), "nothing is lost twice");
}

#[test]
fn a_heartbeat_keeps_all_leases_of_a_worker() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    for _ in 0..10 {
        bench.pass(LEASE - 1);
        let (reply, outcome) = bench.ask(Command::Renew { worker, stream: STREAM, held: vec![held(&lease)] });
        assert_eq!((reply, outcome.events), (Reply::Renewed { over: vec![] }, vec![]));
    }
}

#[test]
fn a_worker_that_missed_two_heartbeats_gets_nothing_new() {
    let mut bench = Bench::new();
    bench.attach(profile("a", 1));
    bench.pass(LEASE * 2 / 3);
    let (_, outcome) = bench.create(spec("late"));
    assert!(bench.leases_after(outcome).is_empty());
}

#[test]
fn a_worker_that_comes_back_in_time_takes_its_attempt_back() {
    for by in ["attaching", "a heartbeat", "a record"] {
        let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
        bench.records(worker, &lease, 1, vec![at(1, 0.5)]).expect("accepted");
        bench.pass(LEASE);
        let outcome = match by {
            "attaching" => bench.attach_with(profile("a", 1), "1", &[held(&lease)]).1,
            "a heartbeat" => bench.ask(Command::Renew { worker, stream: STREAM, held: vec![held(&lease)] }).1,
            _ => bench.records(worker, &lease, 2, vec![at(2, 0.4)]).expect("accepted"),
        };
        let reclaimed = Event::AttemptReclaimed { trial: lease.task, attempt: 1, worker, at: bench.now.wall };
        assert!(outcome.events.contains(&reclaimed), "{by}: {:?}", outcome.events);
        assert_eq!(bench.trial(lease.task).crashes, 0, "{by}");
        bench.complete(worker, &lease, 0.5);
        assert_eq!(bench.core.state.trial_state(lease.task), Some(StateKind::Complete), "{by}");
        bench.check_replay();
    }
}

/// Once a record of an attempt was refused, because its worker had other work in its place, later ones must be too:
/// a result would stand on records of which some are missing.
#[test]
fn an_attempt_whose_records_were_refused_is_never_taken_back() {
    for by in ["attaching", "a heartbeat", "a record"] {
        let (mut bench, _, worker, first) = Bench::with_lease(one_at_a_time());
        bench.pass(LEASE);
        bench.create(StudySpec { name: "urgent".to_owned(), priority: 1, ..one_at_a_time() });
        let (_, outcome) = bench.attach_with(profile("a", 1), "1", &[]);
        let other = bench.leases_after(outcome).remove(0);
        assert_ne!(other.task, first.task);
        bench.records(worker, &first, 1, vec![at(1, 0.5)]).expect("acknowledged, and refused");
        bench.ask(Command::CordonWorker { worker });
        bench.complete(worker, &other, 0.5);
        assert!(!bench.trial(first.task).reclaimable);
        let outcome = match by {
            "attaching" => bench.attach_with(profile("a", 1), "1", &[held(&first)]).1,
            "a heartbeat" => bench.ask(Command::Renew { worker, stream: STREAM, held: vec![held(&first)] }).1,
            _ => bench.records(worker, &first, 2, vec![at(2, 0.4)]).expect("acknowledged, and refused"),
        };
        let is_reclaimed = |event: &Event| matches!(event, Event::AttemptReclaimed { .. });
        assert!(!outcome.events.iter().any(is_reclaimed), "{by}: {:?}", outcome.events);
        bench.check_replay();
    }
}

#[test]
fn a_replaced_attempt_changes_nothing_and_is_noted_once() {
    let (mut bench, study, first, lease) = Bench::with_lease(one_at_a_time());
    bench.pass(LEASE);
    let (second, outcome) = bench.attach(profile("b", 1));
    let again = leases(&outcome).remove(0);
    assert_eq!((again.task, again.attempt), (lease.task, 2));

    let stale = bench.records(first, &lease, 1, vec![last(0.1), ended(Cause::Exited)]).expect("acknowledged");
    let is_stale = |event: &Event| matches!(event, Event::AttemptStale { attempt: 1, .. });
    assert_eq!(stale.events.iter().filter(|event| is_stale(event)).count(), 1);
    assert_eq!(bench.trial(lease.task).state, TrialState::Running { attempt: 2, worker: second });
    let repeated = bench.records(first, &lease, 1, vec![last(0.1), ended(Cause::Exited)]).expect("acknowledged");
    assert_eq!(repeated.events, []);

    bench.complete(second, &again, 0.7);
    let study = bench.core.state.study(study).expect("there");
    assert_eq!((study.best, study.counts.complete), (Some((0.7, 0)), 1));
    bench.check_replay();
}

#[test]
fn a_result_after_the_trial_has_finished_elsewhere_is_kept_beside_it() {
    let (mut bench, study, first, lease) = Bench::with_lease(one_at_a_time());
    bench.pass(LEASE);
    let (second, outcome) = bench.attach(profile("b", 1));
    bench.complete(second, &leases(&outcome)[0], 0.7);
    bench.records(first, &lease, 1, vec![ended(Cause::Exited)]).expect("acknowledged");
    bench.records(first, &lease, 1, vec![ended(Cause::Exited)]).expect("acknowledged");
    let study = bench.core.state.study(study).expect("there");
    assert_eq!(study.overlay(lease.task).map(|overlay| overlay.stale.len()), Some(1));
    bench.check_replay();
}

#[test]
fn nobody_can_speak_for_the_attempt_of_another_worker() {
    let (mut bench, study, _, lease) = Bench::with_lease(one_at_a_time());
    let (other, _) = bench.attach(profile("b", 1));
    let outcome = bench.records(other, &lease, 1, vec![last(0.0), ended(Cause::Exited)]).expect("acknowledged");
    assert_eq!(outcome.events, []);
    assert_eq!(bench.core.state.study(study).map(|study| study.counts.running), Some(1));
}

#[test]
fn a_paused_trial_is_not_taken_back_even_after_it_is_resumed() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    bench.pass(LEASE);
    bench.ask(Command::PauseTrial { trial: lease.task });
    bench.records(worker, &lease, 1, vec![at(1, 0.5)]).expect("acknowledged and dropped");
    bench.ask(Command::CordonWorker { worker });
    bench.ask(Command::ResumeTrial { trial: lease.task });
    let outcome = bench.records(worker, &lease, 2, vec![at(2, 0.4)]).expect("no gap: it counts for nothing");
    assert_eq!(outcome.events, []);
}

#[test]
fn a_restarted_worker_has_lost_what_it_does_not_hold() {
    let (mut bench, _, _, lease) = Bench::with_lease(one_at_a_time());
    let (_, outcome) = bench.attach_with(profile("a", 1), "2", &[]);
    assert!(matches!(ends(&outcome.events)[..], [(1, End::Lost { .. }, _)]));
    assert_eq!(leases(&outcome)[0].attempt, 2);
    assert_eq!(bench.trial(lease.task).crashes, 1);
}

#[test]
fn a_lease_that_never_arrived_costs_nothing() {
    let (mut bench, _, _, lease) = Bench::with_lease(one_at_a_time());
    let (_, outcome) = bench.attach_with(profile("a", 1), "1", &[]);
    assert!(matches!(ends(&outcome.events)[..], [(1, End::Preempted { .. }, _)]));
    assert_eq!(bench.trial(lease.task).crashes, 0);
}

#[test]
fn a_lease_is_given_up_at_the_second_heartbeat_without_it() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    let heartbeat = |bench: &mut Bench, held: Vec<HeldAttempt>| bench.ask(Command::Renew { worker, stream: STREAM, held }).1;
    assert_eq!(heartbeat(&mut bench, vec![]).events, [], "the first may have crossed the lease");
    assert_eq!(heartbeat(&mut bench, vec![held(&lease)]).events, []);
    assert_eq!(heartbeat(&mut bench, vec![]).events, [], "counted afresh");
    let outcome = heartbeat(&mut bench, vec![]);
    assert!(matches!(ends(&outcome.events)[..], [(1, End::Preempted { .. }, _)]));
    assert_eq!(leases(&outcome)[0].attempt, 2);
}

#[test]
fn what_a_worker_must_give_up_is_told_at_its_heartbeat() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    bench.ask(Command::CancelTrial { trial: lease.task });
    let (reply, _) = bench.ask(Command::Renew { worker, stream: STREAM, held: vec![held(&lease)] });
    assert_eq!(reply, Reply::Renewed { over: vec![held(&lease)] });
    let ended = HeldAttempt { ended: true, ..held(&lease) };
    let (reply, _) = bench.ask(Command::Renew { worker, stream: STREAM, held: vec![ended] });
    assert_eq!(reply, Reply::Renewed { over: vec![] }, "it may hand in what has ended");
}

#[test]
fn three_starts_without_contact_are_waited_for_and_not_a_fourth() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    for start in 1..=3 {
        bench.restart();
        assert!(bench.pass(LEASE - 1).events.is_empty(), "start {start}");
    }
    bench.restart();
    let lost = bench.pass(0);
    assert!(matches!(ends(&lost.events)[..], [(1, End::Lost { .. }, _)]));
    assert_eq!(bench.trial(lease.task).attempts[0].worker, worker);
}

#[test]
fn contact_after_a_start_gives_three_windows_anew() {
    let (mut bench, _, _, lease) = Bench::with_lease(one_at_a_time());
    for _ in 0..5 {
        bench.restart();
        bench.pass(LEASE - 1);
        bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
    }
    assert_eq!(bench.trial(lease.task).attempts.len(), 1);
    bench.check_replay();
}

#[test]
fn a_clock_that_jumps_takes_no_lease_away() {
    let (mut bench, _, _, _) = Bench::with_lease(one_at_a_time());
    for jump in [3_600 * SECOND, -7_200 * SECOND] {
        bench.now.wall += jump;
        assert_eq!(bench.pass(SECOND).events, []);
    }
}

#[test]
fn a_clock_that_went_back_does_not_hold_a_retry_up() {
    let mut study = one_at_a_time();
    study.trial.retries = 1;
    let (mut bench, _, worker, lease) = Bench::with_lease(study);
    bench.records(worker, &lease, 1, vec![ended(super::support::exit_code(1))]).expect("accepted");
    bench.now.wall -= 3_600 * SECOND;
    assert_eq!(leases(&bench.pass(SECOND))[0].task, lease.task);
}

#[test]
fn a_worker_that_leaves_hands_its_attempts_back_unharmed() {
    let (mut bench, _, worker, lease) = Bench::with_lease(one_at_a_time());
    let (_, outcome) = bench.ask(Command::WorkerLeaves { worker, stream: STREAM });
    assert!(matches!(ends(&outcome.events)[..], [(1, End::Preempted { .. }, Next::Requeue { not_before: 0 })]));
    assert_eq!(bench.trial(lease.task).crashes, 0);
    assert!(!outcome.effects.iter().any(|effect| matches!(effect, Effect::Assign { .. })));
}

#[test]
fn an_attempt_whose_place_was_given_away_is_not_taken_back() {
    let (mut bench, study, worker, lease) = Bench::with_lease(spec("late"));
    bench.pass(LEASE);
    // The worker does not have it yet: it stood still, and the lease waits in its stream.
    bench.ask(Command::PauseStudy { study });
    bench.ask(Command::Renew { worker, stream: STREAM, held: vec![] });
    let mut urgent = spec("urgent");
    urgent.priority = 1;
    let (_, outcome) = bench.create(urgent);
    assert_eq!(bench.leases_after(outcome).len(), 1);
    let late = bench.records(worker, &lease, 1, vec![at(1, 0.5)]).expect("acknowledged");
    assert_eq!(late.events, [Event::AttemptForsaken { trial: lease.task, attempt: 1, at: bench.now.wall }]);
    let (reply, _) = bench.ask(Command::Renew { worker, stream: STREAM, held: vec![held(&lease)] });
    assert_eq!(reply, Reply::Renewed { over: vec![held(&lease)] });
}
