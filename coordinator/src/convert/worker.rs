//! The worker's stream: from messages to commands of the core, and from its effects to messages.
//!
//! What a worker says is input: paths, hashes, names and numbers are checked here, and an error names the field.
//! Free text (messages, reasons) is shortened instead, because a worker sends a refused record for ever.

use std::{collections::BTreeSet, sync::Arc};

use hone_data::{Hash, RelativePath};
use hone_proto::worker::{self as wire, metrics_files::Format};
use hone_search::{Params, PrunerConfig, Space};
use hone_studies::{
    Assignment, AttemptFiles, AttemptRecord, BlobId, Capacity, Cause, Fact, Failure, FileRef, Gpu, GpuShare, HeldAttempt,
    MetricsFiles, MetricsFormat, Point, Study, StudyId, TaskId, WorkerId, WorkerProfile, dataset::DatasetUse,
};
use serde::{Serializer, ser::SerializeMap};

/// Names of metrics, workers, hosts and labels, in bytes.
pub const MAX_NAME_BYTES: usize = 256;
/// What is kept of a message for people, in bytes.
pub const MAX_TEXT_BYTES: usize = 4_096;
/// Labels of a worker, GPUs of a worker, notes of an attempt.
const MAX_LISTED: usize = 256;

/// What a worker says when it attaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    /// Who it is and what it offers.
    pub profile: WorkerProfile,
    /// New with every start of its process.
    pub incarnation: String,
    /// Attempts that it still has.
    pub held: Vec<HeldAttempt>,
    /// It takes nothing new.
    pub draining: bool,
}

/// Why a message of a worker cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A field is not what it should be.
    #[error("`{field}` {problem}")]
    Field {
        /// Path of the field in its message.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The worker and this build have no protocol in common.
    #[error("the worker speaks protocol {worker_min} to {worker_max}, this coordinator {own_min} to {own_max}; upgrade {older}")]
    Protocol {
        /// The worker's oldest.
        worker_min: u32,
        /// The worker's newest.
        worker_max: u32,
        /// This build's oldest.
        own_min: u32,
        /// This build's newest.
        own_max: u32,
        /// Which of the two is too old.
        older: &'static str,
    },
}

type Checked<T> = Result<T, WireError>;

fn wrong<T>(field: impl Into<String>, problem: impl Into<String>) -> Checked<T> {
    Err(WireError::Field { field: field.into(), problem: problem.into() })
}

/// Returns the newest protocol that both sides speak.
///
/// # Errors
/// There is none; the error names the side to upgrade.
pub fn protocol_of(hello: &wire::Hello) -> Checked<u32> {
    let (own_min, own_max) = (*hone_proto::PROTOCOL.start(), *hone_proto::PROTOCOL.end());
    let common = hello.protocol_max.min(own_max);
    if common >= hello.protocol_min.max(own_min) {
        return Ok(common);
    }
    let older = if hello.protocol_max < own_min { "the worker" } else { "the coordinator" };
    Err(WireError::Protocol { worker_min: hello.protocol_min, worker_max: hello.protocol_max, own_min, own_max, older })
}

/// Checks a worker's first message.
///
/// # Errors
/// Names the field that is malformed.
pub fn hello_from_proto(hello: wire::Hello) -> Checked<Greeting> {
    let Some(capacity) = hello.capacity else { return wrong("hello.capacity", "is missing") };
    if hello.labels.len() > MAX_LISTED {
        return wrong("hello.labels", format!("has more than {MAX_LISTED} entries"));
    }
    for (key, value) in &hello.labels {
        name("hello.labels", key)?;
        short("hello.labels", value)?;
    }
    Ok(Greeting {
        profile: WorkerProfile {
            key: name("hello.worker_key", &hello.worker_key)?,
            name: name("hello.name", &hello.name)?,
            host: short("hello.host", &hello.host)?,
            build: short("hello.build", &hello.build)?,
            capacity: capacity_from_proto(capacity)?,
            labels: hello.labels.into_iter().collect(),
        },
        incarnation: name("hello.incarnation", &hello.incarnation)?,
        held: held_from_proto(&hello.held)?,
        draining: hello.draining,
    })
}

fn capacity_from_proto(capacity: wire::Capacity) -> Checked<Capacity> {
    let mut indexes = BTreeSet::new();
    let mut gpus = Vec::new();
    for gpu in capacity.gpus.into_iter().take(MAX_LISTED) {
        if !indexes.insert(gpu.index) {
            return wrong("hello.capacity.gpus", format!("has the index {} twice", gpu.index));
        }
        gpus.push(Gpu { index: gpu.index, name: short("hello.capacity.gpus.name", &gpu.name)?, memory_bytes: gpu.memory_bytes });
    }
    Ok(Capacity { cpus_milli: capacity.cpus_milli, memory_bytes: capacity.memory_bytes, gpus, slots: capacity.slots })
}

/// Reads the attempts that a worker says it has.
///
/// # Errors
/// An attempt without a number.
pub fn held_from_proto(held: &[wire::Held]) -> Checked<Vec<HeldAttempt>> {
    held.iter()
        .map(|it| attempt_of("held", it.task, it.attempt).map(|(task, attempt)| HeldAttempt { task, attempt, ended: it.ended }))
        .collect()
}

/// Reads which files stay on a worker; `None`: it cannot tell of all.
///
/// # Errors
/// A hash that is none.
pub fn kept_from_proto(kept: &wire::Kept) -> Checked<Option<BTreeSet<Hash>>> {
    let mut hashes = BTreeSet::new();
    for hash in &kept.hashes {
        let Ok(bytes) = hash.as_ref().try_into() else { return wrong("kept.hashes", "has a hash that is not 32 bytes long") };
        hashes.insert(Hash::from_bytes(bytes));
    }
    Ok((!kept.more).then_some(hashes))
}

/// Writes attempts that are over, or held.
pub fn held_to_proto(held: &[HeldAttempt]) -> Vec<wire::Held> {
    held.iter().map(|it| wire::Held { task: it.task.0, attempt: it.attempt, ended: it.ended }).collect()
}

/// Reads a batch of records of a worker, in order.
///
/// # Errors
/// Names the malformed field of the first record that has one; none of the batch may be used then.
pub fn records_from_proto(worker: WorkerId, records: wire::Records) -> Checked<Vec<AttemptRecord>> {
    records.records.into_iter().map(|record| record_from_proto(worker, record)).collect()
}

fn record_from_proto(worker: WorkerId, record: wire::Record) -> Checked<AttemptRecord> {
    let (task, attempt) = attempt_of("record", record.task, record.attempt)?;
    if record.in_attempt == 0 {
        return wrong("record.in_attempt", "counts from 1");
    }
    let fact = match record.kind {
        Some(wire::record::Kind::Report(report)) => report_from_proto(report)?,
        Some(wire::record::Kind::Checkpoint(it)) => {
            Fact::Checkpoint { files: files_from_proto("record.checkpoint.files", it.files, None)?, step: it.step }
        }
        Some(wire::record::Kind::Ended(ended)) => ended_from_proto(worker, ended)?,
        None => return wrong("record.kind", "is missing, or of a newer build; upgrade the coordinator"),
    };
    Ok(AttemptRecord { task, attempt, in_attempt: record.in_attempt, fact })
}

fn attempt_of(what: &str, task: u64, attempt: u32) -> Checked<(TaskId, u32)> {
    match (task, attempt) {
        (0, _) => wrong(format!("{what}.task"), "counts from 1"),
        (_, 0) => wrong(format!("{what}.attempt"), "counts from 1"),
        (task, attempt) => Ok((TaskId(task), attempt)),
    }
}

fn report_from_proto(report: wire::Report) -> Checked<Fact> {
    let mut points = Vec::with_capacity(report.metrics.len());
    for metric in report.metrics {
        check_name("record.report.metrics.name", &metric.name)?;
        // Adding zero takes the sign from a minus zero, which the journal would not keep.
        points.push(Point { step: report.step, metric: Arc::from(metric.name), value: metric.value + 0.0 });
    }
    Ok(Fact::Report { points })
}

fn ended_from_proto(worker: WorkerId, ended: wire::Ended) -> Checked<Fact> {
    let cause = match ended.cause {
        Some(wire::ended::Cause::Exited(_)) => Cause::Exited,
        Some(wire::ended::Cause::Failure(failure)) => Cause::Failed(failure_from_proto(failure)?),
        Some(wire::ended::Cause::Preempted(it)) => Cause::Preempted { reason: text(it.reason) },
        Some(wire::ended::Cause::Lost(it)) => Cause::Lost { reason: text(it.reason) },
        Some(wire::ended::Cause::Killed(_)) => Cause::Killed,
        None => return wrong("record.ended.cause", "is missing, or of a newer build; upgrade the coordinator"),
    };
    let files = AttemptFiles {
        outputs: files_from_proto("record.ended.outputs", ended.outputs, Some(worker))?,
        log: ended.log.map(|log| file_from_proto("record.ended.log", log, None)).transpose()?,
        notes: ended.notes.into_iter().take(MAX_LISTED).map(text).collect(),
    };
    Ok(Fact::Ended { cause, files })
}

fn failure_from_proto(failure: wire::Failure) -> Checked<Failure> {
    use wire::failure::Kind;
    let message = text(failure.message);
    Ok(match Kind::try_from(failure.kind) {
        Ok(Kind::ExitCode) => Failure::ExitCode { code: failure.code, message },
        Ok(Kind::Signal) => Failure::Signal { signal: failure.code, message },
        Ok(Kind::OutOfMemory) => Failure::OutOfMemory { message },
        Ok(Kind::TimedOut) => Failure::TimedOut { message },
        Ok(Kind::BadMetric) => Failure::BadMetric { message },
        Ok(Kind::Setup) => Failure::Setup { message },
        Ok(Kind::Spawn) => Failure::Spawn { message },
        Ok(Kind::Unspecified) => return wrong("record.ended.failure.kind", "is missing"),
        Err(_) => return wrong("record.ended.failure.kind", "is of a newer build; upgrade the coordinator"),
    })
}

/// Files of a record. Only those of `keeper` may stay where they are.
fn files_from_proto(field: &str, files: Vec<wire::File>, keeper: Option<WorkerId>) -> Checked<Vec<FileRef>> {
    let mut seen = BTreeSet::new();
    let files: Vec<FileRef> = files.into_iter().map(|file| file_from_proto(field, file, keeper)).collect::<Checked<_>>()?;
    match files.iter().find(|file| !seen.insert(file.path.as_str())) {
        Some(twice) => wrong(format!("{field}.path"), format!("has `{}` twice", twice.path.escape_debug())),
        None => Ok(files),
    }
}

fn file_from_proto(field: &str, file: wire::File, keeper: Option<WorkerId>) -> Checked<FileRef> {
    if let Err(error) = RelativePath::parse(&file.path) {
        return wrong(format!("{field}.path"), error.to_string());
    }
    let Ok(hash) = file.hash.as_ref().try_into() else {
        return wrong(format!("{field}.hash"), format!("has {} bytes instead of 32", file.hash.len()));
    };
    let kept_by = match (file.stays, keeper) {
        (false, _) => None,
        (true, Some(worker)) => Some(worker),
        (true, None) => return wrong(format!("{field}.stays"), "is set, and only outputs stay on a worker"),
    };
    Ok(FileRef { path: file.path, blob: BlobId(hash), size: file.size, executable: file.executable, kept_by })
}

fn check_name(field: &str, name: &str) -> Checked<()> {
    match name.len() {
        0 => wrong(field, "is empty"),
        1..=MAX_NAME_BYTES => Ok(()),
        _ => wrong(field, format!("is longer than {MAX_NAME_BYTES} bytes")),
    }
}

fn name(field: &str, name: &str) -> Checked<String> {
    check_name(field, name).map(|()| name.to_owned())
}

fn short(field: &str, text: &str) -> Checked<String> {
    if text.is_empty() { Ok(String::new()) } else { name(field, text) }
}

/// Shortens a text for people to what is kept of it: the end, where the cause of a failure stands.
fn text(text: String) -> String {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let start = (text.len() - MAX_TEXT_BYTES..text.len()).find(|at| text.is_char_boundary(*at));
    format!("… {}", &text[start.unwrap_or(text.len())..])
}

/// The directive that ends an attempt early.
pub const PRUNE: i32 = wire::directive::Kind::Prune as i32;
/// The directive that kills an attempt.
pub const KILL: i32 = wire::directive::Kind::Kill as i32;

/// The id of a study's program in one revision of its spec.
pub fn program_id(study: StudyId, revision: u32) -> u64 {
    study.0 << 32 | u64::from(revision)
}

/// Writes a lease. `study` is the assignment's.
pub fn assignment_to_proto(assignment: &Assignment, study: &Study) -> wire::Assignment {
    let resources = &study.spec.trial.resources;
    wire::Assignment {
        task: assignment.task.0,
        attempt: assignment.attempt,
        program: program_id(study.id, study.revision),
        cpus_milli: resources.cpus_milli,
        memory_bytes: resources.memory_bytes,
        gpus: assignment.gpus.iter().map(gpu_share_to_proto).collect(),
        trial: Some(wire::TrialWork {
            number: assignment.number.into(),
            params_json: params_to_json(&study.spec.space, &assignment.params),
        }),
        checkpoint: assignment.checkpoint.iter().map(file_to_proto).collect(),
        records_durable: 0,
    }
}

/// Writes the parameters that exist in a trial as a JSON object, in order of the space.
pub fn params_to_json(space: &Space, params: &Params) -> String {
    let mut json = Vec::new();
    let mut serializer = serde_json::Serializer::new(&mut json);
    let present = space.parameters.iter().zip(params).filter(|(_, value)| !value.is_nan());
    let object = present.map(|(parameter, value)| (&parameter.name, parameter.distribution.to_external(*value)));
    write_object(&mut serializer, object).expect("names and plain values are JSON");
    String::from_utf8(json).expect("JSON is text")
}

fn write_object<S: Serializer, K: serde::Serialize, V: serde::Serialize>(
    serializer: S,
    entries: impl Iterator<Item = (K, V)>,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    for (key, value) in entries {
        map.serialize_entry(&key, &value)?;
    }
    map.end()
}

/// Writes what is the same for all trials of a study. Templates stay as they are: the worker fills them.
pub fn program_to_proto(study: &Study) -> wire::Program {
    let (spec, trial) = (&study.spec, &study.spec.trial);
    wire::Program {
        id: program_id(study.id, study.revision),
        study: study.id.0,
        study_name: spec.name.clone(),
        seed: spec.search.seed,
        command: trial.command.clone(),
        setup: trial.setup.clone(),
        setup_timeout_us: trial.setup_timeout,
        environment: trial.environment.clone().into_iter().collect(),
        working_directory: trial.working_directory.clone(),
        source: study.source.map(|blob| blob.0.to_vec().into()).unwrap_or_default(),
        timeout_us: trial.timeout.unwrap_or(0),
        grace_us: trial.grace,
        objectives: spec.objectives.iter().map(|objective| objective.metric.clone()).collect(),
        metrics_pattern: trial.metrics.clone().unwrap_or_default(),
        max_output_bytes: trial.keep.max_bytes,
        max_log_bytes: trial.max_log_bytes,
        max_checkpoint_bytes: trial.max_checkpoint_bytes,
        prunes: spec.search.pruner != PrunerConfig::None,
        metrics_files: trial.metrics_from.iter().map(metrics_files_to_proto).collect(),
        datasets: study.datasets.iter().map(dataset_to_proto).collect(),
    }
}

fn dataset_to_proto(used: &DatasetUse) -> wire::Dataset {
    wire::Dataset { name: used.alias.clone(), manifest: used.manifest.0.to_vec().into(), label: used.label.clone() }
}

fn metrics_files_to_proto(files: &MetricsFiles) -> wire::MetricsFiles {
    let (format, step) = match &files.format {
        MetricsFormat::Tensorboard => (Format::Tensorboard, ""),
        MetricsFormat::Csv { step } => (Format::Csv, step.as_deref().unwrap_or_default()),
    };
    let names = files.names.clone().into_iter().collect();
    wire::MetricsFiles { format: format.into(), path: files.path.clone(), step: step.to_owned(), names }
}

fn gpu_share_to_proto(share: &GpuShare) -> wire::GpuShare {
    wire::GpuShare { index: share.index, milli: share.milli }
}

fn file_to_proto(file: &FileRef) -> wire::File {
    let hash = file.blob.0.to_vec().into();
    wire::File { path: file.path.clone(), hash, size: file.size, executable: file.executable, stays: false }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
