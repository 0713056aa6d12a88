//! Keeps the leases of trials whose programs are there. A trial that is renewed no more waits for another program.

use std::time::Duration;

use hone_coordinator::liveness::Connections;
use hone_proto::v1::{HeldTrial, RenewRequest};
use hone_studies::{Micros, TaskId};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::{Code, Status};

use super::upstream::Upstream;

/// Renewals within the time of a lease: two may be lost.
const RENEWALS: u32 = 3;
/// After one that failed, before the next; or an ordinary interval, where that is shorter.
const AGAIN: Duration = Duration::from_secs(1);

/// Renews until it is dropped.
pub async fn keep(upstream: &Upstream, connections: &Connections, lease: Micros) {
    let every = Duration::from_micros(lease.unsigned_abs()) / RENEWALS;
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticker.tick() => {}
            left = connections.left() => {
                tracing::info!(trials = ?left, "their program is gone; they will wait for another one");
                continue;
            }
        }
        let renewed = timeout(every, renew(upstream, connections, lease)).await;
        if let Err(status) = renewed.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time"))) {
            tracing::debug!(%status, "leases were not renewed");
            ticker.reset_after(every.min(AGAIN));
        }
    }
}

async fn renew(upstream: &Upstream, connections: &Connections, lease: Micros) -> Result<(), Status> {
    // Attempt 0: whichever runs.
    let held: Vec<HeldTrial> = connections.held().into_iter().map(|trial| HeldTrial { trial: trial.0, attempt: 0 }).collect();
    if held.is_empty() {
        return Ok(());
    }
    let token = upstream.token();
    let mut clients = upstream.clients(token.as_ref()).map_err(|failure| Status::unauthenticated(failure.message))?;
    let renewed = clients.renew(RenewRequest { held, lease_us: lease }).await.inspect_err(|status| {
        if status.code() == Code::Unauthenticated {
            upstream.identify(token.as_ref());
        }
    })?;
    for over in renewed.into_inner().over {
        connections.forget(TaskId(over.trial));
    }
    Ok(())
}
