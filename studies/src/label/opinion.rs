//! What the answers to one request amount to, whatever is asked for.
//!
//! | Form | Label | How sure |
//! |---|---|---|
//! | classes, pairwise | what most have given | their share |
//! | classes, `dawid-skene` | the most probable class | its probability |
//! | multi | classes that more than half have given | the smallest majority of all classes |
//! | boxes, spans | those that more than half have drawn, in the middle of theirs | mean F1 of every two annotators |
//! | number | the median | share of numbers near it |

use hone_consensus::{
    labels::{
        numbers::{self, Tolerance},
        regions::{self, Cluster, LeastIou, Rect, Region, Span},
        sets,
    },
    vote::Standing,
};

use super::{
    form::{Form, FormKind},
    request::LabelRequest,
    skills::Skills,
    spec::{AnswerSpec, Consensus, LabelSpec},
    value::{Label, LabelBox, LabelSpan},
};

/// What the answers say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Opinion {
    /// `None`: they are tied.
    pub label: Option<Label>,
    /// From 0 to 1.
    pub confidence: f64,
}

impl Opinion {
    const TIED: Opinion = Opinion { label: None, confidence: 0.0 };
}

/// Weighs the answers of a request that count.
pub fn opinion(spec: &LabelSpec, skills: Option<&Skills>, request: &LabelRequest) -> Opinion {
    if spec.answers.consensus == Consensus::DawidSkene {
        return weighed(&spec.form, skills, request);
    }
    let labels: Vec<&Label> = request.counting().map(|answer| &answer.label).collect();
    match labels.split_first() {
        None => Opinion::TIED,
        // As they gave it, to the last digit.
        Some((first, others)) if others.iter().all(|other| other == first) => {
            Opinion { label: Some((*first).clone()), confidence: 1.0 }
        }
        Some(_) => of_different(&spec.form, &spec.answers, &labels),
    }
}

fn weighed(form: &Form, skills: Option<&Skills>, request: &LabelRequest) -> Opinion {
    let fitting = skills.filter(|skills| skills.classes() == form.classes.len());
    let probabilities = match fitting {
        Some(skills) => skills.posterior(request),
        None => Skills::newcomers(form.classes.len()).posterior(request),
    };
    match Standing::of(&probabilities) {
        Standing::Won { class, .. } => Opinion { label: Some(Label::Class(class)), confidence: probabilities[class as usize] },
        Standing::Tied { .. } | Standing::Empty => Opinion::TIED,
    }
}

fn of_different(form: &Form, spec: &AnswerSpec, labels: &[&Label]) -> Opinion {
    match form.kind {
        FormKind::Classes => voted(form.classes.len(), labels, |label| match label {
            Label::Class(class) => Some(*class),
            _ => None,
        }),
        FormKind::Pairwise => voted(3, labels, |label| match label {
            Label::Pair(preference) => Some(*preference as u32),
            _ => None,
        }),
        FormKind::Multi => of_sets(form, labels),
        FormKind::Boxes => of_boxes(spec, labels),
        FormKind::Spans => of_spans(spec, labels),
        FormKind::Number => of_numbers(spec, labels),
    }
}

/// One vote for each answer; classes are numbered below `classes`.
fn voted(classes: usize, labels: &[&Label], class: impl Fn(&Label) -> Option<u32>) -> Opinion {
    let mut votes = vec![0.0; classes];
    for vote in labels.iter().filter_map(|label| class(label)) {
        votes[vote as usize] += 1.0;
    }
    let label_of = |winner: u32| labels.iter().find(|label| class(label) == Some(winner)).map(|label| (*label).clone());
    match Standing::of(&votes) {
        Standing::Won { class, share } => Opinion { label: label_of(class), confidence: share },
        Standing::Tied { .. } | Standing::Empty => Opinion::TIED,
    }
}

fn of_sets(form: &Form, labels: &[&Label]) -> Opinion {
    let given = labels.iter().filter_map(|label| match label {
        Label::Classes(classes) => Some(classes.as_slice()),
        _ => None,
    });
    match sets::vote(&given.collect::<Vec<_>>(), form.classes.len() as u32) {
        Ok(Some(vote)) if vote.tied.is_empty() => {
            Opinion { label: Some(Label::Classes(vote.chosen)), confidence: vote.agreement }
        }
        Ok(_) | Err(_) => Opinion::TIED,
    }
}

fn of_numbers(spec: &AnswerSpec, labels: &[&Label]) -> Opinion {
    let given = labels.iter().filter_map(|label| match label {
        Label::Number(number) => Some(*number),
        _ => None,
    });
    match numbers::vote(&given.collect::<Vec<_>>(), Tolerance::Absolute(spec.tolerance)) {
        Ok(Some(vote)) => Opinion { label: Some(Label::Number(vote.median)), confidence: vote.agreement },
        Ok(None) | Err(_) => Opinion::TIED,
    }
}

fn of_boxes(spec: &AnswerSpec, labels: &[&Label]) -> Opinion {
    of_regions(spec, rects_of(labels), |agreed| Label::boxes(agreed.into_iter().map(label_box).collect()))
}

fn of_spans(spec: &AnswerSpec, labels: &[&Label]) -> Opinion {
    let back = |span: Span| LabelSpan { start: span.start, end: span.end, class: span.class };
    of_regions(spec, spans_of(labels), |agreed| Label::spans(agreed.into_iter().map(back).collect()))
}

/// The boxes of each label; `None`: a label has none, or one without an area.
pub(super) fn rects_of(labels: &[&Label]) -> Option<Vec<Vec<Rect>>> {
    let rects = |label: &&Label| match label {
        Label::Boxes(boxes) => boxes.iter().map(rect).collect(),
        _ => None,
    };
    labels.iter().map(rects).collect()
}

/// The spans of each label, likewise.
pub(super) fn spans_of(labels: &[&Label]) -> Option<Vec<Vec<Span>>> {
    let spans = |label: &&Label| match label {
        Label::Spans(spans) => spans.iter().map(|span| Span::new(span.start, span.end, span.class).ok()).collect(),
        _ => None,
    };
    labels.iter().map(spans).collect()
}

fn of_regions<R: Region>(spec: &AnswerSpec, given: Option<Vec<Vec<R>>>, label: impl Fn(Vec<R>) -> Label) -> Opinion {
    let (Some(given), Ok(least)) = (given, LeastIou::new(spec.iou)) else { return Opinion::TIED };
    let clusters = regions::consensus(&given, least);
    // What exactly half have drawn, or with as many classes as annotators, is nobody's opinion.
    let is_open = |cluster: &Cluster<R>| {
        2 * cluster.votes == cluster.annotators || 2 * cluster.votes > cluster.annotators && !cluster.is_agreed()
    };
    if clusters.iter().any(is_open) {
        return Opinion::TIED;
    }
    let agreed = clusters.iter().filter(|cluster| cluster.is_agreed()).map(|cluster| cluster.region).collect();
    let confidence = regions::mean_agreement(&given, least).map_or(1.0, |agreement| agreement.f1);
    Opinion { label: Some(label(agreed)), confidence }
}

fn rect(one: &LabelBox) -> Option<Rect> {
    Rect::new(one.x, one.y, one.x + one.width, one.y + one.height, one.class).ok()
}

fn label_box(rect: Rect) -> LabelBox {
    let (width, height) = (rect.right - rect.left, rect.bottom - rect.top);
    LabelBox { class: rect.class, x: rect.left, y: rect.top, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::{form::Form, value::Preference};

    const A: LabelBox = LabelBox { class: 0, x: 0.1, y: 0.1, width: 0.2, height: 0.2 };

    fn form(kind: FormKind) -> Form {
        Form { kind, classes: vec!["cat".to_owned(), "dog".to_owned(), "cow".to_owned()], range: (None, None) }
    }

    fn of(kind: FormKind, spec: AnswerSpec, labels: &[Label]) -> Opinion {
        of_different(&form(kind), &spec, &labels.iter().collect::<Vec<_>>())
    }

    fn agreed(label: Label, confidence: f64) -> Opinion {
        Opinion { label: Some(label), confidence }
    }

    #[test]
    fn most_votes_win_and_a_tie_decides_nothing() {
        let of = |classes: &[u32]| {
            of(FormKind::Classes, AnswerSpec::default(), &classes.iter().map(|class| Label::Class(*class)).collect::<Vec<_>>())
        };
        assert_eq!(of(&[1, 0, 1, 2]), agreed(Label::Class(1), 0.5));
        assert_eq!(of(&[1, 0, 1, 0]), Opinion::TIED);
        let pairs = [Preference::Tie, Preference::B, Preference::Tie].map(Label::Pair);
        let found = super::of_different(&form(FormKind::Pairwise), &AnswerSpec::default(), &pairs.iter().collect::<Vec<_>>());
        assert_eq!(found, agreed(Label::Pair(Preference::Tie), 2.0 / 3.0));
    }

    #[test]
    fn each_class_of_a_set_is_voted_on() {
        let of = |sets: &[&[u32]]| {
            let labels: Vec<Label> = sets.iter().map(|set| Label::Classes(set.to_vec())).collect();
            of(FormKind::Multi, AnswerSpec::default(), &labels)
        };
        assert_eq!(of(&[&[0, 1], &[0], &[0, 1, 2]]), agreed(Label::Classes(vec![0, 1]), 2.0 / 3.0));
        assert_eq!(of(&[&[0], &[0, 1]]), Opinion::TIED);
    }

    #[test]
    fn boxes_are_joined_in_their_middle() {
        let at = |x: f64| LabelBox { x, ..A };
        let stray = LabelBox { x: 0.7, ..A };
        let labels = [Label::Boxes(vec![at(0.1)]), Label::Boxes(vec![at(0.12)]), Label::Boxes(vec![at(0.11), stray])];
        let found = of(FormKind::Boxes, AnswerSpec::default(), &labels);
        let Some(Label::Boxes(boxes)) = found.label else { panic!("{found:?}") };
        assert_eq!((boxes.len(), boxes[0].x), (1, 0.11));
        assert!((found.confidence - (1.0 + 2.0 / 3.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12, "{}", found.confidence);
        // One of two has drawn it: nobody knows.
        assert_eq!(of(FormKind::Boxes, AnswerSpec::default(), &labels[1..]), Opinion::TIED);
    }

    #[test]
    fn two_who_call_the_same_box_differently_do_not_agree() {
        let labels = [Label::Boxes(vec![A]), Label::Boxes(vec![LabelBox { class: 1, ..A }])];
        assert_eq!(of(FormKind::Boxes, AnswerSpec::default(), &labels), Opinion::TIED);
    }

    #[test]
    fn spans_overlap_as_far_as_the_project_says() {
        let span = |start, end| Label::Spans(vec![LabelSpan { start, end, class: 2 }]);
        let labels = [span(0, 10), span(0, 9), span(1, 10)];
        let found = of(FormKind::Spans, AnswerSpec::default(), &labels);
        assert_eq!(found, agreed(span(0, 10), 1.0));
        let strict = AnswerSpec { iou: 0.95, ..AnswerSpec::default() };
        assert_eq!(of(FormKind::Spans, strict, &labels), agreed(Label::Spans(Vec::new()), 0.0));
    }

    #[test]
    fn numbers_agree_within_the_tolerance() {
        let labels = [Label::Number(10.0), Label::Number(10.5), Label::Number(12.0)];
        let spec = AnswerSpec { tolerance: 0.5, ..AnswerSpec::default() };
        assert_eq!(of(FormKind::Number, spec, &labels), agreed(Label::Number(10.5), 2.0 / 3.0));
        assert_eq!(of(FormKind::Number, AnswerSpec::default(), &labels), agreed(Label::Number(10.5), 1.0 / 3.0));
    }
}
