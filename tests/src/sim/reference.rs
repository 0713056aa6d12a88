//! A study as it goes when nothing disturbs it: one worker, no network, no faults, one trial after the other.

use hone_coordinator::{
    engine::{Engine, SpillStore},
    journal::{JournalError, MemoryDisk, MemoryJournal},
};
use hone_search::{Outcome, Params};
use hone_studies::{
    Assignment, AttemptFiles, AttemptRecord, BlobId, Capacity, Cause, Command, Driver, Effect, Fact, Failure, Gpu, Now, Point,
    Reply, StudyState, Timings, WorkerId, WorkerProfile,
};

use super::{
    program::{Fate, loss},
    scenario::PlannedStudy,
};

/// The sequence of a study's finished trials.
#[derive(Debug)]
pub struct Reference {
    pub rows: Vec<Expected>,
}

/// What a trial should be.
#[derive(Debug)]
pub struct Expected {
    pub number: u32,
    pub outcome: Outcome,
    pub params: Params,
    pub values: Vec<f64>,
    pub last_step: Option<i64>,
    pub as_of: u32,
}

struct Quiet {
    engine: Engine,
    now: Now,
    worker: WorkerId,
    leases: Vec<Assignment>,
    /// The attempt has had its verdict.
    judged: bool,
}

struct NoSpill;

impl SpillStore for NoSpill {
    fn put(&mut self, bytes: &[u8]) -> Result<BlobId, JournalError> {
        Err(JournalError::PayloadTooLarge { bytes: bytes.len(), limit: 0 })
    }

    fn get(&self, id: BlobId) -> Result<Vec<u8>, JournalError> {
        Err(JournalError::Poisoned { cause: format!("there is no blob {id}") })
    }
}

impl Reference {
    /// Runs the study to its end.
    ///
    /// # Panics
    /// When the undisturbed run does not get there: then the run that is compared with it means nothing.
    pub fn run(planned: &PlannedStudy) -> Reference {
        let mut quiet = Quiet::open();
        let (spec, driver) = (planned.spec.clone(), Driver::Workers);
        quiet.ask(Command::CreateStudy { spec, text: String::new(), source: None, driver, paused: false, request: None });
        while let Some(lease) = quiet.next_lease() {
            quiet.run_attempt(planned, &lease);
        }
        let state = &quiet.engine.core().state;
        let study = state.study_named(&planned.spec.name).expect("the study exists");
        assert_eq!(study.state, StudyState::Finished, "the undisturbed run ends");
        let rows = (0..study.finished.len()).map(|row| expected(study.finished.by_row(row))).collect();
        Reference { rows }
    }
}

fn expected(trial: hone_studies::FinishedTrial<'_>) -> Expected {
    let row = trial.segment.columns.row(trial.row);
    Expected {
        number: row.number,
        outcome: row.outcome,
        params: row.params,
        values: row.values,
        last_step: row.last_step,
        as_of: trial.segment.as_of[trial.row],
    }
}

impl Quiet {
    fn open() -> Quiet {
        let journal = MemoryJournal::open(&MemoryDisk::new()).expect("a new disk opens");
        let now = Now::default();
        let engine =
            Engine::recover(Box::new(journal), Box::new(NoSpill), None, now, Timings::DEFAULT).expect("an empty store opens");
        let mut quiet = Quiet { engine, now, worker: WorkerId(0), leases: Vec::new(), judged: false };
        let gpu = |index| Gpu { index, name: String::new(), memory_bytes: 1 << 40 };
        let profile = WorkerProfile {
            key: "quiet".to_owned(),
            name: String::new(),
            host: String::new(),
            build: String::new(),
            capacity: Capacity { cpus_milli: 64_000, memory_bytes: 1 << 40, gpus: (0..8).map(gpu).collect(), slots: 0 },
            labels: [("zone".to_owned(), "a".to_owned())].into(),
        };
        let incarnation = "1".to_owned();
        let attach = Command::AttachWorker { profile, incarnation, held: Vec::new(), draining: false, stream: 1 };
        if let Some(Reply::Attached { worker, .. }) = quiet.ask(attach) {
            quiet.worker = worker;
        }
        quiet
    }

    fn ask(&mut self, command: Command) -> Option<Reply> {
        let mut next = vec![command];
        let mut first = None;
        while !next.is_empty() {
            let committed = self.engine.commit(self.now, std::mem::take(&mut next)).expect("nothing fails here");
            for effect in committed.effects {
                match effect {
                    Effect::Assign { assignment, .. } => self.leases.push(assignment),
                    Effect::Prune { .. } | Effect::Pause { .. } => self.judged = true,
                    Effect::Propose { .. }
                    | Effect::Kill { .. }
                    | Effect::Drain { .. }
                    | Effect::Undrain { .. }
                    | Effect::Sweep => {}
                }
            }
            first = first.or_else(|| committed.replies.into_iter().next().and_then(Result::ok));
            next.extend(committed.questions.iter().map(hone_coordinator::engine::Question::answer));
        }
        first
    }

    /// The next attempt; time is moved on where a retry has to wait.
    fn next_lease(&mut self) -> Option<Assignment> {
        for _ in 0..2 {
            if let Some(lease) = self.leases.pop() {
                return Some(lease);
            }
            let later = Timings::DEFAULT.backoff_max;
            self.now = Now { wall: self.now.wall + later, mono: self.now.mono + 1 };
            self.ask(Command::Tick);
        }
        None
    }

    fn run_attempt(&mut self, planned: &PlannedStudy, lease: &Assignment) {
        let temper = &planned.temper;
        let fate = temper.fate(lease.number, lease.attempt);
        let mut told = Told { task: lease.task, attempt: lease.attempt, records: 0 };
        self.judged = false;
        let mut cause = match fate {
            Fate::NoStart => Cause::Failed(Failure::Spawn { message: String::new() }),
            Fate::Finish | Fate::FailAt(_) | Fate::NotANumber | Fate::Mute | Fate::HangAt(_) => Cause::Exited,
        };
        let steps = if matches!(fate, Fate::Mute | Fate::NoStart) { 0 } else { temper.steps };
        for step in 1..=steps {
            if matches!(fate, Fate::FailAt(fatal) if step >= fatal) {
                cause = Cause::Failed(Failure::ExitCode { code: 1, message: String::new() });
                break;
            }
            let broken = step == steps && fate == Fate::NotANumber;
            let value = if broken { f64::NAN } else { loss(&present(&lease.params), step) };
            let points = vec![Point { step: Some(step), metric: "loss".into(), value }];
            self.tell(&mut told, Fact::Report { points });
            if self.judged {
                break;
            }
        }
        self.tell(&mut told, Fact::Ended { cause, files: AttemptFiles::default() });
    }

    fn tell(&mut self, told: &mut Told, fact: Fact) {
        told.records += 1;
        let record = AttemptRecord { task: told.task, attempt: told.attempt, in_attempt: told.records, fact };
        self.ask(Command::Records { worker: self.worker, records: vec![record] });
    }
}

struct Told {
    task: hone_studies::TaskId,
    attempt: u32,
    records: u64,
}

fn present(params: &Params) -> Params {
    params.iter().copied().filter(|value| !value.is_nan()).collect()
}
