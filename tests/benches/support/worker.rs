//! A worker that speaks the real protocol and runs nothing: every lease is answered at once with one reported value
//! and the end of the attempt, many in one message, as a worker does whose trials end together.
//!
//! ```text
//!   ◄── Assign (leases, durable)          a lease counts from here …
//!   ──► Records (report, end, report, …)
//!   ◄── Ack (durable)                     … to here
//! ```

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hone_proto::worker::{
    Assignment, Capacity, Ended, Exited, FromWorker, Hello, Metric, Record, Records, Report, ToWorker, ended, from_worker,
    record, to_worker, worker_service_client::WorkerServiceClient,
};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;

use super::{coordinator::connect, measure::Samples};

/// Messages on their way to the coordinator.
const OUTBOX: usize = 1_024;
/// Attempts whose ends go into one message, at most.
pub const BATCH: usize = 64;

/// What all streams of a benchmark count together.
#[derive(Debug, Default)]
pub struct Counters {
    /// Trials whose end was acknowledged as durable.
    completions: AtomicU64,
    /// Acknowledgements received.
    acknowledgements: AtomicU64,
    /// Latencies are kept only while this is set.
    sampling: AtomicBool,
    /// From lease to acknowledgement, in microseconds.
    latencies: Mutex<Samples>,
}

impl Counters {
    pub fn completions(&self) -> u64 {
        self.completions.load(Ordering::Relaxed)
    }

    pub fn acknowledgements(&self) -> u64 {
        self.acknowledgements.load(Ordering::Relaxed)
    }

    pub fn sample(&self, on: bool) {
        self.sampling.store(on, Ordering::Relaxed);
    }

    pub fn take_latencies(&self) -> Samples {
        std::mem::take(&mut *self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Streams of one or more workers; they end when it is dropped.
pub struct Workers {
    pub counters: Arc<Counters>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Workers {
    /// Attaches `streams` workers with `slots` attempts each.
    pub async fn attach(socket: &Path, name: &str, streams: usize, slots: u32) -> anyhow::Result<Workers> {
        let counters = Arc::<Counters>::default();
        let mut tasks = Vec::with_capacity(streams);
        for index in 0..streams {
            let worker = BenchWorker::attach(socket, &format!("{name}-{index}"), slots, counters.clone()).await?;
            tasks.push(tokio::spawn(worker));
        }
        Ok(Workers { counters, tasks })
    }

    /// Waits until this many trials are durable.
    ///
    /// # Errors
    /// When a stream ends before.
    pub async fn until(&self, completions: u64) -> anyhow::Result<()> {
        while self.counters.completions() < completions {
            anyhow::ensure!(
                !self.tasks.iter().any(JoinHandle::is_finished),
                "a stream has ended; the coordinator's log says why"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Whether every stream is still there.
    pub fn are_attached(&self) -> bool {
        !self.tasks.iter().any(JoinHandle::is_finished)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

struct BenchWorker {
    outbox: mpsc::Sender<FromWorker>,
    counters: Arc<Counters>,
    /// The last record that was sent.
    sequence: u64,
    /// Sent and not acknowledged: (last record, trials, when they were leased).
    unacknowledged: VecDeque<(u64, u64, Instant)>,
}

impl BenchWorker {
    async fn attach(
        socket: &Path,
        name: &str,
        slots: u32,
        counters: Arc<Counters>,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + Send + 'static> {
        let (outbox, outbound) = mpsc::channel(OUTBOX);
        outbox.send(hello(name, slots)).await?;
        let mut client = WorkerServiceClient::new(connect(socket).await?).max_decoding_message_size(16 << 20);
        let inbound = client.attach(ReceiverStream::new(outbound)).await?.into_inner();
        let worker = BenchWorker { outbox, counters, sequence: 0, unacknowledged: VecDeque::new() };
        Ok(worker.run(inbound))
    }

    async fn run(mut self, mut inbound: tonic::Streaming<ToWorker>) -> anyhow::Result<()> {
        loop {
            let message = inbound.message().await?.context("the coordinator closed the stream")?;
            self.take(message).await?;
        }
    }

    async fn take(&mut self, message: ToWorker) -> anyhow::Result<()> {
        match message.kind {
            Some(to_worker::Kind::Assign(assign)) => {
                let leased = Instant::now();
                for some in assign.assignments.chunks(BATCH) {
                    self.end(some, leased).await?;
                }
            }
            Some(to_worker::Kind::Ack(ack)) => self.acknowledged(ack.sequence),
            Some(to_worker::Kind::Goodbye(goodbye)) => anyhow::bail!("the coordinator said goodbye: {}", goodbye.reason),
            Some(
                to_worker::Kind::Welcome(_)
                | to_worker::Kind::Directive(_)
                | to_worker::Kind::RenewAck(_)
                | to_worker::Kind::Log(_)
                | to_worker::Kind::Score(_)
                | to_worker::Kind::ScoreRelease(_)
                | to_worker::Kind::Drain(_)
                | to_worker::Kind::Undrain(_),
            )
            | None => {}
        }
        Ok(())
    }

    async fn end(&mut self, assignments: &[Assignment], leased: Instant) -> anyhow::Result<()> {
        let first = self.sequence + 1;
        self.sequence += 2 * assignments.len() as u64;
        self.unacknowledged.push_back((self.sequence, assignments.len() as u64, leased));
        self.say(from_worker::Kind::Records(ends(assignments, first))).await
    }

    fn acknowledged(&mut self, sequence: u64) {
        self.counters.acknowledgements.fetch_add(1, Ordering::Relaxed);
        while let Some((_, trials, leased)) = self.unacknowledged.pop_front_if(|(last, ..)| *last <= sequence) {
            self.counters.completions.fetch_add(trials, Ordering::Relaxed);
            if self.counters.sampling.load(Ordering::Relaxed) {
                let mut latencies = self.counters.latencies.lock().unwrap_or_else(PoisonError::into_inner);
                latencies.add(leased.elapsed().as_secs_f64() * 1e6, trials);
            }
        }
    }

    async fn say(&self, kind: from_worker::Kind) -> anyhow::Result<()> {
        Ok(self.outbox.send(FromWorker { kind: Some(kind) }).await?)
    }
}

fn hello(name: &str, slots: u32) -> FromWorker {
    let capacity = Capacity { cpus_milli: slots * 1_000, memory_bytes: 1 << 40, gpus: Vec::new(), slots };
    let hello = Hello {
        protocol_min: *hone_proto::PROTOCOL.start(),
        protocol_max: *hone_proto::PROTOCOL.end(),
        build: "bench".to_owned(),
        worker_key: name.to_owned(),
        incarnation: name.to_owned(),
        name: name.to_owned(),
        host: "localhost".to_owned(),
        capacity: Some(capacity),
        ..Hello::default()
    };
    FromWorker { kind: Some(from_worker::Kind::Hello(hello)) }
}

/// One reported value and the end of each attempt.
pub fn ends(assignments: &[Assignment], first: u64) -> Records {
    let mut records = Vec::with_capacity(2 * assignments.len());
    for (index, assignment) in assignments.iter().enumerate() {
        let sequence = first + 2 * index as u64;
        let value = 1.0 / (1.0 + assignment.task as f64);
        let report = Report { step: None, metrics: vec![Metric { name: "loss".to_owned(), value }] };
        let end = Ended { cause: Some(ended::Cause::Exited(Exited {})), ..Ended::default() };
        for (offset, kind) in [(0, record::Kind::Report(report)), (1, record::Kind::Ended(end))] {
            records.push(Record {
                sequence: sequence + offset,
                task: assignment.task,
                attempt: assignment.attempt,
                in_attempt: offset + 1,
                kind: Some(kind),
            });
        }
    }
    Records { records }
}
