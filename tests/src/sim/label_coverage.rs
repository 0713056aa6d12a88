//! Which inputs met which states of a label request.

use std::collections::BTreeMap;

use hone_studies::{
    Core, LabelRequestId, Now, State,
    label::{LabelCommand, LabelRequest, LabelState, Submission},
};

/// What can reach a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelMeets {
    /// An answer of somebody who has it.
    Answer,
    /// An answer of somebody who has it no more.
    LateAnswer,
    /// Another answer of the same annotator.
    Revision,
    TakenBack,
    WithdrawnAnswer,
    Skip,
    Release,
    /// Nobody hears of who has it.
    Silence,
    Rescore,
    Weighing,
    Resolve,
    Withdraw,
    Reopen,
    StoreOpened,
}

impl LabelMeets {
    pub const ALL: [LabelMeets; 14] = [
        LabelMeets::Answer,
        LabelMeets::LateAnswer,
        LabelMeets::Revision,
        LabelMeets::TakenBack,
        LabelMeets::WithdrawnAnswer,
        LabelMeets::Skip,
        LabelMeets::Release,
        LabelMeets::Silence,
        LabelMeets::Rescore,
        LabelMeets::Weighing,
        LabelMeets::Resolve,
        LabelMeets::Withdraw,
        LabelMeets::Reopen,
        LabelMeets::StoreOpened,
    ];

    /// The states that it has to have met: `all`, or those that it can meet.
    fn expected(self) -> &'static [LabelState] {
        use LabelState::{Answered, Conflict, Expired, Leased, Open, Resolved, Skipped, Withdrawn};
        match self {
            LabelMeets::StoreOpened => &LabelState::ALL,
            LabelMeets::Answer => &[Leased, Resolved, Withdrawn],
            LabelMeets::LateAnswer => &[Open, Leased, Answered, Resolved, Conflict, Expired, Withdrawn],
            LabelMeets::Revision => &[Leased, Answered, Resolved, Conflict],
            LabelMeets::TakenBack | LabelMeets::WithdrawnAnswer => &[Leased, Answered, Resolved, Conflict],
            LabelMeets::Skip | LabelMeets::Release => &[Leased, Resolved],
            LabelMeets::Silence => &[Leased, Resolved],
            LabelMeets::Rescore | LabelMeets::Resolve | LabelMeets::Withdraw | LabelMeets::Reopen => {
                &[Open, Leased, Answered, Resolved, Conflict, Skipped, Withdrawn, Expired]
            }
            LabelMeets::Weighing => &[Leased, Answered, Resolved, Conflict],
        }
    }
}

/// How often each cell was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelCoverage(BTreeMap<(LabelState, LabelMeets), u64>);

impl LabelCoverage {
    pub fn merge(&mut self, other: &LabelCoverage) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    pub fn cell(&self, state: LabelState, meets: LabelMeets) -> u64 {
        self.0.get(&(state, meets)).copied().unwrap_or(0)
    }

    /// Whether a cell has to be met.
    pub fn is_expected(state: LabelState, meets: LabelMeets) -> bool {
        meets.expected().contains(&state)
    }

    /// What should have been met and was not.
    pub fn gaps(&self) -> Vec<String> {
        let cells = LabelMeets::ALL.into_iter().flat_map(|meets| meets.expected().iter().map(move |state| (*state, meets)));
        let gaps = cells.filter(|(state, meets)| self.cell(*state, *meets) == 0);
        gaps.map(|(state, meets)| format!("a request that is {} never met {meets:?}", state.name())).collect()
    }

    pub fn store_opened(&mut self, state: &State) {
        let requests = state.labels.projects().flat_map(|project| project.requests());
        for request in requests.filter(|request| request.gold.is_none()) {
            self.note(request, LabelMeets::StoreOpened);
        }
    }

    /// Time passes: whose lease is over.
    pub fn tick(&mut self, core: &Core, now: Now) {
        for (request, _) in core.roster.desk().silent(now) {
            self.request(&core.state, request, LabelMeets::Silence);
        }
    }

    /// Notes which request a command is about to meet.
    pub fn command(&mut self, state: &State, command: &LabelCommand) {
        match command {
            LabelCommand::Submit(submission) => self.submission(state, submission),
            LabelCommand::Skip { request, .. } => self.request(state, *request, LabelMeets::Skip),
            LabelCommand::Release { request, .. } => self.request(state, *request, LabelMeets::Release),
            LabelCommand::Undo { request, annotator } => {
                let found = state.labels.request(*request);
                if found.is_some_and(|(_, request)| request.answer_of(*annotator).is_some()) {
                    self.request(state, *request, LabelMeets::TakenBack);
                }
            }
            LabelCommand::WithdrawAnswer { request, .. } => self.request(state, *request, LabelMeets::WithdrawnAnswer),
            LabelCommand::Resolve { request, .. } => self.request(state, *request, LabelMeets::Resolve),
            LabelCommand::Withdraw { request, .. } => self.request(state, *request, LabelMeets::Withdraw),
            LabelCommand::Reopen { request } => self.request(state, *request, LabelMeets::Reopen),
            LabelCommand::Rescore { scores, .. } => {
                scores.iter().for_each(|score| self.request(state, score.request, LabelMeets::Rescore));
            }
            LabelCommand::Weigh { project, .. } => {
                let requests = state.labels.project(*project).into_iter().flat_map(|project| project.requests());
                for request in requests.filter(|request| request.counting().next().is_some() && request.gold.is_none()) {
                    self.note(request, LabelMeets::Weighing);
                }
            }
            LabelCommand::CreateProject { .. }
            | LabelCommand::ChangeProject { .. }
            | LabelCommand::MoveProject { .. }
            | LabelCommand::RemoveProject { .. }
            | LabelCommand::Join { .. }
            | LabelCommand::Ask { .. }
            | LabelCommand::Next { .. }
            | LabelCommand::Take { .. }
            | LabelCommand::Renew { .. } => {}
        }
    }

    fn submission(&mut self, state: &State, submission: &Submission) {
        let Some((_, request)) = state.labels.request(submission.request) else { return };
        let meets = match (request.answer_of(submission.annotator), request.lease_of(submission.annotator)) {
            // Sent again, it meets nothing new.
            (Some(answer), _) if answer.asked_by == submission.asked_by => return,
            (Some(_), _) => LabelMeets::Revision,
            (None, Some(_)) => LabelMeets::Answer,
            (None, None) => LabelMeets::LateAnswer,
        };
        self.request(state, submission.request, meets);
    }

    fn request(&mut self, state: &State, id: LabelRequestId, meets: LabelMeets) {
        if let Some((_, request)) = state.labels.request(id).filter(|(_, request)| request.gold.is_none()) {
            self.note(request, meets);
        }
    }

    fn note(&mut self, request: &LabelRequest, meets: LabelMeets) {
        *self.0.entry((request.state, meets)).or_default() += 1;
    }
}
