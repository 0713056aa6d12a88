//! The worker's state machine: what a worker does with everything that can happen to it.
//!
//! Pure and synchronous. It knows no clock, thread, file, process or network: time and events go in through
//! [`Machine::handle`], and plain [`Output`]s come out, to be carried out in their order. A simulator drives
//! the same code as the running worker.
//!
//! ```text
//!            Assign                SettingUp / ProcessStarted      ProcessEnded         FilesUploaded      Ack
//!  (lease) ─────────► Waiting ──► Preparing ────────► Running ────────────────► Uploading ──────► Ended ────► (gone)
//!                     spool full     │                   │                         ▲               ▲
//!                                    └── Term, grace, Kill: prune, kill, preempt ──┘               │
//!                                        timeout, drain                                            │
//!  (spool of a former life without an end) ──────────────► Orphaned ───────── Welcome ─────────────┘
//!
//!  over (Welcome, RenewAck, a newer attempt of the task): Kill, records dropped, gone when its process is
//!
//!  session:  Down ──Connect──► Dialing ──Connected──► Greeting ──Welcome──► Ready ──► Renew every renew_ms
//!              ▲  full jitter, at most 10 s                                    │
//!              └────────────── Disconnected, Goodbye, two silent renewals ─────┘
//! ```
//!
//! A connection never decides whether a trial runs: while the coordinator is away trials go on, records pile up
//! in the spool, and reports are answered "go on".

mod alarms;
mod attempts;
mod drain;
mod interface;
mod outbox;
mod reports;
mod session;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use hone_proto::worker::{Program, Record};

pub use self::interface::{AttemptKey, Config, Cut, EndFiles, ExitReason, Input, Outcome, Output, Signal, WorkerFacts};
use self::{
    alarms::{Alarm, Alarms},
    attempts::Attempt,
    drain::Draining,
    outbox::Outbox,
    reports::Verdicts,
    session::Session,
};

/// Everything that a worker knows, and what it does next.
#[derive(Debug)]
pub struct Machine {
    config: Config,
    session: Session,
    /// Dials so far: the number of the current or the latest connection.
    dials: u64,
    /// Dials since the last welcome, for the back-off.
    failures: u32,
    /// A coordinator has welcomed this process once: a later refusal does not end it.
    welcomed: bool,
    /// The coordinator knows of outputs that stay on workers.
    keeps: bool,
    jitter: u64,
    /// Programs of this session by id.
    programs: BTreeMap<u64, Arc<Program>>,
    attempts: BTreeMap<AttemptKey, Attempt>,
    outbox: Outbox,
    verdicts: Verdicts,
    alarms: Alarms,
    timer: Option<i64>,
    draining: Option<Draining>,
    exited: bool,
}

impl Machine {
    /// A worker that has not read its spool yet: the first input is [`Input::SpoolLoaded`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            jitter: config.seed,
            session: Session::Down,
            dials: 0,
            failures: 0,
            welcomed: false,
            keeps: false,
            programs: BTreeMap::new(),
            attempts: BTreeMap::new(),
            outbox: Outbox::default(),
            verdicts: Verdicts::default(),
            alarms: Alarms::default(),
            timer: None,
            draining: None,
            exited: false,
            config,
        }
    }

    /// Takes one event at the time `now_us` and answers with what has to be done, in this order.
    ///
    /// `now_us` counts microseconds and never goes back. Records are sent by [`Machine::flush`].
    pub fn handle(&mut self, now_us: i64, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.exited {
            self.dispatch(now_us, input, &mut out);
            self.leave_when_done(now_us, &mut out);
            self.rearm(&mut out);
        }
        out
    }

    fn dispatch(&mut self, now_us: i64, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::SpoolLoaded { records, last_sequence } => {
                self.on_spool_loaded(records, last_sequence);
                self.dial(out);
            }
            Input::Connected { session } => self.on_connected(now_us, session, out),
            Input::Disconnected { session, cut } => self.on_disconnected(now_us, session, cut, out),
            Input::Message { session, message } => {
                if self.is_current(session) {
                    self.on_message(now_us, message, out);
                }
            }
            Input::SettingUp { key } => self.on_setting_up(key),
            Input::ProcessStarted { key } => self.on_started(now_us, key),
            Input::ProcessEnded { key, outcome, stopped } => {
                self.on_process_ended(now_us, key, outcome, stopped, out);
            }
            Input::TrialReport { key, step, metrics, ticket } => {
                self.on_report(now_us, key, step, metrics, ticket, out);
            }
            Input::CheckpointReady { key, step, files } => self.on_checkpoint(key, step, files, out),
            Input::FilesUploaded { key, files } => self.on_files_uploaded(key, files, out),
            Input::Timer => self.on_timer(now_us, out),
            Input::DrainRequested { hand_back, reason } => {
                self.on_drain_requested(now_us, hand_back, reason, out);
            }
        }
    }

    /// Sends one batch of records that this session has not been sent, if there is one.
    ///
    /// Called when the inputs at hand are used up and the connection takes another message, so that records
    /// travel together.
    pub fn flush(&mut self) -> Option<Output> {
        if !self.is_ready() || self.exited {
            return None;
        }
        let records = self.outbox.next_batch()?;
        Some(Output::Send(interface::records_message(records)))
    }

    /// Whether [`Machine::flush`] has something to send.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.is_ready() && self.outbox.has_unsent()
    }

    /// Attempts that this worker holds, ended ones whose end is not acknowledged included.
    #[must_use]
    pub fn held(&self) -> Vec<AttemptKey> {
        self.attempts.iter().filter(|(_, attempt)| attempt.is_held()).map(|(key, _)| *key).collect()
    }

    /// Records that are not acknowledged, oldest first.
    pub fn unacknowledged(&self) -> impl Iterator<Item = &Record> {
        self.outbox.iter()
    }

    fn on_timer(&mut self, now_us: i64, out: &mut Vec<Output>) {
        self.timer = None;
        while let Some(alarm) = self.alarms.pop_due(now_us) {
            match alarm {
                Alarm::Reconnect => self.dial(out),
                Alarm::Renew => self.on_renew_due(now_us, out),
                Alarm::Verdict => self.on_verdicts_late(now_us, out),
                Alarm::Leave => self.on_leave_late(out),
                Alarm::Attempt(key) => self.on_attempt_due(now_us, key, out),
            }
        }
    }

    /// Asks for the next timer when the earliest alarm has changed.
    fn rearm(&mut self, out: &mut Vec<Output>) {
        let next = self.alarms.earliest();
        if next != self.timer {
            self.timer = next;
            out.extend(next.map(|at_us| Output::SetTimer { at_us }));
        }
    }

    fn exit(&mut self, reason: ExitReason, out: &mut Vec<Output>) {
        self.exited = true;
        out.push(Output::Exit { reason });
    }
}
