//! Where large files are cut: at places that their content chooses (FastCDC, Xia et al. 2020), so that bytes inserted or
//! removed move the cuts near them and no others.
//!
//! The sizes and the algorithm belong to the format of manifests: another choice would cut the same file elsewhere and
//! give the same data another id.

use std::io::{self, Read};

use fastcdc::v2020::{Error, StreamCDC};

use super::manifest::Chunk;
use crate::hash::Hash;

/// Files up to this size are one blob.
pub const WHOLE_BYTES: u64 = 4 << 20;
/// The least, the usual and the greatest size of a chunk of a larger file.
pub const CHUNK_BYTES: (usize, usize, usize) = (256 << 10, 1 << 20, 4 << 20);

/// The hash of a content, its size, and its chunks where it is larger than [`WHOLE_BYTES`].
///
/// `size` is what is expected; a content of another size is told by the answer.
pub(super) fn hash_content(content: &mut dyn Read, size: u64) -> io::Result<(Hash, u64, Vec<Chunk>)> {
    if size <= WHOLE_BYTES {
        let (hash, read) = Hash::of_reader(content)?;
        return Ok((hash, read, Vec::new()));
    }
    let (least, usual, greatest) = CHUNK_BYTES;
    let mut whole = blake3::Hasher::new();
    let (mut chunks, mut read) = (Vec::new(), 0);
    for chunk in StreamCDC::new(content, least, usual, greatest) {
        let data = chunk.map_err(io_error)?.data;
        whole.update(&data);
        read += data.len() as u64;
        chunks.push(Chunk { hash: Hash::of(&data), size: data.len() as u32 });
    }
    Ok((Hash::of_hasher(&whole), read, chunks))
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::IoError(error) => error,
        Error::Empty | Error::Other(_) => io::Error::other(error.to_string()),
    }
}

#[cfg(test)]
#[path = "chunks_tests.rs"]
pub(super) mod tests;
