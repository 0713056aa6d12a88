//! Stopping on purpose: take nothing new, let what runs end or hand it back, then leave.

use hone_proto::worker::{Leaving, from_worker::Kind};

use super::{AttemptKey, ExitReason, Machine, Output, alarms::Alarm, attempts::Stop, interface::message};

/// The worker has been told to stop.
#[derive(Debug)]
pub(super) struct Draining {
    pub(super) reason: String,
    hand_back: bool,
    by: By,
}

/// Who wants the worker to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// It may change its mind.
    Coordinator,
    /// The operator or the system, here.
    Operator,
}

impl Machine {
    /// The operator or the system wants this worker to stop; the coordinator has to learn of it.
    pub(super) fn on_drain_requested(&mut self, now_us: i64, hand_back: bool, reason: String, out: &mut Vec<Output>) {
        let known = self.draining.is_some();
        self.drain(now_us, (hand_back, By::Operator), reason, out);
        if !known && !self.is_done() {
            self.greet_again(now_us, out);
        }
    }

    /// Only a `Hello` says that a worker drains.
    pub(super) fn greet_again(&mut self, now_us: i64, out: &mut Vec<Output>) {
        if self.is_ready() {
            self.hang_up(now_us, out);
            self.dial(out);
        }
    }

    /// The coordinator takes its drain back; what was handed back stays so.
    pub(super) fn undrain(&mut self, now_us: i64, out: &mut Vec<Output>) {
        match self.draining.take_if(|draining| draining.by == By::Coordinator) {
            Some(_) => self.alarms.set(Alarm::Leave, None),
            None if self.draining.is_some() => self.greet_again(now_us, out),
            None => {}
        }
    }

    /// Drains; a second call may turn waiting into handing back, and the coordinator's wish into the operator's, never
    /// the other way.
    pub(super) fn drain(&mut self, now_us: i64, (hand_back, by): (bool, By), reason: String, out: &mut Vec<Output>) {
        let draining = self.draining.get_or_insert(Draining { reason, hand_back, by });
        draining.hand_back |= hand_back;
        if by == By::Operator {
            draining.by = by;
        }
        if !draining.hand_back {
            return;
        }
        let reason = draining.reason.clone();
        let keys: Vec<AttemptKey> = self.attempts.keys().copied().collect();
        for key in keys {
            self.stop(now_us, key, Stop::Preempted { reason: reason.clone() }, out);
        }
    }

    fn is_done(&self) -> bool {
        self.attempts.is_empty() && self.outbox.is_empty()
    }

    /// Leaves when nothing is left; waits only so long for an absent coordinator.
    pub(super) fn leave_when_done(&mut self, now_us: i64, out: &mut Vec<Output>) {
        let Some(draining) = &self.draining else {
            return;
        };
        if self.exited {
            return;
        }
        if self.is_done() {
            let reason = draining.reason.clone();
            if self.is_ready() {
                out.push(Output::Send(message(Kind::Leaving(Leaving { reason: reason.clone() }))));
            }
            return self.exit(ExitReason::Drained { reason }, out);
        }
        let runs = self.attempts.values().any(super::Attempt::is_alive);
        if runs || self.is_ready() {
            self.alarms.set(Alarm::Leave, None);
        } else if !self.alarms.is_set(Alarm::Leave) {
            self.alarms.set(Alarm::Leave, Some(now_us + self.config.leave_wait_us));
        }
    }

    pub(super) fn on_leave_late(&mut self, out: &mut Vec<Output>) {
        let records = self.outbox.len();
        self.exit(ExitReason::LeftUnsaid { records }, out);
    }
}
