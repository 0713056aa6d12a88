//! The engine against the journal in memory: what is acknowledged survives, and every way back leads to the same state.

use std::{collections::BTreeMap, sync::Arc, sync::Mutex};

use hone_coordinator::{
    Snapshots,
    engine::{Committed, Engine, SpillStore},
    journal::{JournalError, MemoryDisk, MemoryJournal, memory::Fault},
};
use hone_studies::{
    AttemptFiles, AttemptRecord, BlobId, Capacity, Cause, Command, Driver, Effect, Fact, Now, Point, Reply, State, StudyId,
    Timings, WorkerId, WorkerProfile, file,
};

#[derive(Clone, Default)]
struct Spill(Arc<Mutex<BTreeMap<BlobId, Vec<u8>>>>);

impl SpillStore for Spill {
    fn put(&mut self, bytes: &[u8]) -> Result<BlobId, JournalError> {
        let id = BlobId(*blake3::hash(bytes).as_bytes());
        self.0.lock().unwrap().insert(id, bytes.to_vec());
        Ok(id)
    }

    fn get(&self, id: BlobId) -> Result<Vec<u8>, JournalError> {
        Ok(self.0.lock().unwrap()[&id].clone())
    }
}

struct World {
    disk: MemoryDisk,
    spill: Spill,
    now: Now,
}

impl World {
    fn new() -> World {
        World { disk: MemoryDisk::new(), spill: Spill::default(), now: Now { wall: 1_000_000, mono: 0 } }
    }

    fn engine(&self, snapshots: Option<&Snapshots>) -> Engine {
        let journal = MemoryJournal::open(&self.disk).unwrap();
        Engine::recover(Box::new(journal), Box::new(self.spill.clone()), snapshots, self.now, Timings::DEFAULT).unwrap()
    }

    fn commit(&mut self, engine: &mut Engine, commands: Vec<Command>) -> Committed {
        self.now.wall += 1_000;
        self.now.mono += 1_000;
        engine.commit(self.now, commands).unwrap()
    }
}

fn create(name: &str, sampler: &str, max_trials: u32) -> Command {
    let text = format!(
        "name = \"{name}\"\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[search]\nsampler = \"{sampler}\"\nseed = 3\nmax_trials = {max_trials}\n\
         [space]\nx = {{ float = [-1.0, 1.0] }}\nn = {{ int = [1, 9] }}\n[trial]\ncommand = [\"true\"]\n"
    );
    let spec = file::parse(&text, "study.toml").unwrap();
    Command::CreateStudy { spec: Arc::new(spec), text, source: None, driver: Driver::Workers, paused: false, request: None }
}

fn attach(slots: u32) -> Command {
    let capacity = Capacity { cpus_milli: 1_000 * slots, memory_bytes: 1 << 30, gpus: Vec::new(), slots };
    let profile = WorkerProfile {
        key: "k".into(),
        name: "w".into(),
        host: "h".into(),
        build: "b".into(),
        capacity,
        labels: BTreeMap::new(),
    };
    Command::AttachWorker { profile, incarnation: "1".into(), held: Vec::new(), draining: false, stream: 1 }
}

/// Answers every lease with a report and a clean end.
fn finish(committed: &Committed) -> Vec<Command> {
    let leases = committed.effects.iter().filter_map(|effect| match effect {
        Effect::Assign { worker, assignment } => Some((*worker, assignment)),
        _ => None,
    });
    leases.map(|(worker, assignment)| Command::Records { worker, records: records(assignment) }).collect()
}

fn records(assignment: &hone_studies::Assignment) -> Vec<AttemptRecord> {
    let (task, attempt) = (assignment.task, assignment.attempt);
    let point = Point { step: None, metric: "loss".into(), value: assignment.params[0].abs() };
    let report = AttemptRecord { task, attempt, in_attempt: 1, fact: Fact::Report { points: vec![point] } };
    let ended = AttemptRecord {
        task,
        attempt,
        in_attempt: 2,
        fact: Fact::Ended { cause: Cause::Exited, files: AttemptFiles::default() },
    };
    vec![report, ended]
}

/// Runs a study to its end; samplers that read the history are asked between commits.
fn run(world: &mut World, engine: &mut Engine) {
    let mut commands = vec![attach(4)];
    while !commands.is_empty() {
        let committed = world.commit(engine, commands);
        assert!(committed.replies.iter().all(Result::is_ok), "{:?}", committed.replies);
        commands = finish(&committed);
        commands.extend(committed.questions.iter().map(|question| question.answer()));
    }
}

fn digest(state: &State) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&rmp_serde::to_vec_named(state).unwrap());
    for (study, segments) in state.segments() {
        hasher.update(&study.0.to_le_bytes());
        for segment in segments {
            hasher.update(&rmp_serde::to_vec_named(&**segment).unwrap());
        }
    }
    hasher.finalize()
}

fn the_study(engine: &Engine) -> Arc<hone_studies::Study> {
    engine.core().state.study(StudyId(1)).unwrap().clone()
}

#[test]
fn a_study_ends_with_exactly_its_budget() {
    for sampler in ["random", "sobol", "tpe"] {
        let mut world = World::new();
        let mut engine = world.engine(None);
        world.commit(&mut engine, vec![create("s", sampler, 37)]);
        run(&mut world, &mut engine);
        let study = the_study(&engine);
        assert_eq!((study.counts.complete, study.counts.open(), study.state.name()), (37, 0, "finished"), "{sampler}");
        let best = study.finished.columns().iter().flat_map(|part| part.values[0].clone()).fold(f64::INFINITY, f64::min);
        assert_eq!(study.best.unwrap().0, best);
    }
}

#[test]
fn replay_gives_the_state_that_ran() {
    let mut world = World::new();
    let mut engine = world.engine(None);
    world.commit(&mut engine, vec![create("s", "random", 3_000)]);
    run(&mut world, &mut engine);
    let mut live = engine.core().state.clone();
    drop(engine);
    world.disk.crash(0);
    let recovered = world.engine(None);
    live.apply(&hone_studies::Event::StoreOpened { at: world.now.wall });
    assert_eq!(digest(&recovered.core().state), digest(&live));
}

#[test]
fn a_snapshot_and_later_events_give_the_state_that_ran() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::open(folder.path()).unwrap();
    let mut world = World::new();
    let mut engine = world.engine(Some(&snapshots));
    world.commit(&mut engine, vec![create("a", "random", 70_000)]);
    run(&mut world, &mut engine);
    let head = engine.journal().head();
    snapshots.write(&engine.core().state, head).unwrap();
    engine.drop_before(head.sequence + 1).unwrap();
    world.commit(&mut engine, vec![create("b", "random", 10)]);
    run(&mut world, &mut engine);
    let mut live = engine.core().state.clone();
    drop(engine);
    let recovered = world.engine(Some(&Snapshots::open(folder.path()).unwrap()));
    live.apply(&hone_studies::Event::StoreOpened { at: world.now.wall });
    assert_eq!(recovered.core().state.study(StudyId(1)).unwrap().finished.len(), 70_000);
    assert_eq!(digest(&recovered.core().state), digest(&live));
}

#[test]
fn large_events_are_kept_as_blobs() {
    let mut world = World::new();
    let mut engine = world.engine(None);
    let Command::CreateStudy { spec, source, driver, paused, .. } = create("s", "random", 5) else { unreachable!() };
    let text = "# a long comment\n".repeat(10_000);
    world.commit(&mut engine, vec![Command::CreateStudy { spec, text: text.clone(), source, driver, paused, request: None }]);
    assert_eq!(engine.spilled().len(), 1);
    drop(engine);
    let recovered = world.engine(None);
    assert_eq!(*the_study(&recovered).text, *text);
    assert_eq!(recovered.spilled().len(), 1);
}

#[test]
fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
    let mut world = World::new();
    let mut engine = world.engine(None);
    world.commit(&mut engine, vec![create("s", "random", 100)]);
    let committed = world.commit(&mut engine, vec![attach(4)]);
    world.disk.fail_after(0, Fault::Full);
    let refused = engine.commit(world.now, finish(&committed));
    assert!(refused.unwrap_err().may_reopen());
    drop(engine);
    world.disk.free_space();
    let mut engine = world.engine(None);
    let study = the_study(&engine);
    assert_eq!((study.counts.complete, study.counts.running), (0, 4));
    // The worker hands the same records in again.
    let again = world.commit(&mut engine, finish(&committed));
    assert!(again.replies.iter().all(|reply| *reply == Ok(Reply::Done)));
    assert_eq!(the_study(&engine).counts.complete, 4);
    assert!(engine.core().state.worker(WorkerId(1)).is_some());
}
