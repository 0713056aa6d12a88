//! What happens in a run, drawn from its seed: machines, studies, users, faults. Each seed has a mix of faults of its
//! own, because a run with every fault at once hides the bugs that need few.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{
    Condition, Direction, Distribution, Parameter, Promotion, PrunerConfig, SamplerConfig, Space, TpeConfig, Value,
};
use hone_studies::{
    Capacity, Gpu, Keep, KeepOutputs, Micros, Objective, Resources, SECOND, Search, Source, StopSpec, StudySpec, Summary,
    TrialSpec, WorkerProfile,
};

use super::{dice::Dice, program::Temper};

/// Users and faults act until here; afterwards everything heals.
pub const TROUBLE_US: Micros = 300 * SECOND;
/// Every study must have ended by then.
pub const LIMIT_US: Micros = TROUBLE_US + 6 * 3_600 * SECOND;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The coordinator's process dies between two commits.
    CoordinatorCrash,
    /// It dies while a commit is written, and the commit is lost.
    CommitLost,
    /// It dies while a commit is written, and the commit survives.
    CommitKept,
    /// It dies three times before its workers are back.
    CrashLoop,
    /// No room for the journal for a while.
    DiskFull,
    /// A worker's process dies; it comes back.
    WorkerCrash,
    /// A worker's machine dies, and with it the tail of the spool.
    PowerCut,
    /// A worker never comes back.
    WorkerGone,
    /// A worker is told to stop by its operator.
    WorkerStops,
    /// A worker's process stands still for a while.
    WorkerFrozen,
    /// Nothing gets through to a worker and from it.
    Partition,
    /// Nothing gets from a worker to the coordinator.
    CutUp,
    /// Nothing gets from the coordinator to a worker.
    CutDown,
    /// The coordinator's clock goes an hour ahead.
    ClockAhead,
    /// The coordinator's clock goes an hour back.
    ClockBack,
    /// Streams break; messages under way arrive or not.
    StreamsBreak,
    /// Records arrive twice.
    Duplicates,
    /// Messages take seconds.
    Delays,
}

impl Fault {
    pub const ALL: [Fault; 18] = [
        Fault::CoordinatorCrash,
        Fault::CommitLost,
        Fault::CommitKept,
        Fault::CrashLoop,
        Fault::DiskFull,
        Fault::WorkerCrash,
        Fault::PowerCut,
        Fault::WorkerGone,
        Fault::WorkerStops,
        Fault::WorkerFrozen,
        Fault::Partition,
        Fault::CutUp,
        Fault::CutDown,
        Fault::ClockAhead,
        Fault::ClockBack,
        Fault::StreamsBreak,
        Fault::Duplicates,
        Fault::Delays,
    ];

    /// Holds for the whole run, instead of striking at an instant.
    fn is_lasting(self) -> bool {
        matches!(self, Fault::StreamsBreak | Fault::Duplicates | Fault::Delays)
    }
}

/// What a user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wish {
    Enqueue,
    CancelTrial,
    PauseTrial,
    ResumeTrial,
    RetryTrial,
    MarkTrial,
    PauseStudy,
    ResumeStudy,
    StopStudy,
    CancelStudy,
    RaiseBudget,
    Cordon,
    Drain,
    Activate,
}

impl Wish {
    pub const ALL: [Wish; 14] = [
        Wish::Enqueue,
        Wish::CancelTrial,
        Wish::PauseTrial,
        Wish::ResumeTrial,
        Wish::RetryTrial,
        Wish::MarkTrial,
        Wish::PauseStudy,
        Wish::ResumeStudy,
        Wish::StopStudy,
        Wish::CancelStudy,
        Wish::RaiseBudget,
        Wish::Cordon,
        Wish::Drain,
        Wish::Activate,
    ];

    /// Changes which trials there are, so that no undisturbed run could be compared.
    pub fn changes_the_search(self) -> bool {
        match self {
            Wish::PauseStudy | Wish::ResumeStudy | Wish::Cordon | Wish::Drain | Wish::Activate => false,
            Wish::Enqueue | Wish::CancelTrial | Wish::PauseTrial | Wish::ResumeTrial | Wish::RetryTrial => true,
            Wish::MarkTrial | Wish::StopStudy | Wish::CancelStudy | Wish::RaiseBudget => true,
        }
    }
}

/// A study and how its trials behave.
#[derive(Clone, Debug)]
pub struct PlannedStudy {
    pub spec: Arc<StudySpec>,
    pub temper: Temper,
    pub at: Micros,
    /// Its sequence must equal that of an undisturbed run.
    pub comparable: bool,
}

/// Everything that a seed decides beforehand.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub workers: Vec<WorkerProfile>,
    pub studies: Vec<PlannedStudy>,
    /// Programs that run trials themselves.
    pub askers: usize,
    pub faults: Vec<(Micros, Fault)>,
    pub wishes: Vec<(Micros, Wish)>,
    /// Messages in 1,000 at which a stream breaks.
    pub break_permille: u64,
    /// Batches of records in 100 that arrive twice.
    pub duplicate_percent: u64,
    /// The longest a message takes.
    pub latency_us: Micros,
}

impl Scenario {
    pub fn draw(seed: u64) -> Scenario {
        let dice = Dice::new(seed);
        let lasting = lasting_faults(&mut dice.fork(1));
        let has = |fault| lasting.contains(&fault);
        Scenario {
            workers: draw_workers(&mut dice.fork(2)),
            studies: draw_studies(&mut dice.fork(3)),
            askers: dice.fork(7).between(-1, 4).max(0) as usize,
            faults: draw_faults(&mut dice.fork(4)),
            wishes: draw_wishes(&mut dice.fork(5)),
            break_permille: if has(Fault::StreamsBreak) { dice.fork(6).between(2, 50).unsigned_abs() } else { 0 },
            duplicate_percent: if has(Fault::Duplicates) { 20 } else { 0 },
            latency_us: if has(Fault::Delays) { 4 * SECOND } else { 5_000 },
        }
    }

    /// No fault of this run can take a lease away from a worker that keeps its process.
    pub fn is_calm(&self) -> bool {
        self.faults.is_empty() && self.break_permille == 0 && self.latency_us < SECOND
    }
}

fn lasting_faults(dice: &mut Dice) -> Vec<Fault> {
    Fault::ALL.into_iter().filter(|fault| fault.is_lasting() && dice.percent(50)).collect()
}

fn draw_faults(dice: &mut Dice) -> Vec<(Micros, Fault)> {
    let mut faults = Vec::new();
    let calm = dice.percent(4);
    for fault in Fault::ALL.into_iter().filter(|fault| !calm && !fault.is_lasting()) {
        // At least one crash of the coordinator in every run that is not calm.
        let sure = fault == Fault::CoordinatorCrash;
        let times = if sure || dice.percent(35) { dice.between(1, 3) } else { 0 };
        faults.extend((0..times).map(|_| (dice.between(3 * SECOND, TROUBLE_US), fault)));
    }
    faults
}

fn draw_wishes(dice: &mut Dice) -> Vec<(Micros, Wish)> {
    let mut wishes = Vec::new();
    for wish in Wish::ALL {
        let rare = matches!(wish, Wish::StopStudy | Wish::CancelStudy);
        let often = matches!(wish, Wish::RetryTrial | Wish::CancelTrial | Wish::PauseTrial | Wish::ResumeTrial | Wish::MarkTrial);
        let times = match (rare, often) {
            (true, _) => i64::from(dice.percent(15)),
            (_, true) => dice.between(0, 8),
            _ => dice.between(0, 3),
        };
        wishes.extend((0..times).map(|_| (dice.between(3 * SECOND, TROUBLE_US), wish)));
    }
    wishes
}

// ---------------------------------------------------------------- machines

fn draw_workers(dice: &mut Dice) -> Vec<WorkerProfile> {
    let count = dice.between(2, 8) as usize;
    (0..count).map(|at| worker(dice, at)).collect()
}

/// The first one can run everything; the others differ.
fn worker(dice: &mut Dice, at: usize) -> WorkerProfile {
    let gpus = if at == 0 { 2 } else { dice.between(-2, 3).max(0) as u32 };
    let capacity = Capacity {
        cpus_milli: if at == 0 { 6_000 } else { dice.between(1, 8) as u32 * 1_000 },
        memory_bytes: if at == 0 { 16 << 30 } else { dice.between(1, 16).unsigned_abs() << 30 },
        gpus: (0..gpus).map(|index| Gpu { index, name: "sim".to_owned(), memory_bytes: 8 << 30 }).collect(),
        slots: if at > 0 && dice.percent(30) { dice.between(1, 3) as u32 } else { 0 },
    };
    let zone = if at == 0 || dice.percent(50) { "a" } else { "b" };
    WorkerProfile {
        key: format!("key-{at}"),
        name: format!("worker-{at}"),
        host: format!("host-{at}"),
        build: "sim".to_owned(),
        capacity,
        labels: BTreeMap::from([("zone".to_owned(), zone.to_owned())]),
    }
}

// ---------------------------------------------------------------- studies

fn draw_studies(dice: &mut Dice) -> Vec<PlannedStudy> {
    let count = dice.between(1, 3);
    let mut studies = Vec::new();
    for at in 0..count {
        let trials = 30 / count + dice.between(1, 6);
        studies.push(study(dice, at, trials));
    }
    studies
}

fn study(dice: &mut Dice, at: i64, trials: i64) -> PlannedStudy {
    let comparable = dice.percent(35);
    let hangs = !comparable && dice.percent(40);
    let slowest = if comparable { SECOND } else { 12 * SECOND };
    let temper = Temper {
        seed: dice.next(),
        doomed: dice.between(0, 20).unsigned_abs(),
        flaky: if comparable { 0 } else { dice.between(0, 25).unsigned_abs() },
        steps: dice.between(1, 9),
        step_us: dice.between(SECOND / 5, slowest),
        checkpoints: dice.percent(50),
        hangs,
        stubborn: dice.percent(20),
    };
    let spec = StudySpec {
        constraints: Vec::new(),
        stop: StopSpec::default(),
        name: format!("study-{at}"),
        description: String::new(),
        objectives: vec![Objective {
            metric: "loss".to_owned(),
            direction: Direction::Minimize,
            summary: if dice.percent(50) { Summary::Last } else { Summary::Best },
            target: None,
        }],
        search: Search {
            sampler: sampler(dice),
            pruner: pruner(dice),
            seed: dice.next(),
            max_trials: Some(trials.unsigned_abs()),
            parallel: if comparable { Some(1) } else { parallel(dice) },
            warm_start: if at > 0 && !comparable && trials % 2 == 0 { vec!["study-0".to_owned()] } else { Vec::new() },
        },
        space: space(),
        is_open: false,
        source: Source::None,
        trial: trial_spec(dice, comparable, hangs),
        priority: dice.between(0, 1) as i32,
        weight: dice.between(1, 3) as f64,
        enqueue: if dice.percent(30) { vec![BTreeMap::from([("x".to_owned(), Value::Float(0.25))])] } else { Vec::new() },
    };
    PlannedStudy { spec: Arc::new(spec), temper, at: dice.between(0, 20 * SECOND), comparable }
}

fn sampler(dice: &mut Dice) -> SamplerConfig {
    match dice.below(3) {
        0 => SamplerConfig::Tpe(TpeConfig { startup_trials: 4, candidates: 6, ..TpeConfig::default() }),
        1 => SamplerConfig::Sobol,
        _ => SamplerConfig::Random,
    }
}

fn pruner(dice: &mut Dice) -> PrunerConfig {
    match dice.below(6) {
        0 => PrunerConfig::None,
        1 => PrunerConfig::Median { startup_trials: 3, warmup_steps: 1, interval: 1 },
        2 => asha(Promotion::Stop, None),
        3 => asha(Promotion::Resume, None),
        4 => asha(Promotion::Resume, Some(dice.between(2, 9))),
        _ => PrunerConfig::Halving {
            min_steps: Some(1),
            reduction: 2,
            max_steps: None,
            early_stopping_rate: 0,
            cohort: dice.between(2, 8) as u32,
            promotion: Promotion::Resume,
        },
    }
}

fn asha(promotion: Promotion, max_steps: Option<i64>) -> PrunerConfig {
    PrunerConfig::Asha { min_steps: Some(1), reduction: 2, max_steps, early_stopping_rate: 0, promotion }
}

fn parallel(dice: &mut Dice) -> Option<u32> {
    dice.percent(70).then(|| dice.between(2, 6) as u32)
}

/// The names are in alphabetical order; `z` exists in some trials only.
fn space() -> Space {
    let float = |name: &str, low, high| {
        let distribution = Distribution::Float { low, high, log: false, step: None };
        Parameter { name: name.to_owned(), distribution, when: Vec::new() }
    };
    let level = Distribution::Int { low: 0, high: 2, log: false, step: 1 };
    let when = vec![Condition { parameter: "y".to_owned(), values: vec![Value::Int(1), Value::Int(2)] }];
    let y = Parameter { name: "y".to_owned(), distribution: level, when: Vec::new() };
    Space { parameters: vec![float("x", 0.125, 1.0), y, Parameter { when, ..float("z", -2.0, 2.0) }] }
}

fn trial_spec(dice: &mut Dice, comparable: bool, hangs: bool) -> TrialSpec {
    let zone = BTreeMap::from([("zone".to_owned(), "a".to_owned())]);
    let gpus = [0, 0, 0, 500, 1_000, 2_000];
    TrialSpec {
        command: vec!["train".to_owned()],
        setup: Vec::new(),
        setup_timeout: SECOND,
        environment: BTreeMap::new(),
        working_directory: String::new(),
        resources: Resources {
            cpus_milli: [500, 1_000, 2_000][dice.below(3)],
            memory_bytes: dice.between(0, 2).unsigned_abs() << 30,
            gpus_milli: gpus[dice.below(gpus.len())],
            gpu_memory_bytes: 0,
            labels: if dice.percent(20) { zone } else { BTreeMap::new() },
        },
        timeout: hangs.then_some(40 * SECOND),
        grace: 3 * SECOND,
        retries: dice.between(0, 2) as u32,
        // Trials of a comparable study must never fail because of their workers.
        crash_limit: if comparable { u32::MAX } else { dice.between(2, 5) as u32 },
        metrics: None,
        datasets: BTreeMap::new(),
        metrics_from: Vec::new(),
        keep: Keep { outputs: KeepOutputs::All, max_bytes: 1 << 30 },
        max_log_bytes: 1 << 20,
        max_checkpoint_bytes: 1 << 30,
    }
}
