//! `authorise` around every service of a server, and the throttle around that.

use std::{
    future::{Ready, ready},
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::Either;
use tonic::{
    Code, Status,
    body::Body,
    codegen::http::{Request, Response, header::AUTHORIZATION},
};
use tower::{Layer, Service};

use super::{Access, Caller, Denied, Gatekeeper, Peer, access_of, authorise};

/// Puts [`Authorise`] around services.
#[derive(Clone, Debug)]
pub struct AuthoriseLayer {
    gatekeeper: Arc<Gatekeeper>,
}

impl AuthoriseLayer {
    /// A layer that asks this gatekeeper.
    pub fn new(gatekeeper: Arc<Gatekeeper>) -> AuthoriseLayer {
        AuthoriseLayer { gatekeeper }
    }
}

impl<S> Layer<S> for AuthoriseLayer {
    type Service = Authorise<S>;

    fn layer(&self, inner: S) -> Authorise<S> {
        Authorise { inner, gatekeeper: self.gatekeeper.clone() }
    }
}

/// Answers calls that are not allowed; passes on the others, with their [`Caller`].
#[derive(Clone, Debug)]
pub struct Authorise<S> {
    inner: S,
    gatekeeper: Arc<Gatekeeper>,
}

type Answer<E> = Result<Response<Body>, E>;

impl<S> Service<Request<Body>> for Authorise<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<Either<S::Future, Pin<Box<dyn Future<Output = Answer<S::Error>> + Send>>>, Ready<Answer<S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let caller = match decide(&self.gatekeeper, &request) {
            Ok(caller) => caller,
            Err(status) => return Either::Right(ready(Ok(status.into_http()))),
        };
        let joins = access_of(request.uri().path()) == Some(Access::Joiner);
        request.extensions_mut().insert(caller);
        let answer = self.inner.call(request);
        match caller.peer.address.filter(|_| joins) {
            Some(address) => Either::Left(Either::Right(Box::pin(watch_join(answer, self.gatekeeper.clone(), address.ip())))),
            None => Either::Left(Either::Left(answer)),
        }
    }
}

fn decide(gatekeeper: &Gatekeeper, request: &Request<Body>) -> Result<Caller, Status> {
    let peer = request.extensions().get::<Peer>();
    let address = peer.and_then(|peer| peer.address).map(|address| address.ip());
    if address.is_some_and(|address| gatekeeper.is_closed(address)) {
        return Err(Status::resource_exhausted("too many wrong credentials came from this address; wait a minute"));
    }
    // A header that is no text is a wrong one.
    let header = request.headers().get(AUTHORIZATION).map(|header| header.to_str().unwrap_or_default());
    authorise(request.uri().path(), peer, header, gatekeeper.token()).map_err(|Denied { status, guessed }| {
        if guessed && let Some(address) = address {
            gatekeeper.failed(address);
        }
        status
    })
}

/// A join token is in the message, so that a wrong one shows only in the answer.
async fn watch_join<E>(answer: impl Future<Output = Answer<E>>, gatekeeper: Arc<Gatekeeper>, address: IpAddr) -> Answer<E> {
    let answer = answer.await;
    let status = answer.as_ref().ok().and_then(|response| Status::from_header_map(response.headers()));
    if status.is_some_and(|status| status.code() == Code::Unauthenticated) {
        gatekeeper.failed(address);
    }
    answer
}
