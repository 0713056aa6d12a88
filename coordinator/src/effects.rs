//! Effects on their way out: leases and directives to the streams of workers, once the events behind them are durable.

use std::collections::BTreeMap;

use hone_proto::worker::{Assign, Directive, Drain, Program, Undrain, directive, to_worker};
use hone_studies::{Assignment, Effect, State, WorkerId};

use crate::{convert, sessions::Sessions, store::Store};

/// Sends effects. Each worker gets them in their order, and all its leases between two directives in one message.
pub(crate) fn send(sessions: &Sessions, store: &Store, state: &State, effects: Vec<Effect>) {
    let mut leases: BTreeMap<WorkerId, Vec<Assignment>> = BTreeMap::new();
    for effect in effects {
        let (worker, kind) = match effect {
            Effect::Assign { worker, assignment } => {
                leases.entry(worker).or_default().push(assignment);
                continue;
            }
            Effect::Prune { worker, task, attempt, reason } => {
                let kind = directive::Kind::Prune.into();
                (worker, to_worker::Kind::Directive(Directive { kind, task: task.0, attempt, reason }))
            }
            Effect::Pause { worker, task, attempt, reason } => {
                let kind = directive::Kind::Pause.into();
                (worker, to_worker::Kind::Directive(Directive { kind, task: task.0, attempt, reason }))
            }
            Effect::Kill { worker, task, attempt, reason } => {
                let kind = directive::Kind::Kill.into();
                (worker, to_worker::Kind::Directive(Directive { kind, task: task.0, attempt, reason }))
            }
            Effect::Drain { worker, hand_back, reason } => (worker, to_worker::Kind::Drain(Drain { hand_back, reason })),
            Effect::Undrain { worker } => (worker, to_worker::Kind::Undrain(Undrain {})),
            Effect::Propose { .. } => continue,
            Effect::Sweep => {
                store.want_sweep();
                continue;
            }
        };
        if let Some(before) = leases.remove(&worker) {
            assign(sessions, state, worker, &before);
        }
        sessions.send(worker, kind);
    }
    for (worker, leases) in leases {
        assign(sessions, state, worker, &leases);
    }
}

fn assign(sessions: &Sessions, state: &State, worker: WorkerId, leases: &[Assignment]) {
    let mut studies = BTreeMap::new();
    let mut assignments = Vec::with_capacity(leases.len());
    for lease in leases {
        let Some(study) = state.study(lease.study) else { continue };
        studies.insert(convert::worker::program_id(study.id, study.revision), study);
        assignments.push(convert::worker::assignment_to_proto(lease, study));
    }
    let wanted: Vec<u64> = studies.keys().copied().collect();
    let unsent = sessions.unsent_programs(worker, &wanted);
    let programs: Vec<Program> =
        unsent.iter().filter_map(|program| studies.get(program)).map(|study| convert::worker::program_to_proto(study)).collect();
    sessions.send(worker, to_worker::Kind::Assign(Assign { assignments, programs }));
}
