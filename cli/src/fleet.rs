//! `hone worker ls|show|drain|cordon|activate`.

use hone_proto::v1::{self, set_worker_request::Action};
use jiff::Timestamp;

use crate::{
    args::{FleetCommand, Shape},
    connect::{Client, with_client},
    context::Context,
    errors::Result,
    output::{self, Format, WorkerDocument, json_text, list_text, print, print_line},
};

/// Runs one of the commands.
///
/// # Errors
/// Whatever the coordinator answers.
pub async fn command(context: &Context, command: FleetCommand) -> Result<()> {
    with_client(context, async |client| dispatch(context, client, command).await).await
}

async fn dispatch(context: &Context, client: &Client, command: FleetCommand) -> Result<()> {
    match command {
        FleetCommand::Ls { all, format } => list(context, client, all, format.output).await,
        FleetCommand::Show { worker, format } => show(client, worker, format.output).await,
        FleetCommand::Drain { worker, hand_back } => set(client, worker, Action::Drain, hand_back).await,
        FleetCommand::Cordon { worker } => set(client, worker, Action::Cordon, false).await,
        FleetCommand::Activate { worker } => set(client, worker, Action::Activate, false).await,
    }
}

async fn list(context: &Context, client: &Client, all: bool, format: Format) -> Result<()> {
    let workers = client.fleet().list_workers(v1::ListWorkersRequest { all }).await?.into_inner().workers;
    let documents: Vec<WorkerDocument> = workers.iter().map(WorkerDocument::from).collect();
    print(&list_text(format, context.look, &documents, &output::workers_listing(&workers))?)
}

async fn show(client: &Client, worker: String, shape: Shape) -> Result<()> {
    let worker = client.fleet().get_worker(v1::GetWorkerRequest { worker }).await?.into_inner();
    match shape {
        Shape::Json => print(&json_text(&WorkerDocument::from(&worker))?),
        Shape::Text => print(&output::worker_text(&worker, Timestamp::now().as_microsecond())),
    }
}

async fn set(client: &Client, worker: String, action: Action, hand_back: bool) -> Result<()> {
    let request = v1::SetWorkerRequest { worker, action: action.into(), hand_back };
    let worker = client.fleet().set_worker(request).await?.into_inner();
    print_line(&format!("{} is {}", output::visible(&worker.name), worker.state))
}
