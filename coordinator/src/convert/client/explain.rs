//! The core's explanations, as clients are shown them.

use hone_proto::v1;
use hone_studies::{Now, Roster, State, Study, StudyState, explain};

use super::TrialRef;

/// Why a trial waits, or why it ended as it did.
pub fn explanation(state: &State, roster: &Roster, study: &Study, trial: TrialRef<'_>, now: Now) -> v1::Explanation {
    let answer = match trial {
        TrialRef::Open(open) if open.running().is_some() => explain::explain_running(state, roster, now, open),
        TrialRef::Open(open) => explain::explain_waiting(state, roster, now, open),
        TrialRef::Finished(row) => explain::explain_finished(state, study, row),
    };
    v1::Explanation { summary: answer.summary, facts: answer.facts, hints: answer.hints }
}

/// Why nothing of a study runs, in one sentence; empty when something does, or when nothing is to run.
pub fn waits_for(state: &State, roster: &Roster, study: &Study, now: Now) -> String {
    if study.state == StudyState::Finished {
        return String::new();
    }
    explain::explain_study_idle(state, roster, now, study.id).unwrap_or_default()
}
