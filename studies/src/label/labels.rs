//! All label projects and annotators of a store, as their events fold to.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{annotator::Annotator, event::LabelEvent, project::LabelProject, request::LabelRequest};
use crate::ids::{AnnotatorId, AnswerId, BlobId, LabelProjectId, LabelRequestId};

/// Everything durable about labels. Cheap to clone: projects are shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Labels {
    projects: BTreeMap<LabelProjectId, Arc<LabelProject>>,
    names: BTreeMap<String, LabelProjectId>,
    annotators: BTreeMap<AnnotatorId, Arc<Annotator>>,
    annotator_names: BTreeMap<String, AnnotatorId>,
    /// Which project the requests from an id on belong to, up to the next entry.
    owners: BTreeMap<LabelRequestId, LabelProjectId>,
    last_project: u64,
    last_request: u64,
    last_annotator: u64,
    last_answer: u64,
}

impl Labels {
    pub fn projects(&self) -> impl DoubleEndedIterator<Item = &Arc<LabelProject>> {
        self.projects.values()
    }

    pub fn project(&self, id: LabelProjectId) -> Option<&Arc<LabelProject>> {
        self.projects.get(&id)
    }

    pub fn project_named(&self, name: &str) -> Option<&Arc<LabelProject>> {
        self.names.get(name).and_then(|id| self.projects.get(id))
    }

    /// A request with its project.
    pub fn request(&self, id: LabelRequestId) -> Option<(&Arc<LabelProject>, &LabelRequest)> {
        let (_, owner) = self.owners.range(..=id).next_back()?;
        let project = self.projects.get(owner)?;
        Some((project, project.request(id)?))
    }

    pub fn annotators(&self) -> impl Iterator<Item = &Arc<Annotator>> {
        self.annotators.values()
    }

    pub fn annotator(&self, id: AnnotatorId) -> Option<&Arc<Annotator>> {
        self.annotators.get(&id)
    }

    pub fn annotator_named(&self, name: &str) -> Option<&Arc<Annotator>> {
        self.annotator_names.get(name).and_then(|id| self.annotators.get(id))
    }

    pub(crate) fn next_project(&self) -> LabelProjectId {
        LabelProjectId(self.last_project + 1)
    }

    pub(crate) fn next_request(&self) -> LabelRequestId {
        LabelRequestId(self.last_request + 1)
    }

    pub(crate) fn next_annotator(&self) -> AnnotatorId {
        AnnotatorId(self.last_annotator + 1)
    }

    pub(crate) fn next_answer(&self) -> AnswerId {
        AnswerId(self.last_answer + 1)
    }

    /// Applies one event. Total: never fails, never panics.
    pub(crate) fn apply(&mut self, event: &LabelEvent) {
        match event {
            LabelEvent::ProjectCreated { project, at, spec, text, asked_by } => {
                self.last_project = self.last_project.max(project.0);
                self.names.insert(spec.name.clone(), *project);
                let new = LabelProject::new(*project, *at, spec.clone(), text, *asked_by);
                self.projects.insert(*project, Arc::new(new));
            }
            LabelEvent::ProjectRemoved { project, .. } => self.remove(*project),
            LabelEvent::AnnotatorJoined { annotator, at, name, channel } => {
                self.last_annotator = self.last_annotator.max(annotator.0);
                self.annotator_names.insert(name.clone(), *annotator);
                let new = Annotator { id: *annotator, name: name.clone(), joined: *at, channel: *channel };
                self.annotators.insert(*annotator, Arc::new(new));
            }
            LabelEvent::Requested { project, first, requests, .. } => {
                self.last_request = self.last_request.max((first.0 + requests.len() as u64).saturating_sub(1));
                self.owners.insert(*first, *project);
                self.apply_to(*project, event);
            }
            LabelEvent::ProjectChanged { project, .. }
            | LabelEvent::ProjectMoved { project, .. }
            | LabelEvent::Rescored { project, .. }
            | LabelEvent::Weighed { project, .. }
            | LabelEvent::Published { project, .. } => self.apply_to(*project, event),
            LabelEvent::Answered(fact) => {
                self.last_answer = self.last_answer.max(fact.answer.0);
                self.apply_to_request(fact.request, event);
            }
            LabelEvent::Leased { request, .. }
            | LabelEvent::LeaseEnded { request, .. }
            | LabelEvent::Revised { request, .. }
            | LabelEvent::AnswerWithdrawn { request, .. }
            | LabelEvent::Skipped { request, .. }
            | LabelEvent::Found { request, .. } => self.apply_to_request(*request, event),
        }
    }

    fn apply_to(&mut self, id: LabelProjectId, event: &LabelEvent) {
        if let Some(project) = self.projects.get_mut(&id) {
            Arc::make_mut(project).apply(event);
        }
    }

    fn apply_to_request(&mut self, id: LabelRequestId, event: &LabelEvent) {
        if let Some((_, owner)) = self.owners.range(..=id).next_back() {
            self.apply_to(*owner, event);
        }
    }

    fn remove(&mut self, id: LabelProjectId) {
        let Some(project) = self.projects.remove(&id) else { return };
        if self.names.get(&project.spec.name) == Some(&id) {
            self.names.remove(&project.spec.name);
        }
    }

    /// Visits every blob that a project still names.
    pub(crate) fn reachable_blobs(&self, visit: &mut dyn FnMut(&BlobId)) {
        for batch in self.projects.values().flat_map(|project| &project.batches) {
            visit(&batch.blob);
            batch.files.iter().for_each(&mut *visit);
        }
    }
}
