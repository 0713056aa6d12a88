//! Finds what a person means: studies by name, id or `last`; trials by number, `last` or `best`; workers like studies.
//!
//! A name wins over an id and over `last`, so that whatever a study is called, it can be reached.

use std::sync::Arc;

use hone_studies::{
    LabelProjectId, State, Study, StudyId, Worker, WorkerId, best_trials,
    label::{LabelProject, Labels},
};

use super::{TrialRef, nearest, trial_of};

const LABEL_PROJECT: &str = "label project";

/// Why nothing was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// `last`, and there are none.
    #[error("there is no {what} yet")]
    Empty {
        /// What was looked for.
        what: &'static str,
    },
    /// Neither a name nor an id.
    #[error("there is no {what} `{given}`")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// As it was given.
        given: String,
        /// A name that was perhaps meant.
        nearest: Option<String>,
    },
    /// Two or more workers have this name.
    #[error("there are {count} workers called `{given}`; use an id: {ids}")]
    Ambiguous {
        /// The name.
        given: String,
        /// How many.
        count: usize,
        /// Their ids.
        ids: String,
    },
    /// The study has no trial with this number.
    #[error("study `{study}` has no trial {given}{}", range(*.trials))]
    NoSuchTrial {
        /// Name of the study.
        study: String,
        /// As it was given.
        given: String,
        /// How many trials it has.
        trials: u32,
    },
    /// `best`, and none is complete.
    #[error("study `{study}` has no complete trial yet")]
    NoneComplete {
        /// Name of the study.
        study: String,
    },
    /// Neither a number nor one of the two words.
    #[error("`{0}` is no trial; give a number, `last` or `best`")]
    NotATrial(String),
}

fn range(trials: u32) -> String {
    match trials {
        0 => ": it has none yet".to_owned(),
        1 => ": it has trial 0 only".to_owned(),
        more => format!(": it has trials 0 to {}", more - 1),
    }
}

impl SelectError {
    /// The way out, where there is one to tell.
    pub fn hint(&self) -> Option<String> {
        match self {
            SelectError::Unknown { nearest: Some(name), .. } => Some(format!("did you mean `{name}`?")),
            SelectError::Unknown { what: LABEL_PROJECT, nearest: None, .. } => Some("`hone label ls` lists them".to_owned()),
            SelectError::Unknown { what, nearest: None, .. } => Some(format!("`hone {what} ls` lists them")),
            SelectError::NoSuchTrial { .. } | SelectError::NoneComplete { .. } => {
                Some("`hone trial ls` lists the trials of a study".to_owned())
            }
            SelectError::Empty { what: LABEL_PROJECT } => Some("`hone label create FILE` makes one".to_owned()),
            SelectError::Empty { what: "study" } => Some("`hone study create FILE` makes one".to_owned()),
            SelectError::Empty { .. } | SelectError::Ambiguous { .. } | SelectError::NotATrial(_) => None,
        }
    }
}

/// Finds a study by its name, its id or `last`, the newest.
///
/// # Errors
/// There is none; with the nearest name.
pub fn find_study<'a>(state: &'a State, given: &str) -> Result<&'a Arc<Study>, SelectError> {
    if let Some(study) = state.study_named(given) {
        return Ok(study);
    }
    if given == "last" {
        return state.studies().next_back().ok_or(SelectError::Empty { what: "study" });
    }
    let by_id = given.parse().ok().and_then(|id| state.study(StudyId(id)));
    by_id.ok_or_else(|| {
        let names = state.studies().map(|study| study.spec.name.as_str());
        unknown("study", given, nearest(given, names))
    })
}

/// Finds a label project by its name, its id or `last`, the newest.
///
/// # Errors
/// There is none; with the nearest name.
pub fn find_label_project<'a>(labels: &'a Labels, given: &str) -> Result<&'a Arc<LabelProject>, SelectError> {
    if let Some(project) = labels.project_named(given) {
        return Ok(project);
    }
    if given == "last" {
        return labels.projects().next_back().ok_or(SelectError::Empty { what: LABEL_PROJECT });
    }
    let by_id = given.parse().ok().and_then(|id| labels.project(LabelProjectId(id)));
    by_id.ok_or_else(|| {
        let names = labels.projects().map(|project| project.spec.name.as_str());
        unknown(LABEL_PROJECT, given, nearest(given, names))
    })
}

/// Finds a trial of a study by its number, `last` (the newest) or `best`.
///
/// # Errors
/// There is none.
pub fn find_trial<'a>(study: &'a Study, given: &str) -> Result<TrialRef<'a>, SelectError> {
    let number = match given {
        "last" => study.next_number.checked_sub(1).ok_or(SelectError::Empty { what: "trial" })?,
        "best" => best(study)?,
        number => number.parse().map_err(|_| SelectError::NotATrial(given.to_owned()))?,
    };
    trial_of(study, number).ok_or_else(|| SelectError::NoSuchTrial {
        study: study.spec.name.clone(),
        given: given.to_owned(),
        trials: study.next_number,
    })
}

fn best(study: &Study) -> Result<u32, SelectError> {
    let known = study.best.map(|(_, number)| number);
    let number = known.or_else(|| best_trials(study, 1).first().copied());
    number.ok_or_else(|| SelectError::NoneComplete { study: study.spec.name.clone() })
}

/// Finds a worker by its name, its id or `last`, the newest.
///
/// # Errors
/// There is none, or several have this name.
pub fn find_worker<'a>(state: &'a State, given: &str) -> Result<&'a Arc<Worker>, SelectError> {
    let named: Vec<&Arc<Worker>> = state.workers().filter(|worker| worker.profile.name == given).collect();
    match named.as_slice() {
        [only] => return Ok(only),
        [] => {}
        several => {
            let ids: Vec<String> = several.iter().map(|worker| worker.id.to_string()).collect();
            return Err(SelectError::Ambiguous { given: given.to_owned(), count: several.len(), ids: ids.join(", ") });
        }
    }
    if given == "last" {
        return state.workers().last().ok_or(SelectError::Empty { what: "worker" });
    }
    let by_id = given.parse().ok().and_then(|id| state.worker(WorkerId(id)));
    by_id.ok_or_else(|| {
        let names = state.workers().map(|worker| worker.profile.name.as_str());
        unknown("worker", given, nearest(given, names))
    })
}

fn unknown(what: &'static str, given: &str, nearest: Option<&str>) -> SelectError {
    SelectError::Unknown { what, given: given.to_owned(), nearest: nearest.map(str::to_owned) }
}
