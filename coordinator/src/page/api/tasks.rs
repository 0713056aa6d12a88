//! Samples from the queue to an annotator, and back with an answer.

use axum::{
    Json,
    extract::{Path, State},
};
use hone_studies::{
    AnnotatorId, LabelRequestId, RequestId,
    label::{LabelCommand, LabelState},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tonic::Status;

use super::{
    Answer, Found, MAX_REQUESTS, Message,
    document::{TaskDocument, task_document},
    find_own, projects,
};
use crate::{
    labels::{Answered, Given},
    page::{Shared, Site, caller::Caller},
};

/// The longest reason, in characters.
const MAX_REASON: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NextMessage {
    /// Requests that the caller has before it already.
    #[serde(default)]
    holding: Vec<u64>,
    /// This very request.
    request: Option<u64>,
    /// That proves it was theirs, where they have it no more.
    ticket: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Next {
    task: Option<TaskDocument>,
    /// Why there is none.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// `POST /projects/{project}/next`
pub(super) async fn next(
    State(site): State<Shared>,
    caller: Caller,
    Path(project): Path<String>,
    Message(message): Message<NextMessage>,
) -> Answer<Next> {
    let NextMessage { holding, request, ticket } = message;
    let annotator = caller.id(&site).await?;
    let given = match request {
        None => {
            let project = projects::find(&site, &caller, &project).await?;
            site.labels.next(project, annotator, requests(holding)?).await?
        }
        Some(request) => {
            let found = find_own(&site, &caller, &request.to_string(), ticket.as_deref()).await?;
            site.labels.take(found.request, annotator).await?
        }
    };
    Ok(Json(next_document(&site, annotator, given)))
}

fn next_document(site: &Site, annotator: AnnotatorId, given: Given) -> Next {
    match given {
        Given::Nothing { reason } => Next { task: None, reason },
        Given::Task(task) => {
            let ticket = site.gatekeeper.passes().ticket(task.request.0, annotator.0);
            Next { task: Some(task_document(*task, ticket)), reason: String::new() }
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requests {
    requests: Vec<u64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Renewed {
    /// Those that the annotator has no more.
    over: Vec<u64>,
}

/// `POST /renew`
pub(super) async fn renew(State(site): State<Shared>, caller: Caller, Message(message): Message<Requests>) -> Answer<Renewed> {
    let over = site.labels.renew(caller.id(&site).await?, requests(message.requests)?).await?;
    Ok(Json(Renewed { over: over.into_iter().map(|request| request.0).collect() }))
}

#[derive(Debug, Serialize)]
pub(super) struct Done {}

/// `POST /release`: those that the annotator does not have are passed over.
pub(super) async fn release(State(site): State<Shared>, caller: Caller, Message(message): Message<Requests>) -> Answer<Done> {
    let annotator = caller.id(&site).await?;
    for request in requests(message.requests)? {
        // Who has it is for the core to know; that it is there, for this.
        let view = site.labels.view().await?;
        let held = view.state.labels.request(request).is_some_and(|(_, found)| found.lease_of(annotator).is_some());
        drop(view);
        if held {
            site.labels.done(LabelCommand::Release { request, annotator }).await?;
        }
    }
    Ok(Json(Done {}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitMessage {
    label: Value,
    /// How long the annotator looked at it.
    #[serde(default)]
    took_ms: u32,
    /// 32 hexadecimal digits: an answer that is sent again counts once.
    request_id: Option<String>,
    ticket: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Submitted {
    answer: u64,
    /// The state of the request now.
    state: &'static str,
}

/// `POST /requests/{request}/submit`
pub(super) async fn submit(
    State(site): State<Shared>,
    caller: Caller,
    Path(request): Path<String>,
    Message(message): Message<SubmitMessage>,
) -> Answer<Submitted> {
    let SubmitMessage { label, took_ms, request_id, ticket } = message;
    let Found { request, annotator, .. } = find_own(&site, &caller, &request, ticket.as_deref()).await?;
    let channel = caller.channel;
    let asked_by = request_id.as_deref().map(request_id_of).transpose()?;
    let answered = Answered { request, annotator, label: &label, took_ms, channel, asked_by };
    let (answer, state) = site.labels.submit(answered).await?;
    Ok(Json(Submitted { answer, state: LabelState::name(state) }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SkipMessage {
    #[serde(default)]
    reason: String,
    ticket: Option<String>,
}

/// `POST /requests/{request}/skip`
pub(super) async fn skip(
    State(site): State<Shared>,
    caller: Caller,
    Path(request): Path<String>,
    Message(message): Message<SkipMessage>,
) -> Answer<Done> {
    let SkipMessage { reason, ticket } = message;
    if reason.chars().count() > MAX_REASON {
        return Err(Status::invalid_argument(format!("a reason has at most {MAX_REASON} characters")).into());
    }
    let Found { request, annotator, .. } = find_own(&site, &caller, &request, ticket.as_deref()).await?;
    site.labels.done(LabelCommand::Skip { request, annotator, reason }).await?;
    Ok(Json(Done {}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UndoMessage {
    ticket: Option<String>,
}

/// `POST /requests/{request}/undo`
pub(super) async fn undo(
    State(site): State<Shared>,
    caller: Caller,
    Path(request): Path<String>,
    Message(message): Message<UndoMessage>,
) -> Answer<Next> {
    let Found { request, annotator, .. } = find_own(&site, &caller, &request, message.ticket.as_deref()).await?;
    let given = site.labels.undo(request, annotator).await?;
    Ok(Json(next_document(&site, annotator, given)))
}

fn requests(numbers: Vec<u64>) -> Result<Vec<LabelRequestId>, Status> {
    if numbers.len() > MAX_REQUESTS {
        return Err(Status::invalid_argument(format!("one call names at most {MAX_REQUESTS} requests")));
    }
    Ok(numbers.into_iter().map(LabelRequestId).collect())
}

fn request_id_of(text: &str) -> Result<RequestId, Status> {
    let wrong = || Status::invalid_argument("`request_id` has 32 hexadecimal digits: 16 random bytes");
    let id = uuid::Uuid::try_parse(text).map_err(|_| wrong())?;
    Ok(RequestId(*id.as_bytes()))
}
