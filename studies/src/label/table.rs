//! The table of a label request's states: which step leads from which state to which.
//!
//! ```text
//!                Lease                    Answer, more wanted
//!   ┌──────┐ ────────────► ┌────────┐ ─────────────────────► ┌──────────┐
//!   │ Open │               │ Leased │◄────────────────────── │ Answered │  k of n
//!   └──────┘ ◄──────────── └────────┘        Lease           └──────────┘
//!       lease over, no answer   │
//!                               ├── Resolve ──► Resolved ─┐
//!    (from every open state)    ├── Conflict ─► Conflict  │ Reopen: an answer was withdrawn or revised,
//!                               ├── Skip ─────► Skipped   │ or more answers are wanted
//!                               ├── Expire ───► Expired  ─┘
//!                               └── Withdraw ─► Withdrawn
//! ```

use serde::{Deserialize, Serialize};

/// Where a label request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LabelState {
    /// Nobody has it and nobody has answered.
    Open,
    /// At least one annotator has it before them.
    Leased,
    /// Has answers, wants more, and nobody has it.
    Answered,
    /// Its answers agree enough: it has a label.
    Resolved,
    /// It has as many answers as it may have, and they do not agree.
    Conflict,
    /// Enough annotators would not answer it.
    Skipped,
    /// Not wanted any more.
    Withdrawn,
    /// Nobody answered in time.
    Expired,
}

impl LabelState {
    /// Every state, in the order of a request's life.
    pub const ALL: [LabelState; 8] = [
        LabelState::Open,
        LabelState::Leased,
        LabelState::Answered,
        LabelState::Resolved,
        LabelState::Conflict,
        LabelState::Skipped,
        LabelState::Withdrawn,
        LabelState::Expired,
    ];

    /// The word that users read and write.
    pub fn name(self) -> &'static str {
        match self {
            LabelState::Open => "open",
            LabelState::Leased => "leased",
            LabelState::Answered => "answered",
            LabelState::Resolved => "resolved",
            LabelState::Conflict => "conflict",
            LabelState::Skipped => "skipped",
            LabelState::Withdrawn => "withdrawn",
            LabelState::Expired => "expired",
        }
    }

    /// Whether answers are still wanted.
    pub fn is_open(self) -> bool {
        match self {
            LabelState::Open | LabelState::Leased | LabelState::Answered => true,
            LabelState::Resolved | LabelState::Conflict | LabelState::Skipped => false,
            LabelState::Withdrawn | LabelState::Expired => false,
        }
    }
}

/// What the table looks at in an event. `leases` and `answers` are how many there are afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelStep {
    /// An annotator got it.
    Lease,
    /// A lease is over, by an answer, a skip, or by time; or an answer counts no more.
    Leave {
        leases: u32,
        answers: u32,
    },
    /// An answer came from somebody who had no lease.
    Answer {
        leases: u32,
    },
    Resolve,
    Conflict,
    Skip,
    Withdraw,
    Expire,
    /// Wants answers again.
    Reopen {
        leases: u32,
        answers: u32,
    },
}

/// The table: the state after a step, or `None` where the step is impossible.
pub fn next_label_state(state: LabelState, step: LabelStep) -> Option<LabelState> {
    use LabelState::{Answered, Conflict, Expired, Leased, Open, Resolved, Skipped, Withdrawn};
    match (state, step) {
        (Open | Leased | Answered, LabelStep::Lease) => Some(Leased),
        (Leased | Answered, LabelStep::Leave { leases, answers }) => Some(waiting(leases, answers)),
        // A lease of a request that has been decided in the meantime ends without a trace.
        (Resolved | Conflict | Skipped | Withdrawn | Expired, LabelStep::Leave { .. }) => Some(state),
        (Open | Leased | Answered, LabelStep::Answer { leases }) => Some(waiting(leases, 1)),
        // A late answer counts too: nobody's work is lost, and the label may change by it.
        (Resolved | Conflict, LabelStep::Answer { .. }) => Some(state),
        (Skipped | Expired, LabelStep::Answer { leases }) => Some(waiting(leases, 1)),
        (Open | Leased | Answered | Conflict | Resolved, LabelStep::Resolve) => Some(Resolved),
        (Open | Leased | Answered | Resolved | Conflict, LabelStep::Conflict) => Some(Conflict),
        (Open | Leased | Answered, LabelStep::Skip) => Some(Skipped),
        (Open | Leased | Answered, LabelStep::Expire) => Some(Expired),
        (Open | Leased | Answered | Resolved | Conflict | Skipped | Expired, LabelStep::Withdraw) => Some(Withdrawn),
        (Resolved | Conflict | Skipped | Expired | Withdrawn, LabelStep::Reopen { leases, answers }) => {
            Some(waiting(leases, answers))
        }
        (Open, LabelStep::Leave { .. })
        | (Open | Leased | Answered, LabelStep::Reopen { .. })
        | (Resolved | Conflict | Skipped | Withdrawn | Expired, LabelStep::Lease | LabelStep::Skip | LabelStep::Expire)
        | (Skipped | Withdrawn | Expired, LabelStep::Resolve | LabelStep::Conflict)
        | (Withdrawn, LabelStep::Answer { .. } | LabelStep::Withdraw) => None,
    }
}

/// The open state that leases and answers amount to.
fn waiting(leases: u32, answers: u32) -> LabelState {
    match (leases, answers) {
        (0, 0) => LabelState::Open,
        (0, _) => LabelState::Answered,
        (_, _) => LabelState::Leased,
    }
}
