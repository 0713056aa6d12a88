//! Datasets of trials: fetched once per version, shared by all attempts, kept within a limit.
//!
//! ```text
//! attempt ─ provide ─► ready already? ── yes ─► the folder, in use as long as the attempt lives
//!                          │ no
//!                          └─► manifest ─► files, chunk by chunk ─► folder ─► what was used longest ago goes
//! ```
//! One version is fetched at a time, several of its files at once. `shelf` has the files.

mod shelf;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use hone_data::{
    Hash,
    dataset::{Entry as File, Manifest},
};
use hone_proto::worker::Dataset;
use tokio::{sync::watch, task::JoinSet};

use self::shelf::Shelf;
use crate::transfer::{Blobs, chain, hash_from_bytes};

/// A failed fetch is tried again for attempts that come later than this.
const TRY_AGAIN: Duration = Duration::from_secs(60);
/// Files that are fetched at once.
const AT_ONCE: usize = 8;

/// A dataset that an attempt may read; it stays where it is as long as this lives.
#[derive(Clone, Debug)]
pub struct Provided {
    /// What the study calls it.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    _in_use: Arc<()>,
}

/// How far a fetch is.
#[derive(Clone, Debug)]
enum Progress {
    Fetching,
    Ready,
    Failed(Arc<str>),
}

#[derive(Debug)]
struct Fetch {
    progress: watch::Receiver<Progress>,
    began: Instant,
    /// Held by every attempt that uses it.
    in_use: Arc<()>,
}

impl Fetch {
    /// Not to be begun again: under way, or failed just now. What was ready is looked at again.
    fn is_going_on(&self) -> bool {
        match &*self.progress.borrow() {
            Progress::Fetching => self.progress.has_changed().is_ok(),
            Progress::Ready => false,
            Progress::Failed(_) => self.began.elapsed() < TRY_AGAIN,
        }
    }
}

/// The datasets of one worker; clones share them.
#[derive(Clone, Debug)]
pub struct Datasets {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    shelf: Shelf,
    fetches: Mutex<BTreeMap<Hash, Fetch>>,
    /// One fetch at a time: files that versions share are fetched once, and nothing is evicted under a fetch.
    turn: tokio::sync::Mutex<()>,
}

impl Datasets {
    /// Keeps them in `folder`, within `limit` bytes as far as what is in use allows.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn open(folder: &Path, limit: u64) -> io::Result<Self> {
        let shelf = Shelf::open(folder, limit)?;
        Ok(Self { shared: Arc::new(Shared { shelf, fetches: Mutex::default(), turn: tokio::sync::Mutex::default() }) })
    }

    /// The folders of datasets, fetched where they are not here or have been changed.
    ///
    /// # Errors
    ///
    /// One sentence for people: which one cannot be had, and why.
    pub async fn provide(&self, blobs: &Blobs, wanted: &[Dataset]) -> Result<Vec<Provided>, String> {
        let mut provided = Vec::with_capacity(wanted.len());
        for dataset in wanted {
            let id = hash_from_bytes(&dataset.manifest).ok_or_else(|| "the coordinator sent an unusable hash".to_owned());
            let one = async { self.provide_one(blobs, id?).await };
            let (folder, in_use) =
                one.await.map_err(|why| format!("the dataset `{}` could not be fetched: {why}", dataset.label))?;
            provided.push(Provided { name: dataset.name.clone(), folder, _in_use: in_use });
        }
        Ok(provided)
    }

    async fn provide_one(&self, blobs: &Blobs, id: Hash) -> Result<(PathBuf, Arc<()>), String> {
        let (mut progress, in_use) = self.fetch(blobs, id);
        loop {
            let now = progress.borrow_and_update().clone();
            match now {
                Progress::Ready => return Ok((self.shared.shelf.folder(&id), in_use)),
                Progress::Failed(why) => return Err(why.to_string()),
                Progress::Fetching => {}
            }
            if progress.changed().await.is_err() {
                return Err("the fetch was interrupted".to_owned());
            }
        }
    }

    /// Joins a fetch that is under way, or begins one.
    fn fetch(&self, blobs: &Blobs, id: Hash) -> (watch::Receiver<Progress>, Arc<()>) {
        let mut fetches = self.shared.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let known = fetches.get(&id);
        if let Some(fetch) = known.filter(|fetch| fetch.is_going_on()) {
            return (fetch.progress.clone(), fetch.in_use.clone());
        }
        let in_use = known.map(|fetch| fetch.in_use.clone()).unwrap_or_default();
        let (sender, progress) = watch::channel(Progress::Fetching);
        fetches.insert(id, Fetch { progress: progress.clone(), began: Instant::now(), in_use: in_use.clone() });
        let (shared, blobs) = (self.shared.clone(), blobs.clone());
        // Shared by attempts that come and go; ends with its work, or with the worker's runtime.
        tokio::spawn(async move {
            let fetched = shared.fetch(&blobs, id).await;
            sender.send_replace(match fetched {
                Ok(()) => Progress::Ready,
                Err(why) => Progress::Failed(why.into()),
            });
        });
        (progress, in_use)
    }
}

impl Shared {
    async fn fetch(self: &Arc<Self>, blobs: &Blobs, id: Hash) -> Result<(), String> {
        let _turn = self.turn.lock().await;
        if self.on_disk(move |shelf| shelf.use_again(&id)).await? {
            return Ok(());
        }
        let manifest = Arc::new(self.manifest(blobs, id).await?);
        self.fetch_files(blobs, &manifest).await?;
        self.on_disk(move |shelf| shelf.build(&id, &manifest)).await?;
        let evicted = self.clone().evict().await;
        if let Err(why) = evicted {
            tracing::warn!("datasets that are not used any more could not be removed: {why}");
        }
        Ok(())
    }

    async fn manifest(&self, blobs: &Blobs, id: Hash) -> Result<Manifest, String> {
        blobs.fetch(&id).await.map_err(|error| chain(&error))?;
        let bytes = blobs.cache().get(&id).map_err(|error| chain(&error))?;
        Manifest::read(&mut bytes.as_slice()).map_err(|error| chain(&error))
    }

    async fn fetch_files(self: &Arc<Self>, blobs: &Blobs, manifest: &Arc<Manifest>) -> Result<(), String> {
        let mut running: JoinSet<Result<(), String>> = JoinSet::new();
        for file in shelf::distinct(manifest) {
            if running.len() >= AT_ONCE {
                ended(running.join_next().await)?;
            }
            let (shared, blobs) = (self.clone(), blobs.clone());
            running.spawn(async move { shared.fetch_file(&blobs, file).await });
        }
        while let Some(done) = running.join_next().await {
            ended(Some(done))?;
        }
        Ok(())
    }

    /// Fetches what is missing of one file, from the first chunk that is not here.
    async fn fetch_file(self: &Arc<Self>, blobs: &Blobs, file: File) -> Result<(), String> {
        let wanted = file.clone();
        let Some(mut assembly) = self.on_disk(move |shelf| shelf.assemble(&wanted)).await? else { return Ok(()) };
        while let Some((hash, size)) = assembly.next() {
            let bytes = blobs.read(&hash, size).await.map_err(|error| chain(&error))?;
            assembly = self.on_disk(move |_| assembly.add(&bytes).map(|()| assembly)).await?;
        }
        self.on_disk(move |shelf| shelf.finish(assembly)).await
    }

    async fn evict(self: Arc<Self>) -> Result<(), String> {
        let in_use: Vec<Hash> = {
            let fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
            let used = |fetch: &Fetch| Arc::strong_count(&fetch.in_use) > 1;
            fetches.iter().filter(|(_, fetch)| used(fetch)).map(|(id, _)| *id).collect()
        };
        self.on_disk(move |shelf| shelf.evict(&in_use)).await
    }

    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Shelf) -> io::Result<T> + Send + 'static,
    ) -> Result<T, String> {
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared.shelf)).await;
        done.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

fn ended(done: Option<Result<Result<(), String>, tokio::task::JoinError>>) -> Result<(), String> {
    match done {
        Some(Ok(result)) => result,
        Some(Err(error)) => Err(error.to_string()),
        None => Ok(()),
    }
}

/// The variable in which a trial finds a dataset. The study's file was refused where two names have the same one.
#[must_use]
pub fn variable_of(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("HONE_DATASET_{}", name.chars().map(letter).collect::<String>())
}
