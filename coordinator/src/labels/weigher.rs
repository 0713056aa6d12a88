//! Estimates how good annotators are, once enough that is new was said, away from the writer.
//!
//! ```text
//!   writer ── projects that want it ──► estimate (a blocking thread) ── LabelCommand::Weigh ──► writer
//! ```
//!
//! Nothing of it is written down before the core has taken it: after a restart it is computed again.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hone_studies::{
    Command, LabelProjectId,
    label::{LabelCommand, LabelProject, Skills},
};

use crate::actor::{Refusal, Writer};

/// Between two looks, at least: answers come in crowds, and one estimate is enough for all of them.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Weighs the answers of every project that wants it, until the coordinator stops. May be dropped at any moment.
pub(crate) async fn weigh(writer: Writer) {
    let mut head = writer.head();
    // What was said when an estimate failed: it is tried again when there is twice as much.
    let mut failed: BTreeMap<LabelProjectId, u64> = BTreeMap::new();
    loop {
        head.borrow_and_update();
        let Ok(wanting) = wanting(&writer, failed.clone()).await else { return };
        for project in wanting {
            let (id, said) = (project.id, project.said);
            match estimate(project).await {
                Some(command) => drop(writer.command(Command::Label(command)).await),
                None => drop(failed.insert(id, said)),
            }
        }
        if head.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Asked on the writer's thread, so that nothing is copied where nobody wants it.
async fn wanting(writer: &Writer, failed: BTreeMap<LabelProjectId, u64>) -> Result<Vec<Arc<LabelProject>>, Refusal> {
    let find = move |project: &&Arc<LabelProject>| {
        project.wants_weighing() && failed.get(&project.id).is_none_or(|said| project.said >= 2 * said)
    };
    writer.with_store(move |engine, _| engine.core().state.labels.projects().filter(find).cloned().collect()).await
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
