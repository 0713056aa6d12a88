//! The run of the process itself, from its start until nothing of it is left.

use std::{ffi::OsString, io, os::unix::process::ExitStatusExt as _, pin::Pin, process::ExitStatus, time::Duration};

use hone_proto::worker::{Metric, failure::Kind};
use tokio::{
    net::UnixListener,
    sync::{mpsc, oneshot},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Control, Event, Trial,
    checkpoints::Checkpoints,
    follow::Following,
    output::{Search, Values, copy_output, finish_copies},
    prepare::Prepared,
};
use crate::{
    ledger,
    machine::{Input, Outcome, Signal},
    process::{
        environment,
        kill::{self, Swept},
        outcome::{self, Circumstances, classify, failure},
        pattern::Pattern,
        proc,
        socket::{self, Call},
        spawn::{self, Launch, Leader, Pipes},
    },
    template::NoValue,
};

/// Calls of a trial that wait to be taken; further ones wait in the socket.
const CALLS: usize = 256;
/// What a dead trial has left in its socket is read within this, or lost.
const DRAIN: Duration = Duration::from_secs(2);

/// A checkpoint that is being copied.
type Staging<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// How the process ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    /// A signal of the machine reached it.
    pub(super) stopped: bool,
    /// It was given no time to end.
    pub(super) killed: bool,
    /// Surely nothing of it runs, so that its folder may be given to somebody else.
    pub(super) alone: bool,
}

impl End {
    fn before_start(outcome: Outcome, stopped: bool) -> Self {
        Self { outcome, stopped, killed: false, alone: true }
    }
}

/// A process that runs, and everything around it.
struct Running {
    leader: Leader,
    pid: i32,
    over_limit: Option<oneshot::Receiver<()>>,
    calls: mpsc::Receiver<Call>,
    values: mpsc::Receiver<Values>,
    following: Option<Following>,
    copies: JoinSet<()>,
    closing: CancellationToken,
    server: JoinHandle<()>,
    oom_kills: u64,
    circumstances: Circumstances,
    stopped: bool,
}

/// What woke a running attempt.
enum Woke {
    Ended(io::Result<ExitStatus>),
    Control(Option<Control>),
    Called(Call),
    Found(Values),
    OverLimit,
}

impl Trial {
    /// Prepares, starts and waits; on return nothing of the trial runs.
    pub(super) async fn live(&self, controls: &mut mpsc::UnboundedReceiver<Control>, checkpoints: &Checkpoints) -> End {
        let listener = match self.lay_out().await {
            Ok(listener) => listener,
            Err(outcome) => return End::before_start(outcome, false),
        };
        let prepared = tokio::select! {
            prepared = self.prepare() => prepared,
            () = stop_signal(controls) => return End::before_start(Outcome::Unstarted, true),
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(outcome) => return End::before_start(outcome, false),
        };
        let mut running = match self.start(&prepared, listener).await {
            Ok(running) => running,
            Err(outcome) => return End::before_start(outcome, false),
        };
        self.tell(Input::ProcessStarted { key: self.key }).await;
        let status = self.attend(&mut running, controls, checkpoints).await;
        self.clean_up(running, status).await
    }

    async fn start(&self, prepared: &Prepared, listener: UnixListener) -> Result<Running, Outcome> {
        let (values_to, values) = mpsc::channel(CALLS);
        let search = self.pattern()?.map(|pattern| Search { pattern, values: values_to });
        let follower = self.follower(prepared).await?;
        let oom_kills = proc::recent_oom_kills();
        let launch = self.launch(prepared).map_err(|error| failure(Kind::Spawn, 0, &error.to_string(), ""))?;
        let name = launch.program.clone();
        let spawned = spawn::spawn(launch).await;
        let started =
            spawned.map_err(|error| outcome::spawn_failure(&name.to_string_lossy(), &prepared.working_directory, &error))?;
        let mut running = self.surround(started, listener, (search, values), oom_kills);
        running.following = follower.map(|follower| Following::start(follower, running.closing.clone()));
        Ok(running)
    }

    /// Puts guard, ledger, log, socket and memory watch around a started process.
    fn surround(
        &self,
        (leader, pipes): (Leader, Pipes),
        listener: UnixListener,
        (search, values): (Option<Search>, mpsc::Receiver<Values>),
        oom_kills: u64,
    ) -> Running {
        let pid = leader.pid();
        self.host.guard(pid, leader.start_ticks());
        if let Err(error) = ledger::Entry::of(pid, leader.start_ticks(), self.host.incarnation()).write(&self.folder) {
            tracing::warn!("cannot note the process of attempt {}: {error}", self.key);
        }
        let limit = self.assignment.memory_bytes;
        let (sender, calls) = mpsc::channel(CALLS);
        let closing = CancellationToken::new();
        let params = self.assignment.trial.clone().unwrap_or_default().params_json;
        Running {
            copies: copy_output(pipes, &self.log, search),
            server: tokio::spawn(socket::serve(listener, params, sender, closing.clone())),
            over_limit: (limit > 0).then(|| self.host.memory.add(pid, limit)),
            leader,
            pid,
            calls,
            values,
            following: None,
            closing,
            oom_kills,
            circumstances: Circumstances::default(),
            stopped: false,
        }
    }

    fn pattern(&self) -> Result<Option<Pattern>, Outcome> {
        if self.program.metrics_pattern.is_empty() {
            return Ok(None);
        }
        let default_name = self.program.objectives.first().map_or("value", String::as_str);
        let parsed = Pattern::parse(&self.program.metrics_pattern, default_name);
        parsed.map(Some).map_err(|error| failure(Kind::Spawn, 0, &error.to_string(), ""))
    }

    fn launch(&self, prepared: &Prepared) -> Result<Launch, NoValue> {
        let values = environment::values(&self.assignment, &self.program, &prepared.places);
        let mut words: Vec<OsString> = values.fill_command(&self.program.command)?.into_iter().map(Into::into).collect();
        let program = if words.is_empty() { "".into() } else { words.remove(0) };
        Ok(Launch {
            program,
            arguments: words,
            environment: environment::of_trial(&self.assignment, &self.program, &prepared.places, self.host.incarnation()),
            folder: prepared.working_directory.clone(),
        })
    }

    /// Does what comes until the process itself has ended.
    async fn attend(
        &self,
        running: &mut Running,
        controls: &mut mpsc::UnboundedReceiver<Control>,
        checkpoints: &Checkpoints,
    ) -> io::Result<ExitStatus> {
        let mut listening = true;
        let mut staging: Option<Staging<'_>> = None;
        loop {
            let woke = tokio::select! {
                biased;
                control = controls.recv(), if listening => Woke::Control(control),
                status = running.leader.wait() => Woke::Ended(status),
                () = staged(&mut staging) => continue,
                Some(call) = running.calls.recv(), if staging.is_none() => Woke::Called(call),
                Some(values) = running.values.recv() => Woke::Found(values),
                Some(values) = followed(&mut running.following) => Woke::Found(values),
                () = over(&mut running.over_limit) => Woke::OverLimit,
            };
            match woke {
                Woke::Ended(status) => return status,
                Woke::Control(Some(control)) => running.control(control),
                Woke::Control(None) => {
                    listening = false;
                    running.control(Control::Signal(Signal::Kill));
                }
                Woke::Called(Call::Report { step, metrics, answer }) => self.report(step, metrics, Some(answer)).await,
                Woke::Called(Call::Checkpoint { step, answer }) => {
                    // Copying may take long; stops and the end are attended to meanwhile.
                    staging = Some(Box::pin(async move {
                        // Whoever asked may be gone.
                        let _ = answer.send(checkpoints.stage(self, step).await);
                    }));
                }
                Woke::Found((step, metrics)) => self.report(step, metrics, None).await,
                Woke::OverLimit => {
                    running.circumstances.over_limit = Some(self.assignment.memory_bytes);
                    kill::kill_group(running.pid);
                }
            }
        }
    }

    pub(super) async fn report(&self, step: Option<i64>, metrics: Vec<Metric>, answer: Option<oneshot::Sender<bool>>) {
        // Nobody listens when the worker ends.
        let _ = self.events.send(Event::Report { key: self.key, step, metrics, answer }).await;
    }

    /// Ends what is left, and reads what it has written.
    async fn clean_up(&self, running: Running, status: io::Result<ExitStatus>) -> End {
        let Running {
            leader,
            pid,
            mut calls,
            mut values,
            following,
            copies,
            closing,
            server,
            oom_kills,
            mut circumstances,
            stopped,
            ..
        } = running;
        drop(leader);
        let swept = kill::sweep(pid, &environment::mark(&self.assignment, self.host.incarnation())).await;
        if swept == Swept::Hanging {
            tracing::warn!("something of attempt {} cannot be ended; it hangs in the kernel", self.key);
        }
        self.host.memory.remove(pid);
        self.host.unguard(pid);
        closing.cancel();
        let rest = async {
            tokio::join!(finish_copies(copies), self.drain_calls(&mut calls), self.drain_values(&mut values));
        };
        if timeout(DRAIN, rest).await.is_err() {
            tracing::warn!("reports of attempt {} that came with its end were lost", self.key);
        }
        server.abort();
        if let Some(following) = following {
            self.finish_following(following).await;
        }
        circumstances.kernel_was_short = is_killed(&status) && proc::oom_kills() > oom_kills;
        let killed = circumstances.killed_by_us || circumstances.over_limit.is_some();
        let outcome = match status {
            Ok(status) => classify(status, circumstances, &self.log.last_errors()),
            Err(error) => {
                let text = format!("how it ended is not known: {error}");
                failure(Kind::Signal, 0, &text, "")
            }
        };
        End { outcome, stopped, killed, alone: swept == Swept::Clean }
    }

    /// Takes the reports of a dead trial; nobody waits for their answers.
    async fn drain_calls(&self, calls: &mut mpsc::Receiver<Call>) {
        while let Some(call) = calls.recv().await {
            match call {
                Call::Report { step, metrics, answer } => {
                    let _ = answer.send(false);
                    self.report(step, metrics, None).await;
                }
                Call::Checkpoint { answer, .. } => drop(answer),
            }
        }
    }

    async fn drain_values(&self, values: &mut mpsc::Receiver<Values>) {
        while let Some((step, metrics)) = values.recv().await {
            self.report(step, metrics, None).await;
        }
    }
}

impl Running {
    fn control(&mut self, control: Control) {
        match control {
            Control::Signal(Signal::Term | Signal::Preempt) => self.stopped |= kill::terminate_group(self.pid),
            Control::Signal(Signal::Kill) => {
                self.circumstances.killed_by_us = true;
                self.stopped |= kill::kill_group(self.pid);
            }
            // Comes after the end only.
            Control::Collect { .. } => {}
        }
    }
}

/// Only then it matters whether the kernel was short of memory.
fn is_killed(status: &io::Result<ExitStatus>) -> bool {
    status.as_ref().is_ok_and(|status| status.signal() == Some(libc::SIGKILL))
}

async fn stop_signal(controls: &mut mpsc::UnboundedReceiver<Control>) {
    while let Some(Control::Collect { .. }) = controls.recv().await {}
}

/// Waits for values in files; for ever when none are followed.
async fn followed(following: &mut Option<Following>) -> Option<Values> {
    match following {
        Some(following) => following.values.recv().await,
        None => std::future::pending().await,
    }
}

/// Waits for the copy of a checkpoint; for ever when there is none.
async fn staged(staging: &mut Option<Staging<'_>>) {
    match staging {
        Some(copying) => copying.await,
        None => std::future::pending().await,
    }
    *staging = None;
}

/// Never, without a limit.
async fn over(over_limit: &mut Option<oneshot::Receiver<()>>) {
    if let Some(receiver) = over_limit
        && receiver.await.is_ok()
    {
        *over_limit = None;
        return;
    }
    *over_limit = None;
    std::future::pending().await
}
