//! Label projects, requests and annotators for people and programs.

use hone_proto::v1;
use serde::Serialize;
use serde_json::Value;

use super::{
    Cell, Column, LabelStudioDocument, Listing, label_studio_facts,
    values::{local_time, rfc3339, span_text, visible},
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

/// A project as a document.
#[derive(Debug, Serialize)]
pub struct LabelProjectDocument {
    id: u64,
    name: String,
    state: String,
    instructions: String,
    dataset: Option<String>,
    kind: String,
    classes: Vec<String>,
    counts: std::collections::BTreeMap<&'static str, u64>,
    answers: u64,
    gold: u32,
    created: Option<String>,
    batches: Vec<BatchDocument>,
    label_studio: Option<LabelStudioDocument>,
}

#[derive(Debug, Serialize)]
struct BatchDocument {
    number: u32,
    at: Option<String>,
    source: String,
    count: u32,
}

impl From<&v1::LabelProject> for LabelProjectDocument {
    fn from(project: &v1::LabelProject) -> Self {
        let form = project.form.clone().unwrap_or_default();
        let counts = project.counts.unwrap_or_default();
        let batch = |batch: &v1::LabelAsked| BatchDocument {
            number: batch.number,
            at: rfc3339(batch.at_us),
            source: batch.source.clone(),
            count: batch.count,
        };
        Self {
            id: project.id,
            name: project.name.clone(),
            state: project.state.clone(),
            instructions: project.instructions.clone(),
            dataset: Some(project.dataset.clone()).filter(|name| !name.is_empty()),
            kind: form.kind,
            classes: form.classes,
            counts: by_state(&counts).into_iter().collect(),
            answers: counts.answers,
            gold: project.gold,
            created: rfc3339(project.created_at_us),
            batches: project.batches.iter().map(batch).collect(),
            label_studio: project.label_studio.as_ref().map(LabelStudioDocument::from),
        }
    }
}

/// Projects as documents.
pub fn label_project_documents(projects: &[v1::LabelProject]) -> Vec<LabelProjectDocument> {
    projects.iter().map(LabelProjectDocument::from).collect()
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
    for (key, value) in project.label_studio.iter().flat_map(label_studio_facts) {
        fact(key, value);
    }
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

/// A label request as a document.
#[derive(Debug, Serialize)]
pub struct LabelDocument {
    request: u64,
    project: u64,
    sample: String,
    state: String,
    priority: f64,
    wanted: u32,
    batch: u32,
    control: bool,
    gold: Option<Value>,
    label: Option<Value>,
    confidence: Option<f64>,
    resolved: Option<String>,
    resolved_by: Option<String>,
    prediction: Option<PredictionDocument>,
    answers: Vec<AnswerDocument>,
    holders: Vec<HolderDocument>,
    skips: Vec<SkipDocument>,
    reason: Option<String>,
    created: Option<String>,
    data: Option<Value>,
}

#[derive(Debug, Serialize)]
struct PredictionDocument {
    label: Value,
    confidence: f64,
    source: String,
}

#[derive(Debug, Serialize)]
struct AnswerDocument {
    id: u64,
    annotator: String,
    at: Option<String>,
    label: Value,
    took_ms: u32,
    shown: Option<PredictionDocument>,
    channel: String,
    external: Option<String>,
    former: Vec<Value>,
    withdrawn: Option<String>,
    withdrawn_because: Option<String>,
}

#[derive(Debug, Serialize)]
struct HolderDocument {
    annotator: String,
    since: Option<String>,
    until: Option<String>,
}

#[derive(Debug, Serialize)]
struct SkipDocument {
    annotator: String,
    at: Option<String>,
    reason: String,
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

fn some_json(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json(text))
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn prediction(message: &v1::LabelPrediction) -> PredictionDocument {
    PredictionDocument { label: json(&message.label_json), confidence: message.confidence, source: message.source.clone() }
}

fn answer(message: &v1::LabelAnswer) -> AnswerDocument {
    AnswerDocument {
        id: message.id,
        annotator: message.annotator.clone(),
        at: rfc3339(message.at_us),
        label: json(&message.label_json),
        took_ms: message.took_ms,
        shown: message.shown.as_ref().map(prediction),
        channel: message.channel.clone(),
        external: some_text(&message.external),
        former: message.former_json.iter().map(|former| json(former)).collect(),
        withdrawn: rfc3339(message.withdrawn_at_us),
        withdrawn_because: some_text(&message.withdrawn_because),
    }
}

impl From<&v1::Label> for LabelDocument {
    fn from(label: &v1::Label) -> Self {
        let is_resolved = !label.label_json.is_empty();
        Self {
            request: label.request,
            project: label.project,
            sample: label.sample.clone(),
            state: label.state.clone(),
            priority: label.priority,
            wanted: label.wanted,
            batch: label.batch,
            control: label.control,
            gold: some_json(&label.gold_json),
            label: some_json(&label.label_json),
            confidence: is_resolved.then_some(label.confidence),
            resolved: rfc3339(label.resolved_at_us),
            resolved_by: some_text(&label.resolved_by),
            prediction: label.prediction.as_ref().map(prediction),
            answers: label.answers.iter().map(answer).collect(),
            holders: label
                .holders
                .iter()
                .map(|holder| HolderDocument {
                    annotator: holder.annotator.clone(),
                    since: rfc3339(holder.since_us),
                    until: rfc3339(holder.until_us),
                })
                .collect(),
            skips: label
                .skips
                .iter()
                .map(|skip| SkipDocument {
                    annotator: skip.annotator.clone(),
                    at: rfc3339(skip.at_us),
                    reason: skip.reason.clone(),
                })
                .collect(),
            reason: some_text(&label.reason),
            created: rfc3339(label.created_at_us),
            data: some_json(&label.data_json),
        }
    }
}

/// Requests as documents.
pub fn label_documents(labels: &[v1::Label]) -> Vec<LabelDocument> {
    labels.iter().map(LabelDocument::from).collect()
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

/// A sample before an annotator as a document.
#[derive(Debug, Serialize)]
pub struct LabelTaskDocument {
    request: u64,
    sample: String,
    data: Value,
    until: Option<String>,
    prediction: Option<PredictionDocument>,
}

impl From<&v1::LabelTask> for LabelTaskDocument {
    fn from(task: &v1::LabelTask) -> Self {
        Self {
            request: task.request,
            sample: task.sample.clone(),
            data: json(&task.data_json),
            until: rfc3339(task.until_us),
            prediction: task.prediction.as_ref().map(prediction),
        }
    }
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

/// An annotator as a document.
#[derive(Debug, Serialize)]
pub struct AnnotatorDocument {
    id: u64,
    name: String,
    channel: String,
    joined: Option<String>,
    answers: u64,
    skips: u64,
    leases: u32,
    gold_answered: u64,
    gold_right: u64,
    median_ms: u32,
}

/// Annotators as documents.
pub fn annotator_documents(annotators: &[v1::Annotator]) -> Vec<AnnotatorDocument> {
    let document = |annotator: &v1::Annotator| AnnotatorDocument {
        id: annotator.id,
        name: annotator.name.clone(),
        channel: annotator.channel.clone(),
        joined: rfc3339(annotator.joined_at_us),
        answers: annotator.answers,
        skips: annotator.skips,
        leases: annotator.leases,
        gold_answered: annotator.gold_answered,
        gold_right: annotator.gold_right,
        median_ms: annotator.median_ms,
    };
    annotators.iter().map(document).collect()
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
