//! A core with a clock that the test moves, and short ways to say what happens.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{Direction, Distribution, Parameter, PrunerConfig, SamplerConfig, Space};
use hone_studies::{
    Assignment, AttemptFiles, AttemptRecord, Capacity, Cause, Command, Core, Driver, Effect, Event, Fact, Failure, Gpu,
    HeldAttempt, Keep, KeepOutputs, Micros, Now, Objective, Outcome, Point, Proposal, Reject, Reply, Resources, SECOND, Search,
    Source, State, StudyId, StudySpec, Summary, TaskId, Timings, Trial, TrialSpec, WorkerId, WorkerProfile, invariants,
};

/// The wall clock at the start; the monotonic one starts at 0.
/// The stream by which workers attach unless a test says otherwise.
pub const STREAM: u64 = 1;
pub const START: Micros = 1_000_000 * SECOND;

pub struct Bench {
    pub core: Core,
    pub now: Now,
    /// Everything that was emitted, as the journal would have it.
    pub journal: Vec<Event>,
}

pub fn spec(name: &str) -> StudySpec {
    StudySpec {
        constraints: Vec::new(),
        stop: Default::default(),
        name: name.to_owned(),
        description: String::new(),
        objectives: vec![objective("loss", Direction::Minimize)],
        search: Search {
            sampler: SamplerConfig::Random,
            pruner: PrunerConfig::None,
            seed: 7,
            max_trials: Some(10),
            parallel: None,
            warm_start: Vec::new(),
        },
        space: Space {
            parameters: vec![Parameter {
                name: "x".to_owned(),
                distribution: Distribution::Float { low: 0.0, high: 1.0, log: false, step: None },
                when: Vec::new(),
            }],
        },
        is_open: false,
        source: Source::None,
        trial: TrialSpec {
            command: vec!["train".to_owned()],
            setup: Vec::new(),
            setup_timeout: SECOND,
            environment: BTreeMap::new(),
            working_directory: String::new(),
            resources: Resources::default(),
            timeout: None,
            grace: SECOND,
            retries: 0,
            crash_limit: 3,
            metrics: None,
            datasets: BTreeMap::new(),
            metrics_from: Vec::new(),
            keep: Keep { outputs: KeepOutputs::All, max_bytes: 1 << 30 },
            max_log_bytes: 1 << 20,
            max_checkpoint_bytes: 1 << 30,
        },
        priority: 0,
        weight: 1.0,
        enqueue: Vec::new(),
    }
}

pub fn objective(metric: &str, direction: Direction) -> Objective {
    Objective { metric: metric.to_owned(), direction, summary: Summary::Last, target: None }
}

pub fn profile(name: &str, cpus: u32) -> WorkerProfile {
    WorkerProfile {
        key: format!("key-{name}"),
        name: name.to_owned(),
        host: "host".to_owned(),
        build: "test".to_owned(),
        capacity: Capacity { cpus_milli: cpus * 1_000, memory_bytes: 16 << 30, gpus: Vec::new(), slots: 0 },
        labels: BTreeMap::new(),
    }
}

pub fn gpu(index: u32) -> Gpu {
    Gpu { index, name: "gpu".to_owned(), memory_bytes: 8 << 30 }
}

pub fn held(lease: &Assignment) -> HeldAttempt {
    HeldAttempt { task: lease.task, attempt: lease.attempt, ended: false }
}

pub fn at(step: i64, value: f64) -> Fact {
    Fact::Report { points: vec![Point { step: Some(step), metric: "loss".into(), value }] }
}

pub fn last(value: f64) -> Fact {
    Fact::Report { points: vec![Point { step: None, metric: "loss".into(), value }] }
}

pub fn ended(cause: Cause) -> Fact {
    Fact::Ended { cause, files: AttemptFiles::default() }
}

pub fn exit_code(code: i32) -> Cause {
    Cause::Failed(Failure::ExitCode { code, message: String::new() })
}

impl Bench {
    pub fn new() -> Bench {
        Bench::over(State::default())
    }

    pub fn over(state: State) -> Bench {
        let now = Now { wall: START, mono: 0 };
        let core = Core::recover(state, now, Timings::DEFAULT);
        let mut bench = Bench { core, now, journal: Vec::new() };
        bench.ask(Command::OpenStore);
        bench
    }

    /// A new coordinator over the same state, at the same instant of the wall clock.
    pub fn restart(&mut self) -> Vec<Event> {
        self.now.mono = 0;
        self.core = Core::recover(self.core.state.clone(), self.now, Timings::DEFAULT);
        self.ask(Command::OpenStore).1.events
    }

    pub fn pass(&mut self, time: Micros) -> Outcome {
        self.now = Now { wall: self.now.wall + time, mono: self.now.mono + time };
        self.ask(Command::Tick).1
    }

    /// One command and what follows from it, without answering samplers.
    pub fn try_ask(&mut self, command: Command) -> Result<(Reply, Outcome), Reject> {
        let answer = self.core.handle(self.now, command);
        let settled = self.core.settle(self.now);
        let (reply, mut outcome) = match answer {
            Ok((reply, outcome)) => (Ok(reply), outcome),
            Err(reject) => (Err(reject), Outcome::default()),
        };
        outcome.events.extend(settled.events);
        outcome.effects.extend(settled.effects);
        self.journal.extend(outcome.events.iter().cloned());
        assert_eq!(invariants::violations(&self.core.state, &self.core.roster), []);
        reply.map(|reply| (reply, outcome))
    }

    pub fn ask(&mut self, command: Command) -> (Reply, Outcome) {
        self.try_ask(command).expect("the command is accepted")
    }

    pub fn refused(&mut self, command: Command) -> Reject {
        self.try_ask(command).expect_err("the command is refused")
    }

    pub fn create(&mut self, spec: StudySpec) -> (StudyId, Outcome) {
        let command = Command::CreateStudy {
            spec: Arc::new(spec),
            text: String::new(),
            source: None,
            driver: Driver::Workers,
            paused: false,
            request: None,
        };
        match self.ask(command) {
            (Reply::Study(study), outcome) => (study, outcome),
            (reply, _) => panic!("{reply:?}"),
        }
    }

    pub fn attach(&mut self, profile: WorkerProfile) -> (WorkerId, Outcome) {
        self.attach_with(profile, "1", &[])
    }

    pub fn attach_with(&mut self, profile: WorkerProfile, incarnation: &str, held: &[HeldAttempt]) -> (WorkerId, Outcome) {
        let (incarnation, held) = (incarnation.to_owned(), held.to_vec());
        match self.ask(Command::AttachWorker { profile, incarnation, held, draining: false, stream: STREAM }) {
            (Reply::Attached { worker, .. }, outcome) => (worker, outcome),
            (reply, _) => panic!("{reply:?}"),
        }
    }

    /// Answers a question to the sampler, with the parameter x = number / 100.
    pub fn answer(&mut self, outcome: &Outcome) -> Outcome {
        let mut whole = Outcome::default();
        for effect in &outcome.effects {
            let Effect::Propose { study, first_number, count, as_of } = *effect else { continue };
            let trials = (first_number..first_number + count).map(proposal).collect();
            let (_, next) = self.ask(Command::Proposed { study, first_number, as_of, trials });
            whole.events.extend(next.events);
            whole.effects.extend(next.effects);
        }
        whole
    }

    /// Asks, and answers samplers until they are asked nothing any more. Returns the leases.
    pub fn run(&mut self, command: Command) -> Vec<Assignment> {
        let (_, outcome) = self.ask(command);
        self.leases_after(outcome)
    }

    pub fn leases_after(&mut self, mut outcome: Outcome) -> Vec<Assignment> {
        let mut leases = leases(&outcome);
        while outcome.effects.iter().any(|effect| matches!(effect, Effect::Propose { .. })) {
            outcome = self.answer(&outcome);
            leases.extend(self::leases(&outcome));
        }
        leases
    }

    /// A study with one lease on a worker of one CPU.
    pub fn with_lease(spec: StudySpec) -> (Bench, StudyId, WorkerId, Assignment) {
        let mut bench = Bench::new();
        let (worker, _) = bench.attach(profile("a", 1));
        let (study, outcome) = bench.create(spec);
        let lease = bench.leases_after(outcome).remove(0);
        (bench, study, worker, lease)
    }

    pub fn records(&mut self, worker: WorkerId, lease: &Assignment, first: u64, facts: Vec<Fact>) -> Result<Outcome, Reject> {
        let record = |(in_attempt, fact)| AttemptRecord { task: lease.task, attempt: lease.attempt, in_attempt, fact };
        let records = (first..).zip(facts).map(record).collect();
        self.try_ask(Command::Records { worker, records }).map(|(_, outcome)| outcome)
    }

    /// The attempt reports one value and returns 0.
    pub fn complete(&mut self, worker: WorkerId, lease: &Assignment, value: f64) -> Outcome {
        let through = self.core.state.open_trial(lease.task).and_then(|(_, trial)| trial.running()).map_or(0, |run| run.through);
        self.records(worker, lease, through + 1, vec![last(value), ended(Cause::Exited)]).expect("accepted")
    }

    pub fn trial(&self, id: TaskId) -> &Trial {
        self.core.state.open_trial(id).expect("the trial is open").1
    }

    /// Folds the journal again and compares: live and replay must not differ.
    pub fn check_replay(&self) {
        let mut state = State::default();
        self.journal.iter().for_each(|event| state.apply(event));
        assert_eq!(bytes(&state), bytes(&self.core.state));
    }
}

pub fn proposal(number: u32) -> Proposal {
    Proposal { params: vec![f64::from(number) / 100.0], why: "test".to_owned() }
}

pub fn leases(outcome: &Outcome) -> Vec<Assignment> {
    let lease = |effect: &Effect| match effect {
        Effect::Assign { assignment, .. } => Some(assignment.clone()),
        Effect::Propose { .. } | Effect::Prune { .. } | Effect::Pause { .. } => None,
        Effect::Kill { .. } | Effect::Drain { .. } | Effect::Undrain { .. } | Effect::Sweep => None,
    };
    outcome.effects.iter().filter_map(lease).collect()
}

/// Absent parameters are NaN, so states are compared by their bytes.
pub fn bytes(state: &State) -> Vec<u8> {
    rmp_serde::to_vec_named(state).expect("a state can be written")
}
