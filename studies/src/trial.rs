//! The life of a trial. The only module that may change a [`TrialState`].
//!
//! [`table`] says which states follow each other; what else an event changes is here.
//!
//! A paused trial is held back by a user, or by the pruner: then it has a verdict to pause ([`Trial::held`]).
//! An imported trial begins in one of the final states.
//!
//! An attempt is one execution; its number goes up with every lease and fences off everything older. A trial in a
//! final state is a row of [`crate::finished`] and never changes.

mod table;

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{Outcome, Params, Row};
use serde::{Deserialize, Serialize};

use crate::{
    curve::Curve,
    event::{AttemptFiles, End, Event, Failure, FileRef, GpuShare, ImportedTrial, Next, Origin, Scope, Served},
    finished::Detail,
    ids::{Micros, RequestId, StudyId, TaskId, WorkerId},
};

pub use table::{StateKind, Step, TrialState, next_state};

/// Bytes by scope and key, never parsed.
pub type Attributes = BTreeMap<(Scope, String), Vec<u8>>;

/// Distributions by the parameter's name, as a client wrote them.
pub type Distributions = BTreeMap<String, Arc<str>>;

/// One execution of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    pub worker: WorkerId,
    pub started: Micros,
    pub ended: Option<Micros>,
    pub end: Option<End>,
    /// Handed in after it had been replaced.
    pub stale: Option<End>,
    pub gpus: Vec<GpuShare>,
    /// The last record of its worker that is applied.
    pub through: u64,
    /// Starts of the coordinator since its worker was last heard of.
    pub windows: u8,
    pub log: Option<FileRef>,
}

/// What the next attempt starts from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub attempt: u32,
    pub step: Option<i64>,
    pub files: Vec<FileRef>,
}

/// The pruner's word. It stands whatever happens to the attempt afterwards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Of the report that decided; for a pause of the rung at which the trial waits.
    pub step: i64,
    pub reason: String,
    /// The trial waits, and may go on.
    #[serde(default)]
    pub pause: bool,
}

/// A trial that is not finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    pub id: TaskId,
    pub study: StudyId,
    /// Dense from 0 in its study.
    pub number: u32,
    pub params: Params,
    pub origin: Origin,
    pub why: String,
    pub created: Micros,
    pub state: TrialState,
    pub attempts: Vec<Attempt>,
    /// Attempts that failed by their own doing.
    pub own_failures: u32,
    /// Attempts that were lost with their worker.
    pub crashes: u32,
    pub curve: Curve,
    pub checkpoint: Option<Checkpoint>,
    pub verdict: Option<Verdict>,
    /// The last step that the trial had reported when it was last let go on after a verdict to pause. It is not judged
    /// again up to there, whatever checkpoint it starts from, and what it had shown by then counts for later attempts.
    #[serde(default)]
    pub passed: Option<i64>,
    /// The attempt reported more after its verdict: a checkpoint without a step may hold steps that do not count.
    #[serde(default)]
    pub overran: bool,
    /// Nobody has touched the trial since its last attempt was lost, and its worker was not told to give it up: it may
    /// take it back.
    pub reclaimable: bool,
    /// Why it was cancelled while it had no attempt.
    pub cancelled: Option<String>,
    pub files: AttemptFiles,
    pub values: Vec<f64>,
    /// What its client said it reached, whatever that is worth.
    #[serde(default)]
    pub told: Vec<f64>,
    /// The distribution of each parameter that a client chose.
    #[serde(default)]
    pub asked: Distributions,
    /// Requests of clients that made, took and ended it.
    #[serde(default)]
    pub requests: Requests,
    pub attributes: Attributes,
}

/// The last requests of clients about a trial, so that one that is sent again is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    pub created: Option<RequestId>,
    pub taken: Option<RequestId>,
    pub told: Option<RequestId>,
}

impl Trial {
    /// A trial that was run elsewhere: final from the start. `metric` and `needed` are as for [`Trial::apply`].
    pub(crate) fn imported(
        (id, study, number): (TaskId, StudyId, u32),
        at: Micros,
        imported: &ImportedTrial,
        metric: impl FnMut(&Arc<str>) -> u16,
        needed: impl Fn(u16, Option<i64>, i64) -> bool,
    ) -> Trial {
        let mut curve = Curve::default();
        curve.record(&imported.points, metric, needed);
        Trial {
            params: imported.params.clone(),
            why: imported.why.clone(),
            state: match imported.outcome {
                Outcome::Complete => TrialState::Complete,
                Outcome::Pruned => TrialState::Pruned,
                Outcome::Failed => TrialState::Failed,
                Outcome::Cancelled => TrialState::Cancelled,
            },
            curve,
            values: imported.values.clone(),
            ..Trial::new(id, study, number, at, Origin::Imported)
        }
    }

    /// A trial that waits, without parameters yet.
    pub(crate) fn new(id: TaskId, study: StudyId, number: u32, at: Micros, origin: Origin) -> Trial {
        Trial {
            id,
            study,
            number,
            params: Params::new(),
            origin,
            why: String::new(),
            created: at,
            state: TrialState::Waiting { not_before: 0 },
            attempts: Vec::new(),
            own_failures: 0,
            crashes: 0,
            curve: Curve::default(),
            checkpoint: None,
            verdict: None,
            passed: None,
            overran: false,
            reclaimable: false,
            cancelled: None,
            files: AttemptFiles::default(),
            values: Vec::new(),
            told: Vec::new(),
            asked: Distributions::new(),
            requests: Requests::default(),
            attributes: Attributes::default(),
        }
    }

    /// The attempt that runs.
    pub fn running(&self) -> Option<&Attempt> {
        match self.state {
            TrialState::Running { .. } => self.attempts.last(),
            TrialState::Waiting { .. } | TrialState::Paused => None,
            TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => None,
        }
    }

    /// Whether the attempt that runs was begun by this request of a client.
    pub(crate) fn runs_for(&self, request: RequestId) -> bool {
        let Some(running) = self.running() else { return false };
        let Requests { created, taken, .. } = self.requests;
        taken == Some(request) || (running.number == 1 && created == Some(request))
    }

    /// The verdict to pause by which the pruner holds this trial back, once its attempt has ended.
    pub fn held(&self) -> Option<&Verdict> {
        match self.state {
            TrialState::Paused => self.verdict.as_ref().filter(|verdict| verdict.pause),
            TrialState::Waiting { .. } | TrialState::Running { .. } => None,
            TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => None,
        }
    }

    /// Finished trials that the sampler knew when it chose this one.
    pub fn as_of(&self) -> u64 {
        match self.origin {
            Origin::Sampled { as_of } | Origin::Enqueued { as_of } | Origin::Asked { as_of } => as_of,
            Origin::Retry { .. } | Origin::Imported => 0,
        }
    }

    /// Applies one of this trial's own events. Total: an event that the table does not allow changes nothing.
    pub fn apply(&mut self, event: &Event, metric: impl FnMut(&Arc<str>) -> u16, needed: impl Fn(u16, Option<i64>, i64) -> bool) {
        match event {
            Event::TrialLeased { attempt, worker, at, gpus, .. } => self.lease(*attempt, *worker, *at, gpus),
            Event::AttemptReclaimed { attempt, worker, .. } => self.reclaim(*attempt, *worker),
            Event::AttemptForsaken { .. } => self.reclaimable = false,
            Event::TrialReported { through, points, .. } => {
                self.overran |= self.verdict.is_some();
                self.curve.record(points, metric, needed);
                self.reach(*through);
            }
            Event::TrialJudged { step, reason, pause, .. } => {
                self.verdict = Some(Verdict { step: *step, reason: reason.clone(), pause: *pause });
            }
            Event::CheckpointSaved { attempt, through, files, step, .. } => {
                self.checkpoint = Some(Checkpoint { attempt: *attempt, step: *step, files: files.clone() });
                self.reach(*through);
            }
            Event::AttemptEnded { through, at, end, next, files, .. } => {
                self.reach(*through);
                self.end_attempt(*at, end, next, files);
            }
            Event::TrialTold { at, outcome, values, message, outputs, .. } => {
                self.files.outputs.clone_from(outputs);
                self.be_told(*at, *outcome, values, message);
            }
            Event::RequestServed { request, what } => self.serve(*request, *what),
            Event::AttemptStale { attempt, end, .. } => {
                if let Some(old) = self.attempts.iter_mut().find(|old| old.number == *attempt) {
                    old.stale = Some(end.clone());
                }
            }
            Event::TrialPaused { .. } => {
                self.reclaimable = false;
                self.step(Step::Pause);
            }
            Event::TrialResumed { .. } => {
                self.let_go_on();
                self.step(Step::Resume);
            }
            Event::TrialCancelled { reason, .. } => {
                self.cancelled = Some(reason.clone());
                self.step(Step::Cancel);
            }
            Event::TrialPruned { reason, .. } => {
                if let Some(verdict) = &mut self.verdict {
                    verdict.reason.clone_from(reason);
                }
                self.step(Step::PrunePaused);
            }
            Event::AttributeSet { scope, key, value, .. } => set_attribute(&mut self.attributes, *scope, key, value.as_deref()),
            Event::StoreOpened { .. }
            | Event::StudyCreated { .. }
            | Event::StudyChanged { .. }
            | Event::StudyMoved { .. }
            | Event::StudyRemoved { .. }
            | Event::StudyWarmed { .. }
            | Event::TrialCreated { .. }
            | Event::TrialImported { .. }
            | Event::ParameterSet { .. }
            | Event::TrialSuperseded { .. }
            | Event::WorkerRegistered { .. }
            | Event::WorkerAttached { .. }
            | Event::WorkerMoved { .. }
            | Event::Dataset(_)
            | Event::Label(_) => {}
        }
    }

    fn step(&mut self, step: Step) {
        let next = next_state(self.state, step);
        debug_assert!(next.is_some(), "trial {}: {step:?} in {:?}", self.id, self.state);
        self.state = next.unwrap_or(self.state);
    }

    fn lease(&mut self, attempt: u32, worker: WorkerId, at: Micros, gpus: &[GpuShare]) {
        self.step(Step::Lease { attempt, worker });
        self.reclaimable = false;
        self.requests.taken = None;
        self.curve.begin_attempt(self.reached());
        self.attempts.push(Attempt {
            number: attempt,
            worker,
            started: at,
            ended: None,
            end: None,
            stale: None,
            gpus: gpus.to_vec(),
            through: 0,
            windows: 0,
            log: None,
        });
    }

    /// The step from which the next attempt goes on, as far as is known: a checkpoint without a step holds all that was
    /// reported.
    fn reached(&self) -> Option<i64> {
        let saved = self.checkpoint.as_ref().map(|checkpoint| checkpoint.step.unwrap_or(i64::MAX));
        saved.max(self.passed)
    }

    /// Lifts a verdict to pause. Others stand.
    fn let_go_on(&mut self) {
        if let Some(verdict) = self.verdict.take_if(|verdict| verdict.pause) {
            let last = self.curve.last(0).map_or(verdict.step, |(step, _)| step);
            self.passed = Some(last.max(verdict.step));
            self.overran = false;
        }
    }

    fn reclaim(&mut self, attempt: u32, worker: WorkerId) {
        self.step(Step::Reclaim { attempt, worker });
        self.reclaimable = false;
        self.crashes = self.crashes.saturating_sub(1);
        if let Some(last) = self.attempts.last_mut() {
            last.ended = None;
            last.end = None;
            last.windows = 0;
        }
    }

    fn reach(&mut self, through: u64) {
        if let Some(last) = self.attempts.last_mut() {
            last.through = last.through.max(through);
        }
    }

    fn end_attempt(&mut self, at: Micros, end: &End, next: &Next, files: &AttemptFiles) {
        if let Some(last) = self.attempts.last_mut() {
            last.ended = Some(at);
            last.end = Some(end.clone());
            last.log = files.log.clone();
        }
        self.count_end(end);
        self.reclaimable = matches!((end, next), (End::Lost { .. }, Next::Requeue { .. }));
        if let End::Finished { values } = end {
            self.values.clone_from(values);
        }
        self.files = files.clone();
        self.step(match next {
            Next::Requeue { not_before } => Step::Requeue { not_before: *not_before },
            Next::Pause => Step::PauseAttempt,
            Next::Complete => Step::Complete,
            Next::Prune => Step::Prune,
            Next::Fail => Step::Fail,
            Next::Cancel => Step::CancelAttempt,
        });
    }

    /// Ends the trial as its client says.
    fn be_told(&mut self, at: Micros, outcome: Outcome, values: &[f64], message: &str) {
        let why = if message.is_empty() { "its client said so" } else { message };
        let (end, step) = match outcome {
            Outcome::Complete => (End::Finished { values: values.to_vec() }, Step::Complete),
            Outcome::Pruned => (End::Pruned, Step::Prune),
            Outcome::Failed => (End::Failed(Failure::Told { message: why.to_owned() }), Step::Fail),
            Outcome::Cancelled => (End::Cancelled { reason: "by its client".to_owned() }, Step::CancelAttempt),
        };
        self.told = values.to_vec();
        if outcome == Outcome::Complete {
            self.values = values.to_vec();
        }
        if let Some(last) = self.attempts.last_mut() {
            (last.ended, last.end) = (Some(at), Some(end));
        }
        self.step(step);
    }

    fn serve(&mut self, request: RequestId, what: Served) {
        match what {
            Served::Created(_) => self.requests.created = Some(request),
            Served::Taken(_) => self.requests.taken = Some(request),
            Served::Told(_) => self.requests.told = Some(request),
            Served::Study(_) => {}
        }
    }

    /// The value of a parameter that a client chose; `index` is its position in the study's space.
    pub(crate) fn choose(&mut self, index: usize, name: &str, value: f64, text: &str) {
        if self.params.len() <= index {
            self.params.resize(index + 1, f64::NAN);
        }
        self.params[index] = value;
        self.asked.insert(name.to_owned(), text.into());
    }

    fn count_end(&mut self, end: &End) {
        match end {
            End::Failed(Failure::CrashLimit { .. }) | End::Lost { .. } => self.crashes += 1,
            End::Failed(_) => self.own_failures += 1,
            End::Finished { .. } | End::Pruned | End::Preempted { .. } | End::Cancelled { .. } => {}
        }
    }

    /// The row of this trial in the history; `violation` is the sum over its constraints.
    pub(crate) fn row(&self, outcome: Outcome, violation: f64) -> Row {
        let last = self.curve.last(0);
        Row {
            number: self.number,
            outcome,
            params: self.params.clone(),
            values: self.values.clone(),
            violation,
            last_step: last.map(|(step, _)| step),
            last_value: last.map_or(f64::NAN, |(_, value)| value),
        }
    }

    /// What the columns of the history cannot hold; `None` in the plain case.
    pub(crate) fn detail(&self) -> Option<Detail> {
        let one_clean_attempt = match self.attempts.as_slice() {
            [only] => only.stale.is_none() && only.gpus.is_empty() && matches!(only.end, Some(End::Finished { .. })),
            _ => false,
        };
        let finals = self.curve.other_finals();
        let plain = self.is_of_plain_origin()
            && one_clean_attempt
            && self.was_told_its_values()
            && self.requests.told.is_none()
            && finals.is_empty()
            && self.files == AttemptFiles::default()
            && self.attributes.is_empty();
        (!plain || self.attempts[0].log.is_some()).then(|| Detail {
            origin: self.origin.clone(),
            attempts: self.attempts.clone(),
            files: self.files.clone(),
            attributes: self.attributes.clone(),
            finals,
            end: self.end_in_words(),
            told: self.told.clone(),
            told_by: self.requests.told,
        })
    }

    /// Whether [`FinishedTrial::origin`](crate::finished::FinishedTrial::origin) can tell the origin without a detail.
    fn is_of_plain_origin(&self) -> bool {
        match self.origin {
            Origin::Sampled { .. } => self.asked.is_empty(),
            Origin::Asked { .. } => !self.asked.is_empty(),
            Origin::Enqueued { .. } | Origin::Retry { .. } | Origin::Imported => false,
        }
    }

    /// What its client said is what the columns have; a column cannot tell NaN from nothing.
    fn was_told_its_values(&self) -> bool {
        self.told.is_empty() || self.told == self.values
    }

    fn end_in_words(&self) -> String {
        if let Some(reason) = &self.cancelled {
            return format!("cancelled: {reason}");
        }
        if self.origin == Origin::Imported {
            return format!("imported: {}", self.state.kind().name());
        }
        match (&self.verdict, self.attempts.last().and_then(|last| last.end.as_ref())) {
            (Some(verdict), _) if self.state == TrialState::Pruned => {
                format!("pruned at step {}: {}", verdict.step, verdict.reason)
            }
            (_, Some(end)) => end.to_string(),
            (_, None) => "ended without an attempt".to_owned(),
        }
    }
}

/// Sets or removes one attribute.
pub(crate) fn set_attribute(attributes: &mut Attributes, scope: Scope, key: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => attributes.insert((scope, key.to_owned()), value.to_vec()),
        None => attributes.remove(&(scope, key.to_owned())),
    };
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
