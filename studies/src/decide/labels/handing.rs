//! From the queue to an annotator, and back with an answer.

use std::sync::Arc;

use super::{Answer, emit, find_annotator, find_project, find_request, publishing};
use crate::{
    command::Now,
    core::{Core, Outcome},
    ids::{AnnotatorId, AnswerId, LabelProjectId, LabelRequestId},
    label::{
        AnswerFact, Finding, Handed, Label, LabelEvent, LabelProject, LabelReject, LabelReply, LabelRequest, LabelState,
        LeaseEnd, ProjectState, Skills, Submission, judge,
    },
};

/// Samples that one annotator may have at once: enough to fetch ahead, few enough to leave some to others.
const MAX_LEASES: usize = 10;

/// Gives an annotator what they have already and do not hold, else a gold question now and then, else the most urgent
/// request that they do not know.
pub(super) fn next(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: LabelProjectId,
    annotator: AnnotatorId,
    holding: &[LabelRequestId],
) -> Answer {
    find_annotator(core, annotator)?;
    let project = find_project(core, id)?;
    let had = before(core, project, annotator);
    if let Some(again) = had.iter().find(|request| !holding.contains(request)) {
        return hand(core, now, *again, annotator);
    }
    if let Some(reason) = nothing_because(project, had.len()) {
        return Ok(LabelReply::Nothing { reason });
    }
    // Who names a sample may have it all the same.
    if project.spec.label_studio.is_some() {
        return Ok(LabelReply::Nothing { reason: "its annotators work in Label Studio".to_owned() });
    }
    let unknown = |request: &&LabelRequest| !request.knows(annotator);
    let gold = if project.draws_gold(annotator) { project.gold().find(unknown) } else { None };
    let Some(chosen) = gold.or_else(|| project.queue().find(unknown)).map(|request| request.id) else {
        return Ok(LabelReply::Nothing { reason: why_empty(project) });
    };
    lease(core, now, out, chosen, annotator)
}

/// What an annotator has of a project and that answers are wanted to. Others that they have, decided in the meantime, run
/// out by themselves.
fn before(core: &Core, project: &LabelProject, annotator: AnnotatorId) -> Vec<LabelRequestId> {
    let mine = core.roster.desk.held().filter(|(_, by)| *by == annotator).map(|(request, _)| request);
    mine.filter(|request| project.request(*request).is_some_and(|request| request.state.is_open())).collect()
}

fn nothing_because(project: &LabelProject, leases: usize) -> Option<String> {
    match project.state {
        ProjectState::Paused => return Some("the project is paused".to_owned()),
        ProjectState::Closed => return Some("the project is closed".to_owned()),
        ProjectState::Open => {}
    }
    (leases >= MAX_LEASES).then(|| format!("{leases} samples are before this annotator already; answer or release them first"))
}

fn why_empty(project: &LabelProject) -> String {
    let counts = project.counts;
    if counts.total() == 0 {
        return "no labels are asked for yet".to_owned();
    }
    match counts.open + counts.leased + counts.answered {
        0 => "everything that was asked for is done".to_owned(),
        open => format!("{open} open requests are before other annotators, or have this one's answer already"),
    }
}

fn lease(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, annotator: AnnotatorId) -> Answer {
    let (project, request) = find_request(core, id)?;
    let time = project.spec.answers.lease;
    let shown = request.prediction.is_some() && !project.draws_blind(id, annotator);
    let until = now.wall.saturating_add(time);
    emit(core, out, LabelEvent::Leased { request: id, annotator, at: now.wall, until, shown });
    hand(core, now, id, annotator)
}

/// Hands over what an annotator has, for the whole time of a lease from now on.
fn hand(core: &mut Core, now: Now, id: LabelRequestId, annotator: AnnotatorId) -> Answer {
    let (project, request) = find_request(core, id)?;
    let lease = request.lease_of(annotator).ok_or(LabelReject::Taken { request: id })?;
    let time = project.spec.answers.lease;
    let handed = Handed {
        project: project.id,
        request: id,
        sample: request.sample.clone(),
        data: request.data,
        until: now.wall.saturating_add(time),
        shown: lease.shown.clone(),
    };
    core.roster.desk.hold(id, annotator, now.mono + time);
    Ok(LabelReply::Handed(handed))
}

pub(super) fn take(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, annotator: AnnotatorId) -> Answer {
    find_annotator(core, annotator)?;
    let (project, request) = find_request(core, id)?;
    if !request.state.is_open() {
        return Err(wrong_state(request, "taking it"));
    }
    if request.lease_of(annotator).is_some() {
        return hand(core, now, id, annotator);
    }
    if let Some(reason) = nothing_because(project, before(core, project, annotator).len()) {
        return Ok(LabelReply::Nothing { reason });
    }
    if !request.has_room() && request.gold.is_none() || request.answer_of(annotator).is_some() {
        return Err(LabelReject::Taken { request: id });
    }
    lease(core, now, out, id, annotator)
}

/// Any sign of life of an annotator. Nothing of it is written down.
pub(super) fn renew(core: &mut Core, now: Now, annotator: AnnotatorId, requests: &[LabelRequestId]) -> LabelReply {
    let mut over = Vec::new();
    for id in requests {
        match core.state.labels.request(*id) {
            Some((project, request)) if request.lease_of(annotator).is_some() => {
                core.roster.desk.hold(*id, annotator, now.mono + project.spec.answers.lease);
            }
            Some(_) | None => over.push(*id),
        }
    }
    LabelReply::Over(over)
}

/// Gives a sample back unanswered. One that the annotator has no more is no mistake.
pub(super) fn release(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, annotator: AnnotatorId) -> Answer {
    if find_request(core, id)?.1.lease_of(annotator).is_some() {
        emit(core, out, LabelEvent::LeaseEnded { request: id, annotator, at: now.wall, why: LeaseEnd::Released });
    }
    Ok(LabelReply::Done)
}

/// Takes an answer. It counts even when the lease is over: nobody's work is lost.
pub(super) fn submit(core: &mut Core, now: Now, out: &mut Outcome, submission: Submission) -> Answer {
    let Submission { request: id, annotator, label, took_ms, channel, external, shown, asked_by } = submission;
    find_annotator(core, annotator)?;
    let (project, request) = find_request(core, id)?;
    if !label.fits(&project.spec.form) {
        return Err(LabelReject::BadLabel);
    }
    let former = request.answers.iter().find(|answer| answer.asked_by.is_some() && answer.asked_by == asked_by);
    if let Some(answer) = former {
        return Ok(LabelReply::Answered { answer: answer.id, state: request.state });
    }
    if request.state == LabelState::Withdrawn {
        return Err(wrong_state(request, "an answer"));
    }
    let answer = match request.answer_of(annotator) {
        Some(same) if same.label == label && request.lease_of(annotator).is_none() => same.id,
        Some(former) => {
            let answer = former.id;
            emit(core, out, LabelEvent::Revised { request: id, answer, at: now.wall, label, took_ms, asked_by });
            publishing::mark(core, now, out, id, &format!("answer {answer} was revised"));
            answer
        }
        None => {
            let shown = request.lease_of(annotator).map_or(shown, |lease| lease.shown.clone());
            let (answer, at) = (core.state.labels.next_answer(), now.wall);
            let request = id;
            let fact = AnswerFact { request, answer, annotator, at, label, took_ms, shown, channel, external, asked_by };
            emit(core, out, LabelEvent::Answered(Box::new(fact)));
            answer
        }
    };
    settle(core, now, out, id)?;
    Ok(LabelReply::Answered { answer, state: find_request(core, id)?.1.state })
}

pub(super) fn skip(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: LabelRequestId,
    annotator: AnnotatorId,
    reason: String,
) -> Answer {
    find_annotator(core, annotator)?;
    let (project, request) = find_request(core, id)?;
    if request.skips.iter().any(|skip| skip.annotator == annotator) {
        return release(core, now, out, id, annotator);
    }
    if !request.state.is_open() {
        return Err(wrong_state(request, "skipping it"));
    }
    let enough = request.skips.len() as u32 + 1 >= project.spec.answers.skips;
    let is_over = enough && request.gold.is_none() && request.counting().next().is_none();
    emit(core, out, LabelEvent::Skipped { request: id, annotator, at: now.wall, reason });
    if is_over {
        found(core, now, out, id, Finding::Skipped);
    }
    Ok(LabelReply::Done)
}

pub(super) fn undo(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, annotator: AnnotatorId) -> Answer {
    find_annotator(core, annotator)?;
    let (_, request) = find_request(core, id)?;
    let Some(answer) = request.answer_of(annotator).map(|answer| answer.id) else {
        return take(core, now, out, id, annotator);
    };
    withdraw_answer(core, now, out, id, answer, "taken back by the annotator".to_owned())?;
    if find_request(core, id)?.1.state.is_open() { lease(core, now, out, id, annotator) } else { Ok(LabelReply::Done) }
}

pub(super) fn withdraw_answer(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: LabelRequestId,
    answer: AnswerId,
    reason: String,
) -> Answer {
    let (_, request) = find_request(core, id)?;
    let Some(known) = request.answers.iter().find(|known| known.id == answer) else {
        return Err(LabelReject::NoSuchAnswer { request: id, answer });
    };
    if known.counts() {
        let reason = if reason.is_empty() { "withdrawn by a user".to_owned() } else { reason };
        let why = format!("answer {answer} was withdrawn: {reason}");
        emit(core, out, LabelEvent::AnswerWithdrawn { request: id, answer, at: now.wall, reason });
        publishing::mark(core, now, out, id, &why);
        settle(core, now, out, id)?;
    }
    Ok(LabelReply::Done)
}

pub(super) fn resolve(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, label: Label, by: AnnotatorId) -> Answer {
    find_annotator(core, by)?;
    let (project, request) = find_request(core, id)?;
    if !label.fits(&project.spec.form) {
        return Err(LabelReject::BadLabel);
    }
    if request.gold.is_some() || matches!(request.state, LabelState::Skipped | LabelState::Withdrawn | LabelState::Expired) {
        return Err(wrong_state(request, "deciding its label"));
    }
    found(core, now, out, id, Finding::Resolved { label, confidence: 1.0, by: Some(by) });
    Ok(LabelReply::Done)
}

pub(super) fn withdraw(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, reason: String) -> Answer {
    if find_request(core, id)?.1.state != LabelState::Withdrawn {
        let reason = if reason.is_empty() { "withdrawn by a user".to_owned() } else { reason };
        found(core, now, out, id, Finding::Withdrawn { reason });
    }
    Ok(LabelReply::Done)
}

/// Wants one more answer than there are, of a request that was decided or given up.
pub(super) fn reopen(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId) -> Answer {
    let (_, request) = find_request(core, id)?;
    if request.state == LabelState::Withdrawn {
        return Err(wrong_state(request, "asking it again"));
    }
    let wanted = request.counting().count() as u32 + 1;
    if !request.state.is_open() && request.gold.is_none() {
        found(core, now, out, id, Finding::More { wanted });
    }
    Ok(LabelReply::Done)
}

pub(super) fn expire(core: &mut Core, now: Now, out: &mut Outcome) {
    for (request, annotator) in core.roster.desk.silent(now) {
        emit(core, out, LabelEvent::LeaseEnded { request, annotator, at: now.wall, why: LeaseEnd::Silent });
    }
    let due: Vec<LabelRequestId> = core.state.labels.projects().flat_map(|project| project.due(now.wall)).collect();
    for request in due {
        found(core, now, out, request, Finding::Expired);
    }
}

/// Draws the conclusion from the answers to a request, where it is another one than before.
fn settle(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId) -> Result<(), LabelReject> {
    let (project, request) = find_request(core, id)?;
    if let Some(finding) = judge::found(&project.spec, project.skills.as_deref(), request) {
        found(core, now, out, id, finding);
    }
    Ok(())
}

/// Takes an estimate of how good annotators are, unless a newer one is there, and what follows from it.
pub(super) fn weigh(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: LabelProjectId,
    skills: Arc<Skills>,
    requests: &[LabelRequestId],
) -> Answer {
    let project = find_project(core, id)?;
    if let Some(unknown) = skills.annotators().iter().find(|annotator| core.state.labels.annotator(**annotator).is_none()) {
        return Err(LabelReject::NoSuchAnnotator(*unknown));
    }
    if project.skills.as_ref().is_some_and(|known| known.said >= skills.said) {
        return Ok(LabelReply::Done);
    }
    emit(core, out, LabelEvent::Weighed { project: id, at: now.wall, skills: skills.clone() });
    for request in requests {
        let finding = match find_project(core, id)?.request(*request) {
            Some(request) => judge::reconsidered(&find_project(core, id)?.spec, &skills, request),
            None => None,
        };
        if let Some(finding) = finding {
            found(core, now, out, *request, finding);
        }
    }
    Ok(LabelReply::Done)
}

fn found(core: &mut Core, now: Now, out: &mut Outcome, request: LabelRequestId, finding: Finding) {
    let change = find_request(core, request).ok().and_then(|(_, request)| change_of(request, &finding));
    emit(core, out, LabelEvent::Found { request, at: now.wall, finding });
    if let Some(why) = change {
        publishing::mark(core, now, out, request, why);
    }
}

/// What a finding does to a label that is there already.
fn change_of(request: &LabelRequest, finding: &Finding) -> Option<&'static str> {
    let known = &request.resolution.as_ref()?.label;
    match finding {
        Finding::Resolved { label, .. } => (label != known).then_some("it has another label"),
        Finding::Conflict => Some("its answers do not agree any more"),
        Finding::More { .. } => Some("it is asked again"),
        Finding::Withdrawn { .. } => Some("its request was withdrawn"),
        Finding::Skipped | Finding::Expired => None,
    }
}

fn wrong_state(request: &LabelRequest, action: &'static str) -> LabelReject {
    LabelReject::WrongState { request: request.id, state: request.state.name(), action }
}
