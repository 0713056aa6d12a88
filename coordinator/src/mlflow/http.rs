//! HTTP to one server: JSON in both directions, and files.

use std::{fs::File, time::Duration};

use http::{Method, StatusCode};
use serde_json::Value as Json;

use super::server::{Server, ServerError};
use crate::outbound::{Answer, Away, Client as Connections, Payload, first_line};

/// How long a call may take; servers that are loaded take seconds.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// A file may take as much longer for each of its bytes: 256 KiB in a second.
const FILE_BYTES_PER_SECOND: u64 = 256 << 10;

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answered, or whoever did cannot or may not serve us now: the same call may work later.
    #[error("{0}")]
    Away(String),
    /// MLflow understood, and will not, now or later.
    #[error("{code}: {message}")]
    Refused { code: String, message: String },
}

impl From<Away> for CallError {
    fn from(away: Away) -> CallError {
        CallError::Away(away.0)
    }
}

/// A server, and connections to it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    connections: Connections,
    server: Server,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(server: &Server) -> Result<Client, ServerError> {
        let connections = Connections::new(server.address(), server.authorities.as_deref())
            .map_err(|error| ServerError::Certificates { path: error.path, reason: error.reason })?;
        Ok(Client { connections, server: server.clone() })
    }

    pub async fn get(&self, path: &str) -> Result<Json, CallError> {
        self.call(Method::GET, path, Payload::Nothing, CALL_LIMIT).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: &Json) -> Result<Json, CallError> {
        self.call(method, path, Payload::Json(body), CALL_LIMIT).await
    }

    /// Sends a file piece by piece.
    pub async fn put_file(&self, path: &str, file: File, size: u64) -> Result<(), CallError> {
        let limit = CALL_LIMIT + Duration::from_secs(size / FILE_BYTES_PER_SECOND);
        self.call(Method::PUT, path, Payload::File(file, size), limit).await.map(drop)
    }

    async fn call(&self, method: Method, path: &str, payload: Payload<'_>, limit: Duration) -> Result<Json, CallError> {
        let authorization = self.server.authorization.as_ref();
        let Answer { status, body } = self.connections.call(method, path, authorization, payload, limit).await?;
        read(status, &body)
    }
}

/// An answer without a body is an empty object.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Result<Json, CallError> {
    let json: Option<Json> = if body.is_empty() { Some(Json::default()) } else { serde_json::from_slice(body).ok() };
    if status.is_success() {
        return json.ok_or_else(|| CallError::Away("the answer is no JSON; is this an MLflow server?".to_owned()));
    }
    let said = |key: &str| json.as_ref().and_then(|json| json[key].as_str()).map(first_line);
    let code = said("error_code").filter(|_| status.is_client_error());
    match (status, code) {
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
            Err(CallError::Away(format!("{status}: the server wants other credentials; see $MLFLOW_TRACKING_USERNAME")))
        }
        (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS, _) => Err(CallError::Away(status.to_string())),
        (_, Some(code)) => Err(CallError::Refused { code, message: said("message").unwrap_or_default() }),
        (StatusCode::PAYLOAD_TOO_LARGE, None) => {
            Err(CallError::Refused { code: status.to_string(), message: "a limit of the server, or of a proxy".to_owned() })
        }
        (_, None) => Err(CallError::Away(status.to_string())),
    }
}
