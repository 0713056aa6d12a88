//! Servers of Optuna's storage protocol: Hone with a store on the disk, and Optuna's own over its storages.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use hone_proto::optuna::{CreateNewStudyRequest, GetAllStudiesRequest, storage_service_client::StorageServiceClient};
use hone_tests::benching::coordinator::Running;
use tonic::transport::{Channel, Endpoint};

/// How long a server may take to answer.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often a starting server is asked.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hone,
    /// Optuna's server over its storage in memory.
    Memory,
    /// Optuna's server over a database in a file.
    Sqlite,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Hone, Kind::Memory, Kind::Sqlite];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Hone => "Hone",
            Kind::Memory => "Optuna, in memory",
            Kind::Sqlite => "Optuna, SQLite",
        }
    }
}

/// A running server; it ends when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    process: Process,
}

enum Process {
    Hone(Running),
    Reference(Child),
}

impl Drop for Process {
    fn drop(&mut self) {
        match self {
            Process::Hone(coordinator) => coordinator.kill(),
            Process::Reference(child) => {
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

impl Server {
    /// Starts a server with an empty store below `folder`, and waits until it answers.
    ///
    /// # Errors
    /// It does not start, or does not answer in time.
    pub async fn start(kind: Kind, python: &Path, folder: &Path) -> anyhow::Result<Server> {
        let address = free_address()?;
        let port = address.port();
        let process = match kind {
            Kind::Hone => Process::Hone(Running::start_with(&folder.join(format!("hone-{port}")), Some(address)).await?),
            Kind::Memory => reference(python, port, None)?,
            Kind::Sqlite => reference(python, port, Some(format!("sqlite:///{}", folder.join(format!("{port}.db")).display())))?,
        };
        let server = Server { address, process };
        let since = Instant::now();
        while let Err(error) = server.answers().await {
            anyhow::ensure!(since.elapsed() < START_LIMIT, "{} does not answer: {error}", kind.name());
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Ok(server)
    }

    async fn answers(&self) -> anyhow::Result<()> {
        self.client().await?.get_all_studies(GetAllStudiesRequest {}).await?;
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        match &self.process {
            Process::Hone(coordinator) => coordinator.pid(),
            Process::Reference(child) => child.id(),
        }
    }

    /// A client with a connection of its own, as a process of its own would have.
    pub async fn client(&self) -> anyhow::Result<StorageServiceClient<Channel>> {
        let channel = Endpoint::from_shared(format!("http://{}", self.address))?.connect().await?;
        Ok(StorageServiceClient::new(channel).max_decoding_message_size(usize::MAX))
    }

    /// A new study to minimize one value.
    pub async fn create_study(&self, name: &str) -> anyhow::Result<i64> {
        let request = CreateNewStudyRequest { directions: vec![0], study_name: name.to_owned() };
        Ok(self.client().await?.create_new_study(request).await?.into_inner().study_id)
    }
}

fn reference(python: &Path, port: u16, url: Option<String>) -> anyhow::Result<Process> {
    let mut command = Command::new(python);
    command.arg(super::script()).arg("serve").arg(port.to_string()).args(url);
    Ok(Process::Reference(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?))
}

/// An address that nobody listens on. Optuna's server does not tell which one it has chosen.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
