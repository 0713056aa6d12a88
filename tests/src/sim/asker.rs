//! Programs that ask for trials, run them themselves and tell what came of them: slow, silent, dying, and sending
//! again whatever got no answer.

use hone_search::{Direction, Distribution, Outcome, Params};
use hone_studies::{
    Ask, AskedParameter, By, Command, Driver, HeldTrial, Hold, Micros, Objective, Point, Proposal, Reject, Reply, RequestId,
    SECOND, StudyId, StudySpec, Summary, TaskId, Write,
};

use super::{queue::Happening, scenario::TROUBLE_US, shell::Waiter, world::World};

/// What the study of the programs is called.
pub const STUDY: &str = "asked";
const LEASE_US: Micros = 60 * SECOND;
/// How long a program waits for an answer before it sends again.
const RETRY_US: Micros = 5 * SECOND;
const TRIALS: u64 = 25;

/// One program.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Goes up whenever it dies.
    life: u64,
    requests: u64,
    phase: Phase,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// The study has to be there first.
    Opening,
    Asking(RequestId),
    Running {
        held: Held,
        steps_left: i64,
    },
    Telling {
        held: Held,
        request: RequestId,
        outcome: Outcome,
    },
    Over,
}

/// The trial that a program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub trial: TaskId,
    pub attempt: u32,
}

impl Held {
    /// What an attempt comes to: another value for each.
    pub fn value(self) -> f64 {
        self.trial.0 as f64 * 1_000.0 + f64::from(self.attempt)
    }

    fn by(self) -> By {
        By { attempt: Some(self.attempt), ..By::default() }
    }
}

/// Which answer a program waits for.
#[derive(Clone, Copy, Debug)]
pub struct Awaited {
    asker: usize,
    life: u64,
    /// It answers the program's last words in this phase; otherwise a report or so, whose answer only matters when it
    /// is a refusal.
    request: Option<RequestId>,
    /// The same request was sent twice at once.
    twice: Option<RequestId>,
}

impl Asker {
    pub fn new() -> Asker {
        Asker { life: 0, requests: 0, phase: Phase::Opening }
    }

    fn next_request(&mut self, asker: usize) -> RequestId {
        self.requests += 1;
        let number = ((asker as u64) << 48) | (self.life << 32) | self.requests;
        RequestId([number.to_be_bytes(), [7; 8]].concat().try_into().expect("16 bytes"))
    }
}

fn spec() -> StudySpec {
    let objective = Objective { metric: "loss".to_owned(), direction: Direction::Minimize, summary: Summary::Last, target: None };
    let mut spec = StudySpec::driven(STUDY.to_owned(), vec![objective]);
    spec.search.max_trials = Some(TRIALS);
    spec
}

impl World {
    /// A program goes on, or sends again what was not answered.
    pub fn asker_wakes(&mut self, at: usize, life: u64) {
        if self.askers[at].life != life {
            return;
        }
        let in_trouble = self.now < TROUBLE_US && !self.scenario.is_calm();
        if in_trouble && self.dice.percent(3) {
            return self.asker_dies(at);
        }
        let awaited = Awaited { asker: at, life, request: None, twice: None };
        match self.askers[at].phase {
            Phase::Opening => {
                let (spec, text) = (spec().into(), String::new());
                let request = Some(RequestId([1; 16]));
                let command = Command::CreateStudy { spec, text, source: None, driver: Driver::Clients, paused: false, request };
                self.ask_core(command, Waiter::Asker(awaited));
            }
            Phase::Asking(request) => self.ask_for_trial(request, awaited, in_trouble),
            Phase::Running { held, steps_left } => return self.run_on(held, steps_left, awaited, in_trouble),
            Phase::Telling { held, request, outcome } => {
                self.oracle.succeeded(hone_worker::machine::AttemptKey { task: held.trial.0, attempt: held.attempt });
                let write = Write::tell(outcome, vec![held.value()]);
                let by = By { request: Some(request), ..held.by() };
                let awaited = Awaited { request: Some(request), ..awaited };
                self.ask_core(Command::Drive { trial: held.trial, write, by }, Waiter::Asker(awaited));
            }
            // A user may have raised the budget since.
            Phase::Over => self.askers[at].phase = self.asks_anew(at),
        }
        self.push(self.now + RETRY_US, Happening::AskerWakes { at, life });
    }

    fn asker_dies(&mut self, at: usize) {
        let asker = &mut self.askers[at];
        asker.life += 1;
        let life = asker.life;
        let request = asker.next_request(at);
        if !matches!(asker.phase, Phase::Opening) {
            asker.phase = Phase::Asking(request);
        }
        let pause = self.dice.between(SECOND, 20 * SECOND);
        self.push(self.now + pause, Happening::AskerWakes { at, life });
    }

    fn ask_for_trial(&mut self, request: RequestId, awaited: Awaited, in_trouble: bool) {
        let Some(study) = self.asked_study else { return };
        let awaited = Awaited { request: Some(request), ..awaited };
        let proposals = vec![Proposal { params: Params::new(), why: String::new() }];
        let hold = Hold::For(LEASE_US);
        let ask = Ask { study, count: 1, request, hold, first_number: 0, as_of: 0, proposals };
        if in_trouble && self.dice.percent(20) {
            let twice = Awaited { twice: Some(request), ..awaited };
            self.ask_core(Command::Ask(Box::new(ask.clone())), Waiter::Asker(twice));
            self.ask_core(Command::Ask(Box::new(ask)), Waiter::Asker(twice));
            return;
        }
        self.ask_core(Command::Ask(Box::new(ask)), Waiter::Asker(awaited));
    }

    /// One step of a trial: it says that it is there, chooses its parameter, reports, or comes to its end.
    fn run_on(&mut self, held: Held, steps_left: i64, awaited: Awaited, in_trouble: bool) {
        let renewed = HeldTrial { trial: held.trial, attempt: Some(held.attempt) };
        self.ask_core(Command::Hold { held: vec![renewed], hold: Hold::For(LEASE_US) }, Waiter::Asker(awaited));
        let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
        let parameter = AskedParameter { name: "x".to_owned(), value: 0.5, distribution, text: "x".to_owned() };
        let point = Point { step: Some(-steps_left), metric: "loss".into(), value: steps_left as f64 };
        for write in [Write::Parameter(parameter), Write::Report(vec![point])] {
            self.ask_core(Command::Drive { trial: held.trial, write, by: held.by() }, Waiter::Asker(awaited));
        }
        let at = awaited.asker;
        self.askers[at].phase = if steps_left > 0 {
            Phase::Running { held, steps_left: steps_left - 1 }
        } else {
            let outcome = [Outcome::Complete, Outcome::Complete, Outcome::Pruned, Outcome::Failed][self.dice.below(4)];
            Phase::Telling { held, request: self.askers[at].next_request(at), outcome }
        };
        // Now and then it is silent for longer than its lease.
        let silent = in_trouble && self.dice.percent(4);
        let pause = if silent { self.dice.between(LEASE_US, 3 * LEASE_US) } else { self.dice.between(SECOND, 20 * SECOND) };
        self.push(self.now + pause, Happening::AskerWakes { at, life: awaited.life });
    }

    /// An answer; some are lost on their way.
    pub fn asker_answered(&mut self, awaited: Awaited, reply: Result<Reply, Reject>) {
        let Awaited { asker: at, life, request, twice } = awaited;
        if let (Some(request), Ok(Reply::Asked(asked))) = (twice, &reply) {
            self.oracle.asked_twice(request, asked);
        }
        let lost = self.now < TROUBLE_US && !self.scenario.is_calm() && self.dice.percent(10);
        if self.askers[at].life != life || lost {
            return;
        }
        match (self.askers[at].phase, reply) {
            (Phase::Opening, Ok(Reply::Study(study)) | Err(Reject::StudyExists { study, .. })) => self.opened(at, study),
            (Phase::Asking(asks), Ok(Reply::Asked(asked))) if request == Some(asks) => {
                let Some((trial, attempt)) = asked.trials.first().copied() else {
                    self.askers[at].phase = if asked.over { Phase::Over } else { self.asks_anew(at) };
                    return;
                };
                let (held, steps_left) = (Held { trial, attempt }, self.dice.between(0, 6));
                self.askers[at].phase = Phase::Running { held, steps_left };
            }
            // The study was cancelled, say.
            (Phase::Asking(asks), Err(_)) if request == Some(asks) => self.askers[at].phase = Phase::Over,
            (Phase::Running { held, .. }, Ok(Reply::Over(over))) if over.iter().any(|over| over.trial == held.trial) => {
                self.askers[at].phase = self.asks_anew(at);
            }
            (Phase::Running { held, .. }, Err(Reject::StaleAttempt { attempt, .. })) if attempt == held.attempt => {
                self.askers[at].phase = self.asks_anew(at);
            }
            (Phase::Running { .. }, Err(Reject::WrongTrialState { .. })) => self.askers[at].phase = self.asks_anew(at),
            (Phase::Telling { held, outcome, request: tells }, Ok(Reply::Done)) if request == Some(tells) => {
                self.oracle.told(held, outcome);
                self.askers[at].phase = self.asks_anew(at);
            }
            (Phase::Telling { request: tells, .. }, Err(_)) if request == Some(tells) => {
                self.askers[at].phase = self.asks_anew(at)
            }
            (Phase::Opening | Phase::Asking(_) | Phase::Running { .. } | Phase::Telling { .. } | Phase::Over, _) => {}
        }
    }

    fn opened(&mut self, at: usize, study: StudyId) {
        self.asked_study = Some(study);
        self.askers[at].phase = self.asks_anew(at);
    }

    fn asks_anew(&mut self, at: usize) -> Phase {
        Phase::Asking(self.askers[at].next_request(at))
    }
}
