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

/// Reads all studies, removed ones too.
///
/// A last line without an end was cut off by a crash and is left out, as Optuna does.
///
/// # Errors
/// A line is no operation, or names a study or trial that is not there.
pub fn read(bytes: &[u8]) -> Result<Vec<Study>> {
    let mut storage = Storage::default();
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    for (number, line) in (1..).zip(bytes[..whole].split(|&byte| byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let line = serde_json::from_str(&plain_json(&String::from_utf8_lossy(line)));
        let line: Value = line.map_err(|error| bad(format!("line {number} is no JSON: {error}")))?;
        storage.apply(&line).ok_or_else(|| bad(format!("line {number} is no operation of Optuna's journal")))?;
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
    /// Applies one operation; `None` if it makes no sense. Others than those about trials change nothing here.
    fn apply(&mut self, line: &Value) -> Option<()> {
        match line.get("op_code")?.as_u64()? {
            CREATE_STUDY => {
                let directions = line.get("directions")?.as_array()?.iter().map(direction).collect();
                self.studies.push(Study { name: text(line, "study_name")?, directions, ..Study::default() });
            }
            DELETE_STUDY => self.study(line)?.1.is_deleted = true,
            CREATE_TRIAL => self.create_trial(line)?,
            SET_TRIAL_PARAM => {
                let (name, distribution) = (text(line, "param_name")?, text(line, "distribution")?);
                let value = line.get("param_value_internal")?.as_f64()?;
                self.trial(line)?.params.push(parameter(&name, value, &distribution)?);
            }
            SET_TRIAL_STATE_VALUES => end(self.trial(line)?, line)?,
            SET_TRIAL_INTERMEDIATE_VALUE => {
                let step = line.get("step")?.as_i64()?;
                let value = line.get("intermediate_value")?.as_f64();
                let trial = self.trial(line)?;
                trial.curve.extend(value.map(|value| point(step, value)));
            }
            _ => {}
        }
        Some(())
    }

    fn create_trial(&mut self, line: &Value) -> Option<()> {
        let mut trial = Trial { started_us: time(line, "datetime_start"), ..Trial::default() };
        if line.get("state").is_some() {
            end(&mut trial, line)?;
        }
        for (name, distribution) in line.get("distributions").and_then(Value::as_object).into_iter().flatten() {
            let value = line.get("params")?.get(name)?.as_f64()?;
            trial.params.push(parameter(name, value, distribution.as_str()?)?);
        }
        for (step, value) in line.get("intermediate_values").and_then(Value::as_object).into_iter().flatten() {
            let step = step.parse().ok()?;
            trial.curve.extend(value.as_f64().map(|value| point(step, value)));
        }
        let (at, study) = self.study(line)?;
        study.trials.push(trial);
        let number = study.trials.len() - 1;
        self.trials.push((at, number));
        Some(())
    }

    fn study(&mut self, line: &Value) -> Option<(usize, &mut Study)> {
        let at = usize::try_from(line.get("study_id")?.as_u64()?).ok()?;
        Some((at, self.studies.get_mut(at)?))
    }

    fn trial(&mut self, line: &Value) -> Option<&mut Trial> {
        let id = usize::try_from(line.get("trial_id")?.as_u64()?).ok()?;
        let (study, number) = *self.trials.get(id)?;
        self.studies.get_mut(study)?.trials.get_mut(number)
    }
}

/// Takes state, values and times from an operation that has them.
fn end(trial: &mut Trial, line: &Value) -> Option<()> {
    trial.state = State::of_number(line.get("state")?.as_u64()?)?;
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    if let Some(values) = line.get("values").and_then(Value::as_array) {
        trial.values = values.iter().map(number).collect();
    } else if let Some(value) = line.get("value").filter(|value| !value.is_null()) {
        trial.values = vec![number(value)];
    }
    if let started @ 1.. = time(line, "datetime_start") {
        trial.started_us = started;
    }
    trial.ended_us = time(line, "datetime_complete");
    Some(())
}

fn direction(number: &Value) -> String {
    let word = match number.as_u64() {
        Some(1) => "minimize",
        Some(2) => "maximize",
        Some(_) | None => "",
    };
    word.to_owned()
}

fn text(line: &Value, key: &str) -> Option<String> {
    line.get(key)?.as_str().map(str::to_owned)
}

fn time(line: &Value, key: &str) -> i64 {
    line.get(key).and_then(Value::as_str).map_or(0, instant)
}

/// Puts `null` where Python wrote numbers that JSON has no word for.
fn plain_json(line: &str) -> String {
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

    #[test]
    fn pythons_numbers_become_null_outside_of_text() {
        let line = r#"{"a":NaN,"b":[-Infinity,Infinity],"c":"NaN \" Infinity","d":"\\","e":NaN}"#;
        assert_eq!(plain_json(line), r#"{"a":null,"b":[null,null],"c":"NaN \" Infinity","d":"\\","e":null}"#);
    }

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_nonsense_is_named() {
        let line = r#"{"op_code":0,"study_name":"s","directions":[1]}"#;
        assert_eq!(read(format!("{line}\n{{\"op_code\":4,\"stu").as_bytes()).expect("readable").len(), 1);
        for nonsense in ["{\"op_code\":4,\"study_id\":7}", "{}", "[1]", "{\"op_code\":5,\"trial_id\":0}"] {
            let error = read(format!("{line}\n{nonsense}\n").as_bytes()).expect_err("no operation");
            assert!(format!("{error:?}").contains("line 2"), "{error:?}");
        }
    }
}
