//! What a coordinator does by itself, beside its calls: removes blobs that nothing names, estimates how good annotators are.

use std::time::Duration;

use tokio::sync::watch;

use crate::{labels, service::Services};

/// How often unreachable blobs are looked for, when some may be.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Begins with it; it ends when the coordinator stops.
pub(crate) fn start(services: &Services, stopping: &watch::Receiver<bool>) {
    let (writer, mut stop) = (services.writer.clone(), stopping.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = labels::weigh(writer) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
    tokio::spawn(sweep(services.clone(), stopping.clone()));
}

async fn sweep(services: Services, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if !services.store.take_sweep_wish() {
            continue;
        }
        let spilled = services.writer.with_store(|engine, _| engine.spilled().to_vec()).await;
        let (Ok(spilled), Ok(view)) = (spilled, services.writer.view().await) else { continue };
        let store = services.store.clone();
        let swept = tokio::task::spawn_blocking(move || store.sweep(&view.state, &spilled)).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "unreachable blobs could not be removed");
        }
    }
}
