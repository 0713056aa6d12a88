//! The JSON documents: one shape for a thing, in lists and alone. Fields only grow.

use hone_proto::v1;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{
    trials::keeper,
    values::{hex, number_text, rfc3339},
};

/// A double; what JSON has no word for is a text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() { serializer.serialize_f64(self.0) } else { serializer.serialize_str(&number_text(self.0)) }
    }
}

/// Parameters by name, in the order of the space.
#[derive(Clone, Debug)]
pub struct Params(Vec<v1::Parameter>);

impl Serialize for Params {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use v1::parameter::Value as Kind;
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for parameter in &self.0 {
            match &parameter.value {
                None => map.serialize_entry(&parameter.name, &Value::Null)?,
                Some(Kind::Float(value)) => map.serialize_entry(&parameter.name, &Number(*value))?,
                Some(Kind::Int(value)) => map.serialize_entry(&parameter.name, value)?,
                Some(Kind::Bool(value)) => map.serialize_entry(&parameter.name, value)?,
                Some(Kind::String(value)) => map.serialize_entry(&parameter.name, value)?,
            }
        }
        map.end()
    }
}

/// A study.
#[derive(Debug, Serialize)]
pub struct StudyDocument {
    id: u64,
    name: String,
    description: String,
    state: String,
    reason: String,
    created: Option<String>,
    finished: Option<String>,
    objectives: Vec<ObjectiveDocument>,
    counts: CountsDocument,
    max_trials: Option<u64>,
    parallel: Option<u32>,
    priority: i32,
    driver: String,
    source: Option<String>,
    warm_start: Vec<WarmStartDocument>,
    best: Option<TrialDocument>,
    spec: Value,
}

#[derive(Debug, Serialize)]
struct WarmStartDocument {
    id: u64,
    name: String,
    taken: u64,
    of: u64,
}

#[derive(Debug, Serialize)]
struct ObjectiveDocument {
    metric: String,
    direction: String,
}

#[derive(Debug, Default, Serialize)]
struct CountsDocument {
    waiting: u64,
    running: u64,
    paused: u64,
    complete: u64,
    pruned: u64,
    failed: u64,
    cancelled: u64,
    counted: u64,
    imported: u64,
}

impl From<&v1::Study> for StudyDocument {
    fn from(study: &v1::Study) -> Self {
        Self {
            id: study.id,
            name: study.name.clone(),
            description: study.description.clone(),
            state: study.state.clone(),
            reason: study.reason.clone(),
            created: rfc3339(study.created_us),
            finished: rfc3339(study.finished_us),
            objectives: study.objectives.iter().map(objective).collect(),
            counts: study.counts.as_ref().map(counts).unwrap_or_default(),
            max_trials: (study.max_trials > 0).then_some(study.max_trials),
            parallel: (study.parallel > 0).then_some(study.parallel),
            priority: study.priority,
            driver: study.driver.clone(),
            source: (!study.source.is_empty()).then(|| hex(&study.source)),
            warm_start: study.warm_start.iter().map(warm_start).collect(),
            best: study.best.as_ref().map(TrialDocument::from),
            spec: serde_json::from_str(&study.spec_json).unwrap_or(Value::Null),
        }
    }
}

fn warm_start(from: &v1::WarmStart) -> WarmStartDocument {
    WarmStartDocument { id: from.study, name: from.name.clone(), taken: from.taken, of: from.of }
}

fn objective(objective: &v1::Objective) -> ObjectiveDocument {
    ObjectiveDocument { metric: objective.metric.clone(), direction: objective.direction.clone() }
}

fn counts(counts: &v1::Counts) -> CountsDocument {
    CountsDocument {
        waiting: counts.waiting,
        running: counts.running,
        paused: counts.paused,
        complete: counts.complete,
        pruned: counts.pruned,
        failed: counts.failed,
        cancelled: counts.cancelled,
        counted: counts.counted,
        imported: counts.imported,
    }
}

/// Studies as documents.
pub fn study_documents(studies: &[v1::Study]) -> Vec<StudyDocument> {
    studies.iter().map(StudyDocument::from).collect()
}

/// A trial.
#[derive(Debug, Serialize)]
pub struct TrialDocument {
    id: u64,
    study: u64,
    number: u64,
    state: String,
    params: Params,
    values: Vec<Number>,
    metrics: std::collections::BTreeMap<String, Number>,
    created: Option<String>,
    started: Option<String>,
    ended: Option<String>,
    duration_seconds: Option<Number>,
    origin: String,
    why: String,
    end: String,
    last_step: Option<i64>,
    superseded_by: Option<u64>,
    tags: Vec<String>,
    note: String,
    attempt_count: u32,
    attempts: Vec<AttemptDocument>,
    outputs: Vec<OutputDocument>,
    curve: Vec<PointDocument>,
}

#[derive(Debug, Serialize)]
struct AttemptDocument {
    number: u32,
    worker: u64,
    worker_name: String,
    started: Option<String>,
    ended: Option<String>,
    end: String,
    detail: String,
    has_log: bool,
}

#[derive(Debug, Serialize)]
struct PointDocument {
    step: i64,
    metric: String,
    value: Number,
}

/// A file that a trial left.
#[derive(Debug, Serialize)]
pub struct OutputDocument {
    path: String,
    hash: String,
    size_bytes: u64,
    executable: bool,
    /// The worker on whose disk it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_by: Option<String>,
}

impl TrialDocument {
    /// The files alone.
    pub fn into_outputs(self) -> Vec<OutputDocument> {
        self.outputs
    }
}

impl From<&v1::Trial> for TrialDocument {
    fn from(trial: &v1::Trial) -> Self {
        Self {
            id: trial.id,
            study: trial.study,
            number: trial.number,
            state: trial.state.clone(),
            params: Params(trial.params.clone()),
            values: trial.values.iter().copied().map(Number).collect(),
            metrics: trial.metrics.iter().map(|(name, value)| (name.clone(), Number(*value))).collect(),
            created: rfc3339(trial.created_us),
            started: rfc3339(trial.started_us),
            ended: rfc3339(trial.ended_us),
            duration_seconds: super::trials::duration(trial).map(|micros| Number(micros as f64 / 1e6)),
            origin: trial.origin.clone(),
            why: trial.why.clone(),
            end: trial.end.clone(),
            last_step: trial.last_step,
            superseded_by: trial.superseded_by.checked_sub(1),
            tags: trial.tags.clone(),
            note: trial.note.clone(),
            attempt_count: trial.attempt_count,
            attempts: trial.attempts.iter().map(attempt).collect(),
            outputs: trial.outputs.iter().map(output).collect(),
            curve: trial.curve.iter().map(point).collect(),
        }
    }
}

fn attempt(attempt: &v1::Attempt) -> AttemptDocument {
    AttemptDocument {
        number: attempt.number,
        worker: attempt.worker,
        worker_name: attempt.worker_name.clone(),
        started: rfc3339(attempt.started_us),
        ended: rfc3339(attempt.ended_us),
        end: attempt.end.clone(),
        detail: attempt.detail.clone(),
        has_log: attempt.has_log,
    }
}

fn output(file: &v1::OutputFile) -> OutputDocument {
    OutputDocument {
        path: file.path.clone(),
        hash: hex(&file.hash),
        size_bytes: file.size,
        executable: file.executable,
        kept_by: keeper(file),
    }
}

fn point(point: &v1::Point) -> PointDocument {
    PointDocument { step: point.step, metric: point.metric.clone(), value: Number(point.value) }
}

/// Trials as documents.
pub fn trial_documents(trials: &[v1::Trial]) -> Vec<TrialDocument> {
    trials.iter().map(TrialDocument::from).collect()
}

/// A worker.
#[derive(Debug, Serialize)]
pub struct WorkerDocument {
    id: u64,
    name: String,
    host: String,
    state: String,
    cpus: Number,
    cpus_free: Number,
    memory_bytes: u64,
    memory_bytes_free: u64,
    gpus: Vec<GpuDocument>,
    slots: Option<u32>,
    labels: std::collections::BTreeMap<String, String>,
    running: Vec<RunningDocument>,
    ended_attempts: u64,
    joined: Option<String>,
    seen: Option<String>,
    clock_ahead_seconds: Number,
    build: String,
}

#[derive(Debug, Serialize)]
struct GpuDocument {
    index: u32,
    name: String,
    memory_bytes: u64,
    free: Number,
}

#[derive(Debug, Serialize)]
struct RunningDocument {
    study: String,
    trial: u64,
    attempt: u32,
    since: Option<String>,
}

impl From<&v1::Worker> for WorkerDocument {
    fn from(worker: &v1::Worker) -> Self {
        Self {
            id: worker.id,
            name: worker.name.clone(),
            host: worker.host.clone(),
            state: worker.state.clone(),
            cpus: thousandths(worker.cpus_milli),
            cpus_free: thousandths(worker.cpus_milli_free),
            memory_bytes: worker.memory_bytes,
            memory_bytes_free: worker.memory_bytes_free,
            gpus: worker.gpus.iter().map(gpu).collect(),
            slots: (worker.slots > 0).then_some(worker.slots),
            labels: worker.labels.clone().into_iter().collect(),
            running: worker.running.iter().map(running).collect(),
            ended_attempts: worker.ended_attempts,
            joined: rfc3339(worker.joined_us),
            seen: rfc3339(worker.seen_us),
            clock_ahead_seconds: Number(worker.clock_ahead_us as f64 / 1e6),
            build: worker.build.clone(),
        }
    }
}

fn thousandths(milli: u32) -> Number {
    Number(f64::from(milli) / 1000.0)
}

fn gpu(gpu: &v1::Gpu) -> GpuDocument {
    GpuDocument { index: gpu.index, name: gpu.name.clone(), memory_bytes: gpu.memory_bytes, free: thousandths(gpu.milli_free) }
}

fn running(running: &v1::Running) -> RunningDocument {
    RunningDocument {
        study: running.study.clone(),
        trial: running.trial,
        attempt: running.attempt,
        since: rfc3339(running.since_us),
    }
}

/// A store.
#[derive(Debug, Serialize)]
pub struct StoreDocument {
    id: String,
    data: String,
    sequence: u64,
    studies: u64,
    trials: u64,
    journal_bytes: u64,
    snapshot_bytes: u64,
    blob_bytes: u64,
    build: String,
    mlflow: Option<MirrorDocument>,
}

/// A mirror on an MLflow server.
#[derive(Debug, Serialize)]
struct MirrorDocument {
    server: String,
    behind: u64,
    refused: u64,
    trouble: Option<String>,
}

impl From<&v1::Store> for StoreDocument {
    fn from(store: &v1::Store) -> Self {
        Self {
            id: store.id.clone(),
            data: store.data.clone(),
            sequence: store.sequence,
            studies: store.studies,
            trials: store.trials,
            journal_bytes: store.journal_bytes,
            snapshot_bytes: store.snapshot_bytes,
            blob_bytes: store.blob_bytes,
            build: store.build.clone(),
            mlflow: store.mlflow.as_ref().map(mirror),
        }
    }
}

fn mirror(mirror: &v1::MlflowMirror) -> MirrorDocument {
    MirrorDocument {
        server: mirror.server.clone(),
        behind: mirror.behind,
        refused: mirror.refused,
        trouble: Some(mirror.trouble.clone()).filter(|trouble| !trouble.is_empty()),
    }
}
