//! The task that keeps label projects and Label Studio in step: when to look at which project, and what to do about
//! trouble.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use hone_studies::{LabelProjectId, label::LabelProject};
use tokio::sync::mpsc;

use super::{
    Config,
    api::LabelStudio,
    cursor::{Cursor, Place},
    hook::{Hints, secret_from},
    project::{Context, Project, Reach, Stop, Task},
    server::ServerError,
    status::{Status, Synced, Waiting, Wish},
};
use crate::{
    actor::{Refusal, View, Writer},
    labels::Samples,
};

/// Between two looks at the store, at least: a view makes the writer copy what it then changes.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// All tasks are listed so often.
const LIST_INTERVAL: Duration = Duration::from_secs(900);
/// A second look after a hint: Label Studio sends some before it has written down when the task changed.
const SECOND_LOOK: Duration = Duration::from_secs(2);
/// A project that cannot go on is tried again after so long, or when it changes here.
const STUCK: Duration = Duration::from_secs(60);
/// Waits after failures: the first, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the connector lives from.
pub(crate) struct Parts {
    pub writer: Writer,
    pub samples: Samples,
    pub store: String,
    /// The data folder.
    pub directory: PathBuf,
    /// What the webhooks' secret is made from.
    pub key: String,
}

/// When a project is to be looked at, and how it went.
struct Schedule {
    project: Project,
    next_pull: Instant,
    next_list: Instant,
    stuck_until: Option<(Instant, Weak<LabelProject>)>,
    trouble: String,
    pulled: i64,
}

/// The connector of a store.
pub(crate) struct Connector {
    interval: Duration,
    writer: Writer,
    context: Context,
    directory: PathBuf,
    cursor: Arc<Mutex<Cursor>>,
    hints: Hints,
    status: Status,
    waiting: mpsc::Receiver<Waiting>,
    projects: BTreeMap<LabelProjectId, Schedule>,
}

impl Connector {
    /// Makes a connector that has not begun. `hook`: where webhooks are heard that become hints, as Label Studio calls it.
    ///
    /// # Errors
    /// The authorities of the server cannot be read.
    pub fn new(config: &Config, parts: Parts, hints: Hints, hook: Option<String>) -> Result<(Connector, Status), ServerError> {
        let Parts { writer, samples, store, directory, key } = parts;
        let server = config.server.address().to_owned();
        let target = format!("{server} {store}");
        let cursor = Cursor::load(&directory, &target).unwrap_or_else(|error| {
            tracing::warn!(%error, "what is in Label Studio cannot be read from the data folder; it is looked for there");
            Cursor::new(&target)
        });
        let (status, waiting) = Status::new(&server);
        let context = Context {
            api: LabelStudio::new(&config.server)?,
            writer: writer.clone(),
            samples,
            server,
            store,
            hook,
            secret: secret_from(&key),
            users: BTreeMap::new(),
            annotators: BTreeMap::new(),
        };
        let (cursor, projects) = (Arc::new(Mutex::new(cursor)), BTreeMap::new());
        let interval = config.interval;
        let connector =
            Connector { interval, writer, context, directory, cursor, hints, status: status.clone(), waiting, projects };
        Ok((connector, status))
    }

    /// Keeps in step until the coordinator stops. May be dropped at any moment: what was on its way is found by the next
    /// comparison.
    pub async fn run(mut self) {
        let mut head = self.writer.head();
        let mut wait = FIRST_WAIT;
        loop {
            head.borrow_and_update();
            match self.round().await {
                Ok(()) => {
                    wait = FIRST_WAIT;
                    self.well();
                    if !self.idle(&mut head).await {
                        return;
                    }
                }
                Err(Stop::Ended) => return,
                Err(Stop::Away(reason) | Stop::Project(reason)) => {
                    self.trouble(reason);
                    // Somebody's wish is tried at once.
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        Some(waiting) = self.waiting.recv() => self.grant(waiting).await,
                    }
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Waits for something to do. Whether there may be more.
    async fn idle(&mut self, head: &mut tokio::sync::watch::Receiver<u64>) -> bool {
        tokio::time::sleep(LOOK_INTERVAL).await;
        let next = self.projects.values().map(|one| one.next_pull).min();
        let due = async {
            match next {
                Some(next) => tokio::time::sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = head.changed() => return changed.is_ok(),
            () = self.hints.some() => {}
            () = due => {}
            waiting = self.waiting.recv() => {
                if let Some(waiting) = waiting {
                    self.grant(waiting).await;
                }
            }
        }
        true
    }

    fn well(&self) {
        if self.status.lock().trouble.take().is_some() {
            tracing::info!(server = self.context.server, "Label Studio is there again");
        }
    }

    /// Said once, however long it lasts.
    fn trouble(&mut self, reason: String) {
        while let Ok(waiting) = self.waiting.try_recv() {
            let _ = waiting.done.send(Err(reason.clone()));
        }
        // What was hinted at may not have been looked at.
        let now = Instant::now();
        self.projects.values_mut().for_each(|one| one.next_pull = now);
        let mut board = self.status.lock();
        if board.trouble.is_none() {
            let server = &self.context.server;
            tracing::warn!(server, reason, "Label Studio is not reached; it is tried again until it is");
        }
        board.trouble = Some(reason);
    }

    // ------------------------------------------------------------ which projects

    /// Looks at every project that is due.
    async fn round(&mut self) -> Result<(), Stop> {
        let view = match self.writer.view().await {
            Ok(view) => view,
            Err(Refusal::Full(reason)) => return Err(Stop::Away(reason)),
            Err(Refusal::Reject(_) | Refusal::Failed(_) | Refusal::Stopping) => return Err(Stop::Ended),
        };
        self.follow(&view);
        let hints = self.hints.take();
        let now = Instant::now();
        let due: Vec<Due> = self.projects.values().filter_map(|one| due(&view, one, &hints, now)).collect();
        // A view that is kept makes the writer copy what it changes.
        drop(view);
        for Due { id, task, project } in due {
            if hints.contains(&id.0)
                && let Some(one) = self.projects.get_mut(&id)
            {
                one.next_pull = now + SECOND_LOOK;
            }
            match self.pass(id, task).await {
                Ok(_) => {}
                Err(Stop::Project(_)) => {
                    if let Some(one) = self.projects.get_mut(&id) {
                        one.stuck_until = Some((Instant::now() + STUCK, project));
                    }
                }
                Err(stop) => return Err(stop),
            }
        }
        Ok(())
    }

    /// Takes up projects that are new and forgets those that are gone.
    fn follow(&mut self, view: &View) {
        let wanted: BTreeSet<LabelProjectId> = view
            .state
            .labels
            .projects()
            .filter(|project| project.spec.label_studio.is_some())
            .map(|project| project.id)
            .collect();
        let now = Instant::now();
        for id in &wanted {
            self.projects.entry(*id).or_insert_with(|| {
                let place = lock(&self.cursor).places.get(&id.0).cloned();
                let project = Project::new(*id, &self.context.store, place);
                Schedule { project, next_pull: now, next_list: now, stuck_until: None, trouble: String::new(), pulled: 0 }
            });
        }
        self.projects.retain(|id, _| wanted.contains(id));
        self.status.lock().projects.retain(|id, _| wanted.contains(id));
        let removed = |id: &u64| view.state.labels.project(LabelProjectId(*id)).is_none();
        lock(&self.cursor).places.retain(|id, _| !removed(id));
    }

    /// One pass over a project, and what is said of it.
    async fn pass(&mut self, id: LabelProjectId, task: Task) -> Result<Synced, Stop> {
        let Some(one) = self.projects.get_mut(&id) else {
            return Err(Stop::Project("it is not one of Label Studio's".to_owned()));
        };
        let (cursor, directory) = (self.cursor.clone(), self.directory.clone());
        let save = move |id: LabelProjectId, place: &Place| save_place(&cursor, &directory, id, place);
        let done = one.project.pass(&mut self.context, task, &save).await;
        let now = Instant::now();
        match &done {
            Ok(_) => {
                one.stuck_until = None;
                one.trouble.clear();
                one.pulled = wall();
                // A second look that is due sooner stays so; a wait after trouble does not.
                let regular = now + self.interval;
                if task.reach > Reach::Nothing {
                    one.next_pull = if one.next_pull > now { one.next_pull.min(regular) } else { regular };
                }
                if task.reach >= Reach::Tasks {
                    one.next_list = now + LIST_INTERVAL;
                }
            }
            Err(Stop::Project(reason)) => {
                one.next_pull = now + STUCK;
                if one.trouble != *reason {
                    tracing::warn!(project = id.0, reason, "a label project is not kept in step with Label Studio");
                }
                one.trouble.clone_from(reason);
            }
            // After a call without an answer nothing is known for sure.
            Err(Stop::Away(_)) => one.project.listed = false,
            Err(Stop::Ended) => {}
        }
        let status = one.project.status(one.trouble.clone(), one.pulled);
        self.status.lock().projects.insert(id, status);
        done
    }

    /// Does what somebody wishes, and tells them what that led to.
    async fn grant(&mut self, waiting: Waiting) {
        let Wish { project, anew, accept_deletions } = waiting.wish;
        if let Ok(view) = self.writer.view().await {
            self.follow(&view);
        }
        let task = Task { reach: Reach::Everything, anew, accept_deletions };
        let done = self.pass(project, task).await.map_err(|stop| match stop {
            Stop::Away(reason) => format!("Label Studio is not reached: {reason}"),
            Stop::Project(reason) => reason,
            Stop::Ended => "the coordinator is stopping".to_owned(),
        });
        let _ = waiting.done.send(done);
    }
}

/// A project that is to be looked at, as it is now.
struct Due {
    id: LabelProjectId,
    task: Task,
    project: Weak<LabelProject>,
}

/// What is to be done for a project now; `None`: nothing.
fn due(view: &View, one: &Schedule, hints: &BTreeSet<u64>, now: Instant) -> Option<Due> {
    let id = one.project.id;
    let project = view.state.labels.project(id)?;
    let changed = |seen: &Weak<LabelProject>| !Weak::ptr_eq(seen, &Arc::downgrade(project));
    if let Some((until, seen)) = &one.stuck_until
        && now < *until
        && !changed(seen)
    {
        return None;
    }
    let reach = match (now >= one.next_list, now >= one.next_pull || hints.contains(&id.0)) {
        (true, _) => Reach::Tasks,
        (false, true) => Reach::Changes,
        (false, false) => Reach::Nothing,
    };
    let wanted = reach > Reach::Nothing || changed(&one.project.seen);
    let task = Task { reach, anew: false, accept_deletions: false };
    wanted.then(|| Due { id, task, project: Arc::downgrade(project) })
}

/// Makes durable where a project is, if that is new.
fn save_place(cursor: &Mutex<Cursor>, directory: &std::path::Path, id: LabelProjectId, place: &Place) -> Result<(), Stop> {
    let mut cursor = lock(cursor);
    if cursor.places.get(&id.0) == Some(place) {
        return Ok(());
    }
    cursor.places.insert(id.0, place.clone());
    let saved = tokio::task::block_in_place(|| cursor.save(directory));
    saved.map_err(|error| Stop::Away(format!("`label-studio.json` cannot be written: {error}")))
}

fn lock(cursor: &Mutex<Cursor>) -> MutexGuard<'_, Cursor> {
    cursor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since 1970.
fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
