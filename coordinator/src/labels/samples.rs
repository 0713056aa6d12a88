//! What annotators see of samples: JSON objects, those of one batch one after the other in one blob.

use std::io::{Read, Seek, SeekFrom};

use hone_data::{BlobStore, Hash, blobs::Stored};
use hone_studies::{BlobId, label::SampleData};
use serde_json::Value;
use tonic::{Code, Status};

use crate::convert::status::{from_blob, status};

/// The largest sample. Images are blobs of their own.
const MAX_SAMPLE_BYTES: usize = 1 << 20;

/// Reads and writes samples.
#[derive(Clone)]
pub(crate) struct Samples {
    blobs: BlobStore,
}

/// Samples on their way into one blob.
#[derive(Default)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    places: Vec<(u64, u32)>,
    files: Vec<Hash>,
}

impl Batch {
    /// Adds a sample: a JSON object. The blobs that its values name are kept with it.
    ///
    /// # Errors
    /// `InvalidArgument`: it is no object, too large, or names something that is no hash.
    pub(crate) fn add(&mut self, sample: &str, data: &str) -> Result<(), Status> {
        let wrong = |why: &str| status(Code::InvalidArgument, format!("sample `{sample}`: its data {why}"), None);
        if data.len() > MAX_SAMPLE_BYTES {
            return Err(wrong(&format!("is larger than {MAX_SAMPLE_BYTES} bytes; put images into blobs of their own")));
        }
        let fields: Value = serde_json::from_str(data).map_err(|error| wrong(&format!("is not JSON: {error}")))?;
        let fields = fields.as_object().ok_or_else(|| wrong("is not a JSON object"))?;
        for blob in fields.values().filter_map(|value| value.get("blob")) {
            let hash = blob.as_str().and_then(|hash| Hash::parse(hash).ok());
            self.files.push(hash.ok_or_else(|| wrong(&format!("names the blob `{blob}`, which is no hash")))?);
        }
        self.places.push((self.bytes.len() as u64, data.len() as u32));
        self.bytes.extend_from_slice(data.as_bytes());
        self.bytes.push(b'\n');
        Ok(())
    }
}

impl Samples {
    pub(super) fn new(blobs: BlobStore) -> Samples {
        Samples { blobs }
    }

    /// Keeps a batch durably. Answers where each sample is, which other blobs they name, and what keeps all of it until
    /// it is recorded.
    ///
    /// # Errors
    /// `NotFound`: a blob that a sample names is not there; else as the blob store fails.
    pub(crate) async fn keep(&self, batch: Batch) -> Result<(Vec<SampleData>, Vec<BlobId>, Stored), Status> {
        let Batch { bytes, places, mut files } = batch;
        files.sort_unstable();
        files.dedup();
        let blobs = self.blobs.clone();
        let (files, stored) = blocking(move || {
            if let Some(missing) = blobs.missing(&files).first() {
                let hint = "upload it first".to_owned();
                return Err(status(
                    Code::NotFound,
                    format!("a sample names the blob `{missing}`, which is not there"),
                    Some(hint),
                ));
            }
            let stored = blobs.put(&mut bytes.as_slice()).map_err(|error| from_blob(&error))?;
            Ok((files, stored))
        })
        .await?;
        let blob = BlobId(*stored.hash.as_bytes());
        let data = places.into_iter().map(|(offset, length)| SampleData { blob, offset, length }).collect();
        Ok((data, files.iter().map(|file| BlobId(*file.as_bytes())).collect(), stored))
    }

    /// Reads one sample.
    ///
    /// # Errors
    /// `DataLoss`: it is not there, or not text.
    pub(crate) async fn read(&self, place: SampleData) -> Result<String, Status> {
        let mut read = self.read_all(vec![place]).await?;
        Ok(read.pop().unwrap_or_default())
    }

    /// Reads samples, in the order of the places.
    ///
    /// # Errors
    /// As [`Samples::read`].
    pub(crate) async fn read_all(&self, places: Vec<SampleData>) -> Result<Vec<String>, Status> {
        let blobs = self.blobs.clone();
        blocking(move || {
            let mut open: Option<(BlobId, std::fs::File)> = None;
            let mut all = Vec::with_capacity(places.len());
            for SampleData { blob, offset, length } in places {
                if open.as_ref().is_none_or(|(known, _)| *known != blob) {
                    let hash = Hash::from_bytes(blob.0);
                    open = Some((blob, blobs.open_blob(&hash).map_err(|error| from_blob(&error))?));
                }
                let Some((_, file)) = &mut open else { continue };
                let mut bytes = vec![0; length as usize];
                let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.read_exact(&mut bytes));
                read.map_err(|error| Status::data_loss(format!("blob `{blob}` cannot be read at {offset}: {error}")))?;
                let text = String::from_utf8(bytes);
                all.push(text.map_err(|_| Status::data_loss(format!("blob `{blob}` is not text at {offset}")))?);
            }
            Ok(all)
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Status> + Send + 'static) -> Result<T, Status> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Status::internal(format!("the computation broke off: {error}")))?
}
