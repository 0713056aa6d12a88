//! The shell around the machine: feeds it what happens, and carries out what it says.
//!
//! One task owns everything here. Nothing in it waits for a trial, a disk beyond the spool, or the network.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hone_data::Hash;
use hone_proto::worker::{Assignment, FromWorker, Kept, LogRequest, Program, ScoreRequest, from_worker::Kind};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::{sleep_until, timeout},
};
use tonic::transport::Channel;

use crate::{
    host::Host,
    kept::Scorings,
    link::{self, Connector, LinkSender, News},
    logs::LogReaders,
    machine::{AttemptKey, Cut, ExitReason, Input, Machine, Output},
    process::log::Log,
    service::Stop,
    spool::{Loaded, Spool},
    trial::{Control, Event, Trial},
};

/// Events of trials that wait to be taken; a trial that reports faster waits.
const EVENTS: usize = 1_024;
/// Messages of the coordinator that wait to be taken.
const NEWS: usize = 64;
/// Events that are taken before records are sent, so that they travel together.
const EVENTS_AT_ONCE: usize = 512;
/// Messages that are kept free for heartbeats when records are sent.
const RESERVED_MESSAGES: usize = 8;
/// Killed trials and a closing connection take no longer than this.
const CLOSING: Duration = Duration::from_secs(10);
/// The coordinator closes its side of the stream within this, or the last words may be lost.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Files that are told of at most.
const KEPT_TOLD: usize = 10_000;

/// The worker's clock: never goes back, and begins at the system's time.
#[derive(Clone, Copy, Debug)]
struct Clock {
    began: Instant,
    began_us: i64,
}

impl Clock {
    fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { began: Instant::now(), began_us: i64::try_from(since.as_micros()).unwrap_or(i64::MAX) }
    }

    fn now_us(&self) -> i64 {
        let elapsed = i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.began_us.saturating_add(elapsed)
    }

    fn instant(&self, at_us: i64) -> Instant {
        let after = u64::try_from(at_us.saturating_sub(self.began_us)).unwrap_or(0);
        self.began + Duration::from_micros(after)
    }
}

/// An attempt's task, from outside.
#[derive(Debug)]
struct Handle {
    controls: mpsc::UnboundedSender<Control>,
    log: Arc<Log>,
}

/// The current connection.
#[derive(Debug)]
struct Link {
    session: u64,
    task: JoinHandle<()>,
    sender: Option<LinkSender>,
}

/// What woke the loop.
enum Woke {
    Event(Event),
    News(News),
    Timer,
    Room,
    Stop(Stop),
    TrialGone,
}

/// Everything that a running worker holds.
pub(crate) struct Shell<C> {
    machine: Machine,
    spool: Spool,
    spool_failed: bool,
    host: Arc<Host>,
    connector: Arc<C>,
    connection: watch::Sender<Option<Channel>>,
    link: Option<Link>,
    readers: LogReaders,
    scorings: Scorings,
    trials: BTreeMap<AttemptKey, Handle>,
    tasks: JoinSet<()>,
    tickets: BTreeMap<u64, oneshot::Sender<bool>>,
    last_ticket: u64,
    clock: Clock,
    timer: Option<i64>,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    news: (mpsc::Sender<News>, mpsc::Receiver<News>),
    exit: Option<ExitReason>,
}

impl<C: Connector> Shell<C> {
    pub(crate) fn new(
        machine: Machine,
        spool: Spool,
        host: Arc<Host>,
        connection: watch::Sender<Option<Channel>>,
        connector: Arc<C>,
    ) -> Self {
        Self {
            machine,
            spool,
            spool_failed: false,
            host,
            connector,
            connection,
            link: None,
            readers: LogReaders::default(),
            scorings: Scorings::default(),
            trials: BTreeMap::new(),
            tasks: JoinSet::new(),
            tickets: BTreeMap::new(),
            last_ticket: 0,
            clock: Clock::start(),
            timer: None,
            events: mpsc::channel(EVENTS),
            news: mpsc::channel(NEWS),
            exit: None,
        }
    }

    /// Runs until the machine says to exit; on return no trial runs.
    pub(crate) async fn run(mut self, loaded: Loaded, mut stop: watch::Receiver<Stop>) -> ExitReason {
        let watching = tokio::spawn(self.host.memory.clone().run());
        self.feed(Input::SpoolLoaded { records: loaded.records, last_sequence: loaded.last_sequence });
        let mut first = *stop.borrow_and_update();
        let reason = loop {
            match std::mem::replace(&mut first, Stop::No) {
                Stop::No => {
                    let woke = self.wait(&mut stop).await;
                    self.on_woke(woke);
                }
                asked => self.on_stop(asked),
            }
            self.take_more();
            if self.host.kept.shelf.take_changed() {
                self.tell_kept();
            }
            self.send_records();
            if let Some(reason) = self.exit.take() {
                break reason;
            }
        };
        watching.abort();
        self.close().await;
        reason
    }

    async fn wait(&mut self, stop: &mut watch::Receiver<Stop>) -> Woke {
        let timer = self.timer.map(|at_us| self.clock.instant(at_us));
        let sender = self.link.as_ref().and_then(|link| link.sender.clone());
        let unsent = self.machine.has_unsent();
        let alarm = async {
            match timer {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let room = async {
            match sender.filter(|_| unsent) {
                Some(sender) => drop(sender.messages.reserve_many(RESERVED_MESSAGES + 1).await),
                None => std::future::pending().await,
            }
        };
        let (mut alarm, mut room) = (pin!(alarm), pin!(room));
        tokio::select! {
            Ok(()) = stop.changed() => Woke::Stop(*stop.borrow_and_update()),
            Some(news) = self.news.1.recv() => Woke::News(news),
            Some(event) = self.events.1.recv() => Woke::Event(event),
            () = &mut alarm => Woke::Timer,
            () = &mut room => Woke::Room,
            Some(_) = self.tasks.join_next() => Woke::TrialGone,
        }
    }

    fn on_woke(&mut self, woke: Woke) {
        match woke {
            Woke::Event(event) => self.on_event(event),
            Woke::News(news) => self.on_news(news),
            Woke::Timer => {
                self.timer = None;
                self.feed(Input::Timer);
            }
            Woke::Stop(stop) => self.on_stop(stop),
            // Records are sent in any case.
            Woke::Room | Woke::TrialGone => {}
        }
    }

    /// Takes what else is there, up to a bound, so that records travel together.
    fn take_more(&mut self) {
        for _ in 0..EVENTS_AT_ONCE {
            match self.events.1.try_recv() {
                Ok(event) => self.on_event(event),
                Err(_) => break,
            }
        }
        for _ in 0..NEWS {
            match self.news.1.try_recv() {
                Ok(news) => self.on_news(news),
                Err(_) => break,
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Input(input) => self.feed(input),
            Event::Report { key, step, metrics, answer } => {
                let ticket = answer.map(|answer| {
                    self.last_ticket += 1;
                    self.tickets.insert(self.last_ticket, answer);
                    self.last_ticket
                });
                self.feed(Input::TrialReport { key, step, metrics, ticket });
            }
        }
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Connected { session, sender, channel } => {
                if let Some(link) = self.link.as_mut().filter(|link| link.session == session) {
                    link.sender = Some(sender);
                    self.connection.send_replace(Some(channel));
                }
                self.feed(Input::Connected { session });
                if self.host.kept.shelf.newest().is_ok_and(|hashes| !hashes.is_empty()) {
                    self.tell_kept();
                }
            }
            News::Message { session, message } => self.feed(Input::Message { session, message }),
            News::Disconnected { session, cut } => {
                match &cut {
                    Cut::Lost(reason) | Cut::Refused(reason) => tracing::info!("no coordinator: {reason}"),
                }
                if self.link.as_ref().is_some_and(|link| link.session == session) {
                    self.disconnect();
                }
                self.feed(Input::Disconnected { session, cut });
            }
        }
    }

    fn on_stop(&mut self, stop: Stop) {
        let hand_back = match stop {
            Stop::No => return,
            Stop::WhenDone => false,
            Stop::HandBack => true,
            Stop::Now => {
                self.exit = Some(ExitReason::LeftUnsaid { records: self.machine.unacknowledged().count() });
                return;
            }
        };
        self.feed(Input::DrainRequested { hand_back, reason: "the worker was told to stop".to_owned() });
    }

    fn feed(&mut self, input: Input) {
        for output in self.machine.handle(self.clock.now_us(), input) {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Connect { session } => self.connect(session),
            Output::Disconnect => self.disconnect(),
            Output::Send(message) => self.send(message),
            Output::Start { assignment, program } => self.start(*assignment, program),
            Output::Signal { key, signal } => self.control(key, Control::Signal(signal)),
            Output::Collect { key, checkpoint, outputs, keeps } => {
                self.control(key, Control::Collect { checkpoint, outputs, keeps });
            }
            Output::Discard { key } => drop(self.trials.remove(&key)),
            Output::AppendSpool(record) => self.spool.append(&record),
            Output::TrimSpool { up_to } => self.spool.trim(up_to),
            Output::AnswerReport { ticket, prune } => {
                if let Some(answer) = self.tickets.remove(&ticket) {
                    // The trial may be gone.
                    let _ = answer.send(prune);
                }
            }
            Output::ReadLog(request) => self.read_log(&request),
            Output::Score(request) => self.score(request),
            Output::ReleaseScore { scoring } => self.scorings.on_release(scoring),
            Output::SetTimer { at_us } => self.timer = Some(at_us),
            Output::Exit { reason } => self.exit = Some(reason),
        }
    }

    fn connect(&mut self, session: u64) {
        self.disconnect();
        let task = link::open(Arc::clone(&self.connector), session, self.news.0.clone());
        self.link = Some(Link { session, task, sender: None });
    }

    fn disconnect(&mut self) {
        self.readers.clear();
        self.scorings.clear();
        self.connection.send_replace(None);
        if let Some(link) = self.link.take() {
            link.task.abort();
        }
    }

    /// A connection that takes no more messages is dead, and ends by its own keep-alive or an unanswered heartbeat.
    fn send(&self, message: FromWorker) {
        let sender = self.link.as_ref().and_then(|link| link.sender.as_ref());
        if sender.is_none_or(|sender| sender.messages.try_send(message).is_err()) {
            tracing::debug!("a message for the coordinator found no connection");
        }
    }

    /// Hands records to the kernel, then to the network.
    fn send_records(&mut self) {
        if let Err(error) = self.spool.flush() {
            if !self.spool_failed {
                tracing::warn!("the spool cannot be written ({error}): records are kept in memory");
            }
            self.spool_failed = true;
        } else {
            self.spool_failed = false;
        }
        let Some(sender) = self.link.as_ref().and_then(|link| link.sender.clone()) else { return };
        while sender.messages.capacity() > RESERVED_MESSAGES {
            match self.machine.flush() {
                Some(output) => self.carry_out(output),
                None => break,
            }
        }
    }

    fn start(&mut self, assignment: Assignment, program: Arc<Program>) {
        let trial = Trial::new(&self.host, assignment, program, self.events.0.clone());
        let (controls, receiver) = mpsc::unbounded_channel();
        self.trials.insert(trial.key, Handle { controls, log: Arc::clone(&trial.log) });
        self.tasks.spawn(trial.run(receiver));
    }

    /// An attempt whose task is gone has told its end already.
    fn control(&self, key: AttemptKey, control: Control) {
        if let Some(trial) = self.trials.get(&key) {
            let _ = trial.controls.send(control);
        }
    }

    fn read_log(&mut self, request: &LogRequest) {
        let Some(sender) = self.link.as_ref().and_then(|link| link.sender.as_ref()) else { return };
        let key = AttemptKey { task: request.task, attempt: request.attempt };
        let log = self.trials.get(&key).map(|trial| Arc::clone(&trial.log));
        self.readers.on_request(request, log, &sender.logs);
    }

    fn score(&mut self, request: ScoreRequest) {
        let Some(sender) = self.link.as_ref().and_then(|link| link.sender.as_ref()) else { return };
        self.scorings.on_request(request, &self.host.kept.shelf, &self.host.blobs, &sender.logs);
    }

    /// Tells the coordinator what stays here.
    fn tell_kept(&self) {
        match self.host.kept.shelf.newest() {
            Ok(hashes) => self.send(FromWorker { kind: Some(Kind::Kept(kept_message(&hashes))) }),
            Err(error) => tracing::warn!("the worker's predictions cannot be listed: {error}"),
        }
    }

    /// Kills what still runs, and lets the last words out.
    async fn close(mut self) {
        self.trials.clear();
        self.readers.clear();
        if let Some(Link { mut task, sender, .. }) = self.link.take() {
            drop(sender);
            // Its news is dropped from now on, so that it cannot wait for us.
            self.news.1.close();
            if timeout(LAST_WORDS, &mut task).await.is_err() {
                task.abort();
            }
        }
        // Nobody takes events any more, so no trial waits for that.
        self.events.1.close();
        while self.events.1.try_recv().is_ok() {}
        let rest = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(CLOSING, rest).await.is_err() {
            tracing::warn!("something of a trial cannot be ended; it hangs in the kernel");
        }
    }
}

fn kept_message(hashes: &[Hash]) -> Kept {
    let told = hashes.iter().take(KEPT_TOLD).map(|hash| hash.as_bytes().to_vec().into());
    Kept { hashes: told.collect(), more: hashes.len() > KEPT_TOLD }
}
