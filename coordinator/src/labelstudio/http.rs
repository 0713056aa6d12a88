//! Calls of Label Studio's REST interface: JSON in both directions, as whoever the token says.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

use super::server::{Server, ServerError, Token, header};
use crate::outbound::{Answer, Away, Client as Connections, Payload, first_line};

/// Imports of many tasks take seconds on a server that is busy.
const CALL_LIMIT: Duration = Duration::from_secs(120);
/// Access tokens live 300 s.
const ACCESS_LIFE: Duration = Duration::from_secs(240);

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answered, or whoever did cannot or may not serve us now: the same call may work later.
    #[error("{0}")]
    Away(String),
    /// It is not there.
    #[error("not there: {0}")]
    Missing(String),
    /// Label Studio understood, and will not, now or later.
    #[error("{0}")]
    Refused(String),
}

impl From<Away> for CallError {
    fn from(away: Away) -> CallError {
        CallError::Away(away.0)
    }
}

/// What a call carries.
#[derive(Clone)]
pub(super) enum Carried<'a> {
    Nothing,
    Json(&'a Json),
    /// Bytes of a content type.
    Bytes(&'a str, Bytes),
}

impl Carried<'_> {
    fn payload(&self) -> Payload<'_> {
        match self {
            Carried::Nothing => Payload::Nothing,
            Carried::Json(json) => Payload::Json(json),
            Carried::Bytes(kind, bytes) => Payload::Bytes(kind, bytes.clone()),
        }
    }
}

/// A server, and connections to it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    connections: Connections,
    token: Token,
    /// The access token of the moment and when it was given.
    access: Arc<Mutex<Option<(HeaderValue, Instant)>>>,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(server: &Server) -> Result<Client, ServerError> {
        let connections = Connections::new(server.address(), server.authorities.as_deref())
            .map_err(|error| ServerError::Certificates { path: error.path, reason: error.reason })?;
        Ok(Client { connections, token: server.token.clone(), access: Arc::default() })
    }

    pub async fn get(&self, path: &str) -> Result<Json, CallError> {
        self.call(Method::GET, path, Carried::Nothing).await
    }

    pub async fn post(&self, path: &str, body: &Json) -> Result<Json, CallError> {
        self.call(Method::POST, path, Carried::Json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Json) -> Result<Json, CallError> {
        self.call(Method::PATCH, path, Carried::Json(body)).await
    }

    /// Sends a call; once more with a new access token where the old one is refused.
    pub async fn call(&self, method: Method, path: &str, carried: Carried<'_>) -> Result<Json, CallError> {
        let answer = self.send(method.clone(), path, &carried, false).await?;
        let again = answer.status == StatusCode::UNAUTHORIZED && matches!(self.token, Token::Personal(_));
        let Answer { status, body } = if again { self.send(method, path, &carried, true).await? } else { answer };
        read(status, &body)
    }

    async fn send(&self, method: Method, path: &str, carried: &Carried<'_>, renew: bool) -> Result<Answer, CallError> {
        let authorization = self.authorization(renew).await?;
        Ok(self.connections.call(method, path, Some(&authorization), carried.payload(), CALL_LIMIT).await?)
    }

    async fn authorization(&self, renew: bool) -> Result<HeaderValue, CallError> {
        let refresh = match &self.token {
            Token::Legacy(header) => return Ok(header.clone()),
            Token::Personal(refresh) => refresh,
        };
        let mut access = self.access.lock().await;
        match &*access {
            Some((header, given)) if !renew && given.elapsed() < ACCESS_LIFE => Ok(header.clone()),
            _ => {
                let body = json!({"refresh": refresh.reveal()});
                let call = self.connections.call(Method::POST, "/api/token/refresh/", None, Payload::Json(&body), CALL_LIMIT);
                let Answer { status, body } = call.await?;
                let answer = read(status, &body)?;
                let given = answer["access"].as_str().and_then(|token| header("Bearer", token));
                let given = given.ok_or_else(|| CallError::Away("the server gave no access token".to_owned()))?;
                *access = Some((given.clone(), Instant::now()));
                Ok(given)
            }
        }
    }
}

/// An answer without a body is an empty object.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Result<Json, CallError> {
    let json: Option<Json> = if body.is_empty() { Some(Json::default()) } else { serde_json::from_slice(body).ok() };
    if status.is_success() {
        return json.ok_or_else(|| CallError::Away("the answer is no JSON; is this a Label Studio server?".to_owned()));
    }
    let said = json.as_ref().map(said).unwrap_or_default();
    match status {
        StatusCode::FORBIDDEN => Err(CallError::Away(format!("{status}: {said}"))),
        StatusCode::UNAUTHORIZED => Err(CallError::Away(format!(
            "{status}: {said}; the server wants another token: a legacy token has to be allowed under \
             `Organization > Access Token Settings`, a personal access token is revoked there"
        ))),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Err(CallError::Away(status.to_string())),
        StatusCode::NOT_FOUND if json.is_some() => Err(CallError::Missing(said)),
        StatusCode::PAYLOAD_TOO_LARGE => Err(CallError::Refused(format!("{status}: a limit of the server, or of a proxy"))),
        status if status.is_client_error() && json.is_some() => Err(CallError::Refused(format!("{status}: {said}"))),
        status => Err(CallError::Away(status.to_string())),
    }
}

/// What an error says, without the number that tells it from others.
fn said(error: &Json) -> String {
    let texts = |value: &Json| match value {
        Json::String(text) => first_line(text),
        other => first_line(&other.to_string()),
    };
    let Some(fields) = error.as_object() else { return texts(error) };
    let told = |name: &&String| !matches!(name.as_str(), "id" | "status_code" | "version" | "exc_info");
    let parts: Vec<String> = fields
        .iter()
        .filter(|(name, value)| told(name) && !value.is_null())
        .map(|(name, value)| if name == "detail" { texts(value) } else { format!("{name}: {}", texts(value)) })
        .collect();
    parts.join("; ")
}
