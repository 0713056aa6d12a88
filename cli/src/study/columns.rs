//! Trials as typed columns, for `hone study export --output parquet`.

use std::fs::File;

use hone_proto::v1::{self, parameter::Value};
use hone_studies::StudySpec;

use super::export::{column_names, each_batch};
use crate::{
    connect::Client,
    errors::{Failure, Kind as FailureKind, Result},
    output::{
        parameter_text,
        parquet::{Datum, Kind, Writer},
    },
};

/// Writes all trials in order of their numbers, and answers how many.
///
/// # Errors
/// The coordinator's, or the file cannot be written.
pub async fn parquet(client: &Client, study: &v1::Study, file: &mut File) -> Result<u64> {
    let failed = |error| Failure::new(FailureKind::Internal, format!("cannot write Parquet: {error}"));
    let params = params(study, column_names(client, study).await?);
    let mut writer = Writer::new(file, &columns(study, &params)).map_err(failed)?;
    let count = each_batch(client, study, |batch| {
        batch.iter().try_for_each(|trial| writer.push(row(study, &params, trial)).map_err(failed))
    });
    let count = count.await?;
    writer.finish().map_err(failed)?;
    Ok(count)
}

/// Returns the parameters with what their columns hold.
fn params(study: &v1::Study, names: Vec<String>) -> Vec<(String, Kind)> {
    let spec: Option<StudySpec> = serde_json::from_str(&study.spec_json).ok();
    let kind = |name: &String| {
        let space = &spec.as_ref()?.space;
        space.index_of(name).map(|at| kind_of(&space.parameters[at].distribution))
    };
    names.into_iter().map(|name| (kind(&name).unwrap_or(Kind::Text), name)).map(|(kind, name)| (name, kind)).collect()
}

/// Options are as typed as all of them allow.
fn kind_of(distribution: &hone_search::Distribution) -> Kind {
    use hone_search::{Choice, Distribution};
    let choices = match distribution {
        Distribution::Float { .. } => return Kind::Float,
        Distribution::Int { .. } => return Kind::Int,
        Distribution::Categorical { choices } => choices,
    };
    let all = |fits: fn(&Choice) -> bool| choices.iter().all(fits);
    if all(|choice| matches!(choice, Choice::Bool(_))) {
        Kind::Bool
    } else if all(|choice| matches!(choice, Choice::Int(_))) {
        Kind::Int
    } else if all(|choice| matches!(choice, Choice::Int(_) | Choice::Float(_))) {
        Kind::Float
    } else {
        Kind::Text
    }
}

fn columns(study: &v1::Study, params: &[(String, Kind)]) -> Vec<(String, Kind)> {
    let named = |name: &str, kind| (name.to_owned(), kind);
    let mut columns = vec![named("number", Kind::Int), named("state", Kind::Text)];
    columns.extend(study.objectives.iter().map(|objective| (format!("value.{}", objective.metric), Kind::Float)));
    columns.extend(params.iter().map(|(name, kind)| (format!("params.{name}"), *kind)));
    columns.extend([named("started", Kind::Time), named("ended", Kind::Time), named("attempts", Kind::Int)]);
    columns.extend(["origin", "tags", "end"].map(|name| named(name, Kind::Text)));
    columns
}

fn row(study: &v1::Study, params: &[(String, Kind)], trial: &v1::Trial) -> Vec<Datum> {
    let time = |micros| if micros == 0 { Datum::Nothing } else { Datum::Int(micros) };
    let text = |text: &str| if text.is_empty() { Datum::Nothing } else { Datum::Text(text.to_owned()) };
    let mut row = vec![Datum::Int(trial.number as i64), text(&trial.state)];
    row.extend((0..study.objectives.len()).map(|at| trial.values.get(at).map_or(Datum::Nothing, |value| Datum::Float(*value))));
    row.extend(params.iter().map(|(name, kind)| datum(trial.params.iter().find(|parameter| parameter.name == *name), *kind)));
    row.extend([time(trial.started_us), time(trial.ended_us), Datum::Int(trial.attempt_count.into())]);
    row.extend([text(&trial.origin), text(&trial.tags.join(" ")), text(&trial.end)]);
    row
}

fn datum(parameter: Option<&v1::Parameter>, kind: Kind) -> Datum {
    let Some((parameter, value)) = parameter.and_then(|parameter| Some((parameter, parameter.value.as_ref()?))) else {
        return Datum::Nothing;
    };
    match (value, kind) {
        (Value::Float(value), Kind::Float) => Datum::Float(*value),
        (Value::Int(value), Kind::Float) => Datum::Float(*value as f64),
        (Value::Int(value), Kind::Int) => Datum::Int(*value),
        (Value::Bool(value), Kind::Bool) => Datum::Bool(*value),
        (Value::String(text), Kind::Text) => Datum::Text(text.clone()),
        (_, Kind::Text) => Datum::Text(parameter_text(parameter)),
        (_, Kind::Float | Kind::Int | Kind::Bool | Kind::Time) => Datum::Nothing,
    }
}
