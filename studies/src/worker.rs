//! What is remembered of a worker. Whether it is connected, and what is free, is [`crate::Roster`]'s.

use serde::{Deserialize, Serialize};

use crate::{
    event::{WorkerProfile, WorkerState},
    ids::{Micros, WorkerId},
};

/// A worker that has attached at least once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    pub id: WorkerId,
    pub profile: WorkerProfile,
    pub state: WorkerState,
    /// Why it is in that state.
    pub reason: String,
    pub joined: Micros,
    /// Of its newest process.
    pub incarnation: String,
    /// Attempts that ended on it.
    pub ended_attempts: u64,
}
