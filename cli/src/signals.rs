//! Ctrl-C and SIGTERM: the first one asks, the second one does.

use std::process;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{
    errors::{Failure, Kind, Result},
    output::remark,
};

/// Tells when the user wants this process to stop. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Stop {
    wanted: watch::Receiver<bool>,
}

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on. The second signal ends the process at once: what is durable stays
    /// so, and the guard ends the trials.
    ///
    /// # Errors
    /// The system does not let us listen.
    pub fn listen() -> Result<Self> {
        let failed = |error| Failure::new(Kind::Internal, format!("cannot listen for signals: {error}"));
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let (ask, wanted) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if ask.send_replace(true) {
                    remark("stopped at once");
                    process::exit(i32::from(Kind::Interrupted.exit_code()));
                }
            }
        });
        Ok(Self { wanted })
    }

    /// Returns when the user wants to stop.
    pub async fn wanted(&self) {
        let mut wanted = self.wanted.clone();
        if wanted.wait_for(|wanted| *wanted).await.is_err() {
            // The listener is gone, so nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }

    /// Whether the user wants to stop.
    pub fn is_wanted(&self) -> bool {
        *self.wanted.borrow()
    }
}
