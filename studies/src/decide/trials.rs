//! Decisions that users and samplers ask for about trials.

use std::collections::BTreeMap;

use hone_search::{Hints, History, Params, SamplerConfig, SuggestRequest, Value};

use super::studies::find;
use crate::{
    command::{Effect, Now, Proposal, Reject, Reply},
    core::{Core, Outcome},
    event::{AttemptFiles, Driver, End, Event, Next, Origin, Owner, Scope, StudyState},
    ids::{StudyId, TaskId},
    study::Study,
    trial::{StateKind, TrialState},
};

pub(super) fn proposed(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: StudyId,
    first_number: u32,
    as_of: u64,
    trials: Vec<Proposal>,
) -> Result<Reply, Reject> {
    core.roster.sampler_answered(now, id);
    let study = find(core, id)?;
    if study.next_number != first_number || study.state != StudyState::Active {
        return Err(Reject::StaleProposal { first_number });
    }
    let allowed = usize::try_from(study.budget_left()).unwrap_or(usize::MAX);
    for (offset, proposal) in trials.into_iter().take(allowed).enumerate() {
        let event = Event::TrialCreated {
            study: id,
            trial: core.state.next_task(),
            number: first_number + offset as u32,
            at: now.wall,
            params: proposal.params,
            origin: Origin::Sampled { as_of },
            why: proposal.why,
        };
        core.emit(out, event);
    }
    Ok(Reply::Done)
}

pub(super) fn enqueue(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: StudyId,
    given: &BTreeMap<String, Value>,
    attributes: BTreeMap<String, Vec<u8>>,
) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    accepts_trials(study, "enqueuing a trial")?;
    let params = complete(study, given)?;
    let origin = Origin::Enqueued { as_of: study.finished.len() as u64 };
    let trial = create(core, now, out, id, params, origin, "given by a user")?;
    for (key, value) in attributes {
        core.emit(out, Event::AttributeSet { owner: Owner::Trial(trial), scope: Scope::User, key, value: Some(value) });
    }
    Ok(Reply::Trial(trial))
}

pub(super) fn retry(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) -> Result<Reply, Reject> {
    let study = core.state.study_of(id).ok_or(Reject::NoSuchTrial(id))?;
    let Some(old) = study.finished_trial(id) else {
        return Err(wrong_state(core, id, "a retry", "only a trial that has failed or was cancelled can be retried"));
    };
    let is_imported = old.segment.detail(old.row).is_some_and(|detail| detail.origin == Origin::Imported);
    let counts = match StateKind::of_outcome(old.outcome()) {
        // An imported trial has no place in the budget that its retry could take.
        StateKind::Failed => !is_imported,
        StateKind::Cancelled => false,
        StateKind::Waiting | StateKind::Running | StateKind::Paused | StateKind::Complete | StateKind::Pruned => {
            return Err(wrong_state(core, id, "a retry", "to run its parameters again, enqueue them"));
        }
    };
    if study.overlay(id).is_some_and(|overlay| overlay.superseded_by.is_some()) {
        return Err(wrong_state(core, id, "a retry", "it has been retried already"));
    }
    if study.state == StudyState::Stopping {
        let (state, hint) = (study.state.name().to_owned(), "resume it first with `hone study resume`".to_owned());
        return Err(Reject::WrongStudyState { state, action: "a retry", hint });
    }
    if study.budget_left() == 0 && !counts {
        return Err(Reject::BudgetUsed { max_trials: study.spec.search.max_trials.unwrap_or(0) });
    }
    let columns = &old.segment.columns;
    let params = (0..study.spec.space.len()).map(|parameter| columns.param(parameter, old.row)).collect();
    let (study, finished) = (study.id, study.state == StudyState::Finished);
    let by = create(core, now, out, study, params, Origin::Retry { of: id }, "a retry asked for by a user")?;
    if counts {
        core.emit(out, Event::TrialSuperseded { trial: id, by });
    }
    if finished {
        core.emit(out, super::studies::moved(study, now, StudyState::Active, "a trial is retried"));
    }
    Ok(Reply::Trial(by))
}

pub(super) fn cancel(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId, reason: &str) -> Result<Reply, Reject> {
    match open_state(core, id)? {
        TrialState::Waiting { .. } | TrialState::Paused => {
            core.emit(out, Event::TrialCancelled { trial: id, at: now.wall, reason: reason.to_owned() })
        }
        TrialState::Running { .. } => {
            end_now(core, now, out, id, End::Cancelled { reason: reason.to_owned() }, Next::Cancel, reason)
        }
        TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => {}
    }
    Ok(Reply::Trial(id))
}

pub(super) fn pause(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) -> Result<Reply, Reject> {
    match open_state(core, id)? {
        TrialState::Waiting { .. } => core.emit(out, Event::TrialPaused { trial: id, at: now.wall }),
        TrialState::Running { .. } => {
            let reason = "paused by a user";
            end_now(core, now, out, id, End::Preempted { reason: reason.to_owned() }, Next::Pause, reason);
        }
        TrialState::Paused | TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => {}
    }
    Ok(Reply::Trial(id))
}

pub(super) fn resume(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId) -> Result<Reply, Reject> {
    match open_state(core, id)? {
        TrialState::Paused => core.emit(out, Event::TrialResumed { trial: id, at: now.wall }),
        TrialState::Waiting { .. } | TrialState::Running { .. } => {}
        TrialState::Complete | TrialState::Pruned | TrialState::Failed | TrialState::Cancelled => {}
    }
    Ok(Reply::Trial(id))
}

pub(super) fn set_attribute(
    core: &mut Core,
    out: &mut Outcome,
    owner: Owner,
    scope: Scope,
    key: String,
    value: Option<Vec<u8>>,
) -> Result<Reply, Reject> {
    match owner {
        Owner::Study(study) => drop(find(core, study)?),
        Owner::Trial(trial) => drop(core.state.study_of(trial).ok_or(Reject::NoSuchTrial(trial))?),
    }
    core.emit(out, Event::AttributeSet { owner, scope, key, value });
    Ok(Reply::Done)
}

/// Ends a running attempt at once; the process is killed behind it.
fn end_now(core: &mut Core, now: Now, out: &mut Outcome, id: TaskId, end: End, next: Next, reason: &str) {
    let Some((worker, attempt, through)) = core
        .state
        .open_trial(id)
        .and_then(|(_, trial)| trial.running().map(|attempt| (attempt.worker, attempt.number, attempt.through)))
    else {
        return;
    };
    let files = AttemptFiles::default();
    core.emit(out, Event::AttemptEnded { trial: id, attempt, through, at: now.wall, end, next, files });
    out.effects.push(Effect::Kill { worker, task: id, attempt, reason: reason.to_owned() });
}

fn create(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    study: StudyId,
    params: Params,
    origin: Origin,
    why: &str,
) -> Result<TaskId, Reject> {
    let trial = core.state.next_task();
    let event = Event::TrialCreated {
        study,
        trial,
        number: find(core, study)?.next_number,
        at: now.wall,
        params,
        origin,
        why: why.to_owned(),
    };
    core.emit(out, event);
    Ok(trial)
}

fn accepts_trials(study: &Study, action: &'static str) -> Result<(), Reject> {
    if study.budget_left() == 0 {
        return Err(Reject::BudgetUsed { max_trials: study.spec.search.max_trials.unwrap_or(0) });
    }
    match (study.driver, study.state) {
        (Driver::Workers | Driver::Clients, StudyState::Active | StudyState::Paused) => Ok(()),
        (Driver::Workers | Driver::Clients, state @ (StudyState::Stopping | StudyState::Finished)) => {
            let hint = "resume it first with `hone study resume`".to_owned();
            Err(Reject::WrongStudyState { state: state.name().to_owned(), action, hint })
        }
    }
}

/// Checks given parameters and fills in the others by draws keyed with the trial's number.
pub(super) fn complete(study: &Study, given: &BTreeMap<String, Value>) -> Result<Params, Reject> {
    let space = &study.spec.space;
    let mut fixed = vec![f64::NAN; space.len()];
    for (name, value) in given {
        let at = space.index_of(name).ok_or_else(|| Reject::BadParameters(unknown_parameter(study, name)))?;
        let distribution = &space.parameters[at].distribution;
        fixed[at] =
            distribution.to_internal(value).map_err(|error| Reject::BadParameters(format!("parameter `{name}`: {error}")))?;
    }
    let params = space.plan().fill(|at, _| if fixed[at].is_nan() { draw(study, at) } else { fixed[at] });
    for name in given.keys() {
        let at = space.index_of(name).unwrap_or_default();
        if params[at].is_nan() {
            let message = format!(
                "parameter `{name}` does not exist under these values; leave it out or change the parameter it depends on"
            );
            return Err(Reject::BadParameters(message));
        }
    }
    Ok(params)
}

/// What the random sampler would choose for one parameter of the next trial.
fn draw(study: &Study, parameter: usize) -> f64 {
    let request = SuggestRequest {
        space: &study.spec.space,
        directions: &[],
        history: History::default(),
        pending: &[],
        seed: study.spec.search.seed,
        first_number: study.next_number,
        count: 1,
        hints: Hints::default(),
    };
    let name = &study.spec.space.parameters[parameter].name;
    hone_search::suggest_one_param(&SamplerConfig::Random, &request, name).map_or(f64::NAN, |suggestion| suggestion.value)
}

fn unknown_parameter(study: &Study, name: &str) -> String {
    let names: Vec<&str> = study.spec.space.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
    format!("there is no parameter `{name}`; the space has {}", names.join(", "))
}

fn open_state(core: &Core, id: TaskId) -> Result<TrialState, Reject> {
    match core.state.open_trial(id) {
        Some((_, trial)) => Ok(trial.state),
        None if core.state.study_of(id).is_some() => Err(wrong_state(core, id, "this", "it has ended already")),
        None => Err(Reject::NoSuchTrial(id)),
    }
}

pub(super) fn wrong_state(core: &Core, id: TaskId, action: &'static str, hint: &str) -> Reject {
    let state = core.state.trial_state(id).map_or("gone", StateKind::name).to_owned();
    let number = match core.state.study_of(id) {
        Some(study) => {
            study.finished_trial(id).map(|trial| trial.number()).or_else(|| study.open_trial(id).map(|trial| trial.number))
        }
        None => None,
    };
    Reject::WrongTrialState { number: number.unwrap_or_default(), state, action, hint: hint.to_owned() }
}
