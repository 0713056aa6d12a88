//! A label project: one question about many samples.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    event::{Finding, LabelEvent},
    publication::Publication,
    queue::Queue,
    request::LabelRequest,
    skills::Skills,
    spec::LabelSpec,
    table::LabelState,
};
use crate::ids::{BlobId, LabelProjectId, LabelRequestId, Micros, RequestId};

/// Requests that share a place in memory until they change.
const BLOCK: u64 = 64;

/// A project with everything that was asked and answered in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelProject {
    pub id: LabelProjectId,
    pub created: Micros,
    pub spec: Arc<LabelSpec>,
    /// The file as the user wrote it.
    pub text: String,
    pub state: ProjectState,
    /// Why it is in that state.
    pub reason: String,
    pub batches: Vec<Batch>,
    pub counts: LabelCounts,
    /// The request that made it.
    pub asked_by: Option<RequestId>,
    requests: BTreeMap<u64, Arc<BTreeMap<LabelRequestId, LabelRequest>>>,
    /// Requests that are not withdrawn, by sample.
    samples: BTreeMap<Arc<str>, LabelRequestId>,
    queue: Queue,
    /// Gold questions.
    gold: BTreeSet<LabelRequestId>,
    /// When open requests without an answer expire.
    expiries: BTreeSet<(Micros, LabelRequestId)>,
    /// How many leases were given, which random choices are drawn by.
    pub(super) leased_ever: u64,
    /// How often a newer model has looked at what is open.
    #[serde(default)]
    pub rescored: u64,
    /// How often annotators have answered, answered differently, or an answer was taken back.
    #[serde(default)]
    pub said: u64,
    /// How good its annotators are, where answers are weighed by that.
    #[serde(default)]
    pub skills: Option<Arc<Skills>>,
    /// Versions of datasets that were made of its labels, oldest first.
    #[serde(default)]
    pub publications: Vec<Publication>,
}

/// Whether a project gives out samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProjectState {
    Open,
    /// Gives nothing out for the time being.
    Paused,
    /// Gives nothing out any more.
    Closed,
}

impl ProjectState {
    /// The word that users read.
    pub fn name(self) -> &'static str {
        match self {
            ProjectState::Open => "open",
            ProjectState::Paused => "paused",
            ProjectState::Closed => "closed",
        }
    }
}

/// Requests that were made together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    pub number: u32,
    pub at: Micros,
    /// Who or what wanted them, in words.
    pub source: String,
    /// What annotators see of the samples.
    pub blob: BlobId,
    pub files: Vec<BlobId>,
    pub first: LabelRequestId,
    pub count: u32,
    pub asked_by: Option<RequestId>,
}

/// Requests by state, and answers that count. Gold questions are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCounts {
    pub open: u64,
    pub leased: u64,
    pub answered: u64,
    pub resolved: u64,
    pub conflict: u64,
    pub skipped: u64,
    pub withdrawn: u64,
    pub expired: u64,
    /// Answers to all of them that count.
    pub answers: u64,
}

impl LabelCounts {
    fn of(&mut self, state: LabelState) -> &mut u64 {
        match state {
            LabelState::Open => &mut self.open,
            LabelState::Leased => &mut self.leased,
            LabelState::Answered => &mut self.answered,
            LabelState::Resolved => &mut self.resolved,
            LabelState::Conflict => &mut self.conflict,
            LabelState::Skipped => &mut self.skipped,
            LabelState::Withdrawn => &mut self.withdrawn,
            LabelState::Expired => &mut self.expired,
        }
    }

    pub fn in_state(mut self, state: LabelState) -> u64 {
        *self.of(state)
    }

    /// Requests that were not withdrawn.
    pub fn total(mut self) -> u64 {
        let states = LabelState::ALL.into_iter().filter(|state| *state != LabelState::Withdrawn);
        states.map(|state| *self.of(state)).sum()
    }

    /// Counts a request in.
    pub(crate) fn add(&mut self, request: &LabelRequest) {
        if request.gold.is_none() {
            *self.of(request.state) += 1;
            self.answers += request.counting().count() as u64;
        }
    }

    fn remove(&mut self, request: &LabelRequest) {
        if request.gold.is_none() {
            *self.of(request.state) -= 1;
            self.answers -= request.counting().count() as u64;
        }
    }
}

impl LabelProject {
    pub(super) fn new(
        id: LabelProjectId,
        created: Micros,
        spec: Arc<LabelSpec>,
        text: &str,
        asked_by: Option<RequestId>,
    ) -> LabelProject {
        LabelProject {
            id,
            created,
            spec,
            text: text.to_owned(),
            state: ProjectState::Open,
            reason: String::new(),
            batches: Vec::new(),
            counts: LabelCounts::default(),
            asked_by,
            requests: BTreeMap::new(),
            samples: BTreeMap::new(),
            queue: Queue::default(),
            gold: BTreeSet::new(),
            expiries: BTreeSet::new(),
            leased_ever: 0,
            rescored: 0,
            said: 0,
            skills: None,
            publications: Vec::new(),
        }
    }

    /// All requests, in the order in which they were made.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &LabelRequest> {
        self.requests.values().flat_map(|block| block.values())
    }

    pub fn request(&self, id: LabelRequestId) -> Option<&LabelRequest> {
        self.requests.get(&(id.0 / BLOCK))?.get(&id)
    }

    /// The request about a sample that is not withdrawn.
    pub fn request_of(&self, sample: &str) -> Option<&LabelRequest> {
        self.samples.get(sample).and_then(|id| self.request(*id))
    }

    /// Requests with room for another annotator, the most urgent first.
    pub fn queue(&self) -> impl Iterator<Item = &LabelRequest> {
        self.queue.iter().filter_map(|id| self.request(id))
    }

    /// How many requests have room for another annotator.
    pub fn queue_len(&self) -> usize {
        self.queue.len()
    }

    pub fn gold(&self) -> impl Iterator<Item = &LabelRequest> {
        self.gold.iter().filter_map(|id| self.request(*id))
    }

    /// Open requests that nobody has answered or has, and whose time is over.
    pub(crate) fn due(&self, now: Micros) -> Vec<LabelRequestId> {
        let over = self.expiries.iter().take_while(|(at, _)| *at <= now);
        let unanswered = over.filter(|(_, id)| self.request(*id).is_some_and(|request| request.state == LabelState::Open));
        unanswered.map(|(_, id)| *id).collect()
    }

    /// When the next request expires that nobody has answered or has.
    pub(crate) fn next_expiry(&self) -> Option<Micros> {
        let unanswered = |id: LabelRequestId| self.request(id).is_some_and(|request| request.state == LabelState::Open);
        self.expiries.iter().find(|(_, id)| unanswered(*id)).map(|(at, _)| *at)
    }

    pub(super) fn apply(&mut self, event: &LabelEvent) {
        match event {
            LabelEvent::ProjectChanged { spec, text, .. } => {
                self.spec = spec.clone();
                self.text.clone_from(text);
            }
            LabelEvent::ProjectMoved { to, reason, .. } => {
                self.state = *to;
                self.reason.clone_from(reason);
            }
            LabelEvent::Requested { at, batch, first, source, blob, files, requests, asked_by, .. } => {
                self.batches.push(Batch {
                    number: *batch,
                    at: *at,
                    source: source.clone(),
                    blob: *blob,
                    files: files.clone(),
                    first: *first,
                    count: requests.len() as u32,
                    asked_by: *asked_by,
                });
                for (new, id) in requests.iter().zip(first.0..) {
                    self.insert(LabelRequest::new(LabelRequestId(id), *batch, *at, &self.spec.answers, new));
                }
            }
            LabelEvent::Rescored { scores, .. } => {
                self.rescored += 1;
                scores.iter().for_each(|score| self.change(score.request, |request| request.rescore(score)));
            }
            LabelEvent::Leased { request, annotator, at, until, shown } => {
                self.leased_ever += 1;
                self.change(*request, |request| request.lease(*annotator, *at, *until, *shown));
            }
            LabelEvent::LeaseEnded { request, annotator, .. } => {
                self.change(*request, |request| request.end_lease(*annotator));
            }
            LabelEvent::Published { at, of, requests, .. } => {
                self.publications.push(Publication { of: *of, at: *at, requests: requests.clone() });
            }
            LabelEvent::Weighed { skills, .. } => self.skills = Some(skills.clone()),
            LabelEvent::Answered(fact) => {
                self.said += 1;
                self.change(fact.request, |request| request.answer(fact));
            }
            LabelEvent::Revised { request, answer, at, label, took_ms, asked_by } => {
                self.said += 1;
                self.change(*request, |request| request.revise(*answer, *at, label, *took_ms, *asked_by));
            }
            LabelEvent::AnswerWithdrawn { request, answer, at, reason } => {
                self.said += 1;
                self.change(*request, |request| request.withdraw_answer(*answer, *at, reason));
            }
            LabelEvent::Skipped { request, annotator, at, reason } => {
                self.change(*request, |request| request.skip(*annotator, *at, reason));
            }
            LabelEvent::Found { request, at, finding } => {
                if let (Finding::Withdrawn { .. }, Some(found)) = (finding, self.request(*request)) {
                    let sample = found.sample.clone();
                    if self.samples.get(&sample) == Some(request) {
                        self.samples.remove(&sample);
                    }
                    self.gold.remove(request);
                }
                self.change(*request, |request| request.find(*at, finding));
            }
            LabelEvent::ProjectCreated { .. } | LabelEvent::ProjectRemoved { .. } | LabelEvent::AnnotatorJoined { .. } => {}
        }
    }

    fn insert(&mut self, request: LabelRequest) {
        if request.gold.is_some() {
            self.gold.insert(request.id);
        }
        self.expiries.extend(request.expires.map(|at| (at, request.id)));
        self.samples.insert(request.sample.clone(), request.id);
        self.counts.add(&request);
        self.queue.put(&request);
        let block = self.requests.entry(request.id.0 / BLOCK).or_default();
        Arc::make_mut(block).insert(request.id, request);
    }

    /// Changes a request and what is counted and listed of it.
    fn change(&mut self, id: LabelRequestId, change: impl FnOnce(&mut LabelRequest)) {
        let Some(block) = self.requests.get_mut(&(id.0 / BLOCK)) else { return };
        let Some(request) = Arc::make_mut(block).get_mut(&id) else { return };
        self.queue.take(request);
        self.counts.remove(request);
        let was_open = request.state.is_open();
        change(request);
        self.counts.add(request);
        self.queue.put(request);
        if was_open
            && !request.state.is_open()
            && let Some(at) = request.expires
        {
            self.expiries.remove(&(at, id));
        }
    }
}
