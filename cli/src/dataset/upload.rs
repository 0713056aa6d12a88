//! Uploads blobs that the coordinator lacks, several at once.

use std::{collections::BTreeMap, io::Read as _, sync::Arc};

use bytes::Bytes;
use hone_data::{
    Hash,
    dataset::{Piece, Taken},
};
use hone_proto::v1;
use tokio::task::JoinSet;

use crate::{
    connect::Client,
    errors::{Failure, Kind, Result},
};

/// Blobs on the way at once: the coordinator waits for its disk with each.
const AT_ONCE: usize = 16;
/// Hashes in one question.
const ASKED: usize = 4_096;
/// Bytes of one message.
const MESSAGE_BYTES: usize = 256 << 10;

/// Uploads the pieces of a snapshot that the coordinator lacks.
///
/// # Errors
/// A file that has changed or cannot be read, or a coordinator that refuses.
pub async fn pieces(client: &Client, taken: &Arc<Taken>) -> Result<()> {
    let all: Vec<Hash> = taken.pieces.keys().copied().collect();
    let mut running = JoinSet::new();
    for hashes in all.chunks(ASKED) {
        for hash in missing(client, hashes).await? {
            if running.len() >= AT_ONCE {
                done(running.join_next().await)?;
            }
            let (client, taken) = (client.clone(), taken.clone());
            running.spawn(async move { piece(&client, hash, &taken.pieces).await });
        }
    }
    while let Some(ended) = running.join_next().await {
        done(Some(ended))?;
    }
    Ok(())
}

fn done(ended: Option<std::result::Result<Result<()>, tokio::task::JoinError>>) -> Result<()> {
    match ended {
        Some(Ok(result)) => result,
        Some(Err(_)) => Err(Failure::new(Kind::Internal, "an upload failed unexpectedly")),
        None => Ok(()),
    }
}

async fn missing(client: &Client, hashes: &[Hash]) -> Result<Vec<Hash>> {
    let hashes = hashes.iter().map(|hash| hash.as_bytes().to_vec().into()).collect();
    let answer = client.blobs().missing_blobs(v1::MissingBlobsRequest { hashes }).await?.into_inner();
    let hash = |bytes: &Bytes| <[u8; 32]>::try_from(bytes.as_ref()).ok().map(Hash::from_bytes);
    Ok(answer.hashes.iter().filter_map(hash).collect())
}

async fn piece(client: &Client, hash: Hash, pieces: &BTreeMap<Hash, Piece>) -> Result<()> {
    let Some(piece) = pieces.get(&hash).cloned() else { return Ok(()) };
    let reading = tokio::task::spawn_blocking(move || read(&piece, hash));
    let bytes = reading.await.map_err(|_| Failure::new(Kind::Internal, "reading a file failed unexpectedly"))??;
    send(client, hash, bytes.into()).await
}

/// No piece is larger than a chunk, so it fits into memory.
fn read(piece: &Piece, hash: Hash) -> Result<Vec<u8>> {
    let failed = |error: std::io::Error| Failure::file("read", &piece.file, &error);
    let mut bytes = Vec::with_capacity(usize::try_from(piece.size).unwrap_or(0));
    piece.open().map_err(failed)?.read_to_end(&mut bytes).map_err(failed)?;
    if Hash::of(&bytes) == hash {
        return Ok(bytes);
    }
    let failure = Failure::new(Kind::Refused, format!("`{}` changed while it was added", piece.file.display()));
    Err(failure.hint("try again when nothing writes to it; what was uploaded is not uploaded again"))
}

async fn send(client: &Client, hash: Hash, bytes: Bytes) -> Result<()> {
    let size = bytes.len() as u64;
    let mut messages = vec![v1::BlobChunk { data: Bytes::new(), hash: hash.as_bytes().to_vec().into(), size }];
    let data = bytes.chunks(MESSAGE_BYTES).map(|part| bytes.slice_ref(part));
    messages.extend(data.map(|data| v1::BlobChunk { data, hash: Bytes::new(), size: 0 }));
    client.blobs().put_blob(tokio_stream::iter(messages)).await?;
    Ok(())
}

/// Uploads a document, if the coordinator lacks it. Answers its hash.
///
/// # Errors
/// The coordinator refuses.
pub async fn document(client: &Client, bytes: Vec<u8>) -> Result<Hash> {
    let hash = Hash::of(&bytes);
    if !missing(client, &[hash]).await?.is_empty() {
        send(client, hash, bytes.into()).await?;
    }
    Ok(hash)
}
