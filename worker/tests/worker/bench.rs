//! A worker and a scripted coordinator, joined by a Unix socket.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use hone_data::Hash;
use hone_proto::{
    v1::{
        BlobChunk, BlobInfo, GetBlobRequest, MissingBlobsRequest, MissingBlobsResponse,
        blob_service_server::{BlobService, BlobServiceServer},
    },
    worker::{
        Ack, Assign, Assignment, AuthorityRequest, AuthorityResponse, Directive, Ended, File, FromWorker, Hello, JoinRequest,
        JoinResponse, Program, Record, Report, ToWorker, TrialWork, Welcome, directive, from_worker, record, to_worker,
        worker_service_server::{WorkerService, WorkerServiceServer},
    },
};
use hone_worker::{ConnectError, Connector, ExitReason, Stop, StopHandle, WorkerConfig, WorkerError, detect::Overrides};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint, Server},
};

/// Nothing in these tests takes this long.
pub const DEADLINE: Duration = Duration::from_secs(40);

type Answers = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

/// Both sides of a stream, as they come in.
type Attached = (Streaming<FromWorker>, mpsc::Sender<Result<ToWorker, Status>>);

/// One stream of the worker.
pub struct Session {
    from: Streaming<FromWorker>,
    to: mpsc::Sender<Result<ToWorker, Status>>,
    pub hello: Hello,
}

#[derive(Clone)]
struct Coordinator {
    sessions: mpsc::Sender<Attached>,
    blobs: Arc<Mutex<BTreeMap<Hash, Vec<u8>>>>,
}

#[tonic::async_trait]
impl WorkerService for Coordinator {
    type AttachStream = Answers;

    async fn authority(&self, _: Request<AuthorityRequest>) -> Result<Response<AuthorityResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn join(&self, _: Request<JoinRequest>) -> Result<Response<JoinResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn attach(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Answers>, Status> {
        let (to, answers) = mpsc::channel(64);
        let gone = |_| Status::unavailable("the test is over");
        self.sessions.send((request.into_inner(), to)).await.map_err(gone)?;
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }
}

#[tonic::async_trait]
impl BlobService for Coordinator {
    type GetBlobStream = Pin<Box<dyn Stream<Item = Result<BlobChunk, Status>> + Send>>;

    async fn put_blob(&self, request: Request<Streaming<BlobChunk>>) -> Result<Response<BlobInfo>, Status> {
        let mut chunks = request.into_inner();
        let mut bytes = Vec::new();
        let mut announced = None;
        while let Some(chunk) = chunks.message().await? {
            announced.get_or_insert(chunk.hash.clone());
            bytes.extend_from_slice(&chunk.data);
        }
        let hash = Hash::of(&bytes);
        assert_eq!(announced.as_deref(), Some(hash.as_bytes().as_slice()));
        let info = BlobInfo { hash: announced.unwrap_or_default(), size: bytes.len() as u64 };
        self.blobs.lock().expect("the blobs").insert(hash, bytes);
        Ok(Response::new(info))
    }

    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        let hash = hone_worker::transfer::hash_from_bytes(&request.into_inner().hash).expect("a hash");
        let found = self.blobs.lock().expect("the blobs").get(&hash).cloned();
        let bytes = found.ok_or_else(|| Status::not_found("no such blob"))?;
        let chunks: Vec<_> =
            bytes.chunks(1_000).map(|data| Ok(BlobChunk { data: data.to_vec().into(), ..BlobChunk::default() })).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(chunks))))
    }

    async fn missing_blobs(&self, request: Request<MissingBlobsRequest>) -> Result<Response<MissingBlobsResponse>, Status> {
        let blobs = self.blobs.lock().expect("the blobs");
        let mut hashes = request.into_inner().hashes;
        hashes.retain(|hash| hone_worker::transfer::hash_from_bytes(hash).is_some_and(|hash| !blobs.contains_key(&hash)));
        Ok(Response::new(MissingBlobsResponse { hashes }))
    }
}

#[derive(Clone)]
struct Dial(PathBuf);

impl Connector for Dial {
    async fn connect(&self) -> Result<Channel, ConnectError> {
        let path = self.0.clone();
        let dial = tower::service_fn(move |_| {
            let path = path.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
        });
        let endpoint = Endpoint::from_static("http://coordinator");
        endpoint.connect_with_connector(dial).await.map_err(|error| ConnectError::Unreachable(error.to_string()))
    }
}

/// A worker, its coordinator and the stream between them.
pub struct Bench {
    pub folder: tempfile::TempDir,
    sessions: mpsc::Receiver<Attached>,
    coordinator: Coordinator,
    pub stop: StopHandle,
    worker: Worker,
    pub session: Session,
    /// Everything that was recorded, once.
    pub records: Vec<Record>,
    /// Acknowledge what comes.
    pub acknowledges: bool,
}

impl Bench {
    /// Starts both; the worker is welcomed.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("coordinator");
        let (sender, mut sessions) = mpsc::channel(4);
        let coordinator = Coordinator { sessions: sender, blobs: Arc::default() };
        serve(&coordinator, &socket);
        let (stop, worker) = start_worker(folder.path());
        let session = accept(&mut sessions).await;
        let bench = Self { folder, sessions, coordinator, stop, worker, session, records: vec![], acknowledges: true };
        bench.welcome(0).await;
        bench
    }

    pub async fn welcome(&self, acknowledged: u64) {
        welcome(&self.session, acknowledged).await;
    }

    /// Stops the worker at once and starts another life of it in the same folder.
    pub async fn restart(&mut self) {
        self.stop.stop(Stop::Now);
        self.session.to = mpsc::channel(1).0;
        timeout(DEADLINE, &mut self.worker).await.expect("an end").expect("no panic").expect("no error");
        (self.stop, self.worker) = start_worker(self.folder.path());
        self.session = accept(&mut self.sessions).await;
    }

    /// Cuts the stream and waits for the next one.
    pub async fn reconnect(&mut self) {
        let (to, _) = mpsc::channel(1);
        self.session.to = to;
        self.session = accept(&mut self.sessions).await;
    }

    pub async fn say(&self, kind: to_worker::Kind) {
        self.session.to.send(Ok(ToWorker { kind: Some(kind) })).await.expect("a worker");
    }

    pub async fn assign(&self, assignment: Assignment, program: Program) {
        self.say(to_worker::Kind::Assign(Assign { assignments: vec![assignment], programs: vec![program] })).await;
    }

    pub async fn direct(&self, kind: directive::Kind) {
        self.say(to_worker::Kind::Directive(Directive { kind: kind.into(), task: 7, attempt: 1, reason: "asked to".to_owned() }))
            .await;
    }

    /// The next message; records are noted and acknowledged.
    pub async fn next(&mut self) -> from_worker::Kind {
        let message = timeout(DEADLINE, self.session.from.message()).await.expect("a message in time");
        let kind = message.expect("no error").expect("a message").kind.expect("a kind");
        if let from_worker::Kind::Records(records) = &kind {
            self.records.extend(records.records.iter().cloned());
            let last = self.records.last().map_or(0, |record| record.sequence);
            if self.acknowledges {
                self.say(to_worker::Kind::Ack(Ack { sequence: last })).await;
            }
        }
        kind
    }

    /// Waits for the end of an attempt.
    pub async fn ended(&mut self, attempt: u32) -> Ended {
        loop {
            let found = self.records.iter().filter(|record| record.attempt == attempt).find_map(|record| match &record.kind {
                Some(record::Kind::Ended(ended)) => Some(ended.clone()),
                Some(record::Kind::Report(_) | record::Kind::Checkpoint(_)) | None => None,
            });
            match found {
                Some(ended) => return ended,
                None => drop(self.next().await),
            }
        }
    }

    /// Waits for a record of some kind.
    pub async fn record<T>(&mut self, wanted: impl Fn(&record::Kind) -> Option<T>) -> T {
        loop {
            match self.records.iter().find_map(|record| record.kind.as_ref().and_then(&wanted)) {
                Some(found) => return found,
                None => drop(self.next().await),
            }
        }
    }

    /// Runs attempt 1 of task 7 to its end.
    pub async fn run(&mut self, program: Program) -> Ended {
        self.assign(assignment(1), program).await;
        self.ended(1).await
    }

    pub fn reports(&self) -> Vec<Report> {
        let reports = self.records.iter().filter_map(|record| match &record.kind {
            Some(record::Kind::Report(report)) => Some(report.clone()),
            Some(record::Kind::Checkpoint(_) | record::Kind::Ended(_)) | None => None,
        });
        reports.collect()
    }

    pub fn blob(&self, file: &File) -> Vec<u8> {
        let hash = hone_worker::transfer::hash_from_bytes(&file.hash).expect("a hash");
        self.coordinator.blobs.lock().expect("the blobs").get(&hash).cloned().expect("a blob")
    }

    pub fn put(&self, bytes: Vec<u8>) -> bytes::Bytes {
        let hash = Hash::of(&bytes);
        self.coordinator.blobs.lock().expect("the blobs").insert(hash, bytes);
        bytes::Bytes::copy_from_slice(hash.as_bytes())
    }

    pub fn log_text(&self, ended: &Ended) -> String {
        let log = ended.log.as_ref().expect("a log");
        String::from_utf8_lossy(&self.blob(log)).into_owned()
    }

    /// Where attempts of task 7 run.
    pub fn work(&self, attempt: u32) -> PathBuf {
        self.folder.path().join("worker/work").join(format!("7-{attempt}"))
    }

    /// Stops the worker and waits for its end; welcomes it again when it comes back to say that it drains.
    pub async fn finish(mut self, stop: Stop) -> ExitReason {
        self.stop.stop(stop);
        let last = self.records.last().map_or(0, |record| record.sequence);
        let ending = async {
            loop {
                let streaming = tokio::select! {
                    exited = &mut self.worker => return exited.expect("no panic").expect("no error"),
                    message = self.session.from.message() => matches!(message, Ok(Some(_))),
                };
                if streaming {
                    continue;
                }
                // The end of the answers lets the worker go.
                self.session.to = mpsc::channel(1).0;
                tokio::select! {
                    exited = &mut self.worker => return exited.expect("no panic").expect("no error"),
                    session = accept(&mut self.sessions) => self.session = session,
                }
                welcome(&self.session, last).await;
            }
        };
        timeout(DEADLINE, ending).await.expect("the worker stops")
    }
}

type Worker = JoinHandle<Result<ExitReason, WorkerError>>;

fn start_worker(folder: &Path) -> (StopHandle, Worker) {
    let stop = StopHandle::default();
    let config = WorkerConfig {
        folder: folder.join("worker"),
        name: "bench".to_owned(),
        labels: BTreeMap::new(),
        overrides: Overrides::default(),
        build: "test".to_owned(),
        hone_binary: "/nonexistent/hone".into(),
        guard_command: crate::helpers::command("guard").into_iter().map(Into::into).collect(),
        dataset_cache_bytes: 1 << 30,
        keep_predictions_over: 1 << 20,
        predictions_cache_bytes: 1 << 30,
        stop: stop.clone(),
    };
    (stop, tokio::spawn(hone_worker::run(config, Dial(folder.join("coordinator")))))
}

async fn welcome(session: &Session, acknowledged: u64) {
    let welcome = Welcome { protocol: 1, lease_ms: 60_000, renew_ms: 20_000, acknowledged, ..Welcome::default() };
    let message = ToWorker { kind: Some(to_worker::Kind::Welcome(welcome)) };
    // The worker may have gone meanwhile.
    let _ = session.to.send(Ok(message)).await;
}

fn serve(coordinator: &Coordinator, socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    let router = Server::builder()
        .add_service(WorkerServiceServer::new(coordinator.clone()))
        .add_service(BlobServiceServer::new(coordinator.clone()));
    tokio::spawn(router.serve_with_incoming(UnixListenerStream::new(listener).map(|stream| stream)));
}

async fn accept(sessions: &mut mpsc::Receiver<Attached>) -> Session {
    let (mut from, to) = timeout(DEADLINE, sessions.recv()).await.expect("a session in time").expect("a session");
    let first = from.message().await.expect("no error").expect("a message");
    let Some(from_worker::Kind::Hello(hello)) = first.kind else { panic!("{first:?}") };
    Session { from, to, hello }
}

pub fn assignment(attempt: u32) -> Assignment {
    let trial = Some(TrialWork { number: 4, params_json: "{\"x\":1}".to_owned() });
    Assignment { task: 7, attempt, program: 3, trial, ..Assignment::default() }
}

pub fn program(command: &[&str]) -> Program {
    Program {
        id: 3,
        study_name: "digits".to_owned(),
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        grace_us: 300_000,
        objectives: vec!["loss".to_owned()],
        max_output_bytes: 1 << 20,
        max_log_bytes: 1 << 20,
        ..Program::default()
    }
}

pub fn script(text: &str) -> Program {
    program(&["sh", "-c", text])
}

/// Waits for a condition that no event tells of.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Reads the process number that a script wrote.
pub async fn pid_in(path: &Path) -> i32 {
    let read = || std::fs::read_to_string(path).ok().filter(|text| text.ends_with('\n'))?.trim().parse::<i32>().ok();
    eventually("a process number", || read().is_some()).await;
    read().expect("a process number")
}

pub fn is_alive(pid: i32) -> bool {
    hone_worker::process::proc::Process::read(pid).is_some_and(|process| !process.zombie)
}
