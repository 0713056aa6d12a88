//! A simulated worker: the real state machine, and around it a spool, processes and a stream that are not real.

use std::collections::BTreeMap;

use hone_proto::worker::{Capacity, Failure, File, FromWorker, Gpu, Metric, Record, ToWorker, failure, to_worker};
use hone_search::Params;
use hone_studies::{Micros, SECOND, WorkerProfile};
use hone_worker::machine::{AttemptKey, Config, Cut, EndFiles, ExitReason, Input, Machine, Outcome, Output, Signal, WorkerFacts};

use super::{
    program::{Fate, loss, params_from_json},
    queue::{Beat, Happening},
    world::World,
};

/// Spool records whose removal a power cut may undo.
const UNDONE_TRIMS: usize = 4;

/// A worker's machine: what survives its process, and its process.
#[derive(Debug)]
pub struct Node {
    profile: WorkerProfile,
    /// Goes up with every start of the process.
    pub life: u64,
    pub machine: Option<Machine>,
    spool: Vec<Record>,
    /// Records that were removed from the spool last.
    trimmed: Vec<Record>,
    last_sequence: u64,
    pub link: Option<u64>,
    processes: BTreeMap<AttemptKey, Process>,
    /// The step at which a process ended whose checkpoint is wanted.
    left: BTreeMap<AttemptKey, i64>,
    /// Who waits for the answer to a report.
    tickets: BTreeMap<u64, AttemptKey>,
    last_ticket: u64,
    flushing: bool,
    /// When its machine wants to be woken.
    timer: Option<Micros>,
    pub cut_up_until: Micros,
    pub cut_down_until: Micros,
    pub frozen_until: Micros,
    /// It never comes back.
    pub gone: bool,
}

/// A trial's process.
#[derive(Debug)]
struct Process {
    /// Position of its study in the plan.
    study: usize,
    params: Params,
    started: bool,
    /// The last step that it reported.
    step: i64,
    fate: Fate,
}

impl Node {
    pub fn new(profile: WorkerProfile) -> Node {
        Node {
            profile,
            life: 0,
            machine: None,
            spool: Vec::new(),
            trimmed: Vec::new(),
            last_sequence: 0,
            link: None,
            processes: BTreeMap::new(),
            left: BTreeMap::new(),
            tickets: BTreeMap::new(),
            last_ticket: 0,
            flushing: false,
            timer: None,
            cut_up_until: 0,
            cut_down_until: 0,
            frozen_until: 0,
            gone: false,
        }
    }

    /// The process ends, and every trial with it.
    fn die(&mut self) {
        self.machine = None;
        self.processes.clear();
        self.left.clear();
        self.tickets.clear();
        self.flushing = false;
        self.timer = None;
        self.life += 1;
    }

    /// The power fails: the newest records were not on the disk yet, nor was the removal of the newest removed ones.
    fn tear_spool(&mut self, lost: usize, undo_trims: bool) {
        if undo_trims {
            self.spool.splice(0..0, self.trimmed.drain(..));
        }
        self.trimmed.clear();
        self.spool.truncate(self.spool.len().saturating_sub(lost));
        self.last_sequence = self.spool.last().map_or(0, |record| record.sequence);
    }

    fn facts(&self, at: usize) -> WorkerFacts {
        let WorkerProfile { key, name, host, build, capacity, labels } = self.profile.clone();
        let gpu =
            |gpu: hone_studies::Gpu| Gpu { index: gpu.index, name: gpu.name, memory_bytes: gpu.memory_bytes, ..Gpu::default() };
        let capacity = Capacity {
            cpus_milli: capacity.cpus_milli,
            memory_bytes: capacity.memory_bytes,
            gpus: capacity.gpus.into_iter().map(gpu).collect(),
            slots: capacity.slots,
        };
        let incarnation = format!("{at}-{}", self.life);
        WorkerFacts { build, worker_key: key, incarnation, name, host, capacity, labels }
    }

    pub fn is_up(&self) -> bool {
        self.machine.is_some()
    }
}

impl World {
    pub fn start_node(&mut self, at: usize, life: u64) {
        let node = &mut self.nodes[at];
        if node.life != life || node.is_up() {
            return;
        }
        let config = Config::new(node.facts(at), (at as u64) << 32 | life);
        node.machine = Some(Machine::new(config));
        let (records, last_sequence) = (node.spool.clone(), node.last_sequence);
        self.timeline.note(self.now, || format!("worker {at} starts (life {life}, {} records in its spool)", records.len()));
        self.feed(at, Input::SpoolLoaded { records, last_sequence });
    }

    /// Ends a worker's process; it starts again after `pause`, unless it is gone for good.
    pub fn kill_node(&mut self, at: usize, torn: Option<(usize, bool)>, pause: Micros) {
        if !self.nodes[at].is_up() {
            return;
        }
        self.oracle.worker_died(at);
        let node = &mut self.nodes[at];
        node.die();
        if let Some((lost, undo_trims)) = torn {
            node.tear_spool(lost, undo_trims);
        }
        self.leave_link(at);
        let node = &self.nodes[at];
        if !node.gone {
            self.push(self.now + pause, Happening::NodeStarts { node: at, life: node.life });
        }
    }

    fn leave_link(&mut self, at: usize) {
        if let Some(link) = self.nodes[at].link.take() {
            self.break_link(link, SECOND);
        }
    }

    /// Gives the machine something that happened, and carries out what it wants.
    pub fn feed(&mut self, at: usize, input: Input) {
        let Some(machine) = &mut self.nodes[at].machine else { return };
        let outputs = machine.handle(self.now, input);
        for output in outputs {
            self.carry_out(at, output);
        }
        let node = &mut self.nodes[at];
        if !node.flushing && node.machine.as_ref().is_some_and(Machine::has_unsent) {
            node.flushing = true;
            let life = node.life;
            let at_us = self.now + self.dice.between(0, 3_000);
            self.push(at_us, Happening::NodeFlushes { node: at, life });
        }
    }

    pub fn flush_node(&mut self, at: usize) {
        self.nodes[at].flushing = false;
        while let Some(output) = self.nodes[at].machine.as_mut().and_then(Machine::flush) {
            self.carry_out(at, output);
        }
    }

    fn carry_out(&mut self, at: usize, output: Output) {
        let life = self.nodes[at].life;
        match output {
            Output::Connect { session } => self.dial(at, session),
            Output::Disconnect => self.leave_link(at),
            Output::Send(message) => self.say_up(at, message),
            Output::Start { assignment, program } => {
                let work = assignment.trial.unwrap_or_default();
                let key = AttemptKey { task: assignment.task, attempt: assignment.attempt };
                let study = self.scenario.studies.iter().position(|study| study.spec.name == program.study_name);
                let resumed = assignment.checkpoint.first().and_then(|file| file.path.strip_prefix("step-")?.parse().ok());
                self.start_process(at, key, study.unwrap_or_default(), work.number as u32, &work.params_json, resumed);
            }
            Output::Signal { key, signal } => self.signal(at, key, signal),
            Output::Collect { key, checkpoint, .. } => {
                let at_us = self.now + self.dice.between(5_000, 400_000);
                self.push(at_us, Happening::Process { node: at, life, key, beat: Beat::Uploaded { checkpoint } });
            }
            Output::Discard { key } => {
                self.nodes[at].processes.remove(&key);
                self.nodes[at].left.remove(&key);
            }
            Output::AppendSpool(record) => {
                self.nodes[at].last_sequence = record.sequence;
                self.nodes[at].spool.push(record);
            }
            Output::TrimSpool { up_to } => self.nodes[at].trim(up_to),
            Output::AnswerReport { ticket, prune } => self.answer_report(at, ticket, prune),
            Output::ReadLog(_) | Output::Score(_) | Output::ReleaseScore { .. } => {}
            Output::SetTimer { at_us } => {
                self.nodes[at].timer = Some(at_us);
                self.push(at_us, Happening::NodeTimer { node: at, life, at_us });
            }
            Output::Exit { reason } => self.node_exits(at, &reason),
        }
    }

    fn say_up(&mut self, at: usize, message: FromWorker) {
        if let Some(link) = self.nodes[at].link {
            self.send_up(link, message);
        }
    }

    fn node_exits(&mut self, at: usize, reason: &ExitReason) {
        self.timeline.note(self.now, || format!("worker {at} exits: {reason}"));
        if let ExitReason::Refused { reason } = reason {
            self.oracle.violation("refused", format!("worker {at} was turned away: {reason}"));
        }
        let pause = self.dice.between(5 * SECOND, 60 * SECOND);
        self.kill_node(at, None, pause);
    }

    /// A message of the coordinator arrives.
    pub fn hear(&mut self, link: u64, message: ToWorker) {
        let Some((at, life, session)) = self.links.get(&link).map(|link| (link.node, link.node_life, link.session)) else {
            return;
        };
        if self.nodes[at].life != life {
            return;
        }
        self.witness(at, session, &message);
        self.feed(at, Input::Message { session, message });
    }

    /// Keeps what this worker was promised.
    fn witness(&mut self, at: usize, session: u64, message: &ToWorker) {
        let current = self.nodes[at].link.and_then(|link| self.links.get(&link)).is_some_and(|link| link.session == session);
        let Some(machine) = self.nodes[at].machine.as_ref().filter(|_| current) else { return };
        match &message.kind {
            Some(to_worker::Kind::Assign(assign)) => {
                for lease in &assign.assignments {
                    self.oracle.leased(at, lease.task, lease.attempt);
                }
            }
            Some(to_worker::Kind::Ack(ack)) => {
                for record in machine.unacknowledged().filter(|record| record.sequence <= ack.sequence) {
                    self.oracle.acknowledged(record);
                }
            }
            _ => {}
        }
    }

    // ------------------------------------------------------------ processes

    fn start_process(&mut self, at: usize, key: AttemptKey, study: usize, number: u32, params: &str, resumed: Option<i64>) {
        let fate = self.scenario.studies[study].temper.fate(number, key.attempt);
        let process = Process { study, params: params_from_json(params), started: false, step: resumed.unwrap_or(0), fate };
        self.timeline.note(self.now, || format!("worker {at} starts {key} (study {study}, trial {number}): {fate:?}"));
        self.nodes[at].processes.insert(key, process);
        if self.dice.percent(10) {
            self.feed(at, Input::SettingUp { key });
        }
        let beat = if fate == Fate::NoStart { Beat::CannotStart } else { Beat::Started };
        let pause = self.dice.between(2_000, 200_000);
        self.beat_in(at, key, pause, beat);
    }

    fn beat_in(&mut self, at: usize, key: AttemptKey, pause: Micros, beat: Beat) {
        let life = self.nodes[at].life;
        self.push(self.now + pause, Happening::Process { node: at, life, key, beat });
    }

    fn signal(&mut self, at: usize, key: AttemptKey, signal: Signal) {
        let Some(process) = self.nodes[at].processes.get(&key) else { return };
        let stubborn = self.scenario.studies[process.study].temper.stubborn;
        match signal {
            Signal::Term | Signal::Preempt if stubborn => {}
            Signal::Term | Signal::Preempt => self.beat_in(at, key, 30_000, Beat::Killed(15)),
            Signal::Kill => self.beat_in(at, key, 5_000, Beat::Killed(9)),
        }
    }

    fn answer_report(&mut self, at: usize, ticket: u64, prune: bool) {
        let Some(key) = self.nodes[at].tickets.remove(&ticket) else { return };
        let Some(process) = self.nodes[at].processes.get(&key) else { return };
        let temper = &self.scenario.studies[process.study].temper;
        let (last, pause, stubborn) = (process.step >= temper.steps, temper.step_us, temper.stubborn);
        let pause = pause / 2 + self.dice.between(0, pause);
        match (prune && !stubborn, last) {
            (false, false) => self.beat_in(at, key, pause, Beat::NextStep),
            (true, _) | (false, true) => self.beat_in(at, key, 10_000, Beat::Success),
        }
    }

    /// The machine's alarm rings, unless it was set anew since.
    pub fn ring(&mut self, at: usize, at_us: Micros) {
        if self.nodes[at].timer.take_if(|set| *set == at_us).is_some() {
            self.feed(at, Input::Timer);
        }
    }

    /// Something comes from a process, or from an upload.
    pub fn beat(&mut self, at: usize, key: AttemptKey, beat: Beat) {
        if let Beat::Uploaded { checkpoint } = beat {
            return self.uploaded(at, key, checkpoint);
        }
        let Some(process) = self.nodes[at].processes.get_mut(&key) else { return };
        match beat {
            Beat::Started => {
                process.started = true;
                let done = process.step >= self.scenario.studies[process.study].temper.steps;
                let beat = if done || process.fate == Fate::Mute { Beat::Success } else { Beat::NextStep };
                self.feed(at, Input::ProcessStarted { key });
                let pause = self.dice.between(10_000, SECOND);
                self.beat_in(at, key, pause, beat);
            }
            Beat::NextStep => self.next_step(at, key),
            Beat::Success => self.succeed(at, key),
            Beat::Exit(code) => self.end_process(at, key, failed(failure::Kind::ExitCode, code), false),
            Beat::CannotStart => self.end_process(at, key, failed(failure::Kind::Spawn, 0), false),
            Beat::Killed(signal) => {
                let outcome = if process.started { failed(failure::Kind::Signal, signal) } else { Outcome::Unstarted };
                self.end_process(at, key, outcome, true);
            }
            Beat::Uploaded { .. } => {}
        }
    }

    fn next_step(&mut self, at: usize, key: AttemptKey) {
        let node = &mut self.nodes[at];
        let Some(process) = node.processes.get_mut(&key) else { return };
        let temper = &self.scenario.studies[process.study].temper;
        let step = process.step + 1;
        match process.fate {
            Fate::FailAt(fatal) if step >= fatal => return self.beat_in(at, key, 1_000, Beat::Exit(1)),
            Fate::HangAt(fatal) if step >= fatal => return,
            Fate::Finish | Fate::FailAt(_) | Fate::NotANumber | Fate::Mute | Fate::NoStart | Fate::HangAt(_) => {}
        }
        let last = step >= temper.steps;
        let value = if last && process.fate == Fate::NotANumber { f64::NAN } else { loss(&process.params, step) };
        process.step = step;
        node.last_ticket += 1;
        let (ticket, saves) = (node.last_ticket, temper.checkpoints && step % 2 == 0 && !last);
        node.tickets.insert(ticket, key);
        let metrics = vec![Metric { name: "loss".to_owned(), value }, Metric { name: "step".to_owned(), value: step as f64 }];
        self.feed(at, Input::TrialReport { key, step: Some(step), metrics, ticket: Some(ticket) });
        if saves {
            self.feed(at, Input::CheckpointReady { key, step: Some(step), files: vec![file(format!("step-{step}"))] });
        }
    }

    fn succeed(&mut self, at: usize, key: AttemptKey) {
        let Some(process) = self.nodes[at].processes.get(&key) else { return };
        if process.fate != Fate::Mute {
            let metrics = vec![Metric { name: "attempt".to_owned(), value: f64::from(key.attempt) }];
            self.feed(at, Input::TrialReport { key, step: None, metrics, ticket: None });
        }
        self.oracle.succeeded(key);
        self.end_process(at, key, Outcome::Success, false);
    }

    fn end_process(&mut self, at: usize, key: AttemptKey, outcome: Outcome, stopped: bool) {
        self.timeline.note(self.now, || format!("worker {at}: process of {key} ends: {outcome:?}"));
        if let Some(process) = self.nodes[at].processes.remove(&key)
            && self.scenario.studies[process.study].temper.checkpoints
        {
            self.nodes[at].left.insert(key, process.step);
        }
        self.feed(at, Input::ProcessEnded { key, outcome, stopped });
    }

    fn uploaded(&mut self, at: usize, key: AttemptKey, checkpoint: bool) {
        let left = self.nodes[at].left.remove(&key).filter(|_| checkpoint && self.dice.percent(80));
        if let Some(step) = left {
            self.feed(at, Input::CheckpointReady { key, step: None, files: vec![file(format!("step-{step}"))] });
        }
        let log = self.dice.percent(30).then(|| file("log".to_owned()));
        self.feed(at, Input::FilesUploaded { key, files: EndFiles { log, ..EndFiles::default() } });
    }

    pub fn link_gone_at_worker(&mut self, link: u64) {
        let Some((at, life, session)) = self.links.get(&link).map(|link| (link.node, link.node_life, link.session)) else {
            return;
        };
        if self.nodes[at].life != life {
            return;
        }
        if self.nodes[at].link == Some(link) {
            self.nodes[at].link = None;
        }
        self.feed(at, Input::Disconnected { session, cut: Cut::Lost("the stream broke".to_owned()) });
    }
}

impl Node {
    fn trim(&mut self, up_to: u64) {
        let kept = self.spool.partition_point(|record| record.sequence <= up_to);
        self.trimmed.extend(self.spool.drain(..kept));
        let surplus = self.trimmed.len().saturating_sub(UNDONE_TRIMS);
        self.trimmed.drain(..surplus);
    }
}

fn failed(kind: failure::Kind, code: i32) -> Outcome {
    Outcome::Failure(Failure { kind: kind.into(), code, message: "simulated".to_owned() })
}

fn file(path: String) -> File {
    File { path, hash: vec![7; 32].into(), size: 1, executable: false, stays: false }
}

impl Node {
    /// Its process is gone for good, or has nothing left to run or to say.
    pub fn is_idle(&self) -> bool {
        let quiet = |machine: &Machine| machine.held().is_empty() && machine.unacknowledged().next().is_none();
        match &self.machine {
            Some(machine) => quiet(machine),
            None => self.gone,
        }
    }
}
