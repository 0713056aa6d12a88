//! Datasets: names for snapshots of data, in numbered versions that never change.
//!
//! ```text
//!   Add ──► Added: name@1, name@2, … ──► Pinned by whoever names a version ──► Remove, when nobody does
//! ```
//! The core knows what a version is called, where it came from and who names it. The data itself is blobs: a version has
//! the name of its manifest, and whoever keeps blobs follows that to the rest.

mod command;
mod datasets;
mod event;
mod name;
mod version;

#[cfg(test)]
mod tests;

pub use self::{
    command::{DatasetCommand, DatasetReject, DatasetReply, NewVersion},
    datasets::{Datasets, Found},
    event::DatasetEvent,
    name::{is_dataset_name, split_reference},
    version::{Dataset, DatasetUse, Mark, Reference, Snapshot, Version, VersionRef},
};
