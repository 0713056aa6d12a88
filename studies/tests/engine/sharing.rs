//! Who gets what is free: priority, weights, GPUs, labels, `parallel`.

use std::collections::BTreeMap;

use hone_studies::{Assignment, Command, GpuShare, Resources, StudyId, StudySpec, WorkerProfile};

use super::support::{Bench, STREAM, gpu, profile, spec};

fn named(name: &str, change: impl FnOnce(&mut StudySpec)) -> StudySpec {
    let mut study = spec(name);
    study.search.max_trials = Some(100);
    change(&mut study);
    study
}

/// Leases by study, once a worker attaches after all studies are there.
fn shared(studies: Vec<StudySpec>, worker: WorkerProfile) -> BTreeMap<StudyId, usize> {
    let mut bench = Bench::new();
    for study in studies {
        bench.create(study);
    }
    let (_, outcome) = bench.attach(worker);
    let mut count = BTreeMap::new();
    for lease in bench.leases_after(outcome) {
        *count.entry(lease.study).or_default() += 1;
    }
    count
}

#[test]
fn equal_studies_share_equally() {
    let count = shared(vec![named("a", |_| {}), named("b", |_| {})], profile("w", 8));
    assert_eq!(count, [(StudyId(1), 4), (StudyId(2), 4)].into());
}

#[test]
fn weights_share_in_their_proportion() {
    let count = shared(vec![named("a", |study| study.weight = 3.0), named("b", |_| {})], profile("w", 8));
    assert_eq!(count, [(StudyId(1), 6), (StudyId(2), 2)].into());
}

#[test]
fn a_higher_priority_gets_everything_it_can_use() {
    let urgent = |study: &mut StudySpec| {
        study.priority = 1;
        study.search.parallel = Some(6);
    };
    let count = shared(vec![named("a", |_| {}), named("b", urgent)], profile("w", 8));
    assert_eq!(count, [(StudyId(1), 2), (StudyId(2), 6)].into());
}

#[test]
fn parallel_bounds_what_runs_at_once() {
    let count = shared(vec![named("a", |study| study.search.parallel = Some(3))], profile("w", 8));
    assert_eq!(count, [(StudyId(1), 3)].into());
}

#[test]
fn slots_bound_what_a_worker_runs_at_once() {
    let mut worker = profile("w", 8);
    worker.capacity.slots = 2;
    assert_eq!(shared(vec![named("a", |_| {})], worker), [(StudyId(1), 2)].into());
}

#[test]
fn memory_bounds_what_a_worker_runs_at_once() {
    let hungry = named("a", |study| study.trial.resources.memory_bytes = 6 << 30);
    assert_eq!(shared(vec![hungry], profile("w", 8)), [(StudyId(1), 2)].into());
}

fn with_gpus(count: u32) -> WorkerProfile {
    let mut worker = profile("w", 64);
    worker.capacity.gpus = (0..count).map(|at| gpu(at * 10)).collect();
    worker
}

fn on_gpus(milli: u32, worker: WorkerProfile) -> Vec<Vec<(u32, u32)>> {
    let mut bench = Bench::new();
    bench.create(named("gpu", |study| study.trial.resources = Resources { gpus_milli: milli, ..Resources::default() }));
    let (_, outcome) = bench.attach(worker);
    let shares = |lease: Assignment| lease.gpus.iter().map(|GpuShare { index, milli }| (*index, *milli)).collect();
    bench.leases_after(outcome).into_iter().map(shares).collect()
}

#[test]
fn whole_gpus_are_given_by_their_own_numbers() {
    assert_eq!(on_gpus(1_000, with_gpus(2)), [[(0, 1_000)], [(10, 1_000)]]);
    assert_eq!(on_gpus(2_000, with_gpus(3)), [[(0, 1_000), (10, 1_000)]]);
}

#[test]
fn parts_of_gpus_fill_one_card_before_the_next() {
    assert_eq!(on_gpus(500, with_gpus(2)), [[(0, 500)], [(0, 500)], [(10, 500)], [(10, 500)]]);
    assert_eq!(on_gpus(400, with_gpus(1)).len(), 2, "shares of two cards are never joined");
}

#[test]
fn a_gpu_that_is_partly_used_is_not_whole() {
    let mut bench = Bench::new();
    bench.attach(with_gpus(1));
    let part = named("part", |study| {
        study.trial.resources.gpus_milli = 300;
        study.search.parallel = Some(1);
    });
    let (_, outcome) = bench.create(part);
    assert_eq!(bench.leases_after(outcome).len(), 1);
    let (_, outcome) = bench.create(named("whole", |study| study.trial.resources.gpus_milli = 1_000));
    assert_eq!(bench.leases_after(outcome), []);
}

#[test]
fn small_gpus_are_passed_over() {
    let mut bench = Bench::new();
    let mut worker = with_gpus(2);
    worker.capacity.gpus[1].memory_bytes = 40 << 30;
    bench.attach(worker);
    let (_, outcome) = bench.create(named("large", |study| {
        study.trial.resources.gpus_milli = 1_000;
        study.trial.resources.gpu_memory_bytes = 20 << 30;
    }));
    let leases = bench.leases_after(outcome);
    assert_eq!(leases.iter().map(|lease| lease.gpus[0].index).collect::<Vec<_>>(), [10]);
}

#[test]
fn labels_decide_where_a_trial_may_run() {
    let mut bench = Bench::new();
    let (_, outcome) = bench.create(named("zone", |study| {
        study.trial.resources.labels = [("zone".to_owned(), "a".to_owned())].into();
    }));
    assert_eq!(bench.leases_after(outcome), []);
    let (_, outcome) = bench.attach(profile("nowhere", 1));
    assert_eq!(bench.leases_after(outcome), []);
    let mut there = profile("there", 1);
    there.labels = [("zone".to_owned(), "a".to_owned())].into();
    let (_, outcome) = bench.attach(there);
    assert_eq!(bench.leases_after(outcome).len(), 1);
}

#[test]
fn the_worker_with_the_most_room_is_taken() {
    let mut bench = Bench::new();
    bench.attach(profile("small", 2));
    let (large, _) = bench.attach(profile("large", 4));
    let (study, outcome) = bench.create(named("one", |study| study.search.parallel = Some(1)));
    let lease = bench.leases_after(outcome).remove(0);
    assert_eq!(bench.trial(lease.task).attempts[0].worker, large);
    bench.ask(Command::CancelStudy { study });
}

#[test]
fn a_killed_process_keeps_its_place_until_it_is_gone() {
    let (mut bench, _, worker, lease) = Bench::with_lease(named("kill", |_| {}));
    let (_, outcome) = bench.ask(Command::CancelTrial { trial: lease.task });
    assert_eq!(bench.leases_after(outcome), []);
    let next = bench.run(Command::Renew { worker, stream: STREAM, held: vec![] });
    assert_eq!(next.len(), 1, "the heartbeat says that it is gone");
}
