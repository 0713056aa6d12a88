//! The gRPC services. They parse, ask the writer, and answer from views; nothing here decides.

mod blobs;
mod choosing;
mod clients;
mod datasets;
mod fleet;
mod imports;
mod labels;
mod labelstudio;
mod passes;
mod samplers;
mod stores;
mod studies;
mod trials;
mod workers;

use std::sync::Arc;

use hone_studies::Study;
use tonic::Status;

use crate::{
    actor::{Refusal, View, Writer},
    asking::Asking,
    convert::{self, client},
    histories::Histories,
    labels::Labelling,
    sessions::Sessions,
    store::Store,
};

pub use self::stores::Stays;

/// What every service works with.
#[derive(Clone)]
pub(crate) struct Services {
    pub writer: Writer,
    pub sessions: Sessions,
    pub store: Store,
    pub stays: Stays,
    /// What samplers choose for clients.
    pub asking: Asking,
    /// What people are asked.
    pub labels: Labelling,
    /// Trials that other programs keep.
    pub histories: Histories,
    /// Certificate authority and tokens.
    pub gatekeeper: Arc<crate::security::Gatekeeper>,
    /// Shown to workers and users.
    pub build: String,
    pub store_id: String,
    /// How the mirror on an MLflow server is; `None` where there is none.
    pub mlflow: Option<crate::mlflow::Status>,
    /// Where the page for annotators is; `None` where it is not served.
    pub page: Option<String>,
    /// How the connector with Label Studio is; `None` where there is none.
    pub label_studio: Option<crate::labelstudio::Status>,
}

impl Services {
    async fn view(&self) -> Result<Arc<View>, Status> {
        self.writer.view().await.map_err(status)
    }

    async fn command(&self, command: hone_studies::Command) -> Result<hone_studies::Reply, Status> {
        self.writer.command(command).await.map_err(status)
    }
}

/// Runs what takes longer than an answer from memory, off the threads that serve.
async fn computed<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Status::internal(format!("the computation broke off: {error}")))
}

fn status(refusal: Refusal) -> Status {
    convert::status::from_refusal(&refusal)
}

/// One trial of a view as a message. `full` adds its curve, attempts and outputs.
fn trial_message(view: &View, study: &Study, number: u32, full: bool) -> Option<hone_proto::v1::Trial> {
    client::trial_of(study, number).map(|trial| client::trial_to_proto(&view.state, study, trial, full))
}
