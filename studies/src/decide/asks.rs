//! Clients that ask for trials to run: such as wait first, then new ones.
//!
//! New ones come with the parameters that the study's sampler chose for them beforehand, outside the core: their
//! numbers must be the next ones, or the asker has to choose again.

use super::{
    clients::{lease, serve},
    studies::find,
};
use crate::{
    command::{Ask, Asked, Now, Proposal, Reject, Reply},
    core::{Core, Outcome},
    event::{Driver, Event, Origin, Served, StudyState},
    ids::{RequestId, StudyId, TaskId},
    study::Study,
};

pub(super) fn ask(core: &mut Core, now: Now, out: &mut Outcome, ask: Ask) -> Result<Reply, Reject> {
    let study = find(core, ask.study)?;
    if study.driver == Driver::Workers {
        let hint = "its trials are run by workers; start one with `hone worker`".to_owned();
        return Err(Reject::WrongStudyState { state: study.state.name().to_owned(), action: "asking for a trial", hint });
    }
    let again = served_before(study, &ask);
    if !again.is_empty() {
        again.iter().for_each(|(trial, _)| core.roster.begin(now, *trial, ask.hold));
        return Ok(Reply::Asked(Asked { trials: again, ..Asked::default() }));
    }
    let (places, waiting) = (places(study, ask.count), next_waiting(study, now, ask.count));
    let wanted = places.saturating_sub(waiting.len() as u64).min(study.budget_left()).min(ask.proposals.len() as u64);
    let fits = study.next_number == ask.first_number || ask.proposals.iter().all(|proposal| proposal.params.is_empty());
    if waiting.is_empty() && wanted > 0 && !fits {
        return Err(Reject::StaleProposal { first_number: ask.first_number });
    }
    if waiting.is_empty() && wanted == 0 {
        return Ok(Reply::Asked(none(study)));
    }
    let mut trials = Vec::with_capacity(waiting.len());
    for trial in waiting.into_iter().take(usize::try_from(places).unwrap_or(usize::MAX)) {
        let request = ask.request.part(trials.len() as u32);
        trials.push((trial, lease(core, out, trial, now.wall)));
        serve(core, out, Some(request), Served::Taken(trial));
    }
    for proposal in ask.proposals.into_iter().take(if fits { wanted as usize } else { 0 }) {
        let request = ask.request.part(trials.len() as u32);
        let trial = create(core, now, out, (ask.study, ask.as_of, request), proposal);
        trials.push((trial, lease(core, out, trial, now.wall)));
    }
    trials.iter().for_each(|(trial, _)| core.roster.begin(now, *trial, ask.hold));
    Ok(Reply::Asked(Asked { trials, ..Asked::default() }))
}

/// What the same request got before, as far as it runs still.
fn served_before(study: &Study, ask: &Ask) -> Vec<(TaskId, u32)> {
    let parts: Vec<RequestId> = (0..ask.count).map(|index| ask.request.part(index)).collect();
    let running = study.open().filter_map(|trial| Some((trial, trial.running()?.number)));
    let ours = running.filter(|(trial, _)| parts.iter().any(|part| trial.runs_for(*part)));
    ours.map(|(trial, attempt)| (trial.id, attempt)).collect()
}

/// How many of the trials asked for may run.
fn places(study: &Study, count: u32) -> u64 {
    match study.state {
        StudyState::Active => u64::from(count).min(study.parallel().saturating_sub(study.counts.running)),
        StudyState::Paused | StudyState::Stopping | StudyState::Finished => 0,
    }
}

fn next_waiting(study: &Study, now: Now, count: u32) -> Vec<TaskId> {
    if study.state != StudyState::Active {
        return Vec::new();
    }
    study.waiting().take_while(|(due, _)| *due <= now.wall).take(count as usize).map(|(_, trial)| trial).collect()
}

fn create(
    core: &mut Core,
    now: Now,
    out: &mut Outcome,
    (study, as_of, request): (StudyId, u64, RequestId),
    proposal: Proposal,
) -> TaskId {
    let trial = core.state.next_task();
    let number = core.state.study(study).map_or(0, |study| study.next_number);
    let Proposal { params, why } = proposal;
    let origin = Origin::Asked { as_of };
    core.emit(out, Event::TrialCreated { study, trial, number, at: now.wall, params, origin, why });
    serve(core, out, Some(request), Served::Created(trial));
    trial
}

/// Why there is nothing to run, and whether there ever will be.
fn none(study: &Study) -> Asked {
    let open = study.counts.open();
    let (over, reason) = match study.state {
        StudyState::Finished => (true, format!("the study is finished: {}", study.reason)),
        StudyState::Stopping => (true, format!("the study stops: {}", study.reason)),
        StudyState::Paused => (false, "the study is paused; let it go on with `hone study resume`".to_owned()),
        StudyState::Active if study.budget_left() == 0 && open == 0 => (true, "the budget is used".to_owned()),
        StudyState::Active if study.budget_left() == 0 => {
            (false, format!("the rest of the budget is in the {open} trials that have not ended"))
        }
        StudyState::Active => (false, format!("{} trials run, and `parallel` allows no more", study.counts.running)),
    };
    Asked { trials: Vec::new(), over, reason }
}
