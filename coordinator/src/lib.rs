//! The coordinator: one writer, the journal, the services around it.

pub mod actor;
mod asking;
mod clock;
pub mod convert;
mod datasets;
mod effects;
pub mod engine;
pub mod export;
mod heap;
mod histories;
pub mod holder;
pub mod journal;
mod katib;
mod labels;
pub mod labelstudio;
pub mod liveness;
pub mod mlflow;
mod optuna;
mod outbound;
pub mod page;
mod samplers;
mod scoring;
pub mod security;
mod server;
mod service;
mod sessions;
mod snapshot;
mod store;
mod timings;
mod upkeep;

pub use clock::Clock;
pub use server::{Config, Coordinator, StartError};
pub use snapshot::{SnapshotError, Snapshots};
pub use store::{OpenError, Store};
pub use timings::timings;
