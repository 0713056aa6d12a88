//! What can be asked of the core, what it answers, and what it wants done.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use hone_search::{Distribution, Outcome, Params, Value};

use crate::{
    dataset::{DatasetCommand, DatasetReject, DatasetReply},
    event::{AttemptFiles, Driver, FileRef, GpuShare, ImportedTrial, Owner, Point, Scope, WorkerProfile},
    ids::{BlobId, Micros, RequestId, StudyId, TaskId, WorkerId},
    label::{LabelCommand, LabelReject, LabelReply},
    spec::StudySpec,
    warm_start::WarmStartProblem,
};

/// A wish. The core may refuse it; nothing has happened until its events are applied.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The coordinator has opened the store.
    OpenStore,
    CreateStudy {
        spec: Arc<StudySpec>,
        text: String,
        source: Option<BlobId>,
        driver: Driver,
        paused: bool,
        request: Option<RequestId>,
    },
    /// Replaces the spec; refused by key where it may not change.
    ChangeStudy {
        study: StudyId,
        spec: Arc<StudySpec>,
        text: String,
    },
    PauseStudy {
        study: StudyId,
    },
    ResumeStudy {
        study: StudyId,
    },
    StopStudy {
        study: StudyId,
    },
    CancelStudy {
        study: StudyId,
    },
    RemoveStudy {
        study: StudyId,
        force: bool,
    },

    /// The sampler's answer to [`Effect::Propose`].
    Proposed {
        study: StudyId,
        first_number: u32,
        as_of: u64,
        trials: Vec<Proposal>,
    },
    /// The sampler found nothing more to try (a grid is used up).
    Exhausted {
        study: StudyId,
    },
    /// A user gives parameters; what is left out is sampled.
    Enqueue {
        study: StudyId,
        params: BTreeMap<String, Value>,
        attributes: BTreeMap<String, Vec<u8>>,
    },
    /// Finished trials from elsewhere, each with its position in the whole that `key` names, so that what is sent again
    /// is imported once. `rows` are the positions that the part covers; some may be left out.
    ImportTrials {
        study: StudyId,
        key: String,
        rows: Range<u64>,
        trials: Vec<(u64, ImportedTrial)>,
    },
    /// A client makes a trial of a study that clients drive, as it says; it runs unless it says otherwise.
    CreateTrial {
        study: StudyId,
        template: Box<Template>,
        request: Option<RequestId>,
        hold: Hold,
    },
    /// A client wants trials to run: such as wait, then new ones.
    Ask(Box<Ask>),
    /// A client says something about its trial, which must not have ended.
    Drive {
        trial: TaskId,
        write: Write,
        by: By,
    },
    /// A client is there still, or its connection is gone: how long its trials may go on without another word of it.
    Hold {
        held: Vec<HeldTrial>,
        hold: Hold,
    },
    /// A user wants a failed or cancelled trial's parameters tried again.
    RetryTrial {
        trial: TaskId,
    },
    CancelTrial {
        trial: TaskId,
    },
    PauseTrial {
        trial: TaskId,
    },
    ResumeTrial {
        trial: TaskId,
    },
    SetAttribute {
        owner: Owner,
        scope: Scope,
        key: String,
        value: Option<Vec<u8>>,
    },

    /// A worker opened its stream: who it is and what it still holds.
    AttachWorker {
        profile: WorkerProfile,
        incarnation: String,
        held: Vec<HeldAttempt>,
        draining: bool,
        /// No two streams have the same number.
        stream: u64,
    },
    /// A stream of the worker is gone. Its leases run on, and so does a newer stream.
    DetachWorker {
        worker: WorkerId,
        stream: u64,
    },
    /// The worker says that it leaves for good.
    WorkerLeaves {
        worker: WorkerId,
        stream: u64,
    },
    /// One heartbeat for all leases of a worker.
    Renew {
        worker: WorkerId,
        stream: u64,
        held: Vec<HeldAttempt>,
    },
    /// Records of a worker's spool, in their order.
    Records {
        worker: WorkerId,
        records: Vec<AttemptRecord>,
    },
    CordonWorker {
        worker: WorkerId,
    },
    ActivateWorker {
        worker: WorkerId,
    },
    DrainWorker {
        worker: WorkerId,
        hand_back: bool,
    },

    /// Something about datasets.
    Dataset(DatasetCommand),
    /// Something about label requests.
    Label(LabelCommand),

    /// Time has passed: leases may be over, trials may be due.
    Tick,
}

/// Parameters for one trial, with the sampler's reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub params: Params,
    pub why: String,
}

/// An attempt that a worker says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldAttempt {
    pub task: TaskId,
    pub attempt: u32,
    /// Its end waits in the worker's spool.
    pub ended: bool,
}

/// A fact about an attempt, numbered within it from 1, so that a duplicate is told.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRecord {
    pub task: TaskId,
    pub attempt: u32,
    pub in_attempt: u64,
    pub fact: Fact,
}

/// What a worker tells of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    Report {
        points: Vec<Point>,
    },
    Checkpoint {
        files: Vec<FileRef>,
        step: Option<i64>,
    },
    /// `cause` is the worker's word; the core makes the [`End`](crate::End) of it (values, pruning, cancelling).
    Ended {
        cause: Cause,
        files: AttemptFiles,
    },
}

/// How a process ended, as its worker saw it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    Exited,
    Failed(crate::event::Failure),
    Preempted {
        reason: String,
    },
    Lost {
        reason: String,
    },
    /// Killed on the coordinator's order.
    Killed,
}

/// What the core wants done once its events are durable. Effects of one worker keep their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the sampler for `count` trials from `first_number` on.
    Propose { study: StudyId, first_number: u32, count: u32, as_of: u64 },
    /// Send a lease.
    Assign { worker: WorkerId, assignment: Assignment },
    /// An attempt must end early: the pruner said so.
    Prune { worker: WorkerId, task: TaskId, attempt: u32, reason: String },
    /// An attempt must leave a checkpoint and end: the pruner holds its trial back.
    Pause { worker: WorkerId, task: TaskId, attempt: u32, reason: String },
    /// An attempt must end now.
    Kill { worker: WorkerId, task: TaskId, attempt: u32, reason: String },
    /// Tell a worker to leave.
    Drain { worker: WorkerId, hand_back: bool, reason: String },
    /// Tell a worker that it need not leave after all.
    Undrain { worker: WorkerId },
    /// Blobs may have become unreachable.
    Sweep,
}

/// How long a client's trial may go on without a word of its client. Then it waits for another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hold {
    /// As long as nobody says otherwise: the client has a connection that is open.
    #[default]
    Open,
    /// A lease.
    For(Micros),
    /// Nobody has an open connection any more.
    Left(Micros),
}

/// A trial that a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HeldTrial {
    pub trial: TaskId,
    /// `None`: whichever runs.
    pub attempt: Option<u32>,
}

/// A client's wish for trials to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub study: StudyId,
    pub count: u32,
    pub request: RequestId,
    pub hold: Hold,
    /// New trials, numbered from `first_number`, that the study's sampler chose knowing `as_of` finished ones.
    pub first_number: u32,
    pub as_of: u64,
    pub proposals: Vec<Proposal>,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Trials that are the client's now, with their attempts.
    pub trials: Vec<(TaskId, u32)>,
    /// No trial will come any more.
    pub over: bool,
    /// Why there are none, if there are none.
    pub reason: String,
}

/// Who says something about a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct By {
    pub request: Option<RequestId>,
    /// Refused where another attempt runs; `None`: said of whichever runs.
    pub attempt: Option<u32>,
    /// `None`: stays as it is.
    pub hold: Option<Hold>,
}

/// What a client says about its trial.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Parameter(AskedParameter),
    Report(Vec<Point>),
    /// A value of the first objective, by a client that has no names for what it reports.
    Intermediate {
        step: i64,
        value: f64,
    },
    Attribute {
        scope: Scope,
        key: String,
        value: Vec<u8>,
    },
    /// Takes a waiting trial; [`Reply::Taken`] says whether nobody else had.
    Take,
    /// Lets it wait again.
    GiveBack,
    Tell {
        outcome: Outcome,
        values: Vec<f64>,
        /// Why it failed.
        message: String,
        outputs: Vec<FileRef>,
    },
}

impl Write {
    /// Ends a trial, with nothing more to say.
    pub fn tell(outcome: Outcome, values: Vec<f64>) -> Write {
        Write::Tell { outcome, values, message: String::new(), outputs: Vec::new() }
    }
}

/// A parameter that a client chose.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedParameter {
    pub name: String,
    /// The internal number.
    pub value: f64,
    pub distribution: Distribution,
    /// The distribution as the client wrote it.
    pub text: String,
}

/// How a client's new trial begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    pub parameters: Vec<AskedParameter>,
    pub attributes: Vec<(Scope, String, Vec<u8>)>,
    /// Values of the first objective, by step.
    pub points: Vec<(i64, f64)>,
    /// `None`: now.
    pub started: Option<Micros>,
    pub state: Begin,
}

/// The state in which a client's new trial begins.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Begin {
    Waiting,
    #[default]
    Running,
    /// `at: None`: now.
    Ended {
        at: Option<Micros>,
        outcome: Outcome,
        values: Vec<f64>,
    },
}

/// A lease as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub task: TaskId,
    pub attempt: u32,
    pub study: StudyId,
    pub number: u32,
    pub params: Params,
    pub gpus: Vec<GpuShare>,
    pub checkpoint: Vec<FileRef>,
}

/// What a command answers to the one who sent it, when it was not refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Done,
    Study(StudyId),
    /// Created or found; `changes` in words.
    Changed {
        study: StudyId,
        changes: Vec<String>,
    },
    Trial(TaskId),
    /// Whether the trial had been waiting, and is its client's now.
    Taken(bool),
    Asked(Asked),
    /// What the pruner says to a report: why the trial should stop, if it should.
    Judged(Option<String>),
    /// Trials that the client has no right to any more.
    Over(Vec<HeldTrial>),
    /// How many trials were new.
    Imported(u64),
    /// The worker's id and which held attempts are over for it.
    Attached {
        worker: WorkerId,
        over: Vec<HeldAttempt>,
    },
    /// Attempts that the worker no longer has a right to.
    Renewed {
        over: Vec<HeldAttempt>,
    },
    Dataset(DatasetReply),
    Label(LabelReply),
}

/// Why a command was refused. One table in the coordinator maps it to gRPC.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reject {
    #[error("there is no study {0}")]
    NoSuchStudy(StudyId),
    #[error("there is no trial {0}")]
    NoSuchTrial(TaskId),
    #[error("there is no worker {0}")]
    NoSuchWorker(WorkerId),
    #[error("a study `{name}` exists already; choose another name, or use `--fork NAME`")]
    StudyExists { name: String, study: StudyId },
    #[error("the study is {state}: {action} is not possible; {hint}")]
    WrongStudyState { state: String, action: &'static str, hint: String },
    #[error("trial {number} is {state}: {action} is not possible; {hint}")]
    WrongTrialState { number: u32, state: String, action: &'static str, hint: String },
    #[error("{}", .0.join("\n"))]
    NotChangeable(Vec<String>),
    #[error("{0}")]
    BadParameters(String),
    /// Studies that a new one cannot start from.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    WarmStart(Vec<WarmStartProblem>),
    #[error("the budget of {max_trials} trials is used up; raise it with `hone study set NAME max_trials=N`")]
    BudgetUsed { max_trials: u64 },
    /// A record arrived before its predecessor: the sender must send from the first missing one again.
    #[error("record {in_attempt} of attempt {attempt} of trial {task} came before record {expected}")]
    OutOfOrder { task: TaskId, attempt: u32, in_attempt: u64, expected: u64 },
    /// A part of an import whose predecessors are missing.
    #[error("trial {first} of the import came before trial {expected}")]
    ImportGap { first: u64, expected: u64 },
    /// Said by a stream that is not the worker's newest.
    #[error("worker {0} has opened another stream since")]
    OldStream(WorkerId),
    /// Said of an attempt that is over.
    #[error("attempt {attempt} of trial {number} is over: its lease ended, or the trial was taken back")]
    StaleAttempt { number: u32, attempt: u32 },
    /// A proposal that the study has moved on from.
    #[error("the proposal for trial {first_number} came too late")]
    StaleProposal { first_number: u32 },
    #[error(transparent)]
    Dataset(#[from] DatasetReject),
    #[error(transparent)]
    Label(#[from] LabelReject),
}

/// The instant of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// What is written down.
    pub wall: Micros,
    /// What deadlines are measured with; starts anywhere, never jumps.
    pub mono: Micros,
}

/// Lease and retry times. Units last in the name where they are not [`Micros`].
#[derive(Clone, Debug, PartialEq)]
pub struct Timings {
    /// How long a lease lasts without a renewal.
    pub lease: Micros,
    /// How long clients may take to be heard of after a start of the coordinator; such as speak only when they have
    /// something to say come back late.
    pub client_window: Micros,
    /// How long workers may take to come back after a start of the coordinator.
    pub reconnect_window: Micros,
    /// How many starts in a row may grant such a window without contact.
    pub max_windows: u8,
    /// First wait after a trial's own failure; doubles with each.
    pub backoff_first: Micros,
    pub backoff_max: Micros,
}

impl Timings {
    /// The documented defaults.
    pub const DEFAULT: Timings = Timings {
        lease: 60_000_000,
        client_window: 600_000_000,
        reconnect_window: 60_000_000,
        max_windows: 3,
        backoff_first: 1_000_000,
        backoff_max: 300_000_000,
    };
}
