//! A mirror of studies on an MLflow tracking server: an experiment for each study, a run for each finished trial.
//!
//! ```text
//!   writer ──views──► mirror ──► record (a trial) ──► run (what MLflow takes of it) ──► api ──► http ──► server
//!                        │  ▲
//!                        ▼  │ how far each study is
//!                     cursor: DATA/mlflow.json
//! ```
//!
//! The mirror is a reader like any other: it works from published views, which are durable, in a task of its own, a few
//! trials at a time. A server that is away for hours costs two attempts a minute and no memory. Nothing here writes to
//! the journal or is waited for by the writer.
//!
//! Every step may be repeated: metrics and inputs that a server has already are not added twice, and a run that may be
//! there is searched for by its trial before one is created.

mod api;
mod batch;
mod cursor;
mod http;
mod mirror;
mod register;
mod run;
mod sender;
mod server;
mod status;
mod values;

#[cfg(test)]
mod tests;

pub(crate) use self::mirror::{Mirror, Parts};
pub use self::{
    http::CallError,
    register::{RegisterError, Registered, Registration, register},
    server::{Credentials, Server, ServerError},
    status::Status,
};

/// Where studies are mirrored to, and how much of them.
#[derive(Clone, Debug)]
pub struct Config {
    /// The tracking server.
    pub server: Server,
    /// What the names of experiments start with; the study's name follows.
    pub prefix: String,
    /// Outputs of up to so many bytes each become artifacts; `None`: none do.
    pub artifact_bytes: Option<u64>,
}

/// The name of a study's experiment.
pub fn experiment_name(prefix: &str, study: &str) -> String {
    values::fitted(&format!("{prefix}{study}"), values::MAX_EXPERIMENT_NAME)
}
