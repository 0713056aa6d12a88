//! Tests over several crates, and the simulator behind them.

/// What the benchmarks share.
#[path = "../benches/support/mod.rs"]
pub mod benching;
pub mod sim;
