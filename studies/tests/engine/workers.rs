//! Workers: what attaching, cordoning and changing do.

use hone_studies::{Command, Event, Reject, WorkerId, WorkerState};

use super::support::{Bench, STREAM, gpu, held, profile, spec};

#[test]
fn a_worker_keeps_its_id_by_its_key() {
    let mut bench = Bench::new();
    let (first, _) = bench.attach(profile("a", 1));
    let (second, _) = bench.attach(profile("b", 1));
    let (again, outcome) = bench.attach(profile("a", 1));
    assert_eq!((first, second, again), (WorkerId(1), WorkerId(2), WorkerId(1)));
    assert!(!outcome.events.iter().any(|event| matches!(event, Event::WorkerRegistered { .. })), "nothing is new");
}

#[test]
fn a_cordoned_worker_keeps_what_it_runs_and_stays_cordoned() {
    let (mut bench, _, worker, lease) = Bench::with_lease(spec("cordon"));
    bench.ask(Command::CordonWorker { worker });
    bench.attach_with(profile("a", 1), "1", &[held(&lease)]);
    let done = bench.complete(worker, &lease, 1.0);
    assert_eq!(bench.leases_after(done), []);
    assert_eq!(bench.run(Command::ActivateWorker { worker }).len(), 1);
}

#[test]
fn the_end_of_an_old_stream_is_not_the_end_of_the_new_one() {
    let mut bench = Bench::new();
    let (worker, _) = bench.attach(profile("a", 1));
    let hello = Command::AttachWorker {
        profile: profile("a", 1),
        incarnation: "1".to_owned(),
        held: vec![],
        draining: false,
        stream: STREAM + 1,
    };
    bench.ask(hello);
    bench.ask(Command::DetachWorker { worker, stream: STREAM });
    for late in [Command::WorkerLeaves { worker, stream: STREAM }, Command::Renew { worker, stream: STREAM, held: vec![] }] {
        assert_eq!(bench.refused(late), Reject::OldStream(worker));
    }
    let (_, outcome) = bench.create(spec("goes-on"));
    assert_eq!(bench.leases_after(outcome).len(), 1, "the worker is connected");
    bench.ask(Command::DetachWorker { worker, stream: STREAM + 1 });
    assert_eq!(bench.core.roster.session(worker).map(|session| session.is_connected()), Some(false));
}

#[test]
fn a_worker_that_drains_by_itself_takes_work_again_after_its_restart() {
    let mut bench = Bench::new();
    let profile = profile("a", 1);
    let hello = |incarnation: &str, draining| Command::AttachWorker {
        profile: profile.clone(),
        incarnation: incarnation.to_owned(),
        held: vec![],
        draining,
        stream: 1,
    };
    bench.ask(hello("1", true));
    let state = |bench: &Bench| bench.core.state.worker(WorkerId(1)).map(|worker| worker.state);
    assert_eq!(state(&bench), Some(WorkerState::Draining));
    bench.ask(Command::WorkerLeaves { worker: WorkerId(1), stream: STREAM });
    assert_eq!(state(&bench), Some(WorkerState::Gone));
    bench.ask(hello("2", false));
    assert_eq!(state(&bench), Some(WorkerState::Active));
}

#[test]
fn a_worker_may_come_back_with_fewer_gpus_than_it_uses() {
    let mut study = spec("gpu");
    study.trial.resources.gpus_milli = 1_000;
    let mut large = profile("a", 4);
    large.capacity.gpus = vec![gpu(0), gpu(1)];
    let mut bench = Bench::new();
    bench.attach(large);
    let (_, outcome) = bench.create(study);
    let leases = bench.leases_after(outcome);
    assert_eq!(leases.len(), 2);
    bench.restart();
    let mut small = profile("a", 4);
    small.capacity.gpus = vec![gpu(1)];
    let all: Vec<_> = leases.iter().map(held).collect();
    let (_, outcome) = bench.attach_with(small, "1", &all);
    assert_eq!(bench.leases_after(outcome), []);
}

#[test]
fn an_unknown_worker_is_named() {
    let mut bench = Bench::new();
    let worker = WorkerId(9);
    for command in [
        Command::CordonWorker { worker },
        Command::ActivateWorker { worker },
        Command::DrainWorker { worker, hand_back: false },
        Command::WorkerLeaves { worker, stream: STREAM },
        Command::Renew { worker, stream: STREAM, held: vec![] },
    ] {
        assert_eq!(bench.refused(command), Reject::NoSuchWorker(worker));
    }
}
