//! HTTP to one server: JSON in both directions, and files.

use std::{fs::File, io, path::Path, time::Duration};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Method, Request, StatusCode, header, request::Builder};
use http_body_util::{BodyExt, Empty, Full, Limited, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pool, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value as Json;
use tokio_util::io::ReaderStream;

use super::server::{Server, ServerError};

/// How long a call may take; servers that are loaded take seconds.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// A file may take as much longer for each of its bytes: 256 KiB in a second.
const FILE_BYTES_PER_SECOND: u64 = 256 << 10;
/// The largest answer that is read.
const MAX_ANSWER: usize = 16 << 20;
/// Characters of what a server says that are passed on.
const SHOWN: usize = 300;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const IDLE_LIMIT: Duration = Duration::from_secs(30);

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

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A server, and connections to it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
    server: Server,
}

impl Client {
    /// Makes a client; connects to nothing yet.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(server: &Server) -> Result<Client, ServerError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_connect_timeout(Some(CONNECT_LIMIT));
        plain.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls(server)?);
        let connector = builder.https_or_http().enable_http1().wrap_connector(plain);
        let pool =
            Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_LIMIT).build(connector);
        Ok(Client { pool, server: server.clone() })
    }

    pub async fn get(&self, path: &str) -> Result<Json, CallError> {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        self.call(Request::get(self.uri(path)), body, CALL_LIMIT).await
    }

    /// Sends JSON.
    pub async fn send(&self, method: Method, path: &str, body: &Json) -> Result<Json, CallError> {
        let body = Full::new(Bytes::from(body.to_string())).map_err(|never| match never {}).boxed_unsync();
        let request = Request::builder().method(method).uri(self.uri(path)).header(header::CONTENT_TYPE, "application/json");
        self.call(request, body, CALL_LIMIT).await
    }

    /// Sends a file piece by piece.
    pub async fn put_file(&self, path: &str, file: File, size: u64) -> Result<(), CallError> {
        let pieces = ReaderStream::new(tokio::fs::File::from_std(file)).map_ok(Frame::data);
        let request = Request::put(self.uri(path))
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header(header::CONTENT_LENGTH, size);
        let limit = CALL_LIMIT + Duration::from_secs(size / FILE_BYTES_PER_SECOND);
        self.call(request, StreamBody::new(pieces).boxed_unsync(), limit).await.map(drop)
    }

    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.server.address())
    }

    async fn call(&self, mut request: Builder, body: Body, limit: Duration) -> Result<Json, CallError> {
        if let Some(authorization) = &self.server.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request.body(body).map_err(|error| CallError::Away(error.to_string()))?;
        let answer = async {
            let answer = self.pool.request(request).await.map_err(|error| CallError::Away(chain(&error)))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| CallError::Away(chain(&*error)))?;
            read(status, &body.to_bytes())
        };
        let late = |_| CallError::Away(format!("no answer within {} s", limit.as_secs()));
        tokio::time::timeout(limit, answer).await.map_err(late)?
    }
}

/// An answer without a body is an empty object.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Result<Json, CallError> {
    let json: Option<Json> = if body.is_empty() { Some(Json::default()) } else { serde_json::from_slice(body).ok() };
    if status.is_success() {
        return json.ok_or_else(|| CallError::Away("the answer is no JSON; is this an MLflow server?".to_owned()));
    }
    let said = |key: &str| json.as_ref().and_then(|json| json[key].as_str()).map(shown);
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

/// The first line, as much of it as is worth showing.
fn shown(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(SHOWN).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

/// The system's authorities, or those of the file that was named; none where nothing is encrypted.
fn tls(server: &Server) -> Result<ClientConfig, ServerError> {
    let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().expect("ring has the default protocol versions");
    let encrypted = server.address().starts_with("https:");
    let builder = match (&server.authorities, encrypted) {
        (Some(path), _) => builder.with_root_certificates(authorities(path)?),
        (None, false) => builder.with_root_certificates(RootCertStore::empty()),
        (None, true) => builder
            .with_native_roots()
            .map_err(|error| ServerError::Certificates { path: "the system's store".into(), reason: error.to_string() })?,
    };
    Ok(builder.with_no_client_auth())
}

fn authorities(path: &Path) -> Result<RootCertStore, ServerError> {
    let unreadable = |reason: String| ServerError::Certificates { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unreadable("it holds none".to_owned())) } else { Ok(roots) }
}
