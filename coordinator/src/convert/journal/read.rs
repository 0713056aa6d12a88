//! From messages to the core's events. Takes nothing for granted: the journal is input.

use std::sync::Arc;

use bytes::Bytes;
use hone_proto::journal::{self as wire, event::Kind};
use hone_search::{Columns, Foreign, Outcome, Row};
use hone_studies::{
    AttemptFiles, BlobId, Capacity, Driver, End, Event, Failure, FileRef, Gpu, GpuShare, ImportedTrial, Next, Origin, Owner,
    Point, RequestId, Scope, Served, StudyId, StudySpec, StudyState, TaskId, WarmStart, WorkerId, WorkerProfile, WorkerState,
};

use super::DecodeError;

type Decoded<T> = Result<T, DecodeError>;

/// Returns the event of a message.
///
/// # Errors
/// A part is missing or malformed, a newer build wrote it, or it stands for a blob.
pub fn event_from_proto(event: wire::Event) -> Decoded<Event> {
    let Some(kind) = event.kind else {
        return Err(DecodeError::UnknownKind { field: "event", tag: None });
    };
    Ok(match kind {
        Kind::StoreOpened(it) => Event::StoreOpened { at: it.at },
        Kind::StudyCreated(it) => study_created(it)?,
        Kind::StudyChanged(it) => {
            Event::StudyChanged { study: StudyId(it.study), at: it.at, spec: spec(&it.spec_json)?, text: it.text }
        }
        Kind::StudyMoved(it) => {
            Event::StudyMoved { study: StudyId(it.study), at: it.at, to: study_state(it.to)?, reason: it.reason }
        }
        Kind::StudyWarmed(it) => study_warmed(it),
        Kind::StudyRemoved(it) => Event::StudyRemoved { study: StudyId(it.study), at: it.at },
        Kind::TrialCreated(it) => trial_created(it)?,
        Kind::TrialImported(it) => trial_imported(it)?,
        Kind::TrialLeased(it) => trial_leased(it),
        Kind::TrialReported(it) => trial_reported(it),
        Kind::TrialJudged(it) => trial_judged(it),
        Kind::CheckpointSaved(it) => checkpoint_saved(it)?,
        Kind::AttemptEnded(it) => attempt_ended(it)?,
        Kind::AttemptReclaimed(it) => {
            Event::AttemptReclaimed { trial: TaskId(it.trial), attempt: it.attempt, worker: WorkerId(it.worker), at: it.at }
        }
        Kind::AttemptForsaken(it) => Event::AttemptForsaken { trial: TaskId(it.trial), attempt: it.attempt, at: it.at },
        Kind::AttemptStale(it) => {
            let end = end(it.end)?;
            Event::AttemptStale { trial: TaskId(it.trial), attempt: it.attempt, at: it.at, end, values: it.values }
        }
        Kind::TrialPaused(it) => Event::TrialPaused { trial: TaskId(it.trial), at: it.at },
        Kind::TrialResumed(it) => Event::TrialResumed { trial: TaskId(it.trial), at: it.at },
        Kind::TrialCancelled(it) => Event::TrialCancelled { trial: TaskId(it.trial), at: it.at, reason: it.reason },
        Kind::TrialPruned(it) => Event::TrialPruned { trial: TaskId(it.trial), at: it.at, reason: it.reason },
        Kind::ParameterSet(it) => parameter_set(it)?,
        Kind::TrialTold(it) => Event::TrialTold {
            trial: TaskId(it.trial),
            at: it.at,
            outcome: outcome(it.outcome, "trial_told.outcome")?,
            values: it.values,
            message: it.message,
            outputs: files(it.outputs, "trial_told.outputs")?,
        },
        Kind::RequestServed(it) => request_served(it)?,
        Kind::TrialSuperseded(it) => Event::TrialSuperseded { trial: TaskId(it.trial), by: TaskId(it.by) },
        Kind::AttributeSet(it) => attribute_set(it)?,
        Kind::WorkerRegistered(it) => worker_registered(it),
        Kind::WorkerAttached(it) => Event::WorkerAttached { worker: WorkerId(it.worker), at: it.at, incarnation: it.incarnation },
        Kind::WorkerMoved(it) => {
            Event::WorkerMoved { worker: WorkerId(it.worker), at: it.at, to: worker_state(it.to)?, reason: it.reason }
        }
        Kind::Dataset(it) => Event::Dataset(Box::new(super::datasets::event_from_proto(it)?)),
        Kind::Label(it) => Event::Label(Box::new(super::labels::event_from_proto(it)?)),
        Kind::Spilled(it) => return Err(DecodeError::Spilled(blob(&it.blob, "spilled.blob")?)),
    })
}

fn study_created(it: wire::StudyCreated) -> Decoded<Event> {
    let source = if it.source.is_empty() { None } else { Some(blob(&it.source, "study_created.source")?) };
    Ok(Event::StudyCreated {
        study: StudyId(it.study),
        at: it.at,
        spec: spec(&it.spec_json)?,
        text: it.text,
        source,
        driver: driver(it.driver)?,
    })
}

fn parameter_set(it: wire::ParameterSet) -> Decoded<Event> {
    let malformed = |_| DecodeError::Malformed { field: "parameter_set.distribution_json", expected: "a distribution" };
    let distribution = serde_json::from_slice(&it.distribution_json).map_err(malformed)?;
    Ok(Event::ParameterSet { trial: TaskId(it.trial), name: it.name, value: it.value, distribution, text: it.text })
}

fn study_warmed(it: wire::StudyWarmed) -> Event {
    let mut columns = Columns::default();
    it.trials.into_iter().for_each(|trial| columns.push(foreign_trial(trial)));
    let foreign = Arc::new(Foreign { name: it.name, columns });
    let warm = WarmStart { study: StudyId(it.from), of: it.of, foreign };
    Event::StudyWarmed { study: StudyId(it.study), at: it.at, warm }
}

fn foreign_trial(it: wire::ForeignTrial) -> Row {
    Row {
        number: it.number,
        outcome: if it.pruned { Outcome::Pruned } else { Outcome::Complete },
        params: it.params,
        values: it.values,
        violation: it.violation,
        last_step: it.last_step,
        last_value: it.last_value.unwrap_or(f64::NAN),
    }
}

fn trial_created(it: wire::TrialCreated) -> Decoded<Event> {
    Ok(Event::TrialCreated {
        study: StudyId(it.study),
        trial: TaskId(it.trial),
        number: it.number,
        at: it.at,
        params: it.params,
        origin: origin(it.origin)?,
        why: it.why,
    })
}

fn trial_imported(it: wire::TrialImported) -> Decoded<Event> {
    let imported = ImportedTrial {
        params: it.params,
        outcome: outcome(it.outcome, "trial_imported.outcome")?,
        values: it.values,
        started: it.started,
        ended: it.ended,
        points: points(it.points),
        why: it.why,
    };
    let (study, trial) = (StudyId(it.study), TaskId(it.trial));
    Ok(Event::TrialImported { study, trial, number: it.number, at: it.at, imported })
}

fn outcome(value: i32, field: &'static str) -> Decoded<Outcome> {
    match wire::Outcome::try_from(value) {
        Ok(wire::Outcome::Complete) => Ok(Outcome::Complete),
        Ok(wire::Outcome::Pruned) => Ok(Outcome::Pruned),
        Ok(wire::Outcome::Failed) => Ok(Outcome::Failed),
        Ok(wire::Outcome::Cancelled) => Ok(Outcome::Cancelled),
        Ok(wire::Outcome::Unspecified) => Err(DecodeError::Missing(field)),
        Err(_) => Err(number(field, value)),
    }
}

fn points(points: Vec<wire::Point>) -> Vec<Point> {
    let read = |point: wire::Point| Point { step: point.step, metric: Arc::from(point.metric), value: point.value };
    points.into_iter().map(read).collect()
}

fn trial_leased(it: wire::TrialLeased) -> Event {
    Event::TrialLeased {
        trial: TaskId(it.trial),
        attempt: it.attempt,
        worker: WorkerId(it.worker),
        at: it.at,
        gpus: it.gpus.iter().map(|share| GpuShare { index: share.index, milli: share.milli }).collect(),
    }
}

fn trial_reported(it: wire::TrialReported) -> Event {
    Event::TrialReported { trial: TaskId(it.trial), attempt: it.attempt, through: it.through, points: points(it.points) }
}

fn trial_judged(it: wire::TrialJudged) -> Event {
    Event::TrialJudged { trial: TaskId(it.trial), attempt: it.attempt, step: it.step, reason: it.reason, pause: it.pause }
}

fn checkpoint_saved(it: wire::CheckpointSaved) -> Decoded<Event> {
    Ok(Event::CheckpointSaved {
        trial: TaskId(it.trial),
        attempt: it.attempt,
        through: it.through,
        at: it.at,
        files: files(it.files, "checkpoint_saved.files.blob")?,
        step: it.step,
    })
}

fn attempt_ended(it: wire::AttemptEnded) -> Decoded<Event> {
    let files = AttemptFiles {
        outputs: files(it.outputs, "attempt_ended.outputs.blob")?,
        log: it.log.map(|log| file(log, "attempt_ended.log.blob")).transpose()?,
        notes: it.notes,
    };
    Ok(Event::AttemptEnded {
        trial: TaskId(it.trial),
        attempt: it.attempt,
        through: it.through,
        at: it.at,
        end: end(it.end)?,
        next: next(it.next)?,
        files,
    })
}

fn attribute_set(it: wire::AttributeSet) -> Decoded<Event> {
    let owner = match it.owner.ok_or_else(|| unknown("attribute_set.owner"))? {
        wire::attribute_set::Owner::Study(id) => Owner::Study(StudyId(id)),
        wire::attribute_set::Owner::Trial(id) => Owner::Trial(TaskId(id)),
    };
    let scope = if it.system { Scope::System } else { Scope::User };
    Ok(Event::AttributeSet { owner, scope, key: it.key, value: it.value.map(|value| value.to_vec()) })
}

fn worker_registered(it: wire::WorkerRegistered) -> Event {
    let capacity = Capacity {
        cpus_milli: it.cpus_milli,
        memory_bytes: it.memory_bytes,
        gpus: it.gpus.into_iter().map(gpu).collect(),
        slots: it.slots,
    };
    let profile = WorkerProfile {
        key: it.key,
        name: it.name,
        host: it.host,
        build: it.build,
        capacity,
        labels: it.labels.into_iter().collect(),
    };
    Event::WorkerRegistered { worker: WorkerId(it.worker), at: it.at, profile }
}

fn gpu(it: wire::Gpu) -> Gpu {
    Gpu { index: it.index, name: it.name, memory_bytes: it.memory_bytes }
}

fn spec(json: &[u8]) -> Decoded<Arc<StudySpec>> {
    serde_json::from_slice(json).map(Arc::new).map_err(DecodeError::Spec)
}

fn request_served(it: wire::RequestServed) -> Decoded<Event> {
    use wire::request_served::What as Wire;
    let request = it.request.as_ref().try_into().map(RequestId);
    let expected = "an id of 16 bytes";
    let request = request.map_err(|_| DecodeError::Malformed { field: "request_served.request", expected })?;
    let what = match it.what.ok_or_else(|| unknown("request_served.what"))? {
        Wire::Study(study) => Served::Study(StudyId(study)),
        Wire::Created(trial) => Served::Created(TaskId(trial)),
        Wire::Taken(trial) => Served::Taken(TaskId(trial)),
        Wire::Told(trial) => Served::Told(TaskId(trial)),
    };
    Ok(Event::RequestServed { request, what })
}

pub(super) fn blob(bytes: &Bytes, field: &'static str) -> Decoded<BlobId> {
    let hash = bytes.as_ref().try_into();
    hash.map(BlobId).map_err(|_| DecodeError::Malformed { field, expected: "a hash of 32 bytes" })
}

fn files(files: Vec<wire::FileRef>, field: &'static str) -> Decoded<Vec<FileRef>> {
    files.into_iter().map(|it| file(it, field)).collect()
}

fn file(it: wire::FileRef, field: &'static str) -> Decoded<FileRef> {
    let kept_by = (it.kept_by > 0).then_some(WorkerId(it.kept_by));
    Ok(FileRef { blob: blob(&it.blob, field)?, path: it.path, size: it.size, executable: it.executable, kept_by })
}

/// A `oneof` without a value that this build knows: a newer build has more of them.
pub(super) fn unknown(field: &'static str) -> DecodeError {
    DecodeError::UnknownKind { field, tag: None }
}

/// An enum's number that this build does not know.
pub(super) fn number(field: &'static str, number: i32) -> DecodeError {
    DecodeError::UnknownKind { field, tag: u32::try_from(number).ok() }
}

fn driver(value: i32) -> Decoded<Driver> {
    match wire::Driver::try_from(value) {
        Ok(wire::Driver::Workers) => Ok(Driver::Workers),
        Ok(wire::Driver::Clients) => Ok(Driver::Clients),
        Ok(wire::Driver::Unspecified) => Err(DecodeError::Missing("study_created.driver")),
        Err(_) => Err(number("study_created.driver", value)),
    }
}

fn study_state(value: i32) -> Decoded<StudyState> {
    match wire::StudyState::try_from(value) {
        Ok(wire::StudyState::Active) => Ok(StudyState::Active),
        Ok(wire::StudyState::Paused) => Ok(StudyState::Paused),
        Ok(wire::StudyState::Stopping) => Ok(StudyState::Stopping),
        Ok(wire::StudyState::Finished) => Ok(StudyState::Finished),
        Ok(wire::StudyState::Unspecified) => Err(DecodeError::Missing("study_moved.to")),
        Err(_) => Err(number("study_moved.to", value)),
    }
}

fn worker_state(value: i32) -> Decoded<WorkerState> {
    match wire::WorkerState::try_from(value) {
        Ok(wire::WorkerState::Active) => Ok(WorkerState::Active),
        Ok(wire::WorkerState::Cordoned) => Ok(WorkerState::Cordoned),
        Ok(wire::WorkerState::Draining) => Ok(WorkerState::Draining),
        Ok(wire::WorkerState::Gone) => Ok(WorkerState::Gone),
        Ok(wire::WorkerState::Unspecified) => Err(DecodeError::Missing("worker_moved.to")),
        Err(_) => Err(number("worker_moved.to", value)),
    }
}

fn origin(origin: Option<wire::trial_created::Origin>) -> Decoded<Origin> {
    use wire::trial_created::Origin as Wire;
    Ok(match origin.ok_or_else(|| unknown("trial_created.origin"))? {
        Wire::SampledAsOf(as_of) => Origin::Sampled { as_of },
        Wire::EnqueuedAsOf(as_of) => Origin::Enqueued { as_of },
        Wire::RetryOf(of) => Origin::Retry { of: TaskId(of) },
        Wire::Imported(_) => Origin::Imported,
        Wire::AskedAsOf(as_of) => Origin::Asked { as_of },
    })
}

fn end(end: Option<wire::End>) -> Decoded<End> {
    use wire::end::Kind as Wire;
    Ok(match end.and_then(|end| end.kind).ok_or_else(|| unknown("end"))? {
        Wire::Finished(it) => End::Finished { values: it.values },
        Wire::Pruned(_) => End::Pruned,
        Wire::Failed(it) => End::Failed(failure(it)?),
        Wire::Preempted(reason) => End::Preempted { reason },
        Wire::Lost(reason) => End::Lost { reason },
        Wire::Cancelled(reason) => End::Cancelled { reason },
    })
}

fn failure(it: wire::Failure) -> Decoded<Failure> {
    use wire::failure::Kind as Wire;
    let message = it.message;
    Ok(match Wire::try_from(it.kind).map_err(|_| number("failure.kind", it.kind))? {
        Wire::Unspecified => return Err(DecodeError::Missing("failure.kind")),
        Wire::ExitCode => Failure::ExitCode { code: it.code, message },
        Wire::Signal => Failure::Signal { signal: it.code, message },
        Wire::OutOfMemory => Failure::OutOfMemory { message },
        Wire::TimedOut => Failure::TimedOut { message },
        Wire::BadMetric => Failure::BadMetric { message },
        Wire::Setup => Failure::Setup { message },
        Wire::Spawn => Failure::Spawn { message },
        Wire::CrashLimit => Failure::CrashLimit { message },
        Wire::Told => Failure::Told { message },
    })
}

fn next(next: Option<wire::Next>) -> Decoded<Next> {
    use wire::next::Kind as Wire;
    Ok(match next.and_then(|next| next.kind).ok_or_else(|| unknown("next"))? {
        Wire::RequeueNotBefore(not_before) => Next::Requeue { not_before },
        Wire::Pause(_) => Next::Pause,
        Wire::Complete(_) => Next::Complete,
        Wire::Prune(_) => Next::Prune,
        Wire::Fail(_) => Next::Fail,
        Wire::Cancel(_) => Next::Cancel,
    })
}
