//! Who may speak to a coordinator, and how that is known.
//!
//! ```text
//!   connection ──► listener ──► Peer: whose connection is it?      Unix: same user · TLS: which certificate
//!   call ────────► authorise ─► one table: path × peer × token     default: no
//!   Join ────────► gatekeeper ► token for certificate              authority, tokens, throttle
//!   page ────────► passes ────► invite for session                 whose, which projects
//! ```
//!
//! [`mod@authorise`] is the only place where a call is let through, and `gatekeeper` the only one that hands out
//! credentials. Private keys and tokens' hashes are files of mode 0600 under `<data>/tls`; no secret is in the journal,
//! in a log, or in the debug output of anything here.

mod authorise;
mod authority;
mod certificate;
mod connection;
mod error;
mod files;
mod gatekeeper;
mod layer;
mod listener;
mod passes;
mod peer;
mod secret;
mod throttle;
mod tokens;

pub use authorise::{Access, Caller, Denied, access_of, authorise};
pub use authority::{Authority, SignedWorker, WORKER_DAYS};
pub(crate) use certificate::with_own_names;
pub use certificate::{SERVER_NAME, ServerCertificate, own_browser_config, worker_of};
pub use connection::Connection;
pub use error::SecurityError;
pub use gatekeeper::Gatekeeper;
pub(crate) use gatekeeper::wall;
pub use layer::{Authorise, AuthoriseLayer};
pub use listener::{Incoming, Listener};
pub use passes::{INVITE_LIFE, PROGRAM_LIFE, Pass, PassError, PassKind, PassWish, Passes, SESSION_LIFE};
pub use peer::{Peer, PeerKind};
pub use secret::Secret;
pub use throttle::Throttle;
pub use tokens::{TOKEN_LIFE, TokenError, TokenInfo, Tokens};
