//! Sequences of inputs and the outputs that have to follow.

mod attempts;
mod records;
mod session;

use hone_proto::worker::{
    Ack, Assign, Assignment, Directive, Held, Metric, Program, Record, RenewAck, ToWorker, Welcome, directive, ended::Cause,
    from_worker, record, to_worker,
};

use super::{AttemptKey, Config, Cut, EndFiles, Input, Machine, Outcome, Output, Signal, WorkerFacts};

const GRACE_US: i64 = 1_000_000;
const RENEW_US: i64 = 20_000_000;

fn key(task: u64, attempt: u32) -> AttemptKey {
    AttemptKey { task, attempt }
}

fn held(key: AttemptKey, ended: bool) -> Held {
    Held { task: key.task, attempt: key.attempt, ended }
}

fn metric(name: &str, value: f64) -> Metric {
    Metric { name: name.to_owned(), value }
}

/// A machine, its clock and the stream that it believes to have.
struct Rig {
    machine: Machine,
    now_us: i64,
    session: u64,
}

impl Rig {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        Self::with_spool(change, Vec::new(), 0)
    }

    fn with_spool(change: impl FnOnce(&mut Config), records: Vec<Record>, last_sequence: u64) -> Self {
        let mut config = Config::new(WorkerFacts::default(), 1);
        change(&mut config);
        let mut rig = Self { machine: Machine::new(config), now_us: 1_000, session: 0 };
        rig.send(Input::SpoolLoaded { records, last_sequence });
        rig
    }

    /// A machine that was welcomed.
    fn ready() -> Self {
        let mut rig = Self::new(|_| {});
        rig.welcome(Welcome::default());
        rig
    }

    /// A machine on which attempt 1 of task 7 runs.
    fn running(program: Program) -> Self {
        let mut rig = Self::ready();
        rig.assign(key(7, 1), program);
        rig.send(Input::ProcessStarted { key: key(7, 1) });
        rig
    }

    fn send(&mut self, input: Input) -> Vec<Output> {
        let out = self.machine.handle(self.now_us, input);
        for output in &out {
            if let Output::Connect { session } = output {
                self.session = *session;
            }
        }
        out
    }

    fn says(&mut self, kind: to_worker::Kind) -> Vec<Output> {
        let message = ToWorker { kind: Some(kind) };
        self.send(Input::Message { session: self.session, message })
    }

    fn welcome(&mut self, welcome: Welcome) -> Vec<Output> {
        self.send(Input::Connected { session: self.session });
        let welcome = Welcome { protocol: 1, lease_ms: 60_000, renew_ms: 20_000, ..welcome };
        self.says(to_worker::Kind::Welcome(welcome))
    }

    fn assign(&mut self, key: AttemptKey, program: Program) -> Vec<Output> {
        let assignment = Assignment { task: key.task, attempt: key.attempt, program: program.id, ..Assignment::default() };
        let assign = Assign { assignments: vec![assignment], programs: vec![program] };
        self.says(to_worker::Kind::Assign(assign))
    }

    fn directive(&mut self, key: AttemptKey, kind: directive::Kind) -> Vec<Output> {
        self.says(to_worker::Kind::Directive(Directive {
            kind: kind.into(),
            task: key.task,
            attempt: key.attempt,
            reason: "asked to".to_owned(),
        }))
    }

    fn ack(&mut self, sequence: u64) -> Vec<Output> {
        self.says(to_worker::Kind::Ack(Ack { sequence }))
    }

    fn report(&mut self, key: AttemptKey, step: i64, ticket: u64) -> Vec<Output> {
        let metrics = vec![metric("loss", step as f64)];
        self.send(Input::TrialReport { key, step: Some(step), metrics, ticket: Some(ticket) })
    }

    fn ended(&mut self, key: AttemptKey, outcome: Outcome, stopped: bool) -> Vec<Output> {
        self.send(Input::ProcessEnded { key, outcome, stopped })
    }

    fn uploaded(&mut self, key: AttemptKey) -> Vec<Output> {
        self.send(Input::FilesUploaded { key, files: EndFiles::default() })
    }

    /// Moves the clock and rings the timer.
    fn after(&mut self, pause_us: i64) -> Vec<Output> {
        self.now_us += pause_us;
        self.send(Input::Timer)
    }

    fn cut(&mut self) -> Vec<Output> {
        self.send(Input::Disconnected { session: self.session, cut: Cut::Lost("cut".to_owned()) })
    }

    /// Everything that [`Machine::flush`] sends.
    fn flushed(&mut self) -> Vec<Record> {
        let mut records = Vec::new();
        while let Some(output) = self.machine.flush() {
            records.extend(records_of(&output));
        }
        records
    }

    fn sequences_flushed(&mut self) -> Vec<u64> {
        self.flushed().iter().map(|record| record.sequence).collect()
    }

    /// The cause in the latest end that is not acknowledged.
    fn cause(&self) -> Option<Cause> {
        self.machine.unacknowledged().filter_map(cause_of).last()
    }
}

fn records_of(output: &Output) -> Vec<Record> {
    match output {
        Output::Send(message) => match &message.kind {
            Some(from_worker::Kind::Records(records)) => records.records.clone(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn cause_of(record: &Record) -> Option<Cause> {
    match &record.kind {
        Some(record::Kind::Ended(ended)) => ended.cause.clone(),
        _ => None,
    }
}

fn program() -> Program {
    Program { id: 3, grace_us: GRACE_US, prunes: true, ..Program::default() }
}

/// Without the timer requests, which most tests do not care about.
fn acts(out: Vec<Output>) -> Vec<Output> {
    out.into_iter().filter(|output| !matches!(output, Output::SetTimer { .. })).collect()
}

fn signal(key: AttemptKey, signal: Signal) -> Output {
    Output::Signal { key, signal }
}

fn answer(ticket: u64, prune: bool) -> Output {
    Output::AnswerReport { ticket, prune }
}

fn over(key: AttemptKey) -> to_worker::Kind {
    to_worker::Kind::RenewAck(RenewAck { nonce: 0, over: vec![held(key, false)] })
}
