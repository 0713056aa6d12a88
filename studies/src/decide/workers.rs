//! Decisions about workers: attaching, renewing, leaving, and silence.

use super::records::{directive, end_attempt, reclaim};
use crate::{
    command::{Cause, Effect, HeldAttempt, Now, Reject, Reply},
    core::{Core, Outcome},
    event::{AttemptFiles, Event, WorkerProfile, WorkerState},
    ids::{TaskId, WorkerId},
    roster::is_current,
};

const NOT_ARRIVED: &str = "the lease did not arrive";
const DRAINED: &str = "drained by a user";
const DRAINED_BACK: &str = "drained by a user, trials handed back";

pub(super) struct Arrival {
    pub profile: WorkerProfile,
    pub incarnation: String,
    pub held: Vec<HeldAttempt>,
    pub draining: bool,
    pub stream: u64,
}

pub(super) fn attach(core: &mut Core, now: Now, out: &mut Outcome, arrival: Arrival) -> Result<Reply, Reject> {
    let Arrival { profile, incarnation, held, draining, stream } = arrival;
    let known = core.state.worker_by_key(&profile.key).cloned();
    let worker = known.as_ref().map_or_else(|| core.state.next_worker(), |known| known.id);
    if known.as_ref().is_none_or(|known| known.profile != profile) {
        core.emit(out, Event::WorkerRegistered { worker, at: now.wall, profile });
    }
    let restarted = known.as_ref().is_none_or(|known| known.incarnation != incarnation);
    enter_on_arrival(core, now, out, worker, draining);
    give_up_unheld(core, now, out, worker, &held, restarted);
    core.emit(out, Event::WorkerAttached { worker, at: now.wall, incarnation });
    core.roster.connect(&core.state, (worker, stream), now, &core.timings, &held);
    let over = held.iter().filter(|held| !keeps(core, now, out, worker, held)).copied().collect();
    judge_again(core, out, worker, &held);
    Ok(Reply::Attached { worker, over })
}

fn enter_on_arrival(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, draining: bool) {
    let state = core.state.worker(worker).map_or(WorkerState::Active, |known| known.state);
    let next = match (draining, state) {
        (true, WorkerState::Draining) | (false, WorkerState::Active | WorkerState::Cordoned) => return,
        (false, WorkerState::Draining) if drain_again(core, out, worker) => return,
        (true, WorkerState::Active | WorkerState::Cordoned | WorkerState::Gone) => WorkerState::Draining,
        (false, WorkerState::Draining | WorkerState::Gone) => WorkerState::Active,
    };
    core.emit(out, Event::WorkerMoved { worker, at: now.wall, to: next, reason: "attached".to_owned() });
}

/// A user's drain that the worker does not know of was lost on its way: it is sent once more.
fn drain_again(core: &Core, out: &mut Outcome, id: WorkerId) -> bool {
    let reason = core.state.worker(id).map_or("", |worker| worker.reason.as_str());
    let drained = [DRAINED, DRAINED_BACK].contains(&reason);
    if drained {
        out.effects.push(Effect::Drain { worker: id, hand_back: reason == DRAINED_BACK, reason: reason.to_owned() });
    }
    drained
}

/// Leases that the worker does not have: lost with its former process, or never arrived.
fn give_up_unheld(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, held: &[HeldAttempt], restarted: bool) {
    for (task, attempt, through) in leases_of(core, worker) {
        if held.iter().any(|held| held.task == task && held.attempt == attempt) {
            continue;
        }
        let cause = if restarted {
            Cause::Lost { reason: "the worker's process ended".to_owned() }
        } else {
            Cause::Preempted { reason: NOT_ARRIVED.to_owned() }
        };
        end_attempt(core, now, out, task, through, cause, AttemptFiles::default());
    }
}

/// Whether a held attempt goes on: it has the lease, gets it back, or has ended and only hands in its end.
fn keeps(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, held: &HeldAttempt) -> bool {
    is_current(&core.state, worker, held.task, held.attempt)
        || reclaim(core, now, out, worker, held.task, held.attempt)
        || held.ended
}

/// Keeps the worker's leases and puts right what differs: attempts that are over for it, and leases that it does
/// not have. The latter are given up at the second heartbeat without them, because the first one may have been sent
/// before the lease arrived.
pub(super) fn renew(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    (worker, stream): (WorkerId, u64),
    held: &[HeldAttempt],
) -> Result<Reply, Reject> {
    refuse_old_stream(core, worker, stream)?;
    core.roster.contact(worker, now, &core.timings);
    let missing = core.roster.renewed(&core.state, worker, held);
    let over = held.iter().filter(|held| !keeps(core, now, out, worker, held)).copied().collect();
    for (task, attempt) in missing {
        let through = core.state.open_trial(task).and_then(|(_, trial)| trial.running()).map_or(0, |running| running.through);
        let cause = Cause::Preempted { reason: NOT_ARRIVED.to_owned() };
        end_attempt(core, now, out, task, through, cause, AttemptFiles::default());
        core.roster.release(&core.state, worker, task, attempt);
    }
    Ok(Reply::Renewed { over })
}

/// A worker that has started again may be heard before the last words of its former process.
fn refuse_old_stream(core: &Core, worker: WorkerId, stream: u64) -> Result<(), Reject> {
    core.state.worker(worker).ok_or(Reject::NoSuchWorker(worker))?;
    let is_open = core.roster.session(worker).is_some_and(|session| session.has_stream(stream));
    if is_open { Ok(()) } else { Err(Reject::OldStream(worker)) }
}

/// The worker leaves for good: what it still had is handed back.
pub(super) fn leave(core: &mut Core, now: Now, out: &mut Outcome, (worker, stream): (WorkerId, u64)) -> Result<Reply, Reject> {
    refuse_old_stream(core, worker, stream)?;
    for (task, _, through) in leases_of(core, worker) {
        let cause = Cause::Preempted { reason: "the worker left".to_owned() };
        end_attempt(core, now, out, task, through, cause, AttemptFiles::default());
    }
    move_worker(core, now, out, worker, WorkerState::Gone, "left")
}

/// Verdicts on what the worker holds, because their directives may have been lost with the former stream.
fn judge_again(core: &Core, out: &mut Outcome, worker: WorkerId, held: &[HeldAttempt]) {
    for HeldAttempt { task, attempt, .. } in held.iter().filter(|held| !held.ended) {
        let verdict = core.state.open_trial(*task).and_then(|(_, trial)| trial.verdict.as_ref());
        if let Some(verdict) = verdict.filter(|_| is_current(&core.state, worker, *task, *attempt)) {
            out.effects.push(directive(worker, *task, *attempt, verdict));
        }
    }
}

pub(super) fn cordon(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId) -> Result<Reply, Reject> {
    move_worker(core, now, out, worker, WorkerState::Cordoned, "cordoned by a user")
}

pub(super) fn activate(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId) -> Result<Reply, Reject> {
    let drains = core.state.worker(worker).is_some_and(|known| known.state == WorkerState::Draining);
    let reply = move_worker(core, now, out, worker, WorkerState::Active, "activated by a user")?;
    if drains {
        out.effects.push(Effect::Undrain { worker });
    }
    Ok(reply)
}

pub(super) fn drain(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, hand_back: bool) -> Result<Reply, Reject> {
    let reason = if hand_back { DRAINED_BACK } else { DRAINED };
    let reply = move_worker(core, now, out, worker, WorkerState::Draining, reason)?;
    out.effects.push(Effect::Drain { worker, hand_back, reason: reason.to_owned() });
    Ok(reply)
}

/// Gives up every lease of workers that were silent for too long.
pub(super) fn expire(core: &mut Core, now: Now, out: &mut Outcome) {
    for worker in core.roster.silent(now) {
        for (task, _, through) in leases_of(core, worker) {
            let cause = Cause::Lost { reason: "the worker was not heard of for the lease time".to_owned() };
            end_attempt(core, now, out, task, through, cause, AttemptFiles::default());
        }
        core.roster.give_up(worker);
    }
}

fn leases_of(core: &Core, worker: WorkerId) -> Vec<(TaskId, u32, u64)> {
    let open = core.state.unfinished().filter(|study| study.counts.running > 0).flat_map(|study| study.open());
    let running = open.filter_map(|trial| Some((trial.id, trial.running()?)));
    running.filter(|(_, attempt)| attempt.worker == worker).map(|(id, attempt)| (id, attempt.number, attempt.through)).collect()
}

fn move_worker(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    worker: WorkerId,
    to: WorkerState,
    reason: &str,
) -> Result<Reply, Reject> {
    let known = core.state.worker(worker).ok_or(Reject::NoSuchWorker(worker))?;
    if known.state != to {
        core.emit(out, Event::WorkerMoved { worker, at: now.wall, to, reason: reason.to_owned() });
    }
    Ok(Reply::Done)
}
