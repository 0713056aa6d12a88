//! What the API answers, as JSON.

use hone_studies::label::{LabelProject, Show};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::labels::Task;

/// A project in a list.
#[derive(Debug, Serialize)]
pub(super) struct ProjectLine {
    id: u64,
    name: String,
    state: &'static str,
    kind: &'static str,
    counts: Counts,
}

/// How far a project is. Gold questions are not among these.
#[derive(Debug, Serialize)]
pub(super) struct Counts {
    total: u64,
    /// Decided, given up, or in conflict: not asked any more.
    done: u64,
    /// Room for another annotator.
    waiting: usize,
}

/// A project as annotators see it.
#[derive(Debug, Serialize)]
pub(super) struct Project {
    #[serde(flatten)]
    line: ProjectLine,
    instructions: String,
    form: Form,
    show: Shown,
    /// How long a sample is an annotator's without a sign of life.
    lease_seconds: f64,
}

#[derive(Debug, Serialize)]
struct Form {
    kind: &'static str,
    classes: Vec<String>,
    min: Option<f64>,
    max: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Shown {
    text: Option<String>,
    image: Option<String>,
    row: Vec<String>,
    pair: Option<(String, String)>,
}

/// A sample before an annotator.
#[derive(Debug, Serialize)]
pub(super) struct TaskDocument {
    request: u64,
    sample: String,
    data: Map<String, Value>,
    until_us: i64,
    /// Proves that this annotator was given it.
    ticket: String,
    prediction: Option<PredictionDocument>,
}

#[derive(Debug, Serialize)]
struct PredictionDocument {
    label: Value,
    confidence: f64,
    source: String,
}

pub(super) fn project_line(project: &LabelProject) -> ProjectLine {
    let counts = project.counts;
    let total = counts.total();
    ProjectLine {
        id: project.id.0,
        name: project.spec.name.clone(),
        state: project.state.name(),
        kind: project.spec.form.kind.name(),
        counts: Counts { total, done: total - counts.open - counts.leased - counts.answered, waiting: project.queue_len() },
    }
}

pub(super) fn project_document(project: &LabelProject) -> Project {
    let spec = &project.spec;
    let (min, max) = spec.form.range;
    let Show { text, image, row, pair } = spec.show.clone();
    Project {
        line: project_line(project),
        instructions: spec.instructions.clone(),
        form: Form { kind: spec.form.kind.name(), classes: spec.form.classes.clone(), min, max },
        show: Shown { text, image, row, pair },
        lease_seconds: spec.answers.lease as f64 / hone_studies::SECOND as f64,
    }
}

pub(super) fn task_document(task: Task, ticket: String) -> TaskDocument {
    let form = &task.spec.form;
    let prediction = task.shown.as_ref().map(|shown| PredictionDocument {
        label: shown.label.to_json(form),
        confidence: shown.confidence,
        source: shown.source.to_string(),
    });
    TaskDocument {
        request: task.request.0,
        sample: task.sample.to_string(),
        data: seen(&task.spec.show, &task.data),
        until_us: task.until,
        ticket,
        prediction,
    }
}

/// The columns of a sample that annotators see, in the sample's order; all of them where the project names none.
pub(super) fn seen(show: &Show, data: &str) -> Map<String, Value> {
    let mut fields: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    let pair = show.pair.iter().flat_map(|(a, b)| [a, b]);
    let named: Vec<&String> = show.text.iter().chain(&show.image).chain(&show.row).chain(pair).collect();
    if !named.is_empty() {
        fields.retain(|column, _| named.contains(&column));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotators_see_the_columns_that_the_project_names_and_no_others() {
        let data = r#"{"truth": "cat", "text": "a", "hour": 3}"#;
        let columns = |show: Show| seen(&show, data).keys().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(columns(Show::default()).split(' ').count(), 3);
        assert_eq!(columns(Show { text: Some("text".to_owned()), ..Show::default() }), "text");
        assert_eq!(columns(Show { row: vec!["hour".to_owned()], ..Show::default() }), "hour");
        assert_eq!(columns(Show { pair: Some(("text".to_owned(), "hour".to_owned())), ..Show::default() }), "hour text");
        assert!(seen(&Show::default(), "no JSON").is_empty());
    }
}
