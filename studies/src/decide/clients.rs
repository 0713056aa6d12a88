//! What clients say of trials that they drive themselves. No worker has a lease of these.

use super::{
    records::{end_attempt, judge},
    studies::find,
    trials::wrong_state,
};
use crate::{
    command::{AskedParameter, Begin, By, Cause, HeldTrial, Hold, Now, Reject, Reply, Template, Write},
    core::{Core, Outcome},
    event::{AttemptFiles, Driver, End, Event, Next, Origin, Owner, Point, Served, StudyState},
    finished::FinishedTrial,
    ids::{CLIENT, Micros, RequestId, StudyId, TaskId},
    space,
    study::Study,
    trial::{self, Trial, TrialState},
};

/// Why a trial waits again whose client is gone.
const SILENT: &str = "its client was not heard of for the lease time";
/// Among how many of the newest finished trials one is looked for that a client made as finished. No more end while the
/// answer about it is on its way.
const REMEMBERED_ROWS: usize = 1_024;

pub(super) fn create(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    (id, request, hold): (StudyId, Option<RequestId>, Hold),
    template: Template,
) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    if let Some(trial) = request.and_then(|request| made_before(study, request, &template.state)) {
        if template.state == Begin::Running {
            retake(core, now, out, (trial, request));
            core.roster.begin(now, trial, hold);
        }
        return Ok(Reply::Trial(trial));
    }
    accepts(study)?;
    template.parameters.iter().try_for_each(|parameter| refuse_conflict(study, parameter))?;
    let (trial, as_of) = (core.state.next_task(), study.finished.len() as u64);
    let origin = match template.state {
        Begin::Waiting => Origin::Enqueued { as_of },
        Begin::Running | Begin::Ended { .. } => Origin::Asked { as_of },
    };
    let (number, at, why) = (study.next_number, now.wall, String::new());
    core.emit(out, Event::TrialCreated { study: id, trial, number, at, params: Vec::new(), origin, why });
    serve(core, out, request, Served::Created(trial));
    for parameter in template.parameters {
        core.emit(out, parameter_set(trial, parameter));
    }
    for (scope, key, value) in template.attributes {
        core.emit(out, Event::AttributeSet { owner: Owner::Trial(trial), scope, key, value: Some(value) });
    }
    // One that waits, but has been started once, was handed back.
    let (waits, begun) = (template.state == Begin::Waiting, template.started);
    if !waits || begun.is_some() {
        lease(core, out, trial, begun.unwrap_or(now.wall));
        core.roster.begin(now, trial, hold);
    }
    if !template.points.is_empty() {
        let points = template.points.into_iter().filter_map(|(step, value)| intermediate(core, trial, step, value));
        core.emit(out, reported(core, trial, points.collect()));
    }
    if waits && begun.is_some() {
        give_back(core, now, out, trial);
    }
    if let Begin::Ended { at, outcome, values } = template.state {
        serve(core, out, request, Served::Told(trial));
        let (at, message) = (at.unwrap_or(now.wall), String::new());
        core.emit(out, Event::TrialTold { trial, at, outcome, values, message, outputs: Vec::new() });
    }
    Ok(Reply::Trial(trial))
}

/// The trial that the same request has made, unless it has become another client's since.
fn made_before(study: &Study, request: RequestId, state: &Begin) -> Option<TaskId> {
    if let Begin::Ended { .. } = state {
        let rows = (0..study.finished.len()).rev().take(REMEMBERED_ROWS);
        let told_by = |trial: &FinishedTrial<'_>| trial.segment.detail(trial.row).and_then(|detail| detail.told_by);
        return rows.map(|row| study.finished.by_row(row)).find(|trial| told_by(trial) == Some(request)).map(|trial| trial.id());
    }
    let made = study.open().find(|trial| trial.requests.created == Some(request))?;
    let is_anothers = *state == Begin::Running && made.running().is_some() && !made.runs_for(request);
    (!is_anothers).then_some(made.id)
}

/// A trial may be made: clients drive the study, it goes on, and its budget has room.
pub(super) fn accepts(study: &Study) -> Result<(), Reject> {
    let refused = |hint: &str| {
        let state = study.state.name().to_owned();
        Err(Reject::WrongStudyState { state, action: "a new trial", hint: hint.to_owned() })
    };
    match (study.driver, study.state) {
        (Driver::Workers, _) => refused("its trials are run by workers; enqueue one with `hone trial enqueue`"),
        (Driver::Clients, _) if study.budget_left() == 0 => {
            Err(Reject::BudgetUsed { max_trials: study.spec.search.max_trials.unwrap_or(0) })
        }
        (Driver::Clients, StudyState::Active) => Ok(()),
        (Driver::Clients, StudyState::Paused | StudyState::Stopping | StudyState::Finished) => {
            refused("resume it first with `hone study resume`")
        }
    }
}

fn refuse_conflict(study: &Study, parameter: &AskedParameter) -> Result<(), Reject> {
    let known = study.spec.space.index_of(&parameter.name).map(|index| &study.spec.space.parameters[index].distribution);
    match known.and_then(|known| space::conflict(known, &parameter.distribution)) {
        Some(conflict) => Err(Reject::BadParameters(format!("parameter `{}` had {conflict} before", parameter.name))),
        None => Ok(()),
    }
}

fn parameter_set(trial: TaskId, parameter: AskedParameter) -> Event {
    let AskedParameter { name, value, distribution, text } = parameter;
    Event::ParameterSet { trial, name, value, distribution, text }
}

fn reported(core: &Core, trial: TaskId, points: Vec<Point>) -> Event {
    Event::TrialReported { trial, attempt: last_attempt(core, trial), through: 0, points }
}

/// A value of the first objective.
fn intermediate(core: &Core, trial: TaskId, step: i64, value: f64) -> Option<Point> {
    let (study, _) = core.state.open_trial(trial)?;
    Some(Point { step: Some(step), metric: study.metrics[0].clone(), value })
}

fn last_attempt(core: &Core, trial: TaskId) -> u32 {
    core.state.open_trial(trial).and_then(|(_, trial)| trial.attempts.last()).map_or(0, |attempt| attempt.number)
}

/// Makes a waiting trial its client's. Returns the attempt.
pub(super) fn lease(core: &mut Core, out: &mut Outcome, trial: TaskId, at: Micros) -> u32 {
    let attempt = last_attempt(core, trial) + 1;
    core.emit(out, Event::TrialLeased { trial, attempt, worker: CLIENT, at, gpus: Vec::new() });
    attempt
}

/// Writes down which request led to something.
pub(super) fn serve(core: &mut Core, out: &mut Outcome, request: Option<RequestId>, what: Served) {
    if let Some(request) = request {
        core.emit(out, Event::RequestServed { request, what });
    }
}

pub(super) fn drive(core: &mut Core, now: Now, out: &mut Outcome, (id, by): (TaskId, By), write: Write) -> Result<Reply, Reject> {
    let Some((study, trial)) = core.state.open_trial(id) else {
        let study = core.state.study_of(id).ok_or(Reject::NoSuchTrial(id))?;
        return if was_told(study, id, &write, by) {
            Ok(Reply::Done)
        } else {
            Err(wrong_state(core, id, "a change", "it has ended"))
        };
    };
    if study.driver == Driver::Workers {
        return Err(wrong_state(core, id, "a change by a client", "its study's trials are run by workers"));
    }
    refuse_stale(trial, by)?;
    let runs = trial.running().is_some();
    let took = by.request.is_some_and(|request| trial.runs_for(request));
    let reply = match write {
        Write::Parameter(parameter) => {
            refuse_conflict(study, &parameter)?;
            core.emit(out, parameter_set(id, parameter));
            Reply::Done
        }
        Write::Report(points) => report(core, out, id, points),
        Write::Intermediate { step, value } => {
            let point = intermediate(core, id, step, value);
            report(core, out, id, point.into_iter().collect())
        }
        Write::Attribute { scope, key, value } => {
            core.emit(out, Event::AttributeSet { owner: Owner::Trial(id), scope, key, value: Some(value) });
            Reply::Done
        }
        // Somebody else's: how long it may go on is not for this client to say.
        Write::Take if runs && !took => return Ok(Reply::Taken(false)),
        Write::Take => {
            retake(core, now, out, (id, by.request));
            core.roster.begin(now, id, by.hold.unwrap_or_default());
            return Ok(Reply::Taken(true));
        }
        Write::GiveBack => {
            if runs {
                give_back(core, now, out, id);
            }
            Reply::Taken(runs)
        }
        Write::Tell { outcome, values, message, outputs } => {
            take(core, now, out, id);
            serve(core, out, by.request, Served::Told(id));
            core.emit(out, Event::TrialTold { trial: id, at: now.wall, outcome, values, message, outputs });
            Reply::Done
        }
    };
    if let Some(hold) = by.hold {
        core.roster.hold(now, id, hold);
    }
    Ok(reply)
}

/// The same request has ended the trial before.
fn was_told(study: &Study, id: TaskId, write: &Write, by: By) -> bool {
    let Write::Tell { .. } = write else { return false };
    let finished = study.finished_trial(id);
    let told_by = finished.and_then(|trial| trial.segment.detail(trial.row).and_then(|detail| detail.told_by));
    by.request.is_some() && told_by == by.request
}

fn refuse_stale(trial: &Trial, by: By) -> Result<(), Reject> {
    let running = trial.running().map(|running| running.number);
    match by.attempt {
        Some(attempt) if running != Some(attempt) => Err(Reject::StaleAttempt { number: trial.number, attempt }),
        Some(_) | None => Ok(()),
    }
}

/// Takes values, and asks the pruner what it makes of them. What follows a verdict does not count.
fn report(core: &mut Core, out: &mut Outcome, id: TaskId, points: Vec<Point>) -> Reply {
    let Some((study, trial)) = core.state.open_trial(id) else { return Reply::Judged(None) };
    if let Some(verdict) = &trial.verdict {
        return Reply::Judged(Some(verdict.reason.clone()));
    }
    let verdict = judge(study, trial, &points);
    core.emit(out, reported(core, id, points));
    let Some(trial::Verdict { step, reason, .. }) = verdict else { return Reply::Judged(None) };
    // Nobody lets a client's trial go on later: a place to wait at is the end of it.
    let attempt = last_attempt(core, id);
    core.emit(out, Event::TrialJudged { trial: id, attempt, step, reason: reason.clone(), pause: false });
    Reply::Judged(Some(reason))
}

/// Makes a trial its client's, whatever held it back.
pub(super) fn take(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) {
    let Some((_, trial)) = core.state.open_trial(id) else { return };
    let state = trial.state;
    if state == TrialState::Paused {
        core.emit(out, Event::TrialResumed { trial: id, at: now.wall });
    }
    if !matches!(state, TrialState::Running { .. }) {
        lease(core, out, id, now.wall);
    }
}

/// Takes a trial for a request, unless it runs for it already.
fn retake(core: &mut Core, now: Now, out: &mut Outcome, (id, request): (TaskId, Option<RequestId>)) {
    let runs = core.state.open_trial(id).is_some_and(|(_, trial)| trial.running().is_some());
    if !runs {
        take(core, now, out, id);
        serve(core, out, request, Served::Taken(id));
    }
}

fn give_back(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) {
    let (end, next) = (End::Preempted { reason: "handed back by its client".to_owned() }, Next::Requeue { not_before: 0 });
    let (attempt, files) = (last_attempt(core, id), AttemptFiles::default());
    core.emit(out, Event::AttemptEnded { trial: id, attempt, through: 0, at: now.wall, end, next, files });
}

/// Keeps what the client has still, and tells what it has not.
pub(super) fn hold(core: &mut Core, now: Now, held: &[HeldTrial], hold: Hold) -> Reply {
    let is_over = |held: &&HeldTrial| {
        let running = core.state.open_trial(held.trial).and_then(|(_, trial)| trial.running());
        !running.is_some_and(|running| running.worker == CLIENT && held.attempt.is_none_or(|attempt| attempt == running.number))
    };
    let over: Vec<HeldTrial> = held.iter().filter(is_over).copied().collect();
    for held in held.iter().filter(|held| !over.contains(held)) {
        core.roster.hold(now, held.trial, hold);
    }
    Reply::Over(over)
}

/// Takes back the trials of clients that were silent for too long.
pub(super) fn expire(core: &mut Core, now: Now, out: &mut Outcome) {
    for trial in core.roster.forsaken(now) {
        end_attempt(core, now, out, trial, 0, Cause::Lost { reason: SILENT.to_owned() }, AttemptFiles::default());
    }
}
