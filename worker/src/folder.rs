//! The worker's folder: who it is, that only one process uses it, and where things are.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long a lock may take to become free.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a folder cannot be a worker's.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot use `{path}` as the worker's folder; choose a folder that you own and can write to", path = .path.display())]
    Io {
        /// What was used.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another worker runs there.
    #[error(
        "another worker (process {holder}) uses the folder `{path}`; stop it, or give this one another folder",
        path = .path.display()
    )]
    Taken {
        /// The folder.
        path: PathBuf,
        /// Its process.
        holder: String,
    },
    /// The identity is not readable.
    #[error("`{path}` is damaged; remove it, and the worker joins as a new one", path = .path.display())]
    Identity {
        /// The file.
        path: PathBuf,
    },
}

/// An opened, locked folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Chosen once per folder.
    pub worker_key: String,
    /// New with every start.
    pub incarnation: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Identity {
    worker_key: String,
}

impl Folder {
    /// Opens or creates a worker's folder and locks it for this process.
    ///
    /// # Errors
    ///
    /// [`FolderError`] when it is taken, not writable or damaged.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(root).map_err(io(root))?;
        let root = root.canonicalize().map_err(io(root))?;
        fs::set_permissions(&root, fs::Permissions::from_mode(0o700)).map_err(io(&root))?;
        let lock = lock(&root)?;
        let folder = Self { worker_key: identify(&root)?, incarnation: Uuid::new_v4().simple().to_string(), root, _lock: lock };
        for below in [folder.work(), folder.sources()] {
            DirBuilder::new().recursive(true).mode(0o700).create(&below).map_err(io(&below))?;
        }
        Ok(folder)
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder for every attempt.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Unpacked sources.
    #[must_use]
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// Datasets of trials.
    #[must_use]
    pub fn datasets(&self) -> PathBuf {
        self.root.join("datasets")
    }

    /// Predictions that stay here.
    #[must_use]
    pub fn predictions(&self) -> PathBuf {
        self.root.join("predictions")
    }

    /// Fetched blobs.
    #[must_use]
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Unacknowledged records.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }
}

fn lock(root: &Path) -> Result<File, FolderError> {
    let path = root.join("LOCK");
    let io = |source| FolderError::Io { path: path.clone(), source };
    let mut options = OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(io)?;
    if !is_locked_within(&file, PATIENCE) {
        let mut holder = String::new();
        // Without the number the message is poorer, not wrong.
        let _ = file.read_to_string(&mut holder);
        return Err(FolderError::Taken { path: root.to_owned(), holder: holder.trim().to_owned() });
    }
    file.set_len(0).map_err(io)?;
    file.rewind().map_err(io)?;
    writeln!(file, "{}", std::process::id()).map_err(io)?;
    Ok(file)
}

/// A worker that was killed while it started a process holds the lock until that process has begun.
fn is_locked_within(file: &File, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(20));
    }
    true
}

fn identify(root: &Path) -> Result<String, FolderError> {
    let path = root.join("identity.json");
    let io = |source| FolderError::Io { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => {
            let identity: Result<Identity, _> = serde_json::from_slice(&bytes);
            identity.map(|identity| identity.worker_key).map_err(|_| FolderError::Identity { path: path.clone() })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let identity = Identity { worker_key: Uuid::new_v4().to_string() };
            let text = serde_json::to_vec(&identity).map_err(|error| io(error.into()))?;
            let temporary = root.join("identity.new");
            fs::write(&temporary, text).map_err(io)?;
            fs::rename(&temporary, &path).map_err(io)?;
            Ok(identity.worker_key)
        }
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_identity_and_changes_its_incarnation() {
        let parent = tempfile::tempdir().expect("a folder");
        let root = parent.path().join("worker");
        let first = Folder::open(&root).expect("a folder");
        let (key, incarnation) = (first.worker_key.clone(), first.incarnation.clone());
        drop(first);
        let second = Folder::open(&root).expect("a folder");
        assert_eq!(second.worker_key, key);
        assert_ne!(second.incarnation, incarnation);
        assert_eq!(fs::metadata(&root).expect("it").permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_second_worker_is_refused_with_the_first_ones_process() {
        let root = tempfile::tempdir().expect("a folder");
        let _first = Folder::open(root.path()).expect("a folder");
        let error = Folder::open(root.path()).expect_err("taken").to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
    }

    #[test]
    fn a_damaged_identity_is_named() {
        let root = tempfile::tempdir().expect("a folder");
        fs::write(root.path().join("identity.json"), b"{\"wor").expect("a file");
        assert!(matches!(Folder::open(root.path()), Err(FolderError::Identity { .. })));
    }

    #[test]
    fn a_file_is_no_folder() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = Folder::open(file.path()).expect_err("a file").to_string();
        assert!(error.contains("choose a folder"), "{error}");
    }
}
