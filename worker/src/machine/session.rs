//! The stream to the coordinator: dialling, greeting, heartbeats, and what its messages set off.

use std::sync::Arc;

use hone_proto::{
    KEEPS, PROTOCOL,
    worker::{
        Assign, Directive, Goodbye, Held, Hello, Renew, RenewAck, ToWorker, Welcome, directive, from_worker::Kind, to_worker,
    },
};

use super::{AttemptKey, Cut, ExitReason, Machine, Output, alarms::Alarm, attempts::Stop, drain::By, interface::message};

/// A renewal that comes sooner than this would be a busy loop, whatever the coordinator says.
const RENEW_FLOOR_MS: i64 = 10;

/// How far the worker is with its coordinator.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Session {
    /// No stream; a back-off runs.
    Down,
    /// A stream was asked for.
    Dialing,
    /// `Hello` is sent.
    Greeting,
    /// `Welcome` was received.
    Ready { renew_us: i64, nonce: u64, answered: u64 },
}

impl Machine {
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.session, Session::Ready { .. })
    }

    pub(super) fn is_current(&self, session: u64) -> bool {
        session == self.dials && self.session != Session::Down
    }

    pub(super) fn dial(&mut self, out: &mut Vec<Output>) {
        self.dials += 1;
        self.session = Session::Dialing;
        self.alarms.set(Alarm::Reconnect, None);
        out.push(Output::Connect { session: self.dials });
    }

    pub(super) fn on_connected(&mut self, now_us: i64, session: u64, out: &mut Vec<Output>) {
        if !self.is_current(session) || self.session != Session::Dialing {
            return;
        }
        self.session = Session::Greeting;
        self.programs.clear();
        out.push(Output::Send(message(Kind::Hello(self.hello(now_us)))));
    }

    fn hello(&self, now_us: i64) -> Hello {
        let facts = self.config.facts.clone();
        Hello {
            protocol_min: *PROTOCOL.start(),
            protocol_max: *PROTOCOL.end(),
            build: facts.build,
            worker_key: facts.worker_key,
            incarnation: facts.incarnation,
            name: facts.name,
            host: facts.host,
            capacity: Some(facts.capacity),
            labels: facts.labels.into_iter().collect(),
            held: self.held_list(),
            draining: self.draining.is_some(),
            wall_us: now_us,
        }
    }

    fn held_list(&self) -> Vec<Held> {
        let held = self.attempts.iter().filter(|(_, attempt)| attempt.is_held());
        held.map(|(key, attempt)| Held { task: key.task, attempt: key.attempt, ended: attempt.has_ended() }).collect()
    }

    pub(super) fn on_disconnected(&mut self, now_us: i64, session: u64, cut: Cut, out: &mut Vec<Output>) {
        if !self.is_current(session) {
            return;
        }
        match cut {
            Cut::Refused(reason) if !self.welcomed => self.exit(ExitReason::Refused { reason }, out),
            Cut::Refused(_) | Cut::Lost(_) => self.go_down(now_us, out),
        }
    }

    /// The stream is gone: nobody waits for a verdict any more, and the next dial comes after a back-off.
    fn go_down(&mut self, now_us: i64, out: &mut Vec<Output>) {
        self.session = Session::Down;
        self.alarms.set(Alarm::Renew, None);
        let pause_us = self.back_off_us();
        self.alarms.set(Alarm::Reconnect, Some(now_us + pause_us));
        self.answer_all(out);
    }

    /// Full jitter: uniform between nothing and a bound that doubles up to its cap (Brooker, 2015).
    fn back_off_us(&mut self) -> i64 {
        let doublings = self.failures.min(20);
        self.failures = self.failures.saturating_add(1);
        let first_us = self.config.backoff_first_us.max(1);
        let bound_us = (first_us << doublings).min(self.config.backoff_cap_us).max(1);
        (next_random(&mut self.jitter) % bound_us.unsigned_abs()).cast_signed()
    }

    pub(super) fn hang_up(&mut self, now_us: i64, out: &mut Vec<Output>) {
        out.push(Output::Disconnect);
        self.go_down(now_us, out);
    }

    pub(super) fn on_message(&mut self, now_us: i64, message: ToWorker, out: &mut Vec<Output>) {
        // A kind that a newer coordinator added: nothing that this protocol needs.
        let Some(kind) = message.kind else { return };
        match kind {
            to_worker::Kind::Welcome(welcome) => self.on_welcome(now_us, welcome, out),
            to_worker::Kind::Goodbye(goodbye) => self.on_goodbye(now_us, goodbye, out),
            kind if self.is_ready() => self.on_ready_message(now_us, kind, out),
            // Before its welcome the coordinator has nothing else to say.
            _ => self.hang_up(now_us, out),
        }
    }

    fn on_ready_message(&mut self, now_us: i64, kind: to_worker::Kind, out: &mut Vec<Output>) {
        match kind {
            to_worker::Kind::Welcome(_) | to_worker::Kind::Goodbye(_) => {}
            to_worker::Kind::Assign(assign) => self.on_assign(now_us, assign, out),
            to_worker::Kind::Ack(ack) => self.on_ack(ack.sequence, out),
            to_worker::Kind::Directive(directive) => self.on_directive(now_us, directive, out),
            to_worker::Kind::RenewAck(ack) => self.on_renew_ack(&ack, out),
            to_worker::Kind::Log(request) => out.push(Output::ReadLog(request)),
            to_worker::Kind::Score(request) => out.push(Output::Score(request)),
            to_worker::Kind::ScoreRelease(release) => out.push(Output::ReleaseScore { scoring: release.scoring }),
            to_worker::Kind::Drain(drain) => self.drain(now_us, (drain.hand_back, By::Coordinator), drain.reason, out),
            to_worker::Kind::Undrain(_) => self.undrain(now_us, out),
        }
    }

    fn on_welcome(&mut self, now_us: i64, welcome: Welcome, out: &mut Vec<Output>) {
        if self.session != Session::Greeting {
            return self.hang_up(now_us, out);
        }
        if !PROTOCOL.contains(&welcome.protocol) {
            let reason = protocol_mismatch(&welcome);
            return self.exit(ExitReason::Refused { reason }, out);
        }
        self.welcomed = true;
        self.keeps = welcome.protocol >= KEEPS;
        self.failures = 0;
        let renew_us = welcome.renew_ms.max(RENEW_FLOOR_MS).saturating_mul(1_000);
        self.session = Session::Ready { renew_us, nonce: 0, answered: 0 };
        self.alarms.set(Alarm::Renew, Some(now_us + renew_us));
        self.outbox.rewind(welcome.acknowledged);
        for held in &welcome.over {
            self.on_over(key_of(held), out);
        }
        self.on_ack(welcome.acknowledged, out);
        self.end_orphans(now_us, out);
    }

    fn on_goodbye(&mut self, now_us: i64, goodbye: Goodbye, out: &mut Vec<Output>) {
        if goodbye.retry {
            self.hang_up(now_us, out);
        } else {
            self.exit(ExitReason::Refused { reason: goodbye.reason }, out);
        }
    }

    pub(super) fn on_renew_due(&mut self, now_us: i64, out: &mut Vec<Output>) {
        let Session::Ready { renew_us, nonce, answered } = &mut self.session else {
            return;
        };
        if answered < nonce {
            // The last heartbeat was never answered: this stream is dead, whatever the network says.
            return self.hang_up(now_us, out);
        }
        *nonce += 1;
        let (nonce, renew_us) = (*nonce, *renew_us);
        self.alarms.set(Alarm::Renew, Some(now_us + renew_us));
        let setting_up = self.attempts.iter().filter(|(_, attempt)| attempt.is_setting_up());
        let renew = Renew { nonce, held: self.held_list(), setting_up: setting_up.map(|(key, _)| key.task).collect() };
        out.push(Output::Send(message(Kind::Renew(renew))));
    }

    fn on_renew_ack(&mut self, ack: &RenewAck, out: &mut Vec<Output>) {
        if let Session::Ready { nonce, answered, .. } = &mut self.session {
            *answered = (*answered).max(ack.nonce.min(*nonce));
        }
        for held in &ack.over {
            self.on_over(key_of(held), out);
        }
    }

    fn on_assign(&mut self, now_us: i64, assign: Assign, out: &mut Vec<Output>) {
        for program in assign.programs {
            self.programs.insert(program.id, Arc::new(program));
        }
        for assignment in assign.assignments {
            self.take(now_us, assignment, out);
        }
    }

    fn on_directive(&mut self, now_us: i64, directive: Directive, out: &mut Vec<Output>) {
        let key = AttemptKey { task: directive.task, attempt: directive.attempt };
        match directive.kind() {
            // A kind that a newer coordinator added: the heartbeat settles what this worker may keep.
            directive::Kind::Unspecified => {}
            directive::Kind::Prune => self.on_prune(now_us, key, out),
            directive::Kind::Pause => self.stop(now_us, key, Stop::Paused { reason: directive.reason }, out),
            directive::Kind::Kill => self.stop(now_us, key, Stop::Killed, out),
            directive::Kind::Preempt => {
                self.stop(now_us, key, Stop::Preempted { reason: directive.reason }, out);
            }
        }
    }
}

fn key_of(held: &Held) -> AttemptKey {
    AttemptKey { task: held.task, attempt: held.attempt }
}

fn protocol_mismatch(welcome: &Welcome) -> String {
    format!(
        "it speaks worker protocol {} (build `{}`), this worker {} to {}; use the same version of hone on both",
        welcome.protocol,
        welcome.build,
        PROTOCOL.start(),
        PROTOCOL.end(),
    )
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
