//! Who is at the other end of a connection. Told by the listener, once, before the first call.

use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// How it came in.
    pub kind: PeerKind,
    /// Where from; `None` over the Unix socket.
    pub address: Option<SocketAddr>,
}

/// How a connection came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// Over the Unix socket: a process of the coordinator's own user, as the kernel says.
    Local {
        /// The user.
        uid: u32,
    },
    /// Over plain TCP on this host: any user of it.
    Loopback,
    /// Over TLS, with the worker whose certificate was shown and verified, if one was.
    Tls {
        /// The worker's number in its certificate.
        worker: Option<u64>,
    },
    /// Over plain TCP that the operator has opened by name: anybody.
    Insecure,
}

impl Peer {
    /// The key that makes a worker the same worker, when its certificate tells: a worker cannot choose another's.
    pub fn worker_identity(&self) -> Option<String> {
        match self.kind {
            PeerKind::Tls { worker } => worker.map(|worker| format!("certificate:{worker}")),
            PeerKind::Local { .. } | PeerKind::Loopback | PeerKind::Insecure => None,
        }
    }
}
