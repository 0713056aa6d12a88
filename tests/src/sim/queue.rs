//! What is going to happen, in order of virtual time.

use std::collections::BTreeMap;

use hone_proto::worker::ToWorker;
use hone_studies::{Command, Micros};
use hone_worker::machine::AttemptKey;

use super::links::Side;

/// Something that happens at an instant.
#[derive(Debug)]
pub enum Happening {
    /// A dial is answered.
    Dialled {
        node: usize,
        life: u64,
        session: u64,
        open: bool,
    },
    /// The next message of a stream arrives.
    ToCoordinator {
        link: u64,
    },
    ToWorker {
        link: u64,
    },
    /// An end of a stream learns that it is gone.
    LinkGone {
        link: u64,
        side: Side,
    },
    NodeStarts {
        node: usize,
        life: u64,
    },
    NodeTimer {
        node: usize,
        life: u64,
        at_us: Micros,
    },
    NodeFlushes {
        node: usize,
        life: u64,
    },
    /// Something comes from a trial's process, or from an upload.
    Process {
        node: usize,
        life: u64,
        key: AttemptKey,
        beat: Beat,
    },
    CoordinatorStarts {
        life: u64,
    },
    /// Commands that wait are decided on.
    Commit {
        life: u64,
    },
    Tick {
        life: u64,
    },
    /// A sampler has its answer.
    Answer {
        life: u64,
        command: Box<Command>,
    },
    /// The coordinator's end of a stream says something.
    Says {
        link: u64,
        message: Box<ToWorker>,
    },
    /// A study of the plan is created, again where there was no answer.
    Creates {
        study: usize,
    },
    Wishes {
        at: usize,
    },
    Strikes {
        at: usize,
    },
    /// Nothing gets from a worker to the coordinator for a while.
    CutsUp {
        node: usize,
        while_us: Micros,
    },
    /// A program that runs trials itself goes on.
    AskerWakes {
        at: usize,
        life: u64,
    },
    /// Whoever wants labels goes on.
    ChiefWakes,
    /// Somebody who labels goes on.
    AnnotatorWakes {
        at: usize,
        life: u64,
    },
    /// Everything that is broken is mended.
    Heals,
}

/// What a trial's process or an upload does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    Started,
    NextStep,
    /// Returns 0.
    Success,
    /// Ends with this exit code.
    Exit(i32),
    /// Ends by this signal.
    Killed(i32),
    CannotStart,
    Uploaded {
        checkpoint: bool,
    },
}

/// Happenings by time; those of one instant keep the order in which they were planned.
#[derive(Debug, Default)]
pub struct Queue {
    by_time: BTreeMap<(Micros, u64), Happening>,
    last: u64,
}

impl Queue {
    pub fn push(&mut self, at: Micros, happening: Happening) {
        self.last += 1;
        self.by_time.insert((at, self.last), happening);
    }

    pub fn pop(&mut self) -> Option<(Micros, Happening)> {
        let ((at, _), happening) = self.by_time.pop_first()?;
        Some((at, happening))
    }
}
