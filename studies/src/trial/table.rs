//! The table of a trial's states: which step leads from which state to which.
//!
//! ```text
//!               TrialLeased                      AttemptEnded
//!   ┌─────────┐ AttemptReclaimed  ┌─────────┐  Complete ─► Complete
//!   │ Waiting │──────────────────►│ Running │─ Prune ────► Pruned
//!   └─┬─▲───▲─┘◄──────────────────└────┬────┘  Fail ─────► Failed
//!     │ │   │   AttemptEnded(Requeue)  │       Cancel ───► Cancelled
//!  Pause│   │ Resume                   │ AttemptEnded(Pause)
//!     ▼ │   │                          ▼
//!   ┌───┴───┴─────────────────────────────┐──TrialPruned────► Pruned
//!   │ Paused                              │──TrialCancelled──► Cancelled
//!   └─────────────────────────────────────┘   (from Waiting too)
//! ```

use hone_search::Outcome;
use serde::{Deserialize, Serialize};

use crate::ids::{Micros, WorkerId};

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialState {
    /// Wants a worker, not before this instant.
    Waiting {
        not_before: Micros,
    },
    /// A worker has the lease of this attempt.
    Running {
        attempt: u32,
        worker: WorkerId,
    },
    /// Held back by a user or the pruner; keeps its place and its checkpoint.
    Paused,
    Complete,
    Pruned,
    Failed,
    Cancelled,
}

/// [`TrialState`] without its data: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    Waiting,
    Running,
    Paused,
    Complete,
    Pruned,
    Failed,
    Cancelled,
}

impl StateKind {
    /// Every state, in the order of a trial's life.
    pub const ALL: [StateKind; 7] = [
        StateKind::Waiting,
        StateKind::Running,
        StateKind::Paused,
        StateKind::Complete,
        StateKind::Pruned,
        StateKind::Failed,
        StateKind::Cancelled,
    ];

    /// The word that users read and write.
    pub fn name(self) -> &'static str {
        match self {
            StateKind::Waiting => "waiting",
            StateKind::Running => "running",
            StateKind::Paused => "paused",
            StateKind::Complete => "complete",
            StateKind::Pruned => "pruned",
            StateKind::Failed => "failed",
            StateKind::Cancelled => "cancelled",
        }
    }

    /// The state of a finished row.
    pub fn of_outcome(outcome: Outcome) -> StateKind {
        match outcome {
            Outcome::Complete => StateKind::Complete,
            Outcome::Pruned => StateKind::Pruned,
            Outcome::Failed => StateKind::Failed,
            Outcome::Cancelled => StateKind::Cancelled,
        }
    }
}

impl TrialState {
    pub fn kind(&self) -> StateKind {
        match self {
            TrialState::Waiting { .. } => StateKind::Waiting,
            TrialState::Running { .. } => StateKind::Running,
            TrialState::Paused => StateKind::Paused,
            TrialState::Complete => StateKind::Complete,
            TrialState::Pruned => StateKind::Pruned,
            TrialState::Failed => StateKind::Failed,
            TrialState::Cancelled => StateKind::Cancelled,
        }
    }

    /// How it stands in the history; `None` while it is open.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            TrialState::Waiting { .. } | TrialState::Running { .. } | TrialState::Paused => None,
            TrialState::Complete => Some(Outcome::Complete),
            TrialState::Pruned => Some(Outcome::Pruned),
            TrialState::Failed => Some(Outcome::Failed),
            TrialState::Cancelled => Some(Outcome::Cancelled),
        }
    }
}

/// What the table looks at in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Lease { attempt: u32, worker: WorkerId },
    Reclaim { attempt: u32, worker: WorkerId },
    Requeue { not_before: Micros },
    PauseAttempt,
    Complete,
    Prune,
    Fail,
    CancelAttempt,
    Pause,
    Resume,
    Cancel,
    PrunePaused,
}

/// The table: the state after a step, or `None` where the step is impossible.
pub fn next_state(state: TrialState, step: Step) -> Option<TrialState> {
    use TrialState::{Cancelled, Complete, Failed, Paused, Pruned, Running, Waiting};
    match (state, step) {
        (Waiting { .. }, Step::Lease { attempt, worker } | Step::Reclaim { attempt, worker }) => {
            Some(Running { attempt, worker })
        }
        (Waiting { .. }, Step::Pause) | (Running { .. }, Step::PauseAttempt) => Some(Paused),
        (Waiting { .. } | Paused, Step::Cancel) | (Running { .. }, Step::CancelAttempt) => Some(Cancelled),
        (Running { .. }, Step::Requeue { not_before }) => Some(Waiting { not_before }),
        (Running { .. }, Step::Complete) => Some(Complete),
        (Running { .. }, Step::Prune) | (Paused, Step::PrunePaused) => Some(Pruned),
        (Running { .. }, Step::Fail) => Some(Failed),
        (Paused, Step::Resume) => Some(Waiting { not_before: 0 }),
        (
            Waiting { .. },
            Step::Requeue { .. }
            | Step::PauseAttempt
            | Step::Complete
            | Step::Prune
            | Step::Fail
            | Step::CancelAttempt
            | Step::Resume
            | Step::PrunePaused,
        )
        | (Running { .. }, Step::Lease { .. } | Step::Reclaim { .. } | Step::Pause | Step::Resume)
        | (Running { .. }, Step::Cancel | Step::PrunePaused)
        | (Paused, Step::Lease { .. } | Step::Reclaim { .. } | Step::Requeue { .. } | Step::PauseAttempt)
        | (Paused, Step::Complete | Step::Prune | Step::Fail | Step::CancelAttempt | Step::Pause)
        | (Complete | Pruned | Failed | Cancelled, _) => None,
    }
}
