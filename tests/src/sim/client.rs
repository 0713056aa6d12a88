//! Users: they create the studies of the plan, and interfere.

use std::sync::Arc;

use hone_search::Value;
use hone_studies::{
    Command, Driver, Micros, Owner, Reject, Reply, SECOND, Scope, State, StateKind, Study, StudyId, StudyState, TaskId, Trial,
    WorkerId, WorkerState,
};

use super::{
    queue::Happening,
    scenario::{TROUBLE_US, Wish},
    shell::Waiter,
    world::World,
};

/// How long a client waits before it asks again.
const RETRY_US: Micros = 3 * SECOND;

/// What a client asked for, to check the answer against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Creation {
        study: usize,
    },
    /// A new trial.
    Trial,
    Cancellation {
        trial: TaskId,
    },
    Mark {
        trial: TaskId,
    },
    /// Nothing that could be lost.
    Other,
}

impl World {
    /// Creates a study of the plan, until somebody says that it exists.
    pub fn creates(&mut self, study: usize) {
        if self.oracle.knows_study(study) {
            return;
        }
        let mut spec = self.scenario.studies[study].spec.clone();
        if self.now > TROUBLE_US {
            // The study to start from may have come to nothing.
            Arc::make_mut(&mut spec).search.warm_start.clear();
        }
        let command = Command::CreateStudy {
            spec,
            text: String::new(),
            source: None,
            driver: Driver::Workers,
            paused: false,
            request: None,
        };
        self.ask_core(command, Waiter::Client(Asked::Creation { study }));
        self.push(self.now + RETRY_US, Happening::Creates { study });
    }

    pub fn answered(&mut self, asked: Asked, reply: Result<Reply, Reject>) {
        match (asked, reply) {
            (Asked::Creation { study }, Ok(Reply::Study(id)) | Err(Reject::StudyExists { study: id, .. })) => {
                self.oracle.study_created(study, id);
            }
            // It is tried again: the study to start from is not there yet, or has no trial yet.
            (Asked::Creation { .. }, Err(Reject::WarmStart(_))) => {}
            (Asked::Creation { .. }, reply) => self.oracle.violation("creation", format!("{reply:?}")),
            (Asked::Trial, Ok(Reply::Trial(trial))) => self.oracle.trial_created(trial),
            (Asked::Cancellation { trial }, Ok(_)) => self.oracle.cancelled(trial),
            (Asked::Mark { trial }, Ok(_)) => self.oracle.marked(trial),
            (Asked::Trial | Asked::Cancellation { .. } | Asked::Mark { .. } | Asked::Other, _) => {}
        }
    }

    /// A user does something, if there is anything to do it to.
    pub fn wishes(&mut self, at: usize) {
        let wish = self.scenario.wishes[at].1;
        let Some(state) = self.shell.state().cloned() else { return };
        if let Some((command, asked)) = self.command_for(wish, &state) {
            if let Command::PauseTrial { trial } = &command {
                self.may_silence_worker_of(&state, *trial);
            }
            self.ask_core(command, Waiter::Client(asked));
        }
    }

    /// Now and then the worker of a trial that is about to be killed cannot say so before others have taken over.
    fn may_silence_worker_of(&mut self, state: &State, trial: TaskId) {
        let running = state.open_trial(trial).and_then(|(_, trial)| trial.running());
        let Some(worker) = running.and_then(|running| state.worker(running.worker)) else { return };
        let node = self.scenario.workers.iter().position(|profile| profile.key == worker.profile.key);
        if let Some(node) = node.filter(|_| !self.scenario.is_calm() && self.dice.percent(40)) {
            let while_us = self.dice.between(30 * SECOND, 120 * SECOND);
            self.push(self.now + SECOND / 50, Happening::CutsUp { node, while_us });
            let at = self.scenario.wishes.len();
            let resumes = self.now + 2 * SECOND;
            self.scenario.wishes.push((resumes, Wish::ResumeTrial));
            self.push(resumes, Happening::Wishes { at });
        }
    }

    fn command_for(&mut self, wish: Wish, state: &State) -> Option<(Command, Asked)> {
        let study = self.some_study(wish, state)?;
        let (id, other) = (study.id, Asked::Other);
        Some(match wish {
            Wish::Enqueue => {
                let params = [("x".to_owned(), Value::Float(0.5))].into();
                (Command::Enqueue { study: id, params, attributes: [("by".to_owned(), vec![1])].into() }, Asked::Trial)
            }
            Wish::CancelTrial => {
                let trial = self.some_trial(&study, &[StateKind::Running, StateKind::Waiting, StateKind::Paused])?;
                (Command::CancelTrial { trial }, Asked::Cancellation { trial })
            }
            Wish::PauseTrial => {
                let trial = self.some_trial(&study, &[StateKind::Running, StateKind::Waiting])?;
                (Command::PauseTrial { trial }, other)
            }
            Wish::ResumeTrial => (Command::ResumeTrial { trial: self.some_trial(&study, &[StateKind::Paused])? }, other),
            Wish::RetryTrial => {
                let trial = self.some_trial(&study, &[StateKind::Failed, StateKind::Cancelled])?;
                (Command::RetryTrial { trial }, Asked::Trial)
            }
            Wish::MarkTrial => {
                let trial = self.some_trial(&study, &[StateKind::Pruned, StateKind::Paused])?;
                let (owner, key) = (Owner::Trial(trial), "mark".to_owned());
                (Command::SetAttribute { owner, scope: Scope::User, key, value: Some(vec![1]) }, Asked::Mark { trial })
            }
            Wish::PauseStudy => (Command::PauseStudy { study: id }, other),
            Wish::ResumeStudy => (Command::ResumeStudy { study: id }, other),
            Wish::StopStudy => (Command::StopStudy { study: id }, other),
            Wish::CancelStudy => (Command::CancelStudy { study: id }, other),
            Wish::RaiseBudget => (raise_budget(&study), other),
            Wish::Cordon => (Command::CordonWorker { worker: self.some_worker(state)? }, other),
            Wish::Activate => (Command::ActivateWorker { worker: self.some_worker(state)? }, other),
            Wish::Drain => {
                let hand_back = self.dice.percent(50);
                (Command::DrainWorker { worker: self.some_worker(state)?, hand_back }, other)
            }
        })
    }

    fn some_study(&mut self, wish: Wish, state: &State) -> Option<Arc<Study>> {
        let comparable = |name: &str| self.scenario.studies.iter().any(|study| study.spec.name == name && study.comparable);
        let open: Vec<StudyId> = state
            .studies()
            .filter(|study| !wish.changes_the_search() || !comparable(&study.spec.name))
            .map(|study| study.id)
            .collect();
        let id = self.dice.pick(&open)?;
        state.study(*id).cloned()
    }

    /// Mostly a trial for which the wish makes sense; sometimes any.
    fn some_trial(&mut self, study: &Study, fitting: &[StateKind]) -> Option<TaskId> {
        let all: Vec<TaskId> = (0..study.next_number).filter_map(|number| study.id_of(number)).collect();
        let fits = |id: &TaskId| study.trial_state(*id).is_some_and(|kind| fitting.contains(&kind));
        let fit: Vec<TaskId> = all.iter().copied().filter(fits).collect();
        if fit.is_empty() || self.dice.percent(40) {
            return self.dice.pick(&all).copied();
        }
        self.dice.pick(&fit).copied()
    }

    fn some_worker(&mut self, state: &State) -> Option<WorkerId> {
        let known: Vec<WorkerId> = state.workers().map(|worker| worker.id).collect();
        self.dice.pick(&known).copied()
    }

    /// The end of trouble: everything is mended, and users let everything go on. Again and again, because a worker
    /// may still be on its way out.
    pub fn heals(&mut self) {
        self.push(self.now + 30 * SECOND, Happening::Heals);
        self.mend_nodes();
        let Some(state) = self.shell.state().cloned() else { return };
        for study in state.studies().filter(|study| study.state == StudyState::Paused) {
            self.ask_core(Command::ResumeStudy { study: study.id }, Waiter::Nobody);
        }
        let open = state.unfinished().flat_map(|study| study.open());
        let paused = |trial: &Trial| trial.state.kind() == StateKind::Paused && trial.held().is_none();
        for trial in open.filter(|trial| paused(trial)) {
            self.ask_core(Command::ResumeTrial { trial: trial.id }, Waiter::Nobody);
        }
        for worker in state.workers().filter(|worker| worker.state == WorkerState::Cordoned) {
            self.ask_core(Command::ActivateWorker { worker: worker.id }, Waiter::Nobody);
        }
    }

    fn mend_nodes(&mut self) {
        debug_assert!(self.now >= TROUBLE_US);
        for node in &mut self.nodes {
            node.cut_up_until = node.cut_up_until.min(TROUBLE_US);
            node.cut_down_until = node.cut_down_until.min(TROUBLE_US);
            node.frozen_until = node.frozen_until.min(TROUBLE_US);
        }
    }
}

fn raise_budget(study: &Study) -> Command {
    let mut spec = (*study.spec).clone();
    spec.search.max_trials = spec.search.max_trials.map(|max| max + 2);
    Command::ChangeStudy { study: study.id, spec: Arc::new(spec), text: String::new() }
}

/// A command in one line of the timeline.
pub fn in_short(command: &Command) -> String {
    match command {
        Command::CreateStudy { spec, .. } => format!("create {}", spec.name),
        Command::ChangeStudy { study, .. } => format!("change study {study}"),
        Command::Proposed { study, first_number, trials, .. } => {
            format!("proposed {} trials from {first_number} for study {study}", trials.len())
        }
        Command::AttachWorker { profile, incarnation, held, draining, stream } => {
            format!("attach {} ({incarnation}) by stream {stream} holding {held:?}, draining: {draining}", profile.name)
        }
        Command::Records { worker, records } => {
            let each = records.iter().map(|record| {
                let fact = format!("{:?}", record.fact);
                let fact = fact.split([' ', '{']).next().unwrap_or_default().to_owned();
                format!("{}-{}#{} {fact}", record.task, record.attempt, record.in_attempt)
            });
            format!("records of worker {worker}: {}", each.collect::<Vec<_>>().join(", "))
        }
        other => format!("{other:?}"),
    }
}
