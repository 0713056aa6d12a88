//! What follows from the answers to a request: a label, another question, or a conflict.

use super::{
    event::Finding, opinion::opinion, request::LabelRequest, skills::Skills, spec::LabelSpec, table::LabelState, value::Label,
};

/// What follows from the answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// They agree enough.
    Resolve { label: Label, confidence: f64 },
    /// Another answer is wanted: so many in all.
    More { wanted: u32 },
    /// They do not agree, and there are as many as there may be.
    Conflict,
}

/// Judges the answers of a request that count: enough for a label, or, once no more may be asked, more likely than not.
pub fn judge(spec: &LabelSpec, skills: Option<&Skills>, request: &LabelRequest) -> Verdict {
    let answers = &spec.answers;
    let given = request.counting().count() as u32;
    if given < answers.min {
        return Verdict::More { wanted: answers.min };
    }
    let found = opinion(spec, skills, request);
    let (confidence, is_last) = (found.confidence, given >= answers.max);
    match found.label {
        Some(label) if confidence >= answers.until || is_last && confidence > 0.5 => Verdict::Resolve { label, confidence },
        Some(_) | None if !is_last => Verdict::More { wanted: given + 1 },
        Some(_) | None => Verdict::Conflict,
    }
}

/// What is found of a request once its answers have changed, where it is another finding than before.
pub(crate) fn found(spec: &LabelSpec, skills: Option<&Skills>, request: &LabelRequest) -> Option<Finding> {
    if !is_judged(request) {
        return None;
    }
    match judge(spec, skills, request) {
        Verdict::Resolve { label, confidence } => {
            let same = request.resolution.as_ref().is_some_and(|known| known.label == label && known.confidence == confidence);
            (!same).then_some(Finding::Resolved { label, confidence, by: None })
        }
        Verdict::Conflict => (request.state != LabelState::Conflict).then_some(Finding::Conflict),
        Verdict::More { wanted } => (request.wanted != wanted || !request.state.is_open()).then_some(Finding::More { wanted }),
    }
}

/// What is found of a request once its annotators are weighed anew. A label that it has may become another one; but nobody
/// is asked again because a probability has moved.
pub(crate) fn reconsidered(spec: &LabelSpec, skills: &Skills, request: &LabelRequest) -> Option<Finding> {
    request.counting().next()?;
    let found = found(spec, Some(skills), request)?;
    match (&found, &request.resolution) {
        (Finding::Resolved { label, .. }, Some(known)) => (*label != known.label).then_some(found),
        (_, Some(_)) => None,
        (_, None) => matches!(request.state, LabelState::Leased | LabelState::Answered | LabelState::Conflict).then_some(found),
    }
}

/// Gold questions have their answer, and what somebody decided stands until they say otherwise.
fn is_judged(request: &LabelRequest) -> bool {
    let is_decided = request.resolution.as_ref().is_some_and(|resolution| resolution.by.is_some());
    request.gold.is_none() && request.state != LabelState::Withdrawn && !is_decided
}
