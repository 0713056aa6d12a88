//! The worker of Hone: leases attempts of trials and runs their processes.
//!
//! [`machine`] decides, purely and synchronously; everything else carries out what it says.

mod arguments;
mod dataset;
pub mod detect;
pub mod folder;
pub mod host;
pub mod join;
mod kept;
pub mod ledger;
pub mod link;
mod logs;
pub mod machine;
pub mod process;
pub mod report;
pub mod service;
pub mod setup;
mod shell;
pub mod source;
pub mod spool;
pub mod template;
pub mod transfer;
pub mod trial;

pub use link::{ConnectError, Connector};
pub use machine::ExitReason;
pub use process::guard::guard_main;
pub use service::{Stop, StopHandle, WorkerConfig, WorkerError, run};
