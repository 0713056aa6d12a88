//! Label projects as annotators see them.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use hone_studies::{
    LabelProjectId,
    label::{LabelProject, Labels},
};
use serde::Serialize;
use tonic::{Code, Status};

use super::{
    Answer,
    document::{Project, ProjectLine, project_document, project_line},
};
use crate::{
    convert::status::status,
    page::{Shared, Site, caller::Caller},
};

#[derive(Debug, Serialize)]
pub(super) struct List {
    projects: Vec<ProjectLine>,
}

/// `GET /projects`
pub(super) async fn list(State(site): State<Shared>, caller: Caller) -> Answer<List> {
    let view = site.labels.view().await?;
    let projects = view.state.labels.projects().filter(|project| caller.may_see(project));
    Ok(Json(List { projects: projects.map(|project| project_line(project)).collect() }))
}

/// `GET /projects/{project}`
pub(super) async fn show(State(site): State<Shared>, caller: Caller, Path(given): Path<String>) -> Answer<Project> {
    let view = site.labels.view().await?;
    Ok(Json(project_document(project(&view.state.labels, &caller, &given)?)))
}

/// Finds a project's number.
///
/// # Errors
/// As [`project`].
pub(super) async fn find(site: &Site, caller: &Caller, given: &str) -> Result<LabelProjectId, Status> {
    let view = site.labels.view().await?;
    project(&view.state.labels, caller, given).map(|project| project.id)
}

/// Finds a project by its number or its name.
///
/// # Errors
/// `NotFound`, whether there is none or it is not the caller's to know of.
fn project<'a>(labels: &'a Labels, caller: &Caller, given: &str) -> Result<&'a Arc<LabelProject>, Status> {
    let by_number = given.parse().ok().and_then(|id| labels.project(LabelProjectId(id)));
    let found = labels.project_named(given).or(by_number).filter(|project| caller.may_see(project));
    found.ok_or_else(|| {
        let message = format!("there is no label project `{}` for you", hone_studies::file::shown(given));
        status(Code::NotFound, message, Some("`GET /api/v1/projects` lists them".to_owned()))
    })
}
