//! `hone run`: a study here and now.
//!
//! ```text
//! study file ─► coordinator (a holder's, or our own) ─► create or go on ─► workers here ─► watch ─► result
//!                    ▲                                                                      │
//!                    └──────────────── the holder has gone: take over ◄─────────────────────┘
//! ```

mod local;
mod preview;
mod result;

use hone_proto::v1;

use self::local::LocalWorkers;
use crate::{
    args::RunArgs,
    connect::{Place, Session},
    context::Context,
    errors::{Failure, Kind, Result},
    mlflow,
    output::{remark, visible},
    signals::Stop,
    source,
    studyfile::{Overrides, StudyFile},
    watch,
};

/// A holder that leaves in the middle is replaced this often; more often means that something is wrong.
const TAKEOVERS: u32 = 5;

/// Runs a study, or goes on with it, and shows its result.
///
/// # Errors
/// A mistake in the study file, an unreachable coordinator, no successful trial, or the user's interruption.
pub async fn command(context: &Context, args: &RunArgs) -> Result<()> {
    let name = args.fork.clone().or_else(|| args.name.clone());
    let file = StudyFile::load(&args.study, &Overrides { name, parallel: args.parallel, max_trials: args.max_trials })?;
    if args.dry_run {
        return preview::show(context, &file).await;
    }
    let mlflow = mlflow::config(&args.mlflow)?;
    let stop = Stop::listen()?;
    let mut takeovers = 0;
    loop {
        let session = Session::open_mirrored(context, mlflow.as_ref()).await?;
        let place = session.place;
        match with_session(context, args, &file, session, &stop).await {
            Err(failure) if failure.kind == Kind::Unreachable && place == Place::Holder && takeovers < TAKEOVERS => {
                takeovers += 1;
                remark("the coordinator has left; going on without it");
            }
            outcome => return outcome,
        }
    }
}

async fn with_session(context: &Context, args: &RunArgs, file: &StudyFile, session: Session, stop: &Stop) -> Result<()> {
    let outcome = async {
        // Held to the end: the coordinator stays as long as this lives.
        let _stay = session.stay().await?;
        attend(context, args, file, &session, stop).await
    };
    let outcome = outcome.await;
    let closed = session.close().await;
    outcome?;
    closed
}

/// Creates the study or goes on with it, and stays until it is finished or the user stops.
async fn attend(context: &Context, args: &RunArgs, file: &StudyFile, session: &Session, stop: &Stop) -> Result<()> {
    let study = create(session, file).await?;
    if study.state == "finished" {
        let shown = result::show(context, &session.client, &study).await;
        session.wait_for_mirror(stop).await;
        return shown;
    }
    if session.place == Place::Here {
        name_others(session, &study).await?;
    } else if args.mlflow.at.mlflow.is_some() {
        name_mirror(session).await?;
    }
    let mut workers = LocalWorkers::start(context, args, session).await?;
    let followed = tokio::select! {
        followed = watch::until_finished(&session.client, &study) => followed.map(Some),
        failure = session.failed() => Err(failure),
        failure = workers.failed() => Err(failure),
        () = session.watch_mirror() => Ok(None),
        () = stop.wanted() => Ok(None),
    };
    let outcome = match followed {
        Ok(Some(study)) => result::show(context, &session.client, &study).await,
        Ok(None) => Err(interrupted(context, args, session, &study)),
        Err(failure) => Err(failure),
    };
    if !stop.is_wanted() && outcome.as_ref().is_ok_and(|()| workers.count() > 0) {
        // Others may use our workers, too.
        session.wait_for_leavers(stop).await;
    }
    workers.stop().await;
    if !stop.is_wanted() {
        session.wait_for_mirror(stop).await;
    }
    outcome
}

/// Whoever started the coordinator says whether it mirrors.
async fn name_mirror(session: &Session) -> Result<()> {
    let store = session.client.store().get_store(v1::GetStoreRequest {}).await?.into_inner();
    match store.mlflow {
        Some(mirror) => remark(&format!("the coordinator mirrors to {}", visible(&mirror.server))),
        None => remark("warning: the coordinator that runs there mirrors to no MLflow server; start it with `--mlflow`"),
    }
    Ok(())
}

async fn create(session: &Session, file: &StudyFile) -> Result<v1::Study> {
    let client = &session.client;
    let source = source::upload(client, file).await?;
    let answer = client.studies().create_study(file.request(source, true)).await?.into_inner();
    let study = answer.study.unwrap_or_default();
    for change in &answer.changes {
        remark(&format!("changed: {}", visible(change)));
    }
    let name = visible(&study.name);
    match study.state.as_str() {
        "finished" => return Ok(study),
        "paused" => remark(&format!("study {} `{name}` was paused; it goes on", study.id)),
        _ if answer.created => remark(&format!("study {} `{name}`", study.id)),
        _ => remark(&format!("study {} `{name}` goes on", study.id)),
    }
    if study.state != "paused" {
        return Ok(study);
    }
    let action = v1::move_study_request::Action::Resume.into();
    Ok(client.studies().move_study(v1::MoveStudyRequest { study: study.id.to_string(), action }).await?.into_inner())
}

/// An interrupted study of the same store goes on beside the one that was asked for.
async fn name_others(session: &Session, study: &v1::Study) -> Result<()> {
    let studies = session.client.studies().list_studies(v1::ListStudiesRequest {}).await?.into_inner().studies;
    let others = studies.iter().filter(|other| other.id != study.id && other.state == "active" && other.driver != "clients");
    for other in others {
        remark(&format!("study {} `{}` goes on too; `hone study pause {0}` keeps it back", other.id, visible(&other.name)));
    }
    Ok(())
}

/// Says at once what becomes of the study; the failure carries the way on.
fn interrupted(context: &Context, args: &RunArgs, session: &Session, study: &v1::Study) -> Failure {
    let name = visible(&study.name);
    let place = &context.typed_place;
    match session.place {
        Place::Here => {
            remark("stopping: running trials are handed back; Ctrl-C again stops at once");
            let way_on = format!("`hone run {}{place}` goes on", args.study.display());
            Failure::new(Kind::Interrupted, format!("stopped `{name}`")).hint(way_on)
        }
        Place::Holder | Place::Named => {
            let id = study.id;
            Failure::new(Kind::Interrupted, format!("left `{name}`, which goes on at its coordinator"))
                .hint(format!("`hone study watch {id}{place}` follows it, `hone study stop {id}{place}` ends it"))
        }
    }
}
