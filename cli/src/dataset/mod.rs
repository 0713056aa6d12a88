//! `hone dataset`.

mod add;
mod compare;
mod export;
mod fetch;
mod origin;
mod upload;

use hone_data::dataset::{Contract, profile::Profile};
use hone_proto::v1;
use serde::Serialize;

pub use self::add::{Made, add_made};
use crate::{
    args::{DatasetCommand, Shape},
    connect::{Client, with_client},
    context::Context,
    errors::{Failure, Kind, Result},
    output::{self, DatasetDocument, Format, bytes_text, json_text, list_text, print, print_line},
    signals::Stop,
};

/// Runs one of the commands.
///
/// # Errors
/// Whatever the coordinator answers, or what files say.
pub async fn command(context: &Context, command: DatasetCommand) -> Result<()> {
    with_client(context, async |client| dispatch(context, client, command).await).await
}

async fn dispatch(context: &Context, client: &Client, command: DatasetCommand) -> Result<()> {
    match command {
        DatasetCommand::Add(args) if args.path.contains("://") => {
            // What was fetched of objects goes with the work on it.
            let stop = Stop::listen()?;
            tokio::select! {
                added = add::add(client, args) => added,
                () = stop.wanted() => Err(Failure::new(Kind::Interrupted, "stopped")),
            }
        }
        DatasetCommand::Add(args) => add::add(client, args).await,
        DatasetCommand::Ls { dataset, format } => list(context, client, dataset, format.output).await,
        DatasetCommand::Show { dataset, format } => show(context, client, dataset, format.output).await,
        DatasetCommand::Diff { before, after, examples, format } => {
            compare::diff(client, before, after, examples, format.output).await
        }
        DatasetCommand::Rows { dataset, ids, limit } => compare::rows(client, dataset, ids, limit).await,
        DatasetCommand::Export(args) => export::export(client, args).await,
        DatasetCommand::Fetch { dataset, directory } => fetch::fetch(client, dataset, &directory).await,
        DatasetCommand::Verify { dataset, directory: None } => verify(client, dataset).await,
        DatasetCommand::Verify { dataset, directory: Some(directory) } => fetch::verify(client, dataset, &directory).await,
        DatasetCommand::Pin { dataset, by } => pin(client, dataset, by, false).await,
        DatasetCommand::Unpin { dataset, by } => pin(client, dataset, by, true).await,
        DatasetCommand::Rm { dataset, force } => remove(client, dataset, force).await,
    }
}

/// Finds a version.
///
/// # Errors
/// There is none of that name.
async fn find(client: &Client, dataset: String) -> Result<v1::DatasetVersion> {
    let answer = client.datasets().get_dataset(v1::GetDatasetRequest { dataset }).await?.into_inner();
    Ok(answer.version.unwrap_or_default())
}

/// `name@version`
fn label(version: &v1::DatasetVersion) -> String {
    format!("{}@{}", output::visible(&version.name), version.version)
}

async fn list(context: &Context, client: &Client, dataset: Option<String>, format: Format) -> Result<()> {
    let request = v1::ListDatasetsRequest { dataset: dataset.unwrap_or_default() };
    let versions = client.datasets().list_datasets(request).await?.into_inner().versions;
    print(&list_text(format, context.look, &output::dataset_documents(&versions), &output::datasets_listing(&versions))?)
}

async fn show(context: &Context, client: &Client, dataset: String, shape: Shape) -> Result<()> {
    let version = find(client, dataset).await?;
    let document = async |hash: &bytes::Bytes| -> Result<Option<Vec<u8>>> {
        if hash.is_empty() { Ok(None) } else { fetch::document(client, hash).await.map(Some) }
    };
    let profile = document(&version.profile).await?.map(|bytes| Profile::parse(&bytes)).transpose();
    let profile = profile.map_err(|why| Failure::new(Kind::Storage, why))?;
    let contract = document(&version.contract).await?.map(|bytes| Contract::from_bytes(&bytes)).transpose();
    let contract = contract.map_err(|why| Failure::new(Kind::Storage, why))?;
    match shape {
        Shape::Json => {
            let document = DatasetDocument::from(&version);
            print(&json_text(&WholeDocument { document, content: profile, feature_contract: contract })?)
        }
        Shape::Text => print(&output::dataset_text(&version, profile.as_ref(), contract.as_ref(), context.look)),
    }
}

/// A version with its schema and contract.
#[derive(Serialize)]
struct WholeDocument {
    #[serde(flatten)]
    document: DatasetDocument,
    content: Option<Profile>,
    feature_contract: Option<Contract>,
}

async fn verify(client: &Client, dataset: String) -> Result<()> {
    let version = find(client, dataset).await?;
    let label = label(&version);
    let answer = client.datasets().verify_dataset(v1::VerifyDatasetRequest { dataset: label.clone() }).await?.into_inner();
    let mended = "what is damaged was set aside: `hone dataset add` of the same data brings it back";
    tell_findings(&answer.findings, &label).map_err(|failure| failure.hint(mended))?;
    print_line(&format!("{label} is whole: {} blobs, {}", answer.blobs, bytes_text(answer.bytes)))
}

/// Prints what is wrong and ends with the exit code for that.
fn tell_findings(findings: &[String], label: &str) -> Result<()> {
    for finding in findings {
        print_line(&output::visible(finding))?;
    }
    let message = match findings.len() {
        0 => return Ok(()),
        1 => format!("{label} is damaged"),
        several => format!("{label} is damaged in {several} places"),
    };
    Err(Failure::new(Kind::Storage, message))
}

/// Names a version for the user, or lets go of it.
async fn pin(client: &Client, dataset: String, name: String, release: bool) -> Result<()> {
    let by = v1::DatasetReference { kind: "user".to_owned(), name };
    let known = find(client, dataset.clone()).await?;
    if release && !known.named_by.contains(&by) {
        let (label, name) = (label(&known), output::visible(&by.name));
        let failure = Failure::new(Kind::NotFound, format!("{label} has no pin `{name}`"));
        return Err(failure.hint(format!("`hone dataset show {label}` lists who names it")));
    }
    let word = if release { "let go of" } else { "pinned" };
    let request = v1::PinDatasetRequest { dataset: label(&known), by: Some(by), release };
    let version = client.datasets().pin_dataset(request).await?.into_inner();
    print_line(&format!("{word} {}", label(&version)))
}

async fn remove(client: &Client, dataset: String, force: bool) -> Result<()> {
    let answer = client.datasets().remove_dataset(v1::RemoveDatasetRequest { dataset, force }).await?.into_inner();
    print_line(&format!("removed {}", output::visible(&answer.removed)))
}
