//! Optuna's database, as SQLAlchemy lays it out.

use std::{collections::BTreeMap, path::Path};

use hone_data::sqlite::{Database, SqliteError, Value};

use super::{
    bad, instant, mistakes,
    optuna::{State, Study, Trial, parameter, point},
};
use crate::errors::{Failure, Result};

/// Reads all studies.
///
/// # Errors
/// The file is damaged or in use, or none of Optuna's since version 3, or rows of it make no sense.
pub fn read(path: &Path) -> Result<Vec<Study>> {
    let database = Database::open(path).map_err(|error| failure(&error))?;
    if !database.has_table("trial_params") {
        return Err(bad("it holds no study of Optuna"));
    }
    let mut storage = Storage::default();
    storage.read(&database).map_err(|error| failure(&error))?;
    mistakes(&storage.wrong)?;
    Ok(storage.into_studies())
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

/// What was read so far, by the ids that the database has.
#[derive(Default)]
struct Storage {
    studies: BTreeMap<i64, Study>,
    directions: BTreeMap<(i64, i64), String>,
    trials: BTreeMap<i64, Found>,
    /// By trial and objective.
    values: BTreeMap<(i64, i64), f64>,
    wrong: Vec<String>,
}

/// What a row says, or what is wrong with it.
type Said<T> = std::result::Result<T, String>;

impl Storage {
    fn read(&mut self, database: &Database) -> std::result::Result<(), SqliteError> {
        database.each_row("studies", ["study_id", "study_name"], |row| self.take("studies", &row, Self::study))?;
        let columns = ["study_id", "objective", "direction"];
        database.each_row("study_directions", columns, |row| self.take("study_directions", &row, Self::direction))?;
        let columns = ["trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"];
        database.each_row("trials", columns, |row| self.take("trials", &row, Self::trial))?;
        let columns = ["trial_id", "param_name", "param_value", "distribution_json"];
        database.each_row("trial_params", columns, |row| self.take("trial_params", &row, Self::param))?;
        let columns = ["trial_id", "objective", "value"];
        database.each_row("trial_values", columns, |row| self.take("trial_values", &row, Self::value))?;
        let columns = ["trial_id", "step", "intermediate_value"];
        let table = "trial_intermediate_values";
        database.each_row(table, columns, |row| self.take(table, &row, Self::report))
    }

    /// Reads a row, whose first column says what it belongs to.
    fn take<const N: usize>(&mut self, table: &str, row: &[Value; N], read: fn(&mut Self, &[Value; N]) -> Said<()>) {
        if let Err(problem) = read(self, row) {
            let of = if table.starts_with("stud") { "study" } else { "trial" };
            let id = row.first().and_then(Value::as_int).unwrap_or_default();
            self.wrong.push(format!("table `{table}`, {of} {id}: {problem}"));
        }
    }

    fn study(&mut self, [id, name]: &[Value; 2]) -> Said<()> {
        let study = Study { name: text(name, "study_name")?.to_owned(), ..Study::default() };
        self.studies.insert(int(id, "study_id")?, study);
        Ok(())
    }

    fn direction(&mut self, [study, objective, direction]: &[Value; 3]) -> Said<()> {
        let place = (int(study, "study_id")?, int(objective, "objective")?);
        self.directions.insert(place, text(direction, "direction")?.to_ascii_lowercase());
        Ok(())
    }

    fn trial(&mut self, [id, number, study, state, started, ended]: &[Value; 6]) -> Said<()> {
        let state = text(state, "state")?;
        let state = State::of_word(state).ok_or_else(|| format!("`state` is `{state}`, which is none"))?;
        let (started_us, ended_us) = (time(started, "datetime_start")?, time(ended, "datetime_complete")?);
        let trial = Trial { state, started_us, ended_us, ..Trial::default() };
        let found = Found { study: int(study, "study_id")?, number: int(number, "number")?, trial };
        self.trials.insert(int(id, "trial_id")?, found);
        Ok(())
    }

    fn param(&mut self, [id, name, value, distribution]: &[Value; 4]) -> Said<()> {
        let name = text(name, "param_name")?;
        let value = value.as_number().ok_or_else(|| format!("`param_value` of `{name}` is no number"))?;
        let param = parameter(name, value, text(distribution, "distribution_json")?)?;
        self.of(id)?.params.push(param);
        Ok(())
    }

    fn value(&mut self, [id, objective, value]: &[Value; 3]) -> Said<()> {
        // Infinite values are stored without a number.
        let value = value.as_number().unwrap_or(f64::INFINITY);
        self.of(id)?;
        self.values.insert((int(id, "trial_id")?, int(objective, "objective")?), value);
        Ok(())
    }

    fn report(&mut self, [id, step, value]: &[Value; 3]) -> Said<()> {
        let point = value.as_number().map(|value| Ok::<_, String>(point(int(step, "step")?, value))).transpose()?;
        self.of(id)?.curve.extend(point);
        Ok(())
    }

    fn of(&mut self, id: &Value) -> Said<&mut Trial> {
        let found = self.trials.get_mut(&int(id, "trial_id")?);
        found.map(|found| &mut found.trial).ok_or_else(|| "table `trials` has no such trial".to_owned())
    }

    fn into_studies(mut self) -> Vec<Study> {
        for ((study, _), direction) in self.directions {
            if let Some(study) = self.studies.get_mut(&study) {
                study.directions.push(direction);
            }
        }
        for ((id, _), value) in self.values {
            if let Some(found) = self.trials.get_mut(&id) {
                found.trial.values.push(value);
            }
        }
        let mut trials: Vec<Found> = self.trials.into_values().collect();
        trials.sort_by_key(|found| (found.study, found.number));
        for found in trials {
            if let Some(study) = self.studies.get_mut(&found.study) {
                study.trials.push(found.trial);
            }
        }
        self.studies.into_values().collect()
    }
}

fn int(value: &Value, column: &str) -> Said<i64> {
    value.as_int().ok_or_else(|| format!("`{column}` is no whole number"))
}

fn text<'a>(value: &'a Value, column: &str) -> Said<&'a str> {
    value.as_text().ok_or_else(|| format!("`{column}` is no text"))
}

/// 0 where there is none.
fn time(value: &Value, column: &str) -> Said<i64> {
    match value {
        Value::Null => Ok(0),
        Value::Int(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
            let text = text(value, column)?;
            instant(text).ok_or_else(|| format!("`{column}` is `{text}`, which is no instant"))
        }
    }
}
