//! Trials from elsewhere, read against the study that they are to join.

use hone_proto::v1;
use hone_search::{Distribution, Outcome, Value};
use hone_studies::{ImportedTrial, Micros, Point, StudySpec};

use super::values::parse;
use crate::convert::distribution::value_from_proto;

/// Reads one trial, which ended at `now` if nobody knows better.
///
/// Parameters that the space lacks are left out, and so are those that do not exist under the others.
///
/// # Errors
/// Why the trial does not fit the study, in words.
pub fn imported_from_proto(
    spec: &StudySpec,
    message: v1::ImportedTrial,
    source: &str,
    now: Micros,
) -> Result<ImportedTrial, String> {
    let outcome = outcome(&message.state)?;
    let values = if outcome == Outcome::Complete { message.values } else { Vec::new() };
    check_values(spec, outcome, &values)?;
    let ended = if message.ended_us == 0 { now } else { message.ended_us };
    Ok(ImportedTrial {
        params: params(spec, &message.params)?,
        outcome,
        values,
        started: message.started_us,
        ended,
        points: message.curve.into_iter().map(|point| point_from_proto(spec, point)).collect(),
        why: format!("from {source}, {}", message.label),
    })
}

fn outcome(state: &str) -> Result<Outcome, String> {
    match state {
        "complete" => Ok(Outcome::Complete),
        "pruned" => Ok(Outcome::Pruned),
        "failed" => Ok(Outcome::Failed),
        other => Err(format!("its state `{other}` is none of complete, pruned, failed")),
    }
}

fn check_values(spec: &StudySpec, outcome: Outcome, values: &[f64]) -> Result<(), String> {
    let wanted = spec.objectives.len();
    if outcome == Outcome::Complete && values.len() != wanted {
        return Err(format!("it has {} values, and the study has {wanted} objectives", values.len()));
    }
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(format!("its value {value} is not a finite number")),
        None => Ok(()),
    }
}

fn params(spec: &StudySpec, given: &[v1::Parameter]) -> Result<Vec<f64>, String> {
    let mut internal = vec![f64::NAN; spec.space.len()];
    for parameter in given {
        let (Some(at), Some(value)) = (spec.space.index_of(&parameter.name), &parameter.value) else { continue };
        let distribution = &spec.space.parameters[at].distribution;
        let read = distribution.to_internal(&value_of(distribution, value));
        internal[at] = read.map_err(|error| format!("parameter `{}`: {error}", parameter.name))?;
    }
    let params = spec.space.plan().fill(|at, _| internal[at]);
    spec.space.contains(&params).map_err(|error| error.to_string())?;
    Ok(params)
}

fn value_of(distribution: &Distribution, value: &v1::parameter::Value) -> Value {
    use v1::parameter::Value as Kind;
    match value {
        Kind::String(text) => value_of_text(distribution, text),
        Kind::Float(_) | Kind::Int(_) | Kind::Bool(_) => value_from_proto(value),
    }
}

/// Python writes `True` and `False`; they stand for what they mean unless an option is called so.
fn value_of_text(distribution: &Distribution, text: &str) -> Value {
    let value = parse(distribution, text);
    match text {
        "True" | "False" if distribution.to_internal(&value).is_err() => Value::Bool(text == "True"),
        _ => value,
    }
}

fn point_from_proto(spec: &StudySpec, point: v1::Point) -> Point {
    let metric = if point.metric.is_empty() { &spec.objectives[0].metric } else { &point.metric };
    Point { step: Some(point.step), metric: metric.as_str().into(), value: point.value }
}

#[cfg(test)]
mod tests {
    use v1::parameter::Value as Kind;

    use super::*;

    const STUDY: &str = "[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[space]\nrate = { float = [0.0, 1.0] }\n\
                         kind = { choice = [\"a\", 3, true] }\nextra = { int = [1, 5], when = { kind = \"a\" } }\n\
                         [trial]\ncommand = [\"t\"]\n";

    fn trial(params: &[(&str, Kind)]) -> v1::ImportedTrial {
        let params = params.iter().map(|(name, value)| v1::Parameter { name: (*name).to_owned(), value: Some(value.clone()) });
        v1::ImportedTrial { state: "complete".to_owned(), values: vec![0.5], params: params.collect(), ..Default::default() }
    }

    fn read(message: v1::ImportedTrial) -> Result<ImportedTrial, String> {
        let spec = hone_studies::file::parse(STUDY, "s.toml").expect("a correct study");
        imported_from_proto(&spec, message, "`old.csv`", 77)
    }

    fn text(text: &str) -> Kind {
        Kind::String(text.to_owned())
    }

    #[test]
    fn text_stands_for_what_its_parameter_is_and_what_does_not_exist_is_left_out() {
        let read = read(trial(&[("rate", text("0.25")), ("kind", text("3")), ("extra", text("2")), ("other", text("x"))]));
        let read = read.expect("it fits");
        assert!(read.params[..2] == [0.25, 1.0] && read.params[2].is_nan(), "{:?}", read.params);
        assert_eq!((read.ended, read.started), (77, 0));
    }

    #[test]
    fn pythons_words_stand_for_what_they_mean() {
        let read = read(trial(&[("rate", text("1")), ("kind", text("True"))])).expect("it fits");
        assert_eq!(read.params[..2], [1.0, 2.0]);
        let named = Distribution::Categorical { choices: vec![Value::Str("True".to_owned()), Value::Bool(true)] };
        assert_eq!(value_of_text(&named, "True"), Value::Str("True".to_owned()));
    }

    #[test]
    fn what_does_not_fit_says_why() {
        let good = [("rate", Kind::Float(0.5)), ("kind", Kind::Bool(true))];
        let cases = [
            (trial(&[("rate", Kind::Float(7.0)), good[1].clone()]), "parameter `rate`"),
            (trial(&good[..1]), "`kind` needs a value"),
            (trial(&[good[0].clone(), ("kind", text("a"))]), "`extra` needs a value"),
            (v1::ImportedTrial { state: "running".to_owned(), ..trial(&good) }, "state `running`"),
            (v1::ImportedTrial { values: vec![], ..trial(&good) }, "0 values"),
            (v1::ImportedTrial { values: vec![f64::INFINITY], ..trial(&good) }, "not a finite number"),
        ];
        for (message, problem) in cases {
            let error = read(message).expect_err("it does not fit");
            assert!(error.contains(problem), "{error}");
        }
        assert!(read(trial(&good)).is_ok());
    }
}
