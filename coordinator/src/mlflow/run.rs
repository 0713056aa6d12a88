//! What a trial is as a run, and a study as an experiment: names, values, tags. Pure, and made from what clients of the
//! coordinator are shown, so that MLflow shows the same.

use std::collections::BTreeMap;

use hone_data::Hash;
use hone_proto::v1;
use hone_studies::{BlobId, State, StateKind, Study};
use serde_json::json;

use super::{
    api::{Input, NewRun},
    batch::{Metric, Values},
    values::{DIGEST, MAX_EXPERIMENT_TAG, MAX_PARAM, MAX_TAG, fits, fitted, key, number},
};
use crate::convert::client::{self, TrialRef};

/// The tags by which a trial's run is found.
pub(super) const TRIAL: &str = "hone.trial_id";
pub(super) const STORE: &str = "hone.store";
/// The folder of a run's artifacts in which a trial's outputs are.
pub(super) const OUTPUTS: &str = "outputs";
/// Milliseconds are told in thousands of these.
const MICROS: i64 = 1_000;

/// A finished trial, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub trial: String,
    pub number: u64,
    pub new: NewRun,
    pub values: Values,
    pub input: Option<Input>,
    pub outputs: Vec<v1::OutputFile>,
    pub status: &'static str,
    /// Milliseconds since 1970.
    pub ended: i64,
}

/// Makes the record of a finished trial.
pub(super) fn record(store: &str, state: &State, study: &Study, trial: TrialRef<'_>) -> Record {
    let shown = client::trial_to_proto(state, study, trial, true);
    let started = [shown.started_us, shown.created_us].into_iter().find(|at| *at > 0).unwrap_or_default() / MICROS;
    let ended = shown.ended_us.max(started * MICROS) / MICROS;
    let mut values = Values { timestamp: ended, ..Values::default() };
    let mut remarks = Remarks::default();
    values.params = params(&shown.params, &mut remarks);
    values.metrics = metrics(study, &shown, &mut remarks);
    let identity = [(TRIAL, shown.id.to_string()), (STORE, store.to_owned())];
    let tags = identity.into_iter().chain(facts(study, &shown)).chain(remarks.tags());
    let tags: Vec<(String, String)> =
        tags.chain(marks(&shown)).map(|(key, value)| (key.to_owned(), fitted(&value, MAX_TAG))).collect();
    Record {
        trial: shown.id.to_string(),
        number: shown.number,
        new: NewRun { name: format!("trial {}", shown.number), started, tags },
        values,
        input: study.source.map(|source| input(store, study, source)),
        outputs: shown.outputs,
        status: status(trial.state()),
        ended,
    }
}

/// MLflow knows no pruned runs; the tag `hone.state` tells them from complete ones.
pub(super) fn status(state: StateKind) -> &'static str {
    match state {
        StateKind::Complete | StateKind::Pruned => "FINISHED",
        StateKind::Failed => "FAILED",
        StateKind::Cancelled => "KILLED",
        StateKind::Waiting | StateKind::Running | StateKind::Paused => "RUNNING",
    }
}

/// What could not be sent as it is.
#[derive(Default)]
pub(super) struct Remarks {
    cut: Vec<String>,
    infinite: Vec<String>,
}

impl Remarks {
    pub(super) fn tags(self) -> impl Iterator<Item = (&'static str, String)> {
        let lists = [("hone.cut", self.cut), ("hone.infinite", self.infinite)];
        lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(key, list)| (key, list.join(" ")))
    }
}

pub(super) fn params(shown: &[v1::Parameter], remarks: &mut Remarks) -> Vec<(String, String)> {
    let mut params = Vec::with_capacity(shown.len());
    for parameter in shown {
        let value = parameter_text(parameter);
        if !fits(&value, MAX_PARAM) {
            remarks.cut.push(parameter.name.clone());
        }
        params.push((key(&parameter.name), fitted(&value, MAX_PARAM)));
    }
    params
}

fn parameter_text(parameter: &v1::Parameter) -> String {
    use v1::parameter::Value;
    match &parameter.value {
        Some(Value::Float(value)) => value.to_string(),
        Some(Value::Int(value)) => value.to_string(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::String(value)) => value.clone(),
        None => String::new(),
    }
}

/// `NAME` by step as it was reported, and `value.NAME` for what it came to.
fn metrics(study: &Study, shown: &v1::Trial, remarks: &mut Remarks) -> Vec<Metric> {
    let objectives = study.spec.objectives.iter().map(|objective| &objective.metric).zip(&shown.values);
    let others: BTreeMap<&String, &f64> = shown.metrics.iter().collect();
    let finals = objectives.chain(others).map(|(name, value)| (format!("value.{name}"), 0, *value));
    let curve = shown.curve.iter().map(|point| (point.metric.clone(), point.step, point.value));
    let mut metrics = Vec::with_capacity(shown.curve.len() + shown.values.len());
    for (name, step, value) in finals.chain(curve) {
        match number(value) {
            Some(value) => metrics.push(Metric { key: key(&name), value, step }),
            None => remarks.infinite.push(format!("{name}@{step}={value}")),
        }
    }
    metrics
}

fn facts(study: &Study, shown: &v1::Trial) -> impl Iterator<Item = (&'static str, String)> {
    let worker = shown.attempts.last().map(|attempt| attempt.worker_name.clone()).unwrap_or_default();
    let source = study.source.map(|source| hash(source).to_string()).unwrap_or_default();
    let violation = if shown.violation > 0.0 { shown.violation.to_string() } else { String::new() };
    let facts = [
        ("hone.study", study.spec.name.clone()),
        ("hone.study_id", study.id.0.to_string()),
        ("hone.number", shown.number.to_string()),
        ("hone.state", shown.state.clone()),
        ("hone.attempts", shown.attempt_count.to_string()),
        ("hone.worker", worker),
        ("hone.origin", shown.origin.clone()),
        ("hone.why", shown.why.clone()),
        ("hone.end", shown.end.clone()),
        ("hone.violation", violation),
        ("hone.source", source),
        ("mlflow.user", "hone".to_owned()),
        ("mlflow.source.name", format!("hone study {}", study.spec.name)),
        ("mlflow.source.type", "JOB".to_owned()),
    ];
    facts.into_iter().filter(|(_, value)| !value.is_empty())
}

/// What people say of a trial, perhaps later: tags, note, a retry.
fn marks(shown: &v1::Trial) -> impl Iterator<Item = (&'static str, String)> {
    let superseded = shown.superseded_by.checked_sub(1).map(|number| number.to_string()).unwrap_or_default();
    let marks =
        [("hone.tags", shown.tags.join(" ")), ("mlflow.note.content", shown.note.clone()), ("hone.superseded_by", superseded)];
    marks.into_iter().filter(|(_, value)| !value.is_empty())
}

/// The marks of a trial that has any laid over it: also empty ones, which take back what was there.
pub(super) fn marks_of(state: &State, study: &Study, trial: TrialRef<'_>) -> Vec<(String, String)> {
    let shown = client::trial_to_proto(state, study, trial, false);
    let superseded = shown.superseded_by.checked_sub(1).map(|number| ("hone.superseded_by", number.to_string()));
    let said = [("hone.tags", shown.tags.join(" ")), ("mlflow.note.content", shown.note)];
    said.into_iter().chain(superseded).map(|(key, value)| (key.to_owned(), fitted(&value, MAX_TAG))).collect()
}

/// The packed source that the trial ran.
fn input(store: &str, study: &Study, source: BlobId) -> Input {
    let hash = hash(source).to_string();
    let source = json!({"blake3": hash, "store": store, "study": study.id.0});
    Input {
        name: fitted(&format!("{} source", study.spec.name), 500),
        digest: hash[..DIGEST].to_owned(),
        source: source.to_string(),
        context: "code",
    }
}

fn hash(blob: BlobId) -> Hash {
    Hash::from_bytes(blob.0)
}

/// The tags of a study's experiment.
pub(super) fn summary(store: &str, study: &Study) -> Vec<(&'static str, String)> {
    let counts = &study.counts;
    let counted = format!(
        "{} complete, {} pruned, {} failed, {} cancelled",
        counts.complete, counts.pruned, counts.failed, counts.cancelled
    );
    let is_finished = study.finished_at.is_some();
    let best = study.best.map(|(value, number)| format!("trial {number}: {value}"));
    let tags = [
        (STORE, store.to_owned()),
        ("hone.study", study.spec.name.clone()),
        ("hone.study_id", study.id.0.to_string()),
        ("hone.state", format!("{} {}", study.state.name(), study.reason).trim_end().to_owned()),
        ("hone.best", best.unwrap_or_default()),
        ("hone.trials", if is_finished { counted } else { String::new() }),
        ("hone.file", study.text.to_string()),
        ("mlflow.note.content", study.spec.description.clone()),
    ];
    let given = tags.into_iter().filter(|(_, value)| !value.is_empty());
    given.map(|(key, value)| (key, fitted(&value, MAX_EXPERIMENT_TAG))).collect()
}
