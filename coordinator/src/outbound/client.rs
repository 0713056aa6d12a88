//! Connections to one server.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{HeaderValue, Method, Request, StatusCode, header};
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

/// The largest answer that is read.
const MAX_ANSWER: usize = 16 << 20;
/// Characters of what a server says that are passed on.
const SHOWN: usize = 300;
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// Nobody answered; the reason in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Away(pub String);

/// The authorities that may vouch for a server cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CertificateError {
    pub path: PathBuf,
    pub reason: String,
}

/// What a server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
}

/// What a request carries.
pub(crate) enum Payload<'a> {
    Nothing,
    Json(&'a Json),
    /// Bytes of a content type.
    Bytes(&'a str, Bytes),
    /// A file of a size, sent piece by piece.
    File(File, u64),
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A server, and connections to it.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pool: Pool<HttpsConnector<HttpConnector>, Body>,
    address: String,
}

impl Client {
    /// Makes a client; connects to nothing yet. `authorities`: a PEM file of those that may vouch for the server,
    /// instead of the system's.
    ///
    /// # Errors
    /// The authorities cannot be read.
    pub fn new(address: &str, authorities: Option<&Path>) -> Result<Client, CertificateError> {
        let mut plain = HttpConnector::new();
        plain.enforce_http(false);
        plain.set_connect_timeout(Some(CONNECT_LIMIT));
        plain.set_nodelay(true);
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls(address, authorities)?);
        let connector = builder.https_or_http().enable_http1().wrap_connector(plain);
        let pool =
            Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_LIMIT).build(connector);
        Ok(Client { pool, address: address.to_owned() })
    }

    /// Sends a request to a path below the server's address, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// Nobody answered within the limit, or what they said is too long.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        authorization: Option<&HeaderValue>,
        payload: Payload<'_>,
        limit: Duration,
    ) -> Result<Answer, Away> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.address));
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let (kind, body) = body_of(payload);
        if let Some((kind, size)) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
            if let Some(size) = size {
                request = request.header(header::CONTENT_LENGTH, size);
            }
        }
        let request = request.body(body).map_err(|error| Away(error.to_string()))?;
        let answer = async {
            let answer = self.pool.request(request).await.map_err(|error| Away(chain(&error)))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| Away(chain(&*error)))?.to_bytes();
            Ok(Answer { status, body })
        };
        let late = |_| Away(format!("no answer within {} s", limit.as_secs()));
        tokio::time::timeout(limit, answer).await.map_err(late)?
    }
}

type Kind = Option<(String, Option<u64>)>;

fn body_of(payload: Payload) -> (Kind, Body) {
    let whole = |bytes: Bytes| Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    match payload {
        Payload::Nothing => (None, Empty::new().map_err(|never| match never {}).boxed_unsync()),
        Payload::Json(json) => (Some(("application/json".to_owned(), None)), whole(Bytes::from(json.to_string()))),
        Payload::Bytes(kind, bytes) => (Some((kind.to_owned(), None)), whole(bytes)),
        Payload::File(file, size) => {
            let pieces = ReaderStream::new(tokio::fs::File::from_std(file)).map_ok(Frame::data);
            (Some(("application/octet-stream".to_owned(), Some(size))), StreamBody::new(pieces).boxed_unsync())
        }
    }
}

/// The first line of what a server says, as much of it as is worth showing.
pub(crate) fn first_line(text: &str) -> String {
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
fn tls(address: &str, named: Option<&Path>) -> Result<ClientConfig, CertificateError> {
    let builder = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().expect("ring has the default protocol versions");
    let encrypted = address.starts_with("https:");
    let builder = match (named, encrypted) {
        (Some(path), _) => builder.with_root_certificates(authorities(path)?),
        (None, false) => builder.with_root_certificates(RootCertStore::empty()),
        (None, true) => builder
            .with_native_roots()
            .map_err(|error| CertificateError { path: "the system's store".into(), reason: error.to_string() })?,
    };
    Ok(builder.with_no_client_auth())
}

fn authorities(path: &Path) -> Result<RootCertStore, CertificateError> {
    let unreadable = |reason: String| CertificateError { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() { Err(unreadable("it holds none".to_owned())) } else { Ok(roots) }
}
