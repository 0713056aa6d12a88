//! What holds for every request and every answer, whoever asks for whatever.

use std::net::IpAddr;

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, uri::Authority},
    response::{IntoResponse, Response},
};
use tonic::{Code, Status};
use tower::ServiceExt;

use super::{ANSWER_LIMIT, Site, answer::Failure, settings::bare};
use crate::{convert::status::status, security::Peer};

/// A header that a browser sends on to another site's behalf only after that site was asked: forms cannot set it.
pub(super) const PAGE_HEADER: HeaderName = HeaderName::from_static("hone-page");

/// Answers a request of a connection.
pub(super) async fn answer(site: &Site, router: Router, peer: Peer, mut request: Request<Body>) -> Response {
    let answer = match check_host(site, request.headers()) {
        Err(refusal) => (StatusCode::MISDIRECTED_REQUEST, Failure(refusal)).into_response(),
        Ok(()) => {
            request.extensions_mut().insert(Origin { address: peer.address.map(|address| address.ip()) });
            match tokio::time::timeout(ANSWER_LIMIT, router.oneshot(request)).await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => Failure(Status::deadline_exceeded("the answer took too long; try again")).into_response(),
            }
        }
    };
    with_headers(site, answer)
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub address: Option<IpAddr>,
}

impl Origin {
    /// An address to count failures by.
    pub(super) fn of(request: &axum::http::request::Parts) -> Option<IpAddr> {
        request.extensions.get::<Origin>().and_then(|origin| origin.address)
    }
}

/// A site that makes its own name lead here (DNS rebinding) is told so by its name. Numeric addresses cannot be made to.
fn check_host(site: &Site, headers: &HeaderMap) -> Result<(), Status> {
    let given = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = given.parse::<Authority>().map(|authority| bare(authority.host())).unwrap_or_default();
    if site.settings.names.contains(&host) || host.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    let message = format!("this page is not called `{}`", hone_studies::file::shown(given));
    Err(status(Code::PermissionDenied, message, Some("`hone serve --page-url` and `--host-name` give it names".to_owned())))
}

/// Whether a call that changes something comes from the page itself.
///
/// # Errors
/// `PermissionDenied`: it may be another site's.
pub(super) fn check_own(site: &Site, headers: &HeaderMap) -> Result<(), Status> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default().to_ascii_lowercase();
    let (scheme, authority) = text(header::ORIGIN).and_then(|origin| origin.split_once("://")).unwrap_or_default();
    let authority = authority.to_ascii_lowercase();
    let own = scheme == "https" || (scheme == "http" && !site.settings.encrypts);
    if own && !authority.is_empty() && (authority == host || authority == site.settings.authority) && text(PAGE_HEADER).is_some()
    {
        return Ok(());
    }
    let hint = "programs use a token: `hone label invite NAME --token`".to_owned();
    Err(status(Code::PermissionDenied, "calls with the page's cookie are for the page itself", Some(hint)))
}

const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
];

fn with_headers(site: &Site, mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert_with(|| site.settings.policy.clone());
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}
