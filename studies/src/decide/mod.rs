//! Decisions: what a command may do, by what it is about. Refuses or emits events; never samples, never waits.

mod asks;
mod clients;
mod datasets;
mod import;
mod labels;
mod records;
mod studies;
mod trials;
mod workers;

pub(crate) use studies::{BUDGET_USED, moved as studies_moved};

use crate::{
    command::{Command, Now, Reject, Reply},
    core::{Core, Outcome},
    event::Event,
};

pub(crate) fn handle(core: &mut Core, now: Now, command: Command) -> Result<(Reply, Outcome), Reject> {
    let mut out = Outcome::default();
    let reply = dispatch(core, now, command, &mut out);
    debug_assert!(reply.is_ok() || out.events.is_empty(), "a refusal after {:?}", out.events);
    Ok((reply?, out))
}

fn dispatch(core: &mut Core, now: Now, command: Command, out: &mut Outcome) -> Result<Reply, Reject> {
    match command {
        Command::OpenStore => {
            core.emit(out, Event::StoreOpened { at: now.wall });
            core.roster = crate::roster::Roster::recover(&core.state, now, &core.timings);
            Ok(Reply::Done)
        }
        Command::CreateStudy { spec, text, source, driver, paused, request } => {
            studies::create(core, now, out, studies::New { spec, text, source, driver, paused, request })
        }
        Command::ChangeStudy { study, spec, text } => studies::change(core, now, out, study, spec, text),
        Command::PauseStudy { study } => studies::pause(core, now, out, study),
        Command::ResumeStudy { study } => studies::resume(core, now, out, study),
        Command::StopStudy { study } => studies::stop(core, now, out, study),
        Command::CancelStudy { study } => studies::cancel(core, now, out, study),
        Command::RemoveStudy { study, force } => studies::remove(core, now, out, study, force),
        Command::Proposed { study, first_number, as_of, trials } => {
            trials::proposed(core, now, out, study, first_number, as_of, trials)
        }
        Command::Exhausted { study } => studies::exhausted(core, now, out, study),
        Command::Enqueue { study, params, attributes } => trials::enqueue(core, now, out, study, &params, attributes),
        Command::ImportTrials { study, key, rows, trials } => {
            import::import(core, now, out, study, import::Part { key, rows, trials })
        }
        Command::CreateTrial { study, template, request, hold } => {
            clients::create(core, now, out, (study, request, hold), *template)
        }
        Command::Ask(ask) => asks::ask(core, now, out, *ask),
        Command::Drive { trial, write, by } => clients::drive(core, now, out, (trial, by), write),
        Command::Hold { held, hold } => Ok(clients::hold(core, now, &held, hold)),
        Command::RetryTrial { trial } => trials::retry(core, now, out, trial),
        Command::CancelTrial { trial } => trials::cancel(core, now, out, trial, "cancelled by a user"),
        Command::PauseTrial { trial } => trials::pause(core, now, out, trial),
        Command::ResumeTrial { trial } => trials::resume(core, now, out, trial),
        Command::SetAttribute { owner, scope, key, value } => trials::set_attribute(core, out, owner, scope, key, value),
        Command::AttachWorker { profile, incarnation, held, draining, stream } => {
            workers::attach(core, now, out, workers::Arrival { profile, incarnation, held, draining, stream })
        }
        Command::DetachWorker { worker, stream } => {
            core.roster.disconnect(worker, stream);
            Ok(Reply::Done)
        }
        Command::WorkerLeaves { worker, stream } => workers::leave(core, now, out, (worker, stream)),
        Command::Renew { worker, stream, held } => workers::renew(core, now, out, (worker, stream), &held),
        Command::Records { worker, records } => records::take(core, now, out, worker, records),
        Command::CordonWorker { worker } => workers::cordon(core, now, out, worker),
        Command::ActivateWorker { worker } => workers::activate(core, now, out, worker),
        Command::DrainWorker { worker, hand_back } => workers::drain(core, now, out, worker, hand_back),
        Command::Dataset(command) => datasets::handle(core, now, out, command),
        Command::Label(command) => labels::handle(core, now, out, command),
        Command::Tick => {
            workers::expire(core, now, out);
            clients::expire(core, now, out);
            labels::expire(core, now, out);
            Ok(Reply::Done)
        }
    }
}
