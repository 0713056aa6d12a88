//! How far each study is mirrored, in a small file of the data folder. It is written after the server has answered, so
//! it may be behind, never ahead; where it is lost, everything is looked for on the server again.

use std::{collections::BTreeMap, fs, io, path::Path};

use hone_data::durable::write_atomically;
use hone_studies::{State, StudyId};
use serde::{Deserialize, Serialize};

/// Name of the file in the data folder.
const FILE: &str = "mlflow.json";

/// How far one study is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// So many trials are mirrored, in the order in which they finished.
    pub rows: usize,
    /// Those of them that the server did not take whole.
    pub refused: u64,
    /// What the experiment's tags were last made from.
    pub summary: String,
    /// The marks on finished trials that were last sent.
    pub marks: String,
}

/// How far everything is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// Server, prefix and store that it is true for.
    target: String,
    pub studies: BTreeMap<u64, Progress>,
}

impl Cursor {
    /// Nothing is mirrored to this target yet.
    pub fn new(target: &str) -> Cursor {
        Cursor { target: target.to_owned(), studies: BTreeMap::new() }
    }

    /// Reads the cursor; a new one where there is none, or it is another target's.
    ///
    /// # Errors
    /// The file cannot be read. One that makes no sense is worth a warning only.
    pub fn load(directory: &Path, target: &str) -> io::Result<Cursor> {
        let path = directory.join(FILE);
        let found = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Cursor>(&bytes)
                .inspect_err(|error| tracing::warn!(%error, path = %path.display(), "not readable; mirroring from the start"))
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

    pub fn progress(&self, study: StudyId) -> Progress {
        self.studies.get(&study.0).cloned().unwrap_or_default()
    }

    pub fn rows(&self, study: StudyId) -> usize {
        self.studies.get(&study.0).map_or(0, |progress| progress.rows)
    }

    /// Finished trials that are not mirrored.
    pub fn behind(&self, state: &State) -> u64 {
        state.studies().map(|study| study.finished.len().saturating_sub(self.rows(study.id)) as u64).sum()
    }

    /// Trials that the server did not take whole.
    pub fn refused(&self) -> u64 {
        self.studies.values().map(|progress| progress.refused).sum()
    }
}
