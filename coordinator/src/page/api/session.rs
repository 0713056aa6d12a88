//! An invite becomes a session; who an annotator is, and what they did.

use axum::{
    Json,
    extract::{FromRequest, RawQuery, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use hone_studies::{
    AnnotatorId, Micros, SECOND,
    label::{LabelProject, Labels},
};
use serde::{Deserialize, Serialize};
use tonic::{Code, Status};

use super::{Answer, Message};
use crate::{
    convert::status::status,
    page::{
        Shared, Site,
        answer::Failure,
        caller::{Caller, check_throttle, note_failure},
        door,
    },
    security::{SecurityError, wall},
};

const DAY: Micros = 86_400 * SECOND;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BeginMessage {
    invite: String,
}

#[derive(Debug, Serialize)]
struct Begun {
    annotator: String,
    expires_us: Micros,
}

/// `POST /session`: uses an invite up.
pub(super) async fn begin(State(site): State<Shared>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    door::check_own(&site, &parts.headers)?;
    check_throttle(&site, &parts)?;
    let request = Request::from_parts(parts.clone(), body);
    let Message(BeginMessage { invite }) = Message::from_request(request, &site).await?;
    let same = site.clone();
    let exchanged = tokio::task::spawn_blocking(move || same.gatekeeper.passes().exchange(&invite, wall()));
    let (secret, pass) = exchanged.await.map_err(|error| Status::internal(error.to_string()))?.map_err(|error| {
        if let SecurityError::Pass(why) = &error {
            note_failure(&site, &parts, *why);
        }
        Failure(error.into())
    })?;
    tracing::info!(annotator = pass.annotator, session = pass.id, "an annotator came in");
    let seconds = (pass.expires - pass.created) / SECOND;
    let begun = Begun { annotator: pass.annotator, expires_us: pass.expires };
    Ok((cookie(&site, secret.reveal(), seconds)?, Json(begun)).into_response())
}

#[derive(Debug, Serialize)]
pub(super) struct Ended {}

/// `DELETE /session`: the annotator leaves for good.
pub(super) async fn end(State(site): State<Shared>, caller: Caller) -> Result<Response, Failure> {
    if caller.pass.is_empty() {
        let hint = "`hone label revoke` ends others' sessions".to_owned();
        return Err(status(Code::FailedPrecondition, "the client token is no session", Some(hint)).into());
    }
    let same = site.clone();
    let revoked = tokio::task::spawn_blocking(move || same.gatekeeper.passes().revoke(&caller.pass, wall()));
    revoked.await.map_err(|error| Status::internal(error.to_string()))?.map_err(Status::from)?;
    Ok((cookie(&site, "", 0)?, Json(Ended {})).into_response())
}

fn cookie(site: &Site, secret: &str, seconds: i64) -> Result<[(header::HeaderName, HeaderValue); 1], Failure> {
    let secure = if site.settings.secure { "; Secure" } else { "" };
    let text = format!("{}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}", site.settings.cookie);
    let mut value = HeaderValue::from_str(&text).map_err(|error| Status::internal(error.to_string()))?;
    value.set_sensitive(true);
    Ok([(header::SET_COOKIE, value)])
}

/// What an annotator did.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    /// Answers that count.
    answers: u64,
    /// Those since the instant that was asked for.
    since: u64,
    skips: u64,
    /// Median of the time they looked at a sample; none without answers.
    median_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Me {
    annotator: String,
    /// Which store this is: what a browser keeps is for one alone.
    store: String,
    /// When they are let in no more; none for the client token.
    expires_us: Option<Micros>,
    #[serde(flatten)]
    figures: Figures,
}

/// `GET /me`, `GET /me?since_us=…`: without it, since midnight (UTC).
pub(super) async fn me(State(site): State<Shared>, caller: Caller, RawQuery(query): RawQuery) -> Answer<Me> {
    let since = since(query.as_deref().unwrap_or_default())?;
    let annotator = caller.id(&site).await?;
    let view = site.labels.view().await?;
    let Caller { annotator: name, expires, .. } = caller.clone();
    let counted =
        tokio::task::spawn_blocking(move || figures(&view.state.labels, annotator, since, |project| caller.may_see(project)));
    let figures = counted.await.map_err(|error| Status::internal(error.to_string()))?;
    let store = site.settings.store.clone();
    Ok(Json(Me { annotator: name, store, expires_us: expires, figures }))
}

fn since(query: &str) -> Result<Micros, Status> {
    match query.split_once('=') {
        None if query.is_empty() => Ok(wall() / DAY * DAY),
        Some(("since_us", number)) => {
            number.parse().map_err(|_| Status::invalid_argument("`since_us` is a time in microseconds since 1970"))
        }
        Some(_) | None => Err(Status::invalid_argument("the only parameter is `since_us`")),
    }
}

fn figures(labels: &Labels, annotator: AnnotatorId, since: Micros, may_see: impl Fn(&LabelProject) -> bool) -> Figures {
    let (mut figures, mut took) = (Figures::default(), Vec::new());
    for request in labels.projects().filter(|project| may_see(project)).flat_map(|project| project.requests()) {
        if let Some(answer) = request.answer_of(annotator) {
            figures.answers += 1;
            figures.since += u64::from(answer.at >= since);
            took.push(answer.took_ms);
        }
        figures.skips += u64::from(request.skips.iter().any(|skip| skip.annotator == annotator));
    }
    took.sort_unstable();
    figures.median_seconds = took.get(took.len() / 2).map(|ms| f64::from(*ms) / 1_000.0);
    figures
}
