//! Running trials as processes: their environment, group, log, socket and end.
//!
//! A trial never survives its worker. Four things see to that: the parent-death signal of the process itself,
//! the sweep at its end (group, then marked strays that this process inherits as their subreaper), the guard
//! (a companion that outlives a killed worker for as long as it takes to end the trials), and the ledger that
//! the next worker of the same folder reads.

pub mod environment;
pub mod guard;
pub mod kill;
mod launch;
pub mod log;
pub mod memory;
pub mod outcome;
pub mod pattern;
pub mod proc;
pub mod socket;
pub mod spawn;
mod stack;
