//! The folder of an experiment of Ray Tune.
//!
//! ```text
//! EXPERIMENT/experiment_state-DATE.json    state, parameters and last results of every trial; the latest one counts
//!            TRIAL/result.json             every result of one trial, one JSON object a line
//! ```
//!
//! A scheduler that ends a trial early leaves no mark: such a trial is as complete as any other that has ended.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use hone_proto::v1;
use serde_json::{Map, Value};

use super::{Trials, bad, journal::plain_json, mistakes, optuna, tree::flat};
use crate::errors::{Failure, Result};

const STATE: &str = "experiment_state-";
const RESULTS: &str = "result.json";
/// The steps of Ray.
const STEP: &str = "training_iteration";

/// What a file says, or what is wrong with it.
type Said<T> = std::result::Result<T, String>;

/// Whether a folder is one of Ray.
pub fn is_experiment(folder: &Path) -> bool {
    latest_state(folder).is_ok_and(|found| found.is_some())
}

/// Reads all trials.
///
/// # Errors
/// The folder has no state that makes sense, or a complete trial has no value for an objective.
pub fn read(folder: &Path, study: &v1::Study) -> Result<Trials> {
    let state = latest_state(folder).map_err(|error| Failure::file("read", folder, &error))?;
    let state =
        state.ok_or_else(|| bad(format!("it holds no `{STATE}….json`")).hint("name the folder of the experiment itself"))?;
    let text = fs::read_to_string(&state).map_err(|error| Failure::file("read", &state, &error))?;
    let mut found = all(&text).map_err(bad)?;
    found.sort_by(|one, other| one.folder.cmp(&other.folder));
    let (mut trials, mut wrong) = (Trials::default(), Vec::new());
    for trial in found {
        match trial.imported(folder, study) {
            Ok(Some(trial)) => trials.trials.push(trial),
            Ok(None) => trials.unfinished += 1,
            Err(problem) => wrong.push(problem),
        }
    }
    mistakes(&wrong)?;
    Ok(trials)
}

/// The files of a folder that are read: its latest state, and the results of its trials.
///
/// # Errors
/// What the system said.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = latest_state(folder)?.into_iter().collect();
    for entry in fs::read_dir(folder)? {
        files.push(entry?.path().join(RESULTS));
    }
    files.retain(|file| file.is_file());
    files.sort();
    Ok(files)
}

fn latest_state(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut latest = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // Their names end with the time.
        if name.starts_with(STATE) && name.ends_with(".json") && latest.as_ref().is_none_or(|latest| *latest < path) {
            latest = Some(path);
        }
    }
    Ok(latest)
}

/// A trial of the state.
struct Trial {
    id: String,
    status: String,
    /// Within the experiment's folder.
    folder: String,
    params: BTreeMap<String, Value>,
    last: BTreeMap<String, Value>,
    started_us: i64,
    ended_us: i64,
}

fn all(text: &str) -> Said<Vec<Trial>> {
    let state = parse(text).map_err(|problem| format!("its state {problem}"))?;
    let older = "its state has no `trial_data`, which Ray writes since version 2.3";
    let data = state.get("trial_data").and_then(Value::as_array).ok_or(older)?;
    data.iter()
        .enumerate()
        .map(|(at, pair)| trial(pair).map_err(|problem| format!("trial {at} of its state {problem}")))
        .collect()
}

/// Reads what is the same for all of a trial's life, and what changes; each is JSON within the JSON.
fn trial(pair: &Value) -> Said<Trial> {
    let part = |at: usize| parse(pair.get(at).and_then(Value::as_str).ok_or("is no pair of texts")?);
    let (fixed, changing) = (part(0)?, part(1)?);
    let text = |key: &str| fixed.get(key).and_then(Value::as_str).map(str::to_owned);
    let time = |key: &str| changing.get(key).and_then(Value::as_f64).map_or(0, |seconds| (seconds * 1e6) as i64);
    Ok(Trial {
        id: text("trial_id").ok_or("has no `trial_id`")?,
        status: text("status").ok_or("has no `status`")?,
        folder: text("relative_logdir").unwrap_or_default(),
        params: flat(fixed.get("config")),
        last: flat(changing.get("last_result")),
        started_us: time("start_time"),
        ended_us: time("last_result_time"),
    })
}

fn parse(text: &str) -> Said<Map<String, Value>> {
    serde_json::from_str(&plain_json(text)).map_err(|error| format!("is no JSON object: {error}"))
}

impl Trial {
    /// Returns `None` for a trial that has not ended.
    fn imported(self, experiment: &Path, study: &v1::Study) -> Said<Option<v1::ImportedTrial>> {
        let state = match self.status.as_str() {
            "TERMINATED" => "complete",
            "ERROR" => "failed",
            "PENDING" | "RUNNING" | "PAUSED" => return Ok(None),
            other => return Err(format!("trial {} has the status `{other}`, which is none of Ray", self.id)),
        };
        let mut values = Vec::new();
        for objective in study.objectives.iter().filter(|_| state == "complete") {
            let value = self.last.get(&objective.metric).and_then(Value::as_f64);
            values.push(value.ok_or_else(|| format!("trial {} has no number as its last `{}`", self.id, objective.metric))?);
        }
        let curve = self.curve(experiment, study)?;
        let params =
            self.params.iter().map(|(name, value)| v1::Parameter { name: name.clone(), value: Some(optuna::choice(value)) });
        Ok(Some(v1::ImportedTrial {
            label: format!("trial {}", self.id),
            params: params.collect(),
            state: state.to_owned(),
            values,
            started_us: self.started_us,
            ended_us: self.ended_us,
            curve,
        }))
    }

    /// What the trial has reported of the objectives; nothing where its folder is gone.
    fn curve(&self, experiment: &Path, study: &v1::Study) -> Said<Vec<v1::Point>> {
        let path = experiment.join(&self.folder).join(RESULTS);
        let Ok(text) = fs::read_to_string(path) else { return Ok(Vec::new()) };
        // A last line without an end was cut off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut curve = Vec::new();
        for (number, line) in (1..).zip(whole.lines()) {
            let result = parse(line).map_err(|problem| format!("trial {}: line {number} of `{RESULTS}` {problem}", self.id))?;
            let result = flat(Some(&Value::Object(result)));
            let Some(step) = result.get(STEP).and_then(Value::as_i64) else { continue };
            for objective in &study.objectives {
                let value = result.get(&objective.metric).and_then(Value::as_f64);
                curve.extend(value.map(|value| v1::Point { step, metric: objective.metric.clone(), value }));
            }
        }
        Ok(curve)
    }
}
