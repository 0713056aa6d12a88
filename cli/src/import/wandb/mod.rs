//! Runs of Weights & Biases, out of the logs that it keeps on disk, whether they were synchronised or not.
//!
//! ```text
//! wandb/offline-run-DATE-ID/run-ID.wandb      also run-DATE-ID/; a run that was resumed has several
//! ```

mod log;
mod messages;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hone_proto::v1;
use prost::Message as _;
use serde_json::Value;

pub use self::log::MAGIC;
use self::messages::{Exit, History, Item, Record, Update};
use super::{Trials, bad, journal::plain_json, mistakes, optuna, tree::flat};
use crate::errors::{Failure, Result};

/// What a log says, or what is wrong with it.
type Said<T> = std::result::Result<T, String>;

/// The logs in a folder, in its folders, and in those of `wandb` within; the latest last. Links lead to others of them.
///
/// # Errors
/// What the system said.
pub fn logs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = vec![folder.to_owned()];
    for parent in [folder.to_owned(), folder.join("wandb")].iter().filter(|parent| parent.is_dir()) {
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() && entry.file_name().to_string_lossy().contains("run-") {
                folders.push(entry.path());
            }
        }
    }
    let mut logs = Vec::new();
    for folder in folders {
        let files = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
        let files = files.into_iter().map(|entry| entry.path());
        logs.extend(files.filter(|path| path.extension().is_some_and(|ending| ending == "wandb") && path.is_file()));
    }
    logs.sort();
    Ok(logs)
}

/// Reads all runs of some logs.
///
/// # Errors
/// A log is damaged, or a run that has finished has no value for an objective.
pub fn read(logs: &[PathBuf], study: &v1::Study) -> Result<Trials> {
    let (mut runs, mut wrong) = (Vec::new(), Vec::new());
    for path in logs {
        let bytes = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        if let Err(problem) = add(&mut runs, &bytes, study) {
            wrong.push(format!("`{}`: {problem}", path.file_name().unwrap_or_default().to_string_lossy()));
        }
    }
    let mut trials = Trials::default();
    for run in runs {
        match run.imported(study) {
            Ok(Some(trial)) => trials.trials.push(trial),
            Ok(None) => trials.unfinished += 1,
            Err(problem) => wrong.push(problem),
        }
    }
    mistakes(&wrong)?;
    if trials == Trials::default() { Err(bad("it holds no run")) } else { Ok(trials) }
}

/// A run as far as its logs tell.
#[derive(Default)]
struct Run {
    id: String,
    config: BTreeMap<String, Value>,
    summary: BTreeMap<String, Value>,
    curve: Vec<v1::Point>,
    started_us: i64,
    exit: Option<Exit>,
}

/// Adds what a log says of its run, which may be known from a log before.
fn add(runs: &mut Vec<Run>, bytes: &[u8], study: &v1::Study) -> Said<()> {
    let mut run = Run::default();
    for (number, record) in (1..).zip(log::records(bytes)?) {
        let record = Record::decode(record.as_slice()).map_err(|error| format!("record {number} makes no sense: {error}"))?;
        let known = record.run.as_ref().and_then(|found| runs.iter().position(|known| known.id == found.id));
        if let Some(known) = known {
            run = runs.remove(known);
        }
        run.apply(record, study).map_err(|problem| format!("record {number}: {problem}"))?;
    }
    if !run.id.is_empty() {
        runs.push(run);
    }
    Ok(())
}

impl Run {
    fn apply(&mut self, record: Record, study: &v1::Study) -> Said<()> {
        if let Some(run) = record.run {
            self.id = run.id;
            // One that goes on has not ended.
            self.exit = None;
            let start = run.start.map_or(0, |start| start.seconds.saturating_mul(1_000_000) + i64::from(start.nanos / 1_000));
            self.started_us = if self.started_us == 0 { start } else { self.started_us };
            update(&mut self.config, run.config)?;
        }
        update(&mut self.config, record.config)?;
        update(&mut self.summary, record.summary)?;
        if let Some(history) = record.history {
            self.report(&history, study)?;
        }
        self.exit = record.exit.or(self.exit.take());
        Ok(())
    }

    fn report(&mut self, history: &History, study: &v1::Study) -> Said<()> {
        let step = history.step.as_ref().map_or(0, |step| step.number);
        for item in &history.items {
            let metric = item.name();
            if study.objectives.iter().any(|objective| objective.metric == metric)
                && let Some(value) = value(item)?.as_f64()
            {
                self.curve.push(v1::Point { step, metric, value });
            }
        }
        Ok(())
    }

    /// Returns `None` for a run that has not ended.
    fn imported(self, study: &v1::Study) -> Said<Option<v1::ImportedTrial>> {
        let Some(exit) = self.exit else { return Ok(None) };
        let state = if exit.code == 0 { "complete" } else { "failed" };
        let mut values = Vec::new();
        for objective in study.objectives.iter().filter(|_| state == "complete") {
            let value = self.summary.get(&objective.metric).and_then(Value::as_f64);
            values.push(value.ok_or_else(|| format!("run {} has no number as its last `{}`", self.id, objective.metric))?);
        }
        let params = self.config.iter().filter(|(name, _)| !name.starts_with("_wandb"));
        let params = params.map(|(name, value)| v1::Parameter { name: name.clone(), value: Some(optuna::choice(value)) });
        Ok(Some(v1::ImportedTrial {
            label: format!("run {}", self.id),
            params: params.collect(),
            state: state.to_owned(),
            values,
            started_us: self.started_us,
            ended_us: self.started_us.saturating_add(i64::from(exit.runtime) * 1_000_000),
            curve: self.curve,
        }))
    }
}

fn update(known: &mut BTreeMap<String, Value>, update: Option<Update>) -> Said<()> {
    let Some(update) = update else { return Ok(()) };
    for item in &update.remove {
        known.remove(&item.name());
    }
    for item in &update.update {
        let name = item.name();
        for (path, value) in flat(Some(&value(item)?)) {
            known.insert(if path.is_empty() { name.clone() } else { format!("{name}.{path}") }, value);
        }
    }
    Ok(())
}

fn value(item: &Item) -> Said<Value> {
    serde_json::from_str(&plain_json(&item.value)).map_err(|error| format!("`{}` is no JSON: {error}", item.name()))
}
