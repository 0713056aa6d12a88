//! Follows the files that a trial writes by means of its own, and reports their values.

use std::{path::Path, time::Duration};

use hone_data::metrics::{Batch, Follower, Format, Row, Source};
use hone_proto::worker::{Metric, MetricsFiles, failure::Kind, metrics_files};
use tokio::{
    sync::mpsc,
    task::{JoinHandle, spawn_blocking},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Trial, output::Values, prepare::Prepared};
use crate::{
    machine::Outcome,
    process::{environment, outcome::failure},
};

/// Between two looks at the files. A pruner's verdict comes so much later than it could.
const POLL: Duration = Duration::from_millis(500);
/// Values that wait to be taken; the reading waits for room.
const WAITING: usize = 256;
/// Values of one report at most.
const METRIC_LIMIT: usize = 1_000;
/// Longer names are refused by the coordinator.
const NAME_BYTES: usize = 256;
/// What was written last is read within this, or lost.
const LAST_READING: Duration = Duration::from_secs(60);

/// The files of a trial, being followed.
#[derive(Debug)]
pub(super) struct Following {
    pub(super) values: mpsc::Receiver<Values>,
    /// Ends with what was wrong with the files.
    task: JoinHandle<Vec<String>>,
}

impl Trial {
    /// Passes over what is in the files before the trial writes to them; `None`: there are no such files.
    pub(super) async fn follower(&self, prepared: &Prepared) -> Result<Option<Follower>, Outcome> {
        if self.program.metrics_files.is_empty() {
            return Ok(None);
        }
        let values = environment::values(&self.assignment, &self.program, &prepared.places);
        let mut sources = Vec::new();
        for files in &self.program.metrics_files {
            let path = values.fill(&files.path);
            let path = path.map_err(|error| failure(Kind::Spawn, 0, &format!("the files of metrics: {error}"), ""))?;
            sources.push(source(files, &prepared.working_directory, &path));
        }
        let mut follower = Follower::new(sources);
        let passing = spawn_blocking(move || {
            follower.pass_over();
            follower
        });
        passing.await.map(Some).map_err(|error| failure(Kind::Spawn, 0, &format!("the files of metrics: {error}"), ""))
    }

    /// Takes what comes after the end of a trial, and writes into its log what was wrong with its files.
    pub(super) async fn finish_following(&self, mut following: Following) {
        let rest = async {
            while let Some((step, metrics)) = following.values.recv().await {
                self.report(step, metrics, None).await;
            }
            following.task.await.unwrap_or_default()
        };
        let late = |_| vec![format!("its files of metrics were not read to their ends within {} s", LAST_READING.as_secs())];
        for problem in timeout(LAST_READING, rest).await.unwrap_or_else(late) {
            self.log.append(format!("hone: {problem}\n").as_bytes(), false);
        }
    }
}

impl Following {
    /// Begins to follow; the last reading comes when `closing` is cancelled.
    pub(super) fn start(follower: Follower, closing: CancellationToken) -> Self {
        let (sender, values) = mpsc::channel(WAITING);
        Self { values, task: tokio::spawn(follow(follower, sender, closing)) }
    }
}

fn source(files: &MetricsFiles, folder: &Path, path: &str) -> Source {
    let step = (!files.step.is_empty()).then(|| files.step.clone());
    let format = match files.format() {
        metrics_files::Format::Csv => Format::Csv { step },
        metrics_files::Format::Tensorboard | metrics_files::Format::Unspecified => Format::TensorBoard,
    };
    let names = files.names.clone().into_iter().collect();
    Source { written: files.path.clone(), pattern: folder.join(path), format, names }
}

async fn follow(mut follower: Follower, values: mpsc::Sender<Values>, closing: CancellationToken) -> Vec<String> {
    loop {
        let is_last = closing.is_cancelled();
        let reading = spawn_blocking(move || {
            let batch = follower.read(is_last);
            (follower, batch)
        });
        let Batch { rows, more } = match reading.await {
            Ok((returned, batch)) => {
                follower = returned;
                batch
            }
            Err(error) => return vec![format!("its files of metrics were not read to their ends: {error}")],
        };
        for report in rows.into_iter().flat_map(reports) {
            if values.send(report).await.is_err() {
                // Nobody wants them any more when the attempt is over.
                return Vec::new();
            }
        }
        if is_last && !more {
            return follower.into_problems();
        }
        if !more {
            tokio::select! {
                () = sleep(POLL) => {}
                () = closing.cancelled() => {}
                () = values.closed() => return Vec::new(),
            }
        }
    }
}

/// Cuts a row into reports as a trial may make them.
fn reports(row: Row) -> Vec<Values> {
    let fits = |(name, _): &(String, f64)| (1..=NAME_BYTES).contains(&name.len());
    let metrics = row.values.into_iter().filter(fits).map(|(name, value)| Metric { name, value });
    let metrics: Vec<Metric> = metrics.collect();
    metrics.chunks(METRIC_LIMIT).map(|metrics| (Some(row.step), metrics.to_vec())).collect()
}
