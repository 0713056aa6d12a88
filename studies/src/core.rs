//! The core as one value: folded state, roster, and the two ways to drive it.
//!
//! ```text
//!   Command ──► decide ──► events ──► apply ──► State      (the journal gets the same events)
//!                 │                    └─────► Roster      (volatile)
//!                 └──────► effects                          (released once the events are durable)
//!   settle: after some commands, what follows from the state alone: finish studies, lease trials, ask samplers
//! ```

use crate::{
    command::{Command, Effect, Now, Reject, Reply, Timings},
    decide,
    event::Event,
    roster::Roster,
    settle,
    state::State,
};

/// What a command leads to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Applied already; to be made durable together.
    pub events: Vec<Event>,
    /// To be released once the events are durable.
    pub effects: Vec<Effect>,
}

/// The core of a coordinator.
#[derive(Clone, Debug)]
pub struct Core {
    pub state: State,
    pub roster: Roster,
    pub timings: Timings,
    /// Bugs that the simulator must catch.
    #[cfg(feature = "planted-bugs")]
    pub planted: Planted,
}

/// Bugs that can be switched on to prove that the simulator catches them.
#[cfg(feature = "planted-bugs")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planted {
    /// Records of replaced attempts are taken for the current one's.
    pub no_fencing: bool,
}

impl Core {
    /// A core over a recovered state. Follow it with [`Command::OpenStore`].
    pub fn recover(state: State, now: Now, timings: Timings) -> Core {
        let roster = Roster::recover(&state, now, &timings);
        Core {
            state,
            roster,
            timings,
            #[cfg(feature = "planted-bugs")]
            planted: Planted::default(),
        }
    }

    /// Decides on a command and applies its events.
    ///
    /// # Errors
    /// The refusal; nothing has changed, except that a sign of life of a worker counts even then.
    pub fn handle(&mut self, now: Now, command: Command) -> Result<(Reply, Outcome), Reject> {
        decide::handle(self, now, command)
    }

    /// Does what follows from the state alone. Call it once after every batch of commands.
    pub fn settle(&mut self, now: Now) -> Outcome {
        settle::settle(self, now)
    }

    /// The next instant, on the monotonic clock, at which [`Command::Tick`] may have something to do.
    pub fn next_due(&self, now: Now) -> Option<i64> {
        let back_off = self.state.unfinished().filter_map(|study| study.next_back_off(now.wall)).min();
        let retries = back_off.map(|wall| now.mono + (wall - now.wall).min(self.timings.backoff_max));
        let expiry = self.state.labels.projects().filter_map(|project| project.next_expiry()).min();
        let expiries = expiry.map(|wall| now.mono + (wall - now.wall).max(0));
        self.roster.next_deadline().into_iter().chain(retries).chain(expiries).min()
    }

    /// Applies an event to the state and the roster, and notes it.
    pub(crate) fn emit(&mut self, outcome: &mut Outcome, event: Event) {
        self.state.apply(&event);
        self.roster.observe(&self.state, &event);
        outcome.events.push(event);
    }
}
