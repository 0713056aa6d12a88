//! Trials as lines: columns by name, whoever wrote them.
//!
//! | Column | Means |
//! |---|---|
//! | `params.NAME`, `params_NAME`; without any of these every other column | a parameter; empty where it does not exist |
//! | `value.METRIC`, `METRIC`, `values_0` …; with one objective `value` | an objective, by name or by position |
//! | `state` | complete, pruned, failed (or `fail`); without it a trial with all values is complete, any other failed |
//! | `started`, `ended`; `datetime_start`, `datetime_complete` | instants, which may be empty |
//! | `number`, `trial` | nothing: trials are numbered anew |
//!
//! A table of runs that Weights & Biases has exported is told by its columns `Name`, `State` and `Created`. Those that are
//! the same in every such table are no parameters there; `Runtime` has seconds.

use hone_proto::v1;

use super::{Trials, bad, instant, mistakes};
use crate::errors::Result;

const NUMBER: [&str; 2] = ["number", "trial"];
const STARTED: [&str; 2] = ["started", "datetime_start"];
const ENDED: [&str; 2] = ["ended", "datetime_complete"];
/// Columns that tell a table of Weights & Biases.
const WANDB: [&str; 3] = ["Name", "State", "Created"];
/// Others that it has of itself.
const WANDB_OWN: [&str; 13] = [
    "ID",
    "Notes",
    "User",
    "Tags",
    "Runtime",
    "Sweep",
    "Group",
    "Job Type",
    "Description",
    "Updated",
    "End Time",
    "Hostname",
    "GitHub",
];
const PREFIXES: [&str; 2] = ["params.", "params_"];

/// What the columns of a file are.
#[derive(Debug, Default)]
struct Columns {
    params: Vec<(usize, String)>,
    /// One per objective.
    values: Vec<Column>,
    state: Option<Column>,
    started: Option<Column>,
    ended: Option<Column>,
    /// Seconds from `started` to the end.
    runtime: Option<Column>,
}

/// Where a column stands, and its title.
#[derive(Clone, Debug)]
struct Column {
    at: usize,
    title: String,
}

/// Reads all lines.
///
/// # Errors
/// A column of an objective is missing, or lines make no sense: all of them, by line and column.
pub fn read(bytes: &[u8], study: &v1::Study) -> Result<Trials> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let headers = reader.headers().map_err(|error| bad(error.to_string()))?.clone();
    let columns = columns(&headers, study)?;
    let (mut trials, mut wrong) = (Trials::default(), Vec::new());
    for record in reader.records() {
        let line = |record: &csv::StringRecord| record.position().map_or(0, csv::Position::line);
        let read = match &record {
            Ok(record) => trial(&columns, record, line(record)),
            Err(error) => Err(unreadable(error)),
        };
        match read {
            Ok(Some(trial)) => trials.trials.push(trial),
            Ok(None) => trials.unfinished += 1,
            Err(problem) => wrong.push(problem),
        }
    }
    mistakes(&wrong)?;
    Ok(trials)
}

fn unreadable(error: &csv::Error) -> String {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("line {line}: it has {len} cells, and the header {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => format!("line {line}: it is not UTF-8"),
        _ => error.to_string(),
    }
}

fn columns(headers: &csv::StringRecord, study: &v1::Study) -> Result<Columns> {
    let find = |names: &[&str]| {
        let found = names.iter().find_map(|name| headers.iter().position(|header| header == *name));
        found.map(|at| Column { at, title: headers[at].to_owned() })
    };
    let values = values_columns(study, find)?;
    if WANDB.iter().all(|name| find(&[name]).is_some()) {
        return Ok(wandb_columns(headers, values, find));
    }
    let (state, started, ended, number) = (find(&["state"]), find(&STARTED), find(&ENDED), find(&NUMBER));
    let others = [&state, &started, &ended, &number].into_iter().flatten();
    let known: Vec<usize> = values.iter().chain(others).map(|column| column.at).collect();
    let params = params_columns(headers, &known);
    Ok(Columns { params, values, state, started, ended, runtime: None })
}

fn wandb_columns(headers: &csv::StringRecord, values: Vec<Column>, find: impl Fn(&[&str]) -> Option<Column>) -> Columns {
    let own = WANDB.iter().chain(&WANDB_OWN).filter_map(|name| find(&[name]));
    let known: Vec<usize> = values.iter().map(|column| column.at).chain(own.map(|column| column.at)).collect();
    Columns {
        params: params_columns(headers, &known),
        values,
        state: find(&["State"]),
        started: find(&["Created"]),
        ended: None,
        runtime: find(&["Runtime"]),
    }
}

fn values_columns(study: &v1::Study, find: impl Fn(&[&str]) -> Option<Column>) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    for (at, objective) in study.objectives.iter().enumerate() {
        let (ours, theirs) = (format!("value.{}", objective.metric), format!("values_{at}"));
        let mut names = vec![ours.as_str(), objective.metric.as_str(), theirs.as_str()];
        if study.objectives.len() == 1 {
            names.push("value");
        }
        let missing =
            || bad(format!("no column has the values of objective `{}`", objective.metric)).hint(format!("call it `{ours}`"));
        columns.push(find(&names).ok_or_else(missing)?);
    }
    Ok(columns)
}

/// Where some columns say that they are parameters, only these are; else all whose meaning is not `known`.
fn params_columns(headers: &csv::StringRecord, known: &[usize]) -> Vec<(usize, String)> {
    let marked = |name: &str| PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).map(str::to_owned);
    let named: Vec<(usize, String)> = headers.iter().enumerate().filter_map(|(at, header)| Some((at, marked(header)?))).collect();
    if !named.is_empty() {
        return named;
    }
    headers.iter().enumerate().filter(|(at, _)| !known.contains(at)).map(|(at, name)| (at, name.to_owned())).collect()
}

/// Returns `None` for a trial that has not ended, or was called off.
fn trial(columns: &Columns, record: &csv::StringRecord, line: u64) -> std::result::Result<Option<v1::ImportedTrial>, String> {
    let cell = |column: &Option<Column>| column.as_ref().and_then(|column| record.get(column.at)).unwrap_or_default();
    let at = |column: &Column, problem: String| format!("line {line}, column `{}`: {problem}", column.title);
    let time = |column: &Option<Column>| match (column, cell(column)) {
        (None, _) | (_, "") => Ok(0),
        (Some(named), text) => instant(text).ok_or_else(|| at(named, format!("`{text}` is no instant"))),
    };
    let mut values = Vec::new();
    for column in &columns.values {
        match record.get(column.at).unwrap_or_default() {
            "" => {}
            text => values.push(text.parse().map_err(|_| at(column, format!("`{text}` is no number")))?),
        }
    }
    let text = cell(&columns.state);
    let state = match text.to_ascii_lowercase().as_str() {
        "complete" | "finished" => "complete",
        "pruned" => "pruned",
        "failed" | "fail" | "crashed" => "failed",
        "" if values.len() == columns.values.len() => "complete",
        "" => "failed",
        "running" | "waiting" | "paused" | "cancelled" | "pending" | "killed" | "preempting" | "preempted" => return Ok(None),
        _ => {
            let problem = format!("`{text}` is none of complete, pruned, failed, running, waiting, paused, cancelled");
            return Err(columns.state.as_ref().map_or(problem.clone(), |column| at(column, problem)));
        }
    };
    let started_us = time(&columns.started)?;
    let runtime: Option<f64> = cell(&columns.runtime).parse().ok();
    let ended_us = match runtime.filter(|_| started_us > 0) {
        Some(seconds) => started_us.saturating_add((seconds * 1e6) as i64),
        None => time(&columns.ended)?,
    };
    Ok(Some(v1::ImportedTrial {
        label: format!("line {line}"),
        params: params(columns, record),
        state: state.to_owned(),
        values: if state == "complete" { values } else { Vec::new() },
        started_us,
        ended_us,
        curve: Vec::new(),
    }))
}

/// Returns the parameters that are there, as text: the study knows what they are.
fn params(columns: &Columns, record: &csv::StringRecord) -> Vec<v1::Parameter> {
    let given = columns.params.iter().filter_map(|(at, name)| {
        let text = record.get(*at).filter(|text| !text.is_empty())?;
        Some(v1::Parameter { name: name.clone(), value: Some(v1::parameter::Value::String(text.to_owned())) })
    });
    given.collect()
}
