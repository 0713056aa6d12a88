//! Which inputs met which states of a trial, and which faults struck: a simulation that never gets somewhere proves
//! nothing about it.

use std::collections::{BTreeMap, BTreeSet};

use hone_studies::{
    AttemptRecord, Cause, Command, Core, Fact, HeldAttempt, Now, Owner, State, StateKind, StudyId, TaskId, WorkerId,
};

use super::{label_coverage::LabelCoverage, scenario::Fault};

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

/// Where a trial stands, and of a paused one who holds it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    In(StateKind),
    /// Paused by the pruner; the others are by a user.
    Held,
}

impl Standing {
    pub const ALL: [Standing; 8] = [
        Standing::In(StateKind::Waiting),
        Standing::In(StateKind::Running),
        Standing::In(StateKind::Paused),
        Standing::Held,
        Standing::In(StateKind::Complete),
        Standing::In(StateKind::Pruned),
        Standing::In(StateKind::Failed),
        Standing::In(StateKind::Cancelled),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Standing::In(kind) => kind.name(),
            Standing::Held => "held",
        }
    }

    fn of(state: &State, trial: TaskId) -> Option<Standing> {
        let is_held = state.open_trial(trial).is_some_and(|(_, trial)| trial.held().is_some());
        if is_held { Some(Standing::Held) } else { state.trial_state(trial).map(Standing::In) }
    }
}

/// What becomes of trials that the pruner holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    IsHeld,
    GoesOn,
    NeverGoesOn,
    IsCancelled,
}

impl Turn {
    pub const ALL: [Turn; 4] = [Turn::IsHeld, Turn::GoesOn, Turn::NeverGoesOn, Turn::IsCancelled];
}

/// A cell that no run can reach, with the reason.
pub fn impossible(standing: Standing, meets: Meets) -> Option<&'static str> {
    let Standing::In(state) = standing else { return impossible(Standing::In(StateKind::Paused), meets) };
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
    cells: BTreeMap<(Standing, Meets), u64>,
    faults: BTreeMap<Fault, u64>,
    turns: BTreeMap<Turn, u64>,
    pub labels: LabelCoverage,
    /// Trials that the pruner held back after the last commit.
    held: BTreeSet<TaskId>,
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
        self.labels.merge(&other.labels);
        for (turn, count) in &other.turns {
            *self.turns.entry(*turn).or_default() += count;
        }
    }

    pub fn cell(&self, standing: Standing, meets: Meets) -> u64 {
        self.cells.get(&(standing, meets)).copied().unwrap_or(0)
    }

    pub fn turn(&self, turn: Turn) -> u64 {
        self.turns.get(&turn).copied().unwrap_or(0)
    }

    pub fn fault(&self, fault: Fault) -> u64 {
        self.faults.get(&fault).copied().unwrap_or(0)
    }

    /// What should have been met and was not, and what was met and should not have been.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for standing in Standing::ALL {
            for meets in Meets::ALL {
                match (impossible(standing, meets), self.cell(standing, meets)) {
                    (None, 0) => gaps.push(format!("{} never met {meets:?}", standing.name())),
                    (Some(reason), 1..) => gaps.push(format!("{} met {meets:?}, although {reason}", standing.name())),
                    (None, 1..) | (Some(_), 0) => {}
                }
            }
        }
        gaps.extend(
            Fault::ALL.into_iter().filter(|fault| self.fault(*fault) == 0).map(|fault| format!("{fault:?} never struck")),
        );
        gaps.extend(self.labels.gaps());
        gaps.extend(Turn::ALL.into_iter().filter(|turn| self.turn(*turn) == 0).map(|turn| format!("no trial {turn:?}")));
        gaps
    }

    /// Notes what has become of trials that the pruner holds back.
    pub fn committed(&mut self, state: &State) {
        let now: BTreeSet<TaskId> = state.studies().flat_map(|study| study.held().values().copied()).collect();
        let left = self.held.difference(&now).filter_map(|trial| match state.trial_state(*trial)? {
            StateKind::Waiting | StateKind::Running | StateKind::Paused => Some(Turn::GoesOn),
            StateKind::Complete | StateKind::Failed => Some(Turn::GoesOn),
            StateKind::Pruned => Some(Turn::NeverGoesOn),
            StateKind::Cancelled => Some(Turn::IsCancelled),
        });
        let come = now.difference(&self.held).map(|_| Turn::IsHeld);
        for turn in left.chain(come).collect::<Vec<Turn>>() {
            *self.turns.entry(turn).or_default() += 1;
        }
        self.held = now;
    }

    /// A start of the coordinator concerns every trial.
    pub fn store_opened(&mut self, state: &State) {
        self.labels.store_opened(state);
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
            Command::Renew { worker, held, .. } => {
                self.held(state, held, Meets::HeldAtHeartbeat, Meets::HeldAtHeartbeat);
                self.missing(state, Some(*worker), held, Meets::MissingAtHeartbeat);
            }
            Command::WorkerLeaves { worker, .. } => self.missing(state, Some(*worker), &[], Meets::WorkerLeaves),
            Command::Tick => {
                self.labels.tick(core, now);
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
            | Command::CreateTrial { .. }
            | Command::Ask(_)
            | Command::Hold { .. }
            | Command::Drive { .. }
            | Command::SetAttribute { owner: Owner::Study(_), .. }
            | Command::DetachWorker { .. }
            | Command::CordonWorker { .. }
            | Command::ActivateWorker { .. }
            | Command::DrainWorker { .. }
            | Command::Dataset(_) => {}
            Command::Label(command) => self.labels.command(state, command),
        }
    }

    fn trial(&mut self, state: &State, trial: TaskId, meets: Meets) {
        if let Some(standing) = Standing::of(state, trial) {
            *self.cells.entry((standing, meets)).or_default() += 1;
        }
    }

    fn study(&mut self, state: &State, study: StudyId, meets: Meets) {
        let Some(study) = state.study(study) else { return };
        for trial in (0..study.next_number).filter_map(|number| study.id_of(number)) {
            self.trial(state, trial, meets);
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
                *self.cells.entry((Standing::In(trial.state.kind()), meets)).or_default() += 1;
            }
        }
    }
}
