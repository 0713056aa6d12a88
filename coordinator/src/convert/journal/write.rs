//! From the core's events to messages. Cannot fail.

use bytes::Bytes;
use hone_proto::journal::{self as wire, event::Kind};
use hone_search::{Outcome, Row};
use hone_studies::{
    AttemptFiles, BlobId, Driver, End, Event, Failure, FileRef, Gpu, GpuShare, ImportedTrial, Next, Origin, Owner, Point,
    RequestId, Scope, Served, StudySpec, StudyState, WarmStart, WorkerProfile, WorkerState,
};

/// Returns the message of an event.
pub fn event_to_proto(event: &Event) -> wire::Event {
    wire::Event { kind: Some(kind(event)) }
}

fn kind(event: &Event) -> Kind {
    match event {
        Event::StoreOpened { at } => Kind::StoreOpened(wire::StoreOpened { at: *at }),
        Event::StudyCreated { study, at, spec, text, source, driver } => {
            let created = study_created(spec, text, *source, *driver);
            Kind::StudyCreated(wire::StudyCreated { study: study.0, at: *at, ..created })
        }
        Event::StudyChanged { study, at, spec, text } => {
            Kind::StudyChanged(wire::StudyChanged { study: study.0, at: *at, spec_json: spec_json(spec), text: text.clone() })
        }
        Event::StudyMoved { study, at, to, reason } => {
            let to = study_state(*to).into();
            Kind::StudyMoved(wire::StudyMoved { study: study.0, at: *at, to, reason: reason.clone() })
        }
        Event::StudyWarmed { study, at, warm } => Kind::StudyWarmed(study_warmed(study.0, *at, warm)),
        Event::StudyRemoved { study, at } => Kind::StudyRemoved(wire::StudyRemoved { study: study.0, at: *at }),
        Event::TrialCreated { study, trial, number, at, params, origin, why } => {
            let created = trial_created(params, origin, why);
            Kind::TrialCreated(wire::TrialCreated { study: study.0, trial: trial.0, number: *number, at: *at, ..created })
        }
        Event::TrialImported { study, trial, number, at, imported } => {
            let message = trial_imported(imported);
            Kind::TrialImported(wire::TrialImported { study: study.0, trial: trial.0, number: *number, at: *at, ..message })
        }
        Event::TrialLeased { trial, attempt, worker, at, gpus } => {
            let gpus = gpus.iter().map(gpu_share).collect();
            Kind::TrialLeased(wire::TrialLeased { trial: trial.0, attempt: *attempt, worker: worker.0, at: *at, gpus })
        }
        Event::TrialReported { trial, attempt, through, points } => {
            let points = points.iter().map(point).collect();
            Kind::TrialReported(wire::TrialReported { trial: trial.0, attempt: *attempt, through: *through, points })
        }
        Event::TrialJudged { trial, attempt, step, reason, pause } => {
            let reason = reason.clone();
            Kind::TrialJudged(wire::TrialJudged { trial: trial.0, attempt: *attempt, step: *step, reason, pause: *pause })
        }
        Event::CheckpointSaved { trial, attempt, through, at, files, step } => {
            let (trial, attempt, through, at, step) = (trial.0, *attempt, *through, *at, *step);
            let files = files.iter().map(file).collect();
            Kind::CheckpointSaved(wire::CheckpointSaved { trial, attempt, through, at, files, step })
        }
        Event::AttemptEnded { trial, attempt, through, at, end, next, files } => {
            let (trial, attempt, through, at) = (trial.0, *attempt, *through, *at);
            Kind::AttemptEnded(wire::AttemptEnded { trial, attempt, through, at, ..attempt_ended(end, next, files) })
        }
        Event::AttemptReclaimed { trial, attempt, worker, at } => {
            Kind::AttemptReclaimed(wire::AttemptReclaimed { trial: trial.0, attempt: *attempt, worker: worker.0, at: *at })
        }
        Event::AttemptForsaken { trial, attempt, at } => {
            Kind::AttemptForsaken(wire::AttemptForsaken { trial: trial.0, attempt: *attempt, at: *at })
        }
        Event::AttemptStale { trial, attempt, at, end, values } => {
            let (end, values) = (Some(end_to_proto(end)), values.clone());
            Kind::AttemptStale(wire::AttemptStale { trial: trial.0, attempt: *attempt, at: *at, end, values })
        }
        Event::TrialPaused { trial, at } => Kind::TrialPaused(wire::TrialPaused { trial: trial.0, at: *at }),
        Event::TrialResumed { trial, at } => Kind::TrialResumed(wire::TrialResumed { trial: trial.0, at: *at }),
        Event::TrialCancelled { trial, at, reason } => {
            Kind::TrialCancelled(wire::TrialCancelled { trial: trial.0, at: *at, reason: reason.clone() })
        }
        Event::TrialPruned { trial, at, reason } => {
            Kind::TrialPruned(wire::TrialPruned { trial: trial.0, at: *at, reason: reason.clone() })
        }
        Event::ParameterSet { trial, name, value, distribution, text } => {
            let distribution_json = serde_json::to_vec(distribution).expect("a distribution is plain data").into();
            let (name, text) = (name.clone(), text.clone());
            Kind::ParameterSet(wire::ParameterSet { trial: trial.0, name, value: *value, distribution_json, text })
        }
        Event::TrialTold { trial, at, outcome, values, message, outputs } => {
            let (outcome, values) = (outcome_number(*outcome).into(), values.clone());
            let (message, outputs) = (message.clone(), outputs.iter().map(file).collect());
            Kind::TrialTold(wire::TrialTold { trial: trial.0, at: *at, outcome, values, message, outputs })
        }
        Event::RequestServed { request, what } => Kind::RequestServed(request_served(*request, *what)),
        Event::TrialSuperseded { trial, by } => Kind::TrialSuperseded(wire::TrialSuperseded { trial: trial.0, by: by.0 }),
        Event::AttributeSet { owner, scope, key, value } => {
            Kind::AttributeSet(attribute_set(*owner, *scope, key, value.as_deref()))
        }
        Event::WorkerRegistered { worker, at, profile } => Kind::WorkerRegistered(registered(worker.0, *at, profile)),
        Event::WorkerAttached { worker, at, incarnation } => {
            Kind::WorkerAttached(wire::WorkerAttached { worker: worker.0, at: *at, incarnation: incarnation.clone() })
        }
        Event::WorkerMoved { worker, at, to, reason } => {
            let to = worker_state(*to).into();
            Kind::WorkerMoved(wire::WorkerMoved { worker: worker.0, at: *at, to, reason: reason.clone() })
        }
        Event::Dataset(event) => Kind::Dataset(super::datasets::event_to_proto(event)),
        Event::Label(event) => Kind::Label(super::labels::event_to_proto(event)),
    }
}

fn study_created(spec: &StudySpec, text: &str, source: Option<BlobId>, driver: Driver) -> wire::StudyCreated {
    wire::StudyCreated {
        spec_json: spec_json(spec),
        text: text.to_owned(),
        source: source.map_or_else(Bytes::new, blob),
        driver: driver_number(driver).into(),
        ..wire::StudyCreated::default()
    }
}

fn request_served(request: RequestId, what: Served) -> wire::RequestServed {
    use wire::request_served::What as Wire;
    let what = match what {
        Served::Study(study) => Wire::Study(study.0),
        Served::Created(trial) => Wire::Created(trial.0),
        Served::Taken(trial) => Wire::Taken(trial.0),
        Served::Told(trial) => Wire::Told(trial.0),
    };
    wire::RequestServed { request: Bytes::copy_from_slice(&request.0), what: Some(what) }
}

fn study_warmed(study: u64, at: i64, warm: &WarmStart) -> wire::StudyWarmed {
    let columns = &warm.foreign.columns;
    let trials = (0..columns.len()).map(|row| foreign_trial(columns.row(row))).collect();
    wire::StudyWarmed { study, at, from: warm.study.0, name: warm.foreign.name.clone(), of: warm.of, trials }
}

fn foreign_trial(row: Row) -> wire::ForeignTrial {
    let pruned = row.outcome == Outcome::Pruned;
    let last_value = row.last_step.is_some().then_some(row.last_value);
    let values = if pruned { Vec::new() } else { row.values };
    let Row { number, params, violation, last_step, .. } = row;
    wire::ForeignTrial { number, pruned, params, values, violation, last_step, last_value }
}

fn trial_created(params: &[f64], origin: &Origin, why: &str) -> wire::TrialCreated {
    wire::TrialCreated {
        params: params.to_vec(),
        origin: Some(origin_to_proto(origin)),
        why: why.to_owned(),
        ..wire::TrialCreated::default()
    }
}

fn trial_imported(imported: &ImportedTrial) -> wire::TrialImported {
    wire::TrialImported {
        params: imported.params.clone(),
        outcome: outcome_number(imported.outcome).into(),
        values: imported.values.clone(),
        started: imported.started,
        ended: imported.ended,
        points: imported.points.iter().map(point).collect(),
        why: imported.why.clone(),
        ..wire::TrialImported::default()
    }
}

fn outcome_number(outcome: Outcome) -> wire::Outcome {
    match outcome {
        Outcome::Complete => wire::Outcome::Complete,
        Outcome::Pruned => wire::Outcome::Pruned,
        Outcome::Failed => wire::Outcome::Failed,
        Outcome::Cancelled => wire::Outcome::Cancelled,
    }
}

fn attempt_ended(end: &End, next: &Next, files: &AttemptFiles) -> wire::AttemptEnded {
    wire::AttemptEnded {
        end: Some(end_to_proto(end)),
        next: Some(next_to_proto(next)),
        outputs: files.outputs.iter().map(file).collect(),
        log: files.log.as_ref().map(file),
        notes: files.notes.clone(),
        ..wire::AttemptEnded::default()
    }
}

fn attribute_set(owner: Owner, scope: Scope, key: &str, value: Option<&[u8]>) -> wire::AttributeSet {
    let owner = match owner {
        Owner::Study(id) => wire::attribute_set::Owner::Study(id.0),
        Owner::Trial(id) => wire::attribute_set::Owner::Trial(id.0),
    };
    let system = match scope {
        Scope::User => false,
        Scope::System => true,
    };
    wire::AttributeSet { owner: Some(owner), system, key: key.to_owned(), value: value.map(Bytes::copy_from_slice) }
}

fn spec_json(spec: &StudySpec) -> Bytes {
    serde_json::to_vec(spec).expect("a spec is plain data with text for keys").into()
}

pub(super) fn blob(blob: BlobId) -> Bytes {
    Bytes::copy_from_slice(&blob.0)
}

fn driver_number(driver: Driver) -> wire::Driver {
    match driver {
        Driver::Workers => wire::Driver::Workers,
        Driver::Clients => wire::Driver::Clients,
    }
}

fn study_state(state: StudyState) -> wire::StudyState {
    match state {
        StudyState::Active => wire::StudyState::Active,
        StudyState::Paused => wire::StudyState::Paused,
        StudyState::Stopping => wire::StudyState::Stopping,
        StudyState::Finished => wire::StudyState::Finished,
    }
}

fn worker_state(state: WorkerState) -> wire::WorkerState {
    match state {
        WorkerState::Active => wire::WorkerState::Active,
        WorkerState::Cordoned => wire::WorkerState::Cordoned,
        WorkerState::Draining => wire::WorkerState::Draining,
        WorkerState::Gone => wire::WorkerState::Gone,
    }
}

fn origin_to_proto(origin: &Origin) -> wire::trial_created::Origin {
    use wire::trial_created::Origin as Wire;
    match origin {
        Origin::Sampled { as_of } => Wire::SampledAsOf(*as_of),
        Origin::Enqueued { as_of } => Wire::EnqueuedAsOf(*as_of),
        Origin::Retry { of } => Wire::RetryOf(of.0),
        Origin::Imported => Wire::Imported(true),
        Origin::Asked { as_of } => Wire::AskedAsOf(*as_of),
    }
}

fn gpu_share(share: &GpuShare) -> wire::GpuShare {
    wire::GpuShare { index: share.index, milli: share.milli }
}

fn point(point: &Point) -> wire::Point {
    wire::Point { step: point.step, metric: point.metric.to_string(), value: point.value }
}

fn file(file: &FileRef) -> wire::FileRef {
    let kept_by = file.kept_by.map_or(0, |worker| worker.0);
    wire::FileRef { path: file.path.clone(), blob: blob(file.blob), size: file.size, executable: file.executable, kept_by }
}

fn end_to_proto(end: &End) -> wire::End {
    use wire::end::Kind as Wire;
    let kind = match end {
        End::Finished { values } => Wire::Finished(wire::Values { values: values.clone() }),
        End::Pruned => Wire::Pruned(wire::Empty {}),
        End::Failed(failure) => Wire::Failed(failure_to_proto(failure)),
        End::Preempted { reason } => Wire::Preempted(reason.clone()),
        End::Lost { reason } => Wire::Lost(reason.clone()),
        End::Cancelled { reason } => Wire::Cancelled(reason.clone()),
    };
    wire::End { kind: Some(kind) }
}

fn failure_to_proto(failure: &Failure) -> wire::Failure {
    use wire::failure::Kind as Wire;
    let (kind, code, message) = match failure {
        Failure::ExitCode { code, message } => (Wire::ExitCode, *code, message),
        Failure::Signal { signal, message } => (Wire::Signal, *signal, message),
        Failure::OutOfMemory { message } => (Wire::OutOfMemory, 0, message),
        Failure::TimedOut { message } => (Wire::TimedOut, 0, message),
        Failure::BadMetric { message } => (Wire::BadMetric, 0, message),
        Failure::Setup { message } => (Wire::Setup, 0, message),
        Failure::Spawn { message } => (Wire::Spawn, 0, message),
        Failure::CrashLimit { message } => (Wire::CrashLimit, 0, message),
        Failure::Told { message } => (Wire::Told, 0, message),
    };
    wire::Failure { kind: kind.into(), code, message: message.clone() }
}

fn next_to_proto(next: &Next) -> wire::Next {
    use wire::next::Kind as Wire;
    let kind = match next {
        Next::Requeue { not_before } => Wire::RequeueNotBefore(*not_before),
        Next::Pause => Wire::Pause(wire::Empty {}),
        Next::Complete => Wire::Complete(wire::Empty {}),
        Next::Prune => Wire::Prune(wire::Empty {}),
        Next::Fail => Wire::Fail(wire::Empty {}),
        Next::Cancel => Wire::Cancel(wire::Empty {}),
    };
    wire::Next { kind: Some(kind) }
}

fn registered(worker: u64, at: i64, profile: &WorkerProfile) -> wire::WorkerRegistered {
    wire::WorkerRegistered {
        worker,
        at,
        key: profile.key.clone(),
        name: profile.name.clone(),
        host: profile.host.clone(),
        build: profile.build.clone(),
        cpus_milli: profile.capacity.cpus_milli,
        memory_bytes: profile.capacity.memory_bytes,
        gpus: profile.capacity.gpus.iter().map(gpu).collect(),
        slots: profile.capacity.slots,
        labels: profile.labels.clone().into_iter().collect(),
    }
}

fn gpu(gpu: &Gpu) -> wire::Gpu {
    wire::Gpu { index: gpu.index, name: gpu.name.clone(), memory_bytes: gpu.memory_bytes }
}
