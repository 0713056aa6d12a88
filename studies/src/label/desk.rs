//! Until when annotators may have what is before them: volatile, rebuilt at every start, never journaled.

use std::collections::BTreeMap;

use super::{event::LabelEvent, labels::Labels};
use crate::{
    command::Now,
    ids::{AnnotatorId, LabelRequestId, Micros},
};

/// Deadlines of annotators' leases, on the monotonic clock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desk(BTreeMap<(LabelRequestId, AnnotatorId), Micros>);

impl Desk {
    /// The desk after a start: every lease has its whole time again.
    pub fn recover(labels: &Labels, now: Now) -> Desk {
        let mut desk = Desk::default();
        for project in labels.projects() {
            for request in project.requests() {
                for lease in &request.leases {
                    desk.0.insert((request.id, lease.annotator), now.mono + project.spec.answers.lease);
                }
            }
        }
        desk
    }

    pub(crate) fn hold(&mut self, request: LabelRequestId, annotator: AnnotatorId, until: Micros) {
        self.0.insert((request, annotator), until);
    }

    /// Leases whose annotators were silent for too long.
    pub fn silent(&self, now: Now) -> Vec<(LabelRequestId, AnnotatorId)> {
        self.0.iter().filter(|(_, until)| **until <= now.mono).map(|(lease, _)| *lease).collect()
    }

    /// The next instant at which a lease may be over.
    pub fn next_deadline(&self) -> Option<Micros> {
        self.0.values().copied().min()
    }

    /// Leases that are watched.
    pub fn held(&self) -> impl Iterator<Item = (LabelRequestId, AnnotatorId)> + '_ {
        self.0.keys().copied()
    }

    /// Follows what events say about leases; a new one is held from [`Desk::hold`] on.
    pub(crate) fn observe(&mut self, labels: &Labels, event: &LabelEvent) {
        match event {
            LabelEvent::LeaseEnded { request, annotator, .. } | LabelEvent::Skipped { request, annotator, .. } => {
                self.0.remove(&(*request, *annotator));
            }
            LabelEvent::Answered(fact) => drop(self.0.remove(&(fact.request, fact.annotator))),
            LabelEvent::Revised { request, .. } => self.0.retain(|(held, annotator), _| {
                *held != *request || labels.request(*request).is_some_and(|(_, found)| found.lease_of(*annotator).is_some())
            }),
            LabelEvent::ProjectRemoved { .. } => self.0.retain(|(request, _), _| labels.request(*request).is_some()),
            LabelEvent::ProjectCreated { .. }
            | LabelEvent::ProjectChanged { .. }
            | LabelEvent::ProjectMoved { .. }
            | LabelEvent::AnnotatorJoined { .. }
            | LabelEvent::Requested { .. }
            | LabelEvent::Rescored { .. }
            | LabelEvent::Weighed { .. }
            | LabelEvent::Published { .. }
            | LabelEvent::Leased { .. }
            | LabelEvent::AnswerWithdrawn { .. }
            | LabelEvent::Found { .. } => {}
        }
    }
}
