//! The coordinator: one writer, the journal, the services around it.

pub mod convert;
pub mod journal;
