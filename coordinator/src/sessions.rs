//! Streams of connected workers. The writer sends leases and directives through them; a worker that does not read
//! what it is sent loses its stream, never the writer's time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use hone_data::Hash;
use hone_proto::worker::{LogChunk, LogRequest, ScorePiece, ScoreRequest, ToWorker, to_worker};
use hone_studies::WorkerId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use tonic::Status;

use crate::scoring::{Pending, Scored};

/// Messages that wait for one worker: some commits' worth of leases.
pub const OUTBOX: usize = 1_024;
/// Pieces of one log that wait for its reader.
const LOG_PIECES: usize = 64;

/// What a worker's stream is fed from.
pub type Outbox = mpsc::Sender<Result<ToWorker, Status>>;

/// One stream of a worker.
#[derive(Debug)]
struct Session {
    id: u64,
    outbox: Outbox,
    /// Ends the stream when the session is dropped.
    _open: DropGuard,
    /// Programs that this stream has been sent.
    programs: BTreeSet<u64>,
    /// Microseconds that the worker's clock was ahead when it attached.
    clock_ahead: i64,
    /// Files that stay on the worker; `None`: it has not said yet, or not all.
    kept: Option<BTreeSet<Hash>>,
}

/// All streams, and the readers of logs behind them.
#[derive(Clone, Debug, Default)]
pub struct Sessions(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    workers: Mutex<BTreeMap<WorkerId, Session>>,
    logs: Mutex<BTreeMap<u64, mpsc::Sender<LogChunk>>>,
    scores: Pending,
    next: AtomicU64,
}

impl Sessions {
    /// A number for a new stream or request.
    pub fn next_id(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A worker's newest stream takes the place of the one before, which ends.
    pub fn enter(&self, worker: WorkerId, id: u64, outbox: Outbox, open: DropGuard) {
        self.workers().insert(worker, Session { id, outbox, _open: open, programs: BTreeSet::new(), clock_ahead: 0, kept: None });
        self.0.scores.lose(worker);
    }

    /// Notes how far the clock of a worker is ahead, to show it.
    pub fn note_clock(&self, worker: WorkerId, ahead: i64) {
        if let Some(session) = self.workers().get_mut(&worker) {
            session.clock_ahead = ahead;
        }
    }

    /// Microseconds that a worker's clock is ahead of this one.
    pub fn clock_ahead(&self, worker: WorkerId) -> Option<i64> {
        self.workers().get(&worker).map(|session| session.clock_ahead)
    }

    /// Forgets a stream that has ended, unless the worker has a newer one.
    pub fn leave(&self, worker: WorkerId, id: u64) {
        let mut workers = self.workers();
        if workers.get(&worker).is_some_and(|session| session.id == id) {
            workers.remove(&worker);
            self.0.scores.lose(worker);
        }
    }

    /// Ends every stream; workers connect again.
    pub fn close_all(&self) {
        self.workers().clear();
        self.logs().clear();
        self.0.scores.lose_all();
    }

    /// Ends a worker's stream.
    pub fn close(&self, worker: WorkerId) {
        self.workers().remove(&worker);
        self.0.scores.lose(worker);
    }

    /// Sends without waiting. A stream that is not read is ended.
    pub fn send(&self, worker: WorkerId, kind: to_worker::Kind) -> bool {
        let mut workers = self.workers();
        let Some(session) = workers.get(&worker) else { return false };
        let sent = session.outbox.try_send(Ok(ToWorker { kind: Some(kind) })).is_ok();
        if !sent {
            workers.remove(&worker);
            self.0.scores.lose(worker);
        }
        sent
    }

    /// Notes which files stay on a worker, as its stream `id` says.
    pub fn note_kept(&self, worker: WorkerId, id: u64, kept: Option<BTreeSet<Hash>>) {
        if let Some(session) = self.workers().get_mut(&worker).filter(|session| session.id == id) {
            session.kept = kept;
        }
    }

    /// Whether a worker is connected.
    pub fn has(&self, worker: WorkerId) -> bool {
        self.workers().contains_key(&worker)
    }

    /// Whether a worker has a file; `None`: that is not known.
    pub fn keeps(&self, worker: WorkerId, file: &Hash) -> Option<bool> {
        Some(self.workers().get(&worker)?.kept.as_ref()?.contains(file))
    }

    /// Asks a worker to read predictions; the answer arrives in the receiver, which is closed when the worker is gone.
    pub fn request_score(&self, worker: WorkerId, request: ScoreRequest) -> oneshot::Receiver<Scored> {
        let answer = self.0.scores.expect(worker, request.request);
        let id = request.request;
        if !self.send(worker, to_worker::Kind::Score(request)) {
            self.0.scores.forget(id);
        }
        answer
    }

    /// Takes a piece of a worker's answer to who waits for it.
    pub fn deliver_score(&self, worker: WorkerId, piece: ScorePiece) {
        self.0.scores.deliver(worker, piece);
    }

    /// Which of these programs the worker's stream has not been sent; they count as sent from now on.
    pub fn unsent_programs(&self, worker: WorkerId, programs: &[u64]) -> Vec<u64> {
        let mut workers = self.workers();
        let Some(session) = workers.get_mut(&worker) else { return Vec::new() };
        programs.iter().copied().filter(|program| session.programs.insert(*program)).collect()
    }

    /// Asks a worker for a log; pieces arrive in the receiver until it is dropped.
    pub fn request_log(&self, worker: WorkerId, request: LogRequest) -> Option<mpsc::Receiver<LogChunk>> {
        let (sender, receiver) = mpsc::channel(LOG_PIECES);
        let id = request.request;
        self.logs().insert(id, sender);
        let sent = self.send(worker, to_worker::Kind::Log(request));
        if !sent {
            self.logs().remove(&id);
        }
        sent.then_some(receiver)
    }

    /// Takes a piece of a log from a worker to its reader, without waiting: the worker's stream carries more than
    /// logs. False: the reader is gone or too slow, and asks again from where it stands.
    pub fn deliver_log(&self, chunk: LogChunk) -> bool {
        let (id, last) = (chunk.request, chunk.last);
        let mut logs = self.logs();
        let delivered = logs.get(&id).is_some_and(|reader| reader.try_send(chunk).is_ok());
        if last || !delivered {
            logs.remove(&id);
        }
        delivered
    }

    fn workers(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkerId, Session>> {
        self.0.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, mpsc::Sender<LogChunk>>> {
        self.0.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
