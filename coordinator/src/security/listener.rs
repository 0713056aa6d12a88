//! Where connections come in. What cannot say who it is in time never becomes one.
//!
//! ```text
//!   accept ──► Unix: same user? ──────────────────────┐
//!          ──► plain TCP, this host or by name ────────┼──► Incoming ──► tonic
//!          ──► TLS: handshake, 5 s, 256 at once ──────┘
//! ```

use std::{
    fs::{self, DirBuilder},
    io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use rustix::net::sockopt;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::Stream;

use super::{Connection, Gatekeeper, Peer, PeerKind, connection::Transport};

/// A handshake that takes longer is a scan or an attack.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(5);
/// Handshakes under way at once; more are turned away, not queued.
const MAX_HALF_OPEN: usize = 256;
/// Connections that wait for the server to take them.
const BACKLOG: usize = 64;
/// A peer that vanished is noticed by the kernel after this and a few probes.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// After a failed accept (no file descriptors left), before the next one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound address, not listened to before [`Listener::into_incoming`].
#[derive(Debug)]
pub struct Listener(Source);

#[derive(Debug)]
enum Source {
    Unix { listener: UnixListener, socket: SocketFile, uid: u32 },
    Plain { listener: TcpListener, kind: PeerKind },
    Tls { listener: TcpListener, config: Arc<ServerConfig>, gatekeeper: Arc<Gatekeeper> },
}

/// Removed with the listener.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Listener {
    /// Binds a Unix socket in a folder of the user's own, for processes of the same user.
    ///
    /// # Errors
    /// Others can write to the folder, somebody listens there already, or the path is too long.
    pub async fn unix(path: &Path) -> io::Result<Listener> {
        Listener::unix_for(path, rustix::process::geteuid().as_raw())
    }

    fn unix_for(path: &Path, uid: u32) -> io::Result<Listener> {
        prepare_folder(path.parent().unwrap_or(Path::new(".")))?;
        remove_stale(path)?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        Ok(Listener(Source::Unix { listener, socket: SocketFile(path.to_owned()), uid }))
    }

    /// Binds plain TCP on a loopback address. Every call needs the token of `coordinator.json`.
    ///
    /// # Errors
    /// The address is taken, or is not a loopback address.
    pub async fn loopback(address: SocketAddr) -> io::Result<Listener> {
        if !address.ip().is_loopback() {
            return Err(io::Error::other("plain TCP is for this host only"));
        }
        Ok(Listener(Source::Plain { listener: TcpListener::bind(address).await?, kind: PeerKind::Loopback }))
    }

    /// Binds TLS.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn tls(address: SocketAddr, gatekeeper: &Arc<Gatekeeper>) -> io::Result<Listener> {
        Listener::tls_with(address, gatekeeper, gatekeeper.tls_config()).await
    }

    /// Binds TLS with other settings than workers and clients meet.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn tls_with(address: SocketAddr, gatekeeper: &Arc<Gatekeeper>, config: Arc<ServerConfig>) -> io::Result<Listener> {
        let (listener, gatekeeper) = (TcpListener::bind(address).await?, gatekeeper.clone());
        Ok(Listener(Source::Tls { listener, config, gatekeeper }))
    }

    /// Binds plain TCP for everybody. Only for an operator who has asked for it in full.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn insecure(address: SocketAddr) -> io::Result<Listener> {
        Ok(Listener(Source::Plain { listener: TcpListener::bind(address).await?, kind: PeerKind::Insecure }))
    }

    /// The TCP address, with the port that was chosen for port 0.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.0 {
            Source::Unix { .. } => None,
            Source::Plain { listener, .. } | Source::Tls { listener, .. } => listener.local_addr().ok(),
        }
    }

    /// The Unix socket.
    pub fn socket(&self) -> Option<&Path> {
        match &self.0 {
            Source::Unix { socket, .. } => Some(&socket.0),
            Source::Plain { .. } | Source::Tls { .. } => None,
        }
    }

    /// Starts to accept. Dropping the stream stops it, with every handshake under way.
    pub fn into_incoming(self) -> Incoming {
        let (tx, rx) = mpsc::channel(BACKLOG);
        let mut accepting = JoinSet::new();
        match self.0 {
            Source::Unix { listener, socket, uid } => accepting.spawn(accept_unix(listener, socket, uid, tx)),
            Source::Plain { listener, kind } => accepting.spawn(accept_plain(listener, kind, tx)),
            Source::Tls { listener, config, gatekeeper } => accepting.spawn(accept_tls(listener, config, gatekeeper, tx)),
        };
        Incoming { rx, _accepting: accepting }
    }
}

/// Connections that have been let in.
#[derive(Debug)]
pub struct Incoming {
    rx: mpsc::Receiver<Connection>,
    /// Ends with this.
    _accepting: JoinSet<()>,
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().rx.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

/// Makes the folder, for its user only; one that is there must be such that nobody else can put another socket there.
fn prepare_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    if mode & 0o022 == 0 {
        return Ok(());
    }
    let folder = folder.display();
    let message = format!("others can write to folder `{folder}` (mode {mode:o}); close it with `chmod 700 {folder}`");
    Err(io::Error::other(message))
}

/// Removes the socket of a process that is gone.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

async fn accept_unix(listener: UnixListener, _socket: SocketFile, uid: u32, tx: mpsc::Sender<Connection>) {
    while !tx.is_closed() {
        let Some((stream, _)) = taken(listener.accept().await).await else { continue };
        if let Some(peer) = same_user(&stream, uid) {
            let _ = tx.send(Connection::new(Transport::Unix(stream), peer)).await;
        }
    }
}

/// The peer, if the kernel says that it is a process of this user.
fn same_user(stream: &UnixStream, uid: u32) -> Option<Peer> {
    let theirs = stream.peer_cred().ok()?.uid();
    if theirs != uid {
        tracing::warn!(uid = theirs, "a process of another user was turned away");
        return None;
    }
    Some(Peer { kind: PeerKind::Local { uid }, address: None })
}

async fn accept_plain(listener: TcpListener, kind: PeerKind, tx: mpsc::Sender<Connection>) {
    while !tx.is_closed() {
        let Some((stream, address)) = taken(listener.accept().await).await else { continue };
        tune(&stream);
        let peer = Peer { kind, address: Some(address) };
        let _ = tx.send(Connection::new(Transport::Tcp(stream), peer)).await;
    }
}

async fn accept_tls(listener: TcpListener, config: Arc<ServerConfig>, gatekeeper: Arc<Gatekeeper>, tx: mpsc::Sender<Connection>) {
    let half_open = Arc::new(Semaphore::new(MAX_HALF_OPEN));
    let mut handshakes = JoinSet::new();
    while !tx.is_closed() {
        let Some((stream, address)) = taken(listener.accept().await).await else { continue };
        while handshakes.try_join_next().is_some() {}
        let Ok(permit) = half_open.clone().try_acquire_owned() else {
            tracing::warn!(%address, "turned away: {MAX_HALF_OPEN} handshakes are under way");
            continue;
        };
        tune(&stream);
        let (acceptor, gatekeeper, tx) = (TlsAcceptor::from(config.clone()), gatekeeper.clone(), tx.clone());
        handshakes.spawn(async move {
            let connection = timeout(HANDSHAKE_LIMIT, handshake(&acceptor, &gatekeeper, stream, address)).await;
            drop(permit);
            match connection {
                Ok(Ok(connection)) => drop(tx.send(connection).await),
                Ok(Err(error)) => tracing::debug!(%address, %error, "the handshake failed"),
                Err(_) => tracing::debug!(%address, "the handshake took too long"),
            }
        });
    }
}

async fn handshake(
    acceptor: &TlsAcceptor,
    gatekeeper: &Gatekeeper,
    stream: TcpStream,
    address: SocketAddr,
) -> io::Result<Connection> {
    let stream = acceptor.accept(stream).await?;
    let (_, session) = stream.get_ref();
    let shown = session.peer_certificates().and_then(|chain| chain.first());
    let worker = shown.and_then(|certificate| gatekeeper.worker_of(certificate));
    let peer = Peer { kind: PeerKind::Tls { worker }, address: Some(address) };
    Ok(Connection::new(Transport::Tls(Box::new(stream)), peer))
}

/// What was accepted. A failure is the system's (too many open files) and passes.
async fn taken<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// Small messages leave at once, and a vanished peer is noticed. A connection works without either.
fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = sockopt::set_socket_keepalive(stream, true);
    let _ = sockopt::set_tcp_keepidle(stream, KEEPALIVE);
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
