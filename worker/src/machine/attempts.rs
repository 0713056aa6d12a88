//! The life of an attempt on this worker, from its lease to the acknowledgement of its end.

use std::{collections::BTreeMap, sync::Arc};

use hone_proto::worker::{
    Assignment, Checkpoint, Ended, Exited, Failure, File, Killed, Lost, Preempted, Program, Record, ended::Cause, failure, record,
};

use super::{AttemptKey, EndFiles, Machine, Outcome, Output, Signal, alarms::Alarm, interface::AttemptTimes, reports::Skipped};

/// Where an attempt is.
#[derive(Debug)]
enum Phase {
    /// Leased while the spool was over its limit; starts when there is room.
    Waiting(Box<Assignment>),
    /// Its source, setup or checkpoint is being fetched.
    Preparing { setting_up: bool },
    /// Its process runs.
    Running,
    /// Its process has ended; outputs and log are on their way.
    Uploading(Cause),
    /// Its end is in the spool.
    Ended,
    /// Its process died with a former life of this worker, and its end was never written.
    Orphaned,
}

/// Why an attempt has to end before its own end; a later reason replaces an earlier one of lower order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    /// The coordinator's pruner gave it up.
    Pruned,
    /// It ran longer than the study allows.
    TimedOut,
    /// The coordinator's pruner holds its trial back.
    Paused { reason: String },
    /// The coordinator or this worker's operator wants the place back.
    Preempted { reason: String },
    /// The coordinator said so.
    Killed,
    /// It is not this worker's any more: nothing about it is of interest.
    Over,
}

/// What the alarm of an attempt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Timeout,
    Term,
    Kill,
}

/// One attempt that this worker holds or still has to get rid of.
#[derive(Debug)]
pub(super) struct Attempt {
    phase: Phase,
    pub(super) program: Arc<Program>,
    /// The number of its last record.
    in_attempt: u64,
    stop: Option<Stop>,
    due: Option<Due>,
    times: AttemptTimes,
    /// Reports since the spool went over its limit.
    pub(super) thinned: u64,
    pub(super) skipped: Skipped,
}

impl Attempt {
    fn new(phase: Phase, program: Arc<Program>, in_attempt: u64) -> Self {
        Self {
            phase,
            program,
            in_attempt,
            stop: None,
            due: None,
            times: AttemptTimes::default(),
            thinned: 0,
            skipped: Skipped::default(),
        }
    }

    pub(super) fn is_held(&self) -> bool {
        self.stop != Some(Stop::Over)
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended | Phase::Orphaned)
    }

    pub(super) fn is_setting_up(&self) -> bool {
        matches!(self.phase, Phase::Preparing { setting_up: true })
    }

    /// A process of it runs or is being prepared.
    pub(super) fn is_alive(&self) -> bool {
        matches!(self.phase, Phase::Preparing { .. } | Phase::Running)
    }

    /// Its trial is told to end at the next report, and nothing that it reports counts.
    pub(super) fn is_pruned(&self) -> bool {
        matches!(self.stop, Some(Stop::Pruned | Stop::Killed | Stop::Over))
    }

    /// Its trial is held back: whoever waits for an answer is told by TERM.
    pub(super) fn is_paused(&self) -> bool {
        matches!(self.stop, Some(Stop::Paused { .. }))
    }

    /// Reports of it may still come.
    pub(super) fn may_report(&self) -> bool {
        matches!(self.phase, Phase::Preparing { .. } | Phase::Running | Phase::Uploading(_))
    }

    fn grace_us(&self) -> i64 {
        self.program.grace_us.max(0)
    }

    /// Joins how the process ended with who wanted it to end.
    fn cause(&self, outcome: Outcome, stopped: bool) -> Cause {
        // However an attempt comes to its end whose trial is held back, the trial goes on from what it has left.
        let stop = if stopped || self.is_paused() { self.stop.clone() } else { None };
        match (stop, outcome) {
            (None | Some(Stop::Pruned), Outcome::Success) => Cause::Exited(Exited {}),
            (Some(Stop::Pruned | Stop::Killed | Stop::Over), _) => Cause::Killed(Killed {}),
            (Some(Stop::Preempted { reason } | Stop::Paused { reason }), _) => Cause::Preempted(Preempted { reason }),
            (Some(Stop::TimedOut), _) => Cause::Failure(timed_out(self.program.timeout_us)),
            // A pruned trial that answers with a non-zero exit has done what it was told.
            (None, Outcome::Failure(_)) if self.stop == Some(Stop::Pruned) => Cause::Killed(Killed {}),
            (None, Outcome::Failure(failure)) => Cause::Failure(failure),
            (None, Outcome::Unstarted) => Cause::Preempted(Preempted { reason: "it was stopped before it began".to_owned() }),
        }
    }
}

fn timed_out(timeout_us: i64) -> Failure {
    let seconds = timeout_us as f64 / 1e6;
    Failure {
        kind: failure::Kind::TimedOut.into(),
        code: 0,
        message: format!("it ran longer than its `timeout` of {seconds} s and was ended"),
    }
}

fn unknown_program(id: u64) -> Failure {
    Failure {
        kind: failure::Kind::Spawn.into(),
        code: 0,
        message: format!("the coordinator never sent program {id} to this worker; restart the worker"),
    }
}

impl Machine {
    /// Takes over the records of former lives: every attempt in them has ended, said so or not.
    pub(super) fn on_spool_loaded(&mut self, records: Vec<Record>, last_sequence: u64) {
        let mut found: BTreeMap<AttemptKey, (u64, bool)> = BTreeMap::new();
        for record in &records {
            let entry = found.entry(AttemptKey::of(record)).or_default();
            entry.0 = entry.0.max(record.in_attempt);
            entry.1 |= matches!(record.kind, Some(record::Kind::Ended(_)));
        }
        for (key, (in_attempt, ended)) in found {
            let phase = if ended { Phase::Ended } else { Phase::Orphaned };
            self.attempts.insert(key, Attempt::new(phase, Arc::default(), in_attempt));
        }
        self.outbox.load(records, last_sequence);
    }

    /// Says of every orphan that it is lost. Waits for a welcome, because only then are free numbers known.
    pub(super) fn end_orphans(&mut self, now_us: i64, out: &mut Vec<Output>) {
        let orphans: Vec<AttemptKey> =
            self.attempts.iter().filter(|(_, attempt)| matches!(attempt.phase, Phase::Orphaned)).map(|(key, _)| *key).collect();
        for key in orphans {
            let reason = "the worker's process died and the trial with it".to_owned();
            self.end(now_us, key, Cause::Lost(Lost { reason }), EndFiles::default(), out);
        }
    }

    /// Begins a leased attempt, once however often it is told to.
    pub(super) fn take(&mut self, now_us: i64, assignment: Assignment, out: &mut Vec<Output>) {
        let key = AttemptKey { task: assignment.task, attempt: assignment.attempt };
        let newest = AttemptKey { attempt: u32::MAX, ..key };
        if self.attempts.range(key..=newest).next().is_some() {
            return;
        }
        let oldest = AttemptKey { attempt: 0, ..key };
        let former: Vec<AttemptKey> = self.attempts.range(oldest..key).map(|(key, _)| *key).collect();
        for former in former {
            self.on_over(former, out);
        }
        let program = self.programs.get(&assignment.program).cloned();
        let missing = program.is_none().then_some(assignment.program);
        let in_attempt = assignment.records_durable;
        let phase = Phase::Waiting(Box::new(assignment));
        self.attempts.insert(key, Attempt::new(phase, program.unwrap_or_default(), in_attempt));
        if let Some(id) = missing {
            let cause = Cause::Failure(unknown_program(id));
            self.end(now_us, key, cause, EndFiles::default(), out);
        } else if let Some(draining) = &self.draining {
            let reason = draining.reason.clone();
            let cause = Cause::Preempted(Preempted { reason });
            self.end(now_us, key, cause, EndFiles::default(), out);
            // The coordinator does not know, or it would not have sent it.
            self.greet_again(now_us, out);
        } else {
            self.start_waiting(out);
        }
    }

    /// Starts what waits, unless the spool is over its limit.
    pub(super) fn start_waiting(&mut self, out: &mut Vec<Output>) {
        if self.spool_is_full() {
            return;
        }
        for attempt in self.attempts.values_mut() {
            if !matches!(attempt.phase, Phase::Waiting(_)) {
                continue;
            }
            let next = Phase::Preparing { setting_up: false };
            if let Phase::Waiting(assignment) = std::mem::replace(&mut attempt.phase, next) {
                out.push(Output::Start { assignment, program: Arc::clone(&attempt.program) });
            }
        }
    }

    pub(super) fn on_setting_up(&mut self, key: AttemptKey) {
        if let Some(Attempt { phase: Phase::Preparing { setting_up }, .. }) = self.attempts.get_mut(&key) {
            *setting_up = true;
        }
    }

    pub(super) fn on_started(&mut self, now_us: i64, key: AttemptKey) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        if !matches!(attempt.phase, Phase::Preparing { .. }) {
            return;
        }
        attempt.phase = Phase::Running;
        attempt.times.started_us = now_us;
        if attempt.stop.is_none() && attempt.program.timeout_us > 0 {
            attempt.due = Some(Due::Timeout);
            let at_us = now_us.saturating_add(attempt.program.timeout_us);
            self.alarms.set(Alarm::Attempt(key), Some(at_us));
        }
    }

    /// Ends an attempt for a reason that lies outside of it.
    pub(super) fn stop(&mut self, now_us: i64, key: AttemptKey, stop: Stop, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        if attempt.stop.as_ref().is_some_and(|former| *former >= stop) {
            return;
        }
        if attempt.is_alive() {
            let terminating = attempt.due == Some(Due::Kill);
            attempt.stop = Some(stop.clone());
            if !terminating {
                self.begin_stop(now_us, key, &stop, out);
            }
        } else if matches!(attempt.phase, Phase::Waiting(_)) {
            attempt.stop = Some(stop);
            let cause = attempt.cause(Outcome::Unstarted, true);
            self.end(now_us, key, cause, EndFiles::default(), out);
        }
    }

    fn begin_stop(&mut self, now_us: i64, key: AttemptKey, stop: &Stop, out: &mut Vec<Output>) {
        let asks = self.attempts.get(&key).is_some_and(|attempt| attempt.program.metrics_files.is_empty());
        match stop {
            // A program whose files are read reports nothing itself.
            Stop::Pruned if !asks => self.terminate(now_us, key, Signal::Term, out),
            // The answer to its next report says so; who does not ask is told by TERM.
            Stop::Pruned => self.wait_grace(now_us, key, Due::Term),
            Stop::TimedOut | Stop::Killed => self.terminate(now_us, key, Signal::Term, out),
            Stop::Paused { .. } | Stop::Preempted { .. } => self.terminate(now_us, key, Signal::Preempt, out),
            Stop::Over => out.push(Output::Signal { key, signal: Signal::Kill }),
        }
    }

    fn terminate(&mut self, now_us: i64, key: AttemptKey, signal: Signal, out: &mut Vec<Output>) {
        out.push(Output::Signal { key, signal });
        self.wait_grace(now_us, key, Due::Kill);
    }

    fn wait_grace(&mut self, now_us: i64, key: AttemptKey, due: Due) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        attempt.due = Some(due);
        let at_us = now_us.saturating_add(attempt.grace_us());
        self.alarms.set(Alarm::Attempt(key), Some(at_us));
    }

    pub(super) fn on_attempt_due(&mut self, now_us: i64, key: AttemptKey, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        match attempt.due.take() {
            Some(Due::Timeout) => self.stop(now_us, key, Stop::TimedOut, out),
            Some(Due::Term) => self.terminate(now_us, key, Signal::Term, out),
            Some(Due::Kill) => out.push(Output::Signal { key, signal: Signal::Kill }),
            None => {}
        }
    }

    pub(super) fn on_process_ended(
        &mut self,
        now_us: i64,
        key: AttemptKey,
        outcome: Outcome,
        stopped: bool,
        out: &mut Vec<Output>,
    ) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        if !attempt.is_alive() {
            return;
        }
        if !attempt.is_held() {
            return self.forget(key, out);
        }
        let cause = attempt.cause(outcome, stopped);
        attempt.times.ended_us = now_us;
        attempt.due = None;
        let checkpoint = matches!(cause, Cause::Preempted(_));
        // However a pruner ends a trial, what it has written so far is its output.
        let judged = matches!(attempt.stop, Some(Stop::Pruned | Stop::Paused { .. }));
        let outputs = judged || matches!(cause, Cause::Exited(_) | Cause::Failure(_));
        attempt.phase = Phase::Uploading(cause);
        self.alarms.set(Alarm::Attempt(key), None);
        out.push(Output::Collect { key, checkpoint, outputs, keeps: self.keeps });
    }

    pub(super) fn on_checkpoint(&mut self, key: AttemptKey, step: Option<i64>, files: Vec<File>, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get(&key) else {
            return;
        };
        if attempt.is_held() && attempt.may_report() {
            self.record(key, record::Kind::Checkpoint(Checkpoint { files, step }), out);
        }
    }

    pub(super) fn on_files_uploaded(&mut self, key: AttemptKey, files: EndFiles, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get(&key) else {
            return;
        };
        let Phase::Uploading(cause) = &attempt.phase else {
            return;
        };
        let (cause, ended_us) = (cause.clone(), attempt.times.ended_us);
        self.end(ended_us, key, cause, files, out);
    }

    /// Writes the end of an attempt, after the values that were held back.
    fn end(&mut self, ended_us: i64, key: AttemptKey, cause: Cause, files: EndFiles, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        attempt.phase = Phase::Ended;
        let started_us = attempt.times.started_us;
        for report in attempt.skipped.take() {
            self.record(key, record::Kind::Report(report), out);
        }
        let ended =
            Ended { outputs: files.outputs, log: files.log, started_us, ended_us, notes: files.notes, cause: Some(cause) };
        self.record(key, record::Kind::Ended(ended), out);
    }

    /// Numbers a fact, keeps it, and has it written to the spool. Returns its number.
    pub(super) fn record(&mut self, key: AttemptKey, kind: record::Kind, out: &mut Vec<Output>) -> u64 {
        let in_attempt = self.attempts.get_mut(&key).map_or(0, |attempt| {
            attempt.in_attempt += 1;
            attempt.in_attempt
        });
        let record = self.outbox.push(key, in_attempt, kind);
        let sequence = record.sequence;
        out.push(Output::AppendSpool(record.clone()));
        sequence
    }

    pub(super) fn on_ack(&mut self, sequence: u64, out: &mut Vec<Output>) {
        let forgotten = self.outbox.acknowledge(sequence);
        if forgotten.records == 0 {
            return;
        }
        out.push(Output::TrimSpool { up_to: sequence });
        self.answer_up_to(sequence, out);
        for key in forgotten.ended {
            self.forget(key, out);
        }
        self.start_waiting(out);
    }

    /// Another worker, or a later attempt, has the task now.
    pub(super) fn on_over(&mut self, key: AttemptKey, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempts.get_mut(&key) else {
            return;
        };
        if !attempt.is_held() {
            return;
        }
        attempt.stop = Some(Stop::Over);
        attempt.due = None;
        let alive = attempt.is_alive();
        self.alarms.set(Alarm::Attempt(key), None);
        self.outbox.drop_attempt(key);
        self.answer_attempt(key, out);
        if alive {
            self.begin_stop(0, key, &Stop::Over, out);
        } else {
            self.forget(key, out);
        }
    }

    fn forget(&mut self, key: AttemptKey, out: &mut Vec<Output>) {
        self.attempts.remove(&key);
        self.alarms.set(Alarm::Attempt(key), None);
        out.push(Output::Discard { key });
    }
}
