//! Checkpoints on their way to the coordinator. The trial waits for a copy, never for the network; while one
//! checkpoint is uploaded only the latest of those behind it is kept.

use std::{
    fs, io,
    io::Read,
    path::{Path, PathBuf},
};

use hone_data::{
    BlobError, Hash,
    outputs::{self, BlobSink, FileEntry, SkipReason},
};
use tokio::{sync::watch, task::JoinHandle};

use super::Trial;
use crate::{
    machine::Input,
    transfer::{chain, file_to_proto},
};

/// A copy of a checkpoint.
#[derive(Clone, Debug)]
struct Staged {
    number: u64,
    folder: PathBuf,
    step: Option<i64>,
    entries: Vec<FileEntry>,
}

/// The checkpoints of one attempt.
#[derive(Debug)]
pub(super) struct Checkpoints {
    latest: Option<watch::Sender<Option<Staged>>>,
    upload: JoinHandle<()>,
}

impl Checkpoints {
    /// Begins to upload whatever will be staged.
    pub(super) fn start(trial: &Trial) -> Self {
        let (latest, staged) = watch::channel(None);
        let upload = tokio::spawn(upload_all(trial.clone(), staged));
        Self { latest: Some(latest), upload }
    }

    /// Copies the checkpoint folder as it is now; the upload goes on behind.
    pub(super) async fn stage(&self, trial: &Trial, step: Option<i64>) -> Result<(), String> {
        let Some(latest) = &self.latest else { return Err("the attempt has ended".to_owned()) };
        let former = latest.borrow().clone();
        let number = former.as_ref().map_or(0, |former| former.number) + 1;
        let folder = trial.folder.join("staged").join(number.to_string());
        let (source, target) = (trial.folder.join("checkpoint"), folder.clone());
        let limit = trial.program.max_checkpoint_bytes;
        let copying = tokio::task::spawn_blocking(move || copy(&source, &target, limit));
        let entries = copying.await.map_err(|error| error.to_string())??;
        if former.is_some_and(|former| former.entries == entries && former.step == step) {
            return Ok(());
        }
        latest.send_replace(Some(Staged { number, folder, step, entries }));
        Ok(())
    }

    /// Waits until the latest one is uploaded.
    pub(super) async fn finish(&mut self) {
        self.latest = None;
        if !self.upload.is_finished() {
            // It was aborted or has failed, and said so.
            let _ = (&mut self.upload).await;
        }
    }

    /// Gives up what is not uploaded.
    pub(super) fn abort(&self) {
        self.upload.abort();
    }
}

async fn upload_all(trial: Trial, mut latest: watch::Receiver<Option<Staged>>) {
    while latest.changed().await.is_ok() {
        let staged = latest.borrow_and_update().clone();
        if let Some(staged) = staged {
            upload(&trial, staged).await;
        }
    }
}

async fn upload(trial: &Trial, staged: Staged) {
    let place = |entry: &FileEntry| staged.folder.join(entry.hash.to_string());
    match trial.host.blobs.upload(&staged.entries, place).await {
        Ok(()) => {
            let files = staged.entries.iter().map(file_to_proto).collect();
            trial.tell(Input::CheckpointReady { key: trial.key, step: staged.step, files }).await;
        }
        Err(error) => tracing::warn!("a checkpoint of attempt {} is lost: {}", trial.key, chain(&error)),
    }
    discard_before(&staged);
}

/// Removes this copy and those that it overtook.
fn discard_before(staged: &Staged) {
    let Some(all) = staged.folder.parent() else { return };
    let Ok(folders) = fs::read_dir(all) else { return };
    for folder in folders.flatten() {
        let number = folder.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        if number.is_some_and(|number| number <= staged.number) {
            // The whole attempt's folder is removed later anyway.
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}

/// Puts the content of every file under its hash.
struct Stage<'a> {
    folder: &'a Path,
}

impl BlobSink for Stage<'_> {
    fn put_blob(&mut self, hash: &Hash, _size: u64, content: &mut dyn Read) -> Result<(), BlobError> {
        let path = self.folder.join(hash.to_string());
        let copied = fs::File::create(&path).and_then(|mut file| io::copy(content, &mut file));
        copied.map(drop).map_err(|error| BlobError::from_io("staging", &path, error))
    }
}

fn copy(source: &Path, target: &Path, limit_bytes: u64) -> Result<Vec<FileEntry>, String> {
    let refused = |error: io::Error| format!("the checkpoint could not be copied: {error}");
    match fs::remove_dir_all(target) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(error)),
    }
    fs::create_dir_all(target).map_err(refused)?;
    let limit = if limit_bytes == 0 { u64::MAX } else { limit_bytes };
    let (entries, skipped) = outputs::collect(source, limit, &mut Stage { folder: target }).map_err(|error| chain(&error))?;
    if skipped.iter().any(|skipped| skipped.reason == SkipReason::OverLimit) {
        return Err(format!(
            "the checkpoint is larger than its limit of {limit_bytes} bytes; make it smaller or raise the limit"
        ));
    }
    match skipped.first() {
        Some(skipped) => Err(format!("the checkpoint holds `{}`, which is no plain file", skipped.path.display())),
        None if entries.is_empty() => Err("the checkpoint folder is empty; write into `HONE_CHECKPOINT` first".to_owned()),
        None => Ok(entries),
    }
}
