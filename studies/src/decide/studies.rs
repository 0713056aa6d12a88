//! Decisions about studies.

use std::sync::Arc;

use crate::{
    command::{Now, Reject, Reply},
    core::{Core, Outcome},
    event::{Driver, Event, Served, StudyState},
    ids::{BlobId, RequestId, StudyId, TaskId},
    spec::StudySpec,
    study::Study,
    warm_start::take_warm_start,
};

/// Why a study is finished when its budget is used up.
pub(crate) const BUDGET_USED: &str = "budget used";

pub(super) struct New {
    pub spec: Arc<StudySpec>,
    pub text: String,
    pub source: Option<BlobId>,
    pub driver: Driver,
    pub paused: bool,
    pub request: Option<RequestId>,
}

pub(super) fn create(core: &mut Core, now: Now, out: &mut Outcome, new: New) -> Result<Reply, Reject> {
    if let Some(known) = core.state.study_named(&new.spec.name) {
        if known.request.is_some() && known.request == new.request {
            return Ok(Reply::Study(known.id));
        }
        return Err(Reject::StudyExists { name: new.spec.name.clone(), study: known.id });
    }
    refuse_queue(&new.spec, new.driver)?;
    let uses = core.state.datasets.resolve(&new.spec.trial.datasets).map_err(|mut problems| problems.swap_remove(0).1)?;
    let warm = take_warm_start(&core.state, &new.spec).map_err(Reject::WarmStart)?;
    let study = core.state.next_study();
    let enqueue = new.spec.enqueue.clone();
    let New { spec, text, source, driver, paused, request } = new;
    core.emit(out, Event::StudyCreated { study, at: now.wall, spec, text, source, driver });
    if let Some(request) = request {
        core.emit(out, Event::RequestServed { request, what: Served::Study(study) });
    }
    super::datasets::use_in(core, now, out, study, uses);
    for warm in warm {
        core.emit(out, Event::StudyWarmed { study, at: now.wall, warm });
    }
    if paused {
        core.emit(out, moved(study, now, StudyState::Paused, "created paused"));
    }
    for params in enqueue {
        super::trials::enqueue(core, now, out, study, &params, Default::default())?;
    }
    Ok(Reply::Study(study))
}

/// Checks the parameters to try first before anything of the study exists.
fn refuse_queue(spec: &Arc<StudySpec>, driver: Driver) -> Result<(), Reject> {
    if let Some(max_trials) = spec.search.max_trials.filter(|max| *max < spec.enqueue.len() as u64) {
        return Err(Reject::BudgetUsed { max_trials });
    }
    let mut study = Study::new(StudyId(0), 0, spec.clone(), "", None, driver);
    for (number, params) in (0..).zip(&spec.enqueue) {
        study.next_number = number;
        super::trials::complete(&study, params)?;
    }
    Ok(())
}

pub(super) fn change(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    id: StudyId,
    spec: Arc<StudySpec>,
    text: String,
) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    let used = study.counts.counted() + study.counts.open();
    if let Some(max) = spec.search.max_trials.filter(|max| *max < used && study.spec.search.max_trials != Some(*max)) {
        let refusal = format!("search.max_trials: {max} is less than the {used} trials that have ended or are open");
        return Err(Reject::NotChangeable(vec![refusal]));
    }
    let out_of_budget = study.state == StudyState::Finished && study.reason == BUDGET_USED;
    core.emit(out, Event::StudyChanged { study: id, at: now.wall, spec, text });
    let study = find(core, id)?;
    if out_of_budget && study.budget_left() > 0 {
        core.emit(out, moved(id, now, StudyState::Active, "budget raised"));
    }
    Ok(Reply::Study(id))
}

pub(super) fn pause(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<Reply, Reject> {
    match find(core, id)?.state {
        StudyState::Active => core.emit(out, moved(id, now, StudyState::Paused, "paused by a user")),
        StudyState::Paused => {}
        state @ (StudyState::Stopping | StudyState::Finished) => {
            return Err(wrong_state(state, "pause", "only an active study can be paused"));
        }
    }
    Ok(Reply::Study(id))
}

pub(super) fn resume(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    match study.state {
        StudyState::Active => {}
        StudyState::Finished if study.budget_left() == 0 => {
            return Err(Reject::BudgetUsed { max_trials: study.spec.search.max_trials.unwrap_or(0) });
        }
        StudyState::Paused | StudyState::Stopping | StudyState::Finished => {
            core.emit(out, moved(id, now, StudyState::Active, "resumed by a user"))
        }
    }
    Ok(Reply::Study(id))
}

pub(super) fn stop(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<Reply, Reject> {
    match find(core, id)?.state {
        StudyState::Active | StudyState::Paused => core.emit(out, moved(id, now, StudyState::Stopping, "stopped by a user")),
        StudyState::Stopping => {}
        state @ StudyState::Finished => return Err(wrong_state(state, "stop", "it has ended already")),
    }
    Ok(Reply::Study(id))
}

pub(super) fn cancel(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    if study.state == StudyState::Finished {
        return Err(wrong_state(study.state, "cancel", "it has ended already"));
    }
    cancel_open(core, now, out, id)?;
    core.emit(out, moved(id, now, StudyState::Finished, "cancelled by a user"));
    Ok(Reply::Study(id))
}

pub(super) fn remove(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId, force: bool) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    if study.state != StudyState::Finished && !force {
        return Err(wrong_state(study.state, "removal", "cancel it first, or use `--force`"));
    }
    cancel_open(core, now, out, id)?;
    core.emit(out, Event::StudyRemoved { study: id, at: now.wall });
    out.effects.push(crate::command::Effect::Sweep);
    Ok(Reply::Done)
}

/// The sampler has nothing more. While trials are open a retry may still come; afterwards the study is over.
pub(super) fn exhausted(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<Reply, Reject> {
    core.roster.sampler_answered(now, id);
    let study = find(core, id)?;
    if study.state == StudyState::Active && study.counts.open() == 0 {
        core.emit(out, moved(id, now, StudyState::Finished, "nothing left to try"));
    } else {
        core.roster.set_exhausted(id);
    }
    Ok(Reply::Done)
}

fn cancel_open(core: &mut Core, now: Now, out: &mut Outcome, id: StudyId) -> Result<(), Reject> {
    let open: Vec<TaskId> = find(core, id)?.open().map(|trial| trial.id).collect();
    for trial in open {
        super::trials::cancel(core, now, out, trial, "the study was cancelled")?;
    }
    Ok(())
}

pub(crate) fn moved(study: StudyId, now: Now, to: StudyState, reason: &str) -> Event {
    Event::StudyMoved { study, at: now.wall, to, reason: reason.to_owned() }
}

/// Borrowed, never cloned: a second owner would make the next change copy the study.
pub(super) fn find(core: &Core, id: StudyId) -> Result<&Study, Reject> {
    core.state.study(id).map(|study| &**study).ok_or(Reject::NoSuchStudy(id))
}

fn wrong_state(state: StudyState, action: &'static str, hint: &str) -> Reject {
    Reject::WrongStudyState { state: state.name().to_owned(), action, hint: hint.to_owned() }
}
