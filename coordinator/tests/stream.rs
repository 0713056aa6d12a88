//! What a worker's stream carries: leases together, acknowledgements in order.

use std::path::Path;

use hone_coordinator::{Config, Coordinator};
use hone_proto::{
    v1::{CreateStudyRequest, GetStudyRequest, study_service_client::StudyServiceClient},
    worker::{
        Assignment, Capacity, Ended, Exited, FromWorker, Hello, Metric, Record, Records, Report, ToWorker, ended, from_worker,
        record, to_worker, worker_service_client::WorkerServiceClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};

const STUDY: &str = "\
name = \"s\"
source = \"none\"
[objective]
metric = \"loss\"
direction = \"minimize\"
[search]
sampler = \"random\"
max_trials = 16
[space]
x = { float = [0, 1] }
[trial]
command = [\"true\"]
resources = { cpus = 1 }
";

async fn channel(coordinator: &Coordinator) -> Channel {
    let address = format!("unix:{}", coordinator.socket().display());
    Endpoint::from_shared(address).unwrap().connect().await.unwrap()
}

async fn start(data: &Path) -> Coordinator {
    let config = Config { data: data.to_owned(), build: "test".to_owned(), ..Config::default() };
    Coordinator::start(config).await.unwrap()
}

async fn create_study(coordinator: &Coordinator) {
    let request = CreateStudyRequest { text: STUDY.to_owned(), file: "s.toml".to_owned(), ..CreateStudyRequest::default() };
    StudyServiceClient::new(channel(coordinator).await).create_study(request).await.unwrap();
}

struct Worker {
    outbox: mpsc::Sender<FromWorker>,
    inbound: Streaming<ToWorker>,
}

impl Worker {
    async fn attach(coordinator: &Coordinator, name: &str, slots: u32) -> Worker {
        let (outbox, outbound) = mpsc::channel(64);
        let hello = Hello {
            protocol_min: 1,
            protocol_max: 1,
            build: "test".to_owned(),
            worker_key: name.to_owned(),
            incarnation: name.to_owned(),
            name: name.to_owned(),
            host: "here".to_owned(),
            capacity: Some(Capacity { cpus_milli: slots * 1_000, memory_bytes: 1 << 40, gpus: Vec::new(), slots }),
            ..Hello::default()
        };
        outbox.send(FromWorker { kind: Some(from_worker::Kind::Hello(hello)) }).await.unwrap();
        let mut client = WorkerServiceClient::new(channel(coordinator).await);
        let mut inbound = client.attach(ReceiverStream::new(outbound)).await.unwrap().into_inner();
        let welcome = inbound.message().await.unwrap().unwrap();
        assert!(matches!(welcome.kind, Some(to_worker::Kind::Welcome(_))));
        Worker { outbox, inbound }
    }

    async fn next(&mut self) -> to_worker::Kind {
        self.inbound.message().await.unwrap().unwrap().kind.unwrap()
    }

    async fn leases(&mut self) -> Vec<Assignment> {
        match self.next().await {
            to_worker::Kind::Assign(assign) => assign.assignments,
            other => panic!("leases were expected, not {other:?}"),
        }
    }

    async fn end(&self, assignment: &Assignment, first: u64) {
        let report = Report { step: None, metrics: vec![Metric { name: "loss".to_owned(), value: 1.0 }] };
        let end = Ended { cause: Some(ended::Cause::Exited(Exited {})), ..Ended::default() };
        let kinds = [record::Kind::Report(report), record::Kind::Ended(end)];
        let records = (0..).zip(kinds).map(|(at, kind)| Record {
            sequence: first + at,
            task: assignment.task,
            attempt: assignment.attempt,
            in_attempt: at + 1,
            kind: Some(kind),
        });
        let records = Records { records: records.collect() };
        self.outbox.send(FromWorker { kind: Some(from_worker::Kind::Records(records)) }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_of_one_commit_reach_each_worker_in_one_message() {
    let data = tempfile::tempdir().unwrap();
    let coordinator = start(data.path()).await;
    let mut one = Worker::attach(&coordinator, "one", 8).await;
    let mut two = Worker::attach(&coordinator, "two", 8).await;
    create_study(&coordinator).await;
    assert_eq!((one.leases().await.len(), two.leases().await.len()), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_sent_without_waiting_are_acknowledged_in_order() {
    let data = tempfile::tempdir().unwrap();
    let coordinator = start(data.path()).await;
    let mut worker = Worker::attach(&coordinator, "one", 16).await;
    create_study(&coordinator).await;
    let leases = worker.leases().await;
    for (index, assignment) in (0..).zip(&leases) {
        worker.end(assignment, 1 + 2 * index).await;
    }
    let mut acknowledged = 0;
    while acknowledged < 32 {
        if let to_worker::Kind::Ack(ack) = worker.next().await {
            assert!(ack.sequence > acknowledged, "{} after {acknowledged}", ack.sequence);
            acknowledged = ack.sequence;
        }
    }
    let request = GetStudyRequest { study: "s".to_owned() };
    let study = StudyServiceClient::new(channel(&coordinator).await).get_study(request).await.unwrap().into_inner();
    assert_eq!((study.state.as_str(), study.counts.unwrap().complete), ("finished", 16));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_replaced_ends() {
    let data = tempfile::tempdir().unwrap();
    let coordinator = start(data.path()).await;
    let mut first = Worker::attach(&coordinator, "one", 1).await;
    let _second = Worker::attach(&coordinator, "one", 1).await;
    let to_worker::Kind::Goodbye(goodbye) = first.next().await else { panic!("the first stream goes on") };
    assert!(goodbye.retry);
    assert!(first.inbound.message().await.unwrap().is_none());
}
