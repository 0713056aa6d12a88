//! Opening a channel: a Unix socket as it is, TCP with TLS unless it stays on this machine.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use hone_coordinator::{holder::contact, security::SERVER_NAME};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tower::service_fn;

use super::Address;
use crate::{
    context::{Context, Credentials},
    errors::{Failure, Kind, Result, chain},
};

/// A coordinator that does not answer in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A silent connection is asked for a sign of life this often, so that a followed log ends when its host does.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// Connects to a socket. The outer error is what the system said, for callers that go on without.
///
/// # Errors
/// Nobody listens there, or this user may not connect.
pub async fn open_socket(path: &Path) -> io::Result<Channel> {
    // Connected once by hand: the error of the channel no longer tells a missing socket from a forbidden one.
    drop(UnixStream::connect(path).await?);
    let path = path.to_owned();
    let connector = service_fn(move |_| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost").connect_timeout(CONNECT_TIMEOUT);
    endpoint.connect_with_connector(connector).await.map_err(io::Error::other)
}

/// Connects to a named coordinator.
///
/// # Errors
/// It cannot be reached, is not trusted, or would be spoken to in the clear.
pub async fn open(address: &Address, credentials: &Credentials) -> Result<Channel> {
    if let Address::Unix(path) = address {
        return open_socket(path).await.map_err(|error| unreachable(address, &error));
    }
    let endpoint = endpoint_for(address, credentials)?;
    endpoint.connect().await.map_err(|error| unreachable(address, &error))
}

/// Prepares a channel that connects when it is used, and anew when its connection has broken: to the coordinator that the
/// options name, else to whoever holds the data folder at that moment.
///
/// # Errors
/// The address cannot be used, or would be spoken to in the clear.
pub fn lazy(context: &Context) -> Result<Channel> {
    match &context.server {
        Some(address @ Address::Tcp { .. }) => Ok(endpoint_for(address, &context.credentials)?.connect_lazy()),
        Some(Address::Unix(path)) => {
            let path = path.clone();
            Ok(lazy_socket(move || Ok(path.clone())))
        }
        None => {
            let data = context.data.clone();
            Ok(lazy_socket(move || {
                let contact = contact(&data).map_err(io::Error::other)?;
                let nobody = || io::Error::new(io::ErrorKind::NotFound, format!("nobody serves `{}`", data.display()));
                contact.map(|contact| contact.socket).ok_or_else(nobody)
            }))
        }
    }
}

/// A channel to a socket whose path is looked up for every connection.
fn lazy_socket(path: impl Fn() -> io::Result<PathBuf> + Send + 'static) -> Channel {
    let connector = service_fn(move |_| {
        let path = path();
        async move { UnixStream::connect(path?).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost")
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector_lazy(connector)
}

fn unreachable(address: &Address, error: &(dyn std::error::Error + 'static)) -> Failure {
    let denied = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    let kind = if denied { Kind::Permission } else { Kind::Unreachable };
    let failure = Failure::new(kind, format!("cannot reach the coordinator at `{address}`: {}", chain(error)));
    match denied {
        true => failure.hint("the socket belongs to another user; ask for a token and use `HOST:PORT`"),
        false => failure.hint("`hone serve` starts one; without `--server` and $HONE_SERVER none is needed"),
    }
}

/// Prepares a connection over TCP.
///
/// # Errors
/// The address cannot be used.
pub fn endpoint(scheme: &str, address: &Address) -> Result<Endpoint> {
    let endpoint =
        Endpoint::from_shared(format!("{scheme}://{}", address.authority())).map_err(|error| unusable(address, &error))?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_while_idle(true))
}

fn unusable(address: &Address, error: &tonic::transport::Error) -> Failure {
    Failure::usage(format!("cannot use `{address}`: {}", chain(error)))
}

fn endpoint_for(address: &Address, credentials: &Credentials) -> Result<Endpoint> {
    if !is_encrypted(address, credentials)? {
        return endpoint("http", address);
    }
    let authority = credentials.authority.as_deref().unwrap_or_default();
    // One name for every coordinator: only its own authority can certify it.
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name(SERVER_NAME);
    endpoint("https", address)?.tls_config(tls).map_err(|error| unusable(address, &error))
}

/// Whether to encrypt; refuses to guess where the way is long.
fn is_encrypted(address: &Address, credentials: &Credentials) -> Result<bool> {
    match (&credentials.authority, credentials.plaintext) {
        (_, true) => Ok(false),
        (Some(_), false) => Ok(true),
        (None, false) if address.is_local() => Ok(false),
        (None, false) => {
            let message = format!("nothing says whom to trust at `{address}`");
            let hint = "copy `tls/authority.pem` from the coordinator's data folder and name it with `--ca` or $HONE_CA";
            Err(Failure::new(Kind::Permission, message).hint(hint))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(address: &str, authority: bool, plaintext: bool) -> Option<bool> {
        let authority = authority.then(|| "certificate".to_owned());
        is_encrypted(&Address::parse(address).unwrap(), &Credentials { authority, plaintext, ..Credentials::default() }).ok()
    }

    #[test]
    fn beyond_this_machine_there_is_no_plaintext_unless_asked_for_by_name() {
        assert_eq!(encrypted("host:1", true, false), Some(true));
        assert_eq!(encrypted("host:1", false, false), None);
        assert_eq!(encrypted("host:1", false, true), Some(false));
    }

    #[test]
    fn loopback_is_plain_unless_an_authority_is_named() {
        assert_eq!(encrypted("127.0.0.1:1", false, false), Some(false));
        assert_eq!(encrypted("127.0.0.1:1", true, false), Some(true));
    }

    #[tokio::test]
    async fn a_socket_that_nobody_serves_is_unreachable() {
        let failure = open(&Address::Unix("/nonexistent/socket".into()), &Credentials::default()).await.unwrap_err();
        assert_eq!(failure.kind.exit_code(), 6);
        assert!(failure.to_string().contains("unix:/nonexistent/socket"), "{failure}");
    }
}
