//! A coordinator inside this process.

use std::path::Path;

use hone_coordinator::{Config, Coordinator, OpenError, StartError, journal::JournalError, mlflow, page::PageError};

use crate::errors::{Failure, Kind, Result, chain};

/// How this program calls itself to others.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// A coordinator on a Unix socket, for the length of a command.
pub struct Embedded {
    coordinator: Coordinator,
}

/// What came of a start.
pub enum Started {
    /// It runs.
    Here(Box<Embedded>),
    /// Another process holds the store.
    Held(Failure),
}

impl Embedded {
    /// Opens the store and listens on a socket.
    ///
    /// # Errors
    /// The store cannot be opened, for another reason than its holder.
    pub async fn start(data: &Path, mlflow: Option<mlflow::Config>) -> Result<Started> {
        let config = Config { data: data.to_owned(), mlflow, build: BUILD.to_owned(), ..Config::default() };
        match Coordinator::start(config).await {
            Ok(coordinator) => Ok(Started::Here(Box::new(Self { coordinator }))),
            Err(error) if is_held(&error) => Ok(Started::Held(failure(&error))),
            Err(error) => Err(failure(&error)),
        }
    }

    /// The socket it listens on.
    pub fn socket(&self) -> &Path {
        self.coordinator.socket()
    }

    /// Waits until nobody needs it but this process, which never asks it to stay.
    pub async fn wait_for_leavers(&self) {
        self.coordinator.wait_for_leavers(0).await;
    }

    /// Waits until an MLflow server has everything, or cannot be reached; answers how many trials it lacks, and why.
    pub async fn mirrored(&self) -> Option<(u64, String)> {
        self.coordinator.mirrored().await
    }

    /// Waits until an MLflow server cannot be reached for the first time; never returns where none is needed.
    pub async fn mirror_trouble(&self) -> String {
        match self.coordinator.mlflow() {
            Some(mirror) => mirror.first_trouble().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until the store has failed for good.
    pub async fn failed(&self) -> Failure {
        let reason = self.coordinator.failed().await;
        Failure::new(Kind::Storage, reason).hint("everything acknowledged is kept; `hone store verify` checks the store")
    }

    /// Ends it.
    ///
    /// # Errors
    /// The store had failed.
    pub async fn stop(self) -> Result<()> {
        self.coordinator.stop().await.map_err(|error| failure(&error))
    }
}

/// Whether another process holds the store.
pub fn is_held(error: &StartError) -> bool {
    matches!(error, StartError::Open(OpenError::Journal(JournalError::Held { .. })))
}

/// Translates what a coordinator says when it cannot start or end.
pub fn failure(error: &StartError) -> Failure {
    let kind = match error {
        StartError::Open(OpenError::Journal(error)) => journal_kind(error),
        StartError::Open(_) | StartError::StoreFailed(_) => Kind::Storage,
        StartError::Holder(_) => Kind::Storage,
        StartError::Security(_) => Kind::Internal,
        StartError::Listen { .. } => Kind::Refused,
        StartError::OptunaBeyondThisHost(_) | StartError::KatibBeyondThisHost(_) | StartError::Mlflow(_) => Kind::Usage,
        StartError::Page(PageError::Security(_)) => Kind::Internal,
        StartError::Page(_) => Kind::Usage,
    };
    Failure::new(kind, chain(error))
}

/// What a journal's refusal means here.
pub fn journal_kind(error: &JournalError) -> Kind {
    match error {
        JournalError::Held { .. } | JournalError::NotEmpty { .. } => Kind::Refused,
        JournalError::NotABackup { .. } => Kind::Usage,
        _ => Kind::Storage,
    }
}
