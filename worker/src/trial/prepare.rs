//! Before the start: folders, source, checkpoint.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use hone_data::outputs::{self, FileEntry};
use hone_proto::worker::failure::Kind;
use tokio::net::UnixListener;

use super::Trial;
use crate::{
    machine::{Input, Outcome},
    process::{
        environment::{self, Places},
        outcome::failure,
        socket,
    },
    source::{Progress, SourceFailure, link_tree},
    transfer::{TransferError, chain, file_from_proto},
};

/// Of a failed `setup`, this much of its log becomes the attempt's log.
const SETUP_LOG_BYTES: u64 = 1 << 20;

/// Where a prepared attempt runs.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) places: Places,
    pub(super) working_directory: PathBuf,
}

impl Trial {
    /// Makes the folders and the socket of the attempt. The file system may wait for its disk, so nothing else does.
    pub(super) async fn lay_out(&self) -> Result<UnixListener, Outcome> {
        let (host, folder, socket) = (Arc::clone(&self.host), self.folder.clone(), self.socket());
        let laying = tokio::task::spawn_blocking(move || {
            let no_place = |error: io::Error| spawn_failed(&format!("no place in the worker's folder: {error}"));
            host.places.lay(&folder).map_err(no_place)?;
            socket::listen(&socket)
                .map_err(|error| spawn_failed(&format!("cannot open the socket `{place}`: {error}", place = socket.display())))
        });
        match laying.await {
            Ok(laid) => laid,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Fetches what the attempt needs, or says why that cannot be.
    pub(super) async fn prepare(&self) -> Result<Prepared, Outcome> {
        let source = self.source().await?;
        let datasets = self.host.datasets.provide(&self.host.blobs, &self.program.datasets).await;
        let datasets = datasets.map_err(|why| spawn_failed(&why))?;
        let entries: Result<Vec<_>, _> = self.assignment.checkpoint.iter().map(file_from_proto).collect();
        let laid = match entries {
            Ok(entries) => self.lay_checkpoint(entries).await,
            Err(error) => Err(error),
        };
        laid.map_err(|error| spawn_failed(&format!("the checkpoint could not be laid out: {}", chain(&error))))?;
        let places = Places {
            output: self.folder.join("output"),
            checkpoint: self.folder.join("checkpoint"),
            socket: self.socket(),
            source,
            datasets,
            hone_folder: self.host.hone_folder.clone(),
        };
        let working_directory = self.working_directory(&places)?;
        Ok(Prepared { places, working_directory })
    }

    /// Waits for the source, and tells when `setup` is what it waits for.
    async fn source(&self) -> Result<Option<PathBuf>, Outcome> {
        let Some(mut progress) = self.host.sources.prepare(&self.host, &self.program) else { return Ok(None) };
        loop {
            let now = progress.borrow_and_update().clone();
            match now {
                Progress::Ready(tree) => return Ok(Some(tree)),
                Progress::Failed(failure) => return Err(self.source_failed(&failure)),
                Progress::SettingUp => self.tell(Input::SettingUp { key: self.key }).await,
                Progress::Fetching => {}
            }
            if progress.changed().await.is_err() {
                return Err(self.source_failed(&SourceFailure::new("the preparation of the source was interrupted")));
            }
        }
    }

    fn source_failed(&self, source: &SourceFailure) -> Outcome {
        if let Some(log) = &source.log {
            // Without its log the message is poorer, not wrong.
            let text = read_end(log, SETUP_LOG_BYTES).unwrap_or_default();
            self.log.append(&text, false);
        }
        failure(Kind::Setup, source.code, &source.message, "")
    }

    fn working_directory(&self, places: &Places) -> Result<PathBuf, Outcome> {
        let tree = self.folder.join("tree");
        let wanted = environment::values(&self.assignment, &self.program, places).fill(&self.program.working_directory);
        let wanted = wanted.map_err(|error| spawn_failed(&format!("the working directory: {error}")))?;
        let wanted = wanted.as_str();
        let made = match &places.source {
            Some(_) if Path::new(wanted).is_absolute() => Ok(PathBuf::from(wanted)),
            Some(source) => link_tree(source, &tree, wanted),
            None if wanted.is_empty() => Ok(tree),
            None => Ok(PathBuf::from(wanted)),
        };
        made.map_err(|error| {
            spawn_failed(&format!("the working directory `{wanted}` could not be made from the source: {error}"))
        })
    }

    async fn lay_checkpoint(&self, entries: Vec<FileEntry>) -> Result<(), TransferError> {
        if entries.is_empty() {
            return Ok(());
        }
        let target = self.folder.join("checkpoint");
        for entry in &entries {
            self.host.blobs.fetch(&entry.hash).await?;
        }
        let cache = self.host.blobs.cache().clone();
        let laying = tokio::task::spawn_blocking(move || {
            // It takes the place of the empty one.
            let _ = fs::remove_dir(&target);
            outputs::materialise(&entries, &target, &mut &cache)
        });
        match laying.await {
            Ok(laid) => Ok(laid?),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

fn spawn_failed(text: &str) -> Outcome {
    failure(Kind::Spawn, 0, text, "")
}

fn read_end(path: &std::path::Path, limit: u64) -> io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _};
    let mut file = fs::File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(limit);
    file.seek(io::SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
