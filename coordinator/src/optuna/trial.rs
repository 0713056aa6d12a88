//! Trials as Optuna sees them, both ways.

use std::collections::HashMap;

use hone_proto::optuna::{self as wire, TrialState as WireState};
use hone_search::Outcome;
use hone_studies::{
    AskedParameter, Attributes, Begin, Distributions, FinishedTrial, Micros, Scope, StateKind, Study, StudyId, TaskId, Template,
    Trial,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use tonic::Status;

use super::distribution;

/// Any trial of a study.
pub(super) fn message(study: &Study, id: TaskId) -> Option<wire::Trial> {
    match study.open_trial(id) {
        Some(trial) => Some(of_open(study, trial)),
        None => study.finished_trial(id).map(|trial| of_finished(study, trial)),
    }
}

/// A study's trials with ids that are greater than `after`, in order.
pub(super) fn messages_after(study: &Study, after: i64) -> impl Iterator<Item = wire::Trial> + '_ {
    let after = trial_id(after);
    let mut open = study.open_after(after);
    (study.count_up_to(after)..study.next_number).filter_map(move |number| match study.finished.by_number(number) {
        Some(trial) => Some(of_finished(study, trial)),
        None => open.next().map(|trial| of_open(study, trial)),
    })
}

pub(super) fn wire_id(id: TaskId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

pub(super) fn trial_id(id: i64) -> TaskId {
    TaskId(u64::try_from(id).unwrap_or(0))
}

pub(super) fn study_id(id: i64) -> StudyId {
    StudyId(u64::try_from(id).unwrap_or(0))
}

fn of_open(study: &Study, trial: &Trial) -> wire::Trial {
    let started = trial.attempts.last().map_or(0, |attempt| attempt.started);
    let (params, distributions) = parameters(study, &trial.asked, |at| trial.params.get(at).copied().unwrap_or(f64::NAN));
    wire::Trial {
        trial_id: wire_id(trial.id),
        number: trial.number.into(),
        state: state(trial.state.kind()).into(),
        datetime_start: time_to_text(started),
        params,
        distributions,
        user_attributes: attributes(&trial.attributes, Scope::User),
        system_attributes: attributes(&trial.attributes, Scope::System),
        intermediate_values: intermediate(trial.curve.points()),
        ..wire::Trial::default()
    }
}

fn of_finished(study: &Study, finished: FinishedTrial<'_>) -> wire::Trial {
    let FinishedTrial { segment, row } = finished;
    let mut message = wire::Trial {
        trial_id: wire_id(finished.id()),
        number: finished.number().into(),
        state: state(StateKind::of_outcome(finished.outcome())).into(),
        datetime_start: time_to_text(segment.started[row]),
        datetime_complete: time_to_text(segment.ended[row]),
        values: finished.told(),
        intermediate_values: intermediate(segment.curve(row)),
        ..wire::Trial::default()
    };
    let nothing = Distributions::new();
    let asked = segment.asked(row).unwrap_or(&nothing);
    (message.params, message.distributions) = parameters(study, asked, |at| segment.columns.param(at, row));
    let Some(detail) = segment.detail(row) else { return with_marks(study, finished.id(), message) };
    message.user_attributes = attributes(&detail.attributes, Scope::User);
    message.system_attributes = attributes(&detail.attributes, Scope::System);
    with_marks(study, finished.id(), message)
}

/// Adds attributes that came after the end.
fn with_marks(study: &Study, id: TaskId, mut message: wire::Trial) -> wire::Trial {
    if let Some(overlay) = study.overlay(id) {
        message.user_attributes.extend(attributes(&overlay.attributes, Scope::User));
        message.system_attributes.extend(attributes(&overlay.attributes, Scope::System));
    }
    message
}

/// The parameters that a trial has, and their distributions: as its client wrote them, else as the study has them.
fn parameters(
    study: &Study,
    asked: &Distributions,
    value: impl Fn(usize) -> f64,
) -> (HashMap<String, f64>, HashMap<String, String>) {
    let (mut params, mut distributions) = (HashMap::new(), HashMap::new());
    for (at, parameter) in study.spec.space.parameters.iter().enumerate() {
        let (name, value) = (&parameter.name, value(at));
        let text = match asked.get(name) {
            Some(text) => text.to_string(),
            None if value.is_nan() => continue,
            None => distribution::write(&parameter.distribution),
        };
        params.insert(name.clone(), value);
        distributions.insert(name.clone(), text);
    }
    (params, distributions)
}

/// Attributes of one namespace as text, which they are when clients have set them.
pub(super) fn attributes(all: &Attributes, wanted: Scope) -> HashMap<String, String> {
    let of_scope = all.iter().filter(|((scope, _), _)| *scope == wanted);
    of_scope.map(|((_, key), value)| (key.clone(), String::from_utf8_lossy(value).into_owned())).collect()
}

fn intermediate(points: impl Iterator<Item = (u16, i64, f64)>) -> HashMap<i64, f64> {
    points.filter(|(metric, ..)| *metric == 0).map(|(_, step, value)| (step, value)).collect()
}

fn state(kind: StateKind) -> WireState {
    match kind {
        StateKind::Waiting | StateKind::Paused => WireState::Waiting,
        StateKind::Running => WireState::Running,
        StateKind::Complete => WireState::Complete,
        StateKind::Pruned => WireState::Pruned,
        StateKind::Failed | StateKind::Cancelled => WireState::Fail,
    }
}

pub(super) fn state_from_proto(number: i32) -> Result<WireState, Status> {
    WireState::try_from(number).map_err(|_| Status::invalid_argument(format!("{number} is no state of a trial")))
}

/// How a final state ends a trial; `None`: it is not final.
pub(super) fn outcome(state: WireState) -> Option<Outcome> {
    match state {
        WireState::Running | WireState::Waiting => None,
        WireState::Complete => Some(Outcome::Complete),
        WireState::Pruned => Some(Outcome::Pruned),
        WireState::Fail => Some(Outcome::Failed),
    }
}

/// A trial that a client wants as it is; number and id are ours.
pub(super) fn template(trial: wire::Trial) -> Result<Template, Status> {
    let state = state_from_proto(trial.state)?;
    let parameter = |(name, value): (&String, &f64)| {
        let text =
            trial.distributions.get(name).ok_or_else(|| Status::invalid_argument(format!("`{name}` has no distribution")))?;
        parameter(name.clone(), *value, text.clone())
    };
    let mut parameters: Vec<AskedParameter> = trial.params.iter().map(parameter).collect::<Result<_, _>>()?;
    // Maps have no order on the wire; the same request must make the same events.
    parameters.sort_by(|a, b| a.name.cmp(&b.name));
    let mut points: Vec<(i64, f64)> = trial.intermediate_values.into_iter().collect();
    points.sort_by_key(|(step, _)| *step);
    let scoped = |scope| move |(key, value): (String, String)| (scope, key, value.into_bytes());
    let user = trial.user_attributes.into_iter().map(scoped(Scope::User));
    let mut attributes: Vec<_> = user.chain(trial.system_attributes.into_iter().map(scoped(Scope::System))).collect();
    attributes.sort();
    let state = match (state, outcome(state)) {
        (_, Some(outcome)) => Begin::Ended { at: time_from_text(&trial.datetime_complete)?, outcome, values: trial.values },
        (WireState::Waiting, None) => Begin::Waiting,
        (_, None) => Begin::Running,
    };
    Ok(Template { parameters, attributes, points, started: time_from_text(&trial.datetime_start)?, state })
}

pub(super) fn parameter(name: String, value: f64, text: String) -> Result<AskedParameter, Status> {
    let distribution = distribution::parse(&text).map_err(Status::invalid_argument)?;
    Ok(AskedParameter { name, value, distribution, text })
}

/// The local time, without its zone: what the protocol has.
fn time_to_text(at: Micros) -> String {
    let Some(time) = Timestamp::from_microsecond(at).ok().filter(|_| at != 0) else { return String::new() };
    let time = TimeZone::system().to_datetime(time);
    let (year, month, day) = (time.year(), time.month(), time.day());
    let (hour, minute, second, micros) = (time.hour(), time.minute(), time.second(), time.subsec_nanosecond() / 1_000);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{micros:06}")
}

fn time_from_text(text: &str) -> Result<Option<Micros>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let zoned = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text).and_then(|time| time.to_zoned_datetime(TimeZone::system()));
    let zoned = zoned.map_err(|error| Status::invalid_argument(format!("`{text}` is no time: {error}")))?;
    Ok(Some(zoned.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_microseconds() {
        let at = 1_700_000_000_000_001;
        assert_eq!(time_from_text(&time_to_text(at)).unwrap(), Some(at));
        assert!(time_to_text(at).ends_with(".000001"));
        assert_eq!((time_to_text(0), time_from_text("").unwrap()), (String::new(), None));
        assert!(time_from_text("yesterday").is_err());
    }
}
