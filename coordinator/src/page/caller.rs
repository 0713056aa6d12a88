//! Who asks: an annotator by the page's cookie or a token of theirs, or whoever has the client token.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
};
use hone_studies::{
    AnnotatorId,
    label::{Channel, LabelProject},
};
use tonic::{Code, Status};

use super::{Shared, Site, answer::Failure, door};
use crate::{
    convert::status::status,
    security::{PassError, PassKind, wall},
};

/// With the client token: for which annotator a call is.
const ANNOTATOR_HEADER: HeaderName = HeaderName::from_static("hone-annotator");

/// Who makes a call that was let through.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Name of the annotator; empty: a client that named none.
    pub annotator: String,
    pub scope: Scope,
    pub channel: Channel,
    /// The pass they came in with; empty for the client token.
    pub pass: String,
    /// After this they are not let in any more.
    pub expires: Option<i64>,
}

/// What a caller may see.
#[derive(Clone, Debug)]
pub(super) enum Scope {
    /// Everything: the client token.
    Everything,
    /// What is before this annotator, in these projects; none: in all.
    Annotator(Vec<u64>),
}

impl Caller {
    /// Whether a project is one that this caller may know of.
    pub(super) fn may_see(&self, project: &LabelProject) -> bool {
        match &self.scope {
            Scope::Everything => true,
            Scope::Annotator(projects) => projects.is_empty() || projects.contains(&project.id.0),
        }
    }

    pub(super) fn is_client(&self) -> bool {
        matches!(self.scope, Scope::Everything)
    }

    /// The annotator's number.
    ///
    /// # Errors
    /// `InvalidArgument`: a client named no annotator, or one that cannot be.
    pub(super) async fn id(&self, site: &Site) -> Result<AnnotatorId, Status> {
        if self.annotator.is_empty() {
            let hint = "name them in the header `Hone-Annotator`".to_owned();
            return Err(status(Code::InvalidArgument, "the call does not say for which annotator it is", Some(hint)));
        }
        site.labels.annotator(&self.annotator, self.channel).await
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, site: &Shared) -> Result<Caller, Failure> {
        if let Some(header) = parts.headers.get(header::AUTHORIZATION) {
            let token = header.to_str().ok().and_then(|text| text.strip_prefix("Bearer ").or(text.strip_prefix("bearer ")));
            return by_token(site, parts, token.unwrap_or_default().trim()).map_err(Failure);
        }
        let Some(cookie) = cookie(&parts.headers, &site.settings.cookie) else {
            let hint = "open the link that you were sent, or send a token: `Authorization: Bearer TOKEN`".to_owned();
            return Err(Failure(status(Code::Unauthenticated, "nobody knows who you are", Some(hint))));
        };
        if parts.method != Method::GET && parts.method != Method::HEAD {
            door::check_own(site, &parts.headers)?;
        }
        let pass = site.gatekeeper.passes().check(PassKind::Session, cookie, wall());
        // A cookie that is over is no guess: browsers keep sending it.
        let pass = pass.map_err(|_| Failure(unauthenticated(PassError::SessionOver)))?;
        let (annotator, channel) = (pass.annotator, Channel::Page);
        Ok(Caller { annotator, scope: Scope::Annotator(pass.projects), channel, pass: pass.id, expires: Some(pass.expires) })
    }
}

fn by_token(site: &Site, parts: &Parts, token: &str) -> Result<Caller, Status> {
    check_throttle(site, parts)?;
    let named = parts.headers.get(ANNOTATOR_HEADER).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    if site.gatekeeper.is_client_token(token) {
        let (annotator, channel) = (named.unwrap_or_default(), Channel::Program);
        return Ok(Caller { annotator, scope: Scope::Everything, channel, pass: String::new(), expires: None });
    }
    let pass = site.gatekeeper.passes().check(PassKind::Token, token, wall()).map_err(|error| {
        note_failure(site, parts, error);
        unauthenticated(error)
    })?;
    if named.is_some_and(|named| named != pass.annotator) {
        let hint = "leave out the header `Hone-Annotator`".to_owned();
        return Err(status(Code::PermissionDenied, "the token is another annotator's", Some(hint)));
    }
    let scope = Scope::Annotator(pass.projects);
    Ok(Caller { annotator: pass.annotator, scope, channel: Channel::Program, pass: pass.id, expires: Some(pass.expires) })
}

pub(super) fn unauthenticated(error: PassError) -> Status {
    crate::security::SecurityError::from(error).into()
}

/// Refuses to listen to an address that has guessed.
///
/// # Errors
/// `ResourceExhausted`: too many wrong credentials came from there.
pub(super) fn check_throttle(site: &Site, parts: &Parts) -> Result<(), Status> {
    let closed = door::Origin::of(parts).is_some_and(|address| site.throttle.is_closed(address, site.gatekeeper.monotonic()));
    if closed { Err(Status::resource_exhausted("too many wrong links or tokens came from here; wait a minute")) } else { Ok(()) }
}

/// Notes a wrong credential; one that was good once is no guess.
pub(super) fn note_failure(site: &Site, parts: &Parts, error: PassError) {
    if let (PassError::Unknown, Some(address)) = (error, door::Origin::of(parts)) {
        site.throttle.failed(address, site.gatekeeper.monotonic());
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}
