//! Errors as HTTP: the one table from gRPC's codes, and the document that callers read.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use tonic::{Code, Status};

use crate::convert::status::HINT;

/// Why a call was refused. As JSON: `{"error": …, "hint": …}`.
#[derive(Debug)]
pub(super) struct Failure(pub Status);

#[derive(Serialize)]
struct Document<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        Failure(status)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let (error, hint) = match self.0.message().split_once(HINT) {
            Some((error, hint)) => (error, Some(hint)),
            None => (self.0.message(), None),
        };
        (http_status(self.0.code()), Json(Document { error, hint })).into_response()
    }
}

/// The HTTP status of a code.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::InvalidArgument | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable | Code::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Answers where nothing is.
pub(super) async fn nothing_there() -> Failure {
    Failure(Status::not_found("there is nothing under this address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_an_error_is_an_http_error() {
        for code in (1..=16).map(Code::from) {
            assert!(http_status(code).as_u16() >= 400, "{code:?}");
        }
        assert_eq!(http_status(Code::Ok), StatusCode::OK);
    }
}
