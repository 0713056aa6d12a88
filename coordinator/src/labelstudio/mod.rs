//! Label requests in Label Studio: a project there for each label project that says so, a task for each open request.
//!
//! ```text
//!   writer ──views──► connector ──► project: pull, then push ──► api ──► http ──► Label Studio
//!      ▲                 │  ▲                  │                                       │
//!      └── answers ──────┘  └── hints ── hook ◄┼────────── webhooks ───────────────────┘
//!                                              ▼
//!                                  cursor: DATA/label-studio.json
//! ```
//!
//! Both directions compare states (`plan.rs`), so that what is heard of late, twice or never by one way is found by the
//! next look and counts once. Nothing here writes to the journal but by commands, and nothing waits for it.

mod annotation;
mod api;
mod connector;
mod cursor;
mod form;
mod hook;
mod http;
mod place;
mod plan;
mod project;
mod pull;
mod push;
mod result;
mod server;
mod start;
mod status;
mod task;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use self::{connector::Parts, start::Prepared};
pub use self::{
    server::{Server, ServerError},
    status::{ProjectStatus, Status, Synced, Wish},
};

/// Which server, and how often it is looked at.
#[derive(Clone, Debug)]
pub struct Config {
    /// The server.
    pub server: Server,
    /// Between two looks at what has changed there.
    pub interval: Duration,
    /// TCP address where its webhooks are heard; `None`: nowhere.
    pub hook: Option<std::net::SocketAddr>,
    /// How the server calls that address; `None`: as it is.
    pub hook_url: Option<String>,
    /// Hear them beyond this host too, without encryption. Has to be typed in full.
    pub insecure_hook: bool,
}
