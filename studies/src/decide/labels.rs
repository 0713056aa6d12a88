//! Decisions about label requests: who gets which sample, and what an answer leads to.

mod changes;
mod handing;
pub(super) mod publishing;

use std::collections::BTreeSet;

use crate::{
    command::{Now, Reject, Reply},
    core::{Core, Outcome},
    event::Event,
    ids::{AnnotatorId, BlobId, LabelProjectId, LabelRequestId, RequestId},
    label::{
        Annotator, Channel, LabelCommand, LabelEvent, LabelProject, LabelReject, LabelReply, LabelRequest, NewRequest,
        ProjectState, Rescore,
    },
};

/// The longest name of a sample, in bytes.
const MAX_SAMPLE_BYTES: usize = 1_000;
/// The longest name of an annotator, in characters.
const MAX_NAME: usize = 100;

type Answer = Result<LabelReply, LabelReject>;

pub(super) fn handle(core: &mut Core, now: Now, out: &mut Outcome, command: LabelCommand) -> Result<Reply, Reject> {
    dispatch(core, now, out, command).map(Reply::Label).map_err(Reject::Label)
}

fn dispatch(core: &mut Core, now: Now, out: &mut Outcome, command: LabelCommand) -> Answer {
    match command {
        LabelCommand::CreateProject { spec, text, request } => changes::create(core, now, out, spec, text, request),
        LabelCommand::ChangeProject { project, spec, text } => changes::change(core, now, out, project, spec, text),
        LabelCommand::MoveProject { project, to } => changes::move_to(core, now, out, project, to),
        LabelCommand::RemoveProject { project, force } => changes::remove(core, now, out, project, force),
        LabelCommand::Join { name, channel } => join(core, now, out, name, channel),
        LabelCommand::Ask { project, source, blob, files, samples, request } => {
            ask(core, now, out, project, Wish { source, blob, files, samples, request })
        }
        LabelCommand::Rescore { project, source, scores } => rescore(core, now, out, project, source, scores),
        LabelCommand::Weigh { project, skills, requests } => handing::weigh(core, now, out, project, skills, &requests),
        LabelCommand::Next { project, annotator, holding } => handing::next(core, now, out, project, annotator, &holding),
        LabelCommand::Take { request, annotator } => handing::take(core, now, out, request, annotator),
        LabelCommand::Renew { annotator, requests } => Ok(handing::renew(core, now, annotator, &requests)),
        LabelCommand::Release { request, annotator } => handing::release(core, now, out, request, annotator),
        LabelCommand::Submit(submission) => handing::submit(core, now, out, *submission),
        LabelCommand::Skip { request, annotator, reason } => handing::skip(core, now, out, request, annotator, reason),
        LabelCommand::Undo { request, annotator } => handing::undo(core, now, out, request, annotator),
        LabelCommand::WithdrawAnswer { request, answer, reason } => {
            handing::withdraw_answer(core, now, out, request, answer, reason)
        }
        LabelCommand::Resolve { request, label, by } => handing::resolve(core, now, out, request, label, by),
        LabelCommand::Withdraw { request, reason } => handing::withdraw(core, now, out, request, reason),
        LabelCommand::Reopen { request } => handing::reopen(core, now, out, request),
    }
}

/// Ends leases of silent annotators, and requests that nobody answered in time.
pub(super) fn expire(core: &mut Core, now: Now, out: &mut Outcome) {
    handing::expire(core, now, out);
}

fn join(core: &mut Core, now: Now, out: &mut Outcome, name: String, channel: Channel) -> Answer {
    if let Some(known) = core.state.labels.annotator_named(&name) {
        return Ok(LabelReply::Annotator(known.id));
    }
    let length = name.chars().count();
    if !(1..=MAX_NAME).contains(&length) || name.chars().any(char::is_control) || name.trim() != name {
        return Err(LabelReject::BadName);
    }
    let annotator = core.state.labels.next_annotator();
    emit(core, out, LabelEvent::AnnotatorJoined { annotator, at: now.wall, name, channel });
    Ok(LabelReply::Annotator(annotator))
}

struct Wish {
    source: String,
    blob: BlobId,
    files: Vec<BlobId>,
    samples: Vec<NewRequest>,
    request: Option<RequestId>,
}

fn ask(core: &mut Core, now: Now, out: &mut Outcome, id: LabelProjectId, wish: Wish) -> Answer {
    let project = find_project(core, id)?;
    let made = project.batches.iter().rev().find(|batch| batch.asked_by.is_some() && batch.asked_by == wish.request);
    let all = wish.samples.len() as u32;
    if let Some(batch) = made {
        return Ok(LabelReply::Asked { batch: batch.number, new: batch.count, known: all - batch.count.min(all) });
    }
    if project.state == ProjectState::Closed {
        return Err(LabelReject::Closed(project.spec.name.clone()));
    }
    check_samples(project, &wish.samples)?;
    let is_new = |sample: &NewRequest| project.request_of(&sample.sample).is_none();
    let (batch, first) = (project.batches.len() as u32 + 1, core.state.labels.next_request());
    let requests: Vec<NewRequest> = wish.samples.into_iter().filter(is_new).collect();
    let new = requests.len() as u32;
    if new == 0 {
        return Ok(LabelReply::Asked { batch: 0, new, known: all });
    }
    let Wish { source, blob, files, request: asked_by, .. } = wish;
    let at = now.wall;
    emit(core, out, LabelEvent::Requested { project: id, at, batch, first, source, blob, files, requests, asked_by });
    Ok(LabelReply::Asked { batch, new, known: all - new })
}

fn check_samples(project: &LabelProject, samples: &[NewRequest]) -> Result<(), LabelReject> {
    let mut seen = BTreeSet::new();
    for sample in samples {
        let name = &*sample.sample;
        let bad = |why| Err(LabelReject::BadSample { sample: name.chars().take(100).collect(), why });
        if name.is_empty() || name.len() > MAX_SAMPLE_BYTES {
            return bad("the name of a sample has 1 to 1,000 bytes");
        }
        if !seen.insert(name) {
            return bad("it is named twice in one batch");
        }
        let labels = sample.gold.iter().chain(sample.prediction.iter().map(|prediction| &prediction.label));
        if labels.into_iter().any(|label| !label.fits(&project.spec.form)) {
            return Err(LabelReject::BadLabel);
        }
    }
    Ok(())
}

fn rescore(core: &mut Core, now: Now, out: &mut Outcome, id: LabelProjectId, source: String, mut scores: Vec<Rescore>) -> Answer {
    let project = find_project(core, id)?;
    scores
        .retain(|score| project.request(score.request).is_some_and(|request| request.state.is_open() && request.gold.is_none()));
    let predicted = scores.iter().filter_map(|score| score.prediction.as_ref());
    if predicted.into_iter().any(|prediction| !prediction.label.fits(&project.spec.form)) {
        return Err(LabelReject::BadLabel);
    }
    let changed = scores.len() as u32;
    if changed > 0 {
        emit(core, out, LabelEvent::Rescored { project: id, at: now.wall, source, scores });
    }
    Ok(LabelReply::Rescored { changed })
}

fn emit(core: &mut Core, out: &mut Outcome, event: LabelEvent) {
    core.emit(out, Event::Label(Box::new(event)));
}

/// Borrowed, never cloned: a second owner would make the next change copy the project.
fn find_project(core: &Core, id: LabelProjectId) -> Result<&LabelProject, LabelReject> {
    core.state.labels.project(id).map(|project| &**project).ok_or(LabelReject::NoSuchProject(id))
}

fn find_request(core: &Core, id: LabelRequestId) -> Result<(&LabelProject, &LabelRequest), LabelReject> {
    let found = core.state.labels.request(id).map(|(project, request)| (&**project, request));
    found.ok_or(LabelReject::NoSuchRequest(id))
}

fn find_annotator(core: &Core, id: AnnotatorId) -> Result<&Annotator, LabelReject> {
    core.state.labels.annotator(id).map(|annotator| &**annotator).ok_or(LabelReject::NoSuchAnnotator(id))
}
