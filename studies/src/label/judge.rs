//! What the answers to a request amount to.

use super::{request::LabelRequest, spec::AnswerSpec, value::Label};

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

/// Judges the answers of a request that count: the one that most gave, when enough gave it.
pub fn judge(spec: &AnswerSpec, request: &LabelRequest) -> Verdict {
    let labels: Vec<&Label> = request.counting().map(|answer| &answer.label).collect();
    let given = labels.len() as u32;
    if given < spec.min {
        return Verdict::More { wanted: spec.min };
    }
    let Some((label, votes)) = most_frequent(&labels) else { return Verdict::More { wanted: spec.min } };
    let share = f64::from(votes) / f64::from(given);
    if share >= spec.until {
        return Verdict::Resolve { label: label.clone(), confidence: share };
    }
    if given < spec.max {
        return Verdict::More { wanted: given + 1 };
    }
    if 2 * votes > given { Verdict::Resolve { label: label.clone(), confidence: share } } else { Verdict::Conflict }
}

/// The label that was given most often, the earlier one of two, with how often.
fn most_frequent<'a>(labels: &[&'a Label]) -> Option<(&'a Label, u32)> {
    let mut found: Vec<(&Label, u32)> = Vec::new();
    for label in labels {
        match found.iter_mut().find(|(known, _)| known == label) {
            Some((_, votes)) => *votes += 1,
            None => found.push((label, 1)),
        }
    }
    let most = found.iter().map(|(_, votes)| *votes).max()?;
    found.into_iter().find(|(_, votes)| *votes == most)
}
