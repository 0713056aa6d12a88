//! How the connector is, as others see it, and how they ask it to look at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hone_studies::LabelProjectId;
use tokio::sync::{mpsc, oneshot};

/// Wishes that wait at once.
const WISHES: usize = 32;

/// How one label project is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectStatus {
    /// Its project there; 0: none yet.
    pub project: u64,
    /// Tasks of requests that are there.
    pub tasks: u64,
    /// Open requests that have no task yet.
    pub waiting: u64,
    /// Annotations that are no labels of the form, and why; some of them.
    pub complaints: Vec<String>,
    /// Why nothing is done for it at the moment; empty: all is well.
    pub trouble: String,
    /// Why its changes are heard of late; empty: they are not.
    pub hook: String,
    /// When it was last looked at, in microseconds since 1970.
    pub pulled: i64,
}

/// What was done on somebody's wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    pub answers: u64,
    pub revised: u64,
    pub skipped: u64,
    pub taken_back: u64,
    pub withdrawn: u64,
    pub imported: u64,
}

/// A wish to look at a project at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub project: LabelProjectId,
    /// Make another project there in place of one that was deleted.
    pub anew: bool,
    /// Follow deletions, however many there are.
    pub accept_deletions: bool,
}

pub(super) struct Waiting {
    pub wish: Wish,
    pub done: oneshot::Sender<Result<Synced, String>>,
}

#[derive(Debug, Default)]
pub(super) struct Board {
    pub projects: BTreeMap<LabelProjectId, ProjectStatus>,
    /// Why the server is not reached at the moment.
    pub trouble: Option<String>,
}

/// How the connector is, for whoever asks.
#[derive(Clone, Debug)]
pub struct Status {
    server: String,
    board: Arc<Mutex<Board>>,
    wishes: mpsc::Sender<Waiting>,
}

impl Status {
    pub(super) fn new(server: &str) -> (Status, mpsc::Receiver<Waiting>) {
        let (wishes, waiting) = mpsc::channel(WISHES);
        (Status { server: server.to_owned(), board: Arc::default(), wishes }, waiting)
    }

    /// The address of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// How a label project is; `None`: it is not one of Label Studio's, or has not been looked at yet.
    pub fn project(&self, project: LabelProjectId) -> Option<ProjectStatus> {
        self.lock().projects.get(&project).cloned()
    }

    /// Why the server is not reached at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Looks at a project at once, and answers what that led to.
    ///
    /// # Errors
    /// Why it could not be done.
    pub async fn sync(&self, wish: Wish) -> Result<Synced, String> {
        let (done, answer) = oneshot::channel();
        let ended = || "the coordinator is stopping".to_owned();
        self.wishes.send(Waiting { wish, done }).await.map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
