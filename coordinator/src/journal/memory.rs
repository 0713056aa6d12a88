//! A journal in memory, for tests and the simulator: it tells what is written from what is durable
//! and fails on request.
//!
//! A [`MemoryDisk`] is the storage and outlives every [`MemoryJournal`] opened on it, as a disk
//! outlives processes. [`MemoryDisk::crash`] is the power cut.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::chunk::check_sizes;
use super::{Head, Journal, JournalError, Payload, Usage, Visitor};

/// How an append fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No room until [`MemoryDisk::free_space`]; the commit is not written.
    Full,
    /// The write fails; the commit is not written.
    Io,
    /// The write succeeds and the sync fails; the commit may survive a crash or not.
    SyncFailed,
}

/// One commit as it lies on the disk.
#[derive(Debug, Clone)]
struct Commit {
    payloads: Vec<Payload>,
}

/// What a disk holds.
#[derive(Debug, Default)]
struct Content {
    /// Point before the first event kept.
    base: Option<Head>,
    /// Events kept, durable ones first.
    durable: VecDeque<Payload>,
    /// Commits that were written and not synced, oldest first.
    pending: Vec<Commit>,
    /// Appends left before the next fault, and the fault.
    faults: VecDeque<(u64, Fault)>,
    full: bool,
    ack_before_sync: bool,
    /// Raised by each crash, so that a journal opened before it is dead.
    life: u64,
    held: bool,
}

/// The storage under [`MemoryJournal`]; clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk(Arc<Mutex<Content>>);

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power: of the commits not synced only the first `keep` survive, and every journal
    /// opened before is dead. Returns how many commits were lost.
    pub fn crash(&self, keep: usize) -> usize {
        let mut content = self.content();
        let lost = content.pending.len().saturating_sub(keep);
        content.pending.truncate(keep);
        content.sync();
        content.life += 1;
        content.held = false;
        lost
    }

    /// Number of commits written and not yet durable.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.content().pending.len()
    }

    /// Makes everything written durable, as a background sync of the operating system would.
    pub fn sync(&self) {
        self.content().sync();
    }

    /// Lets the append after `appends` more appends fail.
    pub fn fail_after(&self, appends: u64, fault: Fault) {
        self.content().faults.push_back((appends, fault));
    }

    /// Makes room again after [`Fault::Full`].
    pub fn free_space(&self) {
        self.content().full = false;
    }

    /// Plants the bug of acknowledging before the commit is durable: appends no longer sync.
    pub fn set_ack_before_sync(&self, on: bool) {
        self.content().ack_before_sync = on;
    }
}

impl Content {
    fn sync(&mut self) {
        for commit in self.pending.drain(..) {
            self.durable.extend(commit.payloads);
        }
    }

    fn base(&self) -> Head {
        self.base.unwrap_or(Head::GENESIS)
    }

    /// The end of what is written, durable or not.
    fn end(&self) -> Head {
        let pending = self.pending.iter().flat_map(|commit| &commit.payloads);
        self.durable.iter().chain(pending).fold(self.base(), |head, payload| head.next(payload))
    }

    fn bytes(&self) -> u64 {
        self.durable.iter().map(|payload| payload.len() as u64).sum()
    }

    /// Counts one append and answers the fault that is due.
    fn due_fault(&mut self) -> Option<Fault> {
        let (left, fault) = self.faults.front_mut()?;
        if *left > 0 {
            *left -= 1;
            return None;
        }
        let fault = *fault;
        self.faults.pop_front();
        Some(fault)
    }
}

/// A journal on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
    life: u64,
    head: Head,
    failure: Option<Fault>,
}

impl MemoryJournal {
    /// Opens the disk; what is found counts as durable from now on.
    ///
    /// # Errors
    /// [`JournalError::Held`] while another journal is open on the disk.
    pub fn open(disk: &MemoryDisk) -> Result<Self, JournalError> {
        let mut content = disk.content();
        if content.held {
            return Err(JournalError::Held { path: PathBuf::from("memory"), pid: std::process::id(), host: "memory".to_owned() });
        }
        content.held = true;
        content.sync();
        let (life, head) = (content.life, content.end());
        drop(content);
        Ok(Self { disk: disk.clone(), life, head, failure: None })
    }

    /// Refuses when this journal failed or its disk lost power.
    fn alive(&self) -> Result<MutexGuard<'_, Content>, JournalError> {
        if let Some(fault) = self.failure {
            return Err(JournalError::Poisoned { cause: format!("{fault:?}") });
        }
        let content = self.disk.content();
        if content.life != self.life {
            return Err(JournalError::Poisoned { cause: "the power was cut".to_owned() });
        }
        Ok(content)
    }

    fn fail(&mut self, fault: Fault) -> JournalError {
        self.failure = Some(fault);
        let path = PathBuf::from("memory");
        match fault {
            Fault::Full => JournalError::Full { path, detail: "injected".to_owned() },
            Fault::Io => JournalError::Io { path, operation: "writing", source: std::io::Error::other("injected") },
            Fault::SyncFailed => JournalError::SyncFailed { path, detail: "injected".to_owned() },
        }
    }
}

impl Journal for MemoryJournal {
    fn head(&self) -> Head {
        self.head
    }

    fn base(&mut self) -> Result<Head, JournalError> {
        Ok(self.alive()?.base())
    }

    fn append(&mut self, commands: &[Vec<Payload>]) -> Result<Head, JournalError> {
        check_sizes(commands)?;
        let head = commands.iter().flatten().fold(self.head, |head, payload| head.next(payload));
        let mut content = self.alive()?;
        if head == self.head {
            return Ok(head);
        }
        let fault = content.due_fault();
        content.full |= fault == Some(Fault::Full);
        let payloads: Vec<_> = commands.iter().flatten().cloned().collect();
        match fault {
            Some(Fault::Full | Fault::Io) => {}
            Some(Fault::SyncFailed) => content.pending.push(Commit { payloads }),
            None => {
                content.pending.push(Commit { payloads });
                if !content.ack_before_sync {
                    content.sync();
                }
            }
        }
        drop(content);
        if let Some(fault) = fault {
            return Err(self.fail(fault));
        }
        self.head = head;
        Ok(head)
    }

    fn read(&mut self, from: u64, visit: &mut Visitor<'_>) -> Result<(), JournalError> {
        let content = self.alive()?;
        let base = content.base();
        if from <= base.sequence {
            return Err(JournalError::Dropped { sequence: from, oldest: base.sequence + 1 });
        }
        let pending = content.pending.iter().flat_map(|commit| &commit.payloads);
        let events: Vec<_> = content.durable.iter().chain(pending).cloned().collect();
        drop(content);
        for (sequence, payload) in (base.sequence + 1..).zip(&events) {
            if sequence >= from {
                visit(sequence, payload)?;
            }
        }
        Ok(())
    }

    fn drop_before(&mut self, sequence: u64) -> Result<(), JournalError> {
        let head = self.head.sequence;
        let mut content = self.alive()?;
        if sequence > head + 1 {
            return Err(JournalError::BeyondHead { sequence, head });
        }
        content.sync();
        let mut base = content.base();
        while base.sequence + 1 < sequence.min(head) {
            let Some(payload) = content.durable.pop_front() else {
                break;
            };
            base = base.next(&payload);
        }
        content.base = Some(base);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<(), JournalError> {
        self.alive().map(drop)
    }

    fn usage(&self) -> Usage {
        let content = self.disk.content();
        Usage { bytes_on_disk: content.bytes(), oldest: content.base().sequence + 1, head: self.head.sequence }
    }

    fn reopen(&mut self) -> Result<Head, JournalError> {
        let full = self.disk.content().full;
        match self.failure {
            Some(Fault::Full) if full => return Err(self.fail(Fault::Full)),
            Some(Fault::Full) => self.failure = None,
            Some(Fault::Io | Fault::SyncFailed) | None => {}
        }
        let mut content = self.alive()?;
        content.sync();
        let head = content.end();
        drop(content);
        self.head = head;
        Ok(head)
    }
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        let mut content = self.disk.content();
        if content.life == self.life {
            content.held = false;
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
