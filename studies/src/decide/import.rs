//! Trials that were run elsewhere: checked as a whole, taken once.
//!
//! A long import comes in parts. How far it has got is an attribute of the study, set in the same commit as
//! the trials, so that a part that is sent again after a lost answer or a crash changes nothing.

use std::ops::Range;

use hone_search::Outcome;

use super::studies::find;
use crate::{
    command::{Now, Reject, Reply},
    core::{self, Core},
    event::{Event, ImportedTrial, Owner, Scope},
    ids::StudyId,
    study::Study,
};

/// Some trials of an import.
pub(super) struct Part {
    /// Names the whole import, for instance by the hash of its file.
    pub key: String,
    /// Positions in the whole that this part covers.
    pub rows: Range<u64>,
    /// With their positions, ascending.
    pub trials: Vec<(u64, ImportedTrial)>,
}

pub(super) fn import(core: &mut Core, now: Now, out: &mut core::Outcome, id: StudyId, part: Part) -> Result<Reply, Reject> {
    let study = find(core, id)?;
    let Part { key, rows, mut trials } = part;
    let known = imported_of(study, &key);
    if rows.start > known {
        return Err(Reject::ImportGap { first: rows.start, expected: known });
    }
    trials.retain(|(position, _)| *position >= known);
    for (position, trial) in &trials {
        check(study, trial).map_err(|problem| Reject::BadParameters(format!("trial {position} of the import: {problem}")))?;
    }
    let new = trials.len() as u64;
    for (_, imported) in trials {
        let trial = core.state.next_task();
        let number = find(core, id)?.next_number;
        core.emit(out, Event::TrialImported { study: id, trial, number, at: now.wall, imported });
    }
    if rows.end > known {
        let value = Some(rows.end.to_string().into_bytes());
        let owner = Owner::Study(id);
        core.emit(out, Event::AttributeSet { owner, scope: Scope::System, key: attribute(&key), value });
    }
    Ok(Reply::Imported(new))
}

fn attribute(key: &str) -> String {
    format!("imported:{key}")
}

/// Returns how far the study has got with the import that `key` names.
fn imported_of(study: &Study, key: &str) -> u64 {
    let value = study.attributes.get(&(Scope::System, attribute(key)));
    let text = value.and_then(|value| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn check(study: &Study, trial: &ImportedTrial) -> Result<(), String> {
    study.spec.space.contains(&trial.params).map_err(|error| error.to_string())?;
    let (wanted, given) = (study.spec.objectives.len(), trial.values.len());
    match trial.outcome {
        Outcome::Complete if given != wanted => Err(format!("it has {given} values for {wanted} objectives")),
        Outcome::Complete if trial.values.iter().any(|value| !value.is_finite()) => {
            Err("an objective must be a finite number".to_owned())
        }
        Outcome::Complete => Ok(()),
        Outcome::Pruned | Outcome::Failed if given > 0 => Err("only a complete trial has final values".to_owned()),
        Outcome::Pruned | Outcome::Failed => Ok(()),
        Outcome::Cancelled => Err("a cancelled trial has nothing to import".to_owned()),
    }
}
