//! Optuna's database, as SQLAlchemy lays it out.

use std::{collections::BTreeMap, path::Path};

use hone_data::sqlite::{Database, SqliteError, Value};

use super::{
    bad, instant,
    optuna::{State, Study, Trial, parameter, point},
};
use crate::errors::{Failure, Result};

/// Reads all studies.
///
/// # Errors
/// The file is damaged or in use, or none of Optuna's since version 3.
pub fn read(path: &Path) -> Result<Vec<Study>> {
    let database = Database::open(path).map_err(|error| failure(&error))?;
    if !database.has_table("trial_params") {
        return Err(bad("it holds no study of Optuna"));
    }
    studies(&database).map_err(|error| failure(&error))
}

fn failure(error: &SqliteError) -> Failure {
    match error {
        SqliteError::NoColumn { .. } | SqliteError::NoTable(_) => {
            bad(error.to_string()).hint("bring it up to date with `optuna storage upgrade --storage sqlite:///FILE`")
        }
        SqliteError::Io(_)
        | SqliteError::NotSqlite
        | SqliteError::Unfinished { .. }
        | SqliteError::Unsupported(_)
        | SqliteError::Damaged(_) => bad(crate::errors::chain(error)),
    }
}

/// A trial and where it belongs.
struct Found {
    study: i64,
    number: i64,
    trial: Trial,
}

fn studies(database: &Database) -> std::result::Result<Vec<Study>, SqliteError> {
    let mut studies = BTreeMap::new();
    database.each_row("studies", ["study_id", "study_name"], |[id, name]| {
        let name = name.as_text().unwrap_or_default().to_owned();
        studies.insert(int(&id), Study { name, ..Study::default() });
    })?;
    let mut directions = Vec::new();
    database.each_row("study_directions", ["study_id", "objective", "direction"], |[study, objective, direction]| {
        directions.push((int(&study), int(&objective), direction.as_text().unwrap_or_default().to_ascii_lowercase()));
    })?;
    directions.sort_unstable();
    for (study, _, direction) in directions {
        if let Some(study) = studies.get_mut(&study) {
            study.directions.push(direction);
        }
    }
    let mut trials: Vec<Found> = trials(database)?.into_values().collect();
    trials.sort_by_key(|found| (found.study, found.number));
    for found in trials {
        if let Some(study) = studies.get_mut(&found.study) {
            study.trials.push(found.trial);
        }
    }
    Ok(studies.into_values().collect())
}

fn trials(database: &Database) -> std::result::Result<BTreeMap<i64, Found>, SqliteError> {
    let mut trials = BTreeMap::new();
    let columns = ["trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"];
    database.each_row("trials", columns, |[id, number, study, state, started, ended]| {
        let state = state.as_text().and_then(State::of_word).unwrap_or_default();
        let trial = Trial { state, started_us: time(&started), ended_us: time(&ended), ..Trial::default() };
        trials.insert(int(&id), Found { study: int(&study), number: int(&number), trial });
    })?;
    let columns = ["trial_id", "param_name", "param_value", "distribution_json"];
    database.each_row("trial_params", columns, |[id, name, value, distribution]| {
        let read = || parameter(name.as_text()?, value.as_number()?, distribution.as_text()?);
        if let Some(found) = trials.get_mut(&int(&id)) {
            found.trial.params.extend(read());
        }
    })?;
    let mut values = Vec::new();
    database.each_row("trial_values", ["trial_id", "objective", "value"], |[id, objective, value]| {
        // Infinite values are stored without a number.
        values.push((int(&id), int(&objective), value.as_number().unwrap_or(f64::INFINITY)));
    })?;
    values.sort_by_key(|&(id, objective, _)| (id, objective));
    for (id, _, value) in values {
        if let Some(found) = trials.get_mut(&id) {
            found.trial.values.push(value);
        }
    }
    let columns = ["trial_id", "step", "intermediate_value"];
    database.each_row("trial_intermediate_values", columns, |[id, step, value]| {
        if let (Some(found), Some(value)) = (trials.get_mut(&int(&id)), value.as_number()) {
            found.trial.curve.push(point(int(&step), value));
        }
    })?;
    Ok(trials)
}

fn int(value: &Value) -> i64 {
    value.as_int().unwrap_or(-1)
}

fn time(value: &Value) -> i64 {
    value.as_text().map_or(0, instant)
}
