//! Trials as lines: columns by name, whoever wrote them.
//!
//! | Column | Means |
//! |---|---|
//! | `params.NAME`, `params_NAME`, `NAME` | a parameter; empty where it does not exist |
//! | `value.METRIC`, `METRIC`; `value`, `values_0` … | an objective, by name or by position |
//! | `state` | complete, pruned, failed (or `fail`); without it a trial with all values is complete, any other failed |
//! | `number`; `started`, `ended`, `datetime_start`, `datetime_complete` | kept as remarks |

use hone_proto::v1;

use super::{Trials, bad, instant};
use crate::errors::Result;

/// What the columns of a file are.
#[derive(Debug, Default)]
struct Columns {
    params: Vec<(usize, String)>,
    /// One per objective.
    values: Vec<usize>,
    state: Option<usize>,
    number: Option<usize>,
    started: Option<usize>,
    ended: Option<usize>,
}

/// Reads all lines.
///
/// # Errors
/// A column of an objective is missing, a value is no number, or a line has too many or too few cells.
pub fn read(bytes: &[u8], study: &v1::Study) -> Result<Trials> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let headers = reader.headers().map_err(|error| bad(error.to_string()))?.clone();
    let columns = columns(&headers, study)?;
    let mut trials = Trials::default();
    for record in reader.records() {
        let record = record.map_err(|error| bad(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        match trial(&columns, &record, line)? {
            Some(trial) => trials.trials.push(trial),
            None => trials.unfinished += 1,
        }
    }
    Ok(trials)
}

fn columns(headers: &csv::StringRecord, study: &v1::Study) -> Result<Columns> {
    let find = |name: &str| headers.iter().position(|header| header == name);
    let any = |names: &[&str]| names.iter().find_map(|name| find(name));
    let mut columns = Columns {
        state: find("state"),
        number: any(&["number", "trial"]),
        started: any(&["started", "datetime_start"]),
        ended: any(&["ended", "datetime_complete"]),
        ..Columns::default()
    };
    for (at, objective) in study.objectives.iter().enumerate() {
        let (ours, theirs) = (format!("value.{}", objective.metric), format!("values_{at}"));
        let mut names = vec![ours.as_str(), objective.metric.as_str(), theirs.as_str()];
        if study.objectives.len() == 1 {
            names.push("value");
        }
        let column = any(&names).ok_or_else(|| {
            bad(format!("no column has the values of objective `{}`", objective.metric)).hint(format!("call it `{ours}`"))
        })?;
        columns.values.push(column);
    }
    let known = |at: usize| {
        columns.values.contains(&at) || [columns.state, columns.number, columns.started, columns.ended].contains(&Some(at))
    };
    let params: Vec<(usize, String)> =
        headers.iter().enumerate().filter(|&(at, _)| !known(at)).map(|(at, name)| (at, parameter_name(name))).collect();
    columns.params = params;
    Ok(columns)
}

fn parameter_name(header: &str) -> String {
    let name = header.strip_prefix("params.").or_else(|| header.strip_prefix("params_"));
    name.unwrap_or(header).to_owned()
}

/// Returns `None` for a trial that has not ended, or was called off.
fn trial(columns: &Columns, record: &csv::StringRecord, line: u64) -> Result<Option<v1::ImportedTrial>> {
    let cell = |column: Option<usize>| column.and_then(|at| record.get(at)).unwrap_or_default();
    let values = values(columns, record, line)?;
    let is_whole = values.len() == columns.values.len();
    let state = match cell(columns.state).to_ascii_lowercase().as_str() {
        "complete" => "complete",
        "pruned" => "pruned",
        "failed" | "fail" => "failed",
        "" if is_whole => "complete",
        "" => "failed",
        "running" | "waiting" | "paused" | "cancelled" => return Ok(None),
        other => return Err(bad(format!("line {line}: `{other}` is no state of a finished trial"))),
    };
    let params = columns.params.iter().filter_map(|(at, name)| {
        let text = record.get(*at).filter(|text| !text.is_empty())?;
        Some(v1::Parameter { name: name.clone(), value: Some(v1::parameter::Value::String(text.to_owned())) })
    });
    Ok(Some(v1::ImportedTrial {
        label: format!("line {line}"),
        params: params.collect(),
        state: state.to_owned(),
        values: if state == "complete" { values } else { Vec::new() },
        started_us: instant(cell(columns.started)),
        ended_us: instant(cell(columns.ended)),
        curve: Vec::new(),
    }))
}

/// Returns the values that are there.
fn values(columns: &Columns, record: &csv::StringRecord, line: u64) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    for text in columns.values.iter().filter_map(|&at| record.get(at)).filter(|text| !text.is_empty()) {
        values.push(text.parse().map_err(|_| bad(format!("line {line}: `{text}` is no number")))?);
    }
    Ok(values)
}
