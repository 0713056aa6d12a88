//! Labels that became versions of datasets: noted when it happens, marked when an answer changes later.

use crate::{
    command::Now,
    core::{Core, Outcome},
    dataset::{DatasetEvent, Reference, VersionRef},
    event::Event,
    ids::{LabelRequestId, Micros},
    label::{LabelEvent, LabelReject, LabelUse},
};

use super::{emit, find_project, find_request};

/// Marks on one version, at most: who has changed so many answers knows that the version is out of date.
const MAX_MARKS: usize = 1_000;
/// What names a version that samples of a project come from; its name follows.
const SOURCE: &str = "label project";

/// Whether the labels that a version is to be made of are there.
///
/// # Errors
/// The project or a request of it is not there.
pub(in crate::decide) fn check(core: &Core, labels: &LabelUse) -> Result<(), LabelReject> {
    let project = find_project(core, labels.project)?;
    let missing = labels.labels.iter().find(|(id, _)| project.request(*id).is_none());
    missing.map_or(Ok(()), |(id, _)| Err(LabelReject::NoSuchRequest(*id)))
}

/// Notes what a new version is made of. What has changed since its labels were read is marked at once.
pub(in crate::decide) fn publish(core: &mut Core, now: Now, out: &mut Outcome, of: VersionRef, labels: &LabelUse) {
    let requests = labels.labels.iter().map(|(id, _)| *id).collect();
    emit(core, out, LabelEvent::Published { project: labels.project, at: now.wall, of, requests });
    let is_other = |id: LabelRequestId, resolved_at: Micros| {
        let found = find_request(core, id).ok();
        found.and_then(|(_, request)| request.resolution.as_ref()).is_none_or(|resolution| resolution.at != resolved_at)
    };
    let others: Vec<LabelRequestId> =
        labels.labels.iter().filter(|(id, resolved_at)| is_other(*id, *resolved_at)).map(|(id, _)| *id).collect();
    for id in others {
        mark(core, now, out, id, "its answers changed while the version was made");
    }
}

/// Lets go of the versions that a removed project's samples came from.
pub(super) fn release(core: &mut Core, now: Now, out: &mut Outcome, project: &str) {
    let by = Reference::new(SOURCE, project);
    let pinned = core.state.datasets.versions().filter(|found| found.version.pins.contains_key(&by));
    for of in pinned.map(|found| found.reference()).collect::<Vec<_>>() {
        let released = DatasetEvent::Released { of, at: now.wall, by: by.clone() };
        core.emit(out, Event::Dataset(Box::new(released)));
    }
}

/// Leaves a mark on every version that was made of this request's label. The first of each request stays the only one.
pub(super) fn mark(core: &mut Core, now: Now, out: &mut Outcome, id: LabelRequestId, why: &str) {
    let Ok((project, request)) = find_request(core, id) else { return };
    let by = Reference::new("label request", &id.to_string());
    let made_of_it = project.publications.iter().filter(|publication| publication.requests.contains(id));
    let unmarked = made_of_it.filter(|publication| {
        let version = core.state.datasets.version(publication.of);
        version
            .is_some_and(|found| found.version.marks.len() < MAX_MARKS && !found.version.marks.iter().any(|mark| mark.by == by))
    });
    let versions: Vec<VersionRef> = unmarked.map(|publication| publication.of).collect();
    let reason = format!("sample `{}` of label project `{}`: {why}", request.sample, project.spec.name);
    for of in versions {
        let marked = DatasetEvent::Marked { of, at: now.wall, by: by.clone(), reason: reason.clone() };
        core.emit(out, Event::Dataset(Box::new(marked)));
    }
}
