//! What follows from the state alone: studies end, waiting trials are leased, samplers are asked.
//!
//! Studies share what is free: higher priority first; among equals the one with the least running per weight. A
//! waiting trial goes to the worker with the most room. Where a study has room but nothing waits, a trial that its
//! pruner holds back goes on, if it is worth it; else its sampler is asked, and the room is kept for the answer.
//! A sampler may also be asked for trials that wait for room to come (see `ahead`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hone_search::Direction;

use crate::{
    ahead,
    command::{Assignment, Effect, Now},
    core::{Core, Outcome},
    decide::studies_moved,
    event::{Driver, Event, GpuShare, StudyState, WorkerState},
    ids::{Micros, StudyId, TaskId, WorkerId},
    roster::Free,
    spec::{Resources, StudySpec},
    stop,
    study::{Counts, Study},
};

/// Trials asked of a sampler at once, at most: bounds the work of one answer.
const MAX_PROPOSAL: u32 = 1_024;

pub(crate) fn settle(core: &mut Core, now: Now) -> Outcome {
    let mut out = Outcome::default();
    end_studies(core, now, &mut out);
    lease(core, now, &mut out);
    out
}

// ---------------------------------------------------------------- studies that end

fn end_studies(core: &mut Core, now: Now, out: &mut Outcome) {
    let ending: Vec<StudyId> = core.state.unfinished().filter(|study| may_end(study)).map(|study| study.id).collect();
    for id in ending {
        let Some(study) = core.state.study(id) else { continue };
        if let Some(reason) = reason_to_stop(study, now) {
            core.emit(out, studies_moved(id, now, StudyState::Stopping, &reason));
        }
        cancel_queue_of_stopping(core, now, out, id);
        end_held_if_over(core, now, out, id);
        finish_if_over(core, now, out, id);
    }
}

/// Whether there is anything to look at closer. A store may have thousands of studies that go on.
fn may_end(study: &Study) -> bool {
    let has_rules = study.spec.objectives[0].target.is_some() || study.spec.stop.time.is_some() || study.stop.is_some();
    let is_done = study.counts.open() == 0 && study.budget_left() == 0;
    has_rules || is_done || study.state == StudyState::Stopping || !study.held().is_empty()
}

fn reason_to_stop(study: &Study, now: Now) -> Option<String> {
    if study.state != StudyState::Active {
        return None;
    }
    if reached_target(study) { Some("target reached".to_owned()) } else { stop::reason(study, now.wall) }
}

fn reached_target(study: &Study) -> bool {
    let objective = &study.spec.objectives[0];
    let (Some(target), Some((best, _))) = (objective.target, study.best) else { return false };
    match objective.direction {
        Direction::Minimize => best <= target,
        Direction::Maximize => best >= target,
    }
}

fn cancel_queue_of_stopping(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) {
    let Some(study) = core.state.study(id).filter(|study| study.state == StudyState::Stopping) else { return };
    let queued: Vec<TaskId> = study.open().filter(|trial| trial.running().is_none()).map(|trial| trial.id).collect();
    let reason = format!("the study stops: {}", study.reason);
    for trial in queued {
        if !end_held(core, now, out, trial, &reason) {
            core.emit(out, Event::TrialCancelled { trial, at: now.wall, reason: reason.clone() });
        }
    }
}

/// Ends a trial that the pruner holds back as pruned. False: it is not held.
fn end_held(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId, why: &str) -> bool {
    let Some((_, trial)) = core.state.open_trial(id) else { return false };
    let Some(verdict) = trial.held() else { return false };
    let reason = format!("{}; it never went on: {why}", verdict.reason);
    core.emit(out, Event::TrialPruned { trial: id, at: now.wall, reason });
    true
}

/// When nothing more will be made, nothing is under way and no held trial is worth going on with, they all are over.
fn end_held_if_over(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) {
    let Some(study) = core.state.study(id).filter(|study| study.state == StudyState::Active) else { return };
    let Counts { running, waiting, .. } = study.counts;
    let still = study.held().is_empty() || running > 0 || waiting > 0 || !is_closing(core, study);
    if still || !study.promotable(true).is_empty() {
        return;
    }
    let held: Vec<TaskId> = study.held().values().copied().collect();
    for trial in held {
        end_held(core, now, out, trial, "the study has nothing more to compare it with");
    }
}

/// No new trial will be made.
fn is_closing(core: &Core, study: &Study) -> bool {
    study.budget_left() == 0 || core.roster.is_exhausted(study.id)
}

fn finish_if_over(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) {
    let Some(study) = core.state.study(id).filter(|study| study.counts.open() == 0) else { return };
    let reason = match study.state {
        StudyState::Stopping => study.reason.clone(),
        StudyState::Active | StudyState::Paused if study.budget_left() == 0 => crate::decide::BUDGET_USED.to_owned(),
        StudyState::Active | StudyState::Paused | StudyState::Finished => return,
    };
    core.emit(out, studies_moved(id, now, StudyState::Finished, &reason));
    out.effects.push(Effect::Sweep);
}

// ---------------------------------------------------------------- leases

/// A study that may start something.
struct Candidate {
    study: StudyId,
    priority: i32,
    weight: f64,
    running: u64,
    /// More may run at once.
    room: u64,
    /// More may be under way, those included that wait for their turn. Held trials are not under way.
    places: u64,
    /// More may be asked of the sampler.
    wishes: u64,
    resources: Resources,
    asked: u32,
    promotions: Promotions,
}

/// Held trials that may go on, found out only when there is room for one.
enum Promotions {
    /// None is held, or none is worth it.
    None,
    /// To be found out.
    Unknown,
    Known(VecDeque<TaskId>),
}

fn lease(core: &mut Core, now: Now, out: &mut Outcome) {
    let mut wishes = start_all(core, now, out);
    wish_ahead(core, &mut wishes);
    for (study, count) in wishes {
        ask(core, now, out, study, count);
    }
}

/// Starts what can start. Returns how many trials the samplers shall make, by study.
fn start_all(core: &mut Core, now: Now, out: &mut Outcome) -> BTreeMap<StudyId, u32> {
    let mut candidates: Vec<Candidate> = core.state.unfinished().filter_map(|study| candidate(core, study)).collect();
    if candidates.is_empty() {
        return BTreeMap::new();
    }
    let mut wished = Wished::new(core, now);
    while let Some(at) = most_deserving(&candidates) {
        if !start_one(core, now, out, &mut candidates[at], &mut wished) {
            candidates.swap_remove(at);
        }
    }
    wished.counts
}

/// Adds the trials that shall wait for the workers which get free next.
fn wish_ahead(core: &Core, wishes: &mut BTreeMap<StudyId, u32>) {
    for study in core.state.unfinished().filter(|study| may_ask(core, study)) {
        let asked = wishes.get(&study.id).copied().unwrap_or(0);
        let left = study.budget_left().saturating_sub(u64::from(asked)).min(u64::from(MAX_PROPOSAL - asked));
        let ahead = ahead::missing(study, &core.roster).min(left);
        if ahead > 0 {
            wishes.insert(study.id, asked + ahead as u32);
        }
    }
}

/// Whether a study's sampler can be asked: it runs trials of its own, and no other question is open.
fn may_ask(core: &Core, study: &Study) -> bool {
    if study.state != StudyState::Active || study.driver != Driver::Workers {
        return false;
    }
    let is_exhausted = core.roster.is_exhausted(study.id) && study.counts.open() > 0;
    core.roster.proposing(study.id) == 0 && !is_exhausted
}

fn candidate(core: &Core, study: &Study) -> Option<Candidate> {
    if study.state != StudyState::Active || study.driver != Driver::Workers {
        return None;
    }
    let asked = u64::from(core.roster.proposing(study.id));
    let room = study.parallel().saturating_sub(study.counts.running);
    let places = study.parallel().saturating_sub(study.counts.open() - study.held().len() as u64);
    let wishes = if may_ask(core, study) { study.budget_left().min(places) } else { 0 };
    let StudySpec { priority, weight, trial, .. } = &*study.spec;
    (room > 0).then(|| Candidate {
        study: study.id,
        priority: *priority,
        weight: *weight,
        running: study.counts.running + asked,
        room,
        places,
        wishes,
        resources: trial.resources.clone(),
        asked: 0,
        promotions: if study.held().is_empty() { Promotions::None } else { Promotions::Unknown },
    })
}

fn most_deserving(candidates: &[Candidate]) -> Option<usize> {
    let key = |candidate: &Candidate| candidate.running as f64 / candidate.weight.max(f64::MIN_POSITIVE);
    (0..candidates.len()).min_by(|a, b| {
        let (a, b) = (&candidates[*a], &candidates[*b]);
        b.priority.cmp(&a.priority).then(key(a).total_cmp(&key(b))).then(a.study.cmp(&b.study))
    })
}

/// Leases one waiting trial, or one that was held back, or keeps room for one that the sampler shall make. False:
/// nothing can start now.
fn start_one(core: &mut Core, now: Now, out: &mut Outcome, candidate: &mut Candidate, wished: &mut Wished) -> bool {
    if candidate.room == 0 {
        return false;
    }
    let first = core.state.study(candidate.study).and_then(|study| study.waiting().next());
    let due = first.filter(|(due, _)| is_due(*due, now, core.timings.backoff_max));
    if due.is_none() && candidate.wishes == 0 && matches!(candidate.promotions, Promotions::None) {
        return false;
    }
    let Some((worker, gpus)) = wished.place(core, &candidate.resources) else { return false };
    match due.map(|(_, trial)| trial).or_else(|| promote(core, now, out, candidate)) {
        Some(trial) => assign(core, now, out, trial, worker, gpus),
        None if candidate.wishes > 0 && candidate.asked < MAX_PROPOSAL => {
            wished.keep(core, worker, &candidate.resources, &gpus);
            *wished.counts.entry(candidate.study).or_default() += 1;
            candidate.asked += 1;
            candidate.wishes -= 1;
            candidate.places -= 1;
        }
        None => return false,
    }
    candidate.room -= 1;
    candidate.running += 1;
    true
}

/// Lets the next held trial go on that is worth it, where it can be under way beside those that wait for a retry.
fn promote(core: &mut Core, now: Now, out: &mut Outcome, candidate: &mut Candidate) -> Option<TaskId> {
    if candidate.places == 0 {
        return None;
    }
    if let Promotions::Unknown = candidate.promotions {
        candidate.promotions = promotions(core, now, out, candidate.study);
    }
    let Promotions::Known(queue) = &mut candidate.promotions else { return None };
    let next = queue.pop_front();
    if queue.is_empty() {
        candidate.promotions = Promotions::Unknown;
    }
    let trial = next?;
    core.emit(out, Event::TrialResumed { trial, at: now.wall });
    candidate.places -= 1;
    Some(trial)
}

/// Finds the held trials that may go on now, after ending those that never will: others may wait for that.
fn promotions(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Promotions {
    let Some(study) = core.state.study(id) else { return Promotions::None };
    let hopeless: Vec<TaskId> =
        study.pruner.hopeless().iter().filter_map(|found| study.held().get(&found.number).copied()).collect();
    for trial in hopeless {
        end_held(core, now, out, trial, "enough others are better");
    }
    let Some(study) = core.state.study(id) else { return Promotions::None };
    let found = study.promotable(is_closing(core, study));
    if found.is_empty() { Promotions::None } else { Promotions::Known(found.into()) }
}

/// A trial that is due later than any back-off can make it was told so by a clock that has since gone back.
fn is_due(due: Micros, now: Now, backoff_max: Micros) -> bool {
    due <= now.wall || due > now.wall.saturating_add(backoff_max)
}

fn assign(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId, worker: WorkerId, gpus: Vec<GpuShare>) {
    let Some((study, trial)) = core.state.open_trial(id) else { return };
    let attempt = trial.attempts.last().map_or(1, |last| last.number + 1);
    let checkpoint = trial.checkpoint.as_ref().map(|checkpoint| checkpoint.files.clone());
    let assignment = Assignment {
        task: id,
        attempt,
        study: study.id,
        number: trial.number,
        params: trial.params.clone(),
        gpus: gpus.clone(),
        checkpoint: checkpoint.unwrap_or_default(),
    };
    core.emit(out, Event::TrialLeased { trial: id, attempt, worker, at: now.wall, gpus });
    out.effects.push(Effect::Assign { worker, assignment });
}

fn ask(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId, count: u32) {
    let Some(study) = core.state.study(id) else { return };
    let effect = Effect::Propose { study: id, first_number: study.next_number, count, as_of: study.finished.len() as u64 };
    core.roster.ask_sampler(now, id, count);
    out.effects.push(effect);
}

/// Room that is kept for trials which samplers shall make, on top of what the roster knows as taken.
struct Wished {
    counts: BTreeMap<StudyId, u32>,
    kept: BTreeMap<WorkerId, Free>,
    open_workers: BTreeSet<WorkerId>,
}

impl Wished {
    fn new(core: &Core, now: Now) -> Wished {
        let sessions = core.roster.sessions().filter(|(_, session)| session.is_leasable(now, &core.timings));
        let open = sessions.map(|(id, _)| id);
        let active = open.filter(|id| core.state.worker(*id).is_some_and(|worker| worker.state == WorkerState::Active));
        Wished { counts: BTreeMap::new(), kept: BTreeMap::new(), open_workers: active.collect() }
    }

    /// The worker with the most processors left that can take it.
    fn place(&self, core: &Core, wanted: &Resources) -> Option<(WorkerId, Vec<GpuShare>)> {
        let mut best: Option<(i64, WorkerId, Vec<GpuShare>)> = None;
        for id in &self.open_workers {
            let (Some(worker), Some(session)) = (core.state.worker(*id), core.roster.session(*id)) else { continue };
            if !wanted.labels.iter().all(|(key, value)| worker.profile.labels.get(key) == Some(value)) {
                continue;
            }
            let free = self.left(*id, session.free());
            let Some(gpus) = free.place(&worker.profile.capacity, wanted) else { continue };
            if best.as_ref().is_none_or(|(most, ..)| free.cpus_milli > *most) {
                best = Some((free.cpus_milli, *id, gpus));
            }
        }
        best.map(|(_, id, gpus)| (id, gpus))
    }

    fn left(&self, id: WorkerId, free: &Free) -> Free {
        let mut left = free.clone();
        if let Some(kept) = self.kept.get(&id) {
            left.cpus_milli -= kept.cpus_milli;
            left.memory_bytes -= kept.memory_bytes;
            left.slots = if left.slots == i64::MAX { i64::MAX } else { left.slots - kept.slots };
            left.gpus_milli.iter_mut().zip(&kept.gpus_milli).for_each(|(left, kept)| *left -= kept);
        }
        left
    }

    fn keep(&mut self, core: &Core, id: WorkerId, wanted: &Resources, gpus: &[GpuShare]) {
        let Some(worker) = core.state.worker(id) else { return };
        let capacity = &worker.profile.capacity;
        let kept = self.kept.entry(id).or_insert_with(|| Free { gpus_milli: vec![0; capacity.gpus.len()], ..Free::default() });
        kept.take(capacity, wanted.cpus_milli, wanted.memory_bytes, gpus, -1);
    }
}
