//! Which trials of a study are members of a committee.

use std::collections::{BTreeSet, HashMap};

use hone_data::predictions::{MAX_MEMBERS, Pool, pools};
use hone_search::{Direction, Outcome};
use hone_studies::{FileRef, FinishedTrial, State, Study, WorkerId, best_trials, kept_outputs};
use tonic::{Code, Status};

use crate::convert::status::status;

/// Members where nobody says how many.
const TOP: usize = 8;
/// How predictions are called where there are several and nobody says which.
const USUAL: &str = "pool";
const HOW: &str = "let trials write predictions into `$HONE_OUTPUT/predictions/pool.npy`; docs/predictions.md tells how";

/// A trial whose predictions count.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The number of the trial.
    pub trial: u32,
    /// What messages and committees call it.
    pub name: String,
    /// It was pruned.
    pub is_pruned: bool,
    /// What it is ranked by; NaN: nothing.
    pub value: f64,
    /// Its files.
    pub pool: Pool<FileRef>,
}

/// Where the files of a member are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// In the coordinator's blob store.
    Store,
    /// On the disk of a worker.
    Worker(WorkerId),
}

impl Member {
    /// Where its files are; `None`: in several places.
    pub fn home(&self) -> Option<Home> {
        let homes: BTreeSet<Option<WorkerId>> = self.pool.files().map(|file| file.kept_by).collect();
        match homes.into_iter().collect::<Vec<_>>()[..] {
            [None] => Some(Home::Store),
            [Some(worker)] => Some(Home::Worker(worker)),
            _ => None,
        }
    }
}

/// Who is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// What their files are called; empty: as usual.
    pub pool: String,
    /// Numbers of trials; none: the best.
    pub trials: Vec<u32>,
    /// Most members where no trials are named; 0: as many as usual.
    pub top: usize,
}

/// The members, best first: complete trials by their objective, then pruned ones by their last report.
///
/// # Errors
/// No trial of the study has predictions, a named one has none, or there are several pools and none is named.
pub fn members(state: &State, study: &Study, wanted: &Wanted) -> Result<Vec<Member>, Status> {
    let mut having = with_predictions(state, study);
    if !wanted.trials.is_empty() {
        check_named(study, &having, &wanted.trials)?;
        having.retain(|member| wanted.trials.contains(&member.trial));
    }
    if having.is_empty() {
        let message = format!("no finished or pruned trial of study `{}` has predictions", study.spec.name);
        return Err(status(Code::FailedPrecondition, message, Some(HOW.to_owned())));
    }
    let pool = pool_of(&having, &wanted.pool)?;
    let mut found: Vec<Member> = Vec::new();
    for member in having {
        // One of each trial: of two formats the first one.
        if member.pool.is_called(&pool) && found.last().is_none_or(|last| last.trial != member.trial) {
            found.push(member);
        }
    }
    if let Some(without) = wanted.trials.iter().find(|trial| found.iter().all(|member| member.trial != **trial)) {
        let message = format!("trial {without} of study `{}` has no predictions `{pool}`", study.spec.name);
        return Err(status(Code::FailedPrecondition, message, Some(HOW.to_owned())));
    }
    let top = if wanted.trials.is_empty() { Some(wanted.top).filter(|top| *top > 0).unwrap_or(TOP) } else { found.len() };
    ranked(study, &mut found);
    found.truncate(top.min(MAX_MEMBERS));
    Ok(found)
}

/// Every file of predictions of every trial that is over, trial by trial.
fn with_predictions(state: &State, study: &Study) -> Vec<Member> {
    let kept = kept_outputs(study);
    let is_kept = |number, file: &FileRef| {
        file.kept_by.is_some_and(|worker| state.worker(worker).is_some())
            || kept.as_ref().is_none_or(|kept| kept.contains(&number))
    };
    let mut found = Vec::new();
    for segment in study.finished.parts() {
        for (row, detail) in segment.details() {
            let trial = FinishedTrial { segment, row };
            let (number, is_pruned) = (trial.number(), trial.outcome() == Outcome::Pruned);
            if !is_pruned && trial.outcome() != Outcome::Complete {
                continue;
            }
            let last = segment.columns.last_report(row).map_or(f64::NAN, |(_, value)| value);
            let value = if is_pruned { last } else { segment.columns.value(0, row) };
            let files = detail.files.outputs.iter().map(|file| (file.path.as_str(), file.clone()));
            let own = pools(files).into_iter().filter(|pool| is_kept(number, &pool.file));
            let member = |pool: Pool<FileRef>| Member {
                trial: number,
                name: format!("trial {number}: {}", pool.name),
                is_pruned,
                value,
                pool,
            };
            found.extend(own.map(member));
        }
    }
    found
}

fn check_named(study: &Study, having: &[Member], trials: &[u32]) -> Result<(), Status> {
    if trials.len() > MAX_MEMBERS {
        let message = format!("{} trials are more than the {MAX_MEMBERS} members that a committee may have", trials.len());
        return Err(Status::invalid_argument(message));
    }
    let Some(without) = trials.iter().find(|trial| having.iter().all(|member| member.trial != **trial)) else { return Ok(()) };
    let name = &study.spec.name;
    if *without >= study.next_number {
        let hint = "`hone trial ls` lists the trials of a study".to_owned();
        return Err(status(Code::NotFound, format!("study `{name}` has no trial {without}"), Some(hint)));
    }
    let message = format!("trial {without} of study `{name}` has no predictions, or is not over");
    Err(status(Code::FailedPrecondition, message, Some(HOW.to_owned())))
}

/// The name of the pool that is meant.
fn pool_of(having: &[Member], given: &str) -> Result<String, Status> {
    let names: BTreeSet<&str> = having.iter().map(|member| member.pool.name.as_str()).collect();
    let listed = || names.iter().take(10).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let is_there = |given: &str| having.iter().any(|member| member.pool.is_called(given));
    if !given.is_empty() {
        let missing = format!("no trial has predictions `{given}`; there are {}", listed());
        return if is_there(given) { Ok(given.to_owned()) } else { Err(Status::not_found(missing)) };
    }
    match names.first() {
        Some(only) if names.len() == 1 => Ok((*only).to_owned()),
        _ if is_there(USUAL) => Ok(USUAL.to_owned()),
        _ => {
            let message = format!("trials have predictions of several pools: {}", listed());
            Err(status(Code::InvalidArgument, message, Some("name one with `--pool`".to_owned())))
        }
    }
}

/// Sorts members, best first.
fn ranked(study: &Study, members: &mut [Member]) {
    let places: HashMap<u32, usize> = best_trials(study, study.finished.len()).into_iter().zip(0..).collect();
    let sign = match study.spec.objectives.first().map(|objective| objective.direction) {
        Some(Direction::Maximize) => -1.0,
        Some(Direction::Minimize) | None => 1.0,
    };
    // A number that is none comes last, whatever its sign.
    let loss = |member: &Member| if member.value.is_nan() { f64::INFINITY } else { sign * member.value };
    members.sort_by_cached_key(|member| {
        let place = places.get(&member.trial).copied().unwrap_or(usize::MAX);
        (member.is_pruned, place, Total(loss(member)), member.trial)
    });
}

/// Numbers in their total order.
#[derive(PartialEq)]
struct Total(f64);

impl Eq for Total {}

impl Ord for Total {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Total {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
