//! `hone label`: label projects, requests and answers.

mod access;
mod export;
mod meter;
mod of_dataset;
mod pool;
mod publish;
mod samples;
mod study_pool;
mod sync;
mod work;

use std::{fs, path::Path};

use hone_proto::v1;
use serde_json::Value;

use crate::{
    args::{AnnotatorArgs, LabelCommand, RequestsArgs, Shape},
    connect::{Client, with_client},
    context::Context,
    errors::{Failure, Kind, Result},
    output::{self, Format, json_text, list_text, print, print_line, remark},
};

/// Runs one of the commands.
///
/// # Errors
/// Whatever the coordinator answers.
pub async fn command(context: &Context, command: LabelCommand) -> Result<()> {
    match command {
        // Files alone; no coordinator is needed.
        LabelCommand::Meter(args) => meter::meter(&args),
        LabelCommand::Score(args) => pool::score(context, &args),
        LabelCommand::Choose(args) if args.asked.is_none() && args.committee.study.is_none() => pool::choose(None, &args).await,
        command => with_client(context, async |client| dispatch(context, client, command).await).await,
    }
}

async fn dispatch(context: &Context, client: &Client, command: LabelCommand) -> Result<()> {
    match command {
        LabelCommand::Create { file } => create(client, &file).await,
        LabelCommand::Ls { format } => list(context, client, format.output).await,
        LabelCommand::Show { project, format } => show(client, project.project, format.output).await,
        LabelCommand::Set { project, file, state } => {
            let state = state.map_or_else(String::new, |state| state.name().to_owned());
            let (text, file) = file.as_deref().map(read_text).transpose()?.unwrap_or_default();
            let request = v1::SetLabelProjectRequest { project, text, file, state };
            let project = client.labels().set_label_project(request).await?.into_inner();
            print_line(&format!("label project {} is {}", output::visible(&project.name), project.state))
        }
        LabelCommand::Rm { project, force } => {
            client.labels().remove_label_project(v1::RemoveLabelProjectRequest { project: project.clone(), force }).await?;
            print_line(&format!("label project {} is removed", output::visible(&project)))
        }
        LabelCommand::Score(args) => pool::score(context, &args),
        LabelCommand::Choose(args) => match &args.committee.study {
            Some(study) => study_pool::choose(client, &args, study).await,
            None => pool::choose(Some(client), &args).await,
        },
        LabelCommand::Rescore(args) => study_pool::rescore(client, &args).await,
        LabelCommand::Ask(args) => samples::ask(client, &args).await,
        LabelCommand::Requests(args) => requests(context, client, &args).await,
        LabelCommand::Request { request, project, format } => {
            let label = find(client, &request, project).await?;
            show_request(&label, format.output)
        }
        LabelCommand::Next { project, annotator, format } => next(client, project.project, &annotator, format.output).await,
        LabelCommand::Submit { request, label, annotator, took } => submit(client, request, &label, &annotator, took).await,
        LabelCommand::Work(args) => work::work(client, &args).await,
        LabelCommand::Skip { request, because, annotator } => {
            let request_message =
                v1::SkipLabelRequest { request, annotator: name(&annotator)?, reason: because, by_command: true };
            client.labels().skip_label(request_message).await?;
            print_line(&format!("request {request} is skipped"))
        }
        LabelCommand::Release { request, annotator } => {
            client.labels().release_label(v1::ReleaseLabelRequest { request, annotator: name(&annotator)? }).await?;
            print_line(&format!("request {request} is given back"))
        }
        LabelCommand::Undo { request, annotator } => {
            let annotator = name(&annotator)?;
            client.labels().undo_label(v1::UndoLabelRequest { request, annotator: annotator.clone() }).await?;
            client.labels().release_label(v1::ReleaseLabelRequest { request, annotator }).await?;
            print_line(&format!("request {request} has no answer of yours any more"))
        }
        LabelCommand::Resolve { request, label, annotator } => {
            let label_json = label_json(client, request, &label).await?;
            let message = v1::ResolveLabelRequest { request, label_json, annotator: name(&annotator)?, by_command: true };
            said(&client.labels().resolve_label(message).await?.into_inner())
        }
        LabelCommand::Reopen { requests } => {
            for request in requests {
                said(&client.labels().reopen_label(v1::ReopenLabelRequest { request }).await?.into_inner())?;
            }
            Ok(())
        }
        LabelCommand::Withdraw { requests, answer, because } => withdraw(client, requests, answer, because).await,
        LabelCommand::Annotators { project, format } => {
            let request = v1::ListAnnotatorsRequest { project: project.unwrap_or_default() };
            let annotators = client.labels().list_annotators(request).await?.into_inner().annotators;
            let documents = output::annotator_documents(&annotators);
            print(&list_text(format.output, context.look, &documents, &output::annotators_listing(&annotators))?)
        }
        LabelCommand::Report { project, format } => report(context, client, project.project, format.output).await,
        LabelCommand::Meter(args) => meter::meter(&args),
        LabelCommand::Sync(args) => sync::sync(client, args).await,
        LabelCommand::Export(args) => match &args.dataset {
            Some(dataset) => publish::publish(client, &args, dataset).await,
            None => export::export(client, &args).await,
        },
        LabelCommand::Access(command) => access::command(context, client, command).await,
    }
}

async fn create(client: &Client, file: &Path) -> Result<()> {
    let (text, file) = read_text(file)?;
    let request_id = uuid::Uuid::new_v4().as_bytes().to_vec().into();
    let request = v1::CreateLabelProjectRequest { text, file, request_id };
    let project = client.labels().create_label_project(request).await?.into_inner();
    print_line(&format!("label project {} is {}", output::visible(&project.name), project.state))?;
    remark(&format!("hint: `hone label ask {} FILE` asks for labels", project.name));
    Ok(())
}

/// A project's file, and what messages call it.
fn read_text(path: &Path) -> Result<(String, String)> {
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    Ok((text, path.display().to_string()))
}

async fn list(context: &Context, client: &Client, format: Format) -> Result<()> {
    let projects = client.labels().list_label_projects(v1::ListLabelProjectsRequest {}).await?.into_inner().projects;
    let documents = output::label_project_documents(&projects);
    print(&list_text(format, context.look, &documents, &output::label_projects_listing(&projects))?)
}

/// One project.
pub(crate) async fn fetch_project(client: &Client, project: String) -> Result<v1::LabelProject> {
    Ok(client.labels().get_label_project(v1::GetLabelProjectRequest { project }).await?.into_inner())
}

async fn show(client: &Client, project: String, shape: Shape) -> Result<()> {
    let project = fetch_project(client, project).await?;
    match shape {
        Shape::Json => print(&json_text(&output::LabelProjectDocument::from(&project))?),
        Shape::Text => print(&output::label_project_text(&project)),
    }
}

async fn report(context: &Context, client: &Client, project: String, shape: Shape) -> Result<()> {
    let found = client.labels().report_labels(v1::ReportLabelsRequest { project }).await?.into_inner();
    let report: Value = serde_json::from_str(&found.report_json).unwrap_or_default();
    match shape {
        Shape::Json => print(&json_text(&report)?),
        Shape::Text => print(&output::label_report_text(&found.project.unwrap_or_default(), &report, context.look)),
    }
}

async fn requests(context: &Context, client: &Client, args: &RequestsArgs) -> Result<()> {
    // One more than is shown, to know whether there are more.
    let limit = if args.all { 0 } else { args.limit + 1 };
    let request =
        v1::ListLabelsRequest { project: args.project.project.clone(), states: args.state.clone(), after: 0, limit, data: false };
    let mut labels = Vec::new();
    let mut batches = client.labels().list_labels(request).await?.into_inner();
    while let Some(batch) = batches.message().await? {
        labels.extend(batch.labels);
    }
    let more = !args.all && labels.len() as u64 > args.limit;
    if more {
        labels.truncate(args.limit as usize);
    }
    let documents = output::label_documents(&labels);
    print(&list_text(args.format.output, context.look, &documents, &output::labels_listing(&labels))?)?;
    if more {
        remark(&format!("there are more than these {}; `--all` lists them all", labels.len()));
    }
    Ok(())
}

async fn find(client: &Client, request: &str, project: Option<String>) -> Result<v1::Label> {
    let message = match (request.parse(), project) {
        (_, Some(project)) => v1::GetLabelRequest { request: 0, project, sample: request.to_owned() },
        (Ok(number), None) => v1::GetLabelRequest { request: number, ..v1::GetLabelRequest::default() },
        (Err(_), None) => {
            let failure = Failure::usage(format!("`{request}` is no number of a request"));
            return Err(failure.hint("`--project NAME` finds the request of a sample"));
        }
    };
    Ok(client.labels().get_label(message).await?.into_inner())
}

fn show_request(label: &v1::Label, shape: Shape) -> Result<()> {
    match shape {
        Shape::Json => print(&json_text(&output::LabelDocument::from(label))?),
        Shape::Text => print(&output::label_text(label)),
    }
}

/// Says where a request stands after a change.
fn said(label: &v1::Label) -> Result<()> {
    print_line(&format!("request {} is {}", label.request, label.state))
}

async fn next(client: &Client, project: String, annotator: &AnnotatorArgs, shape: Shape) -> Result<()> {
    let request =
        v1::NextLabelRequest { project, annotator: name(annotator)?, holding: Vec::new(), request: 0, by_command: true };
    let answer = client.labels().next_label(request).await?.into_inner();
    match (answer.task, shape) {
        (Some(task), Shape::Json) => print(&json_text(&output::LabelTaskDocument::from(&task))?),
        (Some(task), Shape::Text) => print(&output::label_task_text(&task)),
        (None, Shape::Json) => print("null\n"),
        (None, Shape::Text) => print_line(&format!("nothing to label: {}", answer.reason)),
    }
}

async fn submit(client: &Client, request: u64, label: &str, annotator: &AnnotatorArgs, took: Option<i64>) -> Result<()> {
    let message = v1::SubmitLabelRequest {
        request,
        annotator: name(annotator)?,
        label_json: label_json(client, request, label).await?,
        took_ms: took.map_or(0, |micros| u32::try_from(micros / 1_000).unwrap_or(u32::MAX)),
        request_id: uuid::Uuid::new_v4().as_bytes().to_vec().into(),
        by_command: true,
    };
    let answer = client.labels().submit_label(message).await?.into_inner();
    print_line(&format!("request {request} is {}", answer.state))
}

/// Takes a label as it was typed: the name of a class by itself, else JSON.
async fn label_json(client: &Client, request: u64, typed: &str) -> Result<String> {
    let of = client.labels().get_label(v1::GetLabelRequest { request, ..v1::GetLabelRequest::default() }).await?.into_inner();
    as_label(&fetch_project(client, of.project.to_string()).await?.form.unwrap_or_default(), typed)
}

/// Writes a label as JSON: the name of a class by itself, else it is JSON.
fn as_label(form: &v1::LabelForm, typed: &str) -> Result<String> {
    if form.classes.iter().any(|class| class == typed) && form.kind == "classes" || form.kind == "pairwise" {
        return Ok(Value::String(typed.to_owned()).to_string());
    }
    match (serde_json::from_str::<Value>(typed), form.kind.as_str()) {
        (Ok(_), _) => Ok(typed.to_owned()),
        (Err(_), "classes") => Ok(Value::String(typed.to_owned()).to_string()),
        (Err(error), kind) => {
            let failure = Failure::new(Kind::Usage, format!("`{typed}` is not JSON: {error}"));
            Err(failure.hint(format!("docs/labels.md tells how a label of the form `{kind}` is written")))
        }
    }
}

async fn withdraw(client: &Client, requests: Vec<u64>, answer: Option<u64>, reason: String) -> Result<()> {
    let Some(answer) = answer else {
        let request = v1::WithdrawLabelsRequest { requests, reason };
        let done = client.labels().withdraw_labels(request).await?.into_inner();
        return print_line(&format!("{} requests are withdrawn", done.withdrawn));
    };
    let [request] = requests[..] else {
        return Err(Failure::usage("an answer belongs to one request").hint("name that request alone"));
    };
    said(&client.labels().withdraw_answer(v1::WithdrawAnswerRequest { request, answer, reason }).await?.into_inner())
}

/// The annotator that was named, else the user.
fn name(args: &AnnotatorArgs) -> Result<String> {
    let user = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    let name = args.annotator.clone().filter(|name| !name.is_empty()).or_else(user);
    name.ok_or_else(|| Failure::usage("nobody is named as the annotator").hint("name yourself with `--as NAME`"))
}
