//! Hone itself: with a worker that runs nothing, and with the real one.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use hone_tests::benching::{coordinator::Running, measure::cpu_seconds, worker::Workers};

/// What a trial runs: the least that reports a value.
pub const PROGRAM: &[&str] = &["/bin/echo", "loss=0.5"];
/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// One measured line.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    pub in_flight: u32,
    pub per_second: f64,
    /// Processor time per completion.
    pub coordinator_us: f64,
    pub worker_us: f64,
    pub acknowledgements: f64,
    /// From the lease's arrival to the acknowledgement's.
    pub p50_us: f64,
    pub p99_us: f64,
}

impl Figure {
    pub fn floor(name: &str, per_second: f64, in_flight: u32) -> Figure {
        let none = f64::NAN;
        Figure {
            name: name.to_owned(),
            in_flight,
            per_second,
            coordinator_us: none,
            worker_us: none,
            acknowledgements: none,
            p50_us: none,
            p99_us: none,
        }
    }
}

/// A moment of a measurement.
struct Look {
    at: Instant,
    completions: u64,
    acknowledgements: u64,
    coordinator: f64,
    worker: f64,
}

/// Trials that end as soon as they are leased.
pub async fn without_processes(folder: &Path, streams: usize, in_flight: u32, seconds: f64) -> anyhow::Result<Figure> {
    let data = folder.join(format!("hone-{streams}-{in_flight}"));
    let coordinator = Running::start(&data).await?;
    coordinator.create_study("bench", None, PROGRAM).await?;
    let workers = Workers::attach(coordinator.socket(), "bench", streams, in_flight / streams as u32).await?;
    let look = || Look {
        at: Instant::now(),
        completions: workers.counters.completions(),
        acknowledgements: workers.counters.acknowledgements(),
        coordinator: cpu_seconds(coordinator.pid()),
        worker: cpu_seconds(std::process::id()),
    };
    tokio::time::sleep(WARM_UP).await;
    workers.counters.sample(true);
    let before = look();
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let after = look();
    workers.counters.sample(false);
    anyhow::ensure!(workers.are_attached(), "a stream has ended; the coordinator's log says why");
    let mut latencies = workers.counters.take_latencies();
    let name = if streams == 1 { "1 stream".to_owned() } else { format!("{streams} streams") };
    let mut figure = between(&name, in_flight, &before, &after);
    (figure.p50_us, figure.p99_us) = (latencies.quantile(0.5), latencies.quantile(0.99));
    drop(workers);
    drop(coordinator);
    std::fs::remove_dir_all(&data)?;
    Ok(figure)
}

fn between(name: &str, in_flight: u32, before: &Look, after: &Look) -> Figure {
    let seconds = (after.at - before.at).as_secs_f64();
    let completions = (after.completions - before.completions) as f64;
    let acknowledgements = (after.acknowledgements - before.acknowledgements) as f64;
    Figure {
        name: name.to_owned(),
        in_flight,
        per_second: completions / seconds,
        coordinator_us: 1e6 * (after.coordinator - before.coordinator) / completions,
        worker_us: 1e6 * (after.worker - before.worker) / completions,
        acknowledgements: acknowledgements / seconds,
        p50_us: f64::NAN,
        p99_us: f64::NAN,
    }
}

/// Builds the `hone` command as users run it, and tells where it is.
pub fn build(repository: &Path) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--release", "--quiet", "-p", "hone-cli"]).current_dir(repository).status()?;
    anyhow::ensure!(status.success(), "`hone` does not build; `--skip-processes` leaves this part out");
    // This program lies in the folder below the one where commands are put.
    let own = std::env::current_exe()?;
    let built = own.parent().and_then(Path::parent).map(|folder| folder.join("hone"));
    built.context("this program lies outside of cargo's folders")
}

/// The real worker, killed when it is dropped.
struct RealWorker(Child);

impl RealWorker {
    fn start(program: &Path, coordinator: &Running, folder: &Path, slots: u32) -> anyhow::Result<RealWorker> {
        let (slots, join) = (slots.to_string(), format!("unix:{}", coordinator.socket().display()));
        let mut command = Command::new(program);
        command.args(["worker", "--join", &join, "--slots", &slots, "--cpus", &slots, "--folder"]).arg(folder);
        Ok(RealWorker(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?))
    }
}

impl Drop for RealWorker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Trials that are a process each, run by `hone worker`.
pub async fn with_processes(program: &Path, folder: &Path, slots: u32, seconds: f64) -> anyhow::Result<Figure> {
    let data = folder.join(format!("processes-{slots}"));
    let coordinator = Running::start(&data).await?;
    coordinator.create_study("bench", None, PROGRAM).await?;
    let worker = RealWorker::start(program, &coordinator, &data.join("worker"), slots)?;
    while look_at(&coordinator, &worker).await?.completions == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(WARM_UP).await;
    let before = look_at(&coordinator, &worker).await?;
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let after = look_at(&coordinator, &worker).await?;
    drop(worker);
    drop(coordinator);
    std::fs::remove_dir_all(&data)?;
    Ok(between("Hone, real worker", slots, &before, &after))
}

async fn look_at(coordinator: &Running, worker: &RealWorker) -> anyhow::Result<Look> {
    let counts = coordinator.study("bench").await?.counts.unwrap_or_default();
    anyhow::ensure!(counts.failed == 0, "trials fail in the benchmark; `hone trial show last` would say why");
    Ok(Look {
        at: Instant::now(),
        completions: counts.complete,
        acknowledgements: 0,
        coordinator: cpu_seconds(coordinator.pid()),
        worker: cpu_seconds(worker.0.id()),
    })
}
