//! Hone's own page for annotators: an HTTP listener of its own, because browsers have no client certificate.
//!
//! ```text
//!   connection ─► Door: is the host one of ours?  ─► files of the page            (static/, part of the binary)
//!                   │ headers on every answer      └► /api/v1 ─► Caller: whose cookie or token?
//!                   └ time limit, sizes                            └► Labelling ─► the writer
//! ```
//!
//! The page is written against the same API as other programs: `docs/labels-api.md`. Nothing here decides about labels,
//! and nothing that a user or a dataset wrote becomes part of a document: the page builds its elements from text.

mod answer;
mod api;
mod caller;
mod door;
mod files;
mod listen;
mod settings;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

pub use self::settings::PageError;
pub(crate) use self::{
    listen::{bind, serve},
    settings::Settings,
};
use crate::{
    labels::Labelling,
    security::{Gatekeeper, Throttle},
    store::Store,
};
use axum::Router;

/// The longest time that an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How the page is served.
#[derive(Clone, Debug)]
pub struct Config {
    /// TCP address.
    pub address: SocketAddr,
    /// Without encryption beyond this host too. Has to be typed in full.
    pub insecure: bool,
    /// Under which address annotators reach it, where that is another one: behind a proxy for instance.
    pub url: Option<String>,
    /// A certificate, with its chain, and its key, PEM, instead of one by the coordinator's own authority.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// Other sites whose images samples may name, such as `https://images.example.org`.
    pub image_sites: Vec<String>,
}

/// What every answer is made with.
pub(crate) struct Site {
    labels: Labelling,
    store: Store,
    gatekeeper: Arc<Gatekeeper>,
    settings: Settings,
    /// Wrong invites and tokens; not the one of gRPC, so that neither closes the other.
    throttle: Throttle,
}

impl Site {
    pub(crate) fn new(labels: Labelling, store: Store, gatekeeper: Arc<Gatekeeper>, settings: Settings) -> Site {
        Site { labels, store, gatekeeper, settings, throttle: Throttle::default() }
    }
}

type Shared = Arc<Site>;

fn router(site: Shared) -> Router {
    Router::new().merge(files::router()).nest("/api/v1", api::router()).fallback(answer::nothing_there).with_state(site)
}
