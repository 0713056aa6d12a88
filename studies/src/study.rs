//! One study: its spec, its open trials, its history, its counts. Changes only through [`Study::apply`].
//!
//! ```text
//!            pause                   nothing open and the budget used,
//!   Active ◄───────► Paused          or exhausted, or a target reached
//!     │ ▲    resume     │                    │
//! stop│ │resume         │stop                ▼
//!     ▼ │               ▼       nothing    Finished ──resume, if the budget allows──► Active
//!   Stopping ◄──────────┘ ──────open──────►
//! ```

mod lookup;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hone_search::{Direction, Outcome, PrunerState, stop::StopState};
use serde::{Deserialize, Serialize};

use crate::{
    constraint,
    dataset::{DatasetEvent, DatasetUse},
    event::{Driver, Event, ImportedTrial, Served, StudyState},
    finished::Finished,
    ids::{BlobId, Micros, RequestId, StudyId, TaskId},
    space,
    spec::StudySpec,
    stop,
    trial::{Attributes, StateKind, Trial, TrialState, set_attribute},
    warm_start::WarmStart,
};

/// Trials by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub complete: u64,
    pub pruned: u64,
    pub failed: u64,
    pub cancelled: u64,
    /// Ended, but replaced by a retry: do not count towards the budget.
    pub superseded: u64,
    /// Ended elsewhere: do not count towards the budget.
    pub imported: u64,
    pub waiting: u64,
    pub running: u64,
    pub paused: u64,
}

impl Counts {
    /// What counts towards `max_trials`: complete, pruned, failed; not cancelled, imported or replaced.
    pub fn counted(&self) -> u64 {
        self.complete + self.pruned + self.failed - self.superseded - self.imported
    }

    /// Open trials.
    pub fn open(&self) -> u64 {
        self.waiting + self.running + self.paused
    }

    pub(crate) fn of(&mut self, kind: StateKind) -> &mut u64 {
        match kind {
            StateKind::Waiting => &mut self.waiting,
            StateKind::Running => &mut self.running,
            StateKind::Paused => &mut self.paused,
            StateKind::Complete => &mut self.complete,
            StateKind::Pruned => &mut self.pruned,
            StateKind::Failed => &mut self.failed,
            StateKind::Cancelled => &mut self.cancelled,
        }
    }
}

/// Marks that a finished trial gets later.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    pub attributes: Attributes,
    pub superseded_by: Option<TaskId>,
    /// An end that came in after the attempt had been replaced: (attempt, how it ended).
    pub stale: Vec<(u32, crate::event::End)>,
}

/// A study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    pub id: StudyId,
    pub spec: Arc<StudySpec>,
    /// The study file as it was given.
    pub text: Arc<str>,
    pub source: Option<BlobId>,
    pub driver: Driver,
    pub state: StudyState,
    /// Why it is in that state.
    pub reason: String,
    pub created: Micros,
    pub finished_at: Option<Micros>,
    pub next_number: u32,
    pub counts: Counts,
    /// Names of metrics; an index into it stands for the name. The first ones are the objectives'.
    pub metrics: Vec<Arc<str>>,
    /// The best complete trial of a study with one objective: (value, number).
    pub best: Option<(f64, u32)>,
    /// Open trials.
    open: BTreeMap<TaskId, Arc<Trial>>,
    /// Waiting trials by when they are due.
    waiting: BTreeSet<(Micros, TaskId)>,
    /// Trials that the pruner holds back, by number.
    #[serde(default)]
    held: BTreeMap<u32, TaskId>,
    pub finished: Finished,
    pub pruner: Arc<PrunerState>,
    /// What the rules to stop have seen; `None` without rules.
    #[serde(default)]
    pub stop: Option<Arc<StopState>>,
    overlay: Arc<BTreeMap<TaskId, Overlay>>,
    pub attributes: Arc<Attributes>,
    /// Trials of other studies that its sampler starts from.
    #[serde(default)]
    pub warm_start: Vec<WarmStart>,
    /// Versions of datasets that its trials are given.
    #[serde(default)]
    pub datasets: Vec<DatasetUse>,
    /// Goes up with every change of the spec, so that workers are sent the new one.
    pub revision: u32,
    /// The client's request that made it.
    #[serde(default)]
    pub request: Option<RequestId>,
}

impl Study {
    pub(crate) fn new(
        id: StudyId,
        at: Micros,
        spec: Arc<StudySpec>,
        text: &str,
        source: Option<BlobId>,
        driver: Driver,
    ) -> Study {
        let directions: Vec<Direction> = spec.objectives.iter().map(|objective| objective.direction).collect();
        Study {
            id,
            text: text.into(),
            source,
            driver,
            state: StudyState::Active,
            reason: String::new(),
            created: at,
            finished_at: None,
            next_number: 0,
            counts: Counts::default(),
            metrics: spec.objectives.iter().map(|objective| objective.metric.as_str().into()).collect(),
            best: None,
            open: BTreeMap::new(),
            waiting: BTreeSet::new(),
            held: BTreeMap::new(),
            finished: Finished::default(),
            pruner: Arc::new(PrunerState::for_objectives(&spec.search.pruner, &directions)),
            stop: stop::begin(&spec),
            overlay: Arc::default(),
            attributes: Arc::default(),
            warm_start: Vec::new(),
            datasets: Vec::new(),
            revision: 0,
            request: None,
            spec,
        }
    }

    /// Open trials in order of their ids.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Trial>> {
        self.open.values()
    }

    pub fn open_trial(&self, id: TaskId) -> Option<&Arc<Trial>> {
        self.open.get(&id)
    }

    /// Marks on a finished trial.
    pub fn overlay(&self, id: TaskId) -> Option<&Overlay> {
        self.overlay.get(&id)
    }

    pub fn overlays(&self) -> impl Iterator<Item = (TaskId, &Overlay)> {
        self.overlay.iter().map(|(id, overlay)| (*id, overlay))
    }

    /// Waiting trials, the one that is due first in front.
    pub fn waiting(&self) -> impl Iterator<Item = (Micros, TaskId)> + '_ {
        self.waiting.iter().copied()
    }

    /// Trials that the pruner holds back, by number. They count as open, and occupy no place under `parallel`.
    pub fn held(&self) -> &BTreeMap<u32, TaskId> {
        &self.held
    }

    /// The held trials to let go on now, in this order. With `closing`, when no new trial will start and nothing more
    /// is worth going on with by itself, the best of those that are left.
    pub fn promotable(&self, closing: bool) -> Vec<TaskId> {
        let found = self.pruner.promotable(false);
        let found = if closing && found.is_empty() { self.pruner.promotable(true) } else { found };
        found.iter().filter_map(|found| self.held.get(&found.number).copied()).collect()
    }

    /// When the next waiting trial that is not due at `wall` will be.
    pub fn next_back_off(&self, wall: Micros) -> Option<Micros> {
        self.waiting.range((wall.saturating_add(1), TaskId(0))..).next().map(|(due, _)| *due)
    }

    /// Trials that the budget still allows to create.
    pub fn budget_left(&self) -> u64 {
        let used = self.counts.counted() + self.counts.open();
        self.spec.search.max_trials.map_or(u64::MAX, |max| max.saturating_sub(used))
    }

    /// Trials that may run at once.
    pub fn parallel(&self) -> u64 {
        self.spec.search.parallel.map_or(u64::MAX, u64::from)
    }

    /// Index of a metric's name, if the study has seen it.
    pub fn metric_index(&self, name: &str) -> Option<u16> {
        self.metrics.iter().position(|known| &**known == name).map(|at| at as u16)
    }

    /// Applies one event of this study or of one of its trials. Total.
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::StudyChanged { spec, text, .. } => self.change(spec, text),
            Event::StudyWarmed { warm, .. } => self.warm_start.push(warm.clone()),
            Event::Dataset(event) => {
                if let DatasetEvent::Used { uses, .. } = &**event {
                    self.datasets.clone_from(uses);
                }
            }
            Event::StudyMoved { at, to, reason, .. } => self.enter(*at, *to, reason),
            Event::TrialCreated { trial, number, at, params, origin, why, .. } => {
                let created = Trial::new(*trial, self.id, *number, *at, origin.clone());
                self.create(Trial { params: params.clone(), why: why.clone(), ..created });
            }
            Event::TrialImported { trial, number, at, imported, .. } => self.import((*trial, *number), *at, imported),
            Event::StoreOpened { .. } => self.open_windows(),
            Event::AttributeSet { owner: crate::event::Owner::Study(_), scope, key, value } => {
                set_attribute(Arc::make_mut(&mut self.attributes), *scope, key, value.as_deref());
            }
            Event::RequestServed { request, what: Served::Study(_) } => self.request = Some(*request),
            Event::TrialSuperseded { trial, by } => {
                self.counts.superseded += 1;
                self.mark(*trial).superseded_by = Some(*by);
            }
            Event::TrialLeased { trial, .. }
            | Event::TrialReported { trial, .. }
            | Event::TrialJudged { trial, .. }
            | Event::CheckpointSaved { trial, .. }
            | Event::AttemptEnded { trial, .. }
            | Event::AttemptReclaimed { trial, .. }
            | Event::AttemptForsaken { trial, .. }
            | Event::TrialPaused { trial, .. }
            | Event::TrialResumed { trial, .. }
            | Event::TrialCancelled { trial, .. }
            | Event::TrialTold { trial, .. }
            | Event::RequestServed { what: Served::Created(trial) | Served::Taken(trial) | Served::Told(trial), .. }
            | Event::TrialPruned { trial, .. } => self.apply_to_trial(*trial, event),
            Event::ParameterSet { trial, name, value, distribution, text } => {
                let index = space::grow(&mut self.spec, name, distribution);
                if let Some(trial) = self.open.get_mut(trial) {
                    Arc::make_mut(trial).choose(index, name, *value, text);
                }
            }
            Event::AttributeSet { owner: crate::event::Owner::Trial(trial), scope, key, value } => {
                if self.open.contains_key(trial) {
                    self.apply_to_trial(*trial, event);
                } else {
                    set_attribute(&mut self.mark(*trial).attributes, *scope, key, value.as_deref());
                }
            }
            Event::AttemptStale { trial, attempt, end, .. } => {
                if self.open.contains_key(trial) {
                    self.apply_to_trial(*trial, event);
                } else {
                    self.mark(*trial).stale.push((*attempt, end.clone()));
                }
            }
            Event::StudyCreated { .. }
            | Event::StudyRemoved { .. }
            | Event::WorkerRegistered { .. }
            | Event::WorkerAttached { .. }
            | Event::WorkerMoved { .. }
            | Event::Label(_) => {}
        }
    }

    fn mark(&mut self, finished: TaskId) -> &mut Overlay {
        Arc::make_mut(&mut self.overlay).entry(finished).or_default()
    }

    fn change(&mut self, spec: &Arc<StudySpec>, text: &str) {
        let other_rules = self.spec.stop != spec.stop;
        self.spec = spec.clone();
        self.text = text.into();
        self.revision += 1;
        if other_rules {
            self.stop = stop::begin_again(self);
        }
    }

    fn enter(&mut self, at: Micros, to: StudyState, reason: &str) {
        self.state = to;
        self.reason = reason.to_owned();
        self.finished_at = (to == StudyState::Finished).then_some(at);
    }

    fn create(&mut self, trial: Trial) {
        self.next_number = trial.number + 1;
        self.counts.waiting += 1;
        self.waiting.insert((0, trial.id));
        self.open.insert(trial.id, Arc::new(trial));
    }

    fn import(&mut self, (id, number): (TaskId, u32), at: Micros, imported: &ImportedTrial) {
        let (metrics, pruner, judged) = (&mut self.metrics, &self.pruner, judged(&self.spec));
        let needed = |metric, before, step| metric < judged && pruner.needs_point(before, step);
        let trial = Trial::imported((id, self.id, number), at, imported, |name| intern(metrics, name), needed);
        self.next_number = number + 1;
        *self.counts.of(trial.state.kind()) += 1;
        if imported.outcome != Outcome::Cancelled {
            self.counts.imported += 1;
        }
        show_pruner(&mut self.pruner, &trial, judged);
        self.close(&trial, imported.outcome, imported.started, imported.ended);
    }

    fn open_windows(&mut self) {
        for trial in self.open.values_mut().filter(|trial| trial.running().is_some()) {
            if let Some(attempt) = Arc::make_mut(trial).attempts.last_mut() {
                attempt.windows = attempt.windows.saturating_add(1);
            }
        }
    }

    /// The worker was heard of: its attempts' windows are over.
    pub(crate) fn close_windows(&mut self, worker: crate::ids::WorkerId) {
        for trial in self.open.values_mut() {
            if trial.running().is_some_and(|attempt| attempt.worker == worker && attempt.windows > 0)
                && let Some(attempt) = Arc::make_mut(trial).attempts.last_mut()
            {
                attempt.windows = 0;
            }
        }
    }

    fn apply_to_trial(&mut self, id: TaskId, event: &Event) {
        let Some(slot) = self.open.get_mut(&id) else { return };
        let (before, was_held) = (slot.state, slot.held().is_some());
        let metrics = &mut self.metrics;
        let (pruner, judged) = (&self.pruner, judged(&self.spec));
        let trial = Arc::make_mut(slot);
        // Clients get back every value that they reported.
        let keeps_all = self.driver == Driver::Clients;
        let needed = |metric, before, step| keeps_all || metric < judged && pruner.needs_point(before, step);
        trial.apply(event, |name| intern(metrics, name), needed);
        if let Event::TrialReported { .. } = event {
            show_pruner(&mut self.pruner, trial, judged);
        }
        if trial.state != before {
            self.hold(id, was_held);
            self.moved(id, before, event);
        }
    }

    /// Follows what the pruner holds back, before a trial that ends is taken out.
    fn hold(&mut self, id: TaskId, was_held: bool) {
        let trial = &self.open[&id];
        let number = trial.number;
        if let Some(verdict) = trial.held() {
            self.held.insert(number, id);
            Arc::make_mut(&mut self.pruner).pause(number, verdict.step);
        } else if was_held {
            self.held.remove(&number);
            if trial.state.outcome().is_none() {
                Arc::make_mut(&mut self.pruner).resume(number);
            }
        }
    }

    fn moved(&mut self, id: TaskId, before: TrialState, event: &Event) {
        let after = self.open[&id].state;
        *self.counts.of(before.kind()) -= 1;
        *self.counts.of(after.kind()) += 1;
        if let TrialState::Waiting { not_before } = before {
            self.waiting.remove(&(not_before, id));
        }
        if let TrialState::Waiting { not_before } = after {
            self.waiting.insert((not_before, id));
        }
        if let Some(outcome) = after.outcome() {
            self.finish(id, outcome, ended_at(event));
        }
    }

    fn finish(&mut self, id: TaskId, outcome: Outcome, at: Micros) {
        let Some(trial) = self.open.remove(&id) else { return };
        let started = trial.attempts.first().map_or(0, |attempt| attempt.started);
        self.close(&trial, outcome, started, at);
    }

    /// Puts an ended trial into the history.
    fn close(&mut self, trial: &Trial, outcome: Outcome, started: Micros, ended: Micros) {
        let curves = trial.curve.first(judged(&self.spec));
        Arc::make_mut(&mut self.pruner).finish_all(trial.number, outcome, &curves, &[]);
        let violation = constraint::violation(self, trial);
        self.finished.push(trial, trial.row(outcome, violation), started, ended);
        if let ([value], Outcome::Complete, true) = (trial.values.as_slice(), outcome, violation <= 0.0) {
            self.consider(*value, trial.number);
        }
        self.tell_rules(trial.number);
    }

    fn tell_rules(&mut self, number: u32) {
        let Some(mut rules) = self.stop.take() else { return };
        if let Some(trial) = self.finished.by_number(number) {
            stop::record(&mut rules, self, trial);
        }
        self.stop = Some(rules);
    }

    fn consider(&mut self, value: f64, number: u32) {
        let better = match self.spec.objectives[0].direction {
            Direction::Minimize => self.best.is_none_or(|(best, _)| value < best),
            Direction::Maximize => self.best.is_none_or(|(best, _)| value > best),
        };
        // Clients may say anything.
        if better && !value.is_nan() {
            self.best = Some((value, number));
        }
    }
}

/// Tells the pruner what a trial has reported, once each of the metrics that it judges has a value.
fn show_pruner(pruner: &mut Arc<PrunerState>, trial: &Trial, judged: u16) {
    let curves = trial.curve.first(judged);
    if curves.iter().all(|curve| !curve.is_empty()) {
        Arc::make_mut(pruner).record_all(trial.number, &curves);
    }
}

/// How many objectives the pruner looks at.
pub(crate) fn judged(spec: &StudySpec) -> u16 {
    if spec.search.pruner.takes_several_objectives() { spec.objectives.len().max(1) as u16 } else { 1 }
}

fn ended_at(event: &Event) -> Micros {
    match event {
        Event::AttemptEnded { at, .. } | Event::TrialTold { at, .. } => *at,
        Event::TrialCancelled { at, .. } | Event::TrialPruned { at, .. } => *at,
        _ => 0,
    }
}

fn intern(metrics: &mut Vec<Arc<str>>, name: &Arc<str>) -> u16 {
    if let Some(at) = metrics.iter().position(|known| known == name) {
        return at as u16;
    }
    if metrics.len() < usize::from(u16::MAX) {
        metrics.push(name.clone());
    }
    (metrics.len() - 1) as u16
}
