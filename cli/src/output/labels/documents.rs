//! Label projects, requests and annotators as JSON.

use std::collections::BTreeMap;

use hone_proto::v1;
use serde::Serialize;
use serde_json::Value;

use super::{super::values::rfc3339, by_state, json};

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
    counts: BTreeMap<&'static str, u64>,
    answers: u64,
    gold: u32,
    created: Option<String>,
    batches: Vec<BatchDocument>,
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
        }
    }
}

/// Projects as documents.
pub fn label_project_documents(projects: &[v1::LabelProject]) -> Vec<LabelProjectDocument> {
    projects.iter().map(LabelProjectDocument::from).collect()
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
