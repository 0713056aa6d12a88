//! What workers tell of their attempts: reports, checkpoints, ends. The fence against replaced attempts is here.

use std::{collections::BTreeMap, sync::Arc};

use hone_search::{PrunerConfig, Verdict};

use crate::{
    command::{AttemptRecord, Cause, Effect, Fact, Now, Reject, Reply},
    constraint,
    core::{Core, Outcome},
    event::{AttemptFiles, End, Event, Failure, FileRef, Next, Point},
    finished::Detail,
    ids::{Micros, TaskId, WorkerId},
    roster::is_current,
    study::{self, Study},
    trial::{self, Attempt, Trial},
};

pub(super) fn take(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    worker: WorkerId,
    records: Vec<AttemptRecord>,
) -> Result<Reply, Reject> {
    core.roster.contact(worker, now, &core.timings);
    refuse_gaps(core, worker, &records)?;
    for record in records {
        take_one(core, now, out, worker, record);
    }
    out.events = pack_reports(std::mem::take(&mut out.events));
    Ok(Reply::Done)
}

/// Refuses records of which a former one is missing, before anything of them is taken.
fn refuse_gaps(core: &Core, worker: WorkerId, records: &[AttemptRecord]) -> Result<(), Reject> {
    let mut through: BTreeMap<(TaskId, u32), u64> = BTreeMap::new();
    for AttemptRecord { task, attempt, in_attempt, .. } in records {
        if !has_lease(core, worker, *task, *attempt) && !is_lost(core, worker, *task, *attempt) {
            continue;
        }
        let durable = || core.state.open_trial(*task).and_then(|(_, trial)| trial.attempts.last()).map_or(0, |last| last.through);
        let through = through.entry((*task, *attempt)).or_insert_with(durable);
        if *in_attempt > *through + 1 {
            let (task, attempt, in_attempt) = (*task, *attempt, *in_attempt);
            return Err(Reject::OutOfOrder { task, attempt, in_attempt, expected: *through + 1 });
        }
        *through = (*through).max(*in_attempt);
    }
    Ok(())
}

fn take_one(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, record: AttemptRecord) {
    let AttemptRecord { task, attempt, in_attempt, fact } = record;
    let ends = matches!(fact, Fact::Ended { .. });
    if ends {
        core.roster.release(&core.state, worker, task, attempt);
    }
    if !has_lease(core, worker, task, attempt) && !reclaim(core, now, out, worker, task, attempt) {
        return note_stale(core, now, out, worker, task, attempt, fact);
    }
    let Some((_, trial)) = core.state.open_trial(task) else { return };
    let through = trial.running().map_or(0, |running| running.through);
    // An attempt that runs has not ended: its end is news even under a number that a torn spool has given out twice.
    if in_attempt <= through && !ends {
        return;
    }
    match fact {
        Fact::Report { points } => report(core, out, worker, task, attempt, in_attempt, points),
        Fact::Checkpoint { files, step } => {
            checkpoint(core, now, out, Saved { task, attempt, through: in_attempt, files, step });
        }
        Fact::Ended { cause, files } => end_attempt(core, now, out, task, in_attempt.max(through), cause, files),
    }
}

fn has_lease(core: &Core, worker: WorkerId, task: TaskId, attempt: u32) -> bool {
    #[cfg(feature = "planted-bugs")]
    if core.planted.no_fencing {
        return core.state.open_trial(task).is_some_and(|(_, trial)| trial.running().is_some());
    }
    is_current(&core.state, worker, task, attempt)
}

/// Takes back an attempt that was given up as lost, when nobody has leased the trial since. Where its worker has other
/// work in its place, that is its last chance: from now on its records are refused, and none may be missing of an
/// attempt that goes on.
pub(super) fn reclaim(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, task: TaskId, attempt: u32) -> bool {
    if !is_lost(core, worker, task, attempt) {
        return false;
    }
    let fits = has_place(core, worker, task, attempt);
    let event = if fits {
        Event::AttemptReclaimed { trial: task, attempt, worker, at: now.wall }
    } else {
        Event::AttemptForsaken { trial: task, attempt, at: now.wall }
    };
    core.emit(out, event);
    fits
}

/// The attempt was given up as lost, and nobody has touched its trial since.
fn is_lost(core: &Core, worker: WorkerId, task: TaskId, attempt: u32) -> bool {
    let Some((_, trial)) = core.state.open_trial(task) else { return false };
    trial.reclaimable && trial.attempts.last().is_some_and(|last| last.number == attempt && last.worker == worker)
}

/// The worker has not been given other work in the attempt's place.
fn has_place(core: &Core, worker: WorkerId, task: TaskId, attempt: u32) -> bool {
    let Some((study, trial)) = core.state.open_trial(task) else { return false };
    let wanted = &study.spec.trial.resources;
    trial.attempts.last().is_some_and(|last| core.roster.has_place(&core.state, worker, (task, attempt), wanted, &last.gpus))
}

/// Notes, once, that an attempt which had been given up on has reached its end all the same.
fn note_stale(core: &mut Core, now: Now, out: &mut Outcome, worker: WorkerId, task: TaskId, attempt: u32, fact: Fact) {
    let Fact::Ended { cause: Cause::Exited, .. } = fact else { return };
    let Some(study) = core.state.study_of(task) else { return };
    let was_lost = |old: &Attempt| old.number == attempt && old.worker == worker && was_given_up(old) && old.stale.is_none();
    let news = match study.open_trial(task) {
        Some(trial) => trial.attempts.iter().any(was_lost),
        None => {
            let known = study.overlay(task).is_some_and(|overlay| overlay.stale.iter().any(|(old, _)| *old == attempt));
            !known && detail_of(study, task).is_some_and(|detail| detail.attempts.iter().any(was_lost))
        }
    };
    if news {
        let end = End::Finished { values: Vec::new() };
        core.emit(out, Event::AttemptStale { trial: task, attempt, at: now.wall, end, values: Vec::new() });
    }
}

fn was_given_up(attempt: &Attempt) -> bool {
    matches!(attempt.end, Some(End::Lost { .. } | End::Failed(Failure::CrashLimit { .. })))
}

fn detail_of(study: &Study, task: TaskId) -> Option<&Detail> {
    let finished = study.finished_trial(task)?;
    finished.segment.detail(finished.row).map(|detail| &**detail)
}

struct Saved {
    task: TaskId,
    attempt: u32,
    through: u64,
    files: Vec<FileRef>,
    step: Option<i64>,
}

/// Keeps a checkpoint, unless it holds steps beyond a verdict to pause: those are discarded with their reports, and
/// trained again if the trial goes on, so that its record equals one in which the verdict had come in time.
fn checkpoint(core: &mut Core, now: Now, out: &mut Outcome, saved: Saved) {
    let Some((_, trial)) = core.state.open_trial(saved.task) else { return };
    let Saved { task, attempt, through, files, step } = saved;
    let judged = trial.curve.last(0).map_or(i64::MAX, |(step, _)| step);
    // Checkpoints are uploaded behind reports, so that an early one may arrive late: its step tells.
    let is_beyond = step.map_or(trial.overran, |step| step > judged);
    if trial.verdict.is_some() && is_beyond {
        core.emit(out, Event::TrialReported { trial: task, attempt, through, points: Vec::new() });
    } else {
        core.emit(out, Event::CheckpointSaved { trial: task, attempt, through, at: now.wall, files, step });
    }
}

fn report(core: &mut Core, out: &mut Outcome, worker: WorkerId, task: TaskId, attempt: u32, through: u64, points: Vec<Point>) {
    let Some((study, trial)) = core.state.open_trial(task) else { return };
    if let Some(verdict) = &trial.verdict {
        // The directive may have been lost with a coordinator or a stream.
        out.effects.push(directive(worker, task, attempt, verdict));
        core.emit(out, Event::TrialReported { trial: task, attempt, through, points: Vec::new() });
        return;
    }
    let verdict = judge(study, trial, &points);
    core.emit(out, Event::TrialReported { trial: task, attempt, through, points });
    if let Some(verdict) = verdict {
        out.effects.push(directive(worker, task, attempt, &verdict));
        let trial::Verdict { step, reason, pause } = verdict;
        core.emit(out, Event::TrialJudged { trial: task, attempt, step, reason, pause });
    }
}

/// What tells a worker of a verdict.
pub(super) fn directive(worker: WorkerId, task: TaskId, attempt: u32, verdict: &trial::Verdict) -> Effect {
    let reason = verdict.reason.clone();
    if verdict.pause { Effect::Pause { worker, task, attempt, reason } } else { Effect::Prune { worker, task, attempt, reason } }
}

/// The pruner's word on new points; `None`: go on.
pub(super) fn judge(study: &Study, trial: &Trial, points: &[Point]) -> Option<trial::Verdict> {
    if study.spec.search.pruner == PrunerConfig::None {
        return None;
    }
    let judged = &study.metrics[..usize::from(study::judged(&study.spec))];
    let step = points.iter().find(|point| judged.contains(&point.metric) && point.step.is_some())?.step?;
    if trial.passed.is_some_and(|passed| step <= passed) {
        return None;
    }
    let curves: Vec<_> = (0..).zip(judged).map(|(index, metric)| through(trial, index, metric, points, step)).collect();
    match study.pruner.judge_all(trial.number, &curves) {
        Verdict::Continue => None,
        Verdict::Prune { reason } => Some(trial::Verdict { step, reason, pause: false }),
        Verdict::Pause { step, reason } => Some(trial::Verdict { step, reason, pause: true }),
    }
}

/// A metric's curve up to `step`, with what `points` say of that step.
fn through(trial: &Trial, index: u16, metric: &Arc<str>, points: &[Point], step: i64) -> Vec<(i64, f64)> {
    let mut curve = trial.curve.steps(index);
    curve.retain(|(known, _)| *known <= step);
    if let Some(new) = points.iter().find(|point| point.metric == *metric && point.step == Some(step)) {
        curve.retain(|(known, _)| *known < step);
        curve.push((step, new.value));
    }
    curve
}

/// Ends the running attempt of a trial and decides what becomes of the trial.
pub(crate) fn end_attempt(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    task: TaskId,
    through: u64,
    cause: Cause,
    files: AttemptFiles,
) {
    let Some((study, trial)) = core.state.open_trial(task) else { return };
    let Some(running) = trial.running() else { return };
    let attempt = running.number;
    let (end, next) = match &trial.verdict {
        Some(verdict) => end_by_verdict(verdict),
        None => what_next(study, trial, end_of(study, trial, cause), now.wall, &core.timings),
    };
    core.emit(out, Event::AttemptEnded { trial: task, attempt, through, at: now.wall, end, next, files });
}

/// A verdict stands, however the attempt came to its end.
fn end_by_verdict(verdict: &trial::Verdict) -> (End, Next) {
    if verdict.pause {
        let reason = format!("paused at step {}: {}", verdict.step, verdict.reason);
        (End::Preempted { reason }, Next::Pause)
    } else {
        (End::Pruned, Next::Prune)
    }
}

fn end_of(study: &Study, trial: &Trial, cause: Cause) -> End {
    match cause {
        Cause::Exited => finished(study, trial),
        Cause::Failed(failure) => End::Failed(failure),
        Cause::Preempted { reason } => End::Preempted { reason },
        Cause::Lost { reason } => End::Lost { reason },
        Cause::Killed => End::Preempted { reason: "killed on the coordinator's order".to_owned() },
    }
}

fn finished(study: &Study, trial: &Trial) -> End {
    let mut values = Vec::with_capacity(study.spec.objectives.len());
    for (index, objective) in study.spec.objectives.iter().enumerate() {
        match trial.curve.summary(index as u16, objective.summary, objective.direction) {
            Some(value) if value.is_finite() => values.push(value),
            Some(value) => {
                return bad_metric(format!("metric `{}` is {value}; an objective must be a finite number", objective.metric));
            }
            None => return bad_metric(never_reported(study, trial, &objective.metric)),
        }
    }
    match study.spec.constraints.iter().find_map(|constraint| broken_off(study, trial, &constraint.metric)) {
        Some(message) => bad_metric(message),
        None => End::Finished { values },
    }
}

/// Why nobody can tell whether a constraint holds; `None`: its metric has a value.
fn broken_off(study: &Study, trial: &Trial, metric: &str) -> Option<String> {
    match constraint::value(study, trial, metric) {
        Some(value) if value.is_finite() => None,
        Some(value) => Some(format!("metric `{metric}` is {value}; a constraint needs a finite number")),
        None => Some(never_reported(study, trial, metric)),
    }
}

fn never_reported(study: &Study, trial: &Trial, metric: &str) -> String {
    let mut seen: Vec<&str> =
        trial.curve.metrics().filter_map(|index| study.metrics.get(usize::from(index))).map(|name| &**name).collect();
    seen.dedup();
    let reported =
        if seen.is_empty() { "the trial reported nothing".to_owned() } else { format!("the trial reported {}", seen.join(", ")) };
    format!("metric `{metric}` was never reported; {reported}")
}

fn bad_metric(message: String) -> End {
    End::Failed(Failure::BadMetric { message })
}

fn what_next(study: &Study, trial: &Trial, end: End, at: Micros, timings: &crate::command::Timings) -> (End, Next) {
    match end {
        End::Finished { .. } => (end, Next::Complete),
        End::Pruned => (end, Next::Prune),
        End::Cancelled { .. } => (end, Next::Cancel),
        End::Preempted { .. } => (end, Next::Requeue { not_before: 0 }),
        End::Failed(_) if trial.own_failures < study.spec.trial.retries => {
            let wait = back_off(trial.own_failures, timings);
            (end, Next::Requeue { not_before: at + wait })
        }
        End::Failed(_) => (end, Next::Fail),
        End::Lost { ref reason } if trial.crashes + 1 >= study.spec.trial.crash_limit.max(1) => {
            let message = format!(
                "{} attempts were lost with their worker (crash_limit = {}); the last one: {reason}",
                trial.crashes + 1,
                study.spec.trial.crash_limit
            );
            (End::Failed(Failure::CrashLimit { message }), Next::Fail)
        }
        End::Lost { .. } => (end, Next::Requeue { not_before: 0 }),
    }
}

fn back_off(failures: u32, timings: &crate::command::Timings) -> Micros {
    let doubled = timings.backoff_first.saturating_mul(1 << failures.min(20));
    doubled.min(timings.backoff_max)
}

/// Joins reports of one attempt that stand next to each other: one event per attempt and commit.
fn pack_reports(events: Vec<Event>) -> Vec<Event> {
    let mut packed: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        if let (
            Some(Event::TrialReported { trial, attempt, through, points }),
            Event::TrialReported { trial: next_trial, attempt: next_attempt, through: next_through, points: next_points },
        ) = (packed.last_mut(), &event)
            && trial == next_trial
            && attempt == next_attempt
        {
            *through = *next_through;
            points.extend(next_points.iter().cloned());
            continue;
        }
        packed.push(event);
    }
    packed
}
