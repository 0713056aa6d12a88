//! What this machine allows at most: the bare parts that a durable completion is made of.

use std::{
    path::Path,
    pin::Pin,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hone_proto::worker::{
    Assign, Assignment, AuthorityRequest, AuthorityResponse, FromWorker, JoinRequest, JoinResponse, ToWorker, TrialWork,
    from_worker, to_worker,
    worker_service_client::WorkerServiceClient,
    worker_service_server::{WorkerService, WorkerServiceServer},
};
use hone_tests::benching::{coordinator::connect, worker::ends};
use tokio::sync::mpsc;
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{Request, Response, Status, Streaming};

/// Answers every message with a lease and nothing else: tonic and the messages without a coordinator behind them.
struct Echo;

#[tonic::async_trait]
impl WorkerService for Echo {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

    async fn authority(&self, _: Request<AuthorityRequest>) -> Result<Response<AuthorityResponse>, Status> {
        Err(Status::unimplemented("an echo has no authority"))
    }

    async fn join(&self, _: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        Err(Status::unimplemented("an echo is not joined"))
    }

    async fn attach(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Self::AttachStream>, Status> {
        let answers = request.into_inner().map(|message| message.map(|_| lease()));
        Ok(Response::new(Box::pin(answers)))
    }
}

fn assignment() -> Assignment {
    let params: Vec<String> = (0..10).map(|index| format!("\"p{index}\":0.123456789012345{index}")).collect();
    let trial = TrialWork { number: 1_000, params_json: format!("{{{}}}", params.join(",")) };
    Assignment { task: 1_000, attempt: 1, program: 1, cpus_milli: 1_000, trial: Some(trial), ..Assignment::default() }
}

fn lease() -> ToWorker {
    let assign = Assign { assignments: vec![assignment()], programs: Vec::new() };
    ToWorker { kind: Some(to_worker::Kind::Assign(assign)) }
}

/// Round trips per second of one completion's messages over a bidirectional stream, with so many under way.
pub async fn echo(folder: &Path, in_flight: usize, seconds: f64) -> anyhow::Result<f64> {
    let socket = folder.join(format!("echo-{in_flight}.sock"));
    let listener = tokio::net::UnixListener::bind(&socket)?;
    let server = tonic::transport::Server::builder().add_service(WorkerServiceServer::new(Echo));
    let server = tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
    let rate = ping_pong(&socket, in_flight, seconds).await;
    server.abort();
    rate
}

async fn ping_pong(socket: &Path, in_flight: usize, seconds: f64) -> anyhow::Result<f64> {
    let say = || FromWorker { kind: Some(from_worker::Kind::Records(ends(&[assignment()], 1))) };
    let (outbox, outbound) = mpsc::channel(in_flight);
    for _ in 0..in_flight {
        outbox.send(say()).await?;
    }
    let mut client = WorkerServiceClient::new(connect(socket).await?);
    let mut inbound = client.attach(ReceiverStream::new(outbound)).await?.into_inner();
    let (start, mut answers) = (Instant::now(), 0_u64);
    while start.elapsed().as_secs_f64() < seconds && inbound.message().await?.is_some() {
        answers += 1;
        outbox.send(say()).await?;
    }
    Ok(answers as f64 / start.elapsed().as_secs_f64())
}

/// Processes per second that are started and waited for, with so many threads doing it.
pub fn processes(command: &[&str], threads: usize, seconds: f64) -> f64 {
    let (count, start) = (Arc::<AtomicU64>::default(), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let count = count.clone();
            scope.spawn(move || {
                while start.elapsed() < Duration::from_secs_f64(seconds) {
                    let status = Command::new(command[0]).args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).status();
                    count.fetch_add(u64::from(status.is_ok_and(|status| status.success())), Ordering::Relaxed);
                }
            });
        }
    });
    count.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// The rate when every completion passes both floors one after the other.
pub fn combined(echo: f64, sync: f64) -> f64 {
    1.0 / (1.0 / echo + 1.0 / sync)
}
