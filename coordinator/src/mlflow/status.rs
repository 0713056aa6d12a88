//! How a mirror is, as others see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hone_studies::State;
use tokio::sync::watch;

use super::cursor::Cursor;

/// How the mirror is, for whoever asks.
#[derive(Clone, Debug)]
pub struct Status {
    pub(super) server: String,
    pub(super) cursor: Arc<Mutex<Cursor>>,
    pub(super) health: watch::Receiver<Health>,
}

/// Where the mirror stands with its server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    /// Everything up to this event is mirrored.
    pub through: u64,
    /// Why nothing is sent at the moment.
    pub trouble: Option<String>,
}

impl Status {
    /// The address of the server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Finished trials of a state that are not mirrored.
    pub fn behind(&self, state: &State) -> u64 {
        lock(&self.cursor).behind(state)
    }

    /// Trials that the server did not take whole.
    pub fn refused(&self) -> u64 {
        lock(&self.cursor).refused()
    }

    /// Why nothing is sent at the moment.
    pub fn trouble(&self) -> Option<String> {
        self.health.borrow().trouble.clone()
    }

    /// Waits until the server cannot be reached for the first time, and tells why.
    pub async fn first_trouble(&self) -> String {
        let mut health = self.health.clone();
        let trouble = health.wait_for(|health| health.trouble.is_some()).await.map(|health| health.trouble.clone());
        match trouble {
            Ok(reason) => reason.unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until everything up to this event is mirrored, and answers why when the server cannot be reached.
    pub async fn reached(&self, event: u64) -> Option<String> {
        let mut health = self.health.clone();
        let reached = health.wait_for(|health| health.through >= event || health.trouble.is_some()).await;
        reached.map_or(Some("the mirror has ended".to_owned()), |health| health.trouble.clone())
    }
}

pub(super) fn lock(cursor: &Mutex<Cursor>) -> MutexGuard<'_, Cursor> {
    cursor.lock().unwrap_or_else(PoisonError::into_inner)
}
