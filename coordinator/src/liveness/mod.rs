//! Which connections stand behind which trials: what tells a client that computes from one that is gone.
//!
//! ```text
//!   Watched: a connection ──► Connection, with every call ──► Holders: who holds what
//!      └─ dropped ────────────────────────────────────────────► trials that nobody holds any more are left
//! ```
//!
//! Knows nothing of leases: whoever asks [`Connections`] what is held renews it, and whoever takes what is left gives it
//! up. A trial may have several holders, because one program may make it and another one end it.

mod holders;
mod watched;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hone_studies::TaskId;
use tokio::sync::Notify;

use self::holders::Holders;
pub use self::watched::Watched;

/// All connections of a listener. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Connections(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    holders: Mutex<Holders>,
    /// Something was left.
    left: Notify,
}

impl Connections {
    /// Watches a connection from now until it is dropped.
    pub fn watch<S>(&self, stream: S) -> Watched<S> {
        let id = self.lock().opened(Instant::now());
        Watched::new(stream, Connection { id, all: self.clone() })
    }

    /// Returns every trial that somebody stands behind.
    pub fn held(&self) -> Vec<TaskId> {
        self.lock().held()
    }

    /// Whether somebody stands behind a trial.
    pub fn is_held(&self, trial: TaskId) -> bool {
        self.lock().is_held(trial)
    }

    /// Forgets a trial: it has ended, or waits for anybody.
    pub fn forget(&self, trial: TaskId) {
        self.lock().forget(trial);
    }

    /// Waits until trials have lost their last holder, and returns them.
    pub async fn left(&self) -> Vec<TaskId> {
        loop {
            let left = self.lock().take_left();
            if !left.is_empty() {
                return left;
            }
            self.0.left.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Holders> {
        self.0.holders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection. An extension of every request that came over it.
#[derive(Clone, Debug)]
pub struct Connection {
    id: u64,
    all: Connections,
}

impl Connection {
    /// All connections of the listener.
    pub fn all(&self) -> &Connections {
        &self.all
    }

    /// Marks a call as under way for as long as the answer lives.
    pub fn call(&self) -> Call {
        self.all.lock().called(self.id);
        Call(self.clone())
    }

    /// Stands behind a trial from now on. Over a connection that is closed by now, the trial is left at once.
    pub fn hold(&self, trial: TaskId) {
        if !self.all.lock().hold(self.id, trial) {
            self.all.0.left.notify_one();
        }
    }

    /// Stands behind a trial that was anybody's: whoever held it before has nothing to do with it any more.
    pub fn take(&self, trial: TaskId) {
        self.all.forget(trial);
        self.hold(trial);
    }

    fn closed(&self) {
        self.all.lock().closed(self.id, Instant::now());
        self.all.0.left.notify_one();
    }
}

/// A call that is under way.
#[derive(Debug)]
pub struct Call(Connection);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.all.lock().answered(self.0.id, Instant::now());
    }
}
