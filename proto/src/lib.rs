//! Messages on the wire and on disk, generated from the `.proto` files beside this crate.
//!
//! Field numbers and tags only grow; a removed field is `reserved`. Conversions to the core's plain types live
//! beside the edge that needs them, never here.

/// The client API: studies, trials, workers, logs, blobs, store.
pub mod v1 {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("hone.v1");
}

/// The stream between a worker and its coordinator.
pub mod worker {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("hone.worker.v1");
}

/// Events as they are written to the journal.
pub mod journal {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("hone.journal.v1");
}

/// Optuna's storage protocol.
pub mod optuna {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("optuna");
}

/// The part of Katib's protocol that asks for suggestions.
pub mod katib {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("api.v1.beta1");
}

/// Descriptors of every file, for the reflection service.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/hone.bin"));

/// The worker protocols that this build speaks, oldest first. From 2 on, outputs may stay on a worker ([`KEEPS`]).
pub const PROTOCOL: std::ops::RangeInclusive<u32> = 1..=2;

/// The first worker protocol with outputs that stay on the worker.
pub const KEEPS: u32 = 2;
