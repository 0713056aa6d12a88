//! Puts the files of a snapshot back, checking every blob and every file.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::DatasetError;
use super::manifest::{Entry, Manifest};
use crate::blobs::BlobError;
use crate::hash::Hash;
use crate::outputs::BlobSource;
use crate::unpack::{create_file, into_fresh_folder};

/// Puts the files of `manifest` into the new folder `dir`, which appears when it is complete. Its parent must exist.
/// `progress` is told of bytes as they are written.
///
/// # Errors
/// [`DatasetError`]; nothing is left behind.
pub fn restore(
    manifest: &Manifest,
    dir: &Path,
    source: &mut dyn BlobSource,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DatasetError> {
    let io = |source| DatasetError::Io { operation: "writing", path: dir.to_owned(), source };
    let exists = |path| DatasetError::Exists { path };
    into_fresh_folder(dir, io, exists, |folder| {
        manifest.files().iter().try_for_each(|entry| put_back(entry, folder, source, progress))
    })
}

fn put_back(
    entry: &Entry,
    folder: &Path,
    source: &mut dyn BlobSource,
    progress: &mut dyn FnMut(u64),
) -> Result<(), DatasetError> {
    let path = entry.path.below(folder);
    let io = |source: io::Error| DatasetError::Io { operation: "writing", path: path.clone(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(io)?;
    }
    let mut file = create_file(&path, entry.executable).map_err(io)?;
    let mut whole = blake3::Hasher::new();
    for (hash, size) in entry.parts() {
        let bytes = blob_of(hash, size, source)?;
        whole.update(&bytes);
        file.write_all(&bytes).map_err(io)?;
        progress(size);
    }
    check(entry, &whole)
}

/// The content of a blob, checked. No blob of a snapshot is larger than memory: files are cut before.
fn blob_of(hash: &Hash, size: u64, source: &mut dyn BlobSource) -> Result<Vec<u8>, DatasetError> {
    let failed = |error| BlobError::from_io("reading a blob of", Path::new("the store"), error);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0).min(super::CHUNK_BYTES.2));
    // One byte more than recorded is enough to know that the content is another one.
    source.open_blob(hash)?.take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match Hash::of(&bytes) {
        found if found == *hash && bytes.len() as u64 == size => Ok(bytes),
        found => Err(BlobError::Mismatch { hash: *hash, found }.into()),
    }
}

fn check(entry: &Entry, whole: &blake3::Hasher) -> Result<(), DatasetError> {
    if Hash::of_hasher(whole) == entry.hash { Ok(()) } else { Err(DatasetError::Mismatch { path: entry.path.clone() }) }
}

/// What is wrong with the files of `manifest` in `dir`, in words; nothing: they are as they were taken. What lies beside
/// them is not looked at.
///
/// # Errors
/// What the operating system says about a file that is there.
pub fn verify(manifest: &Manifest, dir: &Path) -> Result<Vec<String>, DatasetError> {
    let mut wrong = Vec::new();
    for entry in manifest.files() {
        let path = entry.path.below(dir);
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                wrong.push(format!("`{}` is missing", entry.path));
                continue;
            }
            file => file.map_err(DatasetError::reading(&path))?,
        };
        if Hash::of_reader(&mut file).map_err(DatasetError::reading(&path))? != (entry.hash, entry.size) {
            wrong.push(format!("`{}` has changed", entry.path));
        }
    }
    Ok(wrong)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
