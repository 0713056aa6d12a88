//! The running worker: its configuration, its start, and the loop that feeds the machine.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::PathBuf, sync::Arc, time::Duration};

use hone_data::BlobError;
use tokio::sync::watch;

use crate::{
    dataset::Datasets,
    detect::{self, DetectError, Overrides},
    folder::{Folder, FolderError},
    host::Host,
    kept::{Kept, Shelf},
    ledger,
    link::Connector,
    machine::{Config, ExitReason, Machine, WorkerFacts},
    shell::Shell,
    spool::{Loaded, Spool, SpoolError},
    transfer::{Blobs, chain},
};

/// Fetched blobs that nobody asked for in this time are removed at the start.
const CACHE_AGE: Duration = Duration::from_secs(24 * 3_600);

/// What a worker is told at its start.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Everything that the worker keeps; nobody else writes there.
    pub folder: PathBuf,
    /// A label for people; empty: the host's name.
    pub name: String,
    /// For placement rules.
    pub labels: BTreeMap<String, String>,
    /// What to offer instead of what is found.
    pub overrides: Overrides,
    /// This build's version, for people.
    pub build: String,
    /// The `hone` command: its folder comes to the trials' PATH.
    pub hone_binary: PathBuf,
    /// Runs [`crate::process::guard::guard_main`]; empty: `hone __guard`.
    pub guard_command: Vec<OsString>,
    /// Bytes of datasets that are kept for later trials; what is in use may be more.
    pub dataset_cache_bytes: u64,
    /// Predictions of trials that are larger than this, in bytes, stay on this worker.
    pub keep_predictions_over: u64,
    /// Bytes of predictions that stay here; what was used longest ago is removed first.
    pub predictions_cache_bytes: u64,
    /// How to stop this worker.
    pub stop: StopHandle,
}

/// How urgently a worker has to stop; more urgent ones replace less urgent ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// It does not.
    No,
    /// When its trials have ended.
    WhenDone,
    /// As soon as its trials are handed back.
    HandBack,
    /// At once: trials are killed, what is not acknowledged waits in the spool.
    Now,
}

/// Stops a worker from outside; clones stop the same one.
#[derive(Clone, Debug)]
pub struct StopHandle(watch::Sender<Stop>);

impl Default for StopHandle {
    fn default() -> Self {
        Self(watch::Sender::new(Stop::No))
    }
}

impl StopHandle {
    /// Asks the worker to stop; asking for less than before changes nothing.
    pub fn stop(&self, stop: Stop) {
        self.0.send_if_modified(|now| {
            let more = stop > *now;
            *now = stop.max(*now);
            more
        });
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Stop> {
        self.0.subscribe()
    }
}

/// Why a worker cannot run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Its folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Its spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// What it should offer.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// Its cache.
    #[error("the worker's cache cannot be opened; remove its folder `cache`")]
    Cache(#[from] BlobError),
    /// Its datasets.
    #[error("the worker's datasets cannot be opened; remove its folder `datasets`")]
    Datasets(#[source] io::Error),
    /// Its predictions.
    #[error("the worker's predictions cannot be opened; remove its folder `predictions`")]
    Predictions(#[source] io::Error),
    /// Its guard or its sockets.
    #[error("the worker cannot start its guard or make a place for sockets; check `{command}` and the temporary folder")]
    Host {
        /// The command of the guard.
        command: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs a worker until it is told to stop, or refused.
///
/// # Errors
///
/// [`WorkerError`] when it cannot start. A coordinator that is not there is no error: it is waited for.
pub async fn run<C: Connector>(config: WorkerConfig, connector: C) -> Result<ExitReason, WorkerError> {
    let folder = Folder::open(&config.folder)?;
    let capacity = detect::capacity(&config.overrides)?;
    let (spool, loaded) = Spool::open(&folder.spool())?;
    end_former_life(&folder).await?;
    let (connection, connected) = watch::channel(None);
    let blobs = Blobs::open(&folder.cache(), connected)?;
    sweep_cache(&blobs);
    let datasets = Datasets::open(&folder.datasets(), config.dataset_cache_bytes).map_err(WorkerError::Datasets)?;
    let shelf = Shelf::open(&folder.predictions(), config.predictions_cache_bytes).map_err(WorkerError::Predictions)?;
    let kept = Kept { shelf, over: config.keep_predictions_over };
    let host_name = host_name();
    let facts = WorkerFacts {
        build: config.build,
        worker_key: folder.worker_key.clone(),
        incarnation: folder.incarnation.clone(),
        name: if config.name.is_empty() { host_name.clone() } else { config.name },
        host: host_name,
        capacity,
        labels: config.labels,
    };
    let guard_command = guard_command(config.guard_command, &config.hone_binary);
    let host = Host::new(folder, &config.hone_binary, &guard_command, blobs, datasets, kept).map_err(|source| {
        let command = guard_command.join(" ".as_ref()).to_string_lossy().into_owned();
        WorkerError::Host { command, source }
    })?;
    tell_about(&loaded);
    let machine = Machine::new(Config::new(facts, rand::random()));
    let shell = Shell::new(machine, spool, Arc::new(host), connection, Arc::new(connector));
    Ok(shell.run(loaded, config.stop.watch()).await)
}

fn guard_command(given: Vec<OsString>, hone_binary: &std::path::Path) -> Vec<OsString> {
    if given.is_empty() { vec![hone_binary.into(), "__guard".into()] } else { given }
}

/// Ends what a killed worker left, and removes its attempts' folders.
async fn end_former_life(folder: &Folder) -> Result<(), FolderError> {
    let work = folder.work();
    let failed = |source| FolderError::Io { path: work.clone(), source };
    let folders = ledger::former_folders(&work).map_err(failed)?;
    let ending = tokio::task::spawn_blocking(move || {
        let ended = ledger::end_former(&folders);
        if ended > 0 {
            tracing::warn!("ended {ended} processes that an earlier worker of this folder left");
        }
        folders.iter().try_for_each(|folder| if folder.is_dir() { fs::remove_dir_all(folder) } else { fs::remove_file(folder) })
    });
    match ending.await {
        Ok(removed) => removed.map_err(failed),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A cache that cannot be swept is only larger than it need be.
fn sweep_cache(blobs: &Blobs) {
    if let Err(error) = blobs.cache().sweep(&|_| false, CACHE_AGE) {
        tracing::warn!("the worker's cache cannot be swept: {}", chain(&error));
    }
}

fn tell_about(loaded: &Loaded) {
    if loaded.dropped_bytes > 0 {
        tracing::warn!("the last {} bytes of the spool were torn and are gone", loaded.dropped_bytes);
    }
    if !loaded.records.is_empty() {
        tracing::info!("{} records of an earlier life wait for the coordinator", loaded.records.len());
    }
}

fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().to_owned()
}
