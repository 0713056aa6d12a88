//! Content-addressed blobs, packed sources, output manifests, the tables of SQLite files, files of values that training
//! libraries write, and the acquisition functions of active learning.
//!
//! This crate knows files and hashes; it knows no study, no trial and no network.
//!
//! ```text
//!  folder ─ pack ─▶ archive ─▶ BlobStore ─▶ unpack ─▶ the same folder elsewhere
//!  outputs ─ collect ─▶ entries + blobs ─▶ materialise ─▶ the same files elsewhere
//! ```

pub mod acquisition;
pub mod blobs;
pub mod dataset;
pub mod durable;
pub mod hash;
pub mod metrics;
pub mod outputs;
pub mod pack;
pub mod path;
pub mod predictions;
pub mod sqlite;
pub mod unpack;

pub use blobs::{BlobError, BlobStore};
pub use hash::Hash;
pub use path::RelativePath;
