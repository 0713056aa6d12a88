//! Datasets for people and programs.

use hone_proto::v1;
use serde::Serialize;

use super::{
    Cell, Column, Listing,
    values::{bytes_text, hex, local_time, rfc3339, visible},
};

/// Digits of an id that people see.
const SHORT: usize = 12;

/// A version of a dataset.
#[derive(Debug, Serialize)]
pub struct DatasetDocument {
    id: u64,
    name: String,
    version: u32,
    added: Option<String>,
    snapshot: String,
    kind: String,
    files: u64,
    size_bytes: u64,
    rows: Option<u64>,
    key: Option<String>,
    source: String,
    note: String,
    parent: Option<String>,
    made_from: Vec<String>,
    digest: String,
    profile: Option<String>,
    contract: Option<String>,
    lineage: Option<String>,
    named_by: Vec<ReferenceDocument>,
    marks: Vec<MarkDocument>,
}

#[derive(Debug, Serialize)]
struct ReferenceDocument {
    kind: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct MarkDocument {
    at: Option<String>,
    by: ReferenceDocument,
    reason: String,
}

impl From<&v1::DatasetVersion> for DatasetDocument {
    fn from(version: &v1::DatasetVersion) -> Self {
        let hash = |bytes: &[u8]| (!bytes.is_empty()).then(|| hex(bytes));
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            id: version.dataset,
            name: version.name.clone(),
            version: version.version,
            added: rfc3339(version.added_us),
            snapshot: hex(&version.snapshot),
            kind: version.kind.clone(),
            files: version.files,
            size_bytes: version.bytes,
            rows: version.rows,
            key: text(&version.key),
            source: version.source.clone(),
            note: version.note.clone(),
            parent: text(&version.parent),
            made_from: version.made_from.clone(),
            digest: hex(&version.digest),
            profile: hash(&version.profile),
            contract: hash(&version.contract),
            lineage: hash(&version.lineage),
            named_by: version.named_by.iter().map(reference).collect(),
            marks: version.marks.iter().map(mark).collect(),
        }
    }
}

fn reference(by: &v1::DatasetReference) -> ReferenceDocument {
    ReferenceDocument { kind: by.kind.clone(), name: by.name.clone() }
}

fn mark(mark: &v1::DatasetMark) -> MarkDocument {
    let by = mark.by.clone().unwrap_or_default();
    MarkDocument { at: rfc3339(mark.at_us), by: reference(&by), reason: mark.reason.clone() }
}

/// Versions as documents.
pub fn dataset_documents(versions: &[v1::DatasetVersion]) -> Vec<DatasetDocument> {
    versions.iter().map(DatasetDocument::from).collect()
}

/// Lists versions.
pub fn datasets_listing(versions: &[v1::DatasetVersion]) -> Listing {
    let columns = [
        ("id", "ID"),
        ("name", "NAME"),
        ("version", "VERSION"),
        ("kind", "KIND"),
        ("files", "FILES"),
        ("rows", "ROWS"),
        ("size_bytes", "SIZE"),
        ("named_by", "NAMED BY"),
        ("marks", "MARKS"),
        ("added", "ADDED"),
        ("note", "NOTE"),
        ("snapshot", ""),
    ];
    let columns = columns.map(|(name, title)| Column::new(name, title)).to_vec();
    let mut listing = Listing::new(columns, "no datasets; `hone dataset add NAME PATH` makes one");
    for version in versions {
        listing.push(row(version));
    }
    listing
}

fn row(version: &v1::DatasetVersion) -> Vec<Cell> {
    let some = |count: usize| if count == 0 { Cell::Nothing } else { Cell::Whole(count as u64) };
    let text = |text: &str| if text.is_empty() { Cell::Nothing } else { Cell::Text(text.to_owned()) };
    vec![
        Cell::Whole(version.dataset),
        Cell::Text(version.name.clone()),
        Cell::Whole(u64::from(version.version)),
        Cell::Text(version.kind.clone()),
        Cell::Whole(version.files),
        version.rows.map_or(Cell::Nothing, Cell::Whole),
        Cell::Bytes(version.bytes),
        some(version.named_by.len()),
        some(version.marks.len()),
        Cell::Time(version.added_us),
        text(&version.note),
        Cell::Text(hex(&version.snapshot)),
    ]
}

/// Describes one version in lines.
pub fn dataset_text(version: &v1::DatasetVersion) -> String {
    let mut out = format!("{}@{}  (dataset {})\n\n", visible(&version.name), version.version, version.dataset);
    for (key, value) in facts(version) {
        out += &format!("{key:<11}{value}\n");
    }
    for by in &version.named_by {
        out += &format!("{:<11}{} {}\n", "named by", visible(&by.kind), visible(&by.name));
    }
    for mark in &version.marks {
        let by = mark.by.clone().unwrap_or_default();
        let (kind, name) = (visible(&by.kind), visible(&by.name));
        out += &format!("{:<11}{} {kind} {name}: {}\n", "mark", local_time(mark.at_us), visible(&mark.reason));
    }
    out
}

fn facts(version: &v1::DatasetVersion) -> Vec<(&'static str, String)> {
    let files = if version.files == 1 { "1 file".to_owned() } else { format!("{} files", version.files) };
    let mut facts = vec![
        ("snapshot", hex(&version.snapshot).chars().take(SHORT).collect()),
        ("holds", format!("{}: {files}, {}", version.kind, bytes_text(version.bytes))),
    ];
    let texts = [("key", &version.key), ("source", &version.source), ("note", &version.note), ("parent", &version.parent)];
    facts.extend(version.rows.map(|rows| ("rows", rows.to_string())));
    facts.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| (key, visible(text))));
    if !version.made_from.is_empty() {
        facts.push(("made from", version.made_from.iter().map(|from| visible(from)).collect::<Vec<_>>().join(", ")));
    }
    facts.push(("added", local_time(version.added_us)));
    facts
}
