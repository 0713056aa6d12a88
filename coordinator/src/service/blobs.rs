//! Blobs up and down, in pieces, verified by their hash.

use std::{io::Read, io::Seek, io::SeekFrom, pin::Pin};

use hone_data::{Hash, blobs::BlobError};
use hone_proto::v1::{
    BlobChunk, BlobInfo, GetBlobRequest, MissingBlobsRequest, MissingBlobsResponse, blob_service_server::BlobService,
};
use tokio::sync::mpsc;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::Services;
use crate::convert::status::from_blob;

/// Bytes in one message.
const PIECE: usize = 256 * 1024;
/// Messages on the way to one reader.
const PIECES: usize = 4;
/// Hashes asked for in one call.
const MAX_HASHES: usize = 10_000;

#[tonic::async_trait]
impl BlobService for Services {
    type GetBlobStream = Pin<Box<dyn Stream<Item = Result<BlobChunk, Status>> + Send>>;

    async fn put_blob(&self, request: Request<Streaming<BlobChunk>>) -> Result<Response<BlobInfo>, Status> {
        let mut inbound = request.into_inner();
        let first = inbound.message().await?.ok_or_else(|| Status::invalid_argument("an upload needs at least one message"))?;
        let announced = if first.hash.is_empty() { None } else { Some(hash_of(&first.hash)?) };
        let _pin = announced.map(|hash| self.store.blobs().pin(&hash));
        let blobs = self.store.blobs().clone();
        let mut writer = blocking(move || blobs.writer()).await?;
        let mut next = Some(first);
        while let Some(chunk) = next {
            writer = blocking(move || writer.write(&chunk.data).map(|()| writer)).await?;
            next = inbound.message().await?;
        }
        let stored = blocking(move || match announced {
            Some(hash) => writer.finish_as(&hash),
            None => writer.finish(),
        });
        let stored = stored.await?;
        Ok(Response::new(BlobInfo { hash: stored.hash.as_bytes().to_vec().into(), size: stored.size }))
    }

    async fn get_blob(&self, request: Request<GetBlobRequest>) -> Result<Response<Self::GetBlobStream>, Status> {
        let GetBlobRequest { hash, offset } = request.into_inner();
        let hash = hash_of(&hash)?;
        let blobs = self.store.blobs().clone();
        let (file, size) = blocking(move || Ok((blobs.open_blob(&hash)?, blobs.size(&hash)?))).await?;
        let (sender, receiver) = mpsc::channel(PIECES);
        tokio::task::spawn_blocking(move || send_pieces(file, offset, size, &sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn missing_blobs(&self, request: Request<MissingBlobsRequest>) -> Result<Response<MissingBlobsResponse>, Status> {
        let hashes = request.into_inner().hashes;
        if hashes.len() > MAX_HASHES {
            return Err(Status::invalid_argument(format!("at most {MAX_HASHES} hashes a call, not {}", hashes.len())));
        }
        let hashes: Vec<Hash> = hashes.iter().map(|hash| hash_of(hash)).collect::<Result<_, _>>()?;
        let blobs = self.store.blobs().clone();
        let missing = blocking(move || Ok(blobs.missing(&hashes))).await?;
        let hashes = missing.iter().map(|hash| hash.as_bytes().to_vec().into()).collect();
        Ok(Response::new(MissingBlobsResponse { hashes }))
    }
}

fn send_pieces(mut file: std::fs::File, offset: u64, size: u64, sender: &mpsc::Sender<Result<BlobChunk, Status>>) {
    let unreadable = |error: std::io::Error| Status::data_loss(format!("the blob cannot be read: {error}"));
    if let Err(error) = file.seek(SeekFrom::Start(offset)) {
        let _ = sender.blocking_send(Err(unreadable(error)));
        return;
    }
    loop {
        let mut data = Vec::with_capacity(PIECE);
        let piece = match (&mut file).take(PIECE as u64).read_to_end(&mut data) {
            Ok(0) => return,
            Ok(_) => Ok(BlobChunk { data: data.into(), hash: Default::default(), size }),
            Err(error) => Err(unreadable(error)),
        };
        let failed = piece.is_err();
        if sender.blocking_send(piece).is_err() || failed {
            return;
        }
    }
}

fn hash_of(bytes: &[u8]) -> Result<Hash, Status> {
    let bytes: [u8; 32] =
        bytes.try_into().map_err(|_| Status::invalid_argument(format!("a blob's hash has 32 bytes, not {}", bytes.len())))?;
    Ok(Hash::from_bytes(bytes))
}

async fn blocking<T: Send + 'static>(run: impl FnOnce() -> Result<T, BlobError> + Send + 'static) -> Result<T, Status> {
    match tokio::task::spawn_blocking(run).await {
        Ok(result) => result.map_err(|error| {
            if matches!(error, BlobError::Full { .. }) {
                tracing::error!("{error}; workers hold their files until there is room");
            }
            from_blob(&error)
        }),
        Err(_) => Err(Status::internal("the blob store panicked")),
    }
}
