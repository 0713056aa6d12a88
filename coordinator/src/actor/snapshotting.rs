//! When the writer has a snapshot made, and what it drops afterwards.

use std::thread;

use tokio::sync::oneshot;

use super::{Actor, Batch, Message, Refusal};
use crate::{engine::Engine, journal::Head};

/// Events between snapshots.
const SNAPSHOT_EVENTS: u64 = 200_000;

#[derive(Default)]
pub(super) struct Snapshotting {
    /// The event up to which the newest snapshot is folded. Kept in the journal as long as it is the newest but one.
    pub(super) last: u64,
    pub(super) running: bool,
    pub(super) wanted: Vec<oneshot::Sender<Result<(), Refusal>>>,
}

impl Actor {
    pub(super) fn maybe_snapshot(&mut self, engine: &mut Engine) {
        let head = engine.journal().head();
        let due = head.sequence >= self.snapshot.last + SNAPSHOT_EVENTS || !self.snapshot.wanted.is_empty();
        if !due || self.snapshot.running {
            return;
        }
        let (state, snapshots, queue) = (engine.core().state.clone(), self.store.snapshots(), self.queue.clone());
        self.snapshot.running = true;
        let write = move || {
            let result = snapshots.write(&state, head).map_err(|error| error.to_string());
            drop(state);
            if let Some(queue) = queue.upgrade() {
                let _ = queue.blocking_send(Message::SnapshotWritten { head, result });
            }
        };
        if let Err(error) = thread::Builder::new().name("hone-snapshot".to_owned()).spawn(write) {
            tracing::warn!(%error, "no thread for a snapshot");
            self.snapshot.running = false;
        }
    }

    pub(super) fn snapshot_written(&mut self, batch: &mut Batch, head: Head, result: Result<(), String>) {
        self.snapshot.running = false;
        let wanted = std::mem::take(&mut self.snapshot.wanted);
        // The older of the two kept snapshots can still be gone on from.
        let covered = std::mem::replace(&mut self.snapshot.last, head.sequence);
        match result {
            Ok(()) => batch.store.push(Box::new(move |engine, store| {
                let dropped = engine.drop_before(covered + 1).and_then(|()| engine.journal().checkpoint());
                if let Err(error) = dropped {
                    tracing::warn!(%error, "events before the snapshot could not be dropped");
                }
                store.want_sweep();
                wanted.into_iter().for_each(|reply| drop(reply.send(Ok(()))));
            })),
            Err(reason) => {
                tracing::warn!(reason, "the snapshot could not be written; the journal keeps everything");
                wanted.into_iter().for_each(|reply| drop(reply.send(Err(Refusal::Full(reason.clone())))));
            }
        }
    }

    /// A clean stop leaves a snapshot, so that the next start has little to replay.
    pub(super) fn last_snapshot(&mut self, mut engine: Engine) {
        let head = engine.journal().head();
        if head.sequence < self.snapshot.last + SNAPSHOT_EVENTS / 20 {
            return;
        }
        let written = self.store.snapshots().write(&engine.core().state, head);
        if let Err(error) = written {
            tracing::warn!(%error, "no snapshot at the end; the next start replays more");
        }
    }
}
