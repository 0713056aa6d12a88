//! All datasets of a store, as their events fold to.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    command::DatasetReject,
    event::DatasetEvent,
    name::split_reference,
    version::{Dataset, DatasetUse, Mark, Version, VersionRef},
};
use crate::ids::{BlobId, DatasetId};

/// Everything durable about datasets. Cheap to clone: datasets are shared until they change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Datasets {
    datasets: BTreeMap<DatasetId, Arc<Dataset>>,
    names: BTreeMap<String, DatasetId>,
    last_dataset: u64,
}

/// A version with its dataset.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub dataset: &'a Arc<Dataset>,
    pub version: &'a Arc<Version>,
}

impl Found<'_> {
    pub fn reference(&self) -> VersionRef {
        VersionRef { dataset: self.dataset.id, version: self.version.number }
    }

    /// `name@version`
    pub fn label(&self) -> String {
        format!("{}@{}", self.dataset.name, self.version.number)
    }
}

impl Datasets {
    pub fn datasets(&self) -> impl DoubleEndedIterator<Item = &Arc<Dataset>> {
        self.datasets.values()
    }

    pub fn dataset(&self, id: DatasetId) -> Option<&Arc<Dataset>> {
        self.datasets.get(&id)
    }

    pub fn dataset_named(&self, name: &str) -> Option<&Arc<Dataset>> {
        self.names.get(name).and_then(|id| self.datasets.get(id))
    }

    /// Every version there is.
    pub fn versions(&self) -> impl Iterator<Item = Found<'_>> {
        self.datasets.values().flat_map(|dataset| dataset.versions().map(move |version| Found { dataset, version }))
    }

    pub fn version(&self, of: VersionRef) -> Option<Found<'_>> {
        let dataset = self.datasets.get(&of.dataset)?;
        Some(Found { dataset, version: dataset.version(of.version)? })
    }

    /// `name@version` of a version that may have been removed.
    pub fn label(&self, of: VersionRef) -> String {
        match self.datasets.get(&of.dataset) {
            Some(dataset) => format!("{}@{}", dataset.name, of.version),
            None => format!("a removed dataset ({})@{}", of.dataset, of.version),
        }
    }

    /// Finds what a person names: `digits@3`, `digits` and `digits@latest` for the newest, an id in place of the name,
    /// `last` for the dataset that was made last. A name wins over an id and over `last`.
    ///
    /// # Errors
    /// There is no such dataset, or no such version of it.
    pub fn find(&self, given: &str) -> Result<Found<'_>, DatasetReject> {
        let (name, number) = split_reference(given);
        let dataset = self.find_dataset(name)?;
        let version = match number {
            Some(number) => dataset.version(number),
            None => dataset.latest(),
        };
        let missing = || DatasetReject::NoSuchVersion {
            name: dataset.name.clone(),
            version: number.unwrap_or(dataset.last_version),
            latest: dataset.latest().map(|version| version.number),
        };
        Ok(Found { dataset, version: version.ok_or_else(missing)? })
    }

    /// Finds a dataset by its name, its id or `last`.
    ///
    /// # Errors
    /// There is none; with the nearest name.
    pub fn find_dataset(&self, given: &str) -> Result<&Arc<Dataset>, DatasetReject> {
        let by_id = || given.parse().ok().and_then(|id| self.dataset(DatasetId(id)));
        let last = || self.datasets.values().next_back().filter(|_| given == "last");
        self.dataset_named(given).or_else(last).or_else(by_id).ok_or_else(|| DatasetReject::NoSuchDataset {
            given: given.to_owned(),
            nearest: crate::file::closest(given, self.names.keys().map(String::as_str)).map(str::to_owned),
        })
    }

    /// The versions that a new study gives to its trials.
    ///
    /// # Errors
    /// Those that are not there, by the names that the study has for them.
    pub fn resolve(&self, wanted: &BTreeMap<String, String>) -> Result<Vec<DatasetUse>, Vec<(String, DatasetReject)>> {
        let (mut uses, mut problems) = (Vec::new(), Vec::new());
        for (alias, given) in wanted {
            match self.find(given) {
                Ok(found) => uses.push(DatasetUse {
                    alias: alias.clone(),
                    of: found.reference(),
                    label: found.label(),
                    manifest: found.version.snapshot.manifest,
                }),
                Err(reject) => problems.push((alias.clone(), reject)),
            }
        }
        if problems.is_empty() { Ok(uses) } else { Err(problems) }
    }

    pub(crate) fn next_dataset(&self) -> DatasetId {
        DatasetId(self.last_dataset + 1)
    }

    /// Applies one event. Total: never fails, never panics.
    pub(crate) fn apply(&mut self, event: &DatasetEvent) {
        match event {
            DatasetEvent::Added { .. } => self.add(event),
            DatasetEvent::Pinned { of, at, by } => self.change(*of, |version| {
                version.pins.entry(by.clone()).or_insert(*at);
            }),
            DatasetEvent::Released { of, by, .. } => self.change(*of, |version| {
                version.pins.remove(by);
            }),
            DatasetEvent::Marked { of, at, by, reason } => self.change(*of, |version| {
                version.marks.push(Mark { at: *at, by: by.clone(), reason: reason.clone() });
            }),
            DatasetEvent::VersionRemoved { of, .. } => {
                if let Some(dataset) = self.datasets.get_mut(&of.dataset) {
                    Arc::make_mut(dataset).versions.remove(&of.version);
                }
            }
            DatasetEvent::Removed { dataset, .. } => self.remove(*dataset),
            // The study has it.
            DatasetEvent::Used { .. } => {}
        }
    }

    fn add(&mut self, event: &DatasetEvent) {
        let DatasetEvent::Added { dataset: id, at, name, version: number, snapshot, parent, made_from, lineage, asked_by } =
            event
        else {
            return;
        };
        self.last_dataset = self.last_dataset.max(id.0);
        self.names.insert(name.clone(), *id);
        let new = || {
            let versions = BTreeMap::new();
            Arc::new(Dataset { id: *id, name: name.clone(), created: *at, versions, last_version: 0 })
        };
        let dataset = Arc::make_mut(self.datasets.entry(*id).or_insert_with(new));
        dataset.last_version = dataset.last_version.max(*number);
        let version = Version {
            number: *number,
            at: *at,
            snapshot: snapshot.clone(),
            parent: *parent,
            made_from: made_from.clone(),
            lineage: *lineage,
            asked_by: *asked_by,
            pins: BTreeMap::new(),
            marks: Vec::new(),
        };
        dataset.versions.insert(*number, Arc::new(version));
    }

    fn change(&mut self, of: VersionRef, change: impl FnOnce(&mut Version)) {
        let dataset = self.datasets.get_mut(&of.dataset);
        if let Some(version) = dataset.and_then(|dataset| Arc::make_mut(dataset).versions.get_mut(&of.version)) {
            change(Arc::make_mut(version));
        }
    }

    fn remove(&mut self, id: DatasetId) {
        let Some(dataset) = self.datasets.remove(&id) else { return };
        if self.names.get(&dataset.name) == Some(&id) {
            self.names.remove(&dataset.name);
        }
    }

    /// Visits the manifest of every version; whoever keeps the blobs follows it to the data.
    pub fn manifests(&self, visit: &mut dyn FnMut(&BlobId)) {
        self.versions().for_each(|found| visit(&found.version.snapshot.manifest));
    }

    /// Visits every blob that a version names itself: manifests and documents, not what manifests name.
    pub(crate) fn reachable_blobs(&self, visit: &mut dyn FnMut(&BlobId)) {
        for Found { version, .. } in self.versions() {
            visit(&version.snapshot.manifest);
            let documents = [version.snapshot.profile, version.snapshot.contract, version.lineage];
            documents.iter().flatten().for_each(&mut *visit);
        }
    }
}
