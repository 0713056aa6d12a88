//! Files that survive a power cut: written beside their name, synced, renamed, and the folder synced.
//!
//! Every durable small file of Hone goes through [`write_atomically`], so that a reader sees the old
//! content or the new one and never a mixture.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// What the temporary files of this module start with; leftovers of a crash can be removed by it.
pub const TEMPORARY_PREFIX: &str = ".hone-tmp-";

/// Syncs the entries of a folder: creations, renames and removals in it.
///
/// # Errors
/// Whatever the operating system says about opening or syncing the folder.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces `dir/name` by `bytes`; durable when it returns, and all or nothing.
///
/// # Errors
/// On any failure the old file is untouched and the temporary one is removed.
pub fn write_atomically(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = temporary_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // The name is gone after the rename, so that dropping the file removes nothing.
    fs::rename(file.path(), dir.join(name))?;
    sync_dir(dir)
}

/// Creates a temporary file in `dir`, removed when dropped unless persisted.
///
/// # Errors
/// Whatever the operating system says about creating it.
pub fn temporary_in(dir: &Path) -> io::Result<tempfile::NamedTempFile> {
    tempfile::Builder::new().prefix(TEMPORARY_PREFIX).tempfile_in(dir)
}

/// Removes what a crash left of [`temporary_in`] in `dir`; subfolders are not entered.
///
/// # Errors
/// Whatever the operating system says about reading the folder or removing a file.
pub fn remove_leftovers(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let ours = entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX);
        if ours && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_content_and_no_temporary() {
        let dir = tempfile::tempdir().unwrap();
        write_atomically(dir.path(), "state", b"old").unwrap();
        fs::create_dir(dir.path().join("taken")).unwrap();
        assert!(write_atomically(dir.path(), "taken", b"new").is_err());
        assert_eq!(fs::read(dir.path().join("state")).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn leftovers_of_a_crash_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(".hone-tmp-abc"), b"torn").unwrap();
        fs::write(dir.path().join("state"), b"kept").unwrap();
        remove_leftovers(dir.path()).unwrap();
        assert!(!dir.path().join(".hone-tmp-abc").exists());
        assert!(dir.path().join("state").exists());
    }
}
