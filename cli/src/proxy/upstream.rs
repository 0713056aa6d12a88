//! The way to the coordinator, for calls whose messages are bytes.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hone_proto::v1::client_service_client::ClientServiceClient;
use http_body_util::{BodyExt, Full};
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{
        HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header::AUTHORIZATION, request, response::Parts,
    },
    transport::Channel,
};
use tower::{Service, ServiceExt};

use crate::{
    connect::{Client, Transport, lazy_channel},
    context::{Context, Credentials, Token},
    errors::{Result, chain},
};

use super::{call, retry::Outcome};

/// Tells the coordinator that a call is sent again: 32 hexadecimal digits.
const REQUEST_ID: HeaderName = HeaderName::from_static("hone-request-id");
/// How a server says that its refusal will pass.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// A call as it came in.
#[derive(Debug)]
pub struct Sent {
    path: Uri,
    headers: HeaderMap,
    pub body: Bytes,
}

impl Sent {
    /// Takes a call in, with an id if it changes anything.
    pub fn new(head: request::Parts, body: Bytes) -> Self {
        let mut sent = Self { path: head.uri, headers: head.headers, body };
        sent.headers.remove(AUTHORIZATION);
        sent.headers.remove(REQUEST_ID);
        if call::changes(sent.method())
            && let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().simple().to_string())
        {
            sent.headers.insert(REQUEST_ID, id);
        }
        sent
    }

    /// The call's name.
    pub fn method(&self) -> &str {
        call::method(self.path.path())
    }
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    head: Parts,
    pub body: Bytes,
    trailers: Option<HeaderMap>,
}

impl Answer {
    /// The answer of a call that returns nothing.
    pub fn empty() -> Self {
        let (head, ()) = Response::builder().header("content-type", "application/grpc").body(()).unwrap_or_default().into_parts();
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
        Self { head, body: Bytes::from_static(&[0; 5]), trailers: Some(trailers) }
    }

    async fn read(response: Response<Body>) -> std::result::Result<Self, Status> {
        let (head, body) = response.into_parts();
        let whole = body.collect().await?;
        let trailers = whole.trailers().cloned();
        Ok(Self { head, body: whole.to_bytes(), trailers })
    }

    fn status(&self) -> Option<Status> {
        self.trailers.as_ref().and_then(Status::from_header_map).or_else(|| Status::from_header_map(&self.head.headers))
    }

    /// Whether the call was done.
    pub fn is_ok(&self) -> bool {
        self.status().is_some_and(|status| status.code() == Code::Ok)
    }

    /// What it is to whoever tries. Without a status it is half of an answer.
    pub fn outcome(&self) -> Outcome {
        let answered =
            |status: Status| Outcome::Answered { code: status.code(), may_pass: status.metadata().contains_key(PUSHBACK) };
        self.status().map_or(Outcome::Broken, answered)
    }

    /// Passes it on.
    pub fn into_response(self) -> Response<Body> {
        let body = match self.trailers {
            Some(trailers) => Body::new(Full::new(self.body).with_trailers(std::future::ready(Some(Ok(trailers))))),
            None if self.body.is_empty() => Body::empty(),
            None => Body::new(Full::new(self.body)),
        };
        Response::from_parts(self.head, body)
    }
}

/// A coordinator that may be away. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Upstream {
    channel: Channel,
    credentials: Arc<Credentials>,
    token: Arc<Mutex<Option<Token>>>,
}

impl Upstream {
    /// Prepares the way; nobody is spoken to yet.
    ///
    /// # Errors
    /// The address cannot be used, or would be spoken to in the clear.
    pub fn new(context: &Context) -> Result<Self> {
        // The holder of a folder knows its own user; a token is for a coordinator that was named.
        let named = context.server.is_some();
        let token = context.credentials.token.clone().filter(|_| named);
        let upstream = Self {
            channel: lazy_channel(context)?,
            credentials: Arc::new(context.credentials.clone()),
            token: Arc::new(Mutex::new(token)),
        };
        Client::new(upstream.channel.clone(), upstream.token().as_ref())?;
        Ok(upstream)
    }

    /// What the next call shows.
    pub fn token(&self) -> Option<Token> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the credential again; false: there is none but the refused one.
    pub fn identify(&self, refused: Option<&Token>) -> bool {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = self.credentials.token_of_file().filter(|other| Some(other) != token.as_ref()) {
            *token = Some(other);
        }
        token.as_ref() != refused
    }

    /// Makes a call and reads the whole answer.
    ///
    /// # Errors
    /// `Unavailable`: there was no answer, or half of one.
    pub async fn call(&self, sent: &Sent, token: Option<&Token>) -> std::result::Result<Answer, Status> {
        let broken =
            |error: &dyn std::error::Error| Status::unavailable(format!("cannot reach the coordinator: {}", chain(error)));
        let mut request = Request::new(Body::new(Full::new(sent.body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = sent.path.clone();
        *request.headers_mut() = sent.headers.clone();
        if let Some(token) = token {
            request.headers_mut().insert(AUTHORIZATION, bearer(token)?);
        }
        let mut channel = self.channel.clone();
        let ready = channel.ready().await.map_err(|error| broken(&error))?;
        let response = ready.call(request).await.map_err(|error| broken(&error))?;
        Answer::read(response).await.map_err(|error| broken(&error))
    }

    /// The calls that keep leases.
    ///
    /// # Errors
    /// The credential cannot be sent.
    pub fn clients(&self, token: Option<&Token>) -> Result<ClientServiceClient<Transport>> {
        Ok(Client::new(self.channel.clone(), token)?.clients())
    }
}

fn bearer(token: &Token) -> std::result::Result<HeaderValue, Status> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.secret()));
    let mut value = value.map_err(|_| Status::unauthenticated("the token holds characters that no token has"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &'static str) -> Sent {
        let request = Request::builder().uri(path).header(AUTHORIZATION, "Bearer theirs").header(REQUEST_ID, "theirs");
        let (head, ()) = request.body(()).unwrap().into_parts();
        Sent::new(head, Bytes::new())
    }

    fn answer(headers: &[(&'static str, &'static str)], trailers: Option<&[(&'static str, &'static str)]>) -> Answer {
        let map = |pairs: &[(&'static str, &'static str)]| {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
        };
        let (mut head, ()) = Response::new(()).into_parts();
        head.headers = map(headers);
        Answer { head, body: Bytes::from_static(b"\0\0\0\0\0"), trailers: trailers.map(map) }
    }

    #[test]
    fn each_change_has_an_id_of_its_own_and_a_callers_credentials_go_no_further() {
        let (one, other) = (sent("/optuna.StorageService/CreateNewTrial"), sent("/optuna.StorageService/CreateNewTrial"));
        let id = |sent: &Sent| sent.headers[REQUEST_ID].to_str().unwrap().to_owned();
        assert!(id(&one).len() == 32 && id(&one).chars().all(|digit| digit.is_ascii_hexdigit()));
        assert_ne!(id(&one), id(&other));
        assert_eq!(one.headers.get(AUTHORIZATION), None);
        assert_eq!(sent("/optuna.StorageService/GetTrial").headers.get(REQUEST_ID), None);
    }

    #[test]
    fn the_status_is_found_wherever_it_stands_and_missing_in_half_an_answer() {
        let code = |answer: Answer| answer.outcome();
        let unavailable = Outcome::Answered { code: Code::Unavailable, may_pass: false };
        assert_eq!(code(answer(&[("grpc-status", "14")], None)), unavailable);
        assert_eq!(code(answer(&[], Some(&[("grpc-status", "14")]))), unavailable);
        assert_eq!(code(answer(&[], None)), Outcome::Broken);
        assert!(Answer::empty().is_ok());
        let full = answer(&[("grpc-status", "8"), (PUSHBACK, "1000")], None);
        assert_eq!(full.outcome(), Outcome::Answered { code: Code::ResourceExhausted, may_pass: true });
    }

    #[tokio::test]
    async fn an_answer_is_passed_on_as_it_came() {
        let response = answer(&[("x-kept", "yes")], Some(&[("grpc-status", "0")])).into_response();
        assert_eq!(response.headers()["x-kept"], "yes");
        let whole = response.into_body().collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(&whole.to_bytes()[..], b"\0\0\0\0\0");
    }
}
