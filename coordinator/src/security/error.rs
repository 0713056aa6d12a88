//! What can go wrong with keys, certificates and tokens.

use std::{io, path::PathBuf};

use super::{passes::PassError, tokens::TokenError};

/// Why a credential could not be made, read or accepted.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// A file could not be read or written.
    #[error("cannot {operation} `{path}`: {source}", path = .path.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The message of the operating system.
        #[source]
        source: io::Error,
    },
    /// Other users can read a secret.
    #[error("`{path}` holds a secret and is open to others (mode {mode:o}); close it with `chmod {wanted:o} {path}`", path = .path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// What they must be.
        wanted: u32,
    },
    /// The authority's certificate is there and its key is not.
    #[error("`{path}` is missing; restore it from a backup, or remove the whole folder: then every worker has to join again", path = .path.display())]
    KeyLost {
        /// Where the key should be.
        path: PathBuf,
    },
    /// A file is not what it should be.
    #[error("`{path}` cannot be read ({detail}); restore it from a backup, or remove it", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A name cannot stand in a certificate.
    #[error("`{name}` cannot stand in a certificate; give a host name or an address")]
    BadName {
        /// The name.
        name: String,
    },
    /// A certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused keys or certificates.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    NoRandomness,
    /// A worker asked for a certificate that it cannot have.
    #[error("the signing request is refused: {0}")]
    Request(String),
    /// A join token that is not good.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// An invite, session or token of an annotator that is not good.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// A file of the operator's that holds a certificate or its key cannot be used.
    #[error("`{path}` cannot be used as {what}: {detail}", path = .path.display())]
    OwnCertificate {
        /// The file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}
