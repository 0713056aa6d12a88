//! The life of one label request. The only file that changes its state; the table is in `table.rs`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    annotator::Channel,
    event::{AnswerFact, Finding, NewRequest, Rescore},
    spec::AnswerSpec,
    table::{LabelState, LabelStep, next_label_state},
    value::Label,
};
use crate::ids::{AnnotatorId, AnswerId, BlobId, LabelRequestId, Micros, RequestId};

/// A sample that people are asked about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelRequest {
    pub id: LabelRequestId,
    /// What the sample is called in its pool; unique in the project among what is not withdrawn.
    pub sample: Arc<str>,
    pub data: SampleData,
    pub batch: u32,
    pub created: Micros,
    /// Higher is asked first.
    pub priority: f64,
    pub prediction: Option<Prediction>,
    /// Drawn at random.
    pub control: bool,
    /// The known answer of a gold question.
    pub gold: Option<Label>,
    pub state: LabelState,
    /// How many answers it shall have.
    pub wanted: u32,
    /// When it is asked no more if nobody has answered.
    pub expires: Option<Micros>,
    pub leases: Vec<LabelLease>,
    /// In the order in which they came; at most one counts for each annotator.
    pub answers: Vec<Answer>,
    pub skips: Vec<Skip>,
    pub resolution: Option<Resolution>,
    /// Why it was withdrawn.
    pub reason: String,
}

/// Where a sample is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SampleData {
    /// JSON, one sample after the other.
    pub blob: BlobId,
    pub offset: u64,
    pub length: u32,
}

/// What a model says of a sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    pub label: Label,
    /// From 0 to 1.
    pub confidence: f64,
    /// Which model, in words.
    pub source: Arc<str>,
}

/// An annotator has the sample before them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelLease {
    pub annotator: AnnotatorId,
    pub since: Micros,
    /// As it was given; kept alive by signs of life, which are not written down.
    pub until: Micros,
    /// The prediction that they see.
    pub shown: Option<Prediction>,
}

/// What an annotator said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub id: AnswerId,
    pub annotator: AnnotatorId,
    pub at: Micros,
    pub label: Label,
    pub took_ms: u32,
    /// The prediction that they saw.
    pub shown: Option<Prediction>,
    pub channel: Channel,
    /// What another system calls it; empty: nothing.
    pub external: String,
    /// The request that made it what it is.
    pub asked_by: Option<RequestId>,
    /// What it was before, with the time of each change, oldest first.
    pub former: Vec<(Micros, Label)>,
    /// When and why it counts no more.
    pub withdrawn: Option<(Micros, String)>,
}

/// An annotator would not answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skip {
    pub annotator: AnnotatorId,
    pub at: Micros,
    pub reason: String,
}

/// The label that came of the answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resolution {
    pub label: Label,
    /// From 0 to 1.
    pub confidence: f64,
    pub at: Micros,
    /// Who decided it, where it was not the answers.
    pub by: Option<AnnotatorId>,
}

impl Answer {
    /// Whether it counts.
    pub fn counts(&self) -> bool {
        self.withdrawn.is_none()
    }
}

impl LabelRequest {
    pub(super) fn new(id: LabelRequestId, batch: u32, at: Micros, spec: &AnswerSpec, new: &NewRequest) -> LabelRequest {
        let is_gold = new.gold.is_some();
        LabelRequest {
            id,
            sample: new.sample.clone(),
            data: new.data,
            batch,
            created: at,
            priority: new.priority,
            prediction: new.prediction.clone(),
            control: new.control,
            gold: new.gold.clone(),
            state: LabelState::Open,
            // Every annotator may be tried with a gold question, at any time.
            wanted: if is_gold { u32::MAX } else { spec.min },
            expires: spec.expire.filter(|_| !is_gold).map(|time| at.saturating_add(time)),
            leases: Vec::new(),
            answers: Vec::new(),
            skips: Vec::new(),
            resolution: None,
            reason: String::new(),
        }
    }

    /// Answers that count, in the order in which they came.
    pub fn counting(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|answer| answer.counts())
    }

    pub fn lease_of(&self, annotator: AnnotatorId) -> Option<&LabelLease> {
        self.leases.iter().find(|lease| lease.annotator == annotator)
    }

    /// The answer of an annotator that counts.
    pub fn answer_of(&self, annotator: AnnotatorId) -> Option<&Answer> {
        self.counting().find(|answer| answer.annotator == annotator)
    }

    /// Whether an annotator has had to do with it: has it, answered it or would not.
    pub fn knows(&self, annotator: AnnotatorId) -> bool {
        let skipped = self.skips.iter().any(|skip| skip.annotator == annotator);
        skipped || self.lease_of(annotator).is_some() || self.answer_of(annotator).is_some()
    }

    /// Whether another annotator can be asked: answers and leases together are fewer than what is wanted.
    pub fn has_room(&self) -> bool {
        self.state.is_open() && self.gold.is_none() && self.counting().count() + self.leases.len() < self.wanted as usize
    }

    pub(super) fn lease(&mut self, annotator: AnnotatorId, since: Micros, until: Micros, shown: bool) {
        self.step(LabelStep::Lease);
        let shown = self.prediction.clone().filter(|_| shown);
        self.leases.push(LabelLease { annotator, since, until, shown });
    }

    pub(super) fn end_lease(&mut self, annotator: AnnotatorId) {
        if self.take_lease(annotator) {
            self.step(self.leave());
        }
    }

    pub(super) fn answer(&mut self, fact: &AnswerFact) {
        let had_lease = self.take_lease(fact.annotator);
        self.answers.push(Answer {
            id: fact.answer,
            annotator: fact.annotator,
            at: fact.at,
            label: fact.label.clone(),
            took_ms: fact.took_ms,
            shown: fact.shown.clone(),
            channel: fact.channel,
            external: fact.external.clone(),
            asked_by: fact.asked_by,
            former: Vec::new(),
            withdrawn: None,
        });
        let leases = self.leases.len() as u32;
        self.step(if had_lease && self.state == LabelState::Leased { self.leave() } else { LabelStep::Answer { leases } });
    }

    pub(super) fn revise(&mut self, id: AnswerId, at: Micros, label: &Label, took_ms: u32, asked_by: Option<RequestId>) {
        let Some(answer) = self.answers.iter_mut().find(|answer| answer.id == id) else { return };
        let former = std::mem::replace(&mut answer.label, label.clone());
        answer.former.push((at, former));
        (answer.took_ms, answer.asked_by) = (took_ms, asked_by);
        let annotator = answer.annotator;
        if self.take_lease(annotator) {
            self.step(self.leave());
        }
    }

    pub(super) fn withdraw_answer(&mut self, id: AnswerId, at: Micros, reason: &str) {
        let Some(answer) = self.answers.iter_mut().find(|answer| answer.id == id) else { return };
        answer.withdrawn = Some((at, reason.to_owned()));
        if self.state.is_open() {
            self.step(self.leave());
        }
    }

    pub(super) fn skip(&mut self, annotator: AnnotatorId, at: Micros, reason: &str) {
        self.skips.push(Skip { annotator, at, reason: reason.to_owned() });
        self.end_lease(annotator);
    }

    pub(super) fn find(&mut self, at: Micros, finding: &Finding) {
        let (leases, answers) = (self.leases.len() as u32, self.counting().count() as u32);
        match finding {
            Finding::Resolved { label, confidence, by } => {
                self.step(LabelStep::Resolve);
                self.resolution = Some(Resolution { label: label.clone(), confidence: *confidence, at, by: *by });
            }
            Finding::Conflict => {
                self.step(LabelStep::Conflict);
                self.resolution = None;
            }
            Finding::More { wanted } => {
                self.wanted = *wanted;
                self.resolution = None;
                if !self.state.is_open() {
                    self.step(LabelStep::Reopen { leases, answers });
                }
            }
            Finding::Skipped => self.step(LabelStep::Skip),
            Finding::Withdrawn { reason } => {
                self.step(LabelStep::Withdraw);
                self.reason.clone_from(reason);
                self.resolution = None;
            }
            Finding::Expired => self.step(LabelStep::Expire),
        }
    }

    pub(super) fn rescore(&mut self, score: &Rescore) {
        self.priority = score.priority;
        if score.prediction.is_some() {
            self.prediction.clone_from(&score.prediction);
        }
    }

    fn take_lease(&mut self, annotator: AnnotatorId) -> bool {
        let before = self.leases.len();
        self.leases.retain(|lease| lease.annotator != annotator);
        self.leases.len() < before
    }

    fn leave(&self) -> LabelStep {
        LabelStep::Leave { leases: self.leases.len() as u32, answers: self.counting().count() as u32 }
    }

    fn step(&mut self, step: LabelStep) {
        let next = next_label_state(self.state, step);
        debug_assert!(next.is_some(), "label request {}: {step:?} in {:?}", self.id, self.state);
        self.state = next.unwrap_or(self.state);
    }
}
