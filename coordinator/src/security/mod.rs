//! Interim: the real module is being written.
use std::{net::SocketAddr, path::{Path, PathBuf}, sync::Arc, io};
use tonic::Status;
#[derive(Debug, thiserror::Error)]
#[error("security: {0}")]
pub struct SecurityError(String);
impl From<SecurityError> for Status { fn from(e: SecurityError) -> Status { Status::internal(e.to_string()) } }
pub struct Gatekeeper { token: String }
impl Gatekeeper {
    pub fn open(_data: &Path, _store: &str, _names: &[String]) -> Result<Self, SecurityError> { Ok(Self { token: uuid::Uuid::new_v4().to_string() }) }
    pub fn client_token(&self) -> &str { &self.token }
    pub fn new_join_token(&self) -> Result<String, SecurityError> { Err(SecurityError("not yet".into())) }
    pub fn authority_pem(&self) -> Result<String, Status> { Err(Status::unimplemented("not yet")) }
    pub fn join(&self, _r: hone_proto::worker::JoinRequest) -> Result<hone_proto::worker::JoinResponse, Status> { Err(Status::unimplemented("not yet")) }
    pub fn create_join_token(&self, _ttl_us: i64) -> Result<(String, i64), Status> { Err(Status::unimplemented("not yet")) }
}
#[derive(Clone, Debug)]
pub struct Peer;
impl Peer { pub fn worker_identity(&self) -> Option<String> { None } }
pub enum Listener { Unix(tokio::net::UnixListener, PathBuf), Tcp(tokio::net::TcpListener) }
impl Listener {
    pub async fn unix(path: &Path) -> io::Result<Listener> { let _ = std::fs::remove_file(path); Ok(Listener::Unix(tokio::net::UnixListener::bind(path)?, path.to_owned())) }
    pub async fn insecure(a: SocketAddr) -> io::Result<Listener> { Ok(Listener::Tcp(tokio::net::TcpListener::bind(a).await?)) }
    pub async fn loopback(a: SocketAddr) -> io::Result<Listener> { Self::insecure(a).await }
    pub async fn tls(a: SocketAddr, _g: &Arc<Gatekeeper>) -> io::Result<Listener> { Self::insecure(a).await }
    pub fn address(&self) -> Option<SocketAddr> { match self { Listener::Tcp(l) => l.local_addr().ok(), Listener::Unix(..) => None } }
    pub fn socket(&self) -> Option<&Path> { match self { Listener::Unix(_, p) => Some(p), Listener::Tcp(_) => None } }
    pub fn into_incoming(self) -> tokio_stream::wrappers::UnixListenerStream { match self { Listener::Unix(l, _) => tokio_stream::wrappers::UnixListenerStream::new(l), Listener::Tcp(_) => panic!("interim") } }
}
#[derive(Clone)]
pub struct AuthoriseLayer;
impl AuthoriseLayer { pub fn new(_g: Arc<Gatekeeper>) -> Self { Self } }
impl<S> tower::Layer<S> for AuthoriseLayer { type Service = S; fn layer(&self, s: S) -> S { s } }
