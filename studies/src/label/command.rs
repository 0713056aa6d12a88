//! What can be asked of the core about labels, and what it answers.

use std::sync::Arc;

use super::{
    annotator::Channel,
    event::{NewRequest, Rescore},
    project::ProjectState,
    request::{Prediction, SampleData},
    skills::Skills,
    spec::LabelSpec,
    table::LabelState,
    value::Label,
};
use crate::ids::{AnnotatorId, AnswerId, BlobId, LabelProjectId, LabelRequestId, Micros, RequestId};

/// A wish about labels. The core may refuse it.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelCommand {
    CreateProject {
        spec: Arc<LabelSpec>,
        text: String,
        request: Option<RequestId>,
    },
    /// Replaces the spec; refused by key where it may not change.
    ChangeProject {
        project: LabelProjectId,
        spec: Arc<LabelSpec>,
        text: String,
    },
    MoveProject {
        project: LabelProjectId,
        to: ProjectState,
    },
    RemoveProject {
        project: LabelProjectId,
        force: bool,
    },
    /// Finds an annotator by name, or makes one.
    Join {
        name: String,
        channel: Channel,
    },
    /// Wants labels. Samples that the project asks for already keep their request.
    Ask {
        project: LabelProjectId,
        source: String,
        blob: BlobId,
        files: Vec<BlobId>,
        samples: Vec<NewRequest>,
        request: Option<RequestId>,
    },
    /// A newer model's view of open requests; others are passed over.
    Rescore {
        project: LabelProjectId,
        source: String,
        scores: Vec<Rescore>,
    },
    /// How good annotators are, and which requests come out differently by that.
    Weigh {
        project: LabelProjectId,
        skills: Arc<Skills>,
        requests: Vec<LabelRequestId>,
    },
    /// An annotator wants a sample. What they have already and do not name in `holding` is handed to them again.
    Next {
        project: LabelProjectId,
        annotator: AnnotatorId,
        holding: Vec<LabelRequestId>,
    },
    /// An annotator wants this very sample.
    Take {
        request: LabelRequestId,
        annotator: AnnotatorId,
    },
    /// The annotator is there still.
    Renew {
        annotator: AnnotatorId,
        requests: Vec<LabelRequestId>,
    },
    Release {
        request: LabelRequestId,
        annotator: AnnotatorId,
    },
    /// An answer, or another one in place of the annotator's former.
    Submit(Box<Submission>),
    Skip {
        request: LabelRequestId,
        annotator: AnnotatorId,
        reason: String,
    },
    /// Takes an answer back and puts the sample before the annotator again.
    Undo {
        request: LabelRequestId,
        annotator: AnnotatorId,
    },
    WithdrawAnswer {
        request: LabelRequestId,
        answer: AnswerId,
        reason: String,
    },
    /// Somebody decides what the label is.
    Resolve {
        request: LabelRequestId,
        label: Label,
        by: AnnotatorId,
    },
    Withdraw {
        request: LabelRequestId,
        reason: String,
    },
    /// Wants one more answer than there are.
    Reopen {
        request: LabelRequestId,
    },
}

/// An answer on its way in.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    pub request: LabelRequestId,
    pub annotator: AnnotatorId,
    pub label: Label,
    pub took_ms: u32,
    pub channel: Channel,
    /// What another system calls it; empty: nothing.
    pub external: String,
    /// Which prediction was seen, where the annotator had no lease.
    pub shown: Option<Prediction>,
    /// Sent again it has the same answer.
    pub asked_by: Option<RequestId>,
}

/// A sample that an annotator was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Handed {
    pub project: LabelProjectId,
    pub request: LabelRequestId,
    pub sample: Arc<str>,
    pub data: SampleData,
    pub until: Micros,
    /// What the annotator may see of the model's view.
    pub shown: Option<Prediction>,
}

/// The answer to a command about labels.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelReply {
    Done,
    Project(LabelProjectId),
    Annotator(AnnotatorId),
    /// A batch, 0 if nothing is new: how many are new, and how many were asked for already.
    Asked {
        batch: u32,
        new: u32,
        known: u32,
    },
    Rescored {
        changed: u32,
    },
    Handed(Handed),
    /// Nothing to do for this annotator now, and why.
    Nothing {
        reason: String,
    },
    /// Requests that the annotator has no more.
    Over(Vec<LabelRequestId>),
    Answered {
        answer: AnswerId,
        state: LabelState,
    },
}

/// Why a command about labels was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LabelReject {
    #[error("there is no label project {0}")]
    NoSuchProject(LabelProjectId),
    #[error("there is no label request {0}")]
    NoSuchRequest(LabelRequestId),
    #[error("there is no annotator {0}")]
    NoSuchAnnotator(AnnotatorId),
    #[error("label request {request} has no answer {answer}")]
    NoSuchAnswer { request: LabelRequestId, answer: AnswerId },
    #[error("a label project `{0}` exists already")]
    ProjectExists(String),
    #[error("label request {request} is {state}: {action} is not possible")]
    WrongState { request: LabelRequestId, state: &'static str, action: &'static str },
    #[error("label request {request} is before another annotator, or has all its answers")]
    Taken { request: LabelRequestId },
    #[error("{}", .0.join("\n"))]
    NotChangeable(Vec<String>),
    #[error("label project `{0}` is closed")]
    Closed(String),
    #[error("the label project has {answers} answers; they would be lost")]
    HasAnswers { answers: u64 },
    #[error("an annotator's name is a text of 1 to 100 characters on one line")]
    BadName,
    #[error("the label does not fit the form of the project")]
    BadLabel,
    #[error("sample `{sample}`: {why}")]
    BadSample { sample: String, why: &'static str },
}
