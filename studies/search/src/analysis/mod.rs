//! What a history says once it is there: what was best, how it came about, and what mattered.
//!
//! Everything here is a pure function of finished trials; nothing suggests, prunes or decides.

mod cells;
pub mod explain;
pub mod hypervolume;
pub mod importance;
pub mod pareto;
pub mod progress;
mod scale;
mod seen;

pub use seen::Goal;
