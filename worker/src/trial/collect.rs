//! After the end: outputs, log and checkpoint go to the coordinator.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use hone_data::{
    BlobError, Hash, RelativePath,
    outputs::{self, BlobSink, FileEntry, SkipReason, Skipped},
};

use hone_proto::worker;

use super::{Trial, checkpoints::Checkpoints};
use crate::{
    machine::{EndFiles, Input},
    process::log::Whole,
    transfer::{chain, file_to_proto},
};

/// Notes in one end; more files than this are counted, not named.
const NOTES: usize = 20;

/// Reads nothing: the content is uploaded from where it lies.
struct Nowhere;

impl BlobSink for Nowhere {
    fn put_blob(&mut self, _hash: &Hash, _size: u64, _content: &mut dyn Read) -> Result<(), BlobError> {
        Ok(())
    }
}

impl Trial {
    /// Uploads what is wanted, however long that takes, and tells the worker. Outputs are wanted where `outputs` says whether
    /// large predictions may stay on this worker.
    pub(super) async fn collect(&self, checkpoints: &mut Checkpoints, checkpoint: bool, outputs: Option<bool>) {
        let mut files = EndFiles::default();
        if checkpoint && !is_empty(&self.folder.join("checkpoint")) {
            // An empty folder is no checkpoint, and no reason to complain.
            let _ = checkpoints.stage(self, None).await;
        }
        checkpoints.finish().await;
        if let Some(keeps) = outputs {
            self.collect_outputs(&mut files, keeps).await;
        }
        self.collect_log(&mut files).await;
        self.tell(Input::FilesUploaded { key: self.key, files }).await;
    }

    async fn collect_outputs(&self, files: &mut EndFiles, keeps: bool) {
        let folder = self.folder.join("output");
        if is_empty(&folder) {
            return;
        }
        if keeps {
            self.keep_predictions(&folder, files).await;
        }
        let (source, limit) = (folder.clone(), self.program.max_output_bytes);
        let listing = tokio::task::spawn_blocking(move || outputs::collect(&source, limit, &mut Nowhere)).await;
        let (entries, skipped) = match listing {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return files.notes.push(format!("the outputs were left out: {}", chain(&error))),
            Err(error) => return files.notes.push(format!("the outputs were left out: {error}")),
        };
        files.notes.extend(notes(&skipped, limit));
        match self.host.blobs.upload(&entries, |entry| entry.path.below(&folder)).await {
            Ok(()) => files.outputs.extend(entries.iter().map(file_to_proto)),
            Err(error) => files.notes.push(format!("the outputs were left out: {}", chain(&error))),
        }
        files.outputs.sort_by(|one, other| one.path.cmp(&other.path));
    }

    /// Moves large predictions to this worker's shelf; they are uploaded where that fails.
    async fn keep_predictions(&self, folder: &Path, files: &mut EndFiles) {
        let (kept, folder) = (self.host.kept.clone(), folder.to_owned());
        let taken = tokio::task::spawn_blocking(move || kept.take_from(&folder)).await;
        match taken.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(taken) => files.outputs.extend(taken.iter().map(|entry| worker::File { stays: true, ..file_to_proto(entry) })),
            Err(error) => files.notes.push(format!("predictions cannot stay on the worker: {error}")),
        }
    }

    async fn collect_log(&self, files: &mut EndFiles) {
        let uploaded = match self.log.finish() {
            Ok(None) => return,
            Ok(Some(Whole::Bytes(bytes))) => self.upload_log(bytes).await,
            Ok(Some(Whole::File(path))) => self.upload_log_file(path).await,
            Err(error) => Err(error.to_string()),
        };
        match uploaded {
            Ok(entry) => files.log = Some(file_to_proto(&entry)),
            Err(error) => files.notes.push(format!("the log was left out: {error}")),
        }
    }

    async fn upload_log(&self, bytes: Vec<u8>) -> Result<FileEntry, String> {
        let entry = log_entry((Hash::of(&bytes), bytes.len() as u64))?;
        let uploaded = self.host.blobs.upload_bytes(entry.hash, bytes.into()).await;
        uploaded.map(|()| entry).map_err(|error| chain(&error))
    }

    async fn upload_log_file(&self, path: PathBuf) -> Result<FileEntry, String> {
        let place = path.clone();
        let hashing = tokio::task::spawn_blocking(move || Hash::of_reader(&mut File::open(&path)?));
        let hashed = hashing.await.map_err(|error| error.to_string())?;
        let entry = log_entry(hashed.map_err(|error| error.to_string())?)?;
        let uploaded = self.host.blobs.upload(std::slice::from_ref(&entry), |_| place.clone()).await;
        uploaded.map(|()| entry).map_err(|error| chain(&error))
    }
}

/// Whether there is surely nothing in a folder.
fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

fn log_entry((hash, size): (Hash, u64)) -> Result<FileEntry, String> {
    let path = RelativePath::parse("log").map_err(|error| error.to_string())?;
    Ok(FileEntry { path, hash, size, executable: false })
}

fn notes(skipped: &[Skipped], limit_bytes: u64) -> Vec<String> {
    let mut notes: Vec<String> = skipped.iter().take(NOTES).map(|skipped| note(skipped, limit_bytes)).collect();
    if skipped.len() > NOTES {
        notes.push(format!("{} more files were left out", skipped.len() - NOTES));
    }
    notes
}

fn note(skipped: &Skipped, limit_bytes: u64) -> String {
    let why = match skipped.reason {
        SkipReason::OverLimit => format!("its {} bytes go beyond the limit of {limit_bytes} bytes", skipped.size),
        SkipReason::Name => "its name is not UTF-8, or too long".to_owned(),
        SkipReason::Link => "it is a link to something else than a file of the outputs".to_owned(),
        SkipReason::Special => "it is no plain file".to_owned(),
    };
    format!("output `{}` was left out: {why}", skipped.path.display())
}
