//! One label project and its project there: what is known of both, and one pass over them.
//!
//! ```text
//!   place ──► pull ──────────────────────► push
//!   (made,    (tasks that changed ──►      (tasks for open requests, overlaps,
//!    found)    answers, skips)              predictions)
//! ```
//!
//! One pass after the other, so that nothing older ever comes after something newer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use hone_studies::{
    AnnotatorId, Command, LabelProjectId, LabelRequestId, Reply,
    label::{Channel, LabelCommand, LabelProject, LabelReply, LabelSpec},
};

use super::{
    api::{LabelStudio, User},
    cursor::Place,
    http::CallError,
    plan::Tasks,
    status::{ProjectStatus, Synced},
    task::{Files, Owner},
};
use crate::{
    actor::{Refusal, View, Writer},
    labels::Samples,
    security::Secret,
};

/// What was complained about that is remembered.
pub(super) const MAX_COMPLAINTS: usize = 100;

/// What every project's pass works with.
pub(super) struct Context {
    pub api: LabelStudio,
    pub writer: Writer,
    pub samples: Samples,
    /// Address of the server.
    pub server: String,
    pub store: String,
    /// Where webhooks are heard, as the server calls it.
    pub hook: Option<String>,
    pub secret: Secret,
    pub users: BTreeMap<u64, User>,
    pub annotators: BTreeMap<String, AnnotatorId>,
}

/// Why a pass ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The server cannot serve; everything is tried again soon.
    Away(String),
    /// This project cannot go on; others can.
    Project(String),
    /// The coordinator ends.
    Ended,
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Stop {
        match error {
            CallError::Away(reason) => Stop::Away(reason),
            CallError::Missing(_) | CallError::Refused(_) => Stop::Project(error.to_string()),
        }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        match refusal {
            Refusal::Full(reason) => Stop::Away(reason),
            Refusal::Reject(reject) => Stop::Project(reject.to_string()),
            Refusal::Failed(_) | Refusal::Stopping => Stop::Ended,
        }
    }
}

/// Makes the place of a project durable.
pub(super) type SavePlace<'a> = &'a (dyn Fn(LabelProjectId, &Place) -> Result<(), Stop> + Send + Sync);

/// How much of a project is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Nothing there.
    Nothing,
    /// What has changed there.
    Changes,
    /// All tasks; of those that have not changed no more than that they are there.
    Tasks,
    /// All tasks with all their annotations.
    Everything,
}

/// What a pass is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub reach: Reach,
    pub anew: bool,
    pub accept_deletions: bool,
}

/// What is known of a label project and its project there.
pub(super) struct Project {
    pub id: LabelProjectId,
    pub owner: Owner,
    pub place: Option<Place>,
    /// What answers from there are marked with.
    pub mark: String,
    pub tasks: Tasks,
    /// All tasks have been listed since the start, and nothing has gone astray since.
    pub listed: bool,
    /// Requests whose tasks have changed and are to be looked at.
    pub dirty: BTreeSet<LabelRequestId>,
    /// The newest change that was seen, and when: it may be trusted once nothing older can come.
    pub settling: Option<(Instant, i64)>,
    /// The spec that the project there was last fitted to.
    pub fitted: Option<Arc<LabelSpec>>,
    /// The label project when everything was last found to be there; another one as soon as it changes.
    pub seen: Weak<LabelProject>,
    /// Requests whose tasks the server refuses.
    pub refused: BTreeSet<LabelRequestId>,
    /// Why annotations are no labels, by their ids.
    pub complaints: BTreeMap<u64, (LabelRequestId, String)>,
    pub files: Files,
    pub hook: String,
    /// Tasks without a request here, or with somebody else's key.
    pub strangers: u64,
    pub waiting: u64,
}

impl Project {
    pub fn new(id: LabelProjectId, store: &str, place: Option<Place>) -> Project {
        Project {
            id,
            owner: Owner { store: store.to_owned(), project: id },
            place,
            mark: String::new(),
            tasks: Tasks::new(),
            listed: false,
            dirty: BTreeSet::new(),
            settling: None,
            fitted: None,
            seen: Weak::new(),
            refused: BTreeSet::new(),
            complaints: BTreeMap::new(),
            files: Files::new(),
            hook: String::new(),
            strangers: 0,
            waiting: 0,
        }
    }

    /// Looks at the project there, and brings both to the same state. `save` makes the place durable.
    pub async fn pass(&mut self, context: &mut Context, task: Task, save: SavePlace<'_>) -> Result<Synced, Stop> {
        let done = self.try_pass(context, task, save).await;
        if let Err(Stop::Project(_)) = &done
            && self.fitted.take().is_some()
        {
            // Whether that is because the project there is gone.
            self.settle_place(context, task).await?;
        }
        done
    }

    async fn try_pass(&mut self, context: &mut Context, task: Task, save: SavePlace<'_>) -> Result<Synced, Stop> {
        let mut synced = Synced::default();
        self.settle_place(context, task).await?;
        self.save(save)?;
        let reach = if self.listed { task.reach } else { task.reach.max(Reach::Tasks) };
        self.pull(context, reach, task.accept_deletions, &mut synced).await?;
        self.save(save)?;
        // What was imported is listed at once, so that its overlap is what is wanted.
        while self.push(context, reach >= Reach::Tasks, &mut synced, save).await? {
            self.pull(context, Reach::Changes, false, &mut synced).await?;
            self.save(save)?;
        }
        Ok(synced)
    }

    pub fn save(&self, save: SavePlace<'_>) -> Result<(), Stop> {
        self.place.as_ref().map_or(Ok(()), |place| save(self.id, place))
    }

    /// How it is, for whoever asks.
    pub fn status(&self, trouble: String, pulled: i64) -> ProjectStatus {
        ProjectStatus {
            project: self.place.as_ref().map_or(0, |place| place.project),
            tasks: self.tasks.len() as u64,
            waiting: self.waiting,
            complaints: self.complaints.values().map(|(_, why)| why.clone()).collect(),
            trouble,
            hook: self.hook.clone(),
            pulled,
        }
    }

    /// The project's id there.
    pub fn there(&self) -> Result<u64, Stop> {
        self.place.as_ref().map(|place| place.project).ok_or_else(|| Stop::Project("it has no project there".to_owned()))
    }

    /// Looks at the label project as it is now. The writer copies what a reader keeps, so nothing of it is kept.
    pub async fn view(&self, context: &Context) -> Result<Viewed, Stop> {
        Ok(Viewed { view: context.writer.view().await?, id: self.id })
    }
}

/// A published view of a label project.
pub(super) struct Viewed {
    view: Arc<View>,
    id: LabelProjectId,
}

impl Viewed {
    pub fn labels(&self) -> &hone_studies::label::Labels {
        &self.view.state.labels
    }

    pub fn project(&self) -> Result<&Arc<LabelProject>, Stop> {
        let removed = || Stop::Project("the label project has been removed".to_owned());
        self.labels().project(self.id).ok_or_else(removed)
    }
}

impl Context {
    /// Sends a command. `None`: the core refuses it, since things have changed meanwhile; the next comparison sees them.
    pub async fn command(&self, command: LabelCommand) -> Result<Option<LabelReply>, Stop> {
        match self.writer.command(Command::Label(command)).await {
            Ok(Reply::Label(reply)) => Ok(Some(reply)),
            Ok(_) => Ok(None),
            Err(Refusal::Reject(reject)) => {
                tracing::debug!(%reject, "a step towards Label Studio came too late");
                Ok(None)
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The annotator of this name.
    pub async fn annotator(&mut self, name: &str) -> Result<AnnotatorId, Stop> {
        if let Some(known) = self.annotators.get(name) {
            return Ok(*known);
        }
        let command = LabelCommand::Join { name: name.to_owned(), channel: Channel::LabelStudio };
        match self.command(command).await? {
            Some(LabelReply::Annotator(id)) => {
                self.annotators.insert(name.to_owned(), id);
                Ok(id)
            }
            _ => Err(Stop::Project(format!("`{name}` cannot be an annotator"))),
        }
    }
}

/// How long a change may take to be seen after its time: servers write it down before they commit it.
pub(super) const SETTLE: Duration = Duration::from_secs(10);
