//! Tests over several crates, and the simulator behind them.

pub mod sim;
