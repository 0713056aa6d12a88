//! Conversions between the core's plain types and what leaves the process: the journal, workers, clients, gRPC errors.
//!
//! Free functions without state. What comes in is checked here and nowhere else; what goes out is never refused.

pub mod client;
pub mod distribution;
pub mod journal;
pub mod status;
pub mod worker;
