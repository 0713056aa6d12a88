//! Optuna's storage protocol: programs that were written for Optuna use the coordinator as their storage, unchanged.
//!
//! ```text
//!   GrpcStorageProxy ──► listener of its own ─────────────────► this service ──► writer: CreateTrial, Drive, Hold
//!                   └──► `hone optuna-proxy` ──► main listener ──►    └────────► views: every Get…
//! ```
//!
//! Optuna's studies are studies that clients drive. What an attribute or a distribution holds is Python's business: its
//! bytes are kept and given back. Clients remember finished trials and ask for greater ids only, so ids rise in the
//! order in which trials become visible, and an answer costs what has changed.

mod client;
mod distribution;
mod service;
mod trial;

pub(crate) use distribution::write as distribution_to_text;

use std::sync::Arc;

use hone_proto::optuna::{self as wire, storage_service_server::StorageServiceServer};
use hone_search::Direction;
use hone_studies::{Micros, Objective, Reject, StudySpec, Summary};
use tonic::{Code, Status, metadata::MetadataValue};

use crate::{actor::Refusal, convert, service::Services, timings::timings};

pub(crate) use client::give_up_what_is_left;

/// How gRPC says that the same call is worth another try, and when.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// The service on top of the coordinator's.
pub(crate) fn server(services: &Services) -> StorageServiceServer<Storage> {
    // A whole study is one answer, and clients set no limit either.
    StorageServiceServer::new(Storage { services: services.clone(), lease: timings().lease })
        .max_decoding_message_size(usize::MAX)
        .max_encoding_message_size(usize::MAX)
}

/// Serves [`wire`]'s calls.
pub(crate) struct Storage {
    services: Services,
    /// How long trials of a forwarder's clients go on without a renewal.
    lease: Micros,
}

/// A study as Optuna describes it: a name and directions.
fn spec(name: String, directions: &[Direction]) -> StudySpec {
    let metric = |at: usize| if directions.len() == 1 { "value".to_owned() } else { format!("value_{at}") };
    let objective = |(at, direction): (usize, &Direction)| Objective {
        metric: metric(at),
        direction: *direction,
        summary: Summary::Last,
        target: None,
    };
    StudySpec::driven(name, directions.iter().enumerate().map(objective).collect())
}

fn direction_from_proto(direction: i32) -> Result<Direction, Status> {
    match wire::StudyDirection::try_from(direction) {
        Ok(wire::StudyDirection::Minimize) => Ok(Direction::Minimize),
        Ok(wire::StudyDirection::Maximize) => Ok(Direction::Maximize),
        Err(_) => Err(Status::invalid_argument(format!("{direction} is no direction"))),
    }
}

fn direction_to_proto(direction: Direction) -> wire::StudyDirection {
    match direction {
        Direction::Minimize => wire::StudyDirection::Minimize,
        Direction::Maximize => wire::StudyDirection::Maximize,
    }
}

/// The codes from which Optuna's client makes its exceptions.
fn status(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::Reject(reject @ (Reject::BudgetUsed { .. } | Reject::WrongStudyState { .. })) => {
            Status::new(Code::ResourceExhausted, reject.to_string())
        }
        Refusal::Full(_) => {
            let mut status = convert::status::from_refusal(refusal);
            // A budget that is used up has the same code, and will not pass.
            status.metadata_mut().insert(PUSHBACK, MetadataValue::from_static("1000"));
            status
        }
        Refusal::Reject(_) | Refusal::Failed(_) | Refusal::Stopping => convert::status::from_refusal(refusal),
    }
}

type StudyRef = Arc<hone_studies::Study>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_budget_that_is_used_up() {
        let full = status(&Refusal::Full("no room; make some".to_owned()));
        let used = status(&Refusal::Reject(Reject::BudgetUsed { max_trials: 7 }));
        assert_eq!((full.code(), used.code()), (Code::ResourceExhausted, Code::ResourceExhausted));
        assert!(full.metadata().contains_key(PUSHBACK) && !used.metadata().contains_key(PUSHBACK));
    }
}
