//! One attempt on this machine: prepare, run, clean up, collect.
//!
//! ```text
//! work/<task>-<attempt>/tree         links to the source; the trial's working directory
//!                       output/      HONE_OUTPUT
//!                       checkpoint/  HONE_CHECKPOINT
//!                       staged/      checkpoints on their way to the coordinator
//!                       log          what memory does not hold of it
//!                       process.json
//! ```

mod checkpoints;
mod collect;
mod follow;
mod live;
mod output;
mod place;
mod prepare;

use std::{path::PathBuf, sync::Arc};

use hone_proto::worker::{Assignment, Metric, Program};
use tokio::sync::{mpsc, oneshot};

pub(crate) use self::output::{copy_output, finish_copies};
pub use self::place::Places;
use crate::{
    host::Host,
    machine::{AttemptKey, Input, Signal},
    process::log::Log,
};

/// What the worker tells a running attempt. When the sender is dropped, the attempt's folder is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Stop it.
    Signal(Signal),
    /// Upload what it left.
    Collect {
        /// The checkpoint folder too.
        checkpoint: bool,
        /// The outputs too.
        outputs: bool,
        /// Large predictions may stay here.
        keeps: bool,
    },
}

/// What an attempt tells the worker.
#[derive(Debug)]
pub enum Event {
    /// Something for the machine.
    Input(Input),
    /// The trial reported values.
    Report {
        /// Whose.
        key: AttemptKey,
        /// `None`: a final value.
        step: Option<i64>,
        /// The values.
        metrics: Vec<Metric>,
        /// Who waits for the verdict, if anybody does.
        answer: Option<oneshot::Sender<bool>>,
    },
}

/// An attempt and what it needs.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Which.
    pub key: AttemptKey,
    /// What to run, on which resources.
    pub assignment: Arc<Assignment>,
    /// Its program.
    pub program: Arc<Program>,
    /// What it writes.
    pub log: Arc<Log>,
    /// Where it runs.
    pub folder: PathBuf,
    /// What all attempts share.
    pub host: Arc<Host>,
    /// To the worker; bounded, so that a trial that reports too fast waits.
    pub events: mpsc::Sender<Event>,
}

/// The log of an attempt without a limit of its own.
const LOG_BYTES: u64 = 16 << 20;

impl Trial {
    /// Sets up the description of an attempt; nothing is started yet.
    #[must_use]
    pub fn new(host: &Arc<Host>, assignment: Assignment, program: Arc<Program>, events: mpsc::Sender<Event>) -> Self {
        let key = AttemptKey { task: assignment.task, attempt: assignment.attempt };
        let folder = host.folder.work().join(key.to_string());
        let limit = if program.max_log_bytes == 0 { LOG_BYTES } else { program.max_log_bytes };
        let log = Arc::new(Log::new(&folder.join("log"), limit));
        Self { key, assignment: Arc::new(assignment), program, log, folder, host: Arc::clone(host), events }
    }

    /// Runs the attempt to its end, collects when told to, and gives its folder back when `controls` closes.
    pub async fn run(self, mut controls: mpsc::UnboundedReceiver<Control>) {
        let mut checkpoints = checkpoints::Checkpoints::start(&self);
        let end = self.live(&mut controls, &checkpoints).await;
        let (killed, alone) = (end.killed, end.alone);
        self.tell(Input::ProcessEnded { key: self.key, outcome: end.outcome, stopped: end.stopped }).await;
        while let Some(control) = controls.recv().await {
            if let Control::Collect { checkpoint, outputs, keeps } = control {
                tokio::select! {
                    () = self.collect(&mut checkpoints, checkpoint && !killed, outputs.then_some(keeps)) => {}
                    () = closed(&mut controls) => break,
                }
            }
        }
        checkpoints.abort();
        self.leave(alone).await;
    }

    /// The worker ends when nobody listens; then nothing has to be told.
    async fn tell(&self, input: Input) {
        let _ = self.events.send(Event::Input(input)).await;
    }

    fn socket(&self) -> PathBuf {
        self.host.sockets.join(self.key.to_string())
    }

    /// Gives the folder back; where something of the trial may still run, nobody else gets it.
    async fn leave(self, alone: bool) {
        let (host, folder, socket) = (Arc::clone(&self.host), self.folder.clone(), self.socket());
        let leaving = tokio::task::spawn_blocking(move || {
            // A socket that stays behind is removed by the next attempt of that name.
            let _ = std::fs::remove_file(socket);
            if alone { host.places.take_back(folder) } else { place::remove(&folder) }
        });
        if let Ok(Err(error)) = leaving.await {
            tracing::warn!("cannot remove the folder of attempt {}: {error}", self.key);
        }
    }
}

async fn closed(controls: &mut mpsc::UnboundedReceiver<Control>) {
    while controls.recv().await.is_some() {}
}
