//! The folded state: what all events so far add up to. [`State::apply`] is total, so live running and replay are the
//! same code.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    dataset::{DatasetEvent, Datasets, Reference, VersionRef},
    event::{Event, Owner, Served, StudyState, WorkerState},
    finished::Segment,
    ids::{BlobId, StudyId, TaskId, WorkerId},
    label::Labels,
    owners::Owners,
    spec::KeepOutputs,
    study::Study,
    trial::{StateKind, Trial},
    worker::Worker,
};

/// Everything durable. Cheap to clone: studies are shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    studies: BTreeMap<StudyId, Arc<Study>>,
    names: BTreeMap<String, StudyId>,
    /// Studies that are not finished.
    unfinished: BTreeSet<StudyId>,
    /// Told again when a state is read back.
    #[serde(skip)]
    owners: Owners,
    workers: BTreeMap<WorkerId, Arc<Worker>>,
    worker_keys: BTreeMap<String, WorkerId>,
    #[serde(default)]
    pub datasets: Datasets,
    /// Label projects and annotators.
    #[serde(default)]
    pub labels: Labels,
    last_study: u64,
    last_task: u64,
    last_worker: u64,
    /// How often the store has been opened.
    pub opened: u64,
}

impl State {
    pub fn studies(&self) -> impl DoubleEndedIterator<Item = &Arc<Study>> {
        self.studies.values()
    }

    pub fn study(&self, id: StudyId) -> Option<&Arc<Study>> {
        self.studies.get(&id)
    }

    pub fn study_named(&self, name: &str) -> Option<&Arc<Study>> {
        self.names.get(name).and_then(|id| self.studies.get(id))
    }

    pub fn unfinished(&self) -> impl Iterator<Item = &Arc<Study>> {
        self.unfinished.iter().filter_map(|id| self.studies.get(id))
    }

    pub fn workers(&self) -> impl Iterator<Item = &Arc<Worker>> {
        self.workers.values()
    }

    pub fn worker(&self, id: WorkerId) -> Option<&Arc<Worker>> {
        self.workers.get(&id)
    }

    pub fn worker_by_key(&self, key: &str) -> Option<&Arc<Worker>> {
        self.worker_keys.get(key).and_then(|id| self.workers.get(id))
    }

    /// An open trial with its study.
    pub fn open_trial(&self, id: TaskId) -> Option<(&Arc<Study>, &Arc<Trial>)> {
        let study = self.study_of(id)?;
        Some((study, study.open_trial(id)?))
    }

    /// The study of any trial, open or finished.
    pub fn study_of(&self, id: TaskId) -> Option<&Arc<Study>> {
        self.studies.get(&self.owners.get(id)?)
    }

    /// The state of any trial that ever was, in a study that is still there.
    pub fn trial_state(&self, id: TaskId) -> Option<StateKind> {
        self.study_of(id)?.trial_state(id)
    }

    pub(crate) fn next_study(&self) -> StudyId {
        StudyId(self.last_study + 1)
    }

    pub(crate) fn next_task(&self) -> TaskId {
        TaskId(self.last_task + 1)
    }

    pub(crate) fn next_worker(&self) -> WorkerId {
        WorkerId(self.last_worker + 1)
    }

    /// Trials that exist or existed.
    pub fn trials_ever(&self) -> u64 {
        self.last_task
    }

    /// Applies one event. Total: never fails, never panics.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::StoreOpened { .. } => self.open_store(event),
            Event::StudyCreated { study, at, spec, text, source, driver } => {
                self.last_study = self.last_study.max(study.0);
                self.names.insert(spec.name.clone(), *study);
                self.unfinished.insert(*study);
                self.studies.insert(*study, Arc::new(Study::new(*study, *at, spec.clone(), text, *source, *driver)));
            }
            Event::StudyMoved { study, to, .. } => {
                self.apply_to_study(*study, event);
                match to {
                    StudyState::Finished => self.unfinished.remove(study),
                    StudyState::Active | StudyState::Paused | StudyState::Stopping => self.unfinished.insert(*study),
                };
            }
            Event::StudyRemoved { study, .. } => self.remove(*study),
            Event::StudyChanged { study, .. } | Event::StudyWarmed { study, .. } => self.apply_to_study(*study, event),
            Event::TrialCreated { study, trial, .. } => {
                self.last_task = self.last_task.max(trial.0);
                self.owners.set(*trial, *study);
                self.apply_to_study(*study, event);
            }
            Event::TrialImported { study, trial, .. } => {
                self.last_task = self.last_task.max(trial.0);
                self.owners.set(*trial, *study);
                self.apply_to_study(*study, event);
            }
            Event::AttemptEnded { trial, .. } | Event::TrialCancelled { trial, .. } => {
                self.count_ended_attempt(*trial, event);
                self.apply_to_task(*trial, event);
            }
            Event::TrialLeased { trial, .. }
            | Event::TrialReported { trial, .. }
            | Event::TrialJudged { trial, .. }
            | Event::CheckpointSaved { trial, .. }
            | Event::AttemptReclaimed { trial, .. }
            | Event::AttemptForsaken { trial, .. }
            | Event::AttemptStale { trial, .. }
            | Event::TrialPaused { trial, .. }
            | Event::TrialResumed { trial, .. }
            | Event::TrialPruned { trial, .. }
            | Event::ParameterSet { trial, .. }
            | Event::TrialTold { trial, .. }
            | Event::TrialSuperseded { trial, .. }
            | Event::AttributeSet { owner: Owner::Trial(trial), .. } => self.apply_to_task(*trial, event),
            Event::AttributeSet { owner: Owner::Study(study), .. } | Event::RequestServed { what: Served::Study(study), .. } => {
                self.apply_to_study(*study, event);
            }
            Event::RequestServed { what: Served::Created(trial) | Served::Taken(trial) | Served::Told(trial), .. } => {
                self.apply_to_task(*trial, event);
            }
            Event::WorkerRegistered { worker, at, profile } => self.register(*worker, *at, profile),
            Event::WorkerAttached { worker, incarnation, .. } => self.attach(*worker, incarnation),
            Event::WorkerMoved { worker, to, reason, .. } => self.move_worker(*worker, *to, reason),
            Event::Dataset(dataset) => match &**dataset {
                DatasetEvent::Used { study, .. } => self.apply_to_study(*study, event),
                dataset => self.datasets.apply(dataset),
            },
            Event::Label(event) => self.labels.apply(event),
        }
    }

    fn open_store(&mut self, event: &Event) {
        self.opened += 1;
        let with_leases: Vec<StudyId> =
            self.studies.values().filter(|study| study.counts.running > 0).map(|study| study.id).collect();
        for study in with_leases {
            self.apply_to_study(study, event);
        }
    }

    fn apply_to_study(&mut self, id: StudyId, event: &Event) {
        if let Some(study) = self.studies.get_mut(&id) {
            Arc::make_mut(study).apply(event);
        }
    }

    fn apply_to_task(&mut self, id: TaskId, event: &Event) {
        if let Some(study) = self.owners.get(id) {
            self.apply_to_study(study, event);
        }
    }

    fn remove(&mut self, id: StudyId) {
        let Some(study) = self.studies.remove(&id) else { return };
        self.unfinished.remove(&id);
        self.owners.remove(id);
        if self.names.get(&study.spec.name) == Some(&id) {
            self.names.remove(&study.spec.name);
        }
    }

    fn count_ended_attempt(&mut self, trial: TaskId, event: &Event) {
        let Event::AttemptEnded { .. } = event else { return };
        let worker = self.open_trial(trial).and_then(|(_, trial)| trial.running()).map(|attempt| attempt.worker);
        if let Some(worker) = worker.and_then(|worker| self.workers.get_mut(&worker)) {
            Arc::make_mut(worker).ended_attempts += 1;
        }
    }

    fn register(&mut self, id: WorkerId, at: i64, profile: &crate::event::WorkerProfile) {
        self.last_worker = self.last_worker.max(id.0);
        self.worker_keys.insert(profile.key.clone(), id);
        let worker = self.workers.entry(id).or_insert_with(|| {
            Arc::new(Worker {
                id,
                profile: profile.clone(),
                state: WorkerState::Active,
                reason: String::new(),
                joined: at,
                incarnation: String::new(),
                ended_attempts: 0,
            })
        });
        Arc::make_mut(worker).profile = profile.clone();
    }

    fn attach(&mut self, id: WorkerId, incarnation: &str) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        Arc::make_mut(worker).incarnation = incarnation.to_owned();
        for study in self.studies.values_mut().filter(|study| study.counts.running > 0) {
            Arc::make_mut(study).close_windows(id);
        }
    }

    fn move_worker(&mut self, id: WorkerId, to: WorkerState, reason: &str) {
        let Some(worker) = self.workers.get_mut(&id) else { return };
        let worker = Arc::make_mut(worker);
        worker.state = to;
        worker.reason = reason.to_owned();
    }

    /// Sealed segments by study, for a snapshot: they are written once each, beside its body.
    pub fn segments(&self) -> impl Iterator<Item = (StudyId, &[Arc<Segment>])> {
        self.studies.values().map(|study| (study.id, study.finished.segments()))
    }

    /// Puts back what [`State::segments`] told, after the body was read. To be called for every study.
    pub fn restore_segments(&mut self, id: StudyId, segments: Vec<Arc<Segment>>) {
        let Some(study) = self.studies.get_mut(&id) else { return };
        Arc::make_mut(study).finished.restore(segments);
        let finished = study.finished.parts().flat_map(|part| part.trial.iter().copied());
        let open = study.open().map(|trial| trial.id);
        finished.chain(open).for_each(|trial| self.owners.set(trial, id));
    }

    /// Who names a version of a dataset and would be lost without it: whoever pinned it, and studies.
    pub fn names_of_version(&self, of: VersionRef) -> Vec<Reference> {
        let version = self.datasets.version(of);
        let pins = version.into_iter().flat_map(|found| found.version.pins.keys().cloned());
        let studies = self.studies.values().filter(|study| study.datasets.iter().any(|used| used.of == of));
        pins.chain(studies.map(|study| Reference::new("study", &study.spec.name))).collect()
    }

    /// Visits every blob that something still names: sources, checkpoints, logs, outputs by the `keep` rule, samples that
    /// are labelled, and the manifests of datasets (the blobs that these name follow from their content).
    pub fn reachable_blobs(&self, visit: &mut dyn FnMut(&BlobId)) {
        self.datasets.reachable_blobs(visit);
        self.labels.reachable_blobs(visit);
        for study in self.studies.values() {
            study.source.iter().for_each(&mut *visit);
            for trial in study.open() {
                let checkpoint = trial.checkpoint.iter().flat_map(|checkpoint| &checkpoint.files);
                let files = checkpoint.chain(&trial.files.outputs).chain(&trial.files.log);
                files.filter(|file| file.kept_by.is_none()).for_each(|file| visit(&file.blob));
                trial.attempts.iter().filter_map(|attempt| attempt.log.as_ref()).for_each(|file| visit(&file.blob));
            }
            let kept = kept_outputs(study);
            for part in study.finished.parts() {
                for (row, detail) in part.details() {
                    detail.attempts.iter().filter_map(|attempt| attempt.log.as_ref()).for_each(|file| visit(&file.blob));
                    if kept.as_ref().is_none_or(|kept| kept.contains(&part.columns.number[row])) {
                        let outputs = detail.files.outputs.iter().filter(|file| file.kept_by.is_none());
                        outputs.for_each(|file| visit(&file.blob));
                    }
                }
            }
        }
    }
}

/// Numbers of the trials whose outputs are kept; `None`: all.
pub fn kept_outputs(study: &Study) -> Option<BTreeSet<u32>> {
    match study.spec.trial.keep.outputs {
        KeepOutputs::All => None,
        KeepOutputs::None => Some(BTreeSet::new()),
        KeepOutputs::Best(count) => Some(crate::best::best_trials(study, count as usize).into_iter().collect()),
    }
}
