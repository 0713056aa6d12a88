//! `/api/v1`: what the page does, for programs too. `docs/labels-api.md` has every call.

mod blobs;
mod document;
mod projects;
mod session;
mod tasks;

use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, FromRequest, Request},
    routing::{delete, get, post},
};
use hone_studies::{
    AnnotatorId, LabelRequestId,
    label::{LabelProject, LabelRequest, SampleData, Show},
};
use serde::de::DeserializeOwned;
use tonic::{Code, Status};

use super::{Shared, Site, answer::Failure, caller::Caller};
use crate::convert::status::status;

/// The largest message: ten thousand boxes.
const MAX_BODY_BYTES: usize = 2 << 20;
/// Samples that one call renews or gives back: no annotator has more.
const MAX_REQUESTS: usize = 1_000;

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/session", post(session::begin))
        .route("/session", delete(session::end))
        .route("/me", get(session::me))
        .route("/projects", get(projects::list))
        .route("/projects/{project}", get(projects::show))
        .route("/projects/{project}/next", post(tasks::next))
        .route("/renew", post(tasks::renew))
        .route("/release", post(tasks::release))
        .route("/requests/{request}/submit", post(tasks::submit))
        .route("/requests/{request}/skip", post(tasks::skip))
        .route("/requests/{request}/undo", post(tasks::undo))
        .route("/requests/{request}/blobs/{hash}", get(blobs::get))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

type Answer<T> = Result<axum::Json<T>, Failure>;

/// A message in JSON.
struct Message<T>(T);

impl<T: DeserializeOwned> FromRequest<Shared> for Message<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _site: &Shared) -> Result<Message<T>, Failure> {
        let too_large =
            |error| Status::invalid_argument(format!("the message has more than {MAX_BODY_BYTES} bytes, or broke off: {error}"));
        let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(too_large)?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let wrong = |error| Status::invalid_argument(format!("the message is not what this call takes: {error}"));
        Ok(Message(serde_json::from_slice(bytes).map_err(wrong)?))
    }
}

/// What a caller has to do with a request.
struct Found {
    request: LabelRequestId,
    annotator: AnnotatorId,
    show: Show,
    data: SampleData,
    /// It is before them now.
    held: bool,
    /// They have it, answered it, or would not.
    known: bool,
}

/// Finds a request of a project that the caller may see.
///
/// # Errors
/// `NotFound`, whether there is none or it is not theirs to know of.
async fn find(site: &Site, caller: &Caller, given: &str) -> Result<Found, Status> {
    let id = given.parse().map(LabelRequestId).map_err(|_| no_such_request(given))?;
    let annotator = caller.id(site).await?;
    // Let go of before anything changes: the writer copies what somebody else still looks at.
    let view = site.labels.view().await?;
    let of = |(project, request): (&std::sync::Arc<LabelProject>, &LabelRequest)| Found {
        request: id,
        annotator,
        show: project.spec.show.clone(),
        data: request.data,
        held: request.lease_of(annotator).is_some(),
        known: request.knows(annotator),
    };
    let found = view.state.labels.request(id).filter(|(project, _)| caller.may_see(project)).map(of);
    found.ok_or_else(|| no_such_request(given))
}

/// Finds a request that the caller has had before them: they have it or answered it, or have its ticket. A ticket that
/// is wrong is one of another store: what was meant is another sample.
///
/// # Errors
/// As [`find`].
async fn find_own(site: &Site, caller: &Caller, given: &str, ticket: Option<&str>) -> Result<Found, Status> {
    let found = find(site, caller, given).await?;
    let is_own = match ticket {
        Some(ticket) => site.gatekeeper.passes().is_ticket(found.request.0, found.annotator.0, ticket),
        None => found.known || caller.is_client(),
    };
    if is_own { Ok(found) } else { Err(no_such_request(given)) }
}

fn no_such_request(given: &str) -> Status {
    let message = format!("label request `{}` is not before this annotator", hone_studies::file::shown(given));
    status(Code::NotFound, message, Some("`POST /api/v1/projects/PROJECT/next` gives one".to_owned()))
}
