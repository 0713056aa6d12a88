//! Blobs between this worker and its coordinator. A transfer outlives connections: it waits for the next one.

use std::{
    fmt::Write as _,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use hone_data::{
    BlobError, BlobStore, Hash,
    outputs::{FileEntry, OutputError},
};
use hone_proto::{
    v1::{BlobChunk, GetBlobRequest, MissingBlobsRequest, blob_service_client::BlobServiceClient},
    worker,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, transport::Channel};

/// Bytes in one message of a stream.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages read ahead of the network.
const CHUNKS_AHEAD: usize = 4;
/// Hashes in one question.
const HASHES_ASKED: usize = 4_096;
/// Between two tries on a connection that refuses.
const RETRY: Duration = Duration::from_secs(1);
/// Tries of a download that comes damaged: what is damaged at its source stays so.
const DAMAGED_TRIES: u32 = 3;
/// A manifest beyond this is refused.
const LARGEST_MANIFEST: u64 = 1 << 30;
/// A download beyond this is refused.
const LARGEST_BLOB: u64 = 1 << 40;

/// Why a transfer cannot succeed, however often it is tried.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The coordinator does not have it, or does not take it.
    #[error("the coordinator refused blob `{hash}`: {message}")]
    Refused {
        /// Which.
        hash: Hash,
        /// In its words.
        message: String,
    },
    /// The coordinator has it, and what it sends is something else, again and again.
    #[error(
        "blob `{hash}` came damaged {DAMAGED_TRIES} times, so it is damaged in the coordinator's store; look with `hone store verify --deep`"
    )]
    Damaged {
        /// Which.
        hash: Hash,
    },
    /// A file of this worker.
    #[error("cannot read `{path}`", path = .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// This worker's cache.
    #[error("the worker's cache failed: {}", chain(.0))]
    Cache(#[from] BlobError),
    /// Files could not be collected or laid out.
    #[error("{}", chain(.0))]
    Files(#[from] OutputError),
    /// The coordinator sent something that is no file of ours.
    #[error("the coordinator sent an unusable file `{path}`: {message}")]
    Entry {
        /// As sent.
        path: String,
        /// What is wrong.
        message: String,
    },
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Writing into a string cannot fail.
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

/// Why one try failed.
enum Failed {
    /// The next connection may do better.
    ForNow(Status),
    /// Other bytes came than were asked for: on the way, or because the coordinator has no others.
    Damaged(Hash),
    ForGood(TransferError),
}

/// The blobs of the coordinator; clones share a cache.
#[derive(Clone, Debug)]
pub struct Blobs {
    connection: watch::Receiver<Option<Channel>>,
    cache: BlobStore,
}

impl Blobs {
    /// Uses whatever connection there is, and `folder` for what was fetched.
    ///
    /// # Errors
    ///
    /// [`BlobError`] when the cache cannot be opened.
    pub fn open(folder: &Path, connection: watch::Receiver<Option<Channel>>) -> Result<Self, BlobError> {
        Ok(Self { connection, cache: BlobStore::open(folder, LARGEST_BLOB)? })
    }

    /// What was fetched.
    #[must_use]
    pub fn cache(&self) -> &BlobStore {
        &self.cache
    }

    /// Uploads the files that the coordinator lacks. `place` tells where the content of an entry lies.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when another try would fail as well.
    pub async fn upload(&self, entries: &[FileEntry], place: impl Fn(&FileEntry) -> PathBuf) -> Result<(), TransferError> {
        for entries in entries.chunks(HASHES_ASKED) {
            let hashes: Vec<Hash> = entries.iter().map(|entry| entry.hash).collect();
            let mut missing = self.persist(|client| missing(client, &hashes)).await?;
            for entry in entries {
                // Two files with one content are uploaded once.
                if let Some(index) = missing.iter().position(|hash| *hash == entry.hash) {
                    missing.swap_remove(index);
                    let path = place(entry);
                    self.persist(|client| put(client, &path, entry)).await?;
                }
            }
        }
        Ok(())
    }

    /// Uploads one blob from memory, if the coordinator lacks it.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when another try would fail as well.
    pub async fn upload_bytes(&self, hash: Hash, bytes: Bytes) -> Result<(), TransferError> {
        let hashes = [hash];
        if self.persist(|client| missing(client, &hashes)).await?.contains(&hash) {
            self.persist(|client| put_bytes(client, hash, bytes.clone())).await?;
        }
        Ok(())
    }

    /// Brings a blob into the cache.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when another try would fail as well.
    pub async fn fetch(&self, hash: &Hash) -> Result<(), TransferError> {
        if self.cache.contains(hash) {
            return Ok(());
        }
        self.persist(|client| get(client, &self.cache, hash)).await
    }

    /// The content of a blob of at most `size` bytes, checked, without keeping it.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when another try would fail as well.
    pub async fn read(&self, hash: &Hash, size: u64) -> Result<Vec<u8>, TransferError> {
        self.persist(|client| get_bytes(client, hash, size)).await
    }

    /// The manifest of a dataset, checked, without keeping it.
    ///
    /// # Errors
    ///
    /// [`TransferError`] when another try would fail as well.
    pub async fn read_manifest(&self, hash: &Hash) -> Result<Vec<u8>, TransferError> {
        self.read(hash, LARGEST_MANIFEST).await
    }

    /// Tries on one connection after the other until it is decided.
    async fn persist<T, F>(&self, mut attempt: impl FnMut(BlobServiceClient<Channel>) -> F) -> Result<T, TransferError>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        let mut connection = self.connection.clone();
        let (mut told, mut damaged) = (false, 0);
        loop {
            let found = connection.wait_for(Option::is_some).await.map(|channel| channel.clone());
            let channel = match found {
                Ok(Some(channel)) => channel,
                Ok(None) => continue,
                // The worker ends, and this task with it.
                Err(_) => std::future::pending().await,
            };
            match attempt(BlobServiceClient::new(channel)).await {
                Ok(value) => return Ok(value),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::Damaged(hash)) => {
                    damaged += 1;
                    if damaged >= DAMAGED_TRIES {
                        return Err(TransferError::Damaged { hash });
                    }
                    tracing::debug!("blob `{hash}` came damaged and is fetched again");
                    tokio::time::sleep(RETRY).await;
                }
                Err(Failed::ForNow(status)) => {
                    if status.code() == Code::ResourceExhausted && !std::mem::replace(&mut told, true) {
                        tracing::warn!("the coordinator has no room, a transfer waits: {}", status.message());
                    }
                    tracing::debug!("a transfer has to be tried again: {status}");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

async fn missing(mut client: BlobServiceClient<Channel>, hashes: &[Hash]) -> Result<Vec<Hash>, Failed> {
    let request = MissingBlobsRequest { hashes: hashes.iter().map(bytes_of_hash).collect() };
    let response = client.missing_blobs(request).await.map_err(|status| sort(status, hashes.first()))?;
    Ok(response.into_inner().hashes.iter().filter_map(|bytes| hash_from_bytes(bytes)).collect())
}

async fn put(mut client: BlobServiceClient<Channel>, path: &Path, entry: &FileEntry) -> Result<(), Failed> {
    let (chunks, stream) = mpsc::channel(CHUNKS_AHEAD);
    let (hash, size, file) = (entry.hash, entry.size, path.to_owned());
    let reading = tokio::task::spawn_blocking(move || read_chunks(&file, hash, size, &chunks));
    let sent = client.put_blob(ReceiverStream::new(stream)).await;
    if let Ok(Err(source)) = reading.await {
        return Err(Failed::ForGood(TransferError::Read { path: path.to_owned(), source }));
    }
    sent.map(drop).map_err(|status| sort(status, Some(&entry.hash)))
}

async fn put_bytes(mut client: BlobServiceClient<Channel>, hash: Hash, bytes: Bytes) -> Result<(), Failed> {
    let chunks = bytes.chunks(CHUNK_BYTES).enumerate().map(|(index, chunk)| BlobChunk {
        data: bytes.slice_ref(chunk),
        hash: if index == 0 { bytes_of_hash(&hash) } else { Bytes::new() },
        size: bytes.len() as u64,
    });
    let stream = tokio_stream::iter(chunks.collect::<Vec<_>>());
    client.put_blob(stream).await.map(drop).map_err(|status| sort(status, Some(&hash)))
}

/// Ends early when nobody takes the chunks any more.
fn read_chunks(path: &Path, hash: Hash, size: u64, chunks: &mpsc::Sender<BlobChunk>) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let mut first = true;
    loop {
        let mut data = Vec::with_capacity(CHUNK_BYTES);
        file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut data)?;
        if data.is_empty() && !first {
            return Ok(());
        }
        let announced = if first { bytes_of_hash(&hash) } else { Bytes::new() };
        let chunk = BlobChunk { data: data.into(), hash: announced, size };
        first = false;
        if chunks.blocking_send(chunk).is_err() {
            return Ok(());
        }
    }
}

async fn get(mut client: BlobServiceClient<Channel>, cache: &BlobStore, hash: &Hash) -> Result<(), Failed> {
    let request = GetBlobRequest { hash: bytes_of_hash(hash), offset: 0 };
    let mut stream = client.get_blob(request).await.map_err(|status| sort(status, Some(hash)))?.into_inner();
    let cached = |error: BlobError| Failed::ForGood(error.into());
    let mut writer = cache.writer().map_err(cached)?;
    while let Some(chunk) = stream.message().await.map_err(|status| sort(status, Some(hash)))? {
        writer.write(&chunk.data).map_err(cached)?;
    }
    match writer.finish_as(hash) {
        Ok(_) => Ok(()),
        Err(BlobError::Mismatch { .. }) => Err(Failed::Damaged(*hash)),
        Err(error) => Err(cached(error)),
    }
}

async fn get_bytes(mut client: BlobServiceClient<Channel>, hash: &Hash, size: u64) -> Result<Vec<u8>, Failed> {
    let request = GetBlobRequest { hash: bytes_of_hash(hash), offset: 0 };
    let mut stream = client.get_blob(request).await.map_err(|status| sort(status, Some(hash)))?.into_inner();
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.message().await.map_err(|status| sort(status, Some(hash)))? {
        bytes.extend_from_slice(&chunk.data);
        if bytes.len() as u64 > size {
            break;
        }
    }
    if Hash::of(&bytes) == *hash { Ok(bytes) } else { Err(Failed::Damaged(*hash)) }
}

/// Tells a refusal from trouble on the way.
fn sort(status: Status, hash: Option<&Hash>) -> Failed {
    match (status.code(), hash) {
        (
            Code::NotFound | Code::InvalidArgument | Code::PermissionDenied | Code::FailedPrecondition | Code::OutOfRange,
            Some(hash),
        ) => Failed::ForGood(TransferError::Refused { hash: *hash, message: status.message().to_owned() }),
        // Its disk does not give it any more.
        (Code::DataLoss, Some(hash)) => Failed::Damaged(*hash),
        _ => Failed::ForNow(status),
    }
}

fn bytes_of_hash(hash: &Hash) -> Bytes {
    Bytes::copy_from_slice(hash.as_bytes())
}

/// `None`: not 32 bytes.
#[must_use]
pub fn hash_from_bytes(bytes: &[u8]) -> Option<Hash> {
    bytes.try_into().ok().map(Hash::from_bytes)
}

/// Converts a collected file for the wire.
#[must_use]
pub fn file_to_proto(entry: &FileEntry) -> worker::File {
    worker::File {
        path: entry.path.as_str().to_owned(),
        hash: bytes_of_hash(&entry.hash),
        size: entry.size,
        executable: entry.executable,
        stays: false,
    }
}

/// Checks and converts a file of a message.
///
/// # Errors
///
/// [`TransferError::Entry`] when its path or its hash is not one.
pub fn file_from_proto(file: &worker::File) -> Result<FileEntry, TransferError> {
    let wrong = |message: String| TransferError::Entry { path: file.path.clone(), message };
    Ok(FileEntry {
        path: hone_data::RelativePath::parse(&file.path).map_err(|error| wrong(error.to_string()))?,
        hash: hash_from_bytes(&file.hash).ok_or_else(|| wrong("its hash is not 32 bytes long".to_owned()))?,
        size: file.size,
        executable: file.executable,
    })
}
