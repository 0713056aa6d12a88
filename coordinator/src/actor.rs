//! The one writer: an operating-system thread that owns the engine.
//!
//! ```text
//!  handlers ──► bounded channel ──► drain ──► engine.commit (one sync) ──► replies, leases, directives
//!                    ▲                                   │
//!                    └──── samplers (rayon) ◄────────────┘ questions
//! ```
//!
//! When the disk is full the engine is dropped and opened again until there is room; callers are told meanwhile. Any
//! other failure of the store is final for the process.

mod snapshotting;

use std::{sync::Arc, thread, time::Duration};

use hone_proto::worker::to_worker;
use hone_studies::{
    Command, HeldAttempt, Reject, Reply, Roster, State, Study, StudyId, StudyState, TaskId, WorkerId, WorkerProfile,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::DropGuard;

use self::snapshotting::Snapshotting;
use crate::{
    clock::Clock,
    effects,
    engine::{Committed, Engine, Question},
    journal::{Head, JournalError},
    samplers::Samplers,
    sessions::{Outbox, Sessions},
    store::{OpenError, Store},
};

/// Commands that wait for the writer. More than one commit takes, so that it never starves; bounded, so that callers wait.
const QUEUE: usize = 4_096;
/// Commands in one commit, at most: bounds the latency of the first of them.
const BATCH: usize = 1_024;
/// How often time is looked at.
const TICK: Duration = Duration::from_millis(200);
/// How often a full disk is tried again.
const FULL_RETRY: Duration = Duration::from_secs(1);

/// Why a call got no answer from the core.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error(transparent)]
    Reject(#[from] Reject),
    /// No room on the disk; the caller may try again.
    #[error("{0}")]
    Full(String),
    /// The store has failed; the process ends.
    #[error("{0}")]
    Failed(String),
    #[error("the coordinator is stopping; try again in a moment")]
    Stopping,
}

/// What readers see: durable, and never changing under them.
#[derive(Clone, Debug)]
pub struct View {
    pub state: State,
    pub roster: Roster,
    pub now: hone_studies::Now,
}

/// Builds the first message of a stream, once the worker's id is known and which of its attempts are over.
pub type WelcomeBuilder = Box<dyn FnOnce(WorkerId, &[HeldAttempt]) -> to_worker::Kind + Send>;

/// Something to run on the writer's thread, between commits.
type Errand = Box<dyn FnOnce(&mut Engine, &Store) + Send>;

/// A worker that opens its stream.
pub struct Arrival {
    pub session: u64,
    pub outbox: Outbox,
    /// Dropped when the writer gives the stream up.
    pub open: DropGuard,
    pub profile: WorkerProfile,
    pub incarnation: String,
    pub held: Vec<HeldAttempt>,
    pub draining: bool,
    /// Built once the worker's id is known; sent before anything else.
    pub welcome: WelcomeBuilder,
}

/// What becomes of a command; it fails when the writer stops before.
pub type Answer = oneshot::Receiver<Result<Reply, Refusal>>;

/// A study to be looked at.
enum Wanted {
    Study(StudyId),
    OfTrial(TaskId),
}

type FoundStudy = Result<Option<Arc<Study>>, Refusal>;

enum Message {
    Command { command: Command, reply: Option<oneshot::Sender<Result<Reply, Refusal>>> },
    Attach { arrival: Box<Arrival>, reply: oneshot::Sender<Result<WorkerId, Refusal>> },
    Detach { worker: WorkerId, session: u64 },
    View(oneshot::Sender<Result<Arc<View>, Refusal>>),
    Study(Wanted, oneshot::Sender<FoundStudy>),
    Store(Errand),
    SnapshotWritten { head: Head, result: Result<(), String> },
    Compact(oneshot::Sender<Result<(), Refusal>>),
    Tick,
    Stop,
}

/// How the rest of the coordinator talks to the writer.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Message>,
    head: watch::Receiver<u64>,
    failure: watch::Receiver<Option<String>>,
}

impl Writer {
    /// Sends a command and waits until its effects are durable.
    pub async fn command(&self, command: Command) -> Result<Reply, Refusal> {
        self.submit(command).await?.await.map_err(|_| Refusal::Stopping)?
    }

    /// Sends a command; the answer comes once its effects are durable. Commands are taken in the order of their sending.
    pub async fn submit(&self, command: Command) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Command { command, reply: Some(reply) }).await?;
        Ok(answer)
    }

    pub async fn attach(&self, arrival: Arrival) -> Result<WorkerId, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Attach { arrival: Box::new(arrival), reply }).await?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    pub async fn detach(&self, worker: WorkerId, session: u64) {
        let _ = self.send(Message::Detach { worker, session }).await;
    }

    /// The state after everything that this caller has been answered.
    pub async fn view(&self) -> Result<Arc<View>, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::View(reply)).await?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    /// One study, as [`Writer::view`] would show it: for those who look at nothing else.
    pub async fn study(&self, id: StudyId) -> FoundStudy {
        self.find(Wanted::Study(id)).await
    }

    /// The study of a trial, open or finished.
    pub async fn study_of(&self, trial: TaskId) -> FoundStudy {
        self.find(Wanted::OfTrial(trial)).await
    }

    async fn find(&self, wanted: Wanted) -> FoundStudy {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Study(wanted, reply)).await?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    /// Runs something on the writer's thread, between commits.
    pub async fn with_store<T: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Engine, &Store) -> T + Send + 'static,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(move |engine: &mut Engine, store: &Store| {
            let _ = reply.send(run(engine, store));
        });
        self.send(Message::Store(run)).await?;
        answer.await.map_err(|_| Refusal::Stopping)
    }

    /// Writes a snapshot and drops what it covers.
    pub async fn compact(&self) -> Result<(), Refusal> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Compact(reply)).await?;
        answer.await.map_err(|_| Refusal::Stopping)?
    }

    /// The sequence number of the last commit; changes wake its watchers.
    pub fn head(&self) -> watch::Receiver<u64> {
        self.head.clone()
    }

    /// Waits until the store has failed for good, and tells why. Never returns while it works.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await.map(|reason| reason.clone());
        match failed {
            Ok(reason) => reason.unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Why the store has failed, if it has.
    pub fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    pub async fn stop(&self) {
        let _ = self.send(Message::Stop).await;
        self.queue.closed().await;
    }

    async fn send(&self, message: Message) -> Result<(), Refusal> {
        self.queue.send(message).await.map_err(|_| match &*self.failure.borrow() {
            Some(reason) => Refusal::Failed(reason.clone()),
            None => Refusal::Stopping,
        })
    }
}

/// Opens the store and starts the writer's thread. Call it within a tokio runtime.
///
/// # Errors
/// When the store cannot be opened.
pub fn start(store: Store, clock: Clock, sessions: Sessions) -> Result<Writer, OpenError> {
    let engine = store.open_engine(clock.now())?;
    let (queue, inbox) = mpsc::channel(QUEUE);
    let (head, head_seen) = watch::channel(0);
    let (failure, failure_seen) = watch::channel(None);
    let (queue_back, samplers, snapshot) = (queue.downgrade(), Samplers::default(), Snapshotting::default());
    let mut actor = Actor { store, clock, sessions, samplers, queue: queue_back, head, failure, snapshot };
    thread::Builder::new().name("hone-writer".to_owned()).spawn(move || actor.guard(engine, inbox)).map_err(OpenError::Thread)?;
    tokio::spawn(tick(queue.downgrade()));
    Ok(Writer { queue, head: head_seen, failure: failure_seen })
}

async fn tick(queue: mpsc::WeakSender<Message>) {
    let mut interval = tokio::time::interval(TICK);
    loop {
        interval.tick().await;
        let Some(queue) = queue.upgrade() else { return };
        // A full queue means that the writer is at work and will look at the time by itself.
        if let Err(mpsc::error::TrySendError::Closed(_)) = queue.try_send(Message::Tick) {
            return;
        }
    }
}

struct Actor {
    store: Store,
    clock: Clock,
    sessions: Sessions,
    samplers: Samplers,
    queue: mpsc::WeakSender<Message>,
    head: watch::Sender<u64>,
    failure: watch::Sender<Option<String>>,
    snapshot: Snapshotting,
}

/// What a command's answer goes to.
enum Waiter {
    Nobody,
    Caller(oneshot::Sender<Result<Reply, Refusal>>),
    Worker(Box<ArrivalWaiter>),
}

struct ArrivalWaiter {
    session: u64,
    outbox: Outbox,
    open: DropGuard,
    welcome: WelcomeBuilder,
    reply: oneshot::Sender<Result<WorkerId, Refusal>>,
}

/// One commit in the making.
#[derive(Default)]
struct Batch {
    commands: Vec<Command>,
    waiters: Vec<Waiter>,
    views: Vec<oneshot::Sender<Result<Arc<View>, Refusal>>>,
    studies: Vec<(Wanted, oneshot::Sender<FoundStudy>)>,
    store: Vec<Errand>,
    stop: bool,
}

impl Batch {
    fn add(&mut self, command: Command, waiter: Waiter) {
        self.commands.push(command);
        self.waiters.push(waiter);
    }

    fn refuse(self, refusal: &Refusal) {
        for waiter in self.waiters {
            match waiter {
                Waiter::Nobody => {}
                Waiter::Caller(reply) => drop(reply.send(Err(refusal.clone()))),
                Waiter::Worker(arrival) => drop(arrival.reply.send(Err(refusal.clone()))),
            }
        }
        for view in self.views {
            let _ = view.send(Err(refusal.clone()));
        }
        for (_, study) in self.studies {
            let _ = study.send(Err(refusal.clone()));
        }
    }
}

impl Actor {
    /// A panic is a bug of ours; it ends the process as a failed store does, never in silence.
    fn guard(&mut self, engine: Engine, inbox: mpsc::Receiver<Message>) {
        let run = std::panic::AssertUnwindSafe(|| self.run(engine, inbox));
        if std::panic::catch_unwind(run).is_err() {
            self.fail("the writer panicked; this is a bug of hone, please report it with the log");
        }
    }

    fn run(&mut self, engine: Engine, mut inbox: mpsc::Receiver<Message>) {
        let mut engine = Some(engine);
        if let Some(engine) = &mut engine {
            self.snapshot.last = engine.snapshot_sequence();
        }
        while let Some(first) = inbox.blocking_recv() {
            let batch = self.gather(first, &mut inbox);
            let stop = batch.stop;
            engine = match engine.take() {
                Some(working) => match self.commit(working, batch) {
                    Ok(working) => Some(working),
                    Err(error) if error.may_reopen() => None,
                    Err(error) => return self.fail(&error.to_string()),
                },
                None => match self.try_again(batch) {
                    Ok(engine) => engine,
                    Err(reason) => return self.fail(&reason),
                },
            };
            if stop {
                break;
            }
        }
        if let Some(engine) = engine {
            self.last_snapshot(engine);
        }
        self.sessions.close_all();
    }

    fn gather(&mut self, first: Message, inbox: &mut mpsc::Receiver<Message>) -> Batch {
        let mut batch = Batch::default();
        let mut next = Some(first);
        while let Some(message) = next {
            self.take(message, &mut batch);
            next = if batch.stop || batch.commands.len() >= BATCH { None } else { inbox.try_recv().ok() };
        }
        batch
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Command { command, reply } => batch.add(command, reply.map_or(Waiter::Nobody, Waiter::Caller)),
            Message::Attach { arrival, reply } => {
                let Arrival { session, outbox, open, profile, incarnation, held, draining, welcome } = *arrival;
                let waiter = ArrivalWaiter { session, outbox, open, welcome, reply };
                let command = Command::AttachWorker { profile, incarnation, held, draining, stream: session };
                batch.add(command, Waiter::Worker(Box::new(waiter)));
            }
            Message::Detach { worker, session } => {
                self.sessions.leave(worker, session);
                batch.add(Command::DetachWorker { worker, stream: session }, Waiter::Nobody);
            }
            Message::View(reply) => batch.views.push(reply),
            Message::Study(wanted, reply) => batch.studies.push((wanted, reply)),
            Message::Store(run) => batch.store.push(run),
            Message::SnapshotWritten { head, result } => self.snapshot_written(batch, head, result),
            Message::Compact(reply) => self.snapshot.wanted.push(reply),
            Message::Tick => batch.add(Command::Tick, Waiter::Nobody),
            Message::Stop => batch.stop = true,
        }
    }

    fn commit(&mut self, mut engine: Engine, mut batch: Batch) -> Result<Engine, JournalError> {
        let committed = match std::mem::take(&mut batch.commands) {
            // Nothing has changed since the last commit, which has settled everything.
            commands if commands.is_empty() => Ok(None),
            commands => engine.commit(self.clock.now(), commands).map(Some),
        };
        match committed {
            Ok(committed) => {
                if let Some(committed) = committed {
                    self.release(&engine, committed, std::mem::take(&mut batch.waiters));
                }
                self.answer_views(&engine, std::mem::take(&mut batch.views));
                answer_studies(&engine.core().state, std::mem::take(&mut batch.studies));
                for run in batch.store {
                    run(&mut engine, &self.store);
                }
                self.maybe_snapshot(&mut engine);
                Ok(engine)
            }
            Err(error) => {
                tracing::error!(%error, "the commit failed; nothing of it is acknowledged");
                batch.refuse(&refusal(&error));
                self.sessions.close_all();
                Err(error)
            }
        }
    }

    /// The disk was full: opens the store again, or tells this batch to come back.
    fn try_again(&mut self, batch: Batch) -> Result<Option<Engine>, String> {
        let outcome = match self.store.open_engine(self.clock.now()) {
            Ok(engine) => {
                tracing::info!("there is room again; going on");
                batch.refuse(&Refusal::Full("the store has just been opened again; try again".to_owned()));
                return Ok(Some(engine));
            }
            Err(error) if error.is_full() => Refusal::Full(error.to_string()),
            Err(error) => return Err(error.to_string()),
        };
        batch.refuse(&outcome);
        thread::sleep(FULL_RETRY);
        Ok(None)
    }

    fn fail(&mut self, reason: &str) {
        tracing::error!(reason, "the store has failed; the coordinator ends");
        self.sessions.close_all();
        self.failure.send_replace(Some(reason.to_owned()));
    }

    // ------------------------------------------------------------ release

    fn release(&mut self, engine: &Engine, committed: Committed, waiters: Vec<Waiter>) {
        let mut callers = Vec::with_capacity(waiters.len());
        for (waiter, reply) in waiters.into_iter().zip(committed.replies) {
            match waiter {
                Waiter::Nobody => {}
                Waiter::Caller(caller) => callers.push((caller, reply)),
                Waiter::Worker(arrival) => self.welcome(*arrival, reply),
            }
        }
        // Directives go out before the acknowledgements that cover them.
        effects::send(&self.sessions, &self.store, &engine.core().state, committed.effects);
        for (caller, reply) in callers {
            let _ = caller.send(reply.map_err(Refusal::Reject));
        }
        if !committed.questions.is_empty() {
            let state = &engine.core().state;
            self.samplers.drop_idle(|study| state.study(study).is_some_and(|study| study.state != StudyState::Finished));
        }
        for question in committed.questions {
            self.ask(question);
        }
        self.head.send_if_modified(|head| std::mem::replace(head, committed.head) != committed.head);
    }

    fn welcome(&self, arrival: ArrivalWaiter, reply: Result<Reply, Reject>) {
        let answer = match reply {
            Ok(Reply::Attached { worker, over }) => {
                self.sessions.enter(worker, arrival.session, arrival.outbox, arrival.open);
                self.sessions.send(worker, (arrival.welcome)(worker, &over));
                Ok(worker)
            }
            Ok(_) => Err(Refusal::Stopping),
            Err(reject) => Err(Refusal::Reject(reject)),
        };
        let _ = arrival.reply.send(answer);
    }

    fn ask(&self, question: Question) {
        let Some(queue) = self.queue.upgrade() else { return };
        let samplers = self.samplers.clone();
        rayon::spawn(move || {
            let command = samplers.answer(&question);
            let _ = queue.blocking_send(Message::Command { command, reply: None });
        });
    }

    fn answer_views(&self, engine: &Engine, views: Vec<oneshot::Sender<Result<Arc<View>, Refusal>>>) {
        if views.is_empty() {
            return;
        }
        let core = engine.core();
        let view = Arc::new(View { state: core.state.clone(), roster: core.roster.clone(), now: self.clock.now() });
        for reply in views {
            let _ = reply.send(Ok(view.clone()));
        }
    }
}

fn answer_studies(state: &State, studies: Vec<(Wanted, oneshot::Sender<FoundStudy>)>) {
    for (wanted, reply) in studies {
        let study = match wanted {
            Wanted::Study(id) => state.study(id),
            Wanted::OfTrial(id) => state.study_of(id),
        };
        let _ = reply.send(Ok(study.cloned()));
    }
}

fn refusal(error: &JournalError) -> Refusal {
    if error.may_reopen() { Refusal::Full(error.to_string()) } else { Refusal::Failed(error.to_string()) }
}
