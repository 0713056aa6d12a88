//! The simulator: a whole Hone in one thread and in virtual time, from one seed.
//!
//! ```text
//!   scenario (seed) ─► faults, users ─┐
//!                                     ▼
//!   worker machines ◄── streams ──► engine (core + journal in memory) ──► oracle
//!   + processes, spool                                                    promises kept outside
//! ```
//!
//! The core, the engine, the worker's machine and the conversions between them are the real ones; network, disks,
//! processes, clocks and people are simulated. A run repeats exactly from its seed. Every run is judged by promises
//! that workers and clients were given (`oracle`), by invariants, and by a run without any disturbance (`reference`);
//! many runs together must have met every state with every input and every fault (`coverage`).

mod asker;
mod client;
mod coverage;
mod dice;
mod faults;
mod label_coverage;
mod label_promises;
mod labelling;
mod links;
mod node;
mod oracle;
mod program;
mod queue;
mod reference;
mod scenario;
mod shell;
mod sweep;
mod timeline;
mod world;

pub use coverage::{Coverage, Meets, impossible};
pub use scenario::Fault;
pub use sweep::{Sweep, sweep};
pub use world::{Plant, Verdict, run};
