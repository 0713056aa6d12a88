//! Trials for people.

use hone_proto::v1;

use super::{
    Cell, Column, Listing,
    listing::number_exact,
    sparkline::sparkline,
    values::{bytes_text, hex, local_time, number_text, span_text, visible},
};

/// Characters of a curve.
const CURVE_WIDTH: usize = 60;

/// Lists trials of one study, with a column per objective and per parameter.
///
/// `names` are the parameters that become columns, in their order.
pub fn trials_listing(objectives: &[v1::Objective], names: &[String], trials: &[v1::Trial]) -> Listing {
    let mut columns = vec![Column::new("number", "TRIAL"), Column::new("state", "STATE")];
    columns.extend(objectives.iter().map(|o| Column::named(format!("value.{}", o.metric), &o.metric)));
    columns.extend(names.iter().map(|name| Column::named(format!("params.{name}"), name)));
    let rest = [
        ("duration_seconds", "TOOK"),
        ("started", "STARTED"),
        ("ended", ""),
        ("attempts", "ATTEMPTS"),
        ("origin", ""),
        ("tags", "TAGS"),
        ("violation", ""),
        ("end", "END"),
    ];
    columns.extend(rest.map(|(name, title)| Column::new(name, title)));
    let mut listing = Listing::new(columns, "no trials");
    for trial in trials {
        listing.push(row(objectives.len(), names, trial));
    }
    listing
}

fn row(objectives: usize, names: &[String], trial: &v1::Trial) -> Vec<Cell> {
    let mut row = vec![Cell::Whole(trial.number), Cell::State(trial.state.clone())];
    row.extend((0..objectives).map(|at| trial.values.get(at).map_or(Cell::Nothing, |value| Cell::Number(*value))));
    row.extend(names.iter().map(|name| parameter_cell(trial, name)));
    row.push(duration(trial).map_or(Cell::Nothing, Cell::Span));
    row.push(time(trial.started_us));
    row.push(time(trial.ended_us));
    row.push(Cell::Whole(u64::from(trial.attempt_count)));
    row.push(Cell::Text(trial.origin.clone()));
    row.push(if trial.tags.is_empty() { Cell::Nothing } else { Cell::Text(trial.tags.join(" ")) });
    row.push(if trial.state == "complete" { Cell::Number(trial.violation) } else { Cell::Nothing });
    let ended_badly = matches!(trial.state.as_str(), "failed" | "cancelled");
    row.push(match violation_text(trial) {
        _ if ended_badly => Cell::Text(trial.end.clone()),
        Some(text) => Cell::Text(text),
        None => Cell::Nothing,
    });
    row
}

/// Says that a trial breaks constraints; `None`: it keeps to all.
fn violation_text(trial: &v1::Trial) -> Option<String> {
    (trial.violation > 0.0).then(|| format!("breaks constraints by {}", number_text(trial.violation)))
}

fn time(micros: i64) -> Cell {
    if micros == 0 { Cell::Nothing } else { Cell::Time(micros) }
}

fn parameter_cell(trial: &v1::Trial, name: &str) -> Cell {
    use v1::parameter::Value;
    let parameter = trial.params.iter().find(|parameter| parameter.name == name);
    match parameter.and_then(|parameter| parameter.value.as_ref()) {
        None => Cell::Nothing,
        Some(Value::Float(value)) => Cell::Number(*value),
        Some(Value::Int(value)) => Cell::Text(value.to_string()),
        Some(Value::Bool(value)) => Cell::Text(value.to_string()),
        Some(Value::String(value)) => Cell::Text(value.clone()),
    }
}

/// How long a trial ran, in microseconds; `None` when it has not ended, or never started.
pub(super) fn duration(trial: &v1::Trial) -> Option<i64> {
    (trial.started_us != 0 && trial.ended_us != 0).then(|| (trial.ended_us - trial.started_us).max(0))
}

/// Writes a parameter's value exactly.
pub fn parameter_text(parameter: &v1::Parameter) -> String {
    use v1::parameter::Value;
    match &parameter.value {
        None => String::new(),
        Some(Value::Float(value)) => number_exact(*value),
        Some(Value::Int(value)) => value.to_string(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::String(value)) => visible(value),
    }
}

/// Writes parameters, one a line, aligned.
pub fn params_text(trial: &v1::Trial) -> String {
    let width = trial.params.iter().map(|parameter| parameter.name.chars().count()).max().unwrap_or(0);
    let line = |p: &v1::Parameter| format!("{:<width$}  {}\n", visible(&p.name), parameter_text(p));
    trial.params.iter().map(line).collect()
}

/// Writes the values of a trial with their metrics: `val_accuracy 0.97`.
pub fn values_text(trial: &v1::Trial, objectives: &[v1::Objective]) -> String {
    let named = trial.values.iter().zip(objectives);
    let texts: Vec<String> = named.map(|(value, o)| format!("{} {}", visible(&o.metric), number_text(*value))).collect();
    texts.join(", ")
}

/// Describes one trial in lines.
pub fn trial_text(trial: &v1::Trial, study: &v1::Study) -> String {
    let mut out = format!("trial {} of {}\n\n", trial.number, visible(&study.name));
    for (key, value) in facts(trial, study) {
        out += &format!("{key:<11}{value}\n");
    }
    out += &section("parameters", &params_text(trial));
    out += &section("values", &metrics_text(trial, study));
    out += &section("curve", &curves_text(trial));
    out += &section("attempts", &trial.attempts.iter().map(attempt_line).collect::<String>());
    let files = trial.outputs.iter().map(|file| {
        let place = keeper(file).map(|name| format!("  stays on worker {}", visible(&name))).unwrap_or_default();
        format!("{}  {}{place}\n", visible(&file.path), bytes_text(file.size))
    });
    out += &section("outputs", &files.collect::<String>());
    out
}

fn facts(trial: &v1::Trial, study: &v1::Study) -> Vec<(&'static str, String)> {
    let mut facts = vec![("state", trial.state.clone())];
    let values = values_text(trial, &study.objectives);
    let replaced = trial.superseded_by.checked_sub(1).map(|number| format!("by trial {number}"));
    let took = duration(trial).map(span_text);
    let known = [
        ("value", Some(values)),
        ("end", Some(visible(&trial.end))),
        ("but", violation_text(trial)),
        ("origin", Some(visible(&trial.origin))),
        ("why", Some(visible(&trial.why))),
        ("replaced", replaced),
        ("started", (trial.started_us != 0).then(|| local_time(trial.started_us))),
        ("took", took),
        ("tags", Some(visible(&trial.tags.join(" ")))),
        ("note", Some(visible(&trial.note))),
    ];
    let present = known.into_iter().filter_map(|(key, value)| Some((key, value.filter(|value| !value.is_empty())?)));
    facts.extend(present);
    facts
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let lines: String = body.lines().map(|line| format!("    {line}\n")).collect();
    format!("{title}\n{lines}")
}

/// Metrics that are no objectives; those are in the head.
fn metrics_text(trial: &v1::Trial, study: &v1::Study) -> String {
    let mut others: Vec<_> = trial.metrics.iter().collect();
    others.retain(|(name, _)| !study.objectives.iter().any(|objective| objective.metric == **name));
    others.sort_by_key(|(name, _)| name.as_str());
    others.iter().map(|(name, value)| format!("{}  {}\n", visible(name), number_text(**value))).collect()
}

fn curves_text(trial: &v1::Trial) -> String {
    let mut metrics: Vec<&str> = Vec::new();
    for point in &trial.curve {
        if !metrics.contains(&point.metric.as_str()) {
            metrics.push(&point.metric);
        }
    }
    metrics.iter().map(|metric| curve_text(trial, metric)).collect()
}

fn curve_text(trial: &v1::Trial, metric: &str) -> String {
    let points: Vec<&v1::Point> = trial.curve.iter().filter(|point| point.metric == metric).collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return String::new() };
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let line = sparkline(&values, CURVE_WIDTH);
    let (from, to) = (number_text(first.value), number_text(last.value));
    format!("{}  {line}  {from} at step {}, {to} at step {}\n", visible(metric), first.step, last.step)
}

fn attempt_line(attempt: &v1::Attempt) -> String {
    let took = if attempt.ended_us > attempt.started_us && attempt.started_us != 0 {
        format!(" after {}", span_text(attempt.ended_us - attempt.started_us))
    } else {
        String::new()
    };
    let detail = if attempt.detail.is_empty() { String::new() } else { format!(": {}", visible(&attempt.detail)) };
    // A client's attempt is on no worker.
    let place = if attempt.worker_name.is_empty() { String::new() } else { format!(" on {}", visible(&attempt.worker_name)) };
    format!("{}  {}{took}{place}{detail}\n", attempt.number, attempt.end)
}

/// The worker on whose disk an output stays: its name, or its number where it has none.
pub fn keeper(file: &v1::OutputFile) -> Option<String> {
    let name = if file.kept_by_name.is_empty() { file.kept_by.to_string() } else { file.kept_by_name.clone() };
    (file.kept_by > 0).then_some(name)
}

/// Lists the files that a trial left.
pub fn outputs_listing(files: &[v1::OutputFile]) -> Listing {
    let columns = vec![
        Column::new("path", "PATH"),
        Column::new("size_bytes", "SIZE"),
        Column::new("hash", "HASH"),
        Column::new("kept_by", "STAYS ON"),
    ];
    let mut listing = Listing::new(columns, "no outputs");
    for file in files {
        let cells = [Cell::Text(file.path.clone()), Cell::Bytes(file.size), Cell::Text(hex(&file.hash))];
        listing.push([&cells[..], &[Cell::Text(keeper(file).unwrap_or_default())]].concat());
    }
    listing
}
