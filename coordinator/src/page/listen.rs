//! Connections of browsers: HTTP/1.1, with limits on everything that a caller could draw out.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};
use tokio_stream::StreamExt;

use super::{Config, PageError, Shared, Site, door, router, settings};
use crate::security::{Connection, Gatekeeper, Listener};

/// Connections at once; a browser has up to six. More wait for their turn.
const MAX_CONNECTIONS: usize = 2_048;
/// A request's head that takes longer, or a connection that waits longer for the next one, is closed.
const HEAD_LIMIT: Duration = Duration::from_secs(30);
/// The largest head of a request.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// Binds the page's address.
///
/// # Errors
/// The certificate cannot be used, or the address is taken.
pub(crate) async fn bind(config: &Config, gatekeeper: &Arc<Gatekeeper>) -> Result<std::io::Result<Listener>, PageError> {
    if settings::encrypts(config) {
        let tls = settings::tls(config.certificate.as_ref(), gatekeeper)?;
        return Ok(Listener::tls_with(config.address, gatekeeper, tls).await);
    }
    // Whoever connects is asked for a cookie or a token, call by call.
    Ok(Listener::insecure(config.address).await)
}

/// Serves until the coordinator stops; then lets open answers end.
pub(crate) async fn serve(site: Site, listener: Listener, mut stopping: watch::Receiver<bool>) {
    let site = Arc::new(site);
    let router = router(site.clone());
    let mut incoming = listener.into_incoming();
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let permit = room.clone().acquire_owned().await;
            (incoming.next().await, permit)
        };
        tokio::select! {
            (Some(Ok(connection)), Ok(permit)) = next => {
                let (site, router, stopping) = (site.clone(), router.clone(), stopping.clone());
                connections.spawn(async move {
                    serve_connection(site, router, connection, stopping).await;
                    drop(permit);
                });
                while connections.try_join_next().is_some() {}
            }
            () = stopped(&mut stopping) => break,
            else => break,
        }
    }
    drop(incoming);
    while connections.join_next().await.is_some() {}
}

async fn serve_connection(site: Shared, router: Router, connection: Connection, mut stopping: watch::Receiver<bool>) {
    let peer = connection.peer();
    let service = service_fn(move |request: Request<Incoming>| {
        let (site, router) = (site.clone(), router.clone());
        async move { Ok::<_, std::convert::Infallible>(door::answer(&site, router, peer, request.map(Body::new)).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT).max_buf_size(MAX_HEAD_BYTES);
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(connection), service));
    let mut served = tokio::select! {
        served = serving.as_mut() => Some(served),
        () = stopped(&mut stopping) => None,
    };
    if served.is_none() {
        serving.as_mut().graceful_shutdown();
        served = Some(serving.await);
    }
    if let Some(Err(error)) = served {
        tracing::debug!(%error, "a connection to the page broke off");
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
