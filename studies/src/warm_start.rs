//! Where a study starts from: finished trials of other studies, taken when it is created.
//!
//! They are written down with the study, in its own space, so that neither a later trial of the other study nor its
//! removal changes anything. They are no trials of this study: they have no place in the budget, and no rule, pruner
//! or best trial looks at them. Only its sampler does.

use std::{collections::BTreeMap, fmt, sync::Arc};

use hone_search::{Direction, Foreign, History, transfer};
use serde::{Deserialize, Serialize};

use crate::{file::closest, ids::StudyId, spec::StudySpec, state::State, study::Study};

/// Trials of one other study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WarmStart {
    /// The other study, which may be gone by now.
    pub study: StudyId,
    /// Its complete and pruned trials at that time, of which some may not have been taken.
    pub of: u64,
    /// Those that were taken.
    pub foreign: Arc<Foreign>,
}

/// A study that another one cannot start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmStartProblem {
    /// Its place in `warm_start`.
    pub index: usize,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl fmt::Display for WarmStartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "search.warm_start[{}]: {}", self.index, self.message)
    }
}

/// Takes the trials that a study starts from, as they are now.
///
/// # Errors
/// Every study that cannot be started from, and every reason.
pub fn take_warm_start(state: &State, spec: &StudySpec) -> Result<Vec<WarmStart>, Vec<WarmStartProblem>> {
    let (mut taken, mut problems) = (Vec::new(), Vec::new());
    for (index, name) in spec.search.warm_start.iter().enumerate() {
        match find(state, spec, name).and_then(|study| take(study, spec)) {
            Ok(warm) => taken.push(warm),
            Err(found) => {
                problems.extend(found.into_iter().map(|Said(message, hint)| WarmStartProblem { index, message, hint }));
            }
        }
    }
    if problems.is_empty() { Ok(taken) } else { Err(problems) }
}

/// What is wrong, and the way out.
struct Said(String, String);

fn find<'a>(state: &'a State, spec: &StudySpec, name: &str) -> Result<&'a Study, Vec<Said>> {
    if name == spec.name {
        let hint = "name another study, or create this one under another name with `--fork NAME`";
        return Err(vec![Said("a study cannot start from itself".to_owned(), hint.to_owned())]);
    }
    let Some(study) = state.study_named(name) else {
        let known: BTreeMap<&str, ()> = state.studies().map(|study| (study.spec.name.as_str(), ())).collect();
        let hint = match closest(name, known.keys().copied()) {
            Some(near) => format!("did you mean `{near}`? `hone study ls` lists all"),
            None if known.is_empty() => "there are no other studies yet".to_owned(),
            None => "`hone study ls` lists them; a study that was removed cannot be started from".to_owned(),
        };
        return Err(vec![Said(format!("there is no study `{name}`"), hint)]);
    };
    Ok(study)
}

fn take(study: &Study, spec: &StudySpec) -> Result<WarmStart, Vec<Said>> {
    let name = &study.spec.name;
    let objectives = objectives(study, spec)?;
    let directions: Vec<Direction> = spec.objectives.iter().map(|objective| objective.direction).collect();
    let (there, here) = (&study.spec.space, &spec.space);
    if transfer::shared(there, here).is_empty() {
        let message = format!("study `{name}` has no parameter of the same name and kind");
        let names: Vec<String> = there.parameters.iter().map(|parameter| format!("`{}`", parameter.name)).collect();
        return Err(vec![Said(message, format!("it has {}; parameters are matched by name", names.join(", ")))]);
    }
    let chunks = study.finished.columns();
    let taken = transfer::take(there, here, History { chunks: &chunks, tail: None }, &objectives, &directions);
    if taken.looked_at == 0 {
        let hint = "wait until it has one, or leave it out";
        return Err(vec![Said(format!("study `{name}` has no complete or pruned trial"), hint.to_owned())]);
    }
    if taken.columns.is_empty() {
        let message = format!("none of the {} trials of study `{name}` fits", taken.looked_at);
        let hint = "each has a value outside this study's bounds or choices; widen them, or leave it out";
        return Err(vec![Said(message, hint.to_owned())]);
    }
    let foreign = Arc::new(Foreign { name: name.clone(), columns: taken.columns });
    Ok(WarmStart { study: study.id, of: taken.looked_at as u64, foreign })
}

/// Returns which of the other study's objectives each one of `spec` is.
fn objectives(study: &Study, spec: &StudySpec) -> Result<Vec<usize>, Vec<Said>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let name = &study.spec.name;
    for wanted in &spec.objectives {
        let metric = &wanted.metric;
        let at = study.spec.objectives.iter().position(|objective| objective.metric == *metric);
        match at.map(|at| (at, study.spec.objectives[at].direction)) {
            Some((at, direction)) if direction == wanted.direction => found.push(at),
            Some((_, direction)) => {
                let message =
                    format!("study `{name}` is to {} `{metric}`, this one to {} it", word(direction), word(wanted.direction));
                problems.push(Said(message, "its trials say nothing about this direction; leave it out".to_owned()));
            }
            None => {
                let has: Vec<String> = study.spec.objectives.iter().map(|objective| format!("`{}`", objective.metric)).collect();
                let hint = format!("its objectives are {}; they are matched by `metric`", has.join(", "));
                problems.push(Said(format!("study `{name}` has no objective `{metric}`"), hint));
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Minimize => "minimize",
        Direction::Maximize => "maximize",
    }
}
