//! What clients say of trials that they drive themselves. No worker has a lease of these.

use crate::{
    command::{AskedParameter, Begin, Now, Reject, Reply, Template, Write},
    core::{Core, Outcome},
    event::{AttemptFiles, Driver, End, Event, Next, Origin, Owner, Point, StudyState},
    ids::{CLIENT, Micros, StudyId, TaskId},
    space,
    study::Study,
    trial::TrialState,
};

use super::{studies::find, trials::wrong_state};

pub(super) fn create(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId, template: Template) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    accepts(study)?;
    template.parameters.iter().try_for_each(|parameter| refuse_conflict(study, parameter))?;
    let (trial, as_of) = (core.state.next_task(), study.finished.len() as u64);
    let origin = match template.state {
        Begin::Waiting => Origin::Enqueued { as_of },
        Begin::Running | Begin::Ended { .. } => Origin::Asked { as_of },
    };
    let (number, at, why) = (study.next_number, now.wall, String::new());
    core.emit(out, Event::TrialCreated { study: id, trial, number, at, params: Vec::new(), origin, why });
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
    }
    if !template.points.is_empty() {
        core.emit(out, reported(core, trial, template.points));
    }
    if waits && begun.is_some() {
        give_back(core, now, out, trial);
    }
    if let Begin::Ended { at, outcome, values } = template.state {
        core.emit(out, Event::TrialTold { trial, at: at.unwrap_or(now.wall), outcome, values });
    }
    Ok(Reply::Trial(trial))
}

/// A trial may be made: clients drive the study, it goes on, and its budget has room.
fn accepts(study: &Study) -> Result<(), Reject> {
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

fn last_attempt(core: &Core, trial: TaskId) -> u32 {
    core.state.open_trial(trial).and_then(|(_, trial)| trial.attempts.last()).map_or(0, |attempt| attempt.number)
}

fn lease(core: &mut Core, out: &mut Outcome, trial: TaskId, at: Micros) {
    let attempt = last_attempt(core, trial) + 1;
    core.emit(out, Event::TrialLeased { trial, attempt, worker: CLIENT, at, gpus: Vec::new() });
}

pub(super) fn drive(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId, write: Write) -> Result<Reply, Reject> {
    let Some((study, trial)) = core.state.open_trial(id) else {
        core.state.study_of(id).ok_or(Reject::NoSuchTrial(id))?;
        return Err(wrong_state(core, id, "a change", "it has ended"));
    };
    if study.driver == Driver::Workers {
        return Err(wrong_state(core, id, "a change by a client", "its study's trials are run by workers"));
    }
    let runs = matches!(trial.state, TrialState::Running { .. });
    match write {
        Write::Parameter(parameter) => {
            refuse_conflict(study, &parameter)?;
            core.emit(out, parameter_set(id, parameter));
        }
        Write::Report(point) => core.emit(out, reported(core, id, vec![point])),
        Write::Attribute { scope, key, value } => {
            core.emit(out, Event::AttributeSet { owner: Owner::Trial(id), scope, key, value: Some(value) });
        }
        Write::Take => {
            take(core, now, out, id);
            return Ok(Reply::Taken(!runs));
        }
        Write::GiveBack => {
            if runs {
                give_back(core, now, out, id);
            }
            return Ok(Reply::Taken(runs));
        }
        Write::Tell { outcome, values } => {
            take(core, now, out, id);
            core.emit(out, Event::TrialTold { trial: id, at: now.wall, outcome, values });
        }
    }
    Ok(Reply::Done)
}

/// Makes a trial its client's, whatever held it back.
fn take(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) {
    let Some((_, trial)) = core.state.open_trial(id) else { return };
    let state = trial.state;
    if state == TrialState::Paused {
        core.emit(out, Event::TrialResumed { trial: id, at: now.wall });
    }
    if !matches!(state, TrialState::Running { .. }) {
        lease(core, out, id, now.wall);
    }
}

fn give_back(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) {
    let (end, next) = (End::Preempted { reason: "handed back by its client".to_owned() }, Next::Requeue { not_before: 0 });
    let (attempt, files) = (last_attempt(core, id), AttemptFiles::default());
    core.emit(out, Event::AttemptEnded { trial: id, attempt, through: 0, at: now.wall, end, next, files });
}
