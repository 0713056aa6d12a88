//! How a worker reaches a coordinator over TCP.
//!
//! ```text
//! the coordinator of this machine ──► its socket
//! --insecure-plaintext            ──► as it is
//! else                            ──► TLS with a certificate of its own, for which a token is exchanged once
//! ```

use std::path::{Path, PathBuf};

use hone_coordinator::holder::contact;
use hone_worker::{
    ConnectError, Connector,
    join::{Identity, JoinError, channel, join},
};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint};

use crate::{
    connect::{Address, endpoint, open_socket},
    context::{Context, Token},
    errors::{Failure, Kind, Result, chain},
    output::remark,
};

/// A certificate that ends within this time is exchanged for a new one where a token is at hand.
const RENEW_BEFORE_US: i64 = 10 * 86_400 * 1_000_000;

/// The way to a coordinator.
pub enum TcpConnector {
    /// The coordinator holds a store of this user on this machine.
    Socket(PathBuf),
    /// The operator asked for it.
    Plaintext(Box<Endpoint>),
    /// With a certificate.
    Tls(Box<Membership>),
}

/// A worker's certificate, and the means to get another one.
pub struct Membership {
    address: String,
    folder: PathBuf,
    name: String,
    token: Option<Token>,
    identity: Mutex<Identity>,
}

impl TcpConnector {
    /// Finds the way, and joins where that has not been done yet.
    ///
    /// # Errors
    /// No token, a token of another coordinator, or a coordinator that cannot be reached.
    pub async fn open(address: &Address, context: &Context, folder: &Path, name: &str) -> Result<Self> {
        if context.credentials.plaintext {
            return Ok(Self::Plaintext(Box::new(endpoint("http", address)?)));
        }
        if let Some(socket) = own_socket(address, context) {
            return Ok(Self::Socket(socket));
        }
        let (address, token) = (address.authority(), context.credentials.token.clone());
        let identity = match Identity::load(folder).map_err(|error| failure(&error))? {
            Some(identity) if serves(&identity, token.is_some(), now_us()) => identity,
            Some(_) | None => renewed(&address, token.as_ref(), folder, name).await?,
        };
        let (folder, name) = (folder.to_owned(), name.to_owned());
        Ok(Self::Tls(Box::new(Membership { address, folder, name, token, identity: identity.into() })))
    }
}

impl Connector for TcpConnector {
    async fn connect(&self) -> std::result::Result<Channel, ConnectError> {
        let lost = |error: &(dyn std::error::Error + 'static)| ConnectError::Unreachable(chain(error));
        match self {
            Self::Socket(path) => open_socket(path).await.map_err(|error| lost(&error)),
            Self::Plaintext(endpoint) => endpoint.connect().await.map_err(|error| lost(&error)),
            Self::Tls(membership) => membership.connect().await,
        }
    }
}

impl Membership {
    async fn connect(&self) -> std::result::Result<Channel, ConnectError> {
        let identity = self.current().await?;
        let endpoint = channel(&self.address, &identity).map_err(|error| ConnectError::Refused(chain(&error)))?;
        endpoint.connect().await.map_err(|error| ConnectError::Unreachable(chain(&error)))
    }

    /// The certificate, exchanged for a new one when its end is near.
    async fn current(&self) -> std::result::Result<Identity, ConnectError> {
        let identity = self.identity.lock().await.clone();
        if serves(&identity, self.token.is_some(), now_us()) {
            return Ok(identity);
        }
        match renewed(&self.address, self.token.as_ref(), &self.folder, &self.name).await {
            Ok(renewed) => {
                *self.identity.lock().await = renewed.clone();
                Ok(renewed)
            }
            Err(failure) if failure.kind == Kind::Unreachable => Err(ConnectError::Unreachable(failure.message)),
            Err(failure) if now_us() >= identity.expires_at_us => Err(ConnectError::Refused(failure.to_string())),
            Err(failure) => {
                remark(&format!("warning: the certificate could not be renewed: {failure}"));
                Ok(identity)
            }
        }
    }
}

fn now_us() -> i64 {
    Timestamp::now().as_microsecond()
}

/// Whether a certificate will do: it is good, and not about to end while a token could renew it.
fn serves(identity: &Identity, has_token: bool, now_us: i64) -> bool {
    let margin = if has_token { RENEW_BEFORE_US } else { 0 };
    now_us + margin < identity.expires_at_us
}

/// The socket of the coordinator that listens on this address of this machine and holds our data folder.
fn own_socket(address: &Address, context: &Context) -> Option<PathBuf> {
    let Address::Tcp { port, .. } = address else { return None };
    // A file that cannot be read belongs to somebody else: then it is not ours.
    let contact = contact(&context.data).ok().flatten()?;
    let same = contact.address.is_some_and(|listened| listened.port() == *port);
    (address.is_local() && same).then_some(contact.socket)
}

async fn renewed(address: &str, token: Option<&Token>, folder: &Path, name: &str) -> Result<Identity> {
    let token = token.ok_or_else(|| {
        let failure = Failure::new(Kind::Permission, format!("joining the coordinator at `{address}` takes a token"));
        failure.hint("`hone token create` there prints one; put it into $HONE_TOKEN or name its file with `--token-file`")
    })?;
    join(address, token.secret(), folder, name).await.map_err(|error| failure(&error))
}

fn failure(error: &JoinError) -> Failure {
    let kind = match error {
        JoinError::MalformedToken | JoinError::BadAddress(_) => Kind::Usage,
        JoinError::Unreachable { .. } => Kind::Unreachable,
        JoinError::OtherAuthority { .. } | JoinError::Refused(_) | JoinError::Exposed { .. } => Kind::Permission,
        JoinError::File { .. } => Kind::Storage,
        JoinError::Certificate(_) => Kind::Internal,
    };
    Failure::new(kind, chain(error))
}
