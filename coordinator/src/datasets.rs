//! What datasets need of the blob store: from manifests, which the state names, to the blobs of files, which it does not.

use std::{collections::BTreeSet, io::BufReader, path::Path};

use hone_data::{
    Hash,
    blobs::{BlobError, BlobStore, Pin},
    dataset::{Manifest, ManifestError, blobs_of},
};
use hone_studies::dataset::Datasets;

/// Why a snapshot is not complete in the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotProblem {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{missing} of the {of} blobs of the snapshot are not in the store, among them `{first}`; upload them and add again")]
    Incomplete { missing: usize, of: usize, first: Hash },
    #[error("blob `{hash}` has {found} bytes, and the manifest says {size}")]
    Size { hash: Hash, found: u64, size: u64 },
}

/// Reads a manifest and checks it against its name.
pub(crate) fn read_manifest(blobs: &BlobStore, id: &Hash) -> Result<Manifest, SnapshotProblem> {
    blobs.verify(id)?;
    Ok(Manifest::read(&mut BufReader::new(blobs.open_blob(id)?))?)
}

/// Visits the blobs that the manifests of all versions name.
///
/// # Errors
/// A manifest is missing or damaged, so that what it names is not known.
pub(crate) fn blobs_of_manifests(blobs: &BlobStore, datasets: &Datasets, visit: &mut dyn FnMut(&Hash)) -> Result<(), BlobError> {
    let mut ids = BTreeSet::new();
    datasets.manifests(&mut |blob| {
        ids.insert(Hash::from_bytes(blob.0));
    });
    for id in ids {
        match read_manifest(blobs, &id) {
            Ok(manifest) => blobs_of(&id, &manifest, visit),
            Err(SnapshotProblem::Blob(error)) => return Err(error),
            Err(problem) => {
                let source = std::io::Error::other(problem.to_string());
                return Err(BlobError::Io {
                    operation: "reading the manifest",
                    path: Path::new(&id.to_string()).to_owned(),
                    source,
                });
            }
        }
    }
    Ok(())
}

/// Adds the blobs that manifests name to `named`; what is wrong with manifests is answered, in words.
pub(crate) fn name_blobs(blobs: &BlobStore, datasets: &Datasets, named: &mut BTreeSet<Hash>) -> Vec<String> {
    let mut findings = Vec::new();
    for found in datasets.versions() {
        let id = Hash::from_bytes(found.version.snapshot.manifest.0);
        match read_manifest(blobs, &id) {
            Ok(manifest) => blobs_of(&id, &manifest, &mut |hash| {
                named.insert(*hash);
            }),
            Err(problem) => findings.push(format!("dataset `{}`: {problem}", found.label())),
        }
    }
    findings
}

/// A snapshot whose blobs are all there and stay there while this lives.
#[derive(Debug)]
pub(crate) struct Held {
    pub manifest: Manifest,
    _pins: Vec<Pin>,
}

/// Looks whether a snapshot is complete, and holds its blobs.
///
/// # Errors
/// Its manifest is none, or blobs are missing: whoever adds it has to upload them.
pub(crate) fn hold(blobs: &BlobStore, id: &Hash, documents: &[Hash]) -> Result<Held, SnapshotProblem> {
    // Pinned before anybody looks: what is there then stays.
    let mut pins: Vec<Pin> = documents.iter().chain([id]).map(|hash| blobs.pin(hash)).collect();
    let manifest = read_manifest(blobs, id)?;
    let wanted: BTreeSet<Hash> = manifest.blobs().map(|(hash, _)| *hash).chain(documents.iter().copied()).collect();
    pins.extend(wanted.iter().map(|hash| blobs.pin(hash)));
    let wanted: Vec<Hash> = wanted.into_iter().collect();
    let missing = blobs.missing(&wanted);
    if let Some(first) = missing.first() {
        return Err(SnapshotProblem::Incomplete { missing: missing.len(), of: wanted.len(), first: *first });
    }
    for (hash, size) in manifest.blobs() {
        let found = blobs.size(hash)?;
        if found != size {
            return Err(SnapshotProblem::Size { hash: *hash, found, size });
        }
    }
    Ok(Held { manifest, _pins: pins })
}

/// Reads every blob of a snapshot. Answers what is wrong, and how many blobs and bytes were read.
pub(crate) fn verify(blobs: &BlobStore, id: &Hash, documents: &[Hash]) -> (Vec<String>, u64, u64) {
    let mut findings = Vec::new();
    let mut named: BTreeSet<Hash> = documents.iter().copied().collect();
    match read_manifest(blobs, id) {
        Ok(manifest) => blobs_of(id, &manifest, &mut |hash| {
            named.insert(*hash);
        }),
        Err(problem) => findings.push(format!("the manifest: {problem}")),
    }
    let mut bytes = 0;
    for hash in &named {
        match blobs.verify(hash) {
            Ok(()) => bytes += blobs.size(hash).unwrap_or(0),
            Err(error) => findings.push(error.to_string()),
        }
    }
    (findings, named.len() as u64, bytes)
}

#[cfg(test)]
#[path = "datasets_tests.rs"]
mod tests;
