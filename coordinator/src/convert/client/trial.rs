//! Trials as clients see them: one message for open ones and for rows of the history.
//!
//! A finished trial is read from three places: its row, its detail (absent in the plain case) and the overlay of
//! marks made later, which win.

use std::collections::{BTreeMap, HashMap};

use hone_proto::v1;
use hone_search::{Direction, Space, Suggestion};
use hone_studies::{
    Attempt, Detail, End, FileRef, FinishedTrial, Micros, Origin, Overlay, State, StateKind, Study, Summary, TaskId, Trial,
    WorkerId,
};

use super::annotations::annotations;
use crate::convert::distribution::parameter_to_proto;

/// A trial wherever it stands.
#[derive(Clone, Copy, Debug)]
pub enum TrialRef<'a> {
    /// Waiting, running or paused.
    Open(&'a Trial),
    /// A row of the history.
    Finished(FinishedTrial<'a>),
}

impl TrialRef<'_> {
    /// The trial's id over the whole store.
    pub fn id(&self) -> TaskId {
        match self {
            TrialRef::Open(trial) => trial.id,
            TrialRef::Finished(row) => row.id(),
        }
    }

    /// The trial's number in its study.
    pub fn number(&self) -> u32 {
        match self {
            TrialRef::Open(trial) => trial.number,
            TrialRef::Finished(row) => row.number(),
        }
    }

    /// Where the trial stands.
    pub fn state(&self) -> StateKind {
        match self {
            TrialRef::Open(trial) => trial.state.kind(),
            TrialRef::Finished(row) => StateKind::of_outcome(row.outcome()),
        }
    }
}

/// Returns the trial with this number, if there is one.
pub fn trial_of(study: &Study, number: u32) -> Option<TrialRef<'_>> {
    if let Some(row) = study.finished.by_number(number) {
        return Some(TrialRef::Finished(row));
    }
    study.open().find(|trial| trial.number == number).map(|trial| TrialRef::Open(trial))
}

/// Writes a trial. `full` adds the curve, every attempt and the outputs; without it only the running attempt is told.
pub fn trial_to_proto(state: &State, study: &Study, trial: TrialRef<'_>, full: bool) -> v1::Trial {
    let mut written = match trial {
        TrialRef::Open(trial) => open_to_proto(state, study, trial, full),
        TrialRef::Finished(row) => finished_to_proto(state, study, row, full),
    };
    written.id = trial.id().0;
    written.study = study.id.0;
    written.number = trial.number().into();
    trial.state().name().clone_into(&mut written.state);
    written
}

fn open_to_proto(state: &State, study: &Study, trial: &Trial, full: bool) -> v1::Trial {
    let (tags, note) = annotations(&[Some(&trial.attributes)]);
    let attempts = trial.attempts.iter().filter(|attempt| full || attempt.ended.is_none());
    v1::Trial {
        params: params_to_proto(&study.spec.space, |at| trial.params.get(at).copied().unwrap_or(f64::NAN)),
        values: trial.values.clone(),
        created_us: trial.created,
        started_us: trial.attempts.first().map_or(0, |attempt| attempt.started),
        origin: origin_in_words(study, &trial.origin),
        why: trial.why.clone(),
        attempts: attempts.map(|attempt| attempt_to_proto(state, attempt)).collect(),
        attempt_count: trial.attempts.len() as u32,
        curve: if full { curve_to_proto(study, trial.curve.points()) } else { Vec::new() },
        outputs: if full { outputs_to_proto(state, &trial.files.outputs) } else { Vec::new() },
        tags,
        note,
        metrics: open_metrics(study, trial),
        last_step: trial.curve.last(0).map(|(step, _)| step),
        ..v1::Trial::default()
    }
}

fn open_metrics(study: &Study, trial: &Trial) -> HashMap<String, f64> {
    let others = trial.curve.metrics().filter(|index| usize::from(*index) >= study.spec.objectives.len());
    let last = others.filter_map(|index| Some((index, trial.curve.summary(index, Summary::Last, Direction::Minimize)?)));
    named(study, last)
}

fn finished_to_proto(state: &State, study: &Study, row: FinishedTrial<'_>, full: bool) -> v1::Trial {
    let FinishedTrial { segment, row: at } = row;
    let detail = segment.detail(at).map(|detail| &**detail);
    let overlay = study.overlay(row.id());
    let (tags, note) = annotations(&[overlay.map(|it| &it.attributes), detail.map(|it| &it.attributes)]);
    let outputs = detail.map_or(&[][..], |detail| &detail.files.outputs);
    v1::Trial {
        params: params_to_proto(&study.spec.space, |parameter| segment.columns.param(parameter, at)),
        values: values_of(study, row),
        created_us: segment.created[at],
        started_us: segment.started[at],
        ended_us: segment.ended[at],
        origin: origin_in_words(study, &row.origin()),
        why: segment.why(at).to_owned(),
        attempts: if full { finished_attempts(state, row, detail, overlay) } else { Vec::new() },
        attempt_count: detail.map_or(1, |detail| detail.attempts.len()) as u32,
        curve: if full { curve_to_proto(study, segment.curve(at)) } else { Vec::new() },
        outputs: if full { outputs_to_proto(state, outputs) } else { Vec::new() },
        tags,
        note,
        metrics: finished_metrics(study, row, detail),
        superseded_by: superseded_by(study, overlay),
        violation: segment.columns.violation(at),
        end: detail.map_or_else(|| "finished".to_owned(), |detail| detail.end.clone()),
        last_step: segment.columns.last_report(at).map(|(step, _)| step),
        ..v1::Trial::default()
    }
}

fn values_of(study: &Study, row: FinishedTrial<'_>) -> Vec<f64> {
    let columns = &row.segment.columns;
    let values: Vec<f64> = (0..study.spec.objectives.len()).map(|objective| columns.value(objective, row.row)).collect();
    if values.iter().any(|value| value.is_nan()) { Vec::new() } else { values }
}

/// Values of metrics that are no objective: the last reported one, or the one without a step.
fn finished_metrics(study: &Study, row: FinishedTrial<'_>, detail: Option<&Detail>) -> HashMap<String, f64> {
    let objectives = study.spec.objectives.len();
    let reported = row.segment.curve(row.row).map(|(metric, _, value)| (metric, value));
    let finals = detail.into_iter().flat_map(|detail| detail.finals.iter().map(|(metric, value)| (*metric, *value)));
    let last: BTreeMap<u16, f64> = reported.chain(finals).filter(|(metric, _)| usize::from(*metric) >= objectives).collect();
    named(study, last)
}

fn named(study: &Study, values: impl IntoIterator<Item = (u16, f64)>) -> HashMap<String, f64> {
    let name = |index: u16| study.metrics.get(usize::from(index)).map(|name| name.to_string());
    values.into_iter().filter_map(|(index, value)| Some((name(index)?, value))).collect()
}

fn superseded_by(study: &Study, overlay: Option<&Overlay>) -> u64 {
    let Some(by) = overlay.and_then(|overlay| overlay.superseded_by) else { return 0 };
    number_of(study, by).map_or(0, |number| u64::from(number) + 1)
}

fn number_of(study: &Study, id: TaskId) -> Option<u32> {
    let open = study.open_trial(id).map(|trial| trial.number);
    open.or_else(|| study.finished_trial(id).map(|trial| trial.number()))
}

fn origin_in_words(study: &Study, origin: &Origin) -> String {
    match origin {
        Origin::Sampled { .. } => "sampled".to_owned(),
        Origin::Enqueued { .. } => "enqueued".to_owned(),
        Origin::Retry { of } => match number_of(study, *of) {
            Some(number) => format!("retry of {number}"),
            None => "retry".to_owned(),
        },
        Origin::Imported => "imported".to_owned(),
        Origin::Asked { .. } => "asked".to_owned(),
    }
}

fn params_to_proto(space: &Space, internal: impl Fn(usize) -> f64) -> Vec<v1::Parameter> {
    let parameters = space.parameters.iter().enumerate();
    let present = parameters.map(|(at, parameter)| (parameter, internal(at))).filter(|(_, value)| !value.is_nan());
    present.map(|(parameter, value)| parameter_to_proto(&parameter.name, parameter.distribution.to_external(value))).collect()
}

fn curve_to_proto(study: &Study, points: impl Iterator<Item = (u16, i64, f64)>) -> Vec<v1::Point> {
    let name = |metric: u16| study.metrics.get(usize::from(metric)).map(|name| name.to_string()).unwrap_or_default();
    points.map(|(metric, step, value)| v1::Point { step, metric: name(metric), value }).collect()
}

fn outputs_to_proto(state: &State, files: &[FileRef]) -> Vec<v1::OutputFile> {
    files.iter().map(|file| output_to_proto(state, file)).collect()
}

fn output_to_proto(state: &State, file: &FileRef) -> v1::OutputFile {
    v1::OutputFile {
        path: file.path.clone(),
        hash: file.blob.0.to_vec().into(),
        size: file.size,
        executable: file.executable,
        kept_by: file.kept_by.map_or(0, |worker| worker.0),
        kept_by_name: file.kept_by.map(|worker| worker_name(state, worker)).unwrap_or_default(),
    }
}

fn finished_attempts(
    state: &State,
    row: FinishedTrial<'_>,
    detail: Option<&Detail>,
    overlay: Option<&Overlay>,
) -> Vec<v1::Attempt> {
    let Some(detail) = detail else {
        let (started, ended) = (row.segment.started[row.row], row.segment.ended[row.row]);
        return vec![only_attempt(state, row.worker(), started, ended)];
    };
    let mut attempts = detail.attempts.clone();
    for (number, end) in overlay.into_iter().flat_map(|overlay| &overlay.stale) {
        if let Some(attempt) = attempts.iter_mut().find(|attempt| attempt.number == *number) {
            attempt.stale = Some(end.clone());
        }
    }
    attempts.iter().map(|attempt| attempt_to_proto(state, attempt)).collect()
}

/// The attempt of a plain row: there was one, and it finished.
fn only_attempt(state: &State, worker: Option<WorkerId>, started: Micros, ended: Micros) -> v1::Attempt {
    v1::Attempt {
        number: 1,
        worker: worker.map_or(0, |worker| worker.0),
        worker_name: worker.map(|worker| worker_name(state, worker)).unwrap_or_default(),
        started_us: started,
        ended_us: ended,
        end: "finished".to_owned(),
        ..v1::Attempt::default()
    }
}

fn attempt_to_proto(state: &State, attempt: &Attempt) -> v1::Attempt {
    let (end, detail) = end_in_words(attempt);
    v1::Attempt {
        number: attempt.number,
        worker: attempt.worker.0,
        worker_name: worker_name(state, attempt.worker),
        started_us: attempt.started,
        ended_us: attempt.ended.unwrap_or(0),
        end: end.to_owned(),
        detail,
        has_log: attempt.log.is_some(),
    }
}

pub(super) fn worker_name(state: &State, worker: WorkerId) -> String {
    state.worker(worker).map(|worker| worker.profile.name.clone()).unwrap_or_default()
}

fn end_in_words(attempt: &Attempt) -> (&'static str, String) {
    if let Some(stale) = &attempt.stale {
        return ("stale", format!("{stale}, after it had been given up as lost; counts for nothing"));
    }
    match &attempt.end {
        None => ("running", String::new()),
        Some(End::Finished { .. }) => ("finished", String::new()),
        Some(End::Pruned) => ("pruned", String::new()),
        Some(End::Failed(failure)) => ("failed", failure.to_string()),
        Some(End::Preempted { reason }) => ("preempted", reason.clone()),
        Some(End::Lost { reason }) => ("lost", reason.clone()),
        Some(End::Cancelled { reason }) => ("cancelled", reason.clone()),
    }
}

/// Writes a trial that a sampler would propose: parameters and the reason, nothing else.
pub fn suggestion_to_proto(space: &Space, suggestion: Suggestion) -> v1::Trial {
    let params = params_to_proto(space, |at| suggestion.params.get(at).copied().unwrap_or(f64::NAN));
    v1::Trial { number: suggestion.number.into(), params, why: suggestion.why, ..v1::Trial::default() }
}
