//! `hone optuna-proxy`: Optuna's storage protocol on this host, for a coordinator anywhere.
//!
//! ```text
//!   Optuna's clients ──► plaintext, loopback ──► relay: hold, send again ──► the coordinator: socket, or TLS and token
//!                              │                                                       ▲
//!                              └─ connections: who holds which trial ──► renew ────────┘
//! ```
//!
//! Optuna's clients know neither credentials nor a second try. Both are added here; what a call says is not looked at,
//! but for the trials that it begins and ends. Decides nothing: no answer is made up but that the coordinator is away.

mod call;
mod relay;
mod renewal;
mod retry;
mod upstream;

use std::{net::SocketAddr, time::Duration};

use hone_coordinator::{liveness::Connections, timings};
use hone_studies::file::units::parse_duration;
use tokio::{net::TcpListener, sync::watch};
use tokio_stream::StreamExt;
use tonic::transport::{Server, server::TcpIncoming};

use crate::{
    args::ProxyArgs,
    context::Context,
    errors::{Failure, Kind, Result, chain},
    output::remark,
    signals::Stop,
};

use self::{relay::Relay, upstream::Upstream};

/// A silent connection is asked for a sign of life this often; one that stays silent is closed.
const KEEPALIVE: Duration = Duration::from_secs(20);
const KEEPALIVE_LIMIT: Duration = Duration::from_secs(10);
/// How long calls under way may take after the end was asked for.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Forwards until it is told to stop.
///
/// # Errors
/// The address is taken or is not this host's; the coordinator that is named cannot be spoken to at all.
pub async fn command(context: &Context, args: ProxyArgs) -> Result<()> {
    let hold = parse_duration(&args.hold).map_err(|problem| Failure::usage(format!("`--hold`: {problem}")))?;
    let hold = Duration::from_micros(hold.unsigned_abs());
    let stop = Stop::listen()?;
    let upstream = Upstream::new(context)?;
    let listener = listen(args.listen).await?;
    let address = listener.local_addr().unwrap_or(args.listen);
    let connections = Connections::default();
    let watched = {
        let connections = connections.clone();
        TcpIncoming::from(listener).with_nodelay(Some(true)).map(move |stream| stream.map(|stream| connections.watch(stream)))
    };
    let (ending, over) = watch::channel(false);
    let relay = Relay::new(upstream.clone(), hold, over.clone());
    let router = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_LIMIT))
        .add_service(relay);
    let serving = tokio::spawn(router.serve_with_incoming_shutdown(watched, ended(over)));
    remark(&format!("Optuna's storage protocol is served on {address}, for {}", place(context)));
    tokio::select! {
        () = stop.wanted() => {}
        () = renewal::keep(&upstream, &connections, timings().lease) => {}
    }
    remark("stopping");
    ending.send_replace(true);
    let abort = serving.abort_handle();
    match tokio::time::timeout(STOP_GRACE, serving).await {
        Ok(Ok(served)) => served.map_err(|error| Failure::new(Kind::Internal, format!("cannot serve: {}", chain(&error)))),
        Ok(Err(error)) => Err(Failure::new(Kind::Internal, format!("cannot serve: {error}"))),
        Err(_) => {
            abort.abort();
            Ok(())
        }
    }
}

async fn ended(mut over: watch::Receiver<bool>) {
    let _ = over.wait_for(|over| *over).await;
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    if !address.ip().is_loopback() {
        let message = format!("Optuna's protocol has no credentials, so `{address}` would be open to everybody");
        return Err(Failure::usage(message).hint("listen on a loopback address, and start one of these on every host"));
    }
    TcpListener::bind(address).await.map_err(|error| {
        Failure::new(Kind::Refused, format!("cannot listen on `{address}`: {error}"))
            .hint("choose another address with `--listen`")
    })
}

fn place(context: &Context) -> String {
    match &context.server {
        Some(address) => format!("the coordinator at {address}"),
        None => format!("the coordinator of {}", context.data.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn other_hosts_are_not_served() {
        let failure = listen("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
        assert_eq!(failure.kind.exit_code(), 2);
        assert!(failure.to_string().contains("loopback"), "{failure}");
    }

    #[tokio::test]
    async fn an_address_in_use_is_named() {
        let taken = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = taken.local_addr().unwrap();
        let failure = listen(address).await.unwrap_err();
        assert_eq!(failure.kind.exit_code(), 4);
        assert!(failure.to_string().contains(&address.to_string()), "{failure}");
    }
}
