//! Workers as clients see them.

use hone_proto::v1;
use hone_studies::{Micros, Session, State, TaskId, Worker, WorkerState};

/// Writes a worker. `session` is what is known of it right now; `clock_ahead` is how far its clock is ahead.
pub fn worker_to_proto(worker: &Worker, session: Option<&Session>, state: &State, clock_ahead: Micros) -> v1::Worker {
    let capacity = &worker.profile.capacity;
    let free = session.map(Session::free);
    v1::Worker {
        id: worker.id.0,
        name: worker.profile.name.clone(),
        host: worker.profile.host.clone(),
        state: state_name(worker.state, session.is_some_and(|session| session.is_connected())).to_owned(),
        cpus_milli: capacity.cpus_milli,
        memory_bytes: capacity.memory_bytes,
        gpus: gpus_to_proto(worker, session),
        slots: capacity.slots,
        cpus_milli_free: free.map_or(0, |free| u32::try_from(free.cpus_milli.max(0)).unwrap_or(u32::MAX)),
        memory_bytes_free: free.map_or(0, |free| free.memory_bytes.max(0).unsigned_abs()),
        running: running_to_proto(session, state),
        joined_us: worker.joined,
        seen_us: session.map_or(0, |session| session.seen),
        build: worker.profile.build.clone(),
        clock_ahead_us: clock_ahead,
        labels: worker.profile.labels.clone().into_iter().collect(),
        ended_attempts: worker.ended_attempts,
    }
}

/// What a user wants to know first: that a worker is away matters more than what it was told.
fn state_name(state: WorkerState, connected: bool) -> &'static str {
    match (state, connected) {
        (WorkerState::Gone, _) => "gone",
        (_, false) => "disconnected",
        (WorkerState::Cordoned, true) => "cordoned",
        (WorkerState::Draining, true) => "draining",
        (WorkerState::Active, true) => "connected",
    }
}

fn gpus_to_proto(worker: &Worker, session: Option<&Session>) -> Vec<v1::Gpu> {
    let free = |at: usize| session.and_then(|session| session.free().gpus_milli.get(at)).copied().unwrap_or(0);
    let gpus = worker.profile.capacity.gpus.iter().enumerate();
    let written = gpus.map(|(at, gpu)| v1::Gpu {
        index: gpu.index,
        name: gpu.name.clone(),
        memory_bytes: gpu.memory_bytes,
        milli_free: u32::try_from(free(at).max(0)).unwrap_or(u32::MAX),
    });
    written.collect()
}

fn running_to_proto(session: Option<&Session>, state: &State) -> Vec<v1::Running> {
    let claims = session.into_iter().flat_map(Session::claims);
    claims.filter_map(|(task, attempt)| one_running(state, task, attempt)).collect()
}

/// `None`: the lease is over, only the process has not gone yet.
fn one_running(state: &State, task: TaskId, attempt: u32) -> Option<v1::Running> {
    let (study, trial) = state.open_trial(task)?;
    let running = trial.running().filter(|running| running.number == attempt)?;
    Some(v1::Running { study: study.spec.name.clone(), trial: trial.number.into(), attempt, since_us: running.started })
}
