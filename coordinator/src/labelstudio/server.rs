//! Which server is spoken to, and as whom. The token is never shown.

use std::{fmt, path::PathBuf};

use http::HeaderValue;

use crate::{
    outbound::{AddressError, parse_address},
    security::Secret,
};

/// Why an address or a token cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("`{0}` is no address of a Label Studio server; write `http://HOST:PORT` or `https://HOST`")]
    Address(String),
    #[error("an address with a password can be seen by others; give a token in $LABEL_STUDIO_TOKEN or a file")]
    Secret,
    #[error("the token is empty, or holds characters that no token of Label Studio holds; copy it from `Account & Settings`")]
    Token,
    #[error("the certificates in `{path}` cannot be read: {reason}")]
    Certificates { path: PathBuf, reason: String },
}

/// Which of Label Studio's two kinds of token it is.
#[derive(Clone, Debug)]
pub(super) enum Token {
    /// A legacy token: 40 hexadecimal digits that are sent as they are.
    Legacy(HeaderValue),
    /// A personal access token: a JWT that is never sent but to be exchanged for one that lives five minutes.
    Personal(Secret),
}

impl Token {
    /// Tells the kind by the form: a JWT has three parts.
    fn parse(text: &str) -> Result<Token, ServerError> {
        let text = text.trim();
        let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if text.is_empty() || !text.chars().all(allowed) {
            return Err(ServerError::Token);
        }
        if text.split('.').count() == 3 {
            return Ok(Token::Personal(Secret::new(text.to_owned())));
        }
        header("Token", text).map(Token::Legacy).ok_or(ServerError::Token)
    }
}

/// An `Authorization` header that is not shown.
pub(super) fn header(kind: &str, token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("{kind} {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A server of Label Studio.
#[derive(Clone)]
pub struct Server {
    address: String,
    pub(super) token: Token,
    pub(super) authorities: Option<PathBuf>,
}

impl Server {
    /// Takes the address of a server with the path below which it lies, a token of either kind, and a PEM file of
    /// the authorities that may vouch for it, instead of the system's.
    ///
    /// # Errors
    /// It is no address, or holds a password; the token is none.
    pub fn new(address: &str, token: &str, authorities: Option<PathBuf>) -> Result<Server, ServerError> {
        let address = parse_address(address).map_err(|error| match error {
            AddressError::NotOne(given) => ServerError::Address(given),
            AddressError::Secret => ServerError::Secret,
        })?;
        Ok(Server { address, token: Token::parse(token)?, authorities })
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
