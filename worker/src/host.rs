//! What all attempts of a worker share.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{
    dataset::Datasets,
    folder::Folder,
    kept::Kept,
    process::{guard::Guard, memory::MemoryWatch},
    source::Sources,
    transfer::Blobs,
    trial::Places,
};

/// The worker's folders, companions and transfers.
#[derive(Debug)]
pub struct Host {
    /// The worker's folder, locked.
    pub folder: Folder,
    /// Where the sockets of trials are.
    pub sockets: PathBuf,
    /// The folder of `hone`, for the trials' PATH.
    pub hone_folder: Option<PathBuf>,
    /// The coordinator's blobs.
    pub blobs: Blobs,
    /// Unpacked and set up.
    pub sources: Sources,
    /// Data that trials read.
    pub datasets: Datasets,
    /// Predictions that stay here.
    pub kept: Kept,
    /// The folders of attempts.
    pub places: Places,
    /// Watches the memory of all groups.
    pub memory: MemoryWatch,
    guard: Mutex<Option<Guard>>,
}

impl Host {
    /// Puts together what attempts share, and starts the guard (nothing guards without a command).
    ///
    /// # Errors
    ///
    /// What the system said, when there is no place for sockets or the guard does not start.
    pub fn new(
        folder: Folder,
        hone_binary: &Path,
        guard_command: &[OsString],
        blobs: Blobs,
        datasets: Datasets,
        kept: Kept,
    ) -> io::Result<Self> {
        let guard = Guard::start(guard_command, &folder.incarnation)?;
        Ok(Self {
            sockets: crate::process::socket::socket_folder(folder.root(), &folder.incarnation)?,
            hone_folder: hone_binary.parent().filter(|parent| *parent != OsStr::new("")).map(Path::to_owned),
            sources: Sources::new(&folder.sources()),
            folder,
            blobs,
            datasets,
            kept,
            places: Places::default(),
            memory: MemoryWatch::default(),
            guard: Mutex::new(Some(guard)),
        })
    }

    /// New with every start of the worker.
    #[must_use]
    pub fn incarnation(&self) -> &str {
        &self.folder.incarnation
    }

    /// Puts a started group under guard.
    pub fn guard(&self, pid: i32, start_ticks: u64) {
        self.tell_guard(|guard| guard.add(pid, start_ticks));
    }

    /// Nothing of this group is left.
    pub fn unguard(&self, pid: i32) {
        self.tell_guard(|guard| guard.remove(pid));
    }

    fn tell_guard(&self, tell: impl FnOnce(&mut Guard) -> io::Result<()>) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(told) = guard.as_mut().map(tell) else { return };
        if let Err(error) = told {
            tracing::warn!("the guard is gone ({error}): trials that leave their group may outlive a killed worker");
            *guard = None;
        }
    }
}
