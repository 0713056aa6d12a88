//! What a label request is as a task: its key, what annotators see of the sample, and the model's prediction.

use std::collections::BTreeMap;

use hone_studies::{
    LabelProjectId, LabelRequestId,
    label::{LabelProject, LabelRequest, LabelSpec},
};
use serde_json::{Map, Value as Json, json};

use super::{
    form::{IMAGE, PAIR, ROW, TEXT, escaped, parts, target},
    result::label_to_results,
};

/// Where a task's key stands in its `meta`.
const KEY: &str = "hone";
/// Characters of the name of a model version.
const MAX_SOURCE: usize = 200;

/// Whose tasks are ours: those of one label project in one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub store: String,
    pub project: LabelProjectId,
}

impl Owner {
    /// The key of a request's task. Label Studio uses ids of tasks again, so none of them is relied on.
    pub fn key(&self, request: LabelRequestId) -> String {
        format!("{}/{}/{}", self.store, self.project.0, request.0)
    }

    /// Which request a task is, if it is one of ours.
    pub fn request_of(&self, meta: &Json) -> Option<LabelRequestId> {
        let (store, rest) = meta[KEY].as_str()?.split_once('/')?;
        let (project, request) = rest.split_once('/')?;
        let ours = store == self.store && project.parse() == Ok(self.project.0);
        request.parse().ok().filter(|_| ours).map(LabelRequestId)
    }

    /// What a project's description there ends in, which it is found by.
    pub fn mark(&self) -> String {
        format!("[hone {}/{}]", self.store, self.project.0)
    }
}

/// Names of uploaded files by the hash of the blob that they hold.
pub(super) type Files = BTreeMap<String, String>;

/// A column's blob that is an image: hash and media type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ImageBlob {
    pub hash: String,
    pub media_type: String,
}

/// Images of a sample that annotators see and that are blobs here.
pub(super) fn images_of(spec: &LabelSpec, fields: &Map<String, Json>) -> Vec<ImageBlob> {
    let pair = spec.show.pair.iter().flat_map(|(a, b)| [a, b]);
    let columns = spec.show.image.iter().chain(pair);
    columns.filter_map(|column| image_blob(fields.get(column)?)).collect()
}

fn image_blob(value: &Json) -> Option<ImageBlob> {
    let hash = value["blob"].as_str()?.to_owned();
    let media_type = value["type"].as_str().unwrap_or("image/png").to_owned();
    media_type.starts_with("image/").then_some(ImageBlob { hash, media_type })
}

/// Writes what annotators see. Every part that the configuration names is there: Label Studio refuses a whole import for
/// one that is missing.
pub(super) fn data_of(spec: &LabelSpec, sample: &str, fields: &Map<String, Json>, files: &Files) -> Json {
    let mut data = Map::new();
    data.insert("sample".to_owned(), json!(sample));
    let column = |name: &Option<String>| name.as_ref().and_then(|name| fields.get(name));
    let pair = |at: usize| {
        let name = spec.show.pair.as_ref().map(|(a, b)| if at == 0 { a } else { b });
        name.and_then(|name| fields.get(name))
    };
    for part in parts(&spec.show) {
        let value = match part {
            TEXT => json!(column(&spec.show.text).map_or_else(String::new, plain)),
            IMAGE => json!(column(&spec.show.image).map_or_else(String::new, |value| address(value, files))),
            ROW => row(spec, fields),
            side => json!(pair(usize::from(side == PAIR[1])).map_or_else(String::new, |value| html(value, files))),
        };
        data.insert(part.to_owned(), value);
    }
    Json::Object(data)
}

/// A value as people read it.
fn plain(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Where an image is: an address as it is, or the file that a blob was uploaded as.
fn address(value: &Json, files: &Files) -> String {
    match image_blob(value) {
        Some(blob) => files.get(&blob.hash).cloned().unwrap_or_default(),
        None => value.as_str().unwrap_or_default().to_owned(),
    }
}

/// One side of a pair: an image, or a text with its lines.
fn html(value: &Json, files: &Files) -> String {
    let is_image = image_blob(value).is_some() || value.as_str().is_some_and(|text| text.starts_with("data:image/"));
    match is_image {
        true => format!(r#"<img src="{}" style="max-width: 100%">"#, escaped(&address(value, files))),
        false => format!(r#"<div style="white-space: pre-wrap">{}</div>"#, escaped(&plain(value))),
    }
}

fn row(spec: &LabelSpec, fields: &Map<String, Json>) -> Json {
    if spec.show.row.is_empty() {
        return Json::Object(fields.clone());
    }
    let named = |name: &String| (name.clone(), fields.get(name).cloned().unwrap_or(Json::Null));
    Json::Object(spec.show.row.iter().map(named).collect())
}

/// The score of a prediction: from 0 to 1, falling as the priority rises, since Label Studio asks the lowest first. It
/// drops predictions with other scores without a word.
pub(super) fn score_of(priority: f64) -> f64 {
    if priority.is_infinite() {
        return if priority > 0.0 { 0.0 } else { 1.0 };
    }
    0.5 - priority / (2.0 * (1.0 + priority.abs()))
}

/// The prediction of a request. Where none is shown it is an empty one, for the order alone.
pub(super) fn prediction_of(project: &LabelProject, request: &LabelRequest, version: &str) -> Json {
    let hidden = request.gold.is_some() || project.hides_prediction(request.id);
    let results =
        request.prediction.as_ref().filter(|_| !hidden).map(|prediction| {
            label_to_results(&project.spec.form, &prediction.label, target(&project.spec), prediction.confidence)
        });
    json!({"model_version": version, "score": score_of(request.priority), "result": results.unwrap_or_default()})
}

/// The task of a request, ready to be imported.
pub(super) fn task_of(owner: &Owner, project: &LabelProject, request: &LabelRequest, data: Json, version: &str) -> Json {
    json!({
        "data": data,
        "meta": {KEY: owner.key(request.id)},
        "predictions": [prediction_of(project, request, version)],
    })
}

/// What a set of predictions is called there: the model that most of them come from, and a number that rises.
pub(super) fn version_name(project: &LabelProject, number: u64) -> String {
    let mut sources: BTreeMap<&str, usize> = BTreeMap::new();
    for request in project.requests().filter(|request| request.state.is_open()) {
        if let Some(prediction) = &request.prediction {
            *sources.entry(&prediction.source).or_default() += 1;
        }
    }
    let most = sources.into_iter().max_by_key(|(source, count)| (*count, std::cmp::Reverse(*source)));
    let source: String = most.map_or("hone", |(source, _)| source).chars().take(MAX_SOURCE).collect();
    format!("{source} #{number}")
}

/// The model that a set of predictions comes from.
pub(super) fn source_of(version: &str) -> &str {
    version.rsplit_once(" #").map_or(version, |(source, _)| source)
}
