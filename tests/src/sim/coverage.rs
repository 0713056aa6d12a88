//! Which inputs met which states of a trial, and which faults struck: a simulation that never gets somewhere proves
//! nothing about it.

use std::collections::BTreeMap;

use hone_studies::{
    AttemptRecord, Cause, Command, Core, Fact, HeldAttempt, Now, Owner, State, StateKind, StudyId, TaskId, WorkerId,
};

use super::scenario::Fault;

/// What can reach a trial from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meets {
    Report,
    Checkpoint,
    Exited,
    Failed,
    Preempted,
    Lost,
    Killed,
    /// Its worker attaches and has it.
    HeldAtAttach,
    /// Its worker attaches and has its end.
    EndHeldAtAttach,
    /// Its worker attaches without it.
    MissingAtAttach,
    HeldAtHeartbeat,
    MissingAtHeartbeat,
    WorkerLeaves,
    LeaseExpires,
    Cancel,
    Pause,
    Resume,
    Retry,
    Attribute,
    StudyCancelled,
    StudyPaused,
    StudyStopped,
    StoreOpened,
}

impl Meets {
    pub const ALL: [Meets; 23] = [
        Meets::Report,
        Meets::Checkpoint,
        Meets::Exited,
        Meets::Failed,
        Meets::Preempted,
        Meets::Lost,
        Meets::Killed,
        Meets::HeldAtAttach,
        Meets::EndHeldAtAttach,
        Meets::MissingAtAttach,
        Meets::HeldAtHeartbeat,
        Meets::MissingAtHeartbeat,
        Meets::WorkerLeaves,
        Meets::LeaseExpires,
        Meets::Cancel,
        Meets::Pause,
        Meets::Resume,
        Meets::Retry,
        Meets::Attribute,
        Meets::StudyCancelled,
        Meets::StudyPaused,
        Meets::StudyStopped,
        Meets::StoreOpened,
    ];
}

/// A cell that no run can reach, with the reason.
pub fn impossible(state: StateKind, meets: Meets) -> Option<&'static str> {
    match (state, meets) {
        (StateKind::Running, _) => None,
        (_, Meets::MissingAtAttach | Meets::MissingAtHeartbeat) => Some("only a lease can be missing"),
        (_, Meets::WorkerLeaves | Meets::LeaseExpires) => Some("only a lease has a worker"),
        (
            StateKind::Waiting
            | StateKind::Paused
            | StateKind::Complete
            | StateKind::Pruned
            | StateKind::Failed
            | StateKind::Cancelled,
            _,
        ) => None,
    }
}

/// How often each cell and each fault was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    cells: BTreeMap<(StateKind, Meets), u64>,
    faults: BTreeMap<Fault, u64>,
}

impl Coverage {
    pub fn strikes(&mut self, fault: Fault) {
        *self.faults.entry(fault).or_default() += 1;
    }

    pub fn merge(&mut self, other: &Coverage) {
        for (cell, count) in &other.cells {
            *self.cells.entry(*cell).or_default() += count;
        }
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
    }

    pub fn cell(&self, state: StateKind, meets: Meets) -> u64 {
        self.cells.get(&(state, meets)).copied().unwrap_or(0)
    }

    pub fn fault(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or(0)
    }

    /// What should have been met and was not, and what was met and should not have been.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for state in StateKind::ALL {
            for meets in Meets::ALL {
                match (impossible(state, meets), self.cell(state, meets)) {
                    (None, 0) => gaps.push(format!("{} never met {meets:?}", state.name())),
                    (Some(reason), 1..) => gaps.push(format!("{} met {meets:?}, although {reason}", state.name())),
                    (None, 1..) | (Some(_), 0) => {}
                }
            }
        }
        gaps.extend(
            Fault::ALL.into_iter().filter(|fault| self.fault(*fault) == 0).map(|fault| format!("{fault:?} never struck")),
        );
        gaps
    }

    /// A start of the coordinator concerns every trial.
    pub fn store_opened(&mut self, state: &State) {
        for study in state.studies() {
            self.study(state, study.id, Meets::StoreOpened);
        }
    }

    /// Notes which trials a command is about to meet.
    pub fn command(&mut self, core: &Core, now: Now, command: &Command) {
        let state = &core.state;
        match command {
            Command::Records { records, .. } => records.iter().for_each(|record| self.record(state, record)),
            Command::AttachWorker { profile, held, .. } => {
                let worker = state.worker_by_key(&profile.key).map(|worker| worker.id);
                self.held(state, held, Meets::HeldAtAttach, Meets::EndHeldAtAttach);
                self.missing(state, worker, held, Meets::MissingAtAttach);
            }
            Command::Renew { worker, held } => {
                self.held(state, held, Meets::HeldAtHeartbeat, Meets::HeldAtHeartbeat);
                self.missing(state, Some(*worker), held, Meets::MissingAtHeartbeat);
            }
            Command::WorkerLeaves { worker } => self.missing(state, Some(*worker), &[], Meets::WorkerLeaves),
            Command::Tick => {
                for worker in core.roster.silent(now) {
                    self.missing(state, Some(worker), &[], Meets::LeaseExpires);
                }
            }
            Command::CancelTrial { trial } => self.trial(state, *trial, Meets::Cancel),
            Command::PauseTrial { trial } => self.trial(state, *trial, Meets::Pause),
            Command::ResumeTrial { trial } => self.trial(state, *trial, Meets::Resume),
            Command::RetryTrial { trial } => self.trial(state, *trial, Meets::Retry),
            Command::SetAttribute { owner: Owner::Trial(trial), .. } => self.trial(state, *trial, Meets::Attribute),
            Command::CancelStudy { study } => self.study(state, *study, Meets::StudyCancelled),
            Command::PauseStudy { study } => self.study(state, *study, Meets::StudyPaused),
            Command::StopStudy { study } => self.study(state, *study, Meets::StudyStopped),
            Command::OpenStore
            | Command::CreateStudy { .. }
            | Command::ChangeStudy { .. }
            | Command::ResumeStudy { .. }
            | Command::RemoveStudy { .. }
            | Command::Proposed { .. }
            | Command::Exhausted { .. }
            | Command::Enqueue { .. }
            | Command::ImportTrials { .. }
            | Command::SetAttribute { owner: Owner::Study(_), .. }
            | Command::DetachWorker { .. }
            | Command::CordonWorker { .. }
            | Command::ActivateWorker { .. }
            | Command::DrainWorker { .. } => {}
        }
    }

    fn trial(&mut self, state: &State, trial: TaskId, meets: Meets) {
        if let Some(kind) = state.trial_state(trial) {
            *self.cells.entry((kind, meets)).or_default() += 1;
        }
    }

    fn study(&mut self, state: &State, study: StudyId, meets: Meets) {
        let Some(study) = state.study(study) else { return };
        for kind in (0..study.next_number).filter_map(|number| study.trial_state(study.id_of(number)?)) {
            *self.cells.entry((kind, meets)).or_default() += 1;
        }
    }

    fn record(&mut self, state: &State, record: &AttemptRecord) {
        let meets = match &record.fact {
            Fact::Report { .. } => Meets::Report,
            Fact::Checkpoint { .. } => Meets::Checkpoint,
            Fact::Ended { cause: Cause::Exited, .. } => Meets::Exited,
            Fact::Ended { cause: Cause::Failed(_), .. } => Meets::Failed,
            Fact::Ended { cause: Cause::Preempted { .. }, .. } => Meets::Preempted,
            Fact::Ended { cause: Cause::Lost { .. }, .. } => Meets::Lost,
            Fact::Ended { cause: Cause::Killed, .. } => Meets::Killed,
        };
        self.trial(state, record.task, meets);
    }

    fn held(&mut self, state: &State, held: &[HeldAttempt], alive: Meets, ended: Meets) {
        for held in held {
            self.trial(state, held.task, if held.ended { ended } else { alive });
        }
    }

    fn missing(&mut self, state: &State, worker: Option<WorkerId>, held: &[HeldAttempt], meets: Meets) {
        let Some(worker) = worker else { return };
        for trial in state.unfinished().flat_map(|study| study.open()) {
            let Some(running) = trial.running().filter(|running| running.worker == worker) else { continue };
            if !held.iter().any(|held| held.task == trial.id && held.attempt == running.number) {
                *self.cells.entry((trial.state.kind(), meets)).or_default() += 1;
            }
        }
    }
}
