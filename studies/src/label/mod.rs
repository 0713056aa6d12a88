//! Label requests: what people are asked, who has which sample before them, and what became of it.
//!
//! ```text
//!   project ── Requested ──► requests ──► queue ── Next ──► lease ── Submit ──► answer ──► judge
//!      │                                    ▲                 │                              │
//!      └ form, overlap, times               └── room again ◄──┘ released, over    Resolved | Conflict | more wanted
//! ```
//!
//! `request.rs` is the only file that changes the state of a request, and `table.rs` is the table of those states.

mod annotator;
mod command;
mod desk;
mod draw;
mod event;
mod form;
pub(crate) mod judge;
mod labels;
mod opinion;
mod project;
mod publication;
mod queue;
mod report;
mod request;
mod skills;
mod spec;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use self::{
    annotator::{Annotator, Channel},
    command::{Handed, LabelCommand, LabelReject, LabelReply, Submission},
    desk::Desk,
    event::{AnswerFact, Finding, LabelEvent, LeaseEnd, NewRequest, Rescore},
    form::{Form, FormKind},
    judge::Verdict,
    labels::Labels,
    opinion::{Opinion, opinion},
    project::{Batch, LabelCounts, LabelProject, ProjectState},
    publication::{LabelUse, Publication, RequestRanges},
    report::{AnnotatorReport, LabelReport, PairAgreement, Scored, report as label_report},
    request::{Answer, LabelLease, LabelRequest, Prediction, Resolution, SampleData, Skip},
    skills::Skills,
    spec::{AnswerSpec, Consensus, LabelSpec, LabelStudioSpec, Show},
    table::{LabelState, LabelStep, next_label_state},
    value::{Label, LabelBox, LabelSpan, Preference},
};
