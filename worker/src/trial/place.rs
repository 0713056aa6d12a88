//! The folders of attempts. Making and removing one takes a dozen changes of the file system, each of which may wait
//! for the disk; so a folder in which a trial has left nothing is kept, and renamed for the next attempt.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, Metadata},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::ledger;

/// What is in every folder: the trial's outputs, its checkpoint, and where it runs.
const INSIDE: [&str; 3] = ["output", "checkpoint", "tree"];
/// Nobody else looks into a trial's folders.
const MODE: u32 = 0o700;

/// Gives folders to attempts and takes them back.
#[derive(Debug, Default)]
pub struct Places {
    /// Spotless ones, still under the names of their last attempts; never more than ran at once.
    idle: Mutex<Vec<PathBuf>>,
}

impl Places {
    /// Makes the folder of an attempt, with empty folders in it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn lay(&self, folder: &Path) -> io::Result<()> {
        remove(folder)?;
        if let Some(idle) = self.pop() {
            match fs::rename(&idle, folder) {
                Ok(()) => return Ok(()),
                Err(error) => tracing::debug!("the folder `{}` cannot be used again: {error}", idle.display()),
            }
            remove(&idle)?;
        }
        INSIDE.iter().try_for_each(|name| DirBuilder::new().recursive(true).mode(MODE).create(folder.join(name)))
    }

    /// Removes the folder of an attempt, or keeps it for another one when the trial has left nothing in it.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn take_back(&self, folder: PathBuf) -> io::Result<()> {
        if !is_spotless(&folder).unwrap_or(false) {
            return remove(&folder);
        }
        self.lock().push(folder);
        Ok(())
    }

    fn pop(&self) -> Option<PathBuf> {
        self.lock().pop()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a folder with everything in it, if it is there.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whether a folder is as [`Places::lay`] makes it, but for the note of its last process.
fn is_spotless(folder: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name != OsStr::new(ledger::FILE) && !INSIDE.iter().any(|inside| name == OsStr::new(inside)) {
            return Ok(false);
        }
    }
    let note = fs::symlink_metadata(folder.join(ledger::FILE));
    if !note.map_or_else(|error| error.kind() == io::ErrorKind::NotFound, |note| note.is_file()) {
        return Ok(false);
    }
    for name in INSIDE {
        let inside = folder.join(name);
        if !is_ours(&fs::symlink_metadata(&inside)?) || fs::read_dir(&inside)?.next().is_some() {
            return Ok(false);
        }
    }
    Ok(is_ours(&fs::symlink_metadata(folder)?))
}

/// A folder, no link to one, that is as accessible as it was made.
fn is_ours(metadata: &Metadata) -> bool {
    metadata.is_dir() && metadata.permissions().mode() & 0o7777 == MODE
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use super::*;

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).expect("it").ino()
    }

    /// Lays a folder, lets a trial do something there, and tells whether the next attempt gets the same one.
    fn is_used_again(trial: impl FnOnce(&Path)) -> bool {
        let work = tempfile::tempdir().expect("a folder");
        let (first, second) = (work.path().join("1-1"), work.path().join("2-1"));
        let places = Places::default();
        places.lay(&first).expect("a place");
        let former = inode(&first);
        // Keeps the number from being given out again.
        let held = fs::File::open(&first).expect("the folder");
        trial(&first);
        places.take_back(first.clone()).expect("taken back");
        places.lay(&second).expect("a place");
        drop(held);
        assert!(!first.exists() && is_spotless(&second).expect("a place"));
        inode(&second) == former
    }

    #[test]
    fn a_folder_in_which_nothing_is_left_is_used_again_under_its_new_name() {
        assert!(is_used_again(|_| {}));
        assert!(is_used_again(|folder| fs::write(folder.join(ledger::FILE), "{}").expect("a note")));
    }

    #[test]
    fn whatever_a_trial_leaves_or_changes_makes_a_new_folder() {
        assert!(!is_used_again(|folder| fs::write(folder.join("output/model"), "x").expect("a file")));
        assert!(!is_used_again(|folder| fs::write(folder.join("tree/.hidden"), "x").expect("a file")));
        assert!(!is_used_again(|folder| fs::create_dir(folder.join("checkpoint/deep")).expect("a folder")));
        assert!(!is_used_again(|folder| fs::create_dir(folder.join("staged")).expect("a folder")));
        assert!(!is_used_again(|folder| fs::remove_dir(folder.join("output")).expect("removed")));
        assert!(!is_used_again(|folder| {
            fs::remove_dir(folder.join("output")).expect("removed");
            symlink("/", folder.join("output")).expect("a link");
        }));
        assert!(!is_used_again(|folder| {
            fs::set_permissions(folder.join("tree"), fs::Permissions::from_mode(0o755)).expect("a mode");
        }));
        assert!(!is_used_again(|folder| symlink("/etc/passwd", folder.join(ledger::FILE)).expect("a link")));
    }

    #[test]
    fn an_attempt_that_comes_again_gets_an_empty_folder() {
        let work = tempfile::tempdir().expect("a folder");
        let folder = work.path().join("1-1");
        let places = Places::default();
        for _ in 0..2 {
            places.lay(&folder).expect("a place");
            fs::write(folder.join("output/model"), "x").expect("a file");
        }
        places.lay(&folder).expect("a place");
        assert!(is_spotless(&folder).expect("a place"));
        places.take_back(folder.clone()).expect("taken back");
        places.lay(&folder).expect("a place");
        assert!(is_spotless(&folder).expect("a place"));
    }
}
