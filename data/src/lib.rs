//! Content-addressed blobs, packed sources and output manifests.
//!
//! This crate knows files and hashes; it knows no study, no trial and no network.

pub mod durable;
