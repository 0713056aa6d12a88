//! `coordinator.json`: how commands on this host find the coordinator that holds a data directory. Readable by its
//! owner only, because it carries the client credential.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Name of the file in the data directory.
pub const FILE: &str = "coordinator.json";

/// Longest path of a Unix socket on Linux, with its final zero.
const SOCKET_PATH: usize = 108;

/// What the file says.
#[derive(Clone, Serialize, Deserialize)]
pub struct Contact {
    pub pid: u32,
    pub socket: PathBuf,
    pub address: Option<SocketAddr>,
    pub tls: bool,
    /// Bearer token for clients over TCP.
    pub token: String,
    pub build: String,
    /// Where the page for annotators is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// Why the file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} `{path}`: {source}", path = .path.display())]
pub struct HolderError {
    operation: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// The file of the coordinator that runs; removed at its end.
pub struct Holder {
    path: PathBuf,
    socket: PathBuf,
}

impl Holder {
    /// Writes the file for this process.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(
        data: &Path,
        socket: &Path,
        address: Option<SocketAddr>,
        token: &str,
        insecure: bool,
        build: &str,
        page: Option<&str>,
    ) -> Result<Holder, HolderError> {
        let tls = address.is_some_and(|address| !address.ip().is_loopback()) && !insecure;
        let contact = Contact {
            pid: std::process::id(),
            socket: socket.to_owned(),
            address,
            tls,
            token: token.to_owned(),
            build: build.to_owned(),
            page: page.map(str::to_owned),
        };
        let path = data.join(FILE);
        let failed = |source| HolderError { operation: "write", path: path.clone(), source };
        let temporary = data.join(".coordinator.json.new");
        let _ = fs::remove_file(&temporary);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary).map_err(failed)?;
        serde_json::to_writer_pretty(file, &contact).map_err(|error| failed(error.into()))?;
        fs::rename(&temporary, &path).map_err(failed)?;
        Ok(Holder { path, socket: socket.to_owned() })
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(&self.socket);
    }
}

/// What the file in a data directory says; `None`: there is none. Whether the process still lives is for the caller
/// to find out by connecting.
///
/// # Errors
/// When it is there and cannot be read.
pub fn contact(data: &Path) -> Result<Option<Contact>, HolderError> {
    let path = data.join(FILE);
    let failed = |source| HolderError { operation: "read", path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| failed(error.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Where the Unix socket goes: into the data directory, or into a private folder with a short path where that would
/// be too long for a socket.
pub fn default_socket(data: &Path) -> PathBuf {
    let near = std::path::absolute(data).unwrap_or_else(|_| data.to_owned()).join("coordinator.sock");
    if near.as_os_str().len() < SOCKET_PATH {
        return near;
    }
    let name = blake3::hash(near.as_os_str().as_encoded_bytes()).to_hex();
    let folder = std::env::temp_dir().join(format!("hone-{}", rustix::process::getuid().as_raw()));
    let _ = fs::DirBuilder::new().mode(0o700).create(&folder);
    folder.join(format!("{}.sock", &name[..16]))
}
