//! The workers of `hone run`: in this process, over the coordinator's socket.

use hone_proto::v1::ListWorkersRequest;
use hone_worker::{
    ExitReason, Stop, StopHandle, WorkerConfig, WorkerError,
    detect::{self, GpuChoice, Overrides},
    folder::FolderError,
};
use tokio::task::JoinSet;

use crate::{
    args::RunArgs,
    connect::{Place, Session},
    context::Context,
    errors::{Failure, Kind, Result},
    output::remark,
    worker::{self, SocketConnector},
};

type Ended = std::result::Result<ExitReason, WorkerError>;

/// Workers in this process; none when others do the work.
pub struct LocalWorkers {
    tasks: JoinSet<Ended>,
    stop: StopHandle,
    count: usize,
    /// Nobody asked for them by number: another process of this user may have been faster.
    optional: bool,
}

impl LocalWorkers {
    /// Starts as many workers as asked for; one by default, and none where others are connected.
    ///
    /// # Errors
    /// Options that this machine cannot meet.
    pub async fn start(context: &Context, args: &RunArgs, session: &Session) -> Result<Self> {
        let stop = StopHandle::default();
        let count = wanted(args, session).await?;
        let mut tasks = JoinSet::new();
        if count > 0 {
            let socket = session.socket.as_ref().ok_or_else(no_socket)?;
            for number in 1..=count {
                let config = config(context, args, number, count, &stop)?;
                tasks.spawn(hone_worker::run(config, SocketConnector::new(socket)));
            }
        }
        let optional = session.place != Place::Here && args.workers.is_none();
        Ok(Self { tasks, stop, count, optional })
    }

    /// How many run here.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Waits until a worker cannot go on; never returns when there are none.
    pub async fn failed(&mut self) -> Failure {
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Err(WorkerError::Folder(FolderError::Taken { .. }))) if self.optional => self.count = 0,
                Ok(Ok(reason)) => return worker::refused(&reason),
                Ok(Err(error)) => return worker::failure(&error),
                Err(_) => return Failure::new(Kind::Internal, "the worker failed unexpectedly"),
            }
        }
        std::future::pending().await
    }

    /// Hands back what runs, and waits until that is done.
    pub async fn stop(mut self) {
        self.stop.stop(Stop::HandBack);
        while let Some(ended) = self.tasks.join_next().await {
            match ended {
                Ok(Ok(ExitReason::Drained { .. })) => {}
                Ok(Ok(reason)) => remark(&format!("worker: {reason}")),
                Ok(Err(error)) => remark(&worker::failure(&error).to_string()),
                Err(_) => remark("the worker failed unexpectedly"),
            }
        }
    }
}

/// Joining a coordinator brings a worker along only where nobody works yet.
async fn wanted(args: &RunArgs, session: &Session) -> Result<usize> {
    if args.no_worker {
        return Ok(0);
    }
    if let Some(workers) = args.workers {
        return Ok(workers as usize);
    }
    match session.place {
        Place::Here => Ok(1),
        Place::Named => Ok(0),
        Place::Holder => {
            let workers = session.client.fleet().list_workers(ListWorkersRequest { all: false }).await?.into_inner().workers;
            Ok(usize::from(workers.is_empty()))
        }
    }
}

fn no_socket() -> Failure {
    Failure::usage("`--workers` starts workers for a coordinator on this machine, not for `--server HOST:PORT`")
        .hint("attach this machine with `hone worker --join HOST:PORT`")
}

fn config(context: &Context, args: &RunArgs, number: usize, count: usize, stop: &StopHandle) -> Result<WorkerConfig> {
    let name = if number == 1 { "local".to_owned() } else { format!("local-{number}") };
    let folder = context.data.join("workers").join(&name);
    let mut config = worker::config(&folder, &args.machine, stop.clone())?;
    // The store is on the same disk, and still there when this worker is not.
    config.keep_predictions_over = u64::MAX;
    config.name = name;
    if count > 1 {
        share_machine(&mut config.overrides, number, count);
    }
    Ok(config)
}

/// Several workers share the machine unless the options say what each has; the first one takes the GPUs.
fn share_machine(overrides: &mut Overrides, number: usize, count: usize) {
    // Wishes that cannot be met are reported when the worker starts.
    let Ok(all) = detect::capacity(overrides) else { return };
    let share = u32::try_from(count).unwrap_or(u32::MAX);
    overrides.cpus_milli.get_or_insert((all.cpus_milli / share).max(1));
    overrides.memory_bytes.get_or_insert(all.memory_bytes / u64::from(share));
    if number > 1 {
        overrides.gpus.get_or_insert(GpuChoice::None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_workers_share_the_machine_unless_told_what_each_has() {
        let mut second = Overrides { memory_bytes: Some(7), ..Overrides::default() };
        let all = detect::capacity(&Overrides { gpus: Some(GpuChoice::None), ..Overrides::default() }).unwrap();
        share_machine(&mut second, 2, 2);
        assert_eq!(second.cpus_milli, Some(all.cpus_milli / 2));
        assert_eq!((second.memory_bytes, second.gpus), (Some(7), Some(GpuChoice::None)));
    }
}
