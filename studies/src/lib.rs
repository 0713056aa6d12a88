//! The pure core of Hone: studies, trials, attempts, leases, budgets.
//!
//! Knows no clock, network, file, thread or global randomness. A [`Core`] takes a [`Command`] and the instant and
//! answers with [`Event`]s, which are applied already and must become durable, and [`Effect`]s, which must wait
//! until they are.

mod ahead;
mod best;
mod command;
mod constraint;
mod core;
mod curve;
pub mod dataset;
mod decide;
mod event;
pub mod explain;
pub mod file;
mod finished;
mod ids;
pub mod invariants;
pub mod label;
mod owners;
mod roster;
mod settle;
mod space;
mod spec;
mod state;
mod stop;
mod study;
mod trial;
mod warm_start;
mod worker;

#[cfg(feature = "planted-bugs")]
pub use crate::core::Planted;
pub use crate::{
    best::{best_trials, front},
    command::{
        Ask, Asked, AskedParameter, Assignment, AttemptRecord, Begin, By, Cause, Command, Effect, Fact, HeldAttempt, HeldTrial,
        Hold, Now, Proposal, Reject, Reply, Template, Timings, Write,
    },
    core::{Core, Outcome},
    curve::{Curve, MAX_POINTS},
    event::{
        AttemptFiles, Capacity, Driver, End, Event, Failure, FileRef, Gpu, GpuShare, ImportedTrial, Next, Origin, Owner, Point,
        Scope, Served, StudyState, WorkerProfile, WorkerState,
    },
    finished::{BLOCK_ROWS, Detail, Finished, FinishedTrial, SEGMENT_ROWS, Segment},
    ids::{
        AnnotatorId, AnswerId, BlobId, DatasetId, LabelProjectId, LabelRequestId, Micros, RequestId, SECOND, StudyId, TaskId,
        WorkerId,
    },
    roster::{Free, Roster, Session},
    spec::{
        Constraint, Keep, KeepOutputs, MetricsFiles, MetricsFormat, Objective, Resources, Search, Source, StopSpec, StudySpec,
        Summary, TrialSpec,
    },
    state::{State, kept_outputs},
    study::{Counts, Overlay, Study},
    trial::{Attempt, Attributes, Checkpoint, Distributions, StateKind, Step, Trial, TrialState, Verdict, next_state},
    warm_start::{WarmStart, WarmStartProblem, take_warm_start},
    worker::Worker,
};
