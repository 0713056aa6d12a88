//! `hone worker --join`: this machine works for a coordinator.

mod join;

use std::{
    collections::BTreeMap,
    env, io,
    path::{Path, PathBuf},
};

use hone_worker::{
    ConnectError, Connector, ExitReason, Stop as WorkerStop, StopHandle, WorkerConfig, WorkerError,
    detect::{GpuChoice, Overrides},
};
use tonic::transport::Channel;

use crate::{
    args::{JoinArgs, MachineArgs},
    connect::{Address, open_socket},
    context::Context,
    embed::BUILD,
    errors::{Failure, Kind, Result, chain},
    output::remark,
    signals::Stop,
};

/// Datasets that a worker keeps, unless it is told otherwise.
const DATASET_CACHE_BYTES: u64 = 64 << 30;
/// Predictions that stay where they were written, unless it is told otherwise: what is smaller travels in a moment.
const KEEP_PREDICTIONS_OVER: u64 = 16 << 20;
/// Predictions that a worker keeps, likewise.
const PREDICTIONS_CACHE_BYTES: u64 = 64 << 30;

/// Attaches this machine until it is told to stop.
///
/// # Errors
/// Options that this machine cannot meet, or a coordinator that refuses it.
pub async fn command(context: &Context, args: JoinArgs) -> Result<()> {
    let Some(address) = &args.join else {
        return Err(Failure::usage("`hone worker` needs a coordinator or a command")
            .hint("`hone worker --join HOST:PORT` attaches this machine; `hone serve` prints the whole line")
            .hint("`hone worker ls` lists the workers"));
    };
    let address = Address::parse(address)?;
    let folder = folder(context, &args)?;
    let stop = StopHandle::default();
    let mut config = config(&folder, &args.machine, stop.clone())?;
    config.labels = labels(&args.label)?;
    config.name = args.name.clone().unwrap_or_default();
    let sizes = [
        ("--dataset-cache", &args.dataset_cache, &mut config.dataset_cache_bytes),
        ("--keep-predictions", &args.keep_predictions, &mut config.keep_predictions_over),
        ("--predictions-cache", &args.predictions_cache, &mut config.predictions_cache_bytes),
    ];
    for (option, given, bytes) in sizes {
        if let Some(size) = given {
            let parsed = hone_studies::file::units::parse_size(size);
            *bytes = parsed.map_err(|problem| Failure::usage(format!("`{option}`: {problem}")))?;
        }
    }
    tokio::spawn(stop_on_signal(Stop::listen()?, stop, args.drain_hand_back));
    let working = || remark(&format!("working for {address} in {}; Ctrl-C drains", folder.display()));
    let ended = match &address {
        Address::Unix(path) => {
            working();
            hone_worker::run(config, SocketConnector::new(path)).await
        }
        Address::Tcp { .. } => {
            let connector = join::TcpConnector::open(&address, context, &folder, &config.name).await?;
            working();
            hone_worker::run(config, connector).await
        }
    };
    match ended.map_err(|error| failure(&error))? {
        reason @ ExitReason::Drained { .. } => {
            remark(&reason.to_string());
            Ok(())
        }
        reason @ (ExitReason::LeftUnsaid { .. } | ExitReason::Refused { .. }) => Err(refused(&reason)),
    }
}

/// Drains on the first signal; the second one ends the process, and the guard its trials.
async fn stop_on_signal(signals: Stop, worker: StopHandle, hand_back: bool) {
    signals.wanted().await;
    remark("draining: nothing new is started; once more stops at once");
    worker.stop(if hand_back { WorkerStop::HandBack } else { WorkerStop::WhenDone });
}

fn folder(context: &Context, args: &JoinArgs) -> Result<PathBuf> {
    let folder = args.folder.clone().unwrap_or_else(|| context.data.join("worker"));
    std::path::absolute(&folder).map_err(|error| Failure::file("find", &folder, &error))
}

/// A worker of this program in a folder, with what the options say that it offers.
///
/// # Errors
/// A size or list that cannot be read.
pub fn config(folder: &Path, machine: &MachineArgs, stop: StopHandle) -> Result<WorkerConfig> {
    let hone_binary = env::current_exe().map_err(|error| own_path(&error))?;
    Ok(WorkerConfig {
        folder: folder.to_owned(),
        name: String::new(),
        labels: BTreeMap::new(),
        overrides: overrides(machine)?,
        build: BUILD.to_owned(),
        hone_binary,
        guard_command: Vec::new(),
        dataset_cache_bytes: DATASET_CACHE_BYTES,
        keep_predictions_over: KEEP_PREDICTIONS_OVER,
        predictions_cache_bytes: PREDICTIONS_CACHE_BYTES,
        stop,
    })
}

fn own_path(error: &io::Error) -> Failure {
    Failure::new(Kind::Internal, format!("cannot find the path of this program: {error}"))
}

fn overrides(machine: &MachineArgs) -> Result<Overrides> {
    let gpus = machine.gpus.as_deref().map(str::parse::<GpuChoice>).transpose();
    let memory = machine.memory.as_deref().map(hone_studies::file::units::parse_size).transpose();
    Ok(Overrides {
        cpus_milli: machine.cpus.map(cpus_milli).transpose()?,
        memory_bytes: memory.map_err(|problem| Failure::usage(format!("`--memory`: {problem}")))?,
        gpus: gpus.map_err(|error| Failure::usage(format!("`--gpus`: {error}")))?,
        slots: machine.slots,
    })
}

fn cpus_milli(cpus: f64) -> Result<u32> {
    let milli = (cpus * 1000.0).round();
    if (1.0..=f64::from(u32::MAX)).contains(&milli) {
        return Ok(milli as u32);
    }
    Err(Failure::usage(format!("`--cpus {cpus}` is no number of processors")).hint("write for example `4` or `0.5`"))
}

fn labels(words: &[String]) -> Result<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::usage(format!("`{word}` is no label")).hint("write for example `--label room=b`"));
        };
        if labels.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("the label `{key}` is given twice")));
        }
    }
    Ok(labels)
}

/// Says why a worker could not start.
pub fn failure(error: &WorkerError) -> Failure {
    let kind = match error {
        WorkerError::Detect(_) => Kind::Usage,
        WorkerError::Folder(_) => Kind::Refused,
        WorkerError::Spool(_) | WorkerError::Cache(_) | WorkerError::Datasets(_) | WorkerError::Predictions(_) => Kind::Storage,
        WorkerError::Host { .. } => Kind::Internal,
    };
    Failure::new(kind, chain(error))
}

/// Says why a worker ended without having been asked to.
pub fn refused(reason: &ExitReason) -> Failure {
    let kind = match reason {
        ExitReason::Refused { .. } => Kind::Permission,
        ExitReason::LeftUnsaid { .. } => Kind::Unreachable,
        ExitReason::Drained { .. } => Kind::Refused,
    };
    Failure::new(kind, reason.to_string())
}

/// The way to a coordinator on this machine: a socket that only its owner reaches.
#[derive(Clone, Debug)]
pub struct SocketConnector {
    path: PathBuf,
}

impl SocketConnector {
    /// Connects to this socket.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Connector for SocketConnector {
    async fn connect(&self) -> std::result::Result<Channel, ConnectError> {
        open_socket(&self.path).await.map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => ConnectError::Refused(error.to_string()),
            _ => ConnectError::Unreachable(error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cpus: Option<f64>, memory: Option<&str>, gpus: Option<&str>) -> Result<Overrides> {
        overrides(&MachineArgs { cpus, memory: memory.map(str::to_owned), gpus: gpus.map(str::to_owned), slots: Some(2) })
    }

    #[test]
    fn what_a_worker_offers_is_read_from_options() {
        let offered = machine(Some(1.5), Some("2GiB"), Some("0,2")).unwrap();
        assert_eq!((offered.cpus_milli, offered.memory_bytes, offered.slots), (Some(1500), Some(2 << 30), Some(2)));
        assert_eq!(offered.gpus, Some(GpuChoice::Indices([0, 2].into())));
    }

    #[test]
    fn impossible_offers_are_wrong_usage() {
        for wrong in [
            machine(Some(0.0), None, None),
            machine(Some(f64::NAN), None, None),
            machine(None, Some("much"), None),
            machine(None, None, Some("x")),
        ] {
            assert_eq!(wrong.unwrap_err().kind.exit_code(), 2);
        }
    }

    #[test]
    fn labels_have_a_key_and_stand_once() {
        let words = |words: &[&str]| labels(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            words(&["room=b", "empty="]).unwrap(),
            [("room", "b"), ("empty", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        );
        for bad in [&["room"][..], &["=b"], &["a=1", "a=2"]] {
            assert_eq!(words(bad).unwrap_err().kind.exit_code(), 2, "{bad:?}");
        }
    }
}
