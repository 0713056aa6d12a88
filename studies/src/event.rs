//! Everything that can have happened. Replaying events is the only way in which a [`crate::State`] changes, live
//! and at recovery alike.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hone_search::{Distribution, Outcome, Params};
use serde::{Deserialize, Serialize};

use crate::{
    dataset::DatasetEvent,
    ids::{BlobId, Micros, RequestId, StudyId, TaskId, WorkerId},
    label::LabelEvent,
    spec::StudySpec,
    warm_start::WarmStart,
};

/// One fact. Never changed once it is in the journal; a new kind gets a new tag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Event {
    /// A coordinator has opened the store. Every lease gets a reconnect window.
    StoreOpened { at: Micros },

    /// A user created a study.
    StudyCreated { study: StudyId, at: Micros, spec: Arc<StudySpec>, text: String, source: Option<BlobId>, driver: Driver },
    /// A user changed what may change (budget, parallelism, wider bounds …).
    StudyChanged { study: StudyId, at: Micros, spec: Arc<StudySpec>, text: String },
    /// The study entered another state.
    StudyMoved { study: StudyId, at: Micros, to: StudyState, reason: String },
    /// The new study starts from trials of another one, as they were then.
    StudyWarmed { study: StudyId, at: Micros, warm: WarmStart },
    /// A user removed it; only its id stays used.
    StudyRemoved { study: StudyId, at: Micros },

    /// A trial exists and waits. `params` may grow later (define-by-run).
    TrialCreated { study: StudyId, trial: TaskId, number: u32, at: Micros, params: Params, origin: Origin, why: String },
    /// A trial that was run elsewhere joined the history, finished. Does not count towards the budget.
    TrialImported { study: StudyId, trial: TaskId, number: u32, at: Micros, imported: ImportedTrial },
    /// A worker got the right to run an attempt.
    TrialLeased { trial: TaskId, attempt: u32, worker: WorkerId, at: Micros, gpus: Vec<GpuShare> },
    /// Values of the attempt up to its record `through`, one event per attempt and commit.
    TrialReported { trial: TaskId, attempt: u32, through: u64, points: Vec<Point> },
    /// The pruner ended the trial at `step`, or holds it back there (`pause`); later reports of the attempt are discarded.
    TrialJudged { trial: TaskId, attempt: u32, step: i64, reason: String, pause: bool },
    /// A checkpoint is complete; the next attempt starts from it.
    CheckpointSaved { trial: TaskId, attempt: u32, through: u64, at: Micros, files: Vec<FileRef>, step: Option<i64> },
    /// An attempt is over and so is its lease. `next` says what becomes of the trial.
    AttemptEnded { trial: TaskId, attempt: u32, through: u64, at: Micros, end: End, next: Next, files: AttemptFiles },
    /// A worker that had been given up on came back before the trial was leased again: its attempt goes on.
    AttemptReclaimed { trial: TaskId, attempt: u32, worker: WorkerId, at: Micros },
    /// A lost attempt can never be taken back: its worker was told to stop it, or told that its records count no more.
    AttemptForsaken { trial: TaskId, attempt: u32, at: Micros },
    /// A worker handed in the end of an attempt that had been replaced; kept to look at, counts for nothing.
    AttemptStale { trial: TaskId, attempt: u32, at: Micros, end: End, values: Vec<f64> },
    /// A user held a waiting trial back.
    TrialPaused { trial: TaskId, at: Micros },
    /// A user, or the pruner that held it back, let a paused trial wait again.
    TrialResumed { trial: TaskId, at: Micros },
    /// A user, or the end of the study, ended a trial that had no attempt.
    TrialCancelled { trial: TaskId, at: Micros, reason: String },
    /// A trial that the pruner held back will not go on any more.
    TrialPruned { trial: TaskId, at: Micros, reason: String },
    /// A client chose a parameter of its trial, by its internal number. The study's space grows by it; `text` is the
    /// distribution as the client wrote it.
    ParameterSet { trial: TaskId, name: String, value: f64, distribution: Distribution, text: String },
    /// A client ended its trial; `message` says why it failed.
    TrialTold { trial: TaskId, at: Micros, outcome: Outcome, values: Vec<f64>, message: String, outputs: Vec<FileRef> },
    /// What happened was asked for by this request; the same request again has the same answer.
    RequestServed { request: RequestId, what: Served },
    /// Another trial took this one's place in the budget.
    TrialSuperseded { trial: TaskId, by: TaskId },

    /// Bytes under a key; never parsed. `value: None` removes it.
    AttributeSet { owner: Owner, scope: Scope, key: String, value: Option<Vec<u8>> },

    /// A worker is known, or what it offers has changed.
    WorkerRegistered { worker: WorkerId, at: Micros, profile: WorkerProfile },
    /// A worker has contacted this coordinator after its start: reconnect windows are over.
    WorkerAttached { worker: WorkerId, at: Micros, incarnation: String },
    /// A user or the worker itself changed what may be sent to it.
    WorkerMoved { worker: WorkerId, at: Micros, to: WorkerState, reason: String },

    /// Something about datasets.
    Dataset(Box<DatasetEvent>),
    /// Something about label requests.
    Label(Box<LabelEvent>),
}

/// What a request of a client led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Served {
    /// It made the study.
    Study(StudyId),
    /// It made the trial.
    Created(TaskId),
    /// It took the trial, which had been waiting.
    Taken(TaskId),
    /// It ended the trial. Stands before the trial's end.
    Told(TaskId),
}

/// Who starts the trials of a study.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Driver {
    /// The scheduler leases them to workers.
    Workers,
    /// Clients ask and tell; never leased by the scheduler.
    Clients,
}

/// The state of a study. `study.rs` has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum StudyState {
    /// Trials are made and leased.
    Active,
    /// A user paused it: no new attempts; what runs may end.
    Paused,
    /// A user stopped it: no new trials and none from the queue; what runs may end.
    Stopping,
    /// Nothing is open. The reason says whether by budget, stop or cancel.
    Finished,
}

/// Where a trial came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Origin {
    /// The sampler, from the first `as_of` finished trials.
    Sampled { as_of: u64 },
    /// A user gave some or all parameters.
    Enqueued { as_of: u64 },
    /// A user asked for this failed trial's parameters again.
    Retry { of: TaskId },
    /// Brought in finished from elsewhere; does not count.
    Imported,
    /// A client asked.
    Asked { as_of: u64 },
}

/// A finished trial from elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedTrial {
    pub params: Params,
    /// Complete, pruned or failed.
    pub outcome: Outcome,
    /// One per objective of a complete trial, else none.
    pub values: Vec<f64>,
    pub started: Micros,
    pub ended: Micros,
    /// What it reported on the way.
    pub points: Vec<Point>,
    /// Where it comes from, in words.
    pub why: String,
}

/// A share of one GPU of a worker, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuShare {
    pub index: u32,
    pub milli: u32,
}

/// One value that a trial reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// `None`: a final value.
    pub step: Option<i64>,
    pub metric: Arc<str>,
    pub value: f64,
}

/// A file by its content: its bytes are in the blob store, or on the disk of a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    /// Relative, forward slashes, validated.
    pub path: String,
    pub blob: BlobId,
    pub size: u64,
    pub executable: bool,
    /// The worker on whose disk it stays, as long as there is room; `None`: it is in the blob store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_by: Option<WorkerId>,
}

/// What an attempt leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFiles {
    pub outputs: Vec<FileRef>,
    pub log: Option<FileRef>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// How an attempt ended. Promise: an end always says why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum End {
    /// The process returned 0 and every objective has a value.
    Finished { values: Vec<f64> },
    /// The pruner had ended the trial, and the process is gone.
    Pruned,
    /// The trial's own doing; uses up a retry.
    Failed(Failure),
    /// The worker handed it back unharmed (drain, preemption); uses up nothing.
    Preempted { reason: String },
    /// The worker, or its lease, is gone; counts towards the crash limit.
    Lost { reason: String },
    /// A user ended it.
    Cancelled { reason: String },
}

/// What went wrong in a trial's own process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    ExitCode {
        code: i32,
        message: String,
    },
    Signal {
        signal: i32,
        message: String,
    },
    OutOfMemory {
        message: String,
    },
    TimedOut {
        message: String,
    },
    /// NaN, infinite, or never reported.
    BadMetric {
        message: String,
    },
    /// `setup` failed on the worker.
    Setup {
        message: String,
    },
    /// The command could not be started.
    Spawn {
        message: String,
    },
    /// Too many attempts were lost together with their worker.
    CrashLimit {
        message: String,
    },
    /// Its client said so, or is gone.
    Told {
        message: String,
    },
}

/// What becomes of a trial when its attempt is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// Waits for another attempt, not before this instant.
    Requeue {
        not_before: Micros,
    },
    /// Waits until a user resumes it, or the pruner that holds it back.
    Pause,
    Complete,
    Prune,
    Fail,
    Cancel,
}

/// Whose attribute it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    Study(StudyId),
    Trial(TaskId),
}

/// Which of the two namespaces an attribute is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    User,
    System,
}

/// What a worker said of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerProfile {
    /// Kept by the worker over restarts; what makes it the same worker.
    pub key: String,
    pub name: String,
    pub host: String,
    pub build: String,
    pub capacity: Capacity,
    pub labels: BTreeMap<String, String>,
}

/// What a worker offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    pub cpus_milli: u32,
    pub memory_bytes: u64,
    pub gpus: Vec<Gpu>,
    /// At most this many attempts at once; 0: no such limit.
    pub slots: u32,
}

/// One GPU.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    pub index: u32,
    pub name: String,
    pub memory_bytes: u64,
}

/// Whether a worker gets new attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkerState {
    Active,
    /// Gets nothing new.
    Cordoned,
    /// Gets nothing new and leaves when what runs has ended.
    Draining,
    /// Has left on purpose; comes back by attaching again.
    Gone,
}

impl StudyState {
    /// The word that users read and write.
    pub fn name(self) -> &'static str {
        match self {
            StudyState::Active => "active",
            StudyState::Paused => "paused",
            StudyState::Stopping => "stopping",
            StudyState::Finished => "finished",
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Finished { .. } => f.write_str("finished"),
            End::Pruned => f.write_str("pruned"),
            End::Failed(failure) => write!(f, "failed: {failure}"),
            End::Preempted { reason } => write!(f, "preempted: {reason}"),
            End::Lost { reason } => write!(f, "lost: {reason}"),
            End::Cancelled { reason } => write!(f, "cancelled: {reason}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::ExitCode { code, message } => write!(f, "exit code {code}{}", after(message)),
            Failure::Signal { signal, message } => write!(f, "signal {signal}{}", after(message)),
            Failure::OutOfMemory { message } => write!(f, "out of memory{}", after(message)),
            Failure::TimedOut { message } => write!(f, "timed out{}", after(message)),
            Failure::BadMetric { message } => write!(f, "bad metric{}", after(message)),
            Failure::Setup { message } => write!(f, "setup failed{}", after(message)),
            Failure::Spawn { message } => write!(f, "could not be started{}", after(message)),
            Failure::CrashLimit { message } => write!(f, "crash limit{}", after(message)),
            Failure::Told { message } => f.write_str(message),
        }
    }
}

fn after(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
