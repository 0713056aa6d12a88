//! Takes calls in and carries each to the coordinator, again and again while that is away.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hone_coordinator::liveness::Connection;
use hone_proto::optuna::storage_service_server::SERVICE_NAME;
use http_body_util::BodyExt;
use tokio::sync::watch;
use tonic::{
    Status,
    body::Body,
    codegen::http::{Request, Response},
    server::NamedService,
};
use tower::Service;

use super::{
    call::{self, Meaning},
    retry::{self, Outcome, Verdict},
    upstream::{Answer, Sent, Upstream},
};

/// Optuna's service, as bytes.
#[derive(Clone, Debug)]
pub struct Relay(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    upstream: Upstream,
    /// How long a call waits for a coordinator that is away.
    hold: Duration,
    /// This process is to end.
    over: watch::Receiver<bool>,
    /// So that it is said once when the coordinator goes, and once when it is back.
    is_away: AtomicBool,
}

impl NamedService for Relay {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<Request<Body>> for Relay {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        Box::pin(async move { Ok(shared.answer(request).await.unwrap_or_else(Status::into_http)) })
    }
}

impl Relay {
    /// Carries calls `upstream`; one that cannot be answered is held for so long.
    pub fn new(upstream: Upstream, hold: Duration, over: watch::Receiver<bool>) -> Self {
        Self(Arc::new(Shared { upstream, hold, over, is_away: AtomicBool::new(false) }))
    }
}

impl Shared {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let (head, body) = request.into_parts();
        let connection = head.extensions.get::<Connection>().cloned();
        let _under_way = connection.as_ref().map(Connection::call);
        let sent = Sent::new(head, body.collect().await?.to_bytes());
        let answer = self.carry(&sent).await?;
        if let Some(connection) = connection.filter(|_| answer.is_ok()) {
            note(&connection, call::meaning(sent.method(), &sent.body, &answer.body));
        }
        Ok(answer.into_response())
    }

    /// Tries until there is an answer to deliver, or the call was held for long enough.
    async fn carry(&self, sent: &Sent) -> Result<Answer, Status> {
        let mut until = None;
        let mut number = 0;
        loop {
            let token = self.upstream.token();
            let tried = self.upstream.call(sent, token.as_ref()).await;
            let outcome = tried.as_ref().map_or(Outcome::Broken, Answer::outcome);
            match retry::verdict(sent.method(), number, outcome) {
                Verdict::Deliver => {
                    self.is_back();
                    return tried;
                }
                Verdict::Done => return Ok(Answer::empty()),
                Verdict::Identify if self.upstream.identify(token.as_ref()) => {}
                Verdict::Identify => return tried,
                Verdict::Again => {
                    self.goes_away(&tried);
                    let until = *until.get_or_insert_with(|| Instant::now() + self.hold);
                    if !self.pause(retry::pause(number), until).await {
                        return tried;
                    }
                }
            }
            number += 1;
        }
    }

    /// Waits before the next try; false: there is to be none.
    async fn pause(&self, pause: Duration, until: Instant) -> bool {
        let mut over = self.over.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => Instant::now() < until,
            _ = over.wait_for(|over| *over) => false,
        }
    }

    fn goes_away(&self, tried: &Result<Answer, Status>) {
        if !self.is_away.swap(true, Ordering::Relaxed) {
            let reason = tried.as_ref().err().map_or("it refuses for now", Status::message);
            tracing::warn!(reason, "the coordinator does not answer; calls wait for it");
        }
    }

    fn is_back(&self) {
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("the coordinator answers again");
        }
    }
}

fn note(connection: &Connection, meaning: Meaning) {
    match meaning {
        Meaning::Nothing => {}
        Meaning::Begun(trial) => connection.take(trial),
        Meaning::Written(trial) => connection.hold(trial),
        Meaning::Over(trial) => connection.all().forget(trial),
    }
}
