//! How good annotators are, estimated from all answers of a project, and what one request's answers are worth by that.
//!
//! Nothing here changes anything: an estimate becomes part of the state by `LabelCommand::Weigh`.

use std::collections::BTreeMap;

use hone_consensus::{
    Answer, Answers, ConsensusError, Gold,
    dawid_skene::{DawidSkene, Parameters, Skill, Smoothing},
};
use serde::{Deserialize, Serialize};

use super::{
    judge::reconsidered,
    project::{LabelProject, ProjectState},
    request::LabelRequest,
    spec::Consensus,
    value::Label,
};
use crate::ids::{AnnotatorId, LabelRequestId};

/// Answers that nobody gave, of each annotator: of five, four are right. So who is unknown, and who has answered nothing
/// that tells anything, is taken to be right in eight of ten cases.
const SMOOTHING: Smoothing = Smoothing { class: 1.0, agree: 4.0, differ: 1.0 };
/// So many answers at least before a new estimate is worth it.
const LEAST_NEW: u64 = 10;
/// A new estimate is worth it when there is so much new: one part of so many.
const NEW_PART: u64 = 10;

/// An estimate of how good annotators are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Skills {
    /// Whom the parameters are about, ascending.
    annotators: Vec<AnnotatorId>,
    parameters: Parameters,
    /// [`LabelProject::said`] when it was made.
    pub said: u64,
}

impl Skills {
    /// What is known of nobody.
    pub(crate) fn newcomers(classes: usize) -> Skills {
        let prior = vec![1.0 / classes.max(2) as f64; classes.max(2)];
        let accuracy = SMOOTHING.agree / (SMOOTHING.agree + SMOOTHING.differ);
        let parameters = Parameters::new(prior, Vec::new(), Skill::OneCoin(accuracy)).expect("a uniform prior and one coin");
        Skills { annotators: Vec::new(), parameters, said: 0 }
    }

    /// Estimates from the answers of a project, gold questions among them.
    ///
    /// # Errors
    /// More annotators and classes than an estimate can hold.
    pub fn estimate(project: &LabelProject) -> Result<Skills, ConsensusError> {
        let mut annotators: Vec<AnnotatorId> =
            project.requests().flat_map(|request| request.counting().map(|answer| answer.annotator)).collect();
        annotators.sort_unstable();
        annotators.dedup();
        let (mut list, mut gold, mut items) = (Vec::new(), Vec::new(), 0);
        for request in project.requests().filter(|request| request.counting().next().is_some()) {
            let answers = classes_of(request);
            list.extend(answers.map(|(who, class)| Answer { item: items, annotator: position(&annotators, who, 0), class }));
            if let Some(Label::Class(class)) = request.gold {
                gold.push(Gold { item: items, class });
            }
            items += 1;
        }
        let classes = project.spec.form.classes.len() as u32;
        let answers = Answers::new(items, annotators.len() as u32, classes, list)?;
        let parameters = estimator().fit(&answers, &gold)?.parameters();
        Ok(Skills { annotators, parameters, said: project.said })
    }

    /// How many classes it is about.
    pub fn classes(&self) -> usize {
        self.parameters.classes() as usize
    }

    /// What is known of each annotator who was among those that it was made of.
    pub fn known(&self) -> BTreeMap<AnnotatorId, &Skill> {
        (0..).zip(&self.annotators).map(|(at, annotator)| (*annotator, self.parameters.skill(at))).collect()
    }

    /// Every one of its annotators, for a check that they exist.
    pub(crate) fn annotators(&self) -> &[AnnotatorId] {
        &self.annotators
    }

    /// Requests that come out differently by this estimate than they have.
    pub fn changes(&self, project: &LabelProject) -> Vec<LabelRequestId> {
        let changed = project.requests().filter(|request| reconsidered(&project.spec, self, request).is_some());
        changed.map(|request| request.id).collect()
    }

    /// The probability of each class by a request's answers.
    pub(crate) fn posterior(&self, request: &LabelRequest) -> Vec<f64> {
        let answers = classes_of(request).zip(0..);
        let answers: Vec<(u32, u32)> = answers.map(|((who, class), at)| (position(&self.annotators, who, at), class)).collect();
        self.parameters.posterior(&answers).unwrap_or_else(|_| self.parameters.prior().to_vec())
    }
}

/// How annotators are estimated, wherever that is done.
pub(super) fn estimator() -> DawidSkene {
    DawidSkene { smoothing: SMOOTHING, ..DawidSkene::default() }
}

/// The classes that a request's annotators gave.
fn classes_of(request: &LabelRequest) -> impl Iterator<Item = (AnnotatorId, u32)> {
    request.counting().filter_map(|answer| match answer.label {
        Label::Class(class) => Some((answer.annotator, class)),
        _ => None,
    })
}

/// Where an annotator stands; who was not among those estimated, the `at`-th of a request, in a place beyond them.
fn position(annotators: &[AnnotatorId], who: AnnotatorId, at: u32) -> u32 {
    annotators.binary_search(&who).map_or(annotators.len() as u32 + at, |place| place as u32)
}

impl LabelProject {
    /// Whether annotators have said something since the last estimate, where answers are weighed by that.
    pub fn has_news(&self) -> bool {
        self.spec.answers.consensus == Consensus::DawidSkene && self.state != ProjectState::Closed && self.news() > 0
    }

    /// Whether a new estimate of its annotators is worth its time now: a tenth of what was said is new. What is less than
    /// that can wait until they pause.
    pub fn wants_weighing(&self) -> bool {
        let known = self.said - self.news();
        self.has_news() && self.news() >= LEAST_NEW.max(known / NEW_PART)
    }

    /// How much was said since the last estimate.
    fn news(&self) -> u64 {
        let known = self.skills.as_ref().map_or(0, |skills| skills.said);
        self.said.saturating_sub(known)
    }
}
