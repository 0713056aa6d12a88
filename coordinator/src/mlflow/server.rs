//! Which server is spoken to, and as whom. Credentials come from the environment and are never shown.

use std::{fmt, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;

use crate::outbound::{AddressError, parse_address};

/// Why an address or its credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("`{0}` is no address of an MLflow server; write `http://HOST:PORT` or `https://HOST`")]
    Address(String),
    #[error(
        "an address with a password can be seen by others; give it in $MLFLOW_TRACKING_USERNAME and $MLFLOW_TRACKING_PASSWORD"
    )]
    Secret,
    #[error("the credentials in $MLFLOW_TRACKING_… hold characters that cannot be sent")]
    Credentials,
    #[error("the certificates in `{path}` cannot be read: {reason}; see $MLFLOW_TRACKING_SERVER_CERT_PATH")]
    Certificates { path: PathBuf, reason: String },
}

/// What is shown to the server, from the variables that MLflow's own clients read.
#[derive(Clone, Default)]
pub struct Credentials {
    /// `MLFLOW_TRACKING_TOKEN`
    pub token: Option<String>,
    /// `MLFLOW_TRACKING_USERNAME`
    pub user: Option<String>,
    /// `MLFLOW_TRACKING_PASSWORD`
    pub password: Option<String>,
    /// `MLFLOW_TRACKING_SERVER_CERT_PATH`: PEM file of the authorities that may vouch for the server, instead of the system's.
    pub authorities: Option<PathBuf>,
}

impl Credentials {
    /// Reads the variables through `variable`.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Credentials {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        Credentials {
            token: given("MLFLOW_TRACKING_TOKEN"),
            user: given("MLFLOW_TRACKING_USERNAME"),
            password: given("MLFLOW_TRACKING_PASSWORD"),
            authorities: given("MLFLOW_TRACKING_SERVER_CERT_PATH").map(PathBuf::from),
        }
    }

    /// Name and password win over the token, as in MLflow's clients.
    fn header(&self) -> Result<Option<HeaderValue>, ServerError> {
        let text = match (&self.user, &self.password, &self.token) {
            (Some(user), password, _) => {
                let pair = format!("{user}:{}", password.as_deref().unwrap_or_default());
                format!("Basic {}", STANDARD.encode(pair))
            }
            (None, _, Some(token)) => format!("Bearer {token}"),
            (None, _, None) => return Ok(None),
        };
        let mut value = HeaderValue::from_str(&text).map_err(|_| ServerError::Credentials)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// A tracking server.
#[derive(Clone)]
pub struct Server {
    address: String,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) authorities: Option<PathBuf>,
}

impl Server {
    /// Takes the address of a server, with the path below which it lies.
    ///
    /// # Errors
    /// It is no address, or holds a password; the credentials cannot be sent.
    pub fn new(address: &str, credentials: &Credentials) -> Result<Server, ServerError> {
        let address = parse_address(address).map_err(|error| match error {
            AddressError::NotOne(given) => ServerError::Address(given),
            AddressError::Secret => ServerError::Secret,
        })?;
        let (authorization, authorities) = (credentials.header()?, credentials.authorities.clone());
        Ok(Server { address, authorization, authorities })
    }

    /// The address as it was given, without a slash at its end.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}
