//! Images of samples. A blob is given out only where a sample before the caller names it in a column that they see.

use std::io::{Read, Seek, SeekFrom};

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hone_data::Hash;
use tokio_util::io::ReaderStream;
use tonic::{Code, Status};

use super::{document::seen, find};
use crate::{
    convert::status::{from_blob, status},
    page::{Shared, answer::Failure, caller::Caller},
};

/// What browsers may do with the bytes: show the picture. Opened by themselves they can do nothing.
const POLICY: &str = "default-src 'none'; sandbox; frame-ancestors 'none'";

/// `GET /requests/{request}/blobs/{hash}`
pub(super) async fn get(
    State(site): State<Shared>,
    caller: Caller,
    Path((request, hash)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let found = find(&site, &caller, &request).await?;
    let data = site.labels.samples().read(found.data).await?;
    let fields = seen(&found.show, &data);
    let names_it = fields.values().any(|value| value.get("blob").and_then(|blob| blob.as_str()) == Some(&hash));
    let hash = Hash::parse(&hash).ok().filter(|_| names_it && (found.held || caller.is_client()));
    let Some(hash) = hash else {
        return Err(status(Code::NotFound, "no sample before you names this file", None).into());
    };
    let blobs = site.store.blobs().clone();
    let opened = tokio::task::spawn_blocking(move || {
        let mut file = blobs.open_blob(&hash).map_err(|error| from_blob(&error))?;
        let size = blobs.size(&hash).map_err(|error| from_blob(&error))?;
        let mut start = Vec::new();
        let read = (&mut file).take(16).read_to_end(&mut start).and_then(|_| file.seek(SeekFrom::Start(0)));
        read.map_err(|error| Status::data_loss(format!("blob `{hash}` cannot be read: {error}")))?;
        Ok::<_, Status>((file, size, kind_of(&start)))
    });
    let (file, size, kind) = opened.await.map_err(|error| Status::internal(error.to_string()))??;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_LENGTH, HeaderValue::from(size)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600, immutable")),
        (HeaderName::from_static("content-disposition"), HeaderValue::from_static("inline; filename=\"sample\"")),
    ];
    let body = Body::from_stream(ReaderStream::new(tokio::fs::File::from_std(file)));
    Ok((headers, body).into_response())
}

/// What a file is, by its first bytes: what a sample says of it is not trusted. SVG can hold scripts and is not among these.
fn kind_of(start: &[u8]) -> &'static str {
    match start {
        [0x89, b'P', b'N', b'G', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        [b'G', b'I', b'F', b'8', ..] => "image/gif",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f', ..] => "image/avif",
        [b'B', b'M', ..] => "image/bmp",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    #[test]
    fn pictures_are_known_by_their_first_bytes_and_documents_are_not_pictures() {
        assert_eq!(kind_of(b"\x89PNG\r\n\x1a\n0000"), "image/png");
        assert_eq!(kind_of(b"\xff\xd8\xff\xe0"), "image/jpeg");
        assert_eq!(kind_of(b"RIFF\0\0\0\0WEBPVP8 "), "image/webp");
        for text in ["<svg xmlns", "<!DOCTYPE html>", "<?xml version", ""] {
            assert_eq!(kind_of(text.as_bytes()), "application/octet-stream");
        }
    }
}
