//! What a snapshot holds: schema and statistics of its tables, formats and sizes of its pictures.
//!
//! A document of its own, kept beside the manifest: what a later build computes otherwise does not change a snapshot's id.

mod column;
mod digest;
mod distinct;
mod images;
mod sample;
mod top;

use std::{collections::BTreeMap, io, sync::Arc};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::content::Content;
use super::manifest::{Entry, Manifest};
use super::table::{Batch, Format, Table, TableError};
use crate::hash::Hash;

pub use column::{ColumnProfile, ColumnType, Guess, Lengths, Numbers, guess};
pub use digest::{Multiset, RowHasher};
pub use images::{Images, Span};

use column::ColumnReading;

/// The format of the document.
const FORMAT: u32 = 1;
/// Steps of the quantiles; of wide tables fewer, so that the document stays small.
const STEPS: (usize, usize) = (100, 10);
/// From so many columns on a table is wide.
const WIDE: usize = 500;

/// Schema and statistics of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    hone_profile: u32,
    /// `table`, `images` or `files`.
    pub kind: String,
    /// Its tables, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableProfile>,
    /// Files named like tables that are none, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<(String, String)>,
    /// Its pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<Images>,
}

/// Schema and statistics of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    /// The file.
    pub path: String,
    /// What it is.
    pub format: Format,
    /// How many it has.
    pub rows: u64,
    /// The same for a table that differs in nothing but the order of rows and columns.
    pub digest: Hash,
    /// Its columns, in the order of the file.
    pub columns: Vec<ColumnProfile>,
}

/// Why a snapshot has no profile.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// A file is no table, though it has to be one.
    #[error("`{path}`: {source}")]
    Table {
        /// The file.
        path: String,
        /// What is wrong with it.
        #[source]
        source: TableError,
    },
    /// A file cannot be read.
    #[error("`{path}` cannot be read")]
    Io {
        /// The file.
        path: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Nothing in the snapshot has rows.
    #[error("the data has no table (`.csv`, `.tsv`, `.jsonl`, `.parquet`), so it has no column `{0}`")]
    NoTable(String),
    /// A table lacks the column that names the rows.
    #[error("`{path}` has no column `{key}`; it has {has}")]
    NoKey {
        /// The table.
        path: String,
        /// The column.
        key: String,
        /// The first columns.
        has: String,
    },
    /// A row has no name.
    #[error("row {row} of `{path}` has nothing in `{key}`, which should name it")]
    Unnamed {
        /// The table.
        path: String,
        /// The row, from 1.
        row: u64,
        /// The column.
        key: String,
    },
    /// Two rows have one name.
    #[error("`{id}` in `{key}` names several rows: {rows}")]
    Twice {
        /// The name.
        id: String,
        /// The column.
        key: String,
        /// The first of the rows.
        rows: String,
    },
}

/// Looks at parts of tables while they are profiled: the table's path, and rows.
pub type Look<'a> = dyn FnMut(&str, &Batch) + 'a;

/// What is wanted of a profile.
#[derive(Default)]
pub struct Wanted<'a> {
    /// The column that names the rows; every table has to have it, and no two rows the same name.
    pub key: Option<&'a str>,
    /// A file that is no table in spite of its name is an error, and not merely noted.
    pub strict: bool,
    /// Sees all rows, table by table in the order of the paths.
    pub look: Option<&'a mut Look<'a>>,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("key", &self.key).field("strict", &self.strict).finish_non_exhaustive()
    }
}

/// Opens the files of a snapshot.
pub type Open<'a> = dyn Fn(&Entry) -> io::Result<Content> + Sync + 'a;

impl Profile {
    /// Reads all tables and the beginnings of all pictures of a snapshot.
    ///
    /// # Errors
    /// [`ProfileError`]
    pub fn of(manifest: &Manifest, open: &Open<'_>, mut wanted: Wanted<'_>) -> Result<Self, ProfileError> {
        let (mut tables, mut problems) = (Vec::new(), Vec::new());
        let mut keys = Keys::default();
        for entry in manifest.files() {
            let path = entry.path.as_str();
            let Some(format) = Format::of_name(path) else { continue };
            let content = open(entry).map_err(|source| ProfileError::Io { path: path.to_owned(), source })?;
            match read_table(&content, path, format, &mut wanted, &mut keys) {
                Ok(table) => tables.push(table),
                Err(ProfileError::Table { source, .. }) if !wanted.strict && wanted.key.is_none() => {
                    problems.push((path.to_owned(), crate::dataset::words(&source)));
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(key) = wanted.key {
            if tables.is_empty() {
                return Err(ProfileError::NoTable(key.to_owned()));
            }
            keys.check(manifest, open, key)?;
        }
        let images = read_pictures(manifest, open)?;
        let files = manifest.files().len() as u64;
        let kind = match &images {
            _ if tables.len() as u64 == files => "table",
            Some(images) if images.count * 2 >= files => "images",
            _ => "files",
        };
        Ok(Self { hone_profile: FORMAT, kind: kind.to_owned(), tables, problems, images })
    }

    /// Rows of all tables together; `None`: there are no tables.
    #[must_use]
    pub fn rows(&self) -> Option<u64> {
        (!self.tables.is_empty()).then(|| self.tables.iter().map(|table| table.rows).sum())
    }

    /// A hash that is the same for snapshots that differ in nothing but the order of rows and columns of tables.
    #[must_use]
    pub fn sameness(&self, manifest: &Manifest) -> Hash {
        let tables: BTreeMap<&str, &Hash> = self.tables.iter().map(|table| (table.path.as_str(), &table.digest)).collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hone snapshot 1");
        for entry in manifest.files() {
            let path = entry.path.as_str();
            let (kind, hash) = tables.get(path).map_or((0, &entry.hash), |digest| (1, *digest));
            hasher.update(&(path.len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(&[kind, u8::from(entry.executable)]);
            hasher.update(hash.as_bytes());
        }
        Hash::of_hasher(&hasher)
    }

    /// The document.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are JSON")
    }

    /// Reads the document.
    ///
    /// # Errors
    /// One sentence: it is damaged, or of a newer build.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let profile: Self = serde_json::from_slice(bytes).map_err(|error| format!("the profile cannot be read: {error}"))?;
        match profile.hone_profile {
            FORMAT => Ok(profile),
            newer => Err(format!("the profile has format {newer}, and this build reads {FORMAT}; upgrade hone")),
        }
    }
}

fn read_table(
    content: &Content,
    path: &str,
    format: Format,
    wanted: &mut Wanted<'_>,
    keys: &mut Keys,
) -> Result<TableProfile, ProfileError> {
    let failed = |source| ProfileError::Table { path: path.to_owned(), source };
    let mut table = Table::open(content, format, path).map_err(failed)?;
    let mut reading = Reading { untyped: format == Format::Csv, ..Reading::default() };
    while let Some(batch) = table.next_batch().map_err(failed)? {
        reading.add(&batch);
        if let Some(key) = wanted.key {
            keys.add(path, key, &batch)?;
        }
        if let Some(look) = &mut wanted.look {
            look(path, &batch);
        }
    }
    Ok(reading.profile(path, format))
}

/// A table that is being read.
#[derive(Default)]
struct Reading {
    untyped: bool,
    columns: Vec<Arc<str>>,
    readings: Vec<ColumnReading>,
    hasher: RowHasher,
    rows: Multiset,
}

impl Reading {
    fn add(&mut self, batch: &Batch) {
        if !self.hasher.is_for(&batch.columns) {
            self.hasher = RowHasher::new(&batch.columns);
            self.columns.clone_from(&batch.columns);
            self.readings.resize_with(batch.columns.len(), || ColumnReading::after(batch.first));
        }
        let untyped = self.untyped;
        // Each column sees its values in order, whichever thread it is on.
        self.readings.par_iter_mut().enumerate().for_each(|(place, reading)| {
            for row in &batch.rows {
                reading.add(row.get(place).unwrap_or(&super::table::Value::Missing), untyped);
            }
        });
        let hasher = &self.hasher;
        let hashes: Vec<Hash> = batch.rows.par_iter().map(|row| hasher.hash(row)).collect();
        hashes.iter().for_each(|hash| self.rows.add(hash));
    }

    fn profile(&self, path: &str, format: Format) -> TableProfile {
        let steps = if self.columns.len() < WIDE { STEPS.0 } else { STEPS.1 };
        let columns = self.columns.iter().zip(&self.readings);
        TableProfile {
            path: path.to_owned(),
            format,
            rows: self.rows.rows(),
            digest: self.rows.digest(&self.columns),
            columns: columns.map(|(name, reading)| reading.profile(name, self.untyped, steps)).collect(),
        }
    }
}

/// The names of all rows, as hashes: two in a row after sorting are one name.
#[derive(Default)]
struct Keys {
    hashes: Vec<u128>,
}

/// 128 bits of a name: no two names share them.
#[must_use]
pub(super) fn name_hash(name: &str) -> u128 {
    let hash = blake3::hash(name.as_bytes());
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().unwrap_or_default())
}

impl Keys {
    fn add(&mut self, path: &str, key: &str, batch: &Batch) -> Result<(), ProfileError> {
        let place = key_place(path, key, batch)?;
        for (row, number) in batch.rows.iter().zip(batch.first + 1..) {
            let Some(value) = row.get(place).filter(|value| !value.is_missing()) else {
                return Err(ProfileError::Unnamed { path: path.to_owned(), row: number, key: key.to_owned() });
            };
            self.hashes.push(name_hash(&value.to_text()));
        }
        Ok(())
    }

    fn check(mut self, manifest: &Manifest, open: &Open<'_>, key: &str) -> Result<(), ProfileError> {
        self.hashes.par_sort_unstable();
        match self.hashes.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(twice(manifest, open, key, pair[0])?),
            None => Ok(()),
        }
    }
}

/// The column that names rows.
///
/// # Errors
/// [`ProfileError::NoKey`]
pub(super) fn key_place(path: &str, key: &str, batch: &Batch) -> Result<usize, ProfileError> {
    batch.columns.iter().position(|column| **column == *key).ok_or_else(|| {
        let first: Vec<String> = batch.columns.iter().take(20).map(|column| format!("`{column}`")).collect();
        let more = if batch.columns.len() > first.len() { ", …" } else { "" };
        ProfileError::NoKey { path: path.to_owned(), key: key.to_owned(), has: first.join(", ") + more }
    })
}

/// Names the rows of a name that is there several times, by reading once more.
fn twice(manifest: &Manifest, open: &Open<'_>, key: &str, wanted: u128) -> Result<ProfileError, ProfileError> {
    let (mut id, mut rows) = (String::new(), Vec::new());
    for entry in manifest.files() {
        let path = entry.path.as_str();
        let Some(format) = Format::of_name(path) else { continue };
        let failed = |source| ProfileError::Table { path: path.to_owned(), source };
        let content = open(entry).map_err(|source| ProfileError::Io { path: path.to_owned(), source })?;
        let mut table = Table::open(&content, format, path).map_err(failed)?;
        while let Some(batch) = table.next_batch().map_err(failed)? {
            let place = key_place(path, key, &batch)?;
            for (row, number) in batch.rows.iter().zip(batch.first + 1..) {
                let Some(text) = row.get(place).map(super::table::Value::to_text) else { continue };
                if name_hash(&text) == wanted && rows.len() < 3 {
                    rows.push(format!("row {number} of `{path}`"));
                    id = text;
                }
            }
        }
    }
    Ok(ProfileError::Twice { id, key: key.to_owned(), rows: rows.join(", ") })
}

fn read_pictures(manifest: &Manifest, open: &Open<'_>) -> Result<Option<Images>, ProfileError> {
    let named: Vec<&Entry> =
        manifest.files().iter().filter(|entry| images::is_named_like_a_picture(entry.path.as_str())).collect();
    if named.is_empty() {
        return Ok(None);
    }
    let read = |entry: &&Entry| {
        let picture = open(entry).and_then(|content| images::picture(&content));
        picture.map_err(|source| ProfileError::Io { path: entry.path.to_string(), source })
    };
    let pictures = named.par_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let pictures: Vec<_> = named.iter().map(|entry| entry.path.as_str()).zip(pictures).collect();
    Ok(Some(images::images(&pictures)))
}

#[cfg(test)]
#[path = "profile_tests.rs"]
mod tests;
