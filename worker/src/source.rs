//! Sources of studies: fetched and unpacked once per hash, set up once, then shared by all attempts.
//!
//! ```text
//! sources/<key>/tree/      the unpacked source, in which `setup` ran
//! sources/<key>/setup.log  what `setup` wrote
//! sources/<key>/ready      everything above is complete
//! ```
//!
//! The key covers whatever makes two results differ: the source, the command of `setup` and its environment.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hone_data::{
    Hash,
    unpack::{UnpackLimits, unpack},
};
use hone_proto::worker::Program;
use tokio::sync::watch;

use crate::{
    host::Host,
    setup::run_setup,
    transfer::{chain, hash_from_bytes},
};

/// A failed preparation is tried again for attempts that come later than this.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// What a source may unpack to.
const UNPACK_LIMITS: UnpackLimits = UnpackLimits { max_entries: 1_000_000, max_bytes: 64 << 30 };

/// How far a preparation is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// The source is being fetched.
    Fetching,
    /// `setup` runs.
    SettingUp,
    /// The source's folder.
    Ready(PathBuf),
    /// It cannot be used, for this reason.
    Failed(Arc<SourceFailure>),
}

/// Why a source cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFailure {
    /// One sentence, with the last lines of `setup` where they help.
    pub message: String,
    /// The exit code of `setup`; 0: it is not about that.
    pub code: i32,
    /// What `setup` wrote.
    pub log: Option<PathBuf>,
}

impl SourceFailure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 0, log: None }
    }
}

/// The sources of one worker.
#[derive(Debug)]
pub struct Sources {
    folder: PathBuf,
    entries: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Debug)]
struct Entry {
    progress: watch::Receiver<Progress>,
    began: Instant,
}

impl Sources {
    /// Keeps them in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), entries: Mutex::default() }
    }

    /// Where the source of a program is, or how far it is; starts its preparation when nobody has. `None`: the
    /// program needs none.
    pub fn prepare(&self, host: &Arc<Host>, program: &Arc<Program>) -> Option<watch::Receiver<Progress>> {
        if program.source.is_empty() && program.setup.is_empty() {
            return None;
        }
        let key = key_of(program);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(&key).filter(|entry| entry.is_good()) {
            return Some(entry.progress.clone());
        }
        let (progress, receiver) = watch::channel(Progress::Fetching);
        entries.insert(key.clone(), Entry { progress: receiver.clone(), began: Instant::now() });
        let preparation = Preparation { host: Arc::clone(host), program: Arc::clone(program), folder: self.folder.join(key) };
        // Shared by attempts that come and go; ends with its work, or with the worker's runtime.
        tokio::spawn(async move { preparation.run(progress).await });
        Some(receiver)
    }
}

impl Entry {
    /// Not to be tried again: ready, under way, or failed just now.
    fn is_good(&self) -> bool {
        match &*self.progress.borrow() {
            Progress::Fetching | Progress::SettingUp => self.progress.has_changed().is_ok(),
            Progress::Ready(_) => true,
            Progress::Failed(_) => self.began.elapsed() < TRY_AGAIN,
        }
    }
}

fn key_of(program: &Program) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    add(&program.source);
    for argument in &program.setup {
        add(argument.as_bytes());
    }
    let environment: BTreeMap<_, _> = program.environment.iter().collect();
    for (name, value) in environment {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// One preparation under way.
struct Preparation {
    host: Arc<Host>,
    program: Arc<Program>,
    folder: PathBuf,
}

impl Preparation {
    async fn run(self, progress: watch::Sender<Progress>) {
        let result = self.prepare(&progress).await;
        progress.send_replace(match result {
            Ok(tree) => Progress::Ready(tree),
            Err(failure) => Progress::Failed(Arc::new(failure)),
        });
    }

    async fn prepare(&self, progress: &watch::Sender<Progress>) -> Result<PathBuf, SourceFailure> {
        let (tree, ready) = (self.folder.join("tree"), self.folder.join("ready"));
        if ready.exists() {
            return Ok(tree);
        }
        self.unpack(&tree).await?;
        if !self.program.setup.is_empty() {
            progress.send_replace(Progress::SettingUp);
            run_setup(&self.host, &self.program, &tree, &self.folder.join("setup.log")).await?;
        }
        let finish = || -> io::Result<()> {
            protect(&tree)?;
            fs::write(&ready, b"")
        };
        finish().map_err(|error| SourceFailure::new(format!("the source could not be kept: {error}")))?;
        Ok(tree)
    }

    /// Whatever an interrupted preparation left is made anew.
    async fn unpack(&self, tree: &Path) -> Result<(), SourceFailure> {
        let failed = |error: &io::Error| SourceFailure::new(format!("no place for the source in the worker's folder: {error}"));
        match fs::remove_dir_all(&self.folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&error)),
        }
        fs::create_dir_all(&self.folder).map_err(|error| failed(&error))?;
        if self.program.source.is_empty() {
            return fs::create_dir(tree).map_err(|error| failed(&error));
        }
        let hash = hash_from_bytes(&self.program.source)
            .ok_or_else(|| SourceFailure::new("the coordinator sent an unusable hash of the source"))?;
        let fetched = self.host.blobs.fetch(&hash).await;
        fetched.map_err(|error| SourceFailure::new(format!("the source could not be fetched: {}", chain(&error))))?;
        self.unpack_cached(hash, tree.to_owned()).await
    }

    async fn unpack_cached(&self, hash: Hash, tree: PathBuf) -> Result<(), SourceFailure> {
        let cache = self.host.blobs.cache().clone();
        let unpacking = tokio::task::spawn_blocking(move || {
            let mut archive = io::BufReader::new(cache.open_blob(&hash).map_err(|error| chain(&error))?);
            unpack(&mut archive, &tree, &UNPACK_LIMITS).map_err(|error| chain(&error))
        });
        let unpacked = unpacking.await.unwrap_or_else(|error| Err(error.to_string()));
        unpacked.map_err(|error| SourceFailure::new(format!("the source could not be unpacked: {error}")))
    }
}

/// Takes the right to write from every file, because all attempts share it. Folders stay writable, so that the
/// whole can be removed.
fn protect(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            protect(&entry.path())?;
        } else if metadata.is_file() {
            let mode = metadata.permissions().mode() & !0o222;
            fs::set_permissions(entry.path(), fs::Permissions::from_mode(mode))?;
        }
    }
    Ok(())
}

/// Lays links to the entries of a source into a fresh folder, so that a trial finds its files and writes beside
/// them without touching them. Folders on the way to `working_directory` are real ones. Returns where to run.
///
/// # Errors
///
/// What the system said; [`io::ErrorKind::NotFound`] when the source has no such folder.
pub fn link_tree(source: &Path, target: &Path, working_directory: &str) -> io::Result<PathBuf> {
    let (mut from, mut to) = (source.to_owned(), target.to_owned());
    fs::create_dir_all(&to)?;
    for part in Path::new(working_directory).components() {
        let std::path::Component::Normal(name) = part else { continue };
        link_entries(&from, &to, Some(name))?;
        from.push(name);
        to.push(name);
        fs::create_dir_all(&to)?;
    }
    link_entries(&from, &to, None)?;
    Ok(to)
}

fn link_entries(from: &Path, to: &Path, except: Option<&std::ffi::OsStr>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if Some(entry.file_name().as_os_str()) != except {
            std::os::unix::fs::symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_tree_shows_the_source_and_keeps_writes_to_itself() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("source");
        fs::create_dir_all(source.join("sub/inner")).expect("folders");
        fs::write(source.join("data.txt"), b"data").expect("a file");
        fs::write(source.join("sub/train.py"), b"train").expect("a file");
        let place = link_tree(&source, &folder.path().join("tree"), "./sub").expect("a tree");
        assert_eq!(fs::read(place.join("train.py")).expect("the file"), b"train");
        assert_eq!(fs::read(place.join("../data.txt")).expect("the file"), b"data");
        fs::write(place.join("new"), b"x").expect("a new file");
        assert!(!source.join("sub/new").exists());
        assert!(link_tree(&source, &folder.path().join("other"), "missing").is_err());
    }

    #[test]
    fn the_key_tells_programs_apart() {
        let program = |source: &'static [u8], setup: &[&str]| Program {
            source: source.into(),
            setup: setup.iter().map(|argument| (*argument).to_owned()).collect(),
            ..Program::default()
        };
        assert_eq!(key_of(&program(b"a", &["x", "y"])), key_of(&program(b"a", &["x", "y"])));
        assert_ne!(key_of(&program(b"a", &["x", "y"])), key_of(&program(b"a", &["xy"])));
        assert_ne!(key_of(&program(b"a", &[])), key_of(&program(b"b", &[])));
    }
}
