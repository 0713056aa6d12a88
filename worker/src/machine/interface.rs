//! What goes into the machine and what comes out: plain data.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hone_proto::worker::{
    Assignment, Capacity, Failure, File, FromWorker, LogRequest, Metric, Program, Record, Records, ScoreRequest, ToWorker,
    from_worker,
};

/// One attempt of one task, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The task's id in the coordinator's store.
    pub task: u64,
    /// The number of the attempt, from 1.
    pub attempt: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.task, self.attempt)
    }
}

/// What a worker says about itself in its `Hello`.
#[derive(Clone, Debug, Default)]
pub struct WorkerFacts {
    /// Of this build.
    pub build: String,
    /// Chosen once per worker folder.
    pub worker_key: String,
    /// New with every start of the process.
    pub incarnation: String,
    /// A label for people.
    pub name: String,
    /// The host's name.
    pub host: String,
    /// What it offers.
    pub capacity: Capacity,
    /// For a study's placement rules.
    pub labels: BTreeMap<String, String>,
}

/// What never changes while a worker runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Sent in every `Hello`.
    pub facts: WorkerFacts,
    /// Of the back-off's jitter; workers should differ.
    pub seed: u64,
    /// Unacknowledged records beyond this size let new leases wait and thin the reports, in bytes.
    pub spool_limit_bytes: u64,
    /// A report waits at most this long for its verdict, in microseconds.
    pub verdict_wait_us: i64,
    /// The first back-off is drawn from 0 to this, in microseconds; each failure doubles it.
    pub backoff_first_us: i64,
    /// No back-off is longer than this, in microseconds.
    pub backoff_cap_us: i64,
    /// A draining worker that runs nothing waits this long for an absent coordinator, in microseconds.
    pub leave_wait_us: i64,
}

impl Config {
    /// The settings of a worker in use.
    #[must_use]
    pub fn new(facts: WorkerFacts, seed: u64) -> Self {
        Self {
            facts,
            seed,
            spool_limit_bytes: 64 << 20,
            verdict_wait_us: 5_000_000,
            backoff_first_us: 250_000,
            backoff_cap_us: 10_000_000,
            leave_wait_us: 15_000_000,
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The spool was read; comes first, once.
    SpoolLoaded {
        /// What former lives of this worker left unacknowledged, oldest first.
        records: Vec<Record>,
        /// The highest record number ever given out, as far as the spool knows.
        last_sequence: u64,
    },
    /// The stream that [`Output::Connect`] asked for is open.
    Connected {
        /// The number of that [`Output::Connect`].
        session: u64,
    },
    /// The stream ended or could not be opened.
    Disconnected {
        /// The number of its [`Output::Connect`].
        session: u64,
        /// Why.
        cut: Cut,
    },
    /// The coordinator said something.
    Message {
        /// The stream on which it came; other streams than the current one are ignored.
        session: u64,
        /// What it said.
        message: ToWorker,
    },
    /// The source is fetched and the study's `setup` runs.
    SettingUp {
        /// Whose.
        key: AttemptKey,
    },
    /// The trial's process runs.
    ProcessStarted {
        /// Whose.
        key: AttemptKey,
    },
    /// The process has ended and nothing of its group lives, or it could not be started.
    ProcessEnded {
        /// Whose.
        key: AttemptKey,
        /// How it ended by itself.
        outcome: Outcome,
        /// A signal of this machine reached it before it ended.
        stopped: bool,
    },
    /// The trial reported values.
    TrialReport {
        /// Whose.
        key: AttemptKey,
        /// `None`: a final value without a step.
        step: Option<i64>,
        /// In the order of the report.
        metrics: Vec<Metric>,
        /// Who waits for an answer, if anybody does.
        ticket: Option<u64>,
    },
    /// A complete checkpoint is in the coordinator's blob store.
    CheckpointReady {
        /// Whose.
        key: AttemptKey,
        /// The step that the trial named.
        step: Option<i64>,
        /// What it consists of.
        files: Vec<File>,
    },
    /// Everything that [`Output::Collect`] asked for is in the blob store, or left out with a note.
    FilesUploaded {
        /// Whose.
        key: AttemptKey,
        /// What was uploaded.
        files: EndFiles,
    },
    /// The time of the last [`Output::SetTimer`] has come. Early or spurious ones do no harm.
    Timer,
    /// The operator or the system wants this worker to stop (SIGTERM).
    DrainRequested {
        /// End the trials and hand them back, instead of waiting for their end.
        hand_back: bool,
        /// For people.
        reason: String,
    },
}

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The network or the coordinator's process: worth another try.
    Lost(String),
    /// The coordinator does not want this worker (credentials, version): final for a worker that was never
    /// welcomed, another try for one that was.
    Refused(String),
}

/// How a process ended, before the machine adds who wanted it to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It returned 0.
    Success,
    /// Anything else, start and `setup` included.
    Failure(Failure),
    /// Stopped before it began.
    Unstarted,
}

/// What is left of an attempt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EndFiles {
    /// Of `HONE_OUTPUT`.
    pub outputs: Vec<File>,
    /// Standard output and error; `None`: nothing was written.
    pub log: Option<File>,
    /// What was left out, and why.
    pub notes: Vec<String>,
}

/// Something that has to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Open a stream; answered by [`Input::Connected`] or [`Input::Disconnected`].
    Connect {
        /// To be named in everything that comes from this stream.
        session: u64,
    },
    /// Drop the stream; nothing of it is wanted any more.
    Disconnect,
    /// Send to the coordinator on the current stream.
    Send(FromWorker),
    /// Prepare and start a trial.
    Start {
        /// What to run, on which resources.
        assignment: Box<Assignment>,
        /// Its program.
        program: Arc<Program>,
    },
    /// Stop a trial that is being prepared or runs.
    Signal {
        /// Whose.
        key: AttemptKey,
        /// How.
        signal: Signal,
    },
    /// Upload what an ended attempt left; answered by [`Input::FilesUploaded`], however long it takes.
    Collect {
        /// Whose.
        key: AttemptKey,
        /// Also keep the checkpoint folder as it is now (a [`Input::CheckpointReady`] comes first).
        checkpoint: bool,
        /// Also the outputs; otherwise only the log.
        outputs: bool,
        /// Large predictions may stay on this worker; otherwise everything is uploaded.
        keeps: bool,
    },
    /// The attempt is over and acknowledged, or not ours: remove its folder.
    Discard {
        /// Whose.
        key: AttemptKey,
    },
    /// Write a record to the spool.
    AppendSpool(Record),
    /// The spool may forget every record up to this one.
    TrimSpool {
        /// The last durable record.
        up_to: u64,
    },
    /// Answer a trial's report.
    AnswerReport {
        /// The ticket of the report.
        ticket: u64,
        /// The trial should end now.
        prune: bool,
    },
    /// The coordinator wants to read a log (or no longer).
    ReadLog(LogRequest),
    /// The coordinator wants to know something of predictions that stay here.
    Score(ScoreRequest),
    /// It does not need the files of a scoring any more.
    ReleaseScore {
        /// Which.
        scoring: u64,
    },
    /// Send [`Input::Timer`] at this time; replaces the former timer.
    SetTimer {
        /// In the time of [`super::Machine::handle`].
        at_us: i64,
    },
    /// Stop: kill whatever still runs, close the stream after what was sent, end the process.
    Exit {
        /// Why.
        reason: ExitReason,
    },
}

/// How to stop a process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ask it to end.
    Term,
    /// Ask it to end; its checkpoint folder is kept afterwards.
    Preempt,
    /// End it, and everything that it started.
    Kill,
}

/// Why a worker stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Nothing was left to do.
    Drained {
        /// Of the drain.
        reason: String,
    },
    /// It drained, but the coordinator stayed away: records wait in the spool.
    LeftUnsaid {
        /// How many records.
        records: usize,
    },
    /// The coordinator refused this worker.
    Refused {
        /// In its words.
        reason: String,
    },
}

impl fmt::Display for ExitReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drained { reason } => write!(formatter, "drained: {reason}"),
            Self::LeftUnsaid { records } => write!(
                formatter,
                "stopped with {records} records that the coordinator has not seen; start the worker in the \
                 same folder to deliver them"
            ),
            Self::Refused { reason } => {
                write!(formatter, "the coordinator refused this worker: {reason}")
            }
        }
    }
}

/// When the process of an attempt ran; 0: it did not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AttemptTimes {
    pub(super) started_us: i64,
    pub(super) ended_us: i64,
}

pub(super) fn message(kind: from_worker::Kind) -> FromWorker {
    FromWorker { kind: Some(kind) }
}

pub(super) fn records_message(records: Vec<Record>) -> FromWorker {
    message(from_worker::Kind::Records(Records { records }))
}
