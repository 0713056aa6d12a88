//! `hone dataset diff` and `hone dataset rows`.

use hone_data::dataset::{Changes, Contract, Diff, RowChange};
use hone_proto::v1;
use serde_json::{Map, Value, json};

use super::{fetch, find, label};
use crate::{
    args::Shape,
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{json_text, print, print_line, visible},
};

/// Letters of a value in a line.
const VALUE: usize = 40;

/// Shows what is different between two versions.
///
/// # Errors
/// There are no such versions, or their data cannot be read.
pub async fn diff(client: &Client, before: String, after: Option<String>, examples: u32, shape: Shape) -> Result<()> {
    let (before, after) = match after {
        Some(after) => (before, after),
        None => parent_of(client, before).await?,
    };
    let request = v1::DiffDatasetsRequest { before, after, examples };
    let answer = client.datasets().diff_datasets(request).await?.into_inner();
    let (before, after) = (answer.before.unwrap_or_default(), answer.after.unwrap_or_default());
    let diff: Diff = serde_json::from_str(&answer.diff_json).map_err(|error| {
        let message = format!("cannot read what the coordinator sent: {error}");
        Failure::new(Kind::Internal, message).hint("use the same version of hone here and there")
    })?;
    let contract = contract_changes(client, &before, &after).await?;
    match shape {
        Shape::Json => {
            let mut document: Map<String, Value> = serde_json::from_str(&answer.diff_json).unwrap_or_default();
            document.insert("before".to_owned(), json!(label(&before)));
            document.insert("after".to_owned(), json!(label(&after)));
            document.insert("contract".to_owned(), json!(contract));
            print(&json_text(&document)?)
        }
        Shape::Text => print(&text(&label(&before), &label(&after), &diff, &contract)),
    }
}

async fn parent_of(client: &Client, dataset: String) -> Result<(String, String)> {
    let version = find(client, dataset).await?;
    if version.parent.is_empty() {
        let failure = Failure::usage(format!("{} has no version before it", label(&version)));
        return Err(failure.hint("name the two versions to compare"));
    }
    Ok((version.parent.clone(), label(&version)))
}

async fn contract_changes(client: &Client, before: &v1::DatasetVersion, after: &v1::DatasetVersion) -> Result<Vec<String>> {
    if before.contract == after.contract {
        return Ok(Vec::new());
    }
    let (old, new) = (contract(client, before).await?, contract(client, after).await?);
    Ok(match (old, new) {
        (Some(old), Some(new)) => old.changes_to(&new),
        (None, Some(new)) => vec![format!("contract `{}` is new", new.name)],
        (Some(old), None) => vec![format!("contract `{}` is not kept any more", old.name)],
        (None, None) => Vec::new(),
    })
}

async fn contract(client: &Client, version: &v1::DatasetVersion) -> Result<Option<Contract>> {
    if version.contract.is_empty() {
        return Ok(None);
    }
    let bytes = fetch::document(client, &version.contract).await?;
    Contract::from_bytes(&bytes).map(Some).map_err(|why| Failure::new(Kind::Storage, why))
}

fn text(before: &str, after: &str, diff: &Diff, contract: &[String]) -> String {
    let mut out = format!("from {before} to {after}\n");
    out += &format!("\nfiles      {}\n", counts(&diff.files));
    for (sign, paths) in [('+', &diff.files.first_added), ('-', &diff.files.first_removed), ('~', &diff.files.first_changed)] {
        paths.iter().for_each(|path| out += &format!("  {sign} {}\n", visible(path)));
    }
    for column in &diff.columns {
        out += &match (&column.before, &column.after) {
            (None, Some(kind)) => format!("column     + {} ({kind})\n", visible(&column.name)),
            (Some(kind), None) => format!("column     - {} ({kind})\n", visible(&column.name)),
            (old, new) => {
                let kind = |kind: &Option<String>| kind.clone().unwrap_or_default();
                format!("column     ~ {} ({} became {})\n", visible(&column.name), kind(old), kind(new))
            }
        };
    }
    contract.iter().for_each(|change| out += &format!("contract   {}\n", visible(change)));
    if let Some(rows) = &diff.rows {
        let by = diff.key.as_ref().map_or_else(|| "as a whole".to_owned(), |key| format!("by `{}`", visible(key)));
        out += &format!("rows       {}, {} the same; compared {by}\n", counts(rows), diff.same_rows);
        rows.first_added.iter().for_each(|row| out += &line('+', row));
        rows.first_removed.iter().for_each(|row| out += &line('-', row));
        rows.first_changed.iter().for_each(|row| out += &changed_line(row));
    }
    out
}

fn counts<T>(changes: &Changes<T>) -> String {
    if changes.is_empty() {
        return "no changes".to_owned();
    }
    let parts = [(changes.added, "added"), (changes.removed, "removed"), (changes.changed, "changed")];
    let parts: Vec<String> =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    parts.join(", ")
}

fn line(sign: char, row: &RowChange) -> String {
    let fields: Vec<String> = row.fields.iter().take(8).map(|(name, value)| format!("{name}={}", shown(value))).collect();
    let more = if row.fields.len() > fields.len() { " …" } else { "" };
    format!("  {sign} {}: {}{more}\n", visible(&row.id), visible(&fields.join(" ")))
}

fn changed_line(row: &RowChange) -> String {
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([before, after]) => format!("{} → {}", shown(before), shown(after)),
        _ => shown(value),
    };
    let fields: Vec<String> = row.fields.iter().take(8).map(|(name, value)| format!("{name}: {}", pair(value))).collect();
    let more = if row.fields.len() > fields.len() { ", …" } else { "" };
    format!("  ~ {}: {}{more}\n", visible(&row.id), visible(&fields.join(", ")))
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= VALUE { text } else { text.chars().take(VALUE).chain(['…']).collect() }
}

/// Writes samples, one JSON document a line.
///
/// # Errors
/// There is no such version or sample.
pub async fn rows(client: &Client, dataset: String, ids: Vec<String>, limit: Option<u64>) -> Result<()> {
    if limit == Some(0) {
        return Ok(());
    }
    let mut missing: std::collections::BTreeSet<String> = ids.iter().cloned().collect();
    let request = v1::ReadDatasetRequest { dataset, ids, limit: limit.unwrap_or(0) };
    let mut parts = client.datasets().read_dataset(request).await?.into_inner();
    while let Some(part) = parts.message().await? {
        for sample in part.samples {
            missing.remove(&sample.id);
            let fields: Value = serde_json::from_str(&sample.fields_json).unwrap_or(Value::Null);
            print_line(&json!({ "id": sample.id, "fields": fields }).to_string())?;
        }
    }
    match missing.first() {
        Some(first) if limit.is_none() => {
            let others = if missing.len() > 1 { format!(", nor {} others", missing.len() - 1) } else { String::new() };
            Err(Failure::new(Kind::NotFound, format!("there is no sample `{}`{others}", visible(first))))
        }
        _ => Ok(()),
    }
}
