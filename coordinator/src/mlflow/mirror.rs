//! The task that mirrors: looks at what has changed, sends it, remembers how far it is, and backs off from a server that
//! is away.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use hone_data::{Hash, blobs::BlobStore};
use hone_studies::{Overlay, Scope, State, Study, StudyId, TaskId};
use tokio::{sync::watch, time::sleep};

use super::{
    Config,
    api::Mlflow,
    batch::Values,
    cursor::{Cursor, Progress},
    experiment_name,
    http::CallError,
    run::{self, Record},
    sender::{Sender, Sent},
    server::ServerError,
    status::{Health, Status, lock},
};
use crate::{
    actor::{Refusal, View, Writer},
    convert::client::{NOTE, TAGS, TrialRef, trial_of},
};

/// Trials that are taken out of a view at once. Bounds memory, and what is done again after a crash.
const BATCH: usize = 32;
/// Points of their curves together, after which a batch is closed.
const BATCH_POINTS: usize = 100_000;
/// Trials on the way to the server at once.
const AT_ONCE: usize = 4;
/// Between two looks at the store, at least: a view makes the writer copy what it then changes.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Waits after failures: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the mirror lives from.
pub(crate) struct Parts {
    pub writer: Writer,
    pub blobs: BlobStore,
    pub store: String,
    /// The data folder.
    pub directory: PathBuf,
}

/// What is remembered of a study while the process lives.
#[derive(Default)]
struct Known {
    experiment: Option<String>,
    /// Trials before this one, in the order in which they finished, may have a run already.
    doubted: usize,
    /// The study when its tags and marks were last found to be mirrored; another one as soon as it changes.
    seen: Weak<Study>,
    /// The server refuses its experiment; it is left alone until then.
    stuck: Option<Instant>,
    /// Marks that were sent, by trial number.
    marks: BTreeMap<u32, String>,
}

/// The mirror of a store.
pub(crate) struct Mirror {
    config: Config,
    writer: Writer,
    /// The data folder.
    directory: PathBuf,
    sender: Sender,
    cursor: Arc<Mutex<Cursor>>,
    health: watch::Sender<Health>,
    studies: HashMap<StudyId, Known>,
    /// Files that do not go through the tracking server were spoken of.
    warned_of_artifacts: bool,
}

/// Why a pass ended early.
enum Stop {
    /// To be tried again.
    Trouble(String),
    /// The coordinator ends.
    Ended,
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Stop {
        Stop::Trouble(error.to_string())
    }
}

/// Something to send, taken out of a view.
enum Work {
    Trials { study: StudyId, name: String, first: usize, records: Vec<Record> },
    Summary { study: StudyId, name: String, tags: Vec<(&'static str, String)>, print: String },
    Marks { study: StudyId, name: String, changed: Vec<Marked>, print: String },
}

impl Work {
    fn study(&self) -> (StudyId, &str) {
        match self {
            Work::Trials { study, name, .. } | Work::Summary { study, name, .. } | Work::Marks { study, name, .. } => {
                (*study, name)
            }
        }
    }
}

/// Marks of one finished trial.
struct Marked {
    number: u32,
    trial: String,
    tags: Vec<(String, String)>,
    print: String,
}

impl Mirror {
    /// Makes a mirror that has not begun.
    ///
    /// # Errors
    /// The authorities of the server cannot be read.
    pub fn new(config: Config, parts: Parts) -> Result<(Mirror, Status), ServerError> {
        let target = format!("{} {} {}", config.server.address(), parts.store, config.prefix);
        let cursor = Cursor::load(&parts.directory, &target).unwrap_or_else(|error| {
            tracing::warn!(%error, "how far the mirror was cannot be read; everything is looked for on the MLflow server");
            Cursor::new(&target)
        });
        let cursor = Arc::new(Mutex::new(cursor));
        let (health, seen) = watch::channel(Health::default());
        let status = Status { server: config.server.address().to_owned(), cursor: cursor.clone(), health: seen };
        let Parts { writer, blobs, store, directory } = parts;
        let sender = Sender { mlflow: Mlflow::new(&config.server)?, blobs, store, artifact_bytes: config.artifact_bytes };
        let (studies, warned_of_artifacts) = (HashMap::new(), false);
        Ok((Mirror { config, writer, directory, sender, cursor, health, studies, warned_of_artifacts }, status))
    }

    /// Mirrors until the coordinator stops. May be dropped at any moment: what is on its way is looked for next time.
    pub async fn run(mut self) {
        let mut head = self.writer.head();
        let mut wait = FIRST_WAIT;
        loop {
            let event = *head.borrow_and_update();
            match self.pass().await {
                Ok(()) => {
                    wait = FIRST_WAIT;
                    self.well(event);
                    sleep(LOOK_INTERVAL).await;
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Err(Stop::Ended) => return,
                Err(Stop::Trouble(reason)) => {
                    self.trouble(reason);
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    fn well(&self, event: u64) {
        let before = self.health.send_replace(Health { through: event, trouble: None });
        if before.trouble.is_some() {
            tracing::info!(server = self.config.server.address(), "the MLflow server takes what it is sent again");
        }
    }

    /// Said once, however long it lasts.
    fn trouble(&mut self, reason: String) {
        for known in self.studies.values_mut() {
            // A call without an answer may have done its work.
            known.doubted = usize::MAX;
            known.experiment = None;
        }
        self.health.send_if_modified(|health| {
            if health.trouble.is_none() {
                let server = self.config.server.address();
                tracing::warn!(server, reason, "nothing reaches the MLflow server; it is tried again until something does");
            }
            let changed = health.trouble.as_ref() != Some(&reason);
            health.trouble = Some(reason);
            changed
        });
    }

    /// Sends everything that is not mirrored yet.
    async fn pass(&mut self) -> Result<(), Stop> {
        loop {
            let view = match self.writer.view().await {
                Ok(view) => view,
                Err(Refusal::Full(reason)) => return Err(Stop::Trouble(reason)),
                Err(Refusal::Reject(_) | Refusal::Failed(_) | Refusal::Stopping) => return Err(Stop::Ended),
            };
            let Some(work) = self.next(&view) else { return Ok(()) };
            // A view that is kept makes the writer copy what it changes.
            drop(view);
            self.send(work).await?;
            self.save().await?;
        }
    }

    async fn save(&self) -> Result<(), Stop> {
        let (cursor, directory) = (lock(&self.cursor).clone(), self.directory.clone());
        let saved = tokio::task::spawn_blocking(move || cursor.save(&directory)).await;
        match saved {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Stop::Trouble(format!("`mlflow.json` cannot be written: {error}"))),
            Err(_) => Err(Stop::Ended),
        }
    }

    // ------------------------------------------------------------ what is there to send

    /// The next thing to send. The study that is least far goes first, so that none starves.
    fn next(&mut self, view: &View) -> Option<Work> {
        let state = &view.state;
        self.forget_removed(state);
        for study in state.studies() {
            let known =
                self.studies.entry(study.id).or_insert_with(|| Known { doubted: study.finished.len(), ..Known::default() });
            known.doubted = known.doubted.min(study.finished.len());
        }
        let now = Instant::now();
        let stuck = |id: StudyId| self.studies.get(&id).and_then(|known| known.stuck).is_some_and(|until| now < until);
        let open: Vec<&Arc<Study>> = state.studies().filter(|study| !stuck(study.id)).collect();
        let rows = |study: &Study| lock(&self.cursor).rows(study.id);
        let behind = open.iter().filter(|study| rows(study) < study.finished.len());
        if let Some(study) = behind.min_by_key(|study| rows(study)) {
            return Some(self.trials(state, study, rows(study)));
        }
        open.into_iter().find_map(|study| self.remarks(state, study))
    }

    /// What is to be said of a study itself and of trials that were sent before. Costs nothing when it has not changed.
    fn remarks(&mut self, state: &State, study: &Arc<Study>) -> Option<Work> {
        let known = self.studies.get(&study.id)?;
        if Weak::ptr_eq(&known.seen, &Arc::downgrade(study)) {
            return None;
        }
        let work = self.summary(study).or_else(|| self.marks(state, study));
        if work.is_none()
            && let Some(known) = self.studies.get_mut(&study.id)
        {
            known.seen = Arc::downgrade(study);
        }
        work
    }

    fn forget_removed(&mut self, state: &State) {
        self.studies.retain(|id, _| state.study(*id).is_some());
        let mut cursor = lock(&self.cursor);
        if cursor.studies.len() > self.studies.len() {
            cursor.studies.retain(|id, _| state.study(StudyId(*id)).is_some());
        }
    }

    fn trials(&self, state: &State, study: &Study, first: usize) -> Work {
        let mut records = Vec::new();
        let mut points = 0;
        for row in first..study.finished.len().min(first + BATCH) {
            let trial = TrialRef::Finished(study.finished.by_row(row));
            let record = run::record(&self.sender.store, state, study, trial);
            points += record.values.metrics.len();
            records.push(record);
            if points > BATCH_POINTS {
                break;
            }
        }
        Work::Trials { study: study.id, name: study.spec.name.clone(), first, records }
    }

    fn summary(&self, study: &Study) -> Option<Work> {
        let tags = run::summary(&self.sender.store, study);
        let print = fingerprint(&tags);
        let changed = lock(&self.cursor).progress(study.id).summary != print;
        changed.then(|| Work::Summary { study: study.id, name: study.spec.name.clone(), tags, print })
    }

    fn marks(&mut self, state: &State, study: &Study) -> Option<Work> {
        let all: Vec<Marked> = study.overlays().filter_map(|(id, overlay)| marked(state, study, id, overlay)).collect();
        let prints: Vec<_> = all.iter().map(|marked| (marked.number, &marked.print)).collect();
        let print = if all.is_empty() { String::new() } else { fingerprint(&prints) };
        let known = self.studies.get_mut(&study.id)?;
        if lock(&self.cursor).progress(study.id).marks == print {
            known.marks = all.into_iter().map(|marked| (marked.number, marked.print)).collect();
            return None;
        }
        let changed = all.into_iter().filter(|marked| known.marks.get(&marked.number) != Some(&marked.print)).collect();
        Some(Work::Marks { study: study.id, name: study.spec.name.clone(), changed, print })
    }

    // ------------------------------------------------------------ sending

    async fn send(&mut self, work: Work) -> Result<(), Stop> {
        let (study, name) = work.study();
        let experiment = match self.experiment(study, name).await {
            Err(error @ CallError::Refused { .. }) => {
                tracing::warn!(study = name, %error, "the MLflow server does not take a study");
                self.studies.entry(study).or_default().stuck = Some(Instant::now() + LONGEST_WAIT);
                return Ok(());
            }
            experiment => experiment?,
        };
        match work {
            Work::Trials { study, first, records, .. } => self.send_trials(study, &experiment, first, records).await,
            Work::Summary { study, name, tags, print } => {
                for (key, value) in tags {
                    self.sender.mlflow.tag_experiment(&experiment, key, &value).await.or_else(|error| refused(&error, &name))?;
                }
                self.note(study, |progress| progress.summary = print);
                Ok(())
            }
            Work::Marks { study, changed, print, .. } => {
                for marked in changed {
                    self.send_marks(&experiment, &marked).await?;
                    if let Some(known) = self.studies.get_mut(&study) {
                        known.marks.insert(marked.number, marked.print);
                    }
                }
                self.note(study, |progress| progress.marks = print);
                Ok(())
            }
        }
    }

    fn note(&self, study: StudyId, change: impl FnOnce(&mut Progress)) {
        change(lock(&self.cursor).studies.entry(study.0).or_default());
    }

    /// The experiment of a study, which is made where there is none.
    async fn experiment(&mut self, study: StudyId, name: &str) -> Result<String, CallError> {
        let known = self.studies.entry(study).or_default();
        if let Some(experiment) = &known.experiment {
            return Ok(experiment.clone());
        }
        let name = experiment_name(&self.config.prefix, name);
        let experiment = match self.sender.mlflow.find_experiment(&name).await? {
            Some(found) => found,
            None => self.sender.mlflow.create_experiment(&name).await?,
        };
        known.experiment = Some(experiment.clone());
        Ok(experiment)
    }

    async fn send_trials(&mut self, study: StudyId, experiment: &str, first: usize, records: Vec<Record>) -> Result<(), Stop> {
        let doubted = self.studies.get(&study).map_or(usize::MAX, |known| known.doubted);
        let count = records.len();
        let sender = &self.sender;
        let sent: Vec<Sent> = stream::iter(records.into_iter().enumerate())
            .map(|(at, record)| sender.send_trial(experiment, record, first + at < doubted))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        let refused = sent.iter().filter(|sent| **sent == Sent::InPart).count() as u64;
        if sent.contains(&Sent::WithoutFiles) && !self.warned_of_artifacts {
            self.warned_of_artifacts = true;
            tracing::warn!("this MLflow server takes no files; outputs stay in the store only");
        }
        self.note(study, |progress| {
            progress.rows = first + count;
            progress.refused += refused;
        });
        Ok(())
    }

    async fn send_marks(&self, experiment: &str, marked: &Marked) -> Result<(), Stop> {
        let Some(run) = self.sender.find(experiment, &marked.trial).await? else { return Ok(()) };
        let values = Values { tags: marked.tags.clone(), ..Values::default() };
        self.sender.mlflow.log(&run.id, &values).await.or_else(|error| refused(&error, &marked.trial))
    }
}

fn refused(error: &CallError, what: &str) -> Result<(), Stop> {
    match error {
        CallError::Away(reason) => Err(Stop::Trouble(reason.clone())),
        CallError::Refused { .. } => {
            tracing::warn!(what, %error, "the MLflow server did not take a tag");
            Ok(())
        }
    }
}

/// The marks of a finished trial, if there are any that MLflow is told of.
fn marked(state: &State, study: &Study, id: TaskId, overlay: &Overlay) -> Option<Marked> {
    let said = |(scope, key): &(Scope, String)| *scope == Scope::User && (key == TAGS || key == NOTE);
    if overlay.superseded_by.is_none() && !overlay.attributes.keys().any(said) {
        return None;
    }
    let number = study.number_of(id)?;
    let tags = run::marks_of(state, study, trial_of(study, number)?);
    let print = fingerprint(&tags);
    Some(Marked { number, trial: id.0.to_string(), tags, print })
}

/// Tells two things apart by their text.
fn fingerprint(thing: &impl std::fmt::Debug) -> String {
    Hash::of(format!("{thing:?}").as_bytes()).to_string()[..16].to_owned()
}
