//! Estimates how good annotators are, once enough that is new was said or nobody says anything for a while, away from the
//! writer.
//!
//! ```text
//!   writer ── projects with news ──► estimate (a blocking thread) ── LabelCommand::Weigh ──► writer
//! ```
//!
//! Nothing of it is written down before the core has taken it: after a restart it is computed again.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use hone_studies::{
    Command, LabelProjectId,
    label::{LabelCommand, LabelProject, Skills},
};

use crate::actor::{Refusal, Writer};

/// Between two looks, at least: answers come in crowds, and one estimate is enough for all of them.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// After so long without an answer the last ones are weighed too: they may decide requests that would wait for nothing.
const PAUSE: Duration = Duration::from_secs(2);

/// What was heard of a project last.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// [`LabelProject::said`].
    said: u64,
    since: Instant,
    /// An estimate of this failed: it is tried again when there is twice as much.
    has_failed: bool,
}

impl Heard {
    /// Whether to estimate now.
    fn is_due(self, project: &LabelProject) -> bool {
        !self.has_failed && (project.wants_weighing() || self.since.elapsed() >= PAUSE)
    }

    /// What is known after another look.
    fn after(former: Option<Heard>, project: &LabelProject) -> Heard {
        let new = Heard { said: project.said, since: Instant::now(), has_failed: false };
        match former {
            Some(former) if former.said == project.said => former,
            Some(former) if former.has_failed && project.said < 2 * former.said => former,
            Some(_) | None => new,
        }
    }
}

/// Weighs the answers of every project that has news, until the coordinator stops. May be dropped at any moment.
pub(crate) async fn weigh(writer: Writer) {
    let mut head = writer.head();
    let mut heard: BTreeMap<LabelProjectId, Heard> = BTreeMap::new();
    loop {
        head.borrow_and_update();
        let Ok((known, due)) = look(&writer, heard).await else { return };
        heard = known;
        for project in due {
            let id = project.id;
            match estimate(project).await {
                Some(command) => drop(writer.command(Command::Label(command)).await),
                None => drop(heard.get_mut(&id).map(|heard| heard.has_failed = true)),
            }
        }
        let waits = heard.values().any(|heard| !heard.has_failed);
        tokio::select! {
            changed = head.changed() => if changed.is_err() {
                return;
            },
            () = tokio::time::sleep(PAUSE), if waits => {}
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Projects with news, and those among them that are to be estimated. Looked at on the writer's thread, so that nothing is
/// copied where nobody wants it.
async fn look(
    writer: &Writer,
    heard: BTreeMap<LabelProjectId, Heard>,
) -> Result<(BTreeMap<LabelProjectId, Heard>, Vec<Arc<LabelProject>>), Refusal> {
    let look = move |projects: &mut dyn Iterator<Item = &Arc<LabelProject>>| {
        let (mut known, mut due) = (BTreeMap::new(), Vec::new());
        for project in projects.filter(|project| project.has_news()) {
            let now = Heard::after(heard.get(&project.id).copied(), project);
            known.insert(project.id, now);
            due.extend(now.is_due(project).then(|| project.clone()));
        }
        (known, due)
    };
    writer.with_store(move |engine, _| look(&mut engine.core().state.labels.projects())).await
}

async fn estimate(project: Arc<LabelProject>) -> Option<LabelCommand> {
    let estimated = tokio::task::spawn_blocking(move || {
        let skills = Skills::estimate(&project)
            .inspect_err(|error| tracing::warn!(%error, project = project.spec.name, "its annotators cannot be weighed"));
        skills.ok().map(|skills| {
            let requests = skills.changes(&project);
            LabelCommand::Weigh { project: project.id, skills: Arc::new(skills), requests }
        })
    });
    estimated.await.ok().flatten()
}
