//! One event of every kind and every shape that a kind can have, by name: what the golden file holds.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{Columns, Distribution, Foreign, Outcome, Row};
use hone_studies::{
    AttemptFiles, BlobId, Capacity, Driver, End, Event, Failure, FileRef, Gpu, GpuShare, ImportedTrial, Next, Origin, Owner,
    Point, RequestId, Scope, Served, StudyId, StudySpec, StudyState, TaskId, WarmStart, WorkerId, WorkerProfile, WorkerState,
};

const AT: i64 = 1_700_000_000_000_001;
const STUDY: &str = include_str!("../../../tests/golden/study.toml");

pub(super) fn spec() -> Arc<StudySpec> {
    Arc::new(hone_studies::file::parse(STUDY, "study.toml").expect("the golden study is correct"))
}

pub(super) fn samples() -> Vec<(&'static str, Event)> {
    [studies(), trials(), attempts(), ends(), workers(), super::labels::samples(), super::datasets::samples()].concat()
}

fn studies() -> Vec<(&'static str, Event)> {
    let study = StudyId(3);
    let (text, reason) = ("name = \"x\"".to_owned(), "why, exactly".to_owned());
    let moved = |to| Event::StudyMoved { study, at: AT, to, reason: reason.clone() };
    let attribute = |owner, scope, value| Event::AttributeSet { owner, scope, key: "a key".to_owned(), value };
    let created = |source, driver| Event::StudyCreated { study, at: AT, spec: spec(), text: text.clone(), source, driver };
    vec![
        ("store_opened", Event::StoreOpened { at: AT }),
        ("study_created", created(Some(BlobId([7; 32])), Driver::Workers)),
        ("study_created.clients", created(None, Driver::Clients)),
        ("study_changed", Event::StudyChanged { study, at: AT, spec: spec(), text: text.clone() }),
        ("study_moved.active", moved(StudyState::Active)),
        ("study_moved.paused", moved(StudyState::Paused)),
        ("study_moved.stopping", moved(StudyState::Stopping)),
        ("study_moved.finished", moved(StudyState::Finished)),
        ("study_warmed", Event::StudyWarmed { study, at: AT, warm: warm_start() }),
        ("study_removed", Event::StudyRemoved { study, at: AT }),
        ("attribute_set.study", attribute(Owner::Study(study), Scope::User, Some(vec![0, 255, 10]))),
        ("attribute_set.trial", attribute(Owner::Trial(TaskId(9)), Scope::System, Some(Vec::new()))),
        ("attribute_set.removed", attribute(Owner::Trial(TaskId(9)), Scope::User, None)),
    ]
}

/// A complete trial that lacks a parameter, and one that was pruned and violates a constraint.
fn warm_start() -> WarmStart {
    let complete = Row {
        number: 4,
        outcome: Outcome::Complete,
        params: vec![0.1, f64::NAN, 3.0],
        values: vec![0.5, -1.5],
        violation: 0.0,
        last_step: None,
        last_value: f64::NAN,
    };
    let pruned = Row {
        number: 0,
        outcome: Outcome::Pruned,
        params: vec![1e-310, 2.0, 0.0],
        values: Vec::new(),
        violation: 0.25,
        last_step: Some(-7),
        last_value: 0.0,
    };
    let mut columns = Columns::default();
    [complete, pruned].into_iter().for_each(|row| columns.push(row));
    WarmStart { study: StudyId(2), of: 9, foreign: Arc::new(Foreign { name: "other".to_owned(), columns }) }
}

fn trials() -> Vec<(&'static str, Event)> {
    let trial = TaskId(300);
    let created = |origin| Event::TrialCreated {
        study: StudyId(3),
        trial,
        number: 0,
        at: AT,
        params: vec![0.1, -0.0, f64::NAN, 1e-310, 3.0],
        origin,
        why: "tpe: 24 candidates".to_owned(),
    };
    let point = |step, value| Point { step, metric: "loss".into(), value };
    let imported = |outcome, values| Event::TrialImported {
        study: StudyId(3),
        trial,
        number: 4,
        at: AT,
        imported: ImportedTrial {
            params: vec![0.1, f64::NAN],
            outcome,
            values,
            started: AT - 9,
            ended: 0,
            points: vec![point(Some(-1), 0.25), point(None, 1e-310)],
            why: "from `old.csv`".to_owned(),
        },
    };
    vec![
        ("trial_created.sampled", created(Origin::Sampled { as_of: 12 })),
        ("trial_created.sampled_first", created(Origin::Sampled { as_of: 0 })),
        ("trial_created.enqueued", created(Origin::Enqueued { as_of: 1 })),
        ("trial_created.retry", created(Origin::Retry { of: TaskId(4) })),
        ("trial_created.imported", created(Origin::Imported)),
        ("trial_created.asked", created(Origin::Asked { as_of: u64::MAX })),
        ("trial_imported.complete", imported(Outcome::Complete, vec![0.5, -1.5])),
        ("trial_imported.pruned", imported(Outcome::Pruned, vec![])),
        ("trial_imported.failed", imported(Outcome::Failed, vec![])),
        ("trial_imported.cancelled", imported(Outcome::Cancelled, vec![])),
        ("trial_paused", Event::TrialPaused { trial, at: AT }),
        ("trial_resumed", Event::TrialResumed { trial, at: AT }),
        ("trial_cancelled", Event::TrialCancelled { trial, at: AT, reason: "the study stops".to_owned() }),
        ("trial_pruned", Event::TrialPruned { trial, at: AT, reason: "it never went on".to_owned() }),
        ("trial_superseded", Event::TrialSuperseded { trial, by: TaskId(301) }),
    ]
}

fn attempts() -> Vec<(&'static str, Event)> {
    let (trial, worker, attempt) = (TaskId(300), WorkerId(2), 2);
    let gpus = vec![GpuShare { index: 0, milli: 250 }, GpuShare { index: 3, milli: 1000 }];
    let points = vec![
        Point { step: Some(-1), metric: "loss".into(), value: 0.25 },
        Point { step: Some(0), metric: "loss".into(), value: 0.0 },
        Point { step: None, metric: "val/accuracy".into(), value: f64::INFINITY },
    ];
    let stale = End::Finished { values: Vec::new() };
    let judged = |reason: &str, pause| Event::TrialJudged { trial, attempt, step: -5, reason: reason.to_owned(), pause };
    let told =
        |message, outputs| Event::TrialTold { trial, at: AT, outcome: Outcome::Pruned, values: vec![0.5], message, outputs };
    let served = |what| Event::RequestServed { request: RequestId([5; 16]), what };
    vec![
        ("trial_leased", Event::TrialLeased { trial, attempt, worker, at: AT, gpus }),
        ("trial_reported", Event::TrialReported { trial, attempt, through: 17, points }),
        ("trial_judged", judged("worse than the median", false)),
        ("trial_judged.pause", judged("asha: place 5 of 9 at step 3, best 3 go on", true)),
        (
            "checkpoint_saved",
            Event::CheckpointSaved { trial, attempt, through: 18, at: AT, files: vec![file("a/b.pt")], step: Some(4) },
        ),
        (
            "checkpoint_saved.no_step",
            Event::CheckpointSaved { trial, attempt, through: 18, at: AT, files: Vec::new(), step: None },
        ),
        ("attempt_reclaimed", Event::AttemptReclaimed { trial, attempt, worker, at: AT }),
        ("attempt_forsaken", Event::AttemptForsaken { trial, attempt, at: AT }),
        (
            "parameter_set",
            Event::ParameterSet {
                trial,
                name: "x".to_owned(),
                value: 0.5,
                distribution: Distribution::Float { low: 0.0, high: 1.0, log: false, step: None },
                text: "{}".to_owned(),
            },
        ),
        ("trial_told", told(String::new(), Vec::new())),
        ("trial_told.failed", told("why".to_owned(), vec![file("model.bin")])),
        ("request_served.study", served(Served::Study(StudyId(3)))),
        ("request_served.created", served(Served::Created(trial))),
        ("request_served.taken", served(Served::Taken(trial))),
        ("request_served.told", served(Served::Told(trial))),
        ("attempt_stale", Event::AttemptStale { trial, attempt, at: AT, end: stale, values: vec![0.5] }),
    ]
}

fn file(path: &str) -> FileRef {
    FileRef { path: path.to_owned(), blob: BlobId([9; 32]), size: 1 << 40, executable: true, kept_by: None }
}

fn ends() -> Vec<(&'static str, Event)> {
    let ended = |end, next, files| Event::AttemptEnded { trial: TaskId(300), attempt: 2, through: 19, at: AT, end, next, files };
    let files = AttemptFiles { outputs: vec![file("model.bin")], log: Some(file("log")), notes: vec!["left out `x`".to_owned()] };
    let kept = FileRef { kept_by: Some(WorkerId(2)), ..file("predictions/pool.npy") };
    let (reason, message) = (|| "a reason".to_owned(), || "a message".to_owned());
    let failed = |failure| ended(End::Failed(failure), Next::Fail, AttemptFiles::default());
    vec![
        ("attempt_ended.finished", ended(End::Finished { values: vec![0.5, -1.5] }, Next::Complete, files)),
        ("attempt_ended.pruned", ended(End::Pruned, Next::Prune, AttemptFiles::default())),
        ("attempt_ended.kept", ended(End::Pruned, Next::Prune, AttemptFiles { outputs: vec![kept], ..AttemptFiles::default() })),
        (
            "attempt_ended.preempted",
            ended(End::Preempted { reason: reason() }, Next::Requeue { not_before: 0 }, AttemptFiles::default()),
        ),
        ("attempt_ended.lost", ended(End::Lost { reason: reason() }, Next::Requeue { not_before: AT }, AttemptFiles::default())),
        ("attempt_ended.cancelled", ended(End::Cancelled { reason: reason() }, Next::Cancel, AttemptFiles::default())),
        ("attempt_ended.paused", ended(End::Preempted { reason: reason() }, Next::Pause, AttemptFiles::default())),
        ("attempt_ended.exit_code", failed(Failure::ExitCode { code: -1, message: message() })),
        ("attempt_ended.signal", failed(Failure::Signal { signal: 9, message: message() })),
        ("attempt_ended.out_of_memory", failed(Failure::OutOfMemory { message: message() })),
        ("attempt_ended.timed_out", failed(Failure::TimedOut { message: message() })),
        ("attempt_ended.bad_metric", failed(Failure::BadMetric { message: message() })),
        ("attempt_ended.setup", failed(Failure::Setup { message: message() })),
        ("attempt_ended.spawn", failed(Failure::Spawn { message: message() })),
        ("attempt_ended.told", failed(Failure::Told { message: message() })),
        ("attempt_ended.crash_limit", failed(Failure::CrashLimit { message: message() })),
    ]
}

fn workers() -> Vec<(&'static str, Event)> {
    let worker = WorkerId(2);
    let moved = |to| Event::WorkerMoved { worker, at: AT, to, reason: "asked for".to_owned() };
    let gpu = Gpu { index: 1, name: "H200".to_owned(), memory_bytes: 150 << 30 };
    let profile = WorkerProfile {
        key: "k-1".to_owned(),
        name: "node".to_owned(),
        host: "node.example".to_owned(),
        build: "0.1.0".to_owned(),
        capacity: Capacity { cpus_milli: 8000, memory_bytes: 1 << 36, gpus: vec![gpu], slots: 4 },
        labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
    };
    vec![
        ("worker_registered", Event::WorkerRegistered { worker, at: AT, profile }),
        ("worker_attached", Event::WorkerAttached { worker, at: AT, incarnation: "i-1".to_owned() }),
        ("worker_moved.active", moved(WorkerState::Active)),
        ("worker_moved.cordoned", moved(WorkerState::Cordoned)),
        ("worker_moved.draining", moved(WorkerState::Draining)),
        ("worker_moved.gone", moved(WorkerState::Gone)),
    ]
}
