//! Rows of a snapshot by the names that they have: what label requests and predictions call samples.
//!
//! | The snapshot has | A sample is | Its name |
//! |---|---|---|
//! | tables and a key | a row of a table | what the key's column holds |
//! | one table, no key | a row | its number, from 0 |
//! | several tables, no key | a row | `path:number` |
//! | no tables | a file | its path |

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::content::Content;
use super::manifest::{Entry, Manifest};
use super::profile::{ColumnType, Guess, Open, Profile, ProfileError, TableProfile, guess, key_place};
use super::table::{Batch, Format, Table, Value};

/// A sample: its name, and its values by column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// What it is called.
    pub id: String,
    /// A file's sample has `path` and `size`, and `blob` where the file is one blob.
    pub fields: Map<String, Json>,
}

/// The samples of a snapshot, in order, part by part.
pub struct Rows<'a> {
    manifest: &'a Manifest,
    open: &'a Open<'a>,
    key: Option<&'a str>,
    tables: Vec<&'a TableProfile>,
    /// The table that comes next, or the file where there are no tables.
    next: usize,
    reading: Option<Reading<'a>>,
}

struct Reading<'a> {
    profile: &'a TableProfile,
    table: Table,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("key", &self.key).field("next", &self.next).finish_non_exhaustive()
    }
}

/// Files in one part.
const PART: usize = 4_096;

impl<'a> Rows<'a> {
    /// The samples of the snapshot. `key` is the column that names rows.
    #[must_use]
    pub fn new(manifest: &'a Manifest, profile: Option<&'a Profile>, key: Option<&'a str>, open: &'a Open<'a>) -> Self {
        let tables = profile.map(|profile| profile.tables.iter().collect()).unwrap_or_default();
        Self { manifest, open, key, tables, next: 0, reading: None }
    }

    /// The next samples; `None` at the end.
    ///
    /// # Errors
    /// [`ProfileError`], where a file cannot be read any more.
    pub fn next_samples(&mut self) -> Result<Option<Vec<Sample>>, ProfileError> {
        if self.tables.is_empty() {
            return Ok(self.next_files());
        }
        Ok(self.next_batch()?.map(|part| part.samples(None)))
    }

    /// Those samples that are called so, wherever they are. Names that nothing has are left out.
    ///
    /// # Errors
    /// As [`Rows::next`].
    pub fn find(mut self, ids: &HashSet<&str>) -> Result<HashMap<String, Sample>, ProfileError> {
        let mut found = HashMap::new();
        while found.len() < ids.len() {
            let samples = if self.tables.is_empty() {
                self.next_files().map(|mut samples| {
                    samples.retain(|sample| ids.contains(sample.id.as_str()));
                    samples
                })
            } else {
                self.next_batch()?.map(|part| part.samples(Some(ids)))
            };
            let Some(samples) = samples else { break };
            found.extend(samples.into_iter().map(|sample| (sample.id.clone(), sample)));
        }
        Ok(found)
    }

    fn next_files(&mut self) -> Option<Vec<Sample>> {
        let files = self.manifest.files();
        let part = files.get(self.next..files.len().min(self.next + PART)).filter(|part| !part.is_empty())?;
        self.next += part.len();
        Some(part.iter().map(file_sample).collect())
    }

    /// The next rows of the tables, with what is needed to name them.
    pub(super) fn next_batch(&mut self) -> Result<Option<Part<'a>>, ProfileError> {
        loop {
            if let Some(reading) = &mut self.reading {
                let profile = reading.profile;
                let failed = |source| ProfileError::Table { path: profile.path.clone(), source };
                if let Some(batch) = reading.table.next_batch().map_err(failed)? {
                    let place = self.key.map(|key| key_place(&profile.path, key, &batch)).transpose()?;
                    let alone = self.tables.len() == 1;
                    return Ok(Some(Part { batch, place, profile, alone }));
                }
                self.reading = None;
            }
            let Some(profile) = self.tables.get(self.next) else { return Ok(None) };
            self.next += 1;
            self.reading = Some(Reading { profile, table: self.open_table(profile)? });
        }
    }

    fn open_table(&self, profile: &TableProfile) -> Result<Table, ProfileError> {
        let path = profile.path.clone();
        let entry = self.manifest.file(&path);
        let content: std::io::Result<Content> = entry.map_or_else(|| Err(std::io::ErrorKind::NotFound.into()), self.open);
        let content = content.map_err(|source| ProfileError::Io { path: path.clone(), source })?;
        Table::open(&content, profile.format, &path).map_err(|source| ProfileError::Table { path, source })
    }
}

/// Rows of one table.
pub(super) struct Part<'a> {
    pub batch: Batch,
    /// The key's column.
    place: Option<usize>,
    pub profile: &'a TableProfile,
    /// There is no other table.
    alone: bool,
}

impl Part<'_> {
    /// What the row at this place of the part is called.
    pub fn id(&self, at: usize) -> String {
        let number = self.batch.first + at as u64;
        match self.place {
            Some(place) => self.batch.rows[at].get(place).map(Value::to_text).unwrap_or_default(),
            None if self.alone => number.to_string(),
            None => format!("{}:{number}", self.profile.path),
        }
    }

    /// The row at this place of the part.
    pub fn sample(&self, at: usize) -> Sample {
        let types: BTreeMap<&str, ColumnType> =
            self.profile.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        self.sample_of(at, &types)
    }

    fn sample_of(&self, at: usize, types: &BTreeMap<&str, ColumnType>) -> Sample {
        let untyped = self.profile.format == Format::Csv;
        let row = &self.batch.rows[at];
        let field = |(place, column): (usize, &std::sync::Arc<str>)| {
            let value = row.get(place).unwrap_or(&Value::Missing);
            let kind = types.get(&**column).copied().unwrap_or(ColumnType::Unknown);
            (column.to_string(), if untyped { guessed(value, kind) } else { value.to_json() })
        };
        let mut fields: Map<String, Json> = self.batch.columns.iter().enumerate().map(field).collect();
        // Columns that only later parts of the file have.
        for name in types.keys() {
            fields.entry(*name).or_insert(Json::Null);
        }
        Sample { id: self.id(at), fields }
    }

    fn samples(&self, wanted: Option<&HashSet<&str>>) -> Vec<Sample> {
        let types: BTreeMap<&str, ColumnType> =
            self.profile.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
        let rows = 0..self.batch.rows.len();
        let rows = rows.filter(|at| wanted.is_none_or(|wanted| wanted.contains(self.id(*at).as_str())));
        rows.map(|at| self.sample_of(at, &types)).collect()
    }
}

/// A cell of a file without types, as its column has turned out to be.
fn guessed(value: &Value, kind: ColumnType) -> Json {
    let Value::Text(text) = value else { return value.to_json() };
    match (kind, guess(text)) {
        (ColumnType::Int, Guess::Int(_)) => text.parse::<i64>().map_or_else(|_| value.to_json(), Json::from),
        (ColumnType::Int | ColumnType::Float, Guess::Int(number) | Guess::Float(number)) => Value::Float(number).to_json(),
        (ColumnType::Bool, Guess::Bool(truth)) => Json::Bool(truth),
        // What stands for nothing in a column of numbers.
        (ColumnType::Int | ColumnType::Float | ColumnType::Bool, _) => Json::Null,
        _ => value.to_json(),
    }
}

fn file_sample(entry: &Entry) -> Sample {
    let mut fields = Map::new();
    fields.insert("path".to_owned(), json!(entry.path.as_str()));
    fields.insert("size".to_owned(), json!(entry.size));
    if entry.chunks.is_empty() {
        fields.insert("file".to_owned(), json!({ "blob": entry.hash.to_string() }));
    }
    Sample { id: entry.path.to_string(), fields }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
pub(super) mod tests;
