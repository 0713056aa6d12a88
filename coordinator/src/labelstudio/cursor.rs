//! Where each label project is in Label Studio, in a small file of the data folder.
//!
//! It is written after the server has answered, so it may be behind, never ahead. Where it is lost, projects are found by
//! the marks in their descriptions, tasks by their keys, and everything is compared again.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use hone_data::durable::write_atomically;
use hone_studies::LabelRequestId;
use serde::{Deserialize, Serialize};

/// Name of the file in the data folder.
const FILE: &str = "label-studio.json";

/// Where one label project is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Its project there.
    pub project: u64,
    /// When that was made, as the server writes it.
    pub created: String,
    /// Hash of the configuration that was last written there: what people change there stays until the form changes here.
    pub config: String,
    /// The predictions that are there.
    pub version: String,
    /// The project there has been told to order tasks by them.
    pub live: bool,
    /// What changed there up to this moment has been looked at; microseconds since 1970 by the server's clock.
    pub pulled: i64,
    /// Requests that have been given a task at any time.
    #[serde(with = "ranges")]
    pub asked: BTreeSet<LabelRequestId>,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Server and store that it is true for.
    target: String,
    pub places: BTreeMap<u64, Place>,
}

impl Cursor {
    /// Nothing is known at this target yet.
    pub fn new(target: &str) -> Cursor {
        Cursor { target: target.to_owned(), places: BTreeMap::new() }
    }

    /// Reads the cursor; a new one where there is none, or it is another target's.
    ///
    /// # Errors
    /// The file cannot be read. One that makes no sense is worth a warning only.
    pub fn load(directory: &Path, target: &str) -> io::Result<Cursor> {
        let path = directory.join(FILE);
        let found = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Cursor>(&bytes)
                .inspect_err(
                    |error| tracing::warn!(%error, path = %path.display(), "not readable; everything is looked for again"),
                )
                .unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Cursor::default(),
            Err(error) => return Err(error),
        };
        match found.target == target {
            true => Ok(found),
            false => Ok(Cursor::new(target)),
        }
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        write_atomically(directory, FILE, &bytes)
    }
}

/// Ids that follow one another as first and last.
mod ranges {
    use std::collections::BTreeSet;

    use hone_studies::LabelRequestId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(ids: &BTreeSet<LabelRequestId>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for LabelRequestId(id) in ids {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *id => *last = *id,
                _ => ranges.push((*id, *id)),
            }
        }
        ranges.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeSet<LabelRequestId>, D::Error> {
        let ranges = Vec::<(u64, u64)>::deserialize(deserializer)?;
        Ok(ranges.into_iter().flat_map(|(first, last)| first..=last).map(LabelRequestId).collect())
    }
}
