//! Everything that can have happened to label requests.

use std::sync::Arc;

use serde::Serialize;

use super::{
    annotator::Channel,
    project::ProjectState,
    publication::RequestRanges,
    request::{Prediction, SampleData},
    skills::Skills,
    spec::LabelSpec,
    value::Label,
};
use crate::{
    dataset::VersionRef,
    ids::{AnnotatorId, AnswerId, BlobId, LabelProjectId, LabelRequestId, Micros, RequestId},
};

/// One fact. Never changed once it is in the journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum LabelEvent {
    /// A user created a project.
    ProjectCreated { project: LabelProjectId, at: Micros, spec: Arc<LabelSpec>, text: String, asked_by: Option<RequestId> },
    /// A user changed what may change.
    ProjectChanged { project: LabelProjectId, at: Micros, spec: Arc<LabelSpec>, text: String },
    /// A user paused, opened or closed it.
    ProjectMoved { project: LabelProjectId, at: Micros, to: ProjectState, reason: String },
    /// A user removed it with everything that was asked and answered.
    ProjectRemoved { project: LabelProjectId, at: Micros },
    /// Somebody answers for the first time.
    AnnotatorJoined { annotator: AnnotatorId, at: Micros, name: String, channel: Channel },
    /// Labels are wanted for samples; their ids count up from `first`. The blob holds what annotators see of them.
    Requested {
        project: LabelProjectId,
        at: Micros,
        batch: u32,
        first: LabelRequestId,
        source: String,
        blob: BlobId,
        /// Images and the like that the samples name.
        files: Vec<BlobId>,
        requests: Vec<NewRequest>,
        asked_by: Option<RequestId>,
    },
    /// A newer model says how urgent requests are.
    Rescored { project: LabelProjectId, at: Micros, source: String, scores: Vec<Rescore> },
    /// How good annotators are was estimated anew.
    Weighed { project: LabelProjectId, at: Micros, skills: Arc<Skills> },
    /// Labels of a project became a version of a dataset.
    Published { project: LabelProjectId, at: Micros, of: VersionRef, requests: RequestRanges },
    /// An annotator has a sample before them, with the model's prediction where `shown`.
    Leased { request: LabelRequestId, annotator: AnnotatorId, at: Micros, until: Micros, shown: bool },
    /// They have it no more, without having answered.
    LeaseEnded { request: LabelRequestId, annotator: AnnotatorId, at: Micros, why: LeaseEnd },
    /// An annotator answered.
    Answered(Box<AnswerFact>),
    /// An annotator changed an answer.
    Revised { request: LabelRequestId, answer: AnswerId, at: Micros, label: Label, took_ms: u32, asked_by: Option<RequestId> },
    /// An answer counts no more.
    AnswerWithdrawn { request: LabelRequestId, answer: AnswerId, at: Micros, reason: String },
    /// An annotator would not answer.
    Skipped { request: LabelRequestId, annotator: AnnotatorId, at: Micros, reason: String },
    /// What follows from the answers, from time, or from a user's word.
    Found { request: LabelRequestId, at: Micros, finding: Finding },
}

/// A sample that shall be labelled.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewRequest {
    pub sample: Arc<str>,
    pub data: SampleData,
    /// Higher is asked first.
    pub priority: f64,
    pub prediction: Option<Prediction>,
    /// Drawn at random, not because a model is unsure: the yardstick for what asking the unsure ones saves.
    pub control: bool,
    /// The answer is known: a gold question.
    pub gold: Option<Label>,
}

/// A new priority of an open request, and the newer model's prediction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rescore {
    pub request: LabelRequestId,
    pub priority: f64,
    pub prediction: Option<Prediction>,
}

/// An answer with where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerFact {
    pub request: LabelRequestId,
    pub answer: AnswerId,
    pub annotator: AnnotatorId,
    pub at: Micros,
    pub label: Label,
    /// How long they looked at it.
    pub took_ms: u32,
    /// The prediction that they saw.
    pub shown: Option<Prediction>,
    pub channel: Channel,
    /// What another system calls it; empty: nothing.
    pub external: String,
    pub asked_by: Option<RequestId>,
}

/// Why a lease of an annotator is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum LeaseEnd {
    /// Nothing was heard for the lease time.
    Silent,
    /// They gave it back.
    Released,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Finding {
    /// Its label, and how sure it is (0 to 1); `by`: somebody decided it.
    Resolved {
        label: Label,
        confidence: f64,
        by: Option<AnnotatorId>,
    },
    /// The answers do not agree, and it gets no more.
    Conflict,
    /// So many answers are wanted.
    More {
        wanted: u32,
    },
    /// Too many would not answer.
    Skipped,
    Withdrawn {
        reason: String,
    },
    Expired,
}
