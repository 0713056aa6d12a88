//! Samples of a label project out of a version of a dataset.

use std::path::Path;

use hone_proto::v1;
use serde_json::Value;

use super::samples::{Row, image_type};
use crate::{
    connect::Client,
    errors::{Failure, Kind, Result},
};

/// Who names the versions that a project's samples come from.
const KIND: &str = "label project";

/// Rows of a version in its order: all of them, or the named ones. The version cannot be removed while the project is there.
///
/// # Errors
/// No such version, or samples that it does not have.
pub(super) async fn rows(
    client: &Client,
    project: &v1::LabelProject,
    dataset: &str,
    ids: Vec<String>,
    key: &str,
) -> Result<(String, Vec<(u64, Row)>)> {
    let by = Some(reference(project));
    let pin = v1::PinDatasetRequest { dataset: dataset.to_owned(), by, release: false };
    let version = client.datasets().pin_dataset(pin).await?.into_inner();
    let label = format!("{}@{}", version.name, version.version);
    let request = v1::ReadDatasetRequest { dataset: label.clone(), ids, limit: 0 };
    let mut parts = client.datasets().read_dataset(request).await?.into_inner();
    let mut rows = Vec::new();
    while let Some(part) = parts.message().await? {
        for sample in part.samples {
            let row = row(&sample, key)
                .ok_or_else(|| Failure::new(Kind::Storage, format!("sample `{}` of `{label}` is no JSON object", sample.id)))?;
            rows.push((rows.len() as u64 + 1, row));
        }
    }
    Ok((label, rows))
}

/// The versions that a project's samples come from, as `name@version`.
///
/// # Errors
/// The coordinator does not answer.
pub(super) async fn versions(client: &Client, project: &v1::LabelProject) -> Result<Vec<String>> {
    if project.dataset.is_empty() {
        return Ok(Vec::new());
    }
    let request = v1::ListDatasetsRequest { dataset: project.dataset.split('@').next().unwrap_or_default().to_owned() };
    // A dataset that was removed names nothing.
    let Ok(listed) = client.datasets().list_datasets(request).await else { return Ok(Vec::new()) };
    let by = reference(project);
    let named = listed.into_inner().versions.into_iter().filter(|version| version.named_by.contains(&by));
    Ok(named.map(|version| format!("{}@{}", version.name, version.version)).collect())
}

fn reference(project: &v1::LabelProject) -> v1::DatasetReference {
    v1::DatasetReference { kind: KIND.to_owned(), name: project.name.clone() }
}

/// A sample as a row. A file's own blob is what browsers are shown, so it needs its type.
fn row(sample: &v1::DatasetSample, key: &str) -> Option<Row> {
    let Ok(Value::Object(mut row)) = serde_json::from_str(&sample.fields_json) else { return None };
    if let (Some(Value::Object(file)), Some(kind)) = (row.get_mut("file"), image_type(Path::new(&sample.id)))
        && file.contains_key("blob")
    {
        file.entry("type").or_insert_with(|| kind.into());
    }
    row.insert(key.to_owned(), Value::String(sample.id.clone()));
    Some(row)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_picture_of_a_version_is_shown_without_another_upload() {
        let sample = |id: &str, fields: Value| v1::DatasetSample { id: id.to_owned(), fields_json: fields.to_string() };
        let picture = row(&sample("cats/1.PNG", json!({"path": "cats/1.PNG", "file": {"blob": "ab"}})), "id").expect("a row");
        let expected = json!({"id": "cats/1.PNG", "path": "cats/1.PNG", "file": {"blob": "ab", "type": "image/png"}});
        assert_eq!(Value::Object(picture), expected);
        let of_table = row(&sample("7", json!({"text": "good"})), "id").expect("a row");
        assert_eq!(Value::Object(of_table), json!({"id": "7", "text": "good"}));
        assert!(row(&sample("7", json!([])), "id").is_none());
    }
}
