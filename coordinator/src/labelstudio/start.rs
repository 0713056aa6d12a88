//! The connector with its listener for webhooks, from being made to its end.

use std::{future::Future, net::SocketAddr};

use axum::Router;
use tokio::net::TcpListener;

use super::{
    Config,
    connector::{Connector, Parts},
    hook::{Hints, secret_from, webhook_router},
    server::ServerError,
    status::Status,
};

/// A connector that has not begun.
pub(crate) struct Prepared {
    pub status: Status,
    connector: Connector,
    hook: Option<(TcpListener, Router)>,
}

impl Prepared {
    /// Makes a connector that hears webhooks on a listener, or none.
    ///
    /// # Errors
    /// The authorities of the server cannot be read.
    pub fn new(config: &Config, parts: Parts, listener: Option<TcpListener>) -> Result<Prepared, ServerError> {
        let (hints, secret) = (Hints::default(), secret_from(&parts.key));
        let bound = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let called = bound.map(|bound| config.hook_url.clone().unwrap_or_else(|| format!("http://{bound}")));
        let (connector, status) = Connector::new(config, parts, hints.clone(), called)?;
        let hook = listener.map(|listener| (listener, webhook_router(secret, hints)));
        Ok(Prepared { status, connector, hook })
    }

    /// Where webhooks are heard.
    pub fn hook(&self) -> Option<SocketAddr> {
        self.hook.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// Lets it run until the end, wherever it then is: it looks for that at its next start.
    pub fn run<Ended: Future<Output = ()> + Send + 'static>(self, ended: impl Fn() -> Ended) {
        let (over, connector) = (ended(), self.connector);
        tokio::spawn(async move {
            tokio::select! {
                () = connector.run() => {}
                () = over => {}
            }
        });
        if let Some((listener, router)) = self.hook {
            tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(ended()).into_future());
        }
    }
}
