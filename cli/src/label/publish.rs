//! `hone label export --dataset`: labels as a version of a dataset, traced to the answers that they came of.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use hone_proto::v1;
use serde_json::{Map, Value, json};

use super::{
    export::{answer_lines, parsed},
    fetch_project, of_dataset,
};
use crate::{
    args::{AddArgs, LabelExportArgs, Shape, ShowFormat},
    connect::Client,
    dataset::{Made, add_made},
    errors::{Failure, Kind, Result},
};

/// The table in the version.
const TABLE: &str = "labels.jsonl";

/// Makes a version of the labels of resolved requests, oldest request first. The newest version is told where it has the
/// same labels of the same answers.
///
/// # Errors
/// No such project, one without labels, or a coordinator that refuses.
pub async fn publish(client: &Client, args: &LabelExportArgs, dataset: &str) -> Result<()> {
    let project = fetch_project(client, args.project.project.clone()).await?;
    let folder = tempfile::tempdir().map_err(|error| Failure::file("make a folder in", &std::env::temp_dir(), &error))?;
    let path = folder.path().join(TABLE);
    let (labels, lineage) = write(client, &project, &path).await?;
    if labels.requests.is_empty() {
        let failure = Failure::new(Kind::NotFound, format!("label project `{}` has no labels yet", project.name));
        return Err(failure.hint("a request has a label once its answers agree; `hone label show` counts them"));
    }
    let made_from =
        if args.made_from.is_empty() { of_dataset::versions(client, &project).await? } else { args.made_from.clone() };
    let made = Made { source: Some(format!("label project {}", project.name)), lineage: Some(lineage), labels: Some(labels) };
    let add = AddArgs {
        name: dataset.to_owned(),
        path: path.display().to_string(),
        out: None,
        key: Some("id".to_owned()),
        no_key: false,
        contract: None,
        no_contract: false,
        plain: false,
        note: args.note.clone(),
        again: false,
        made_from,
        format: ShowFormat { output: Shape::Text },
    };
    add_made(client, add, made).await
}

/// Writes the table. Answers which labels it has, and the document that traces them.
async fn write(client: &Client, project: &v1::LabelProject, path: &Path) -> Result<(v1::DatasetLabels, Vec<u8>)> {
    let failed = |error: std::io::Error| Failure::file("write", path, &error);
    let mut table = BufWriter::new(File::create(path).map_err(failed)?);
    let mut used = v1::DatasetLabels { project: project.id.to_string(), ..v1::DatasetLabels::default() };
    let mut lineage = Vec::new();
    let states = vec!["resolved".to_owned()];
    let request = v1::ListLabelsRequest { project: project.id.to_string(), states, after: 0, limit: 0, data: true };
    let mut batches = client.labels().list_labels(request).await?.into_inner();
    while let Some(batch) = batches.message().await? {
        // Gold questions were known before.
        for label in batch.labels.iter().filter(|label| label.gold_json.is_empty()) {
            writeln!(table, "{}", row(label)).map_err(failed)?;
            lineage.extend(format!("{}\n", trace(label, &project.name)).bytes());
            used.requests.push(label.request);
            used.resolved_at_us.push(label.resolved_at_us);
        }
    }
    table.flush().map_err(failed)?;
    Ok((used, lineage))
}

/// What training code reads: the label, and beside it what annotators saw, each column under its own name.
fn row(label: &v1::Label) -> Value {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(label.sample));
    fields.insert("label".to_owned(), parsed(&label.label_json));
    fields.insert("confidence".to_owned(), json!(label.confidence));
    fields.insert("control".to_owned(), json!(label.control));
    if let Value::Object(data) = parsed(&label.data_json) {
        for (name, value) in data {
            fields.entry(name).or_insert(value);
        }
    }
    Value::Object(fields)
}

/// Where a label comes from: its request, and each of its answers as `hone label export --answers` tells it.
fn trace(label: &v1::Label, project: &str) -> Value {
    json!({
        "id": label.sample,
        "project": project,
        "request": label.request,
        "batch": label.batch,
        "label": parsed(&label.label_json),
        "resolved_by": Some(&label.resolved_by).filter(|by| !by.is_empty()),
        "answers": answer_lines(label),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_what_annotators_saw_and_never_another_label() {
        let label = v1::Label {
            sample: "s-1".to_owned(),
            label_json: "\"cat\"".to_owned(),
            confidence: 0.75,
            data_json: r#"{"id": "s-1", "label": "dog", "age": 3}"#.to_owned(),
            ..v1::Label::default()
        };
        let expected = json!({"id": "s-1", "label": "cat", "confidence": 0.75, "control": false, "age": 3});
        assert_eq!(row(&label), expected);
    }
}
