//! The lock on a data directory: one process at a time, and the second one learns who the first is.
//!
//! The lock is the kernel's (`flock`), so it ends with its process, however that ends. The text in
//! the file only names the holder.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::JournalError;

/// Name of the lock file in a data directory.
pub const LOCK: &str = "LOCK";

/// A held lock; released when dropped.
#[derive(Debug)]
pub struct StoreLock {
    file: File,
}

impl StoreLock {
    /// Takes the lock of `dir`, which must exist.
    ///
    /// # Errors
    /// [`JournalError::Held`] with the holder's name, [`JournalError::Unwritable`] when the lock
    /// file cannot be made.
    pub fn acquire(dir: &Path) -> Result<Self, JournalError> {
        let path = dir.join(LOCK);
        let unwritable = |source| JournalError::Unwritable { path: dir.to_owned(), source };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(unwritable)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(held(dir, &mut file)),
            Err(errno) => return Err(unwritable(errno.into())),
        }
        // Only for the message of a second opener; a full disk must not keep the store closed.
        if let Err(error) = sign(&mut file) {
            tracing::debug!(%error, "the lock file does not name its holder");
        }
        Ok(Self { file })
    }
}

impl Drop for StoreLock {
    /// Closing the file would not do where another thread has just forked: the child shares it until it execs.
    fn drop(&mut self) {
        let _closing_releases_it_too = flock(&self.file, FlockOperation::Unlock);
    }
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let pid = std::process::id();
    writeln!(file, "pid {pid}\nhost {}\nboot {}", host(), boot_id())?;
    file.flush()
}

fn held(dir: &Path, file: &mut File) -> JournalError {
    let mut text = String::new();
    let _unnamed_when_unreadable = file.read_to_string(&mut text);
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.unwrap_or_default().to_owned()
    };
    JournalError::Held { path: dir.to_owned(), pid: field("pid").parse().unwrap_or(0), host: field("host") }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Identifies this start of the machine, where the kernel tells.
fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.map(|id| id.trim().to_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_opener_learns_who_holds_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let lock = StoreLock::acquire(dir.path()).unwrap();
        let Err(JournalError::Held { pid, host: holder, .. }) = StoreLock::acquire(dir.path()) else {
            panic!("the lock is held");
        };
        assert_eq!((pid, holder), (std::process::id(), host()));
        drop(lock);
        StoreLock::acquire(dir.path()).unwrap();
    }

    #[test]
    fn a_lock_file_left_by_a_dead_process_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(LOCK), "pid 1\nhost elsewhere\nboot x and more text\n").unwrap();
        let _lock = StoreLock::acquire(dir.path()).unwrap();
        let text = std::fs::read_to_string(dir.path().join(LOCK)).unwrap();
        assert!(text.starts_with(&format!("pid {}\n", std::process::id())), "{text}");
        assert!(!text.contains("more"));
    }

    #[test]
    fn a_missing_directory_is_unwritable_by_name() {
        let error = StoreLock::acquire(Path::new("/nonexistent/store")).unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/store`"), "{error}");
    }
}
