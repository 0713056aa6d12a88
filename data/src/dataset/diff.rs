//! What is different between two snapshots: files, columns, rows.
//!
//! Rows are compared by their names where both have the same key, else as multisets. Each pass holds the hashes of a share
//! of the rows, so that memory is bounded however many there are: more rows, more passes.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::manifest::Manifest;
use super::profile::{Open, Profile, ProfileError, RowHasher, name_hash};
use super::rows::{Rows, Sample};
use crate::hash::Hash;

/// Rows whose hashes are held at once.
const HELD: u64 = 2_000_000;
/// Passes at most; beyond that more is held.
const MAX_PASSES: u64 = 64;

/// A snapshot to compare.
pub struct Side<'a> {
    /// Its files.
    pub manifest: &'a Manifest,
    /// Its tables.
    pub profile: Option<&'a Profile>,
    /// The column that names its rows.
    pub key: Option<&'a str>,
    /// Opens its files.
    pub open: &'a Open<'a>,
}

impl std::fmt::Debug for Side<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The differences from one snapshot to another.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Diff {
    /// Files.
    pub files: Changes<String>,
    /// Columns that were added, removed, or hold something else.
    pub columns: Vec<ColumnChange>,
    /// Rows; `None`: neither has tables.
    pub rows: Option<Changes<RowChange>>,
    /// Rows that are the same in both.
    pub same_rows: u64,
    /// The column by which rows were compared; `None`: as a whole.
    pub key: Option<String>,
}

/// How many things were added, removed and changed, and the first of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changes<T> {
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub first_added: Vec<T>,
    pub first_removed: Vec<T>,
    pub first_changed: Vec<T>,
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Self { added: 0, removed: 0, changed: 0, first_added: Vec::new(), first_removed: Vec::new(), first_changed: Vec::new() }
    }
}

impl<T> Changes<T> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added + self.removed + self.changed == 0
    }
}

/// A column that is another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnChange {
    /// Its name.
    pub name: String,
    /// What it held; `None`: it was not there.
    pub before: Option<String>,
    /// What it holds; `None`: it is not there any more.
    pub after: Option<String>,
}

/// A row that is another one: with its fields where it was added or removed, with before and after of those that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowChange {
    /// What it is called.
    pub id: String,
    /// Values by column; of a changed row, an array of two.
    pub fields: Map<String, Json>,
}

/// Compares two snapshots; of each kind of change the first `examples` are shown.
///
/// # Errors
/// [`ProfileError`], where a table cannot be read any more.
pub fn diff(before: &Side<'_>, after: &Side<'_>, examples: usize) -> Result<Diff, ProfileError> {
    let has_tables = |side: &Side<'_>| side.profile.is_some_and(|profile| !profile.tables.is_empty());
    let mut diff = Diff { files: files(before, after, examples), columns: columns(before, after), ..Diff::default() };
    if has_tables(before) || has_tables(after) {
        diff.key = before.key.filter(|key| after.key == Some(key)).map(str::to_owned);
        let (rows, same) = rows(before, after, diff.key.as_deref(), examples)?;
        (diff.rows, diff.same_rows) = (Some(rows), same);
    }
    Ok(diff)
}

fn files(before: &Side<'_>, after: &Side<'_>, examples: usize) -> Changes<String> {
    let all: BTreeSet<&str> =
        before.manifest.files().iter().chain(after.manifest.files()).map(|entry| entry.path.as_str()).collect();
    let mut changes = Changes::default();
    for path in all {
        let (count, first) = match (before.manifest.file(path), after.manifest.file(path)) {
            (None, _) => (&mut changes.added, &mut changes.first_added),
            (_, None) => (&mut changes.removed, &mut changes.first_removed),
            (Some(old), Some(new)) if (old.hash, old.executable) == (new.hash, new.executable) => continue,
            (Some(_), Some(_)) => (&mut changes.changed, &mut changes.first_changed),
        };
        *count += 1;
        if first.len() < examples {
            first.push(path.to_owned());
        }
    }
    changes
}

/// Columns by name, over all tables.
fn columns(before: &Side<'_>, after: &Side<'_>) -> Vec<ColumnChange> {
    let types = |side: &Side<'_>| -> BTreeMap<String, String> {
        let tables = side.profile.iter().flat_map(|profile| &profile.tables);
        let mut types: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for column in tables.flat_map(|table| &table.columns) {
            types.entry(column.name.clone()).or_default().insert(column.kind.name());
        }
        types.into_iter().map(|(name, kinds)| (name, kinds.into_iter().collect::<Vec<_>>().join(" or "))).collect()
    };
    let (old, new) = (types(before), types(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let change =
        |name: &String| ColumnChange { name: name.clone(), before: old.get(name).cloned(), after: new.get(name).cloned() };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

/// What is kept of a difference until its examples are read.
#[derive(Default)]
struct Found {
    changes: Changes<RowChange>,
    same: u64,
    /// Hashes of the first ones, by which they are found again.
    added: BTreeSet<u128>,
    removed: BTreeSet<u128>,
    changed: BTreeSet<u128>,
}

fn rows(
    before: &Side<'_>,
    after: &Side<'_>,
    key: Option<&str>,
    examples: usize,
) -> Result<(Changes<RowChange>, u64), ProfileError> {
    let count = |side: &Side<'_>| side.profile.and_then(Profile::rows).unwrap_or(0);
    let passes = count(before).max(count(after)).div_ceil(HELD).clamp(1, MAX_PASSES);
    let mut found = Found::default();
    for pass in 0..passes {
        let share = Share { pass, passes };
        match key {
            Some(key) => by_key(before, after, key, &share, examples, &mut found)?,
            None => as_multisets(before, after, &share, examples, &mut found)?,
        }
    }
    show(before, after, key, &mut found)?;
    Ok((found.changes, found.same))
}

/// The rows that a pass looks at.
struct Share {
    pass: u64,
    passes: u64,
}

impl Share {
    fn has(&self, hash: u128) -> bool {
        (hash >> 64) as u64 % self.passes == self.pass
    }
}

/// Visits the rows of a side: what names the row, and the hash of its values.
fn visit(side: &Side<'_>, key: Option<&str>, visit: &mut dyn FnMut(u128, u128)) -> Result<(), ProfileError> {
    let mut rows = Rows::new(side.manifest, side.profile, key, side.open);
    let mut hasher = RowHasher::default();
    while let Some(part) = rows.next_batch()? {
        if !hasher.is_for(&part.batch.columns) {
            hasher = RowHasher::new(&part.batch.columns);
        }
        for (at, row) in part.batch.rows.iter().enumerate() {
            let hash = short(&hasher.hash(row));
            visit(if key.is_some() { name_hash(&part.id(at)) } else { hash }, hash);
        }
    }
    Ok(())
}

fn short(hash: &Hash) -> u128 {
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().unwrap_or_default())
}

fn by_key(
    before: &Side<'_>,
    after: &Side<'_>,
    key: &str,
    share: &Share,
    examples: usize,
    found: &mut Found,
) -> Result<(), ProfileError> {
    let mut old: HashMap<u128, u128> = HashMap::new();
    visit(before, Some(key), &mut |name, hash| {
        if share.has(name) {
            old.insert(name, hash);
        }
    })?;
    visit(after, Some(key), &mut |name, hash| {
        if !share.has(name) {
            return;
        }
        match old.remove(&name) {
            Some(former) if former == hash => found.same += 1,
            Some(_) => note(&mut found.changes.changed, &mut found.changed, name, examples),
            None => note(&mut found.changes.added, &mut found.added, name, examples),
        }
    })?;
    old.into_keys().for_each(|name| note(&mut found.changes.removed, &mut found.removed, name, examples));
    Ok(())
}

fn as_multisets(
    before: &Side<'_>,
    after: &Side<'_>,
    share: &Share,
    examples: usize,
    found: &mut Found,
) -> Result<(), ProfileError> {
    let mut old: HashMap<u128, u64> = HashMap::new();
    visit(before, None, &mut |_, hash| {
        if share.has(hash) {
            *old.entry(hash).or_default() += 1;
        }
    })?;
    visit(after, None, &mut |_, hash| {
        if !share.has(hash) {
            return;
        }
        match old.get_mut(&hash).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                found.same += 1;
            }
            None => note(&mut found.changes.added, &mut found.added, hash, examples),
        }
    })?;
    for (hash, count) in old.into_iter().filter(|(_, count)| *count > 0) {
        found.changes.removed += count - 1;
        note(&mut found.changes.removed, &mut found.removed, hash, examples);
    }
    Ok(())
}

/// Counts a difference, and keeps it as an example while it is among the least hashes: the same ones in every run.
fn note(count: &mut u64, examples: &mut BTreeSet<u128>, hash: u128, most: usize) {
    *count += 1;
    examples.insert(hash);
    if examples.len() > most {
        examples.pop_last();
    }
}

/// Reads the examples.
fn show(before: &Side<'_>, after: &Side<'_>, key: Option<&str>, found: &mut Found) -> Result<(), ProfileError> {
    let old = samples(before, key, &found.removed.union(&found.changed).copied().collect())?;
    let new = samples(after, key, &found.added.union(&found.changed).copied().collect())?;
    let whole = |samples: &HashMap<u128, Sample>, hashes: &BTreeSet<u128>| -> Vec<RowChange> {
        let samples = hashes.iter().filter_map(|hash| samples.get(hash));
        samples.map(|sample| RowChange { id: sample.id.clone(), fields: sample.fields.clone() }).collect()
    };
    found.changes.first_added = whole(&new, &found.added);
    found.changes.first_removed = whole(&old, &found.removed);
    let changed = found.changed.iter().filter_map(|hash| Some(changed(old.get(hash)?, new.get(hash)?)));
    found.changes.first_changed = changed.collect();
    for list in [&mut found.changes.first_added, &mut found.changes.first_removed, &mut found.changes.first_changed] {
        list.sort_by(|one, other| one.id.cmp(&other.id));
    }
    Ok(())
}

fn samples(side: &Side<'_>, key: Option<&str>, wanted: &HashSet<u128>) -> Result<HashMap<u128, Sample>, ProfileError> {
    let mut samples = HashMap::new();
    let mut rows = Rows::new(side.manifest, side.profile, key, side.open);
    let mut hasher = RowHasher::default();
    while samples.len() < wanted.len() {
        let Some(part) = rows.next_batch()? else { break };
        if !hasher.is_for(&part.batch.columns) {
            hasher = RowHasher::new(&part.batch.columns);
        }
        for (at, row) in part.batch.rows.iter().enumerate() {
            let hash = if key.is_some() { name_hash(&part.id(at)) } else { short(&hasher.hash(row)) };
            if wanted.contains(&hash) {
                samples.entry(hash).or_insert_with(|| part.sample(at));
            }
        }
    }
    Ok(samples)
}

fn changed(old: &Sample, new: &Sample) -> RowChange {
    let names: BTreeSet<&String> = old.fields.keys().chain(new.fields.keys()).collect();
    let value = |sample: &Sample, name: &str| sample.fields.get(name).cloned().unwrap_or(Json::Null);
    let pair = |name: &String| (name.clone(), (value(old, name), value(new, name)));
    let fields = names.into_iter().map(pair).filter(|(_, (old, new))| old != new);
    RowChange { id: new.id.clone(), fields: fields.map(|(name, (old, new))| (name, Json::Array(vec![old, new]))).collect() }
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
