//! What people said there.

use std::collections::BTreeMap;

use hone_studies::label::{Form, Label, LabelProject, LabelRequest, Prediction};
use serde_json::Value as Json;

use super::{
    api::{Found, User, time_from_text},
    result::label_from_results,
    task::source_of,
};

/// The longest name of an annotator, in characters.
const MAX_NAME: usize = 100;

/// One annotation of a task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Annotation {
    pub id: u64,
    /// What an answer that came of it is marked with.
    pub external: String,
    /// Whose it is.
    pub annotator: String,
    /// By the server's clock.
    pub updated: i64,
    /// It is a skip.
    pub cancelled: bool,
    /// What it says, or why that is no label.
    pub label: Result<Label, String>,
    pub took_ms: u32,
    /// The prediction that stood in the annotator's form.
    pub shown: Option<Prediction>,
}

/// What the answers of one project there are marked with: its id, and what tells it from another one that got the same
/// id later, or on another server.
pub(super) fn mark_of(server: &str, project: &Found) -> String {
    let hash = blake3::hash(format!("{server} {} {}", project.id, project.created).as_bytes());
    format!("{}-{}/", project.id, &hash.to_hex()[..8])
}

/// The name of a person of Label Studio as an annotator.
pub(super) fn name_of(id: Option<u64>, user: Option<&User>) -> String {
    let name = match (id, user) {
        (Some(id), Some(user)) => format!("label-studio:{id} {}", user.email),
        (Some(id), None) => format!("label-studio:{id}"),
        (None, _) => "label-studio:deleted".to_owned(),
    };
    let harmless: String = name.chars().filter(|letter| !letter.is_control()).take(MAX_NAME).collect();
    harmless.trim().to_owned()
}

/// Whose annotation it is, as the server has stored it.
pub(super) fn author_of(annotation: &Json) -> Option<u64> {
    let author = &annotation["completed_by"];
    author.as_u64().or_else(|| author["id"].as_u64())
}

/// What an answer is marked with that comes of an annotation. Ids are used again, moments are not.
pub(super) fn external_of(mark: &str, annotation: &Json) -> Option<String> {
    let created = time_from_text(annotation["created_at"].as_str()?)?;
    Some(format!("{mark}{}.{created}", annotation["id"].as_u64()?))
}

/// Predictions that annotations were begun from, as an export tells it, by annotation.
pub(super) type Begun = BTreeMap<u64, Json>;

/// The prediction that an annotation of a task was begun from, where that can be told by their times: it was there
/// already, and none of another version was or is. `Err`: only an export tells.
pub(super) fn begun_from<'a>(task: &'a Json, annotation: &Json, version: &str) -> Result<Option<&'a Json>, ()> {
    let predictions = task["predictions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let moment = |of: &Json| of["created_at"].as_str().and_then(time_from_text);
    let clear = |prediction: &&Json| prediction["model_version"] == version && moment(prediction) <= moment(annotation);
    match predictions {
        [] => Ok(None),
        [one] if clear(&one) => Ok(Some(one)),
        _ => Err(()),
    }
}

/// Reads an annotation. `mark` is that of the project, `annotator` the name of its author, `prediction` what it was
/// begun from. `None`: it is not as Label Studio tells annotations.
pub(super) fn annotation_from_json(
    project: &LabelProject,
    request: &LabelRequest,
    annotation: &Json,
    mark: &str,
    annotator: String,
    prediction: Option<&Json>,
) -> Option<Annotation> {
    let form = &project.spec.form;
    let id = annotation["id"].as_u64()?;
    let seconds = annotation["lead_time"].as_f64().unwrap_or(0.0);
    // Of somebody who was removed there, the author is null.
    annotation.get("completed_by")?;
    Some(Annotation {
        id,
        external: external_of(mark, annotation)?,
        annotator,
        updated: time_from_text(annotation["updated_at"].as_str()?)?,
        cancelled: annotation["was_cancelled"].as_bool()?,
        label: label_from_results(form, annotation["result"].as_array()?),
        // Casts of floating point numbers end at the bounds.
        took_ms: (seconds * 1_000.0).round() as u32,
        shown: prediction.and_then(|prediction| shown(form, request, prediction)),
    })
}

/// The prediction that an annotation was begun from. An empty one stands for none: it was there for the order alone.
fn shown(form: &Form, request: &LabelRequest, prediction: &Json) -> Option<Prediction> {
    let results = prediction["result"].as_array().filter(|results| !results.is_empty())?;
    let label = label_from_results(form, results).ok()?;
    let confidence = results[0]["score"].as_f64().filter(|confidence| (0.0..=1.0).contains(confidence)).unwrap_or(0.0);
    let known = request.prediction.as_ref().filter(|known| known.label == label && known.confidence == confidence);
    let source =
        known.map_or_else(|| source_of(prediction["model_version"].as_str().unwrap_or_default()).into(), |it| it.source.clone());
    Some(Prediction { label, confidence, source })
}
