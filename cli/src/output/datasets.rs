//! Datasets for people and programs.

use hone_data::dataset::{
    Contract,
    profile::{ColumnProfile, Images, Profile, TableProfile},
};
use hone_proto::v1;
use serde::Serialize;

use super::{
    Cell, Column, Listing, Look,
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

/// Describes one version in lines, with its columns or pictures.
pub fn dataset_text(version: &v1::DatasetVersion, profile: Option<&Profile>, contract: Option<&Contract>, look: Look) -> String {
    let mut out = version_text(version);
    if let Some(contract) = contract {
        let (name, columns) = (visible(&contract.name), contract.columns.len());
        out += &format!("{:<11}{name}, version {}: {columns} columns\n", "contract", contract.version);
        if let Some(service) = &contract.feature_service {
            out += &format!("{:<11}Feast feature service {}\n", "", visible(service));
        }
    }
    let Some(profile) = profile else { return out };
    if let Some(images) = &profile.images {
        out += &images_text(images);
    }
    for (path, reason) in &profile.problems {
        out += &format!("{:<11}`{}`: {}\n", "no table", visible(path), visible(reason));
    }
    for table in profile.tables.iter().take(TABLES) {
        out += &format!("\n{}: {} rows, {} columns\n", visible(&table.path), table.rows, table.columns.len());
        out += &columns_listing(table).table(look);
    }
    if profile.tables.len() > TABLES {
        out += &format!("\nand {} more tables; `--output json` has them\n", profile.tables.len() - TABLES);
    }
    out
}

fn images_text(images: &Images) -> String {
    let counted = |all: &[(String, u64)]| {
        let parts: Vec<String> = all.iter().take(6).map(|(name, count)| format!("{} ({count})", visible(name))).collect();
        parts.join(", ")
    };
    let formats: Vec<(String, u64)> = images.formats.iter().map(|(name, count)| (name.clone(), *count)).collect();
    let mut out = format!("{:<11}{}: {}\n", "pictures", images.count, counted(&formats));
    out += &format!("{:<11}{}\n", "sizes", counted(&images.sizes));
    if !images.folders.is_empty() {
        out += &format!("{:<11}{}\n", "folders", counted(&images.folders));
    }
    if images.unreadable_count > 0 {
        let first: Vec<String> = images.unreadable.iter().take(3).map(|path| visible(path)).collect();
        out += &format!("{:<11}{}: {}\n", "unreadable", images.unreadable_count, first.join(", "));
    }
    out
}

fn columns_listing(table: &TableProfile) -> Listing {
    let columns = [
        ("column", "COLUMN"),
        ("type", "TYPE"),
        ("missing", "MISSING"),
        ("distinct", "DISTINCT"),
        ("min", "MIN"),
        ("median", "MEDIAN"),
        ("mean", "MEAN"),
        ("max", "MAX"),
        ("std", "STD"),
        ("top", "MOST FREQUENT"),
    ];
    let mut listing = Listing::new(columns.map(|(name, title)| Column::new(name, title)).to_vec(), "no columns");
    table.columns.iter().for_each(|column| listing.push(column_row(column)));
    listing
}

fn column_row(column: &ColumnProfile) -> Vec<Cell> {
    let numbers = column.numbers.as_ref().filter(|numbers| !numbers.quantiles.is_empty());
    let number = |value: Option<f64>| value.map_or(Cell::Nothing, Cell::Number);
    let median = numbers.and_then(|numbers| numbers.quantiles.get(numbers.quantiles.len() / 2).copied());
    // Values that are hardly ever there twice say nothing.
    let repeated = column.top.iter().filter(|(_, count)| *count > 1).take(3);
    let top: Vec<String> = repeated.map(|(value, count)| format!("{} ({count})", cut(value))).collect();
    vec![
        Cell::Text(column.name.clone()),
        Cell::Text(column.kind.name().to_owned()),
        if column.missing == 0 { Cell::Nothing } else { Cell::Whole(column.missing) },
        Cell::Text(format!("{}{}", if column.distinct_exact { "" } else { "~" }, column.distinct)),
        number(numbers.map(|numbers| numbers.min)),
        number(median),
        number(numbers.map(|numbers| numbers.mean)),
        number(numbers.map(|numbers| numbers.max)),
        number(numbers.map(|numbers| numbers.std)),
        if top.is_empty() { Cell::Nothing } else { Cell::Text(top.join(", ")) },
    ]
}

/// Letters of a value in a table.
const VALUE: usize = 24;
/// Tables whose columns are shown.
const TABLES: usize = 5;

fn cut(value: &str) -> String {
    if value.chars().count() <= VALUE { value.to_owned() } else { value.chars().take(VALUE).chain(['…']).collect() }
}

fn version_text(version: &v1::DatasetVersion) -> String {
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
