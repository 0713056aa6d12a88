//! `hone study`.

#[cfg(feature = "parquet")]
mod columns;
mod create;
mod export;
mod import;

use hone_proto::v1;
use hone_studies::{StudySpec, file::spec_to_toml};

use crate::{
    args::{Shape, StudyCommand},
    connect::{Client, with_client},
    context::Context,
    errors::{Failure, Kind, Result},
    mlflow,
    output::{self, ExplanationDocument, StudyDocument, json_text, list_text, print, print_line, remark},
    watch,
};

/// How many trials `hone study best` shows.
const BEST: u32 = 10;

/// Runs one of the commands.
///
/// # Errors
/// Whatever the coordinator answers.
pub async fn command(context: &Context, command: StudyCommand) -> Result<()> {
    with_client(context, async |client| dispatch(context, client, command).await).await
}

async fn dispatch(context: &Context, client: &Client, command: StudyCommand) -> Result<()> {
    use v1::move_study_request::Action;
    match command {
        StudyCommand::Create(args) => create::create(client, &args).await,
        StudyCommand::Ls { state, format } => list(context, client, &state, format.output).await,
        StudyCommand::Show { study, file: true, .. } => show_file(client, study.study).await,
        StudyCommand::Show { study, format, .. } => show(client, study.study, format.output).await,
        StudyCommand::Watch { study } => watch_study(client, study.study).await,
        StudyCommand::Set { study, settings } => set(client, study.study, settings).await,
        StudyCommand::Pause(study) => move_study(client, study.study, Action::Pause).await,
        StudyCommand::Resume(study) => move_study(client, study.study, Action::Resume).await,
        StudyCommand::Stop(study) => move_study(client, study.study, Action::Stop).await,
        StudyCommand::Cancel(study) => move_study(client, study.study, Action::Cancel).await,
        StudyCommand::Rm { study, force } => remove(client, study.study, force).await,
        StudyCommand::Best { study, count, front, reference, format } => {
            let count = count.unwrap_or(if front { 0 } else { BEST });
            let request = v1::BestTrialsRequest { study: study.study, count, front, reference };
            best(context, client, request, format.output).await
        }
        StudyCommand::Explain { study, format } => explain(context, client, study.study, format.output).await,
        StudyCommand::Export(args) => export::export(client, &args).await,
        StudyCommand::Import(args) => import::import(client, &args).await,
        StudyCommand::MlflowRegister(args) => mlflow::register_trial(client, args).await,
    }
}

/// Fetches one study.
///
/// # Errors
/// There is none of that name.
pub async fn fetch(client: &Client, study: String) -> Result<v1::Study> {
    Ok(client.studies().get_study(v1::GetStudyRequest { study }).await?.into_inner())
}

/// Reads the resolved study out of a message.
///
/// # Errors
/// The coordinator is of a version whose studies this one cannot read.
pub fn spec(study: &v1::Study) -> Result<StudySpec> {
    serde_json::from_str(&study.spec_json).map_err(|error| {
        let message = format!("cannot read the study that the coordinator sent: {error}");
        Failure::new(Kind::Internal, message).hint("use the same version of hone here and there")
    })
}

async fn list(context: &Context, client: &Client, states: &[String], format: output::Format) -> Result<()> {
    let mut studies = client.studies().list_studies(v1::ListStudiesRequest {}).await?.into_inner().studies;
    studies.retain(|study| states.is_empty() || states.contains(&study.state));
    let documents = output::study_documents(&studies);
    print(&list_text(format, context.look, &documents, &output::studies_listing(&studies))?)
}

async fn show(client: &Client, study: String, shape: Shape) -> Result<()> {
    let study = fetch(client, study).await?;
    match shape {
        Shape::Json => print(&json_text(&StudyDocument::from(&study))?),
        Shape::Text => print(&output::study_text(&study)),
    }
}

async fn show_file(client: &Client, study: String) -> Result<()> {
    print(&spec_to_toml(&spec(&fetch(client, study).await?)?))
}

async fn watch_study(client: &Client, study: String) -> Result<()> {
    let study = watch::until_finished(client, &fetch(client, study).await?).await?;
    print(&output::study_text(&study))?;
    watch::require_success(&study)
}

async fn set(client: &Client, study: String, settings: Vec<String>) -> Result<()> {
    let study = client.studies().set_study(v1::SetStudyRequest { study, settings }).await?.into_inner();
    print_line(&format!("{}: {}", output::visible(&study.name), output::counts_text(&study)))
}

async fn move_study(client: &Client, study: String, action: v1::move_study_request::Action) -> Result<()> {
    let request = v1::MoveStudyRequest { study, action: action.into() };
    let study = client.studies().move_study(request).await?.into_inner();
    print_line(&format!("{} is {}", output::visible(&study.name), study.state))
}

async fn remove(client: &Client, study: String, force: bool) -> Result<()> {
    let named = study.clone();
    client.studies().remove_study(v1::RemoveStudyRequest { study, force }).await?;
    print_line(&format!("removed {}", output::visible(&named)))
}

async fn best(context: &Context, client: &Client, request: v1::BestTrialsRequest, format: output::Format) -> Result<()> {
    let answer = client.studies().best_trials(request).await?.into_inner();
    let study = answer.study.unwrap_or_default();
    if answer.trials.is_empty() {
        remark(&format!("{} has no complete trial yet", output::visible(&study.name)));
    }
    let names = parameter_names(&study, &answer.trials);
    let listing = output::trials_listing(&study.objectives, &names, &answer.trials);
    print(&list_text(format, context.look, &output::trial_documents(&answer.trials), &listing)?)?;
    match answer.front {
        Some(front) if format == output::Format::Table && front.trials > 0 => {
            print(&format!("\n{}", output::front_text(&study, &front)))
        }
        Some(_) | None => Ok(()),
    }
}

async fn explain(context: &Context, client: &Client, study: String, shape: Shape) -> Result<()> {
    let answer = client.studies().explain_study(v1::ExplainStudyRequest { study }).await?.into_inner();
    match shape {
        Shape::Json => print(&json_text(&ExplanationDocument::from(&answer))?),
        Shape::Text => print(&output::findings_text(&answer, context.look)),
    }
}

/// The parameters that become columns: those of the space in its order, then others that trials have.
pub fn parameter_names(study: &v1::Study, trials: &[v1::Trial]) -> Vec<String> {
    let spec: Option<StudySpec> = serde_json::from_str(&study.spec_json).ok();
    let space = spec.into_iter().flat_map(|spec| spec.space.parameters);
    let mut names: Vec<String> = space.map(|parameter| parameter.name).collect();
    for parameter in trials.iter().flat_map(|trial| &trial.params) {
        if !names.contains(&parameter.name) {
            names.push(parameter.name.clone());
        }
    }
    names
}
