//! Invites, sessions and tokens of annotators, as whoever runs a project gives and takes them.

use hone_proto::v1;
use hone_studies::{
    LabelProjectId, Micros,
    label::{Channel, Labels},
};
use tonic::{Code, Status};

use super::{Services, computed};
use crate::{
    convert::status::status,
    security::{INVITE_LIFE, PROGRAM_LIFE, Pass, PassKind, PassWish, SESSION_LIFE, wall},
};

/// Makes an invite or a token.
///
/// # Errors
/// `FailedPrecondition`: the page is not served; `NotFound`: a project is not there; `InvalidArgument`: the name cannot be one.
pub(super) async fn invite(
    services: &Services,
    request: v1::InviteAnnotatorRequest,
) -> Result<v1::InviteAnnotatorResponse, Status> {
    let v1::InviteAnnotatorRequest { annotator, projects, valid_us, session_us, token } = request;
    let Some(page) = services.page.clone() else {
        let hint = "start the coordinator with `hone serve --page`".to_owned();
        return Err(status(Code::FailedPrecondition, "this coordinator serves no page for annotators", Some(hint)));
    };
    let mut ids = Vec::with_capacity(projects.len());
    for project in &projects {
        ids.push(services.labels.project(project).await?.id.0);
    }
    // A name that cannot be one is refused here, and not when its owner comes in.
    services.labels.annotator(&annotator, Channel::Page).await?;
    let (kind, usual) = if token { (PassKind::Token, PROGRAM_LIFE) } else { (PassKind::Invite, INVITE_LIFE) };
    let life = if valid_us == 0 { usual } else { valid_us };
    let session = if session_us == 0 { SESSION_LIFE } else { session_us };
    let wish = PassWish { kind, annotator, projects: ids, life, session };
    let gatekeeper = services.gatekeeper.clone();
    let (secret, pass) = computed(move || gatekeeper.passes().create(wish, wall())).await??;
    tracing::info!(annotator = pass.annotator, pass = pass.id, kind = pass.kind.name(), "an annotator was invited");
    // Browsers keep what follows the sign to themselves: no server, proxy or preview of a link ever has the secret.
    let secret = if token { secret.reveal().to_owned() } else { format!("{page}/invite#{}", secret.reveal()) };
    let view = services.view().await?;
    Ok(v1::InviteAnnotatorResponse { secret, pass: Some(pass_to_proto(&view.state.labels, pass, None)), page })
}

/// Passes that are good now, oldest first.
///
/// # Errors
/// When the coordinator stops.
pub(super) async fn list(services: &Services) -> Result<v1::ListPassesResponse, Status> {
    let view = services.view().await?;
    let passes = services.gatekeeper.passes().list(wall());
    let passes = passes.into_iter().map(|(pass, seen)| pass_to_proto(&view.state.labels, pass, seen)).collect();
    Ok(v1::ListPassesResponse { passes })
}

/// Takes back one pass by its id, or all of an annotator.
///
/// # Errors
/// `NotFound`: there is none.
pub(super) async fn revoke(services: &Services, what: String) -> Result<v1::RevokePassesResponse, Status> {
    let gatekeeper = services.gatekeeper.clone();
    let given = what.clone();
    let revoked = computed(move || gatekeeper.passes().revoke(&given, wall())).await??;
    if revoked == 0 {
        let message = format!("there is no invite, session or token `{what}`, and none of an annotator of that name");
        return Err(status(Code::NotFound, message, Some("`hone label sessions` lists them".to_owned())));
    }
    tracing::info!(what, revoked, "annotators' passes were revoked");
    Ok(v1::RevokePassesResponse { revoked: u32::try_from(revoked).unwrap_or(u32::MAX) })
}

fn pass_to_proto(labels: &Labels, pass: Pass, seen: Option<Micros>) -> v1::AnnotatorPass {
    let named = |id: &u64| labels.project(LabelProjectId(*id)).map(|project| project.spec.name.clone());
    v1::AnnotatorPass {
        project_names: pass.projects.iter().filter_map(named).collect(),
        id: pass.id,
        kind: pass.kind.name().to_owned(),
        annotator: pass.annotator,
        projects: pass.projects,
        created_at_us: pass.created,
        expires_at_us: pass.expires,
        seen_at_us: seen.unwrap_or(0),
    }
}
