//! The simulated coordinator: the real engine over a journal in memory, and the rules by which the real one talks to
//! its workers. Commands are drained, decided on and committed together; only then anything leaves.

use std::collections::BTreeMap;

use hone_coordinator::{
    convert::worker as convert,
    engine::{Committed, Engine, RecoverError, SpillStore},
    journal::{JournalError, MemoryDisk, MemoryJournal},
};
use hone_proto::worker::{
    Ack, Assign, Directive, Drain, FromWorker, Goodbye, Program, RenewAck, ToWorker, Undrain, Welcome, directive, from_worker,
    to_worker,
};
use hone_studies::{
    Assignment, BlobId, Command, Effect, Event, HeldAttempt, Micros, Now, Reject, Reply, SECOND, State, Timings, WorkerId,
};

use super::{
    asker::Awaited,
    client::Asked,
    labelling,
    queue::Happening,
    scenario::Fault,
    world::{Plant, World},
};

/// Some day in 2026; only differences matter.
const EPOCH_US: Micros = 1_790_000_000 * SECOND;
/// How often time is looked at.
const TICK_US: Micros = 2 * SECOND;

/// The coordinator's process and disk.
pub struct Shell {
    /// Goes up whenever its memory is lost.
    pub life: u64,
    pub engine: Option<Engine>,
    pub disk: MemoryDisk,
    up: bool,
    waiting: Vec<(Command, Waiter)>,
    committing: bool,
    sessions: BTreeMap<WorkerId, u64>,
    /// Where its monotonic clock starts.
    mono_zero: Micros,
    pub wall_offset: Micros,
    /// Commits that survive the crash in the middle of the next commit.
    pub crash_keeps: Option<usize>,
    /// The state that it had when it died between commits.
    left: Option<State>,
    plant: Plant,
}

/// Who waits for a command's answer.
pub enum Waiter {
    Nobody,
    Attach { link: u64 },
    Records { link: u64, sequence: u64 },
    Renew { link: u64, nonce: u64 },
    Leaving { link: u64 },
    Client(Asked),
    Asker(Awaited),
    Labels(labelling::Awaited),
}

/// No simulated event is large enough to be kept as a blob.
struct NoSpill;

impl SpillStore for NoSpill {
    fn put(&mut self, bytes: &[u8]) -> Result<BlobId, JournalError> {
        Err(JournalError::PayloadTooLarge { bytes: bytes.len(), limit: 0 })
    }

    fn get(&self, id: BlobId) -> Result<Vec<u8>, JournalError> {
        Err(JournalError::Poisoned { cause: format!("there is no blob {id}") })
    }
}

impl Shell {
    pub fn new(plant: Plant) -> Shell {
        let disk = MemoryDisk::new();
        disk.set_ack_before_sync(plant == Plant::AckBeforeSync);
        Shell {
            life: 0,
            engine: None,
            disk,
            up: false,
            waiting: Vec::new(),
            committing: false,
            sessions: BTreeMap::new(),
            mono_zero: 0,
            wall_offset: 0,
            crash_keeps: None,
            left: None,
            plant,
        }
    }

    pub fn is_up(&self) -> bool {
        self.up
    }

    pub fn state(&self) -> Option<&State> {
        self.engine.as_ref().map(|engine| &engine.core().state)
    }

    pub fn clock(&self, now: Micros) -> Now {
        Now { wall: EPOCH_US + now + self.wall_offset, mono: now - self.mono_zero }
    }

    fn lose_memory(&mut self) {
        self.engine = None;
        self.waiting.clear();
        self.committing = false;
        self.sessions.clear();
        self.life += 1;
    }
}

impl World {
    // ------------------------------------------------------------ life and death

    pub fn start_coordinator(&mut self, life: u64) {
        if self.shell.life != life || self.shell.engine.is_some() {
            return;
        }
        self.shell.disk.free_space();
        self.shell.up = true;
        self.shell.mono_zero = self.now - self.dice.between(0, 1_000 * SECOND);
        let now = self.shell.clock(self.now);
        match self.recover(now) {
            Ok(engine) => self.enter_service(engine),
            Err(RecoverError::Journal(error)) => self.commit_failed(&error),
            Err(error) => self.oracle.violation("recovery", error.to_string()),
        }
    }

    fn recover(&mut self, now: Now) -> Result<Engine, RecoverError> {
        let journal = MemoryJournal::open(&self.shell.disk)?;
        let engine = Engine::recover(Box::new(journal), Box::new(NoSpill), None, now, Timings::DEFAULT)?;
        if let Some(mut expected) = self.shell.left.take() {
            expected.apply(&Event::StoreOpened { at: now.wall });
            self.oracle.replayed(&engine.core().state, &expected);
        }
        Ok(engine)
    }

    fn enter_service(&mut self, mut engine: Engine) {
        engine.core_mut().planted.no_fencing = self.shell.plant == Plant::NoFencing;
        let state = &engine.core().state;
        self.timeline.note(self.now, || format!("coordinator starts (life {})", self.shell.life));
        self.coverage.store_opened(state);
        self.oracle.recovered(state);
        self.shell.engine = Some(engine);
        let life = self.shell.life;
        self.push(self.now + TICK_US, Happening::Tick { life });
        // What the state wants done without being asked waits for the first commit.
        self.ask_core(Command::Tick, Waiter::Nobody);
    }

    /// The process dies. `keep`: commits that were written but not synced and survive.
    pub fn crash_coordinator(&mut self, keep: usize, between_commits: bool, pause: Micros) {
        if !self.shell.up {
            return;
        }
        self.shell.left = self.shell.state().filter(|_| between_commits).cloned();
        self.shell.up = false;
        self.shell.lose_memory();
        let lost = self.shell.disk.crash(keep);
        self.timeline.note(self.now, || format!("coordinator crashes, {lost} commits are lost"));
        self.break_all_links();
        let life = self.shell.life;
        self.push(self.now + pause, Happening::CoordinatorStarts { life });
    }

    fn break_all_links(&mut self) {
        let all: Vec<u64> = self.links.keys().copied().collect();
        for link in all {
            self.break_link(link, 5 * SECOND);
        }
    }

    fn commit_failed(&mut self, error: &JournalError) {
        self.timeline.note(self.now, || format!("the commit fails: {error}"));
        if error.may_reopen() {
            self.coverage.strikes(Fault::DiskFull);
            self.shell.lose_memory();
            self.break_all_links();
            let (life, pause) = (self.shell.life, self.dice.between(SECOND, 90 * SECOND));
            return self.push(self.now + pause, Happening::CoordinatorStarts { life });
        }
        let keep = self.shell.crash_keeps.take().unwrap_or(0);
        self.coverage.strikes(if keep > 0 { Fault::CommitKept } else { Fault::CommitLost });
        let pause = self.dice.between(SECOND / 10, 30 * SECOND);
        self.crash_coordinator(keep, false, pause);
    }

    // ------------------------------------------------------------ what comes in

    /// A worker's message arrives; it waits for the answer to the one before it.
    pub fn arrives(&mut self, id: u64, message: FromWorker) {
        let life = self.shell.life;
        let Some(link) = self.links.get_mut(&id).filter(|link| link.coordinator_life == life && link.served) else { return };
        link.inbox.push_back(message);
        self.serve(id);
    }

    fn serve(&mut self, id: u64) {
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.busy && link.served) else { return };
        let Some(message) = link.inbox.pop_front() else { return };
        if self.shell.engine.is_none() {
            let goodbye = Goodbye { retry: true, reason: "the disk is full".to_owned() };
            return self.send_down(id, kind(to_worker::Kind::Goodbye(goodbye)));
        }
        let Some((command, waiter)) = self.command_of(id, message) else { return self.serve(id) };
        if let Some(link) = self.links.get_mut(&id) {
            link.busy = true;
        }
        self.ask_core(command, waiter);
    }

    fn command_of(&mut self, id: u64, message: FromWorker) -> Option<(Command, Waiter)> {
        let worker = self.links.get(&id).and_then(|link| link.worker);
        match (message.kind?, worker) {
            (from_worker::Kind::Hello(hello), None) => {
                let greeting =
                    convert::hello_from_proto(hello).map_err(|error| self.oracle.violation("wire", error.to_string())).ok()?;
                let convert::Greeting { profile, incarnation, held, draining, .. } = greeting;
                Some((Command::AttachWorker { profile, incarnation, held, draining, stream: id }, Waiter::Attach { link: id }))
            }
            (from_worker::Kind::Records(records), Some(worker)) => {
                let sequence = records.records.last()?.sequence;
                let records = convert::records_from_proto(worker, records)
                    .map_err(|error| self.oracle.violation("wire", error.to_string()))
                    .ok()?;
                if self.now < super::scenario::TROUBLE_US && self.dice.percent(self.scenario.duplicate_percent) {
                    self.coverage.strikes(Fault::Duplicates);
                    self.ask_core(Command::Records { worker, records: records.clone() }, Waiter::Nobody);
                }
                Some((Command::Records { worker, records }, Waiter::Records { link: id, sequence }))
            }
            (from_worker::Kind::Renew(renew), Some(worker)) => {
                let held = convert::held_from_proto(&renew.held)
                    .map_err(|error| self.oracle.violation("wire", error.to_string()))
                    .ok()?;
                Some((Command::Renew { worker, stream: id, held }, Waiter::Renew { link: id, nonce: renew.nonce }))
            }
            (from_worker::Kind::Leaving(_), Some(worker)) => {
                Some((Command::WorkerLeaves { worker, stream: id }, Waiter::Leaving { link: id }))
            }
            (from_worker::Kind::Hello(_), Some(_)) | (_, None) => None,
            // No worker here has a log or predictions.
            (from_worker::Kind::Log(_) | from_worker::Kind::Score(_) | from_worker::Kind::Kept(_), Some(_)) => None,
        }
    }

    pub fn link_gone_at_coordinator(&mut self, id: u64) {
        let life = self.shell.life;
        let Some(link) = self.links.get_mut(&id) else { return };
        link.served = false;
        link.inbox.clear();
        let Some(worker) = link.worker.filter(|_| link.coordinator_life == life) else { return };
        if self.shell.sessions.get(&worker) == Some(&id) {
            self.shell.sessions.remove(&worker);
        }
        self.ask_core(Command::DetachWorker { worker, stream: id }, Waiter::Nobody);
    }

    pub fn ask_core(&mut self, command: Command, waiter: Waiter) {
        if self.shell.engine.is_none() {
            return;
        }
        self.shell.waiting.push((command, waiter));
        if !self.shell.committing {
            self.shell.committing = true;
            let (life, pause) = (self.shell.life, self.dice.between(100, 3_000));
            self.push(self.now + pause, Happening::Commit { life });
        }
    }

    pub fn tick(&mut self, life: u64) {
        if self.shell.life == life {
            self.ask_core(Command::Tick, Waiter::Nobody);
            self.push(self.now + TICK_US, Happening::Tick { life });
        }
    }

    // ------------------------------------------------------------ commits

    pub fn commit(&mut self, life: u64) {
        if self.shell.life != life {
            return;
        }
        self.shell.committing = false;
        let (commands, waiters): (Vec<_>, Vec<_>) = std::mem::take(&mut self.shell.waiting).into_iter().unzip();
        let now = self.shell.clock(self.now);
        let Some(engine) = &mut self.shell.engine else { return };
        for command in &commands {
            self.timeline.note(self.now, || format!("  command {}", super::client::in_short(command)));
            self.coverage.command(engine.core(), now, command);
        }
        match engine.commit(now, commands) {
            Ok(committed) => {
                self.timeline.trace(&[self.now.unsigned_abs(), committed.head]);
                self.release(committed, waiters);
                self.check_after_commit();
            }
            Err(error) => self.commit_failed(&error),
        }
    }

    fn check_after_commit(&mut self) {
        let Some(engine) = &self.shell.engine else { return };
        self.coverage.committed(&engine.core().state);
        self.oracle.committed(engine.core(), self.shell.clock(self.now));
    }

    fn release(&mut self, committed: Committed, waiters: Vec<Waiter>) {
        let mut callers = Vec::with_capacity(waiters.len());
        for (waiter, reply) in waiters.into_iter().zip(committed.replies) {
            match waiter {
                Waiter::Attach { link } => self.welcome(link, reply),
                Waiter::Nobody => {}
                waiter @ (Waiter::Records { .. } | Waiter::Renew { .. } | Waiter::Leaving { .. }) => {
                    callers.push((waiter, reply));
                }
                waiter @ (Waiter::Client(_) | Waiter::Asker(_) | Waiter::Labels(_)) => {
                    callers.push((waiter, reply));
                }
            }
        }
        for effect in committed.effects {
            self.carry_out_effect(effect);
        }
        for (waiter, reply) in callers {
            self.answer(waiter, reply);
        }
        for question in committed.questions {
            let (life, pause) = (self.shell.life, self.dice.between(500, 30_000));
            let command = Box::new(question.answer());
            self.push(self.now + pause, Happening::Answer { life, command });
        }
    }

    fn welcome(&mut self, id: u64, reply: Result<Reply, Reject>) {
        let Ok(Reply::Attached { worker, over }) = reply else {
            return self.oracle.violation("attach", format!("{reply:?}"));
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        link.worker = Some(worker);
        link.busy = false;
        self.shell.sessions.insert(worker, id);
        let welcome = Welcome {
            protocol: *hone_proto::PROTOCOL.end(),
            build: "sim".to_owned(),
            worker: worker.0,
            lease_ms: Timings::DEFAULT.lease / 1_000,
            renew_ms: Timings::DEFAULT.lease / 3_000,
            acknowledged: 0,
            over: convert::held_to_proto(&over),
            store: "sim".to_owned(),
        };
        self.send_down(id, kind(to_worker::Kind::Welcome(welcome)));
        if self.links.get(&id).is_some_and(|link| !link.served) {
            // The stream had gone while its worker was greeted.
            self.shell.sessions.remove(&worker);
            return self.ask_core(Command::DetachWorker { worker, stream: id }, Waiter::Nobody);
        }
        self.serve(id);
    }

    fn answer(&mut self, waiter: Waiter, reply: Result<Reply, Reject>) {
        let (id, message) = match (waiter, reply) {
            (Waiter::Records { link, sequence }, Ok(_)) => (link, to_worker::Kind::Ack(Ack { sequence })),
            (Waiter::Renew { link, nonce }, Ok(Reply::Renewed { over })) => {
                (link, to_worker::Kind::RenewAck(RenewAck { nonce, over: held(&over) }))
            }
            (Waiter::Records { link, .. } | Waiter::Renew { link, .. } | Waiter::Leaving { link }, Err(reject)) => {
                self.timeline.note(self.now, || format!("stream {link} is refused: {reject}"));
                self.oracle.refused_worker(&reject);
                (link, to_worker::Kind::Goodbye(Goodbye { retry: true, reason: reject.to_string() }))
            }
            (Waiter::Client(asked), reply) => return self.answered(asked, reply),
            (Waiter::Asker(awaited), reply) => return self.asker_answered(awaited, reply),
            (Waiter::Labels(awaited), reply) => return self.labels_answered(awaited, reply),
            (Waiter::Nobody | Waiter::Attach { .. } | Waiter::Leaving { .. } | Waiter::Renew { .. }, _) => return,
        };
        let pause = self.dice.between(0, 2_000);
        self.push(self.now + pause, Happening::Says { link: id, message: Box::new(kind(message)) });
    }

    /// The coordinator's end of a stream says what it was answered, and takes the next message.
    pub fn says(&mut self, id: u64, message: ToWorker) {
        self.send_down(id, message);
        if let Some(link) = self.links.get_mut(&id) {
            link.busy = false;
        }
        self.serve(id);
    }

    // ------------------------------------------------------------ effects

    fn carry_out_effect(&mut self, effect: Effect) {
        let (worker, message) = match effect {
            Effect::Assign { worker, assignment } => return self.assign(worker, &assignment),
            Effect::Prune { worker, task, attempt, reason } => {
                (worker, directive(directive::Kind::Prune, task.0, attempt, reason))
            }
            Effect::Pause { worker, task, attempt, reason } => {
                self.may_cut_off(worker);
                (worker, directive(directive::Kind::Pause, task.0, attempt, reason))
            }
            Effect::Kill { worker, task, attempt, reason } => (worker, directive(directive::Kind::Kill, task.0, attempt, reason)),
            Effect::Drain { worker, hand_back, reason } => (worker, to_worker::Kind::Drain(Drain { hand_back, reason })),
            Effect::Undrain { worker } => (worker, to_worker::Kind::Undrain(Undrain {})),
            Effect::Propose { .. } | Effect::Sweep => return,
        };
        if let Some(link) = self.shell.sessions.get(&worker) {
            self.send_down(*link, kind(message));
        }
    }

    /// Now and then a worker that is told to hold a trial back does not hear of it until its lease is over.
    fn may_cut_off(&mut self, worker: WorkerId) {
        let Some(state) = self.shell.state() else { return };
        let Some(key) = state.worker(worker).map(|worker| worker.profile.key.clone()) else { return };
        let node = self.scenario.workers.iter().position(|profile| profile.key == key);
        let in_trouble = self.now < super::scenario::TROUBLE_US && !self.scenario.is_calm();
        if let Some(node) = node.filter(|_| in_trouble && self.dice.percent(2)) {
            let while_us = self.dice.between(60 * SECOND, 140 * SECOND);
            self.cut(node, while_us, while_us);
        }
    }

    fn assign(&mut self, worker: WorkerId, lease: &Assignment) {
        let Some(link) = self.shell.sessions.get(&worker).copied() else { return };
        let Some(study) = self.shell.state().and_then(|state| state.study(lease.study)).cloned() else { return };
        let id = convert::program_id(study.id, study.revision);
        let new = self.links.get_mut(&link).is_some_and(|link| link.programs.insert(id));
        let programs: Vec<Program> = if new { vec![convert::program_to_proto(&study)] } else { Vec::new() };
        let assignments = vec![convert::assignment_to_proto(lease, &study)];
        self.timeline.note(self.now, || format!("lease {}-{} to worker {worker}", lease.task, lease.attempt));
        self.send_down(link, kind(to_worker::Kind::Assign(Assign { assignments, programs })));
    }
}

fn directive(kind: directive::Kind, task: u64, attempt: u32, reason: String) -> to_worker::Kind {
    to_worker::Kind::Directive(Directive { kind: kind.into(), task, attempt, reason })
}

fn held(over: &[HeldAttempt]) -> Vec<hone_proto::worker::Held> {
    convert::held_to_proto(over)
}

fn kind(kind: to_worker::Kind) -> ToWorker {
    ToWorker { kind: Some(kind) }
}
