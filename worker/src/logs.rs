//! Answers the coordinator's requests to read logs, piece by piece, while trials write them.

use std::{collections::BTreeMap, sync::Arc};

use hone_proto::worker::{FromWorker, LogChunk, LogRequest, from_worker::Kind};
use tokio::{sync::mpsc, task::AbortHandle};

use crate::process::log::Log;

/// In one message.
const PIECE_BYTES: usize = 64 << 10;

/// The readers of one connection.
#[derive(Debug, Default)]
pub(crate) struct LogReaders {
    readers: BTreeMap<u64, AbortHandle>,
}

impl LogReaders {
    /// Begins, or cancels, a reading. `log` is `None` when the attempt is not here.
    pub(crate) fn on_request(&mut self, request: &LogRequest, log: Option<Arc<Log>>, to: &mpsc::Sender<FromWorker>) {
        if let Some(former) = self.readers.remove(&request.request) {
            former.abort();
        }
        if request.cancel {
            return;
        }
        self.readers.retain(|_, reader| !reader.is_finished());
        let reading = read(log, *request, to.clone());
        self.readers.insert(request.request, tokio::spawn(reading).abort_handle());
    }

    /// The connection is gone.
    pub(crate) fn clear(&mut self) {
        for reader in std::mem::take(&mut self.readers).into_values() {
            reader.abort();
        }
    }
}

async fn read(log: Option<Arc<Log>>, request: LogRequest, to: mpsc::Sender<FromWorker>) {
    let last = match log {
        Some(log) => follow(&log, &request, &to).await,
        None => {
            let error = format!("attempt {} of task {} is not on this worker", request.attempt, request.task);
            LogChunk { error, ..LogChunk::default() }
        }
    };
    // The connection may be gone.
    let _ = to.send(message(LogChunk { request: request.request, last: true, ..last })).await;
}

/// Sends what there is and what comes. Returns the last message.
async fn follow(log: &Log, request: &LogRequest, to: &mpsc::Sender<FromWorker>) -> LogChunk {
    let mut length = log.watch();
    let mut offset = request.offset;
    loop {
        // Looked at before the reading, so that nothing can come between an empty piece and the end.
        let closed = length.borrow_and_update().closed;
        let piece = match log.read(offset, PIECE_BYTES) {
            Ok(piece) => piece,
            Err(error) => return LogChunk { offset, error: format!("the log cannot be read: {error}"), ..LogChunk::default() },
        };
        if !piece.bytes.is_empty() {
            let next = piece.offset + piece.bytes.len() as u64;
            let chunk =
                LogChunk { request: request.request, offset: piece.offset, data: piece.bytes.into(), ..LogChunk::default() };
            if to.send(message(chunk)).await.is_err() {
                return LogChunk::default();
            }
            offset = next;
        } else if closed || !request.follow || length.changed().await.is_err() {
            return LogChunk { offset, ..LogChunk::default() };
        }
    }
}

fn message(chunk: LogChunk) -> FromWorker {
    FromWorker { kind: Some(Kind::Log(chunk)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn next(from: &mut mpsc::Receiver<FromWorker>) -> LogChunk {
        match from.recv().await.expect("a message").kind {
            Some(Kind::Log(chunk)) => chunk,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_log_is_followed_to_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Arc::new(Log::new(&folder.path().join("log"), 10_000));
        let (to, mut from) = mpsc::channel(1);
        let mut readers = LogReaders::default();
        log.append(b"hello ", false);
        let request = LogRequest { request: 5, offset: 2, follow: true, ..LogRequest::default() };
        readers.on_request(&request, Some(Arc::clone(&log)), &to);
        let first = next(&mut from).await;
        assert_eq!((first.request, first.offset, &first.data[..], first.last), (5, 2, b"llo ".as_slice(), false));
        log.append(b"world", false);
        let second = next(&mut from).await;
        assert_eq!((second.offset, &second.data[..]), (6, b"world".as_slice()));
        log.close();
        let last = next(&mut from).await;
        assert_eq!((last.offset, last.last, last.error.as_str()), (11, true, ""));
    }

    #[tokio::test]
    async fn a_log_that_is_not_here_says_so() {
        let (to, mut from) = mpsc::channel(1);
        let mut readers = LogReaders::default();
        readers.on_request(&LogRequest { task: 3, attempt: 2, ..LogRequest::default() }, None, &to);
        let only = next(&mut from).await;
        assert!(only.last && only.error.contains("task 3"), "{only:?}");
    }
}
