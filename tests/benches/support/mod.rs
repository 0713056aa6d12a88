//! What the benchmarks share: a coordinator in a process of its own, a worker that speaks the real protocol without
//! running anything, floors of this machine, peers, and tables.

pub mod coordinator;
pub mod disk;
pub mod measure;
pub mod python;
pub mod table;
pub mod worker;
