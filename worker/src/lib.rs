//! The worker of Hone: leases attempts of trials and runs their processes.
//!
//! [`machine`] decides, purely and synchronously; everything else carries out what it says.

pub mod ledger;
pub mod machine;
pub mod process;
pub mod spool;
