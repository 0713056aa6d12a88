//! A connection whose end is noticed.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

use super::Connection;

/// A stream of bytes that tells [`Connections`](super::Connections) when it is dropped.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    connection: Connection,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, connection: Connection) -> Watched<S> {
        Watched { stream, connection }
    }

    /// What calls over it carry.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        self.connection.closed();
    }
}

impl<S> Connected for Watched<S> {
    type ConnectInfo = Connection;

    fn connect_info(&self) -> Connection {
        self.connection()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, parts)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use hone_studies::TaskId;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::Connections;
    use super::*;

    #[tokio::test]
    async fn a_dropped_connection_leaves_its_trials_and_carries_bytes_until_then() {
        let connections = Connections::default();
        let (mut far, near) = tokio::io::duplex(16);
        let mut watched = connections.watch(near);
        far.write_all(b"ping").await.unwrap();
        let mut bytes = [0; 4];
        watched.read_exact(&mut bytes).await.unwrap();
        assert_eq!(&bytes, b"ping");
        watched.connect_info().hold(TaskId(7));
        assert_eq!(connections.held(), [TaskId(7)]);
        let left = tokio::spawn({
            let connections = connections.clone();
            async move { connections.left().await }
        });
        drop(watched);
        assert_eq!(left.await.unwrap(), [TaskId(7)]);
    }
}
