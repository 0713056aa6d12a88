//! Label projects: made, changed, paused, removed.

use std::sync::Arc;

use super::{Answer, emit, find_project, publishing};
use crate::{
    command::{Effect, Now},
    core::{Core, Outcome},
    ids::{LabelProjectId, RequestId},
    label::{LabelEvent, LabelReject, LabelReply, LabelSpec, ProjectState},
};

pub(super) fn create(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    spec: Arc<LabelSpec>,
    text: String,
    asked_by: Option<RequestId>,
) -> Answer {
    if let Some(known) = core.state.labels.project_named(&spec.name) {
        if known.asked_by.is_some() && known.asked_by == asked_by {
            return Ok(LabelReply::Project(known.id));
        }
        return Err(LabelReject::ProjectExists(spec.name.clone()));
    }
    let project = core.state.labels.next_project();
    emit(core, out, LabelEvent::ProjectCreated { project, at: now.wall, spec, text, asked_by });
    Ok(LabelReply::Project(project))
}

pub(super) fn change(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: LabelProjectId,
    spec: Arc<LabelSpec>,
    text: String,
) -> Answer {
    let project = find_project(core, id)?;
    let refused = refusals(&project.spec, &spec);
    if !refused.is_empty() {
        return Err(LabelReject::NotChangeable(refused));
    }
    if *project.spec != *spec || project.text != text {
        emit(core, out, LabelEvent::ProjectChanged { project: id, at: now.wall, spec, text });
    }
    Ok(LabelReply::Project(id))
}

/// What may not change: answers that are there must mean afterwards what they mean now.
fn refusals(old: &LabelSpec, new: &LabelSpec) -> Vec<String> {
    let mut refused = Vec::new();
    let mut refuse = |holds: bool, sentence: &str| {
        if holds {
            refused.push(sentence.to_owned());
        }
    };
    refuse(old.name != new.name, "name: another name is another project");
    refuse(old.form.kind != new.form.kind, "form.kind: answers of another kind need another project");
    refuse(
        !new.form.classes.starts_with(&old.form.classes),
        "form.classes: classes can only be added, after those that are there",
    );
    refuse(old.seed != new.seed, "seed: what was drawn at random stays as it is");
    refused
}

pub(super) fn move_to(core: &mut Core, now: Now, out: &mut Outcome, id: LabelProjectId, to: ProjectState) -> Answer {
    let project = find_project(core, id)?;
    if project.state != to {
        let reason = format!("{} by a user", to.name());
        emit(core, out, LabelEvent::ProjectMoved { project: id, at: now.wall, to, reason });
    }
    Ok(LabelReply::Project(id))
}

pub(super) fn remove(core: &mut Core, now: Now, out: &mut Outcome, id: LabelProjectId, force: bool) -> Answer {
    let answers = find_project(core, id)?.counts.answers;
    if answers > 0 && !force {
        return Err(LabelReject::HasAnswers { answers });
    }
    let name = find_project(core, id)?.spec.name.clone();
    emit(core, out, LabelEvent::ProjectRemoved { project: id, at: now.wall });
    publishing::release(core, now, out, &name);
    out.effects.push(Effect::Sweep);
    Ok(LabelReply::Done)
}
