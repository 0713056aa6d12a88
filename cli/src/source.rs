//! The files that trials need: packed and uploaded unless the coordinator has them.

use std::{
    fs::File,
    io::{self, Read, Seek},
    path::{Path, PathBuf},
};

use hone_data::{
    Hash,
    pack::{PackError, PackOptions, pack},
};
use hone_proto::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    connect::Client,
    errors::{Failure, Kind, Result, chain},
    studyfile::StudyFile,
};

/// Bytes of one message of an upload.
const CHUNK_BYTES: usize = 256 << 10;
/// Messages that are read ahead of the network.
const CHUNKS_AHEAD: usize = 4;

/// Packs the study's source and uploads it; answers its hash, empty when the study has none.
///
/// # Errors
/// A source that cannot be packed, or a coordinator that refuses it.
pub async fn upload(client: &Client, file: &StudyFile) -> Result<Vec<u8>> {
    let Some((folder, max_bytes)) = file.source() else { return Ok(Vec::new()) };
    let leave_out = file.own_name();
    let archive = tokio::task::spawn_blocking(move || archive(&folder, max_bytes, leave_out)).await.map_err(|_| crashed())??;
    let hash = archive.hash.as_bytes().to_vec();
    let question = v1::MissingBlobsRequest { hashes: vec![hash.clone().into()] };
    let missing = client.blobs().missing_blobs(question).await?.into_inner().hashes;
    if !missing.is_empty() {
        send(client, archive).await?;
    }
    Ok(hash)
}

/// A packed folder in a file without a name.
struct Archive {
    file: File,
    hash: Hash,
    size: u64,
}

fn archive(folder: &Path, max_bytes: u64, leave_out: Vec<String>) -> Result<Archive> {
    if !folder.is_dir() {
        let failure = Failure::usage(format!("there is no folder `{}` for the study's `source`", folder.display()));
        return Err(failure.hint("`[source]` names a folder beside the study file; `source = \"none\"` needs none"));
    }
    let failed = |error: io::Error| Failure::file("pack", folder, &error);
    let mut file = tempfile::tempfile().map_err(failed)?;
    let options = PackOptions { max_bytes, include: Vec::new(), leave_out };
    {
        let mut buffered = io::BufWriter::new(&mut file);
        pack(folder, &options, &mut buffered).map_err(|error| refused(folder, &error))?;
        io::Write::flush(&mut buffered).map_err(failed)?;
    }
    file.rewind().map_err(failed)?;
    let (hash, size) = Hash::of_reader(&mut file).map_err(failed)?;
    file.rewind().map_err(failed)?;
    Ok(Archive { file, hash, size })
}

fn refused(folder: &Path, error: &PackError) -> Failure {
    let kind = match error {
        PackError::TooLarge { .. }
        | PackError::Link { .. }
        | PackError::Special { .. }
        | PackError::Path(_)
        | PackError::Ignore(_) => Kind::Usage,
        PackError::Changed { .. } | PackError::Blob(_) | PackError::Io { .. } => Kind::Internal,
    };
    Failure::new(kind, format!("cannot pack `{}`: {}", folder.display(), chain(error)))
}

fn crashed() -> Failure {
    Failure::new(Kind::Internal, "packing the source failed unexpectedly")
}

async fn send(client: &Client, archive: Archive) -> Result<()> {
    let (chunks, stream) = mpsc::channel(CHUNKS_AHEAD);
    let reader = tokio::task::spawn_blocking(move || read_chunks(archive, &chunks));
    let sent = client.blobs().put_blob(ReceiverStream::new(stream)).await;
    let read = reader.await.map_err(|_| crashed())?;
    // A file that could not be read ends the stream early; that is the better message.
    read.map_err(|error| Failure::file("read the archive of", &PathBuf::from("source"), &error))?;
    sent?;
    Ok(())
}

fn read_chunks(mut archive: Archive, chunks: &mpsc::Sender<v1::BlobChunk>) -> io::Result<()> {
    let mut first = true;
    loop {
        let mut data = Vec::with_capacity(CHUNK_BYTES);
        (&mut archive.file).take(CHUNK_BYTES as u64).read_to_end(&mut data)?;
        if data.is_empty() && !first {
            return Ok(());
        }
        let (hash, size) = if first { (archive.hash.as_bytes().to_vec(), archive.size) } else { (Vec::new(), 0) };
        first = false;
        // Nobody takes it any more: the answer to the call says why.
        if chunks.blocking_send(v1::BlobChunk { data: data.into(), hash: hash.into(), size }).is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_folder_is_the_same_archive() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.py"), "print()").unwrap();
        let once = archive(folder.path(), 1 << 20, Vec::new()).unwrap();
        let again = archive(folder.path(), 1 << 20, Vec::new()).unwrap();
        assert_eq!((once.hash, once.size), (again.hash, again.size));
    }

    #[test]
    fn a_folder_that_is_too_large_or_missing_is_wrong_usage() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), [0; 100]).unwrap();
        for failure in [archive(folder.path(), 10, Vec::new()), archive(Path::new("/nonexistent"), 10, Vec::new())] {
            assert_eq!(failure.err().unwrap().kind.exit_code(), 2);
        }
    }

    #[test]
    fn an_archive_is_read_in_chunks_of_which_the_first_names_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), vec![7; CHUNK_BYTES]).unwrap();
        let archive = archive(folder.path(), 1 << 30, Vec::new()).unwrap();
        let (hash, size) = (archive.hash, archive.size);
        let (sender, mut receiver) = mpsc::channel(8);
        read_chunks(archive, &sender).unwrap();
        drop(sender);
        let mut bytes = Vec::new();
        let mut named = 0;
        while let Some(chunk) = receiver.blocking_recv() {
            named += usize::from(!chunk.hash.is_empty());
            bytes.extend_from_slice(&chunk.data);
        }
        assert_eq!((bytes.len() as u64, Hash::of(&bytes), named), (size, hash, 1));
    }
}
