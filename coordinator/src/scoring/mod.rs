//! The study is the committee: what models of its trials predict for a pool is read where their files are, and samples are
//! chosen by it.
//!
//! ```text
//!  members  which trials: the best that have predictions
//!  site     one step of one member: here, from a blob, or on the worker that has the file
//!  run      both phases over all members; who fails is left out and named
//! ```
//!
//! Nothing is written down: the same request gives the same samples, as long as the same models can be read. What is asked of
//! people becomes durable when it is asked.

mod members;
mod pending;
mod run;
mod site;

pub(crate) use self::{
    members::{Member, Wanted, members},
    pending::{Pending, Scored},
    run::{Absent, Gathering, gather, rate},
    site::Site,
};
