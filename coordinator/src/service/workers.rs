//! The worker's side: joining, and the one stream that carries everything in order.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use hone_proto::worker::{
    Ack, AuthorityRequest, AuthorityResponse, FromWorker, Goodbye, JoinRequest, JoinResponse, LogRequest, Records, Renew,
    RenewAck, ToWorker, Welcome, from_worker, to_worker, worker_service_server::WorkerService,
};
use hone_studies::{Command, HeldAttempt, Reply, WorkerId};
use tokio::sync::{mpsc, oneshot::error::TryRecvError};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{Services, status};
use crate::{
    actor::{Answer, Arrival, Refusal},
    convert,
    security::Peer,
    sessions::{OUTBOX, Outbox},
};

/// A stream that has not said who it is by then is closed.
const HELLO_LIMIT: Duration = Duration::from_secs(10);
/// A worker that is silent for so long has lost its connection.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// Messages with records of one stream that may be on their way to the disk: they fill the next commit while one is
/// synced. Bounded, so that a worker cannot fill the memory.
const PIPELINE: usize = 64;

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
        let lease_ms = self.store.timings().lease / 1_000;
        let open = CancellationToken::new();
        let arrival = Arrival {
            session,
            outbox: outbox.clone(),
            open: open.clone().drop_guard(),
            profile: greeting.profile,
            incarnation: greeting.incarnation,
            held: greeting.held,
            draining: greeting.draining,
            welcome: Box::new(move |worker, over| {
                to_worker::Kind::Welcome(welcome(worker, over, protocol, lease_ms, own_build, store))
            }),
        };
        let worker = self.writer.attach(arrival).await.map_err(status)?;
        self.sessions.note_clock(worker, clock - wall_now());
        tracing::info!(%worker, session, build, "worker attached");
        let connection = Connection { services: self.clone(), worker, session, outbox, given_up: open };
        tokio::spawn(connection.run(inbound));
        Ok(Response::new(Box::pin(ReceiverStream::new(outbound))))
    }
}

fn welcome(worker: WorkerId, over: &[HeldAttempt], protocol: u32, lease_ms: i64, build: String, store: String) -> Welcome {
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
    given_up: CancellationToken,
}

/// Records that the writer has and that are not acknowledged.
struct Unsettled {
    /// Of the last record.
    sequence: u64,
    answer: Answer,
}

impl Connection {
    async fn run(self, mut inbound: Streaming<FromWorker>) {
        let mut unsettled = VecDeque::new();
        let closing = loop {
            let done = tokio::select! {
                heard = tokio::time::timeout(IDLE_LIMIT, inbound.message()), if unsettled.len() < PIPELINE => match heard {
                    Ok(Ok(Some(message))) => self.take(&mut unsettled, message).await,
                    Ok(Ok(None)) => Err(ended("closed by the worker")),
                    Ok(Err(error)) => Err(ended(error.message())),
                    Err(_) => Err(ended("nothing heard for 90 s")),
                },
                answer = first_answer(&mut unsettled) => self.acknowledge(&mut unsettled, answer).await,
                () = self.given_up.cancelled() => Err(ended("given up by the writer")),
            };
            if let Err(closing) = done {
                break closing;
            }
        };
        let Closing { retry, reason } = closing;
        // Not waited for: a worker that does not read its stream is not told.
        let goodbye = to_worker::Kind::Goodbye(Goodbye { retry, reason: reason.clone() });
        let _ = self.outbox.try_send(Ok(ToWorker { kind: Some(goodbye) }));
        tracing::info!(worker = %self.worker, reason, "worker detached");
        self.services.writer.detach(self.worker, self.session).await;
    }

    async fn take(&self, unsettled: &mut VecDeque<Unsettled>, message: FromWorker) -> Result<(), Closing> {
        match message.kind {
            Some(from_worker::Kind::Records(records)) => self.records(unsettled, records).await,
            Some(from_worker::Kind::Renew(renew)) => {
                self.settle(unsettled).await?;
                self.renew(renew).await
            }
            Some(from_worker::Kind::Log(chunk)) => {
                let request = chunk.request;
                if !self.services.sessions.deliver_log(chunk) {
                    self.say(to_worker::Kind::Log(LogRequest { request, cancel: true, ..LogRequest::default() })).await;
                }
                Ok(())
            }
            Some(from_worker::Kind::Score(piece)) => {
                self.services.sessions.deliver_score(self.worker, piece);
                Ok(())
            }
            Some(from_worker::Kind::Kept(kept)) => {
                let hashes = convert::worker::kept_from_proto(&kept).map_err(|error| refused(&error.to_string()))?;
                self.services.sessions.note_kept(self.worker, self.session, hashes);
                Ok(())
            }
            Some(from_worker::Kind::Leaving(leaving)) => {
                self.settle(unsettled).await?;
                tracing::info!(worker = %self.worker, reason = leaving.reason, "worker leaves");
                let left =
                    self.services.writer.command(Command::WorkerLeaves { worker: self.worker, stream: self.session }).await;
                left.map(drop).map_err(closing)
            }
            Some(from_worker::Kind::Hello(_)) => Err(refused("a second hello")),
            // A newer worker's kind that this build does not need.
            None => Ok(()),
        }
    }

    async fn records(&self, unsettled: &mut VecDeque<Unsettled>, records: Records) -> Result<(), Closing> {
        let Some(sequence) = records.records.last().map(|record| record.sequence) else { return Ok(()) };
        let records = convert::worker::records_from_proto(self.worker, records).map_err(|error| refused(&error.to_string()))?;
        let command = Command::Records { worker: self.worker, records };
        let answer = self.services.writer.submit(command).await.map_err(closing)?;
        unsettled.push_back(Unsettled { sequence, answer });
        Ok(())
    }

    /// Waits until everything that the worker has said is durable and acknowledged.
    async fn settle(&self, unsettled: &mut VecDeque<Unsettled>) -> Result<(), Closing> {
        while !unsettled.is_empty() {
            let answer = first_answer(unsettled).await;
            self.acknowledge(unsettled, answer).await?;
        }
        Ok(())
    }

    /// Acknowledges the first records and all that are durable with them, in one message.
    async fn acknowledge(&self, unsettled: &mut VecDeque<Unsettled>, first: Result<Reply, Refusal>) -> Result<(), Closing> {
        let (mut answer, mut durable) = (first, None);
        while answer.is_ok() {
            durable = unsettled.pop_front().map(|settled| settled.sequence);
            let Some(next) = unsettled.front_mut() else { break };
            match next.answer.try_recv() {
                Ok(next) => answer = next,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Closed) => answer = Err(Refusal::Stopping),
            }
        }
        if let Some(sequence) = durable {
            self.say(to_worker::Kind::Ack(Ack { sequence })).await;
        }
        answer.map(drop).map_err(closing)
    }

    async fn renew(&self, renew: Renew) -> Result<(), Closing> {
        let held = convert::worker::held_from_proto(&renew.held).map_err(|error| refused(&error.to_string()))?;
        let reply = self
            .services
            .writer
            .command(Command::Renew { worker: self.worker, stream: self.session, held })
            .await
            .map_err(closing)?;
        let over = match reply {
            Reply::Renewed { over } => convert::worker::held_to_proto(&over),
            Reply::Done
            | Reply::Study(_)
            | Reply::Changed { .. }
            | Reply::Trial(_)
            | Reply::Taken(_)
            | Reply::Asked(_)
            | Reply::Judged(_)
            | Reply::Over(_)
            | Reply::Imported(_)
            | Reply::Attached { .. }
            | Reply::Dataset(_)
            | Reply::Label(_) => Vec::new(),
        };
        self.say(to_worker::Kind::RenewAck(RenewAck { nonce: renew.nonce, over })).await;
        Ok(())
    }

    async fn say(&self, kind: to_worker::Kind) {
        let _ = self.outbox.send(Ok(ToWorker { kind: Some(kind) })).await;
    }
}

/// The answer to the oldest records; waits for ever when there are none.
async fn first_answer(unsettled: &mut VecDeque<Unsettled>) -> Result<Reply, Refusal> {
    match unsettled.front_mut() {
        Some(first) => (&mut first.answer).await.unwrap_or(Err(Refusal::Stopping)),
        None => std::future::pending().await,
    }
}

fn ended(reason: &str) -> Closing {
    Closing { retry: true, reason: reason.to_owned() }
}

fn closing(refusal: Refusal) -> Closing {
    Closing { retry: true, reason: refusal.to_string() }
}

fn refused(reason: &str) -> Closing {
    Closing { retry: false, reason: format!("the worker broke the protocol: {reason}") }
}
