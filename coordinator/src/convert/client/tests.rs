//! Clients see what the core has, and find what they mean.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use hone_proto::v1;
use hone_studies::{
    AttemptFiles, AttemptRecord, Capacity, Cause, Command, Core, Driver, Effect, Fact, Now, Owner, Point, Proposal, Reply, Scope,
    Study, TaskId, Timings, WorkerProfile,
};

use super::*;

const STUDY: &str = r#"
name = "digits"
[objective]
metric = "loss"
direction = "minimize"
[search]
max_trials = 10
parallel = 2
[space]
lr = { float = [0.0, 1.0] }
layers = { int = [1, 4] }
kind = { choice = ["adam", "sgd", 3, true] }
[trial]
command = ["train"]
"#;

/// A core with one study and one worker.
struct World {
    core: Core,
    time: i64,
}

impl World {
    fn new() -> World {
        let mut world = World { core: Core::recover(Default::default(), Now::default(), Timings::DEFAULT), time: 1 };
        let spec = Arc::new(hone_studies::file::parse(STUDY, "s.toml").unwrap());
        let text = STUDY.to_owned();
        world.does(Command::CreateStudy { spec, text, source: None, driver: Driver::Workers, paused: false, request: None });
        world
    }

    fn now(&mut self) -> Now {
        self.time += 1;
        Now { wall: self.time, mono: self.time }
    }

    fn does(&mut self, command: Command) -> Reply {
        let now = self.now();
        let (reply, _) = self.core.handle(now, command).unwrap();
        reply
    }

    /// Attaches a worker, and answers the sampler, until nothing more can start.
    fn attach(&mut self) {
        let profile = WorkerProfile {
            key: "k".to_owned(),
            name: "node".to_owned(),
            host: "h".to_owned(),
            build: "b".to_owned(),
            capacity: Capacity { cpus_milli: 4000, memory_bytes: 1 << 30, gpus: Vec::new(), slots: 0 },
            labels: BTreeMap::new(),
        };
        self.does(Command::AttachWorker { profile, incarnation: "i".to_owned(), held: Vec::new(), draining: false, stream: 1 });
        self.settle();
    }

    fn settle(&mut self) {
        let now = self.now();
        let effects = self.core.settle(now).effects;
        for effect in effects {
            let Effect::Propose { study, first_number, count, as_of } = effect else { continue };
            let proposal = Proposal { params: vec![0.5, 2.0, 1.0], why: "test".to_owned() };
            let trials = vec![proposal; count as usize];
            self.does(Command::Proposed { study, first_number, as_of, trials });
            let now = self.now();
            self.core.settle(now);
        }
    }

    fn study(&self) -> &Study {
        self.core.state.studies().next().unwrap()
    }

    fn trial(&self, number: u32, full: bool) -> v1::Trial {
        trial_to_proto(&self.core.state, self.study(), trial_of(self.study(), number).unwrap(), full)
    }

    fn id(&self, number: u32) -> TaskId {
        self.study().id_of(number).unwrap()
    }

    fn ends(&mut self, number: u32, cause: Cause, points: Vec<Point>) {
        let (task, attempt) = (self.id(number), 1);
        let worker = self.core.state.workers().next().unwrap().id;
        let ended = Fact::Ended { cause, files: AttemptFiles::default() };
        let records = [Fact::Report { points }, ended].into_iter().zip(1..);
        let records = records.map(|(fact, in_attempt)| AttemptRecord { task, attempt, in_attempt, fact }).collect();
        self.does(Command::Records { worker, records });
        self.settle();
    }
}

fn point(step: Option<i64>, metric: &str, value: f64) -> Point {
    Point { step, metric: metric.into(), value }
}

#[test]
fn a_running_trial_tells_where_it_runs() {
    let mut world = World::new();
    world.attach();
    let trial = world.trial(0, false);
    assert_eq!((trial.state.as_str(), trial.number, trial.origin.as_str()), ("running", 0, "sampled"));
    assert_eq!((trial.attempts.len(), trial.attempts[0].worker_name.as_str()), (1, "node"));
    let sgd = v1::parameter::Value::String("sgd".to_owned());
    assert_eq!(trial.params[1].value, Some(v1::parameter::Value::Int(2)));
    assert_eq!(trial.params[2].value, Some(sgd));
}

#[test]
fn a_finished_trial_tells_values_curve_and_attempts() {
    let mut world = World::new();
    world.attach();
    world.ends(0, Cause::Exited, vec![point(Some(1), "loss", 0.5), point(Some(2), "loss", 0.25), point(Some(2), "speed", 7.0)]);
    let brief = world.trial(0, false);
    assert_eq!((brief.state.as_str(), brief.values.as_slice(), brief.last_step), ("complete", &[0.25][..], Some(2)));
    assert_eq!(brief.metrics, HashMap::from([("speed".to_owned(), 7.0)]));
    assert!(brief.curve.is_empty() && brief.attempts.is_empty());
    let full = world.trial(0, true);
    assert_eq!(full.curve.len(), 3);
    assert_eq!((full.attempts[0].end.as_str(), full.attempts[0].worker_name.as_str()), ("finished", "node"));
    assert!(full.started_us > 0 && full.ended_us > full.started_us);
    let study = study_to_proto(world.study(), &world.core.state);
    assert_eq!(study.best.unwrap().number, 0);
    assert_eq!(study.counts.unwrap().complete, 1);
}

#[test]
fn a_failed_trial_says_why_and_a_retry_takes_its_place() {
    let mut world = World::new();
    world.attach();
    let failure = hone_studies::Failure::ExitCode { code: 3, message: "boom".to_owned() };
    world.ends(0, Cause::Failed(failure), vec![point(Some(1), "loss", 0.5)]);
    let trial = world.trial(0, true);
    assert_eq!((trial.state.as_str(), trial.attempts[0].end.as_str()), ("failed", "failed"));
    assert!(trial.end.contains("exit code 3: boom"), "{}", trial.end);
    assert!(trial.values.is_empty());
    world.does(Command::RetryTrial { trial: world.id(0) });
    let retry = world.study().next_number - 1;
    assert_eq!(world.trial(0, false).superseded_by, u64::from(retry) + 1);
    assert_eq!(world.trial(retry, false).origin, "retry of 0");
}

#[test]
fn tags_and_notes_of_a_finished_trial_can_be_changed_and_emptied() {
    let mut world = World::new();
    let attributes = BTreeMap::from([
        (TAGS.to_owned(), tags_to_bytes(&["b".to_owned(), "a".to_owned(), "b".to_owned()])),
        (NOTE.to_owned(), note_to_bytes("look")),
    ]);
    let study = world.study().id;
    world.does(Command::Enqueue { study, params: BTreeMap::new(), attributes });
    world.attach();
    world.ends(0, Cause::Exited, vec![point(None, "loss", 0.5)]);
    let before = world.trial(0, false);
    assert_eq!((before.tags.as_slice(), before.note.as_str()), (&["a".to_owned(), "b".to_owned()][..], "look"));
    let tags = tags_after(&before.tags, &["c".to_owned()], &["a".to_owned(), "b".to_owned(), "c".to_owned()]);
    for (key, value) in [(TAGS, tags_to_bytes(&tags)), (NOTE, note_to_bytes(""))] {
        let owner = Owner::Trial(world.id(0));
        world.does(Command::SetAttribute { owner, scope: Scope::User, key: key.to_owned(), value: Some(value) });
    }
    let after = world.trial(0, false);
    assert_eq!((after.tags.len(), after.note.as_str()), (0, ""));
}

#[test]
fn studies_are_found_by_name_then_last_then_id() {
    let world = World::new();
    let state = &world.core.state;
    for given in ["digits", "last", "1"] {
        assert_eq!(find_study(state, given).unwrap().spec.name, "digits");
    }
    let error = find_study(state, "digit").unwrap_err();
    assert_eq!((error.to_string(), error.hint().unwrap()), ("there is no study `digit`".into(), "did you mean `digits`?".into()));
    assert!(find_study(state, "").is_err());
    assert!(matches!(find_study(&Default::default(), "last"), Err(SelectError::Empty { what: "study" })));
}

#[test]
fn trials_are_found_by_number_last_and_best() {
    let mut world = World::new();
    assert_eq!(find_trial(world.study(), "0").unwrap_err().to_string(), "study `digits` has no trial 0: it has none yet");
    world.attach();
    assert_eq!(find_trial(world.study(), "last").unwrap().number(), 1);
    assert_eq!(find_trial(world.study(), "best").unwrap_err().to_string(), "study `digits` has no complete trial yet");
    world.ends(0, Cause::Exited, vec![point(None, "loss", 0.5)]);
    assert_eq!(find_trial(world.study(), "best").unwrap().number(), 0);
    assert!(
        find_trial(world.study(), "17")
            .unwrap_err()
            .to_string()
            .starts_with("study `digits` has no trial 17: it has trials 0 to")
    );
    assert!(matches!(find_trial(world.study(), "-1"), Err(SelectError::NotATrial(_))));
}

#[test]
fn a_worker_is_shown_with_what_it_runs_and_what_is_free() {
    let mut world = World::new();
    world.attach();
    let worker = find_worker(&world.core.state, "node").unwrap();
    let shown = worker_to_proto(worker, world.core.roster.session(worker.id), &world.core.state, 5);
    assert_eq!((shown.state.as_str(), shown.running.len(), shown.cpus_milli_free), ("connected", 2, 2000));
    assert_eq!(worker_to_proto(worker, None, &world.core.state, 0).state, "disconnected");
    assert!(find_worker(&world.core.state, "nod").unwrap_err().hint().unwrap().contains("`node`"));
}

#[test]
fn values_are_read_by_what_a_parameter_may_be() {
    let world = World::new();
    let space = &world.study().spec.space;
    let read = |pairs: &[(&str, &str)]| {
        let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        values_from_strings(space, &given)
    };
    let values = read(&[("lr", "1e-3"), ("layers", "2"), ("kind", "3")]).unwrap();
    let shown: Vec<String> = values.values().map(ToString::to_string).collect();
    assert_eq!(shown, ["3", "2", "0.001"]);
    assert_eq!(read(&[("kind", "true")]).unwrap()["kind"], hone_search::Value::Bool(true));
    let problems = read(&[("lr", "two"), ("layer", "1"), ("kind", "rmsprop")]).unwrap_err();
    assert_eq!(problems.len(), 3);
    assert_eq!(problems[1].hint.as_deref(), Some("did you mean `layers`?"));
    assert!(problems[0].to_string().contains("`rmsprop`"), "{}", problems[0]);
    assert_eq!(problems[2].to_string(), "parameter `lr`: `two` is not a finite number");
}

#[test]
fn an_explanation_rests_on_the_state() {
    let mut world = World::new();
    let now = Now { wall: 1, mono: 1 };
    let idle = waits_for(&world.core.state, &world.core.roster, world.study(), now);
    assert!(idle.contains("worker"), "{idle}");
    world.attach();
    let now = world.now();
    let trial = trial_of(world.study(), 0).unwrap();
    let running = explanation(&world.core.state, &world.core.roster, world.study(), trial, now);
    assert!(running.summary.contains("node"), "{running:?}");
}
