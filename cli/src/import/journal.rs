//! Optuna's journal: one JSON object a line, each an operation; studies and trials are numbered by their order.

use serde_json::Value;

use super::{
    bad, instant,
    optuna::{State, Study, Trial, parameter, point},
};
use crate::errors::Result;

const CREATE_STUDY: u64 = 0;
const DELETE_STUDY: u64 = 1;
const CREATE_TRIAL: u64 = 4;
const SET_TRIAL_PARAM: u64 = 5;
const SET_TRIAL_STATE_VALUES: u64 = 6;
const SET_TRIAL_INTERMEDIATE_VALUE: u64 = 7;

/// What a line says, or which of its fields is wrong and why.
type Said<T> = std::result::Result<T, String>;

/// Reads all studies, removed ones too.
///
/// A last line without an end was cut off by a crash and is left out, as Optuna does.
///
/// # Errors
/// A line is no operation, or names a study or trial that is not there. Operations build on each other, so the first
/// one that is wrong ends it.
pub fn read(bytes: &[u8]) -> Result<Vec<Study>> {
    let mut storage = Storage::default();
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    for (number, line) in (1..).zip(bytes[..whole].split(|&byte| byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = std::str::from_utf8(line).map_err(|_| bad(format!("line {number}: it is not UTF-8")))?;
        let line: Value =
            serde_json::from_str(&plain_json(line)).map_err(|error| bad(format!("line {number}: it is no JSON: {error}")))?;
        storage.apply(&line).map_err(|problem| bad(format!("line {number}: {problem}")))?;
    }
    Ok(storage.studies)
}

#[derive(Default)]
struct Storage {
    studies: Vec<Study>,
    /// Study and number of every trial, in order of creation.
    trials: Vec<(usize, usize)>,
}

impl Storage {
    /// Applies one operation. Others than those about trials change nothing here.
    fn apply(&mut self, line: &Value) -> Said<()> {
        match field(line, "op_code", Value::as_u64)? {
            CREATE_STUDY => {
                let directions = field(line, "directions", Value::as_array)?.iter().map(direction).collect();
                self.studies.push(Study { name: text(line, "study_name")?, directions, ..Study::default() });
            }
            DELETE_STUDY => self.study(line)?.1.is_deleted = true,
            CREATE_TRIAL => self.create_trial(line)?,
            SET_TRIAL_PARAM => {
                let (name, distribution) = (text(line, "param_name")?, text(line, "distribution")?);
                let value = field(line, "param_value_internal", Value::as_f64)?;
                self.trial(line)?.params.push(parameter(&name, value, &distribution)?);
            }
            SET_TRIAL_STATE_VALUES => end(self.trial(line)?, line)?,
            SET_TRIAL_INTERMEDIATE_VALUE => {
                let step = field(line, "step", Value::as_i64)?;
                let value = line.get("intermediate_value").and_then(Value::as_f64);
                self.trial(line)?.curve.extend(value.map(|value| point(step, value)));
            }
            _ => {}
        }
        Ok(())
    }

    fn create_trial(&mut self, line: &Value) -> Said<()> {
        let mut trial = Trial { started_us: time(line, "datetime_start")?, ..Trial::default() };
        if line.get("state").is_some() {
            end(&mut trial, line)?;
        }
        for (name, distribution) in line.get("distributions").and_then(Value::as_object).into_iter().flatten() {
            let value = line.get("params").and_then(|params| params.get(name)).and_then(Value::as_f64);
            let value = value.ok_or_else(|| format!("`params` has no number for `{name}`"))?;
            trial.params.push(parameter(name, value, distribution.as_str().unwrap_or_default())?);
        }
        for (step, value) in line.get("intermediate_values").and_then(Value::as_object).into_iter().flatten() {
            let step =
                step.parse().map_err(|_| format!("`intermediate_values` has a step `{step}`, which is no whole number"))?;
            trial.curve.extend(value.as_f64().map(|value| point(step, value)));
        }
        let (at, study) = self.study(line)?;
        study.trials.push(trial);
        let number = study.trials.len() - 1;
        self.trials.push((at, number));
        Ok(())
    }

    fn study(&mut self, line: &Value) -> Said<(usize, &mut Study)> {
        let id = field(line, "study_id", Value::as_u64)?;
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        let study = self.studies.get_mut(at).ok_or_else(|| format!("`study_id` is {id}, and no line before made that study"))?;
        Ok((at, study))
    }

    fn trial(&mut self, line: &Value) -> Said<&mut Trial> {
        let id = field(line, "trial_id", Value::as_u64)?;
        let place = usize::try_from(id).ok().and_then(|id| self.trials.get(id).copied());
        let trial = place.and_then(|(study, number)| self.studies.get_mut(study)?.trials.get_mut(number));
        trial.ok_or_else(|| format!("`trial_id` is {id}, and no line before made that trial"))
    }
}

/// Takes state, values and times from an operation that has them.
fn end(trial: &mut Trial, line: &Value) -> Said<()> {
    let state = field(line, "state", Value::as_u64)?;
    trial.state = State::of_number(state).ok_or_else(|| format!("`state` is {state}, which is none"))?;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    if let Some(values) = line.get("values").and_then(Value::as_array) {
        trial.values = values.iter().map(number).collect();
    } else if let Some(value) = line.get("value").filter(|value| !value.is_null()) {
        trial.values = vec![number(value)];
    }
    if let started @ 1.. = time(line, "datetime_start")? {
        trial.started_us = started;
    }
    trial.ended_us = time(line, "datetime_complete")?;
    Ok(())
}

fn direction(number: &Value) -> String {
    let word = match number.as_u64() {
        Some(1) => "minimize",
        Some(2) => "maximize",
        Some(_) | None => "",
    };
    word.to_owned()
}

/// Returns a field that has to be there.
fn field<'a, T>(line: &'a Value, key: &str, read: impl Fn(&'a Value) -> Option<T>) -> Said<T> {
    let value = line.get(key).ok_or_else(|| format!("it has no `{key}`, which an operation of Optuna's journal has"))?;
    read(value).ok_or_else(|| format!("`{key}` is {value}, which makes no sense"))
}

fn text(line: &Value, key: &str) -> Said<String> {
    field(line, key, Value::as_str).map(str::to_owned)
}

/// 0 where there is none.
fn time(line: &Value, key: &str) -> Said<i64> {
    match line.get(key) {
        None | Some(Value::Null) => Ok(0),
        Some(_) => field(line, key, |value| instant(value.as_str()?)),
    }
}

/// Puts `null` where Python wrote numbers that JSON has no word for.
pub(super) fn plain_json(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let (mut rest, mut quoted) = (line, false);
    while let Some(character) = rest.chars().next() {
        let word = ["NaN", "Infinity", "-Infinity"].into_iter().find(|word| !quoted && rest.starts_with(word));
        if let Some(word) = word {
            plain.push_str("null");
            rest = &rest[word.len()..];
            continue;
        }
        let mut taken = character.len_utf8();
        if quoted && character == '\\' {
            taken += rest[taken..].chars().next().map_or(0, char::len_utf8);
        } else if character == '"' {
            quoted = !quoted;
        }
        plain.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const STUDY: &str = r#"{"op_code":0,"study_name":"s","directions":[1]}"#;

    #[test]
    fn pythons_numbers_become_null_outside_of_text() {
        let line = r#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" Infinity","d":"\\","e":NaN}"#;
        assert_eq!(plain_json(line), r#"{"a":null,"b":[null,null],"c":"NaN \" Infinity","d":"\\","e":null}"#);
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out() {
        assert_eq!(read(format!("{STUDY}\n{{\"op_code\":4,\"stu").as_bytes()).expect("readable").len(), 1);
    }

    #[test]
    fn nonsense_is_named_by_line_and_field() {
        let cases = [
            (r#"{"op_code":4,"study_id":7}"#, "`study_id` is 7"),
            (r#"{"op_code":4}"#, "it has no `study_id`"),
            ("{}", "it has no `op_code`"),
            ("[1]", "it has no `op_code`"),
            ("{", "it is no JSON"),
            (r#"{"op_code":6,"trial_id":0,"state":1}"#, "`trial_id` is 0"),
            (r#"{"op_code":4,"study_id":0,"state":9}"#, "`state` is 9"),
            (r#"{"op_code":4,"study_id":0,"datetime_start":"soon"}"#, "`datetime_start` is \"soon\""),
            (r#"{"op_code":4,"study_id":0,"distributions":{"a":"{}"},"params":{"a":1}}"#, "the distribution of `a`"),
        ];
        for (nonsense, problem) in cases {
            let error = read(format!("{STUDY}\n{nonsense}\n").as_bytes()).expect_err("no operation").to_string();
            assert!(error.starts_with("line 2: ") && error.contains(problem), "{error}");
        }
    }
}
