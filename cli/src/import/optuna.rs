//! Studies as Optuna keeps them, whatever it keeps them in.

use hone_proto::v1;
use serde_json::Value;

use super::{Trials, bad};
use crate::errors::Result;

/// A study of a storage.
#[derive(Debug, Default, PartialEq)]
pub struct Study {
    pub name: String,
    /// One per objective: minimize or maximize; empty where it was never said.
    pub directions: Vec<String>,
    /// In order of their numbers.
    pub trials: Vec<Trial>,
    /// Removed again.
    pub is_deleted: bool,
}

/// A trial of a storage.
#[derive(Debug, Default, PartialEq)]
pub struct Trial {
    pub state: State,
    pub params: Vec<v1::Parameter>,
    pub values: Vec<f64>,
    pub started_us: i64,
    pub ended_us: i64,
    pub curve: Vec<v1::Point>,
}

/// The states of Optuna, by their numbers there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    #[default]
    Running,
    Complete,
    Pruned,
    Fail,
    Waiting,
}

impl State {
    /// Reads the number that a journal has.
    pub fn of_number(number: u64) -> Option<Self> {
        [Self::Running, Self::Complete, Self::Pruned, Self::Fail, Self::Waiting].get(number as usize).copied()
    }

    /// Reads the word that a database has.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "RUNNING" => Some(Self::Running),
            "COMPLETE" => Some(Self::Complete),
            "PRUNED" => Some(Self::Pruned),
            "FAIL" => Some(Self::Fail),
            "WAITING" => Some(Self::Waiting),
            _ => None,
        }
    }

    /// How we call it, if it is one of a finished trial.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Complete => Some("complete"),
            Self::Pruned => Some("pruned"),
            Self::Fail => Some("failed"),
            Self::Running | Self::Waiting => None,
        }
    }
}

/// Picks a study out of a storage and writes its finished trials.
///
/// # Errors
/// There is none of that name, there are several to choose from, or its objectives are not those of `into`.
pub fn trials(mut studies: Vec<Study>, from: Option<&str>, into: &v1::Study) -> Result<Trials> {
    studies.retain(|study| !study.is_deleted);
    let study = pick(studies, from)?;
    let wanted: Vec<&str> = into.objectives.iter().map(|objective| objective.direction.as_str()).collect();
    if study.directions != wanted {
        let (theirs, ours) = (study.directions.join(", "), wanted.join(", "));
        return Err(bad(format!("its study `{}` has the directions {theirs}, and `{}` has {ours}", study.name, into.name)));
    }
    let mut found = Trials::default();
    for (number, trial) in study.trials.into_iter().enumerate() {
        match trial.state.word() {
            Some(state) => found.trials.push(imported(number, state, trial)),
            None => found.unfinished += 1,
        }
    }
    Ok(found)
}

fn pick(mut studies: Vec<Study>, from: Option<&str>) -> Result<Study> {
    let names: Vec<String> = studies.iter().map(|study| format!("`{}`", study.name)).collect();
    let names = names.join(", ");
    match from {
        Some(name) => {
            let found = studies.into_iter().find(|study| study.name == name);
            found.ok_or_else(|| bad(format!("it holds no study `{name}`")).hint(format!("it holds {names}")))
        }
        None if studies.len() == 1 => Ok(studies.remove(0)),
        None if studies.is_empty() => Err(bad("it holds no study")),
        None => Err(bad(format!("it holds the studies {names}")).hint("choose one with `--from NAME`")),
    }
}

fn imported(number: usize, state: &str, trial: Trial) -> v1::ImportedTrial {
    v1::ImportedTrial {
        label: format!("trial {number}"),
        params: trial.params,
        state: state.to_owned(),
        // A pruned trial has its last report there, which is no final value.
        values: if trial.state == State::Complete { trial.values } else { Vec::new() },
        started_us: trial.started_us,
        ended_us: trial.ended_us,
        curve: trial.curve,
    }
}

/// Reads a parameter from its distribution and the number that stands for its value there.
///
/// # Errors
/// The distribution makes no sense, or has no value of that number.
pub fn parameter(name: &str, number: f64, distribution: &str) -> std::result::Result<v1::Parameter, String> {
    let value = value(number, distribution).ok_or_else(|| format!("the distribution of `{name}` makes no sense for {number}"))?;
    Ok(v1::Parameter { name: name.to_owned(), value: Some(value) })
}

fn value(number: f64, distribution: &str) -> Option<v1::parameter::Value> {
    use v1::parameter::Value as Kind;
    let distribution: Value = serde_json::from_str(distribution).ok()?;
    match distribution.get("name")?.as_str()? {
        "CategoricalDistribution" => {
            let choices = distribution.get("attributes")?.get("choices")?.as_array()?;
            let at = (number >= 0.0 && number.fract() == 0.0).then_some(number as usize)?;
            choices.get(at).map(choice)
        }
        "IntDistribution" | "IntUniformDistribution" | "IntLogUniformDistribution" => Some(Kind::Int(number.round() as i64)),
        "FloatDistribution" | "UniformDistribution" | "LogUniformDistribution" | "DiscreteUniformDistribution" => {
            Some(Kind::Float(number))
        }
        _ => None,
    }
}

/// A value as Python programs have it.
pub fn choice(choice: &Value) -> v1::parameter::Value {
    use v1::parameter::Value as Kind;
    match choice {
        Value::Bool(value) => Kind::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Kind::Int(value),
            None => Kind::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Kind::String(text.clone()),
        Value::Null => Kind::String("None".to_owned()),
        Value::Array(_) | Value::Object(_) => Kind::String(choice.to_string()),
    }
}

/// A reported value of the first objective.
pub fn point(step: i64, value: f64) -> v1::Point {
    v1::Point { step, metric: String::new(), value }
}
