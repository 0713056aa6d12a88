//! Label projects, requests and annotators for people and programs.

mod documents;

use hone_proto::v1;
use serde_json::Value;

use super::{
    Cell, Column, Listing,
    values::{local_time, span_text, visible},
};

pub use self::documents::{
    LabelDocument, LabelProjectDocument, LabelTaskDocument, annotator_documents, label_documents, label_project_documents,
};

/// Requests by state, in the order in which a request passes through them.
fn by_state(counts: &v1::LabelCounts) -> [(&'static str, u64); 8] {
    [
        ("open", counts.open),
        ("leased", counts.leased),
        ("answered", counts.answered),
        ("resolved", counts.resolved),
        ("conflict", counts.conflict),
        ("skipped", counts.skipped),
        ("withdrawn", counts.withdrawn),
        ("expired", counts.expired),
    ]
}

fn columns(all: &[(&'static str, &'static str)]) -> Vec<Column> {
    all.iter().map(|(name, title)| Column::new(name, title)).collect()
}

fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Nothing } else { Cell::Text(text.to_owned()) }
}

/// JSON of a message, which the coordinator wrote.
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

/// Lists projects.
pub fn label_projects_listing(projects: &[v1::LabelProject]) -> Listing {
    let all = [
        ("id", "ID"),
        ("name", "NAME"),
        ("state", "STATE"),
        ("kind", "KIND"),
        ("waiting", "WAITING"),
        ("resolved", "RESOLVED"),
        ("conflict", "CONFLICT"),
        ("answers", "ANSWERS"),
        ("created", "CREATED"),
    ];
    let mut listing = Listing::new(columns(&all), "no label projects; `hone label create FILE` makes one");
    for project in projects {
        let counts = project.counts.unwrap_or_default();
        listing.push(vec![
            Cell::Whole(project.id),
            Cell::Text(project.name.clone()),
            Cell::State(project.state.clone()),
            text(project.form.as_ref().map_or("", |form| &form.kind)),
            Cell::Whole(counts.open + counts.leased + counts.answered),
            Cell::Whole(counts.resolved),
            Cell::Whole(counts.conflict),
            Cell::Whole(counts.answers),
            Cell::Time(project.created_at_us),
        ]);
    }
    listing
}

/// Describes one project in lines.
pub fn label_project_text(project: &v1::LabelProject) -> String {
    let form = project.form.clone().unwrap_or_default();
    let counts = project.counts.unwrap_or_default();
    let mut out = format!("{}  (label project {}, {})\n\n", visible(&project.name), project.id, project.state);
    let mut fact = |key: &str, value: String| {
        if !value.is_empty() {
            out += &format!("{key:<13}{value}\n");
        }
    };
    fact("asks for", visible(&form.kind));
    fact("classes", visible(&form.classes.join(", ")));
    fact("instructions", visible(&project.instructions));
    fact("dataset", visible(&project.dataset));
    let states = by_state(&counts).into_iter().filter(|(_, count)| *count > 0);
    let states: Vec<String> = states.map(|(name, count)| format!("{count} {name}")).collect();
    fact("requests", if states.is_empty() { "none yet".to_owned() } else { states.join(", ") });
    fact("answers", counts.answers.to_string());
    fact("gold", if project.gold > 0 { format!("{} questions", project.gold) } else { String::new() });
    fact("created", local_time(project.created_at_us));
    for batch in &project.batches {
        let (at, source) = (local_time(batch.at_us), visible(&batch.source));
        out += &format!("batch {:<7}{} samples, {at}, {source}\n", batch.number, batch.count);
    }
    out
}

/// Lists requests.
pub fn labels_listing(labels: &[v1::Label]) -> Listing {
    let all = [
        ("request", "REQUEST"),
        ("sample", "SAMPLE"),
        ("state", "STATE"),
        ("answers", "ANSWERS"),
        ("wanted", "OF"),
        ("label", "LABEL"),
        ("confidence", "CONFIDENCE"),
        ("priority", "PRIORITY"),
        ("predicted", "PREDICTED"),
        ("control", ""),
        ("batch", "BATCH"),
        ("created", ""),
    ];
    let mut listing = Listing::new(columns(&all), "no label requests; `hone label ask PROJECT FILE` makes some");
    for label in labels {
        let is_gold = !label.gold_json.is_empty();
        listing.push(vec![
            Cell::Whole(label.request),
            Cell::Text(label.sample.clone()),
            Cell::State(if is_gold { "gold".to_owned() } else { label.state.clone() }),
            Cell::Whole(counting(label)),
            if is_gold { Cell::Nothing } else { Cell::Whole(label.wanted.into()) },
            text(&plain(&label.label_json)),
            if label.label_json.is_empty() { Cell::Nothing } else { Cell::Number(label.confidence) },
            Cell::Number(label.priority),
            text(&label.prediction.as_ref().map_or_else(String::new, |prediction| plain(&prediction.label_json))),
            Cell::Text(label.control.to_string()),
            Cell::Whole(label.batch.into()),
            Cell::Time(label.created_at_us),
        ]);
    }
    listing
}

fn counting(label: &v1::Label) -> u64 {
    label.answers.iter().filter(|answer| answer.withdrawn_at_us == 0).count() as u64
}

/// A label as people read it: a text without quotes.
fn plain(json: &str) -> String {
    match serde_json::from_str(json) {
        Ok(Value::String(text)) => text,
        Ok(_) | Err(_) => json.to_owned(),
    }
}

/// Describes one request in lines.
pub fn label_text(label: &v1::Label) -> String {
    let state = if label.gold_json.is_empty() { label.state.clone() } else { "gold question".to_owned() };
    let mut out = format!("{}  (request {}, {state})\n\n", visible(&label.sample), label.request);
    let mut fact = |key: &str, value: String| {
        if !value.is_empty() {
            out += &format!("{key:<12}{value}\n");
        }
    };
    fact("label", visible(&plain(&label.label_json)));
    if !label.label_json.is_empty() {
        let by =
            if label.resolved_by.is_empty() { String::new() } else { format!(", decided by {}", visible(&label.resolved_by)) };
        fact("confidence", format!("{:.2}{by}", label.confidence));
    }
    fact("gold", visible(&plain(&label.gold_json)));
    fact("answers", format!("{} of {}", counting(label), label.wanted));
    fact("priority", super::number_text(label.priority));
    if let Some(prediction) = &label.prediction {
        let (said, source) = (visible(&plain(&prediction.label_json)), visible(&prediction.source));
        fact("predicted", format!("{said}, {:.2} sure, by {source}", prediction.confidence));
    }
    fact("chosen", if label.control { "at random".to_owned() } else { String::new() });
    fact("withdrawn", visible(&label.reason));
    fact("data", visible(&label.data_json));
    for answer in &label.answers {
        let took =
            if answer.took_ms > 0 { format!(" in {}", span_text(i64::from(answer.took_ms) * 1_000)) } else { String::new() };
        let shown = if answer.shown.is_some() { ", with the prediction before them" } else { "" };
        let end = if answer.withdrawn_at_us == 0 {
            String::new()
        } else {
            format!(", withdrawn: {}", visible(&answer.withdrawn_because))
        };
        let (who, said) = (visible(&answer.annotator), visible(&plain(&answer.label_json)));
        out += &format!("answer {:<5}{who}: {said}{took}{shown}{end}\n", answer.id);
    }
    for skip in &label.skips {
        out += &format!("skipped     {}: {}\n", visible(&skip.annotator), visible(&skip.reason));
    }
    for holder in &label.holders {
        out += &format!("before      {} since {}\n", visible(&holder.annotator), local_time(holder.since_us));
    }
    out
}

/// Describes a sample before an annotator.
pub fn label_task_text(task: &v1::LabelTask) -> String {
    let mut out =
        format!("request {}  (sample {}, yours until {})\n\n", task.request, visible(&task.sample), local_time(task.until_us));
    match json(&task.data_json) {
        Value::Object(fields) => {
            for (name, value) in fields {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                out += &format!("{}: {}\n", visible(&name), visible(&value));
            }
        }
        other => out += &format!("{}\n", visible(&other.to_string())),
    }
    if let Some(prediction) = &task.prediction {
        let said = visible(&plain(&prediction.label_json));
        out += &format!("\npredicted: {said}, {:.2} sure\n", prediction.confidence);
    }
    out
}

/// Lists annotators.
pub fn annotators_listing(annotators: &[v1::Annotator]) -> Listing {
    let all = [
        ("id", "ID"),
        ("name", "NAME"),
        ("channel", "CHANNEL"),
        ("answers", "ANSWERS"),
        ("skips", "SKIPS"),
        ("leases", "BEFORE THEM"),
        ("gold_answered", "GOLD"),
        ("gold_right", "RIGHT"),
        ("median_seconds", "MEDIAN"),
        ("joined", "JOINED"),
    ];
    let mut listing = Listing::new(columns(&all), "nobody has answered yet");
    for annotator in annotators {
        let median = i64::from(annotator.median_ms) * 1_000;
        listing.push(vec![
            Cell::Whole(annotator.id),
            Cell::Text(annotator.name.clone()),
            Cell::Text(annotator.channel.clone()),
            Cell::Whole(annotator.answers),
            Cell::Whole(annotator.skips),
            Cell::Whole(annotator.leases.into()),
            if annotator.gold_answered == 0 { Cell::Nothing } else { Cell::Whole(annotator.gold_answered) },
            if annotator.gold_answered == 0 { Cell::Nothing } else { Cell::Whole(annotator.gold_right) },
            if median == 0 { Cell::Nothing } else { Cell::Span(median) },
            Cell::Time(annotator.joined_at_us),
        ]);
    }
    listing
}

/// Labels, or every answer, as they are exported.
pub fn exported_labels_listing(labels: &[v1::Label], answers: bool) -> Listing {
    if answers {
        let all = [
            ("id", "ID"),
            ("answer", "ANSWER"),
            ("annotator", "ANNOTATOR"),
            ("label", "LABEL"),
            ("at", "AT"),
            ("took_ms", "TOOK"),
            ("channel", "CHANNEL"),
            ("shown", "SHOWN"),
            ("withdrawn", "WITHDRAWN"),
        ];
        let mut listing = Listing::new(columns(&all), "");
        for (label, answer) in labels.iter().flat_map(|label| label.answers.iter().map(move |answer| (label, answer))) {
            listing.push(vec![
                Cell::Text(label.sample.clone()),
                Cell::Whole(answer.id),
                Cell::Text(answer.annotator.clone()),
                Cell::Text(plain(&answer.label_json)),
                Cell::Time(answer.at_us),
                Cell::Whole(answer.took_ms.into()),
                Cell::Text(answer.channel.clone()),
                text(&answer.shown.as_ref().map_or_else(String::new, |shown| plain(&shown.label_json))),
                text(&answer.withdrawn_because),
            ]);
        }
        return listing;
    }
    let all = [("id", "ID"), ("label", "LABEL"), ("confidence", "CONFIDENCE"), ("answers", "ANSWERS"), ("control", "CONTROL")];
    let mut listing = Listing::new(columns(&all), "");
    for label in labels {
        listing.push(vec![
            Cell::Text(label.sample.clone()),
            Cell::Text(plain(&label.label_json)),
            Cell::Number(label.confidence),
            Cell::Whole(counting(label)),
            Cell::Text(label.control.to_string()),
        ]);
    }
    listing
}
