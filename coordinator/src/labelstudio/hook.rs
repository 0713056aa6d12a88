//! Webhooks of Label Studio: hints that something has changed, and nothing more.
//!
//! ```text
//!   annotator ─► Label Studio ─► POST …/label-studio/hook/PROJECT ─► hint ─► the connector looks what it is
//! ```
//!
//! Label Studio sends them inside the annotator's request, once, without a signature and in no order. So they are
//! registered without a payload, whatever comes in one is not read, and the answer does not wait for anything: what has
//! changed is read from the server itself. A hint that is lost costs the time until the next look.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use serde_json::{Value as Json, json};
use tokio::sync::Notify;

use super::{api::LabelStudio, http::CallError};
use crate::security::Secret;

/// What the header is called that holds the secret.
const HEADER: &str = "X-Hone-Secret";
/// The path below which each label project has its own.
const PATH: &str = "/label-studio/hook/";
/// What is heard of. Tasks that are imported with annotations are told by `TASKS_CREATED` alone.
const ACTIONS: [&str; 6] =
    ["ANNOTATIONS_CREATED", "ANNOTATIONS_DELETED", "ANNOTATION_CREATED", "ANNOTATION_UPDATED", "TASKS_CREATED", "TASKS_DELETED"];
/// Projects that are remembered at once; far more than there are.
const MAX_HINTS: usize = 10_000;

/// Label projects in which something has changed there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    projects: Mutex<BTreeSet<u64>>,
    wake: Notify,
}

impl Hints {
    fn add(&self, project: u64) {
        let mut projects = self.lock();
        if projects.len() < MAX_HINTS {
            projects.insert(project);
        }
        drop(projects);
        self.0.wake.notify_one();
    }

    /// Takes what has come in.
    pub(super) fn take(&self) -> BTreeSet<u64> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until something has come in.
    pub(super) async fn some(&self) {
        self.0.wake.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<u64>> {
        self.0.projects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Receiver {
    secret: Arc<Secret>,
    hints: Hints,
}

/// The routes that Label Studio calls, to be served on a listener of their own or beside others.
pub(crate) fn webhook_router(secret: Secret, hints: Hints) -> Router {
    let receiver = Receiver { secret: Arc::new(secret), hints };
    Router::new().route(&format!("{PATH}{{project}}"), post(receive)).with_state(receiver)
}

async fn receive(State(receiver): State<Receiver>, Path(project): Path<u64>, headers: HeaderMap) -> StatusCode {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    if !given.is_some_and(|given| receiver.secret.matches(given)) {
        return StatusCode::FORBIDDEN;
    }
    receiver.hints.add(project);
    StatusCode::OK
}

/// The secret that Label Studio shows, made from one of this store's that it cannot be turned back into.
pub(crate) fn secret_from(key: &str) -> Secret {
    let derived = blake3::derive_key("hone 2026-12 label studio webhook secret", key.as_bytes());
    Secret::new(derived.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What webhooks a project there shall have.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    /// Where the listener is as the server calls it; `None`: nobody listens.
    pub base: Option<&'a str>,
    pub secret: &'a Secret,
    /// The label project.
    pub label_project: u64,
}

/// Sees to it that a project there has one webhook of ours, or none where nobody listens.
///
/// # Errors
/// As the server refuses; it is not asked for anything that is so already.
pub(super) async fn register(api: &LabelStudio, project: u64, wanted: &Wanted<'_>) -> Result<(), CallError> {
    let path = format!("{PATH}{}", wanted.label_project);
    let mut ours = api.hooks(project).await?;
    ours.retain(|hook| hook.url.ends_with(&path));
    let Some(base) = wanted.base else {
        for hook in &ours {
            api.delete_hook(hook.id).await?;
        }
        return Ok(());
    };
    let body = body(project, &format!("{}{path}", base.trim_end_matches('/')), wanted.secret);
    for double in ours.iter().skip(1) {
        api.delete_hook(double.id).await?;
    }
    match ours.first() {
        Some(known) if is_same(&known.body, &body) => Ok(()),
        // Whatever the reason: the server was there for the call before, and the rest goes on without.
        known => api.set_hook(known.map(|hook| hook.id), &body).await.map_err(|error| CallError::Refused(error.to_string())),
    }
}

/// All of it, every time: a change without actions would empty their list.
fn body(project: u64, url: &str, secret: &Secret) -> Json {
    json!({
        "project": project, "url": url, "is_active": true, "send_payload": false, "send_for_all_actions": false,
        "headers": {HEADER: secret.reveal()}, "actions": ACTIONS,
    })
}

fn is_same(known: &Json, wanted: &Json) -> bool {
    let fields = ["url", "is_active", "send_payload", "send_for_all_actions", "headers"];
    let mut actions: Vec<&str> = known["actions"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    actions.sort_unstable();
    actions == ACTIONS && fields.iter().all(|field| known[*field] == wanted[*field])
}
