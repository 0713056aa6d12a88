//! Wakes a flush of sled that sleeps through a failed write.
//!
//! sled's threads write in the background. When such a write fails, a flush that waits for it can miss the signal and
//! wait for ever; a second flush sees the error and signals again. So a thread flushes beside every flush that takes
//! long. A flush that even so never ends leaves nothing to go on with: the process ends, as for a failed sync.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// A flush that takes longer is helped.
const SLOW: Duration = Duration::from_secs(1);
/// A flush that takes longer will not end.
const STUCK: Duration = Duration::from_secs(300);
/// Exit code for a store that failed.
const STORE_FAILED: i32 = 74;

/// The helper of one database. Dropped before the database is closed.
#[derive(Debug)]
pub struct Nudge {
    watched: Arc<Watched>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Watched {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    over: bool,
}

impl Nudge {
    /// Starts the helper.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(db: sled::Db) -> std::io::Result<Nudge> {
        let watched = Arc::new(Watched::default());
        let theirs = watched.clone();
        let thread = thread::Builder::new().name("journal-nudge".to_owned()).spawn(move || help(&theirs, &db))?;
        Ok(Nudge { watched, thread: Some(thread) })
    }

    /// Runs a flush under watch.
    pub fn watch<T>(&self, flush: impl FnOnce() -> T) -> T {
        self.watched.lock().since = Some(Instant::now());
        let flushed = flush();
        self.watched.lock().since = None;
        flushed
    }
}

impl Drop for Nudge {
    fn drop(&mut self) {
        self.watched.lock().over = true;
        self.watched.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told by the panic hook.
            let _ = thread.join();
        }
    }
}

impl Watched {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn help(watched: &Watched, db: &sled::Db) {
    let mut state = watched.lock();
    while !state.over {
        let running = state.since.map(|since| since.elapsed());
        match running {
            Some(running) if running > STUCK => {
                tracing::error!("a write to the journal failed and did not come back; run `hone store verify`, then start again");
                std::process::exit(STORE_FAILED);
            }
            Some(running) if running > SLOW => {
                drop(state);
                // What it answers, the flush that waits is told too.
                let _ = super::supervise::supervised(|| db.flush());
                state = watched.lock();
            }
            Some(_) | None => {}
        }
        // It looks at the time by itself: a signal a commit would cost more than it is worth.
        state = watched.changed.wait_timeout(state, SLOW).unwrap_or_else(PoisonError::into_inner).0;
    }
}
