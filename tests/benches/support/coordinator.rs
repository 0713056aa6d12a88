//! A coordinator in a process of its own: this benchmark's program, started again in that role.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hone_coordinator::{Config, Coordinator};
use hone_proto::v1::{
    CreateStudyRequest, GetStudyRequest, Study, store_service_client::StoreServiceClient,
    study_service_client::StudyServiceClient, trial_service_client::TrialServiceClient,
};
use tonic::transport::{Channel, Endpoint};

/// The argument that starts this program as a coordinator.
const ROLE: &str = "__coordinator";
/// How long a coordinator may take to answer.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How often a starting coordinator is asked.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// Runs as a coordinator and never returns, if this process was started as one.
pub fn become_coordinator_if_asked() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let (role, data, optuna) = match arguments.as_slice() {
        [_, role, data] => (role, data, None),
        [_, role, data, optuna] => (role, data, Some(optuna)),
        _ => return Ok(()),
    };
    if role != ROLE {
        return Ok(());
    }
    let optuna = optuna.map(|address| address.parse()).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let config = Config { data: PathBuf::from(data), build: "bench".to_owned(), optuna, ..Config::default() };
    runtime.block_on(async {
        let coordinator = Coordinator::start(config).await?;
        anyhow::bail!("{}", coordinator.failed().await)
    })
}

/// A running coordinator; killed when it is dropped.
pub struct Running {
    child: Child,
    socket: PathBuf,
}

impl Running {
    /// Starts a coordinator on a data folder and waits until it answers.
    pub async fn start(data: &Path) -> anyhow::Result<Running> {
        Running::start_with(data, None).await
    }

    /// The same, with Optuna's storage protocol on an address.
    pub async fn start_with(data: &Path, optuna: Option<SocketAddr>) -> anyhow::Result<Running> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(ROLE).arg(data).args(optuna.map(|address| address.to_string()));
        let child = command.stdin(Stdio::null()).spawn()?;
        let running = Running { child, socket: hone_coordinator::holder::default_socket(data) };
        let since = Instant::now();
        while let Err(error) = running.answers().await {
            if since.elapsed() > START_LIMIT {
                return Err(error.context("the coordinator does not answer"));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Ok(running)
    }

    async fn answers(&self) -> anyhow::Result<()> {
        StoreServiceClient::new(self.channel().await?).get_store(hone_proto::v1::GetStoreRequest {}).await?;
        Ok(())
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn channel(&self) -> anyhow::Result<Channel> {
        connect(&self.socket).await
    }

    pub async fn studies(&self) -> anyhow::Result<StudyServiceClient<Channel>> {
        Ok(StudyServiceClient::new(self.channel().await?))
    }

    pub async fn trials(&self) -> anyhow::Result<TrialServiceClient<Channel>> {
        Ok(TrialServiceClient::new(self.channel().await?))
    }

    /// Creates a study of ten floats, searched at random.
    pub async fn create_study(&self, name: &str, max_trials: Option<u64>, command: &[&str]) -> anyhow::Result<Study> {
        let request = CreateStudyRequest {
            text: study_file(name, max_trials, command),
            file: format!("{name}.toml"),
            ..CreateStudyRequest::default()
        };
        let answer = self.studies().await?.create_study(request).await?.into_inner();
        answer.study.context("the coordinator answered without a study")
    }

    pub async fn study(&self, name: &str) -> anyhow::Result<Study> {
        Ok(self.studies().await?.get_study(GetStudyRequest { study: name.to_owned() }).await?.into_inner())
    }

    /// As a power cut would, but for the disk: `SIGKILL`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

pub async fn connect(socket: &Path) -> anyhow::Result<Channel> {
    Ok(Endpoint::from_shared(format!("unix:{}", socket.display()))?.connect().await?)
}

fn study_file(name: &str, max_trials: Option<u64>, command: &[&str]) -> String {
    let budget = max_trials.map_or_else(String::new, |max| format!("max_trials = {max}\n"));
    let space: String = (0..10).map(|index| format!("p{index} = {{ float = [0.0, 1.0] }}\n")).collect();
    format!(
        "name = \"{name}\"\nsource = \"none\"\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n\
         [search]\nsampler = \"random\"\nseed = 1\n{budget}[space]\n{space}\
         [trial]\ncommand = {command:?}\nmetrics = \"{{name}}={{value}}\"\nresources = {{ cpus = 1 }}\n"
    )
}
