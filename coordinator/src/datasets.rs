//! What datasets need of the blob store: from manifests, which the state names, to the blobs of files, which it does not.

use std::{
    collections::{BTreeSet, HashSet},
    io::BufReader,
    path::Path,
};

use hone_data::{
    Hash,
    blobs::{BlobError, BlobStore, Pin},
    dataset::{
        Content, Diff, Entry, Manifest, ManifestError, Rows, Sample, Side, blobs_of, diff,
        profile::{Profile, ProfileError},
    },
};
use hone_proto::v1::DatasetSample;
use hone_studies::dataset::{Datasets, Snapshot};

/// Why a snapshot is not complete in the store.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotProblem {
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{missing} of the {of} blobs of the snapshot are not in the store, among them `{first}`; upload them and add again")]
    Incomplete { missing: usize, of: usize, first: Hash },
    #[error("the dataset's profile is damaged: {0}")]
    Profile(String),
    #[error("the data cannot be read")]
    Table(#[from] ProfileError),
    #[error("blob `{hash}` has {found} bytes, and the manifest says {size}")]
    Size { hash: Hash, found: u64, size: u64 },
}

/// Blobs that are looked for at once: nobody else may pin or sweep meanwhile.
const LOOKED_FOR: usize = 4_096;
/// Samples in one message.
const PART: usize = 256;

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
    // The manifest as well: what is looked for counts as young, and so outlives a sweep that began before the version was
    // there and goes on after the pins are gone.
    let documents = documents.iter().chain([id]).copied();
    let wanted: BTreeSet<Hash> = manifest.blobs().map(|(hash, _)| *hash).chain(documents).collect();
    pins.extend(wanted.iter().map(|hash| blobs.pin(hash)));
    let wanted: Vec<Hash> = wanted.into_iter().collect();
    let missing: Vec<Hash> = wanted.chunks(LOOKED_FOR).flat_map(|some| blobs.missing(some)).collect();
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

/// Reads every blob of a snapshot. Answers what is wrong, and how many blobs and bytes were read. What is damaged is set
/// aside: nobody can use it, and adding the same data again brings it back.
pub(crate) fn verify(blobs: &BlobStore, id: &Hash, documents: &[Hash]) -> (Vec<String>, u64, u64) {
    let mut findings = Vec::new();
    let mut named: BTreeSet<Hash> = documents.iter().copied().collect();
    match read_manifest(blobs, id) {
        Ok(manifest) => blobs_of(id, &manifest, &mut |hash| {
            named.insert(*hash);
        }),
        Err(problem) => {
            findings.push(format!("the manifest: {problem}"));
            if matches!(problem, SnapshotProblem::Blob(BlobError::Mismatch { .. })) {
                named.insert(*id);
            }
        }
    }
    let mut bytes = 0;
    for hash in &named {
        match blobs.verify(hash) {
            Ok(()) => bytes += blobs.size(hash).unwrap_or(0),
            Err(error) => {
                findings.push(error.to_string());
                if matches!(error, BlobError::Mismatch { .. })
                    && let Err(error) = blobs.set_aside(hash)
                {
                    findings.push(error.to_string());
                }
            }
        }
    }
    (findings, named.len() as u64, bytes)
}

/// A snapshot whose content is looked at.
pub(crate) struct Reading {
    blobs: BlobStore,
    manifest: Manifest,
    profile: Option<Profile>,
    key: Option<String>,
}

impl Reading {
    /// Reads manifest and profile.
    ///
    /// # Errors
    /// One of them is missing or damaged.
    pub fn open(blobs: &BlobStore, snapshot: &Snapshot) -> Result<Self, SnapshotProblem> {
        let manifest = read_manifest(blobs, &Hash::from_bytes(snapshot.manifest.0))?;
        let profile = snapshot.profile.map(|blob| blobs.get(&Hash::from_bytes(blob.0))).transpose()?;
        let profile = profile.map(|bytes| Profile::parse(&bytes)).transpose().map_err(SnapshotProblem::Profile)?;
        Ok(Self { blobs: blobs.clone(), manifest, profile, key: snapshot.key.clone() })
    }

    fn content(&self, entry: &Entry) -> std::io::Result<Content> {
        Ok(Content::of_entry(entry, &self.blobs))
    }

    /// What is different in `later`.
    ///
    /// # Errors
    /// A blob is missing or damaged.
    pub fn diff(&self, later: &Self, examples: usize) -> Result<Diff, SnapshotProblem> {
        let (open, open_later) = (|entry: &Entry| self.content(entry), |entry: &Entry| later.content(entry));
        let before = Side { manifest: &self.manifest, profile: self.profile.as_ref(), key: self.key.as_deref(), open: &open };
        let after =
            Side { manifest: &later.manifest, profile: later.profile.as_ref(), key: later.key.as_deref(), open: &open_later };
        Ok(diff(&before, &after, examples)?)
    }

    /// Gives samples to `take` until it answers no: those that are called so, in the order of the names, or all.
    ///
    /// # Errors
    /// A blob is missing or damaged.
    pub fn samples(
        &self,
        ids: &[String],
        limit: u64,
        take: &mut dyn FnMut(Vec<DatasetSample>) -> bool,
    ) -> Result<(), SnapshotProblem> {
        let open = |entry: &Entry| self.content(entry);
        let mut rows = Rows::new(&self.manifest, self.profile.as_ref(), self.key.as_deref(), &open);
        if !ids.is_empty() {
            let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
            let found = rows.find(&wanted)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let samples: Vec<&Sample> = ids.iter().filter_map(|id| found.get(id)).take(limit).collect();
            samples.chunks(PART).all(|part| take(part.iter().map(|sample| sample_to_proto(sample)).collect()));
            return Ok(());
        }
        let mut left = limit;
        while let Some(samples) = rows.next_samples()? {
            let some = samples.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            left -= some as u64;
            let wanted = samples[..some].chunks(PART).all(|part| take(part.iter().map(sample_to_proto).collect()));
            if !wanted || left == 0 {
                break;
            }
        }
        Ok(())
    }
}

fn sample_to_proto(sample: &Sample) -> DatasetSample {
    let fields_json = serde_json::to_string(&sample.fields).expect("values are JSON");
    DatasetSample { id: sample.id.clone(), fields_json }
}

#[cfg(test)]
#[path = "datasets_tests.rs"]
mod tests;
