//! `hone dataset fetch`, and what else needs the files of a version here.

use std::path::Path;

use hone_data::{
    Hash,
    dataset::{Manifest, restore, verify as verify_files},
    outputs::BlobSource,
};
use hone_proto::v1;
use tokio::runtime::Handle;

use super::{add::refused, find, label, tell_findings};
use crate::{
    connect::Client,
    errors::{Failure, Kind, Result},
    output::{bytes_text, print_line},
    outputs::{Remote, make_way},
};

/// Puts the files of a version into `directory`, which must not exist or be empty. It appears when it is complete.
///
/// # Errors
/// The folder is in use, or a blob cannot be fetched.
pub async fn fetch(client: &Client, dataset: String, directory: &Path) -> Result<()> {
    let version = find(client, dataset).await?;
    let manifest = manifest(client, &version).await?;
    make_way(directory)?;
    let (mut source, target) = (Remote::new(client), directory.to_owned());
    let files = manifest.files().len();
    blocking(move || restore(&manifest, &target, &mut source, &mut |_| {}).map_err(|error| refused(&error))).await?;
    let (label, bytes) = (label(&version), bytes_text(version.bytes));
    print_line(&format!("fetched {label} into {}: {files} files, {bytes}", directory.display()))
}

/// Compares the files in `directory` with a version.
///
/// # Errors
/// They differ, or cannot be read.
pub async fn verify(client: &Client, dataset: String, directory: &Path) -> Result<()> {
    let version = find(client, dataset).await?;
    let manifest = manifest(client, &version).await?;
    let place = directory.to_owned();
    let findings = blocking(move || verify_files(&manifest, &place).map_err(|error| refused(&error))).await?;
    let label = label(&version);
    tell_findings(&findings, &format!("{label} in {}", directory.display()))?;
    print_line(&format!("the files in {} are those of {label}", directory.display()))
}

/// Fetches the manifest of a version and checks it against its name.
///
/// # Errors
/// It cannot be fetched, or is damaged.
pub async fn manifest(client: &Client, version: &v1::DatasetVersion) -> Result<Manifest> {
    let bytes = document(client, &version.snapshot).await?;
    Manifest::read(&mut bytes.as_slice()).map_err(|error| Failure::new(Kind::Storage, error.to_string()))
}

/// Fetches a document of a version and checks it against its hash.
///
/// # Errors
/// It cannot be fetched, or is damaged.
pub async fn document(client: &Client, hash: &[u8]) -> Result<Vec<u8>> {
    let damaged = |what: &str| Failure::new(Kind::Storage, format!("a document of the dataset {what}"));
    let hash = <[u8; 32]>::try_from(hash).map(Hash::from_bytes).map_err(|_| damaged("has no hash"))?;
    let mut source = Remote::new(client);
    let bytes = blocking(move || {
        let mut bytes = Vec::new();
        let read = source.open_blob(&hash).map(|mut content| std::io::Read::read_to_end(&mut content, &mut bytes));
        read.map_err(|error| Failure::new(Kind::Storage, error.to_string()))?
            .map_err(|error| Failure::new(Kind::Unreachable, error.to_string()))?;
        Ok(bytes)
    });
    let bytes = bytes.await?;
    if Hash::of(&bytes) == hash { Ok(bytes) } else { Err(damaged("is damaged")) }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _runtime = Handle::current();
    tokio::task::spawn_blocking(work).await.map_err(|_| Failure::new(Kind::Internal, "the work on files failed unexpectedly"))?
}
