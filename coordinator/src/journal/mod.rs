//! The journal: the one place where an event becomes durable.
//!
//! ```text
//!  commands ─▶ append ─▶ chunks ─▶ one batch ─▶ flush ─▶ fdatasync ─▶ Ok(head)
//!                                                                      │
//!                                         nothing is acknowledged before here
//! ```
//!
//! Payloads are opaque bytes: the journal knows sequence numbers and hashes, not events. The
//! documentation of [`Journal`] is the contract; [`conformance`] checks it on every implementation.
//!
//! # A data directory
//!
//! | Name | What it is |
//! |---|---|
//! | `LOCK` | held by the one process that may use the directory; names it |
//! | `MANIFEST` | store id, format, a lower bound of the head and the chain there; see [`manifest`] |
//! | `journal/` | the sled database: key = first sequence number, big-endian; value = one [`chunk`] |
//! | `snapshots/` | checksummed snapshots of the folded state; see [`snapshots`] |
//! | `blobs/` | content-addressed blobs; see `hone_data::blobs` |
//!
//! Leftovers of an interrupted creation or compaction (`journal.creating`, `journal.compacting`,
//! `journal.old`) are put right by the next start; see [`layout`].

pub mod backup;
pub mod chain;
pub mod chunk;
pub mod conformance;
#[cfg(test)]
mod damage_tests;
pub mod database;
mod error;
#[cfg(test)]
mod full_tests;
pub mod layout;
pub mod lock;
pub mod maintenance;
pub mod manifest;
pub mod memory;
mod nudge;
mod opening;
pub mod scan;
pub mod sled_journal;
pub mod snapshots;
mod supervise;
#[cfg(test)]
mod testing;

pub use chain::{Chain, Head};
pub use database::Options;
pub use error::JournalError;
pub use memory::{MemoryDisk, MemoryJournal};
pub use sled_journal::SledJournal;

/// The bytes of one event.
pub type Payload = Vec<u8>;

/// Receives events in order: sequence number and payload. An error stops the reading.
pub type Visitor<'a> = dyn FnMut(u64, &[u8]) -> Result<(), JournalError> + 'a;

/// What the journal holds and what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of all files of the journal, as the file system counts them.
    pub bytes_on_disk: u64,
    /// Sequence number of the oldest event that can still be read; head + 1 when there is none.
    pub oldest: u64,
    /// Sequence number of the last durable event; 0 when there is none.
    pub head: u64,
}

/// An append-only sequence of events, numbered from 1 without gaps.
///
/// After [`append`](Journal::append) failed the journal refuses every call but `head`, `usage` and
/// `reopen`. A commit that failed may be found whole or not at all by the next opening, never in
/// part: the owner rebuilds its memory from what it reads then.
pub trait Journal: Send {
    /// The last event that is known to be durable.
    fn head(&self) -> Head;

    /// The point before the oldest event that can still be read.
    ///
    /// # Errors
    /// As for [`read`](Journal::read).
    fn base(&mut self) -> Result<Head, JournalError>;

    /// Writes all events of `commands` as one commit. On `Ok` it is durable and the answer is the new head.
    ///
    /// Nothing to write is not a commit. The events of one command never straddle commits.
    ///
    /// # Errors
    /// [`JournalError::PayloadTooLarge`] before anything is written, and the journal stays usable.
    /// [`JournalError::Full`]: no room; nothing is acknowledged until [`reopen`](Journal::reopen) succeeds.
    /// [`JournalError::Io`] and [`JournalError::SyncFailed`] are final for this process.
    fn append(&mut self, commands: &[Vec<Payload>]) -> Result<Head, JournalError>;

    /// Visits every event from `from` to the head, checking the chain on the way.
    ///
    /// # Errors
    /// [`JournalError::Dropped`] for events that a snapshot replaced, [`JournalError::Corrupt`] for
    /// damage (events before it were visited), and whatever the visitor returns.
    fn read(&mut self, from: u64, visit: &mut Visitor<'_>) -> Result<(), JournalError>;

    /// Gives up events before `sequence`; the caller holds verified snapshots of them. With two
    /// snapshots kept, `sequence` follows the older one, so that it can still be fallen back to.
    ///
    /// The journal may keep more than asked, and always keeps its last event.
    ///
    /// # Errors
    /// [`JournalError::BeyondHead`] when `sequence` is after head + 1; else as for `append`.
    fn drop_before(&mut self, sequence: u64) -> Result<(), JournalError>;

    /// Records the head outside the database, so that a loss up to here is noticed. Done by itself
    /// every thousand chunks; called beside each snapshot.
    ///
    /// # Errors
    /// As for `append`.
    fn checkpoint(&mut self) -> Result<(), JournalError>;

    /// What the journal holds and what it costs.
    fn usage(&self) -> Usage;

    /// Opens the storage again after [`JournalError::Full`], without leaving the process, and
    /// answers what is durable, which may include the commit that failed.
    ///
    /// # Errors
    /// [`JournalError::Full`] while there is still no room; [`JournalError::Poisoned`] after any other failure.
    fn reopen(&mut self) -> Result<Head, JournalError>;
}
