//! What is to be done: pure functions of what is here and what is there.
//!
//! Both directions compare states, never events: an answer that is heard of twice, late or not at all by one way is
//! found by the next comparison, and counts once.

use std::collections::{BTreeMap, BTreeSet};

use hone_studies::{
    AnnotatorId, AnswerId, LabelRequestId,
    label::{Answer, Channel, Label, LabelProject, LabelRequest, LabelState, Labels, Prediction, ProjectState},
};

use super::annotation::Annotation;

/// What answers are taken back with that the connector takes back. One that somebody else took back stays so.
pub(super) const OURS: &str = "Label Studio: ";
/// Annotators that a gold question is put to; nobody has more.
const GOLD_OVERLAP: u32 = 1_000;

/// A task of ours as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub id: u64,
    pub overlap: u32,
    pub labeled: bool,
    pub answers: u32,
    pub skips: u32,
    pub updated: i64,
}

impl Task {
    /// Whether nobody has done anything with it.
    pub fn is_untouched(&self) -> bool {
        self.answers == 0 && self.skips == 0
    }
}

/// Tasks by request: one, or several where an import was done twice.
pub(super) type Tasks = BTreeMap<LabelRequestId, Vec<Task>>;

// ------------------------------------------------------------ from here to there

/// A task that shall have so many answers, or none any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub request: LabelRequestId,
    pub task: u64,
    pub overlap: u32,
    pub labeled: bool,
}

/// What is to be done there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Push {
    /// Requests that get a task, the most urgent first.
    pub import: Vec<LabelRequestId>,
    pub change: Vec<Change>,
    /// Tasks that are not wanted and that nobody has touched as far as is known.
    pub delete: Vec<(LabelRequestId, u64)>,
    /// Open requests without a task yet.
    pub waiting: u64,
}

/// Compares the requests of a project with its tasks. `asked`: requests that have been given a task at any time.
/// `tidy`: all tasks have just been listed, so that those of withdrawn requests may go.
pub(super) fn push(project: &LabelProject, tasks: &Tasks, asked: &BTreeSet<LabelRequestId>, tidy: bool) -> Push {
    let is_open = project.state == ProjectState::Open;
    let mut push = Push::default();
    let mut there = 0;
    let mut missing: Vec<(&LabelRequest, f64)> = Vec::new();
    for request in project.requests() {
        let need = if is_open { need(request) } else { 0 };
        let Some(found) = tasks.get(&request.id).map(Vec::as_slice) else {
            if need > 0 && !asked.contains(&request.id) {
                missing.push((request, request.priority));
            }
            continue;
        };
        there += u64::from(need > 0);
        tend(request, need, found, tidy, &mut push);
    }
    missing.sort_by(|(a, first), (b, second)| second.total_cmp(first).then(a.id.cmp(&b.id)));
    let ahead = u64::from(project.spec.label_studio.as_ref().map_or(0, |there| there.ahead));
    let room = ahead.saturating_sub(there) as usize;
    push.import = missing.iter().take(room).map(|(request, _)| request.id).collect();
    push.waiting = missing.len() as u64;
    push
}

/// Answers that are wanted beside those that there are and those that somebody is working at here.
fn need(request: &LabelRequest) -> u32 {
    if !request.state.is_open() {
        return 0;
    }
    if request.gold.is_some() {
        return GOLD_OVERLAP;
    }
    let given = request.counting().count() + request.leases.len();
    request.wanted.saturating_sub(given as u32)
}

fn tend(request: &LabelRequest, need: u32, tasks: &[Task], tidy: bool, push: &mut Push) {
    for (at, task) in tasks.iter().enumerate() {
        let doubled = at > 0;
        let unwanted = doubled || tidy && request.state == LabelState::Withdrawn;
        if unwanted && task.is_untouched() {
            push.delete.push((request.id, task.id));
            continue;
        }
        // Annotations that do not count here count there: only what is wanted beside them makes Label Studio ask again.
        let overlap = match (doubled, request.gold.is_some()) {
            (true, _) => task.answers,
            (false, true) => need.max(task.answers),
            (false, false) => task.answers.saturating_add(need),
        };
        let labeled = overlap <= task.answers;
        // One that is done is asked no more, whatever it was to have.
        if task.labeled != labeled || !labeled && task.overlap != overlap || labeled && task.overlap > overlap {
            push.change.push(Change { request: request.id, task: task.id, overlap, labeled });
        }
    }
}

/// Requests whose tasks are gone, though nobody here has removed them. Only true of a whole list of tasks.
pub(super) fn vanished(project: &LabelProject, tasks: &Tasks, asked: &BTreeSet<LabelRequestId>) -> Vec<LabelRequestId> {
    let gone = asked.iter().filter(|id| !tasks.contains_key(id));
    let known = gone.filter_map(|id| project.request(*id)).filter(|request| request.state != LabelState::Withdrawn);
    known.map(|request| request.id).collect()
}

// ------------------------------------------------------------ from there to here

/// A step towards what people said there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// An answer that is new, or another one in place of the annotator's former.
    Submit {
        annotator: String,
        label: Label,
        took_ms: u32,
        external: String,
        shown: Option<Prediction>,
        revises: bool,
    },
    Skip {
        annotator: String,
    },
    TakeBack {
        answer: AnswerId,
        reason: String,
    },
    /// Somebody said what is no label of this form.
    Complain {
        annotation: u64,
        annotator: String,
        why: String,
    },
}

/// Compares the answers to a request with the annotations of its tasks. `mark` is that of the project there: answers that
/// came from elsewhere are none of its business.
pub(super) fn pull(labels: &Labels, request: &LabelRequest, annotations: &[Annotation], mark: &str) -> Vec<Step> {
    if request.state == LabelState::Withdrawn {
        return Vec::new();
    }
    let (mut steps, mut skips) = (Vec::new(), Vec::new());
    let mut backed: BTreeSet<AnswerId> = BTreeSet::new();
    for (annotator, annotation) in newest_of_each(labels, request, annotations) {
        let known = labels.annotator_named(&annotator).map(|annotator| annotator.id);
        let answer = known.and_then(|known| request.answer_of(known));
        match (&annotation.label, annotation.cancelled) {
            (_, true) => {
                let skipped = known.is_some_and(|known| request.skips.iter().any(|skip| skip.annotator == known));
                if !skipped && answer.is_none_or(|answer| is_from(answer, mark)) {
                    skips.push(Step::Skip { annotator });
                }
            }
            (Err(why), false) => steps.push(Step::Complain { annotation: annotation.id, annotator, why: why.clone() }),
            (Ok(label), false) => {
                backed.extend(answer.map(|answer| answer.id));
                let is_same = answer.is_some_and(|answer| answer.label == *label);
                if !is_same && !was_taken_back(request, known, label, annotation) {
                    let (label, external) = (label.clone(), annotation.external.clone());
                    let (took_ms, shown, revises) = (annotation.took_ms, annotation.shown.clone(), answer.is_some());
                    steps.push(Step::Submit { annotator, label, took_ms, external, shown, revises });
                }
            }
        }
    }
    let unbacked = request.counting().filter(|answer| is_from(answer, mark) && !backed.contains(&answer.id));
    let taken_back = unbacked.map(|answer| Step::TakeBack { answer: answer.id, reason: why_unbacked(answer, annotations) });
    let mut all: Vec<Step> = taken_back.collect();
    all.append(&mut steps);
    // A request that is decided or given up is skipped by nobody, unless what is said of it changes that.
    let may_open = request.state.is_open() || all.iter().any(|step| !matches!(step, Step::Complain { .. }));
    all.extend(skips.into_iter().filter(|_| may_open));
    all
}

/// The annotation of each annotator that counts: the one that was changed last. An annotation that an answer came of is
/// its annotator's still, under whatever name.
fn newest_of_each<'a>(
    labels: &Labels,
    request: &LabelRequest,
    annotations: &'a [Annotation],
) -> BTreeMap<String, &'a Annotation> {
    let mut newest: BTreeMap<String, &Annotation> = BTreeMap::new();
    for annotation in annotations {
        let owner = request.answers.iter().find(|answer| answer.external == annotation.external);
        let owner = owner.and_then(|answer| labels.annotator(answer.annotator)).map(|annotator| annotator.name.clone());
        let place = newest.entry(owner.unwrap_or_else(|| annotation.annotator.clone())).or_insert(annotation);
        if (annotation.updated, annotation.id) > (place.updated, place.id) {
            *place = annotation;
        }
    }
    newest
}

pub(super) fn is_from(answer: &Answer, mark: &str) -> bool {
    answer.channel == Channel::LabelStudio && answer.external.starts_with(mark)
}

/// Whether somebody here took this very answer back. It stays so until it is changed there.
fn was_taken_back(request: &LabelRequest, annotator: Option<AnnotatorId>, label: &Label, annotation: &Annotation) -> bool {
    let theirs = |answer: &&Answer| Some(answer.annotator) == annotator && answer.external == annotation.external;
    let last = request.answers.iter().rev().find(theirs);
    last.is_some_and(|answer| {
        let by_hand = answer.withdrawn.as_ref().is_some_and(|(_, reason)| !reason.starts_with(OURS));
        by_hand && answer.label == *label
    })
}

fn why_unbacked(answer: &Answer, annotations: &[Annotation]) -> String {
    let why = match annotations.iter().find(|annotation| annotation.external == answer.external) {
        Some(annotation) if annotation.cancelled => "skipped afterwards".to_owned(),
        Some(Annotation { label: Err(why), .. }) => format!("changed to what is no label: {why}"),
        Some(_) => "another answer came in its place".to_owned(),
        None => "deleted there".to_owned(),
    };
    format!("{OURS}{why}")
}
