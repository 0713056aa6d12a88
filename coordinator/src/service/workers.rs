//! The worker's side: joining, and the one stream that carries everything in order.

use std::{pin::Pin, time::Duration};

use hone_proto::worker::{
    Ack, AuthorityRequest, AuthorityResponse, FromWorker, Goodbye, JoinRequest, JoinResponse, LogRequest, Records, Renew, RenewAck, ToWorker, Welcome,
    from_worker, to_worker, worker_service_server::WorkerService,
};
use hone_studies::{Command, HeldAttempt, Reply, Timings, WorkerId};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{Services, status};
use crate::{
    actor::{Arrival, Refusal},
    convert,
    security::Peer,
    sessions::{OUTBOX, Outbox},
};

/// A stream that has not said who it is by then is closed.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// A worker that is silent for so long has lost its connection.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

#[tonic::async_trait]
impl WorkerService for Services {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

    async fn authority(&self, _: Request<AuthorityRequest>) -> Result<Response<AuthorityResponse>, Status> {
        let certificate_pem = self.gatekeeper.authority_pem()?;
        Ok(Response::new(AuthorityResponse { certificate_pem }))
    }

    async fn join(&self, request: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        self.gatekeeper.join(request.into_inner()).map(Response::new)
    }

    async fn attach(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Self::AttachStream>, Status> {
        let identity = request.extensions().get::<Peer>().and_then(Peer::worker_identity);
        let mut inbound = request.into_inner();
        let first = tokio::time::timeout(HELLO_LIMIT, inbound.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no hello within 10 s"))??;
        let Some(FromWorker { kind: Some(from_worker::Kind::Hello(hello)) }) = first else {
            return Err(Status::invalid_argument("the first message of a worker's stream must be a hello"));
        };
        let unusable = |error| convert::status::from_wire(&error);
        let protocol = convert::worker::protocol_of(&hello).map_err(unusable)?;
        let (clock, build) = (hello.wall_us, hello.build.clone());
        let mut greeting = convert::worker::hello_from_proto(hello).map_err(unusable)?;
        if let Some(identity) = identity {
            greeting.profile.key = identity;
        }
        let (outbox, outbound) = mpsc::channel(OUTBOX);
        let session = self.sessions.next_id();
        let (own_build, store) = (self.build.clone(), self.store_id.clone());
        let arrival = Arrival {
            session,
            outbox: outbox.clone(),
            profile: greeting.profile,
            incarnation: greeting.incarnation,
            held: greeting.held,
            draining: greeting.draining,
            welcome: Box::new(move |worker, over| to_worker::Kind::Welcome(welcome(worker, over, protocol, own_build, store))),
        };
        let worker = self.writer.attach(arrival).await.map_err(status)?;
        self.sessions.note_clock(worker, clock - wall_now());
        tracing::info!(%worker, session, build, "worker attached");
        let connection = Connection { services: self.clone(), worker, session, outbox };
        tokio::spawn(connection.run(inbound));
        Ok(Response::new(Box::pin(ReceiverStream::new(outbound))))
    }
}

fn welcome(worker: WorkerId, over: &[HeldAttempt], protocol: u32, build: String, store: String) -> Welcome {
    let lease_ms = Timings::DEFAULT.lease / 1_000;
    Welcome {
        protocol,
        build,
        worker: worker.0,
        lease_ms,
        renew_ms: lease_ms / 3,
        acknowledged: 0,
        over: convert::worker::held_to_proto(over),
        store,
    }
}

fn wall_now() -> i64 {
    crate::clock::Clock::start().now().wall
}

/// Why a stream ends from this side.
struct Closing {
    retry: bool,
    reason: String,
}

struct Connection {
    services: Services,
    worker: WorkerId,
    session: u64,
    outbox: Outbox,
}

impl Connection {
    async fn run(self, mut inbound: Streaming<FromWorker>) {
        let reason = loop {
            let next = tokio::select! {
                next = tokio::time::timeout(IDLE_LIMIT, inbound.message()) => next,
                // The writer has given this stream up.
                () = self.outbox.closed() => break "closed".to_owned(),
            };
            let message = match next {
                Ok(Ok(Some(message))) => message,
                Ok(Ok(None)) => break "closed by the worker".to_owned(),
                Ok(Err(error)) => break error.message().to_owned(),
                Err(_) => break "nothing heard for 90 s".to_owned(),
            };
            if let Err(closing) = self.take(message).await {
                let goodbye = Goodbye { retry: closing.retry, reason: closing.reason.clone() };
                self.say(to_worker::Kind::Goodbye(goodbye)).await;
                break closing.reason;
            }
        };
        tracing::info!(worker = %self.worker, reason, "worker detached");
        self.services.writer.detach(self.worker, self.session).await;
    }

    async fn take(&self, message: FromWorker) -> Result<(), Closing> {
        match message.kind {
            Some(from_worker::Kind::Records(records)) => self.records(records).await,
            Some(from_worker::Kind::Renew(renew)) => self.renew(renew).await,
            Some(from_worker::Kind::Log(chunk)) => {
                let request = chunk.request;
                if !self.services.sessions.deliver_log(chunk) {
                    self.say(to_worker::Kind::Log(LogRequest { request, cancel: true, ..LogRequest::default() })).await;
                }
                Ok(())
            }
            Some(from_worker::Kind::Leaving(leaving)) => {
                tracing::info!(worker = %self.worker, reason = leaving.reason, "worker leaves");
                let left = self.services.writer.command(Command::WorkerLeaves { worker: self.worker }).await;
                left.map(drop).map_err(closing)
            }
            Some(from_worker::Kind::Hello(_)) => Err(refused("a second hello")),
            // A newer worker's kind that this build does not need.
            None => Ok(()),
        }
    }

    async fn records(&self, records: Records) -> Result<(), Closing> {
        let Some(sequence) = records.records.last().map(|record| record.sequence) else { return Ok(()) };
        let records = convert::worker::records_from_proto(records).map_err(|error| refused(&error.to_string()))?;
        self.services.writer.command(Command::Records { worker: self.worker, records }).await.map_err(closing)?;
        self.say(to_worker::Kind::Ack(Ack { sequence })).await;
        Ok(())
    }

    async fn renew(&self, renew: Renew) -> Result<(), Closing> {
        let held = convert::worker::held_from_proto(&renew.held).map_err(|error| refused(&error.to_string()))?;
        let reply = self.services.writer.command(Command::Renew { worker: self.worker, held }).await.map_err(closing)?;
        let over = match reply {
            Reply::Renewed { over } => convert::worker::held_to_proto(&over),
            Reply::Done | Reply::Study(_) | Reply::Changed { .. } | Reply::Trial(_) | Reply::Attached { .. } => Vec::new(),
        };
        self.say(to_worker::Kind::RenewAck(RenewAck { nonce: renew.nonce, over })).await;
        Ok(())
    }

    async fn say(&self, kind: to_worker::Kind) {
        let _ = self.outbox.send(Ok(ToWorker { kind: Some(kind) })).await;
    }
}

fn closing(refusal: Refusal) -> Closing {
    Closing { retry: true, reason: refusal.to_string() }
}

fn refused(reason: &str) -> Closing {
    Closing { retry: false, reason: format!("the worker broke the protocol: {reason}") }
}
