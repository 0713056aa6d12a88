//! The names in a data directory, and putting right what an interrupted change left.
//!
//! The database is created and compacted beside its place and then renamed. Whatever a crash leaves
//! falls under one of these rows:
//!
//! | `journal` | `journal.old` | What happened | What is done |
//! |---|---|---|---|
//! | yes | no | nothing, or a creation or compaction did not finish | its folder is removed |
//! | yes | yes | a compaction finished | the old one is removed |
//! | no | yes | a compaction was between its two renames | the old one is put back |
//! | no | no | new directory, or a creation did not finish | the database is created |

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use hone_data::durable::{remove_leftovers, sync_dir};

use super::JournalError;

/// The places in one data directory.
#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The data directory.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// A database that is being created.
    #[must_use]
    pub fn creating(&self) -> PathBuf {
        self.root.join("journal.creating")
    }

    /// A database that is being written anew.
    #[must_use]
    pub fn compacting(&self) -> PathBuf {
        self.root.join("journal.compacting")
    }

    /// The database that a compaction replaced.
    #[must_use]
    pub fn old(&self) -> PathBuf {
        self.root.join("journal.old")
    }

    /// A copy of the database that a verification opens.
    #[must_use]
    pub fn verifying(&self) -> PathBuf {
        self.root.join("journal.verifying")
    }

    /// The snapshots.
    #[must_use]
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// The blobs.
    #[must_use]
    pub fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// Makes the data directory where there is none.
    ///
    /// # Errors
    /// [`JournalError::Unwritable`]
    pub fn make_root(&self) -> Result<(), JournalError> {
        let unwritable = |source| JournalError::Unwritable { path: self.root.clone(), source };
        fs::create_dir_all(&self.root).map_err(unwritable)
    }

    /// Puts right what an interrupted creation, compaction or verification left; the lock is held.
    ///
    /// # Errors
    /// [`JournalError::Io`]
    pub fn settle(&self) -> Result<(), JournalError> {
        self.try_settle().map_err(|error| JournalError::from_io(self.root.clone(), "cleaning up", error))
    }

    fn try_settle(&self) -> io::Result<()> {
        if self.old().exists() && !self.journal().exists() {
            fs::rename(self.old(), self.journal())?;
        }
        for leftover in [self.creating(), self.compacting(), self.verifying(), self.old()] {
            remove_dir(&leftover)?;
        }
        remove_leftovers(&self.root)?;
        sync_dir(&self.root)
    }

    /// Puts the database in `from` at its place.
    ///
    /// # Errors
    /// [`JournalError::Io`]
    pub fn install(&self, from: &Path) -> Result<(), JournalError> {
        self.try_install(from).map_err(|error| JournalError::from_io(self.journal(), "renaming", error))
    }

    fn try_install(&self, from: &Path) -> io::Result<()> {
        if self.journal().exists() {
            fs::rename(self.journal(), self.old())?;
            sync_dir(&self.root)?;
        }
        fs::rename(from, self.journal())?;
        sync_dir(&self.root)?;
        remove_dir(&self.old())
    }
}

/// Removes a folder and everything in it; fine when there is none.
fn remove_dir(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(names: &[&str]) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("was"), name).unwrap();
        }
        let layout = Layout::new(dir.path());
        (dir, layout)
    }

    fn after_settling(names: &[&str]) -> Vec<String> {
        let (dir, layout) = with(names);
        layout.settle().unwrap();
        let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap());
        entries.map(|entry| fs::read_to_string(entry.path().join("was")).unwrap()).collect()
    }

    #[test]
    fn every_row_of_the_table_ends_with_one_database_or_none() {
        assert_eq!(after_settling(&["journal", "journal.compacting"]), ["journal"]);
        assert_eq!(after_settling(&["journal", "journal.old"]), ["journal"]);
        assert_eq!(after_settling(&["journal.old", "journal.compacting"]), ["journal.old"]);
        assert!(after_settling(&["journal.creating"]).is_empty());
        assert_eq!(after_settling(&["journal", "journal.verifying"]), ["journal"]);
    }

    #[test]
    fn installing_replaces_the_database() {
        let (dir, layout) = with(&["journal", "journal.compacting"]);
        layout.install(&layout.compacting()).unwrap();
        let was = fs::read_to_string(layout.journal().join("was")).unwrap();
        assert_eq!(was, "journal.compacting");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
