//! What a large study costs: memory, disk, start after `kill -9`, and how long questions take.
//!
//! `cargo bench -p hone-tests --bench scale -- [--trials 1000000]`
//!
//! The trials are written through gRPC by workers that speak the real protocol, so that the store is what a user's
//! would be. What is measured, and how, is told in `docs/benchmarks.md`.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Parser;
use hone_proto::v1::{
    BestTrialsRequest, GetStoreRequest, GetStudyRequest, GetTrialRequest, ListTrialsRequest,
    store_service_client::StoreServiceClient,
};
use hone_tests::benching::{
    coordinator::{self, Running},
    measure::{Samples, disk_bytes, memory_bytes},
    table::{self, megabytes, number},
    worker::Workers,
};

const STUDY: &str = "scale";
/// Streams and attempts of each that write the trials.
const STREAMS: usize = 4;
const SLOTS: u32 = 256;
/// How often each question is asked.
const QUESTIONS: usize = 300;
/// Trials that are run one at a time, to see how long a suggestion takes.
const SINGLE_TRIALS: u64 = 500;

/// Writes many trials through gRPC and measures what they cost.
#[derive(Debug, Parser)]
struct Options {
    /// Finished trials of 10 parameters
    #[arg(long, default_value_t = 1_000_000)]
    trials: u64,
    /// Where the store is made [default: the folder of build outputs]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    coordinator::become_coordinator_if_asked()?;
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(&options))
}

/// Names and figures, in the order in which they were taken.
type Figures = Vec<Vec<String>>;

fn note(figures: &mut Figures, name: &str, figure: String) {
    println!("{name}: {figure}");
    figures.push(vec![name.to_owned(), figure]);
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let parent = options.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let folder = tempfile::Builder::new().prefix("scale-").tempdir_in(parent)?;
    let data = folder.path().join("data");
    let mut figures = Figures::new();
    let mut coordinator = Running::start(&data).await?;
    coordinator.create_study(STUDY, None, &["/bin/true"]).await?;
    write(&mut figures, &coordinator, options.trials).await?;
    resources(&mut figures, &coordinator, &data, "").await?;
    ask(&mut figures, &coordinator, "").await?;
    suggest(&mut figures, &coordinator).await?;
    coordinator.kill();
    let coordinator = restart(&mut figures, &data, options.trials).await?;
    resources(&mut figures, &coordinator, &data, " after the start").await?;
    ask(&mut figures, &coordinator, " after the start").await?;
    table::print(&format!("{} finished trials", number(options.trials as f64)), &["Figure", ""], &figures);
    Ok(())
}

async fn write(figures: &mut Figures, coordinator: &Running, trials: u64) -> anyhow::Result<()> {
    let start = Instant::now();
    let workers = Workers::attach(coordinator.socket(), "writer", STREAMS, SLOTS).await?;
    for tenth in 1..=10 {
        workers.until(trials * tenth / 10).await?;
        let rate = (trials * tenth / 10) as f64 / start.elapsed().as_secs_f64();
        println!("{} trials, {}/s, {}", trials * tenth / 10, number(rate), megabytes(memory_bytes(coordinator.pid(), "VmRSS")));
    }
    let rate = trials as f64 / start.elapsed().as_secs_f64();
    note(figures, "written through gRPC, durable trials per second", number(rate));
    Ok(())
}

async fn resources(figures: &mut Figures, coordinator: &Running, data: &Path, when: &str) -> anyhow::Result<()> {
    let store = StoreServiceClient::new(coordinator.channel().await?).get_store(GetStoreRequest {}).await?.into_inner();
    let pid = coordinator.pid();
    note(figures, &format!("resident memory{when}"), megabytes(memory_bytes(pid, "VmRSS")));
    note(figures, &format!("resident memory, at most{when}"), megabytes(memory_bytes(pid, "VmHWM")));
    note(figures, &format!("on the disk{when}"), megabytes(disk_bytes(data)));
    let parts = [("journal", store.journal_bytes), ("snapshots", store.snapshot_bytes), ("blobs", store.blob_bytes)];
    for (part, bytes) in parts {
        note(figures, &format!("… {part}{when}"), megabytes(bytes));
    }
    note(figures, &format!("events{when}"), number(store.sequence as f64));
    Ok(())
}

/// Asks a question often and notes how long it takes.
async fn latency(figures: &mut Figures, name: &str, mut question: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut samples = Samples::default();
    for _ in 0..QUESTIONS {
        let start = Instant::now();
        question().await?;
        samples.add(start.elapsed().as_secs_f64() * 1e3, 1);
    }
    note(figures, name, format!("{:.2} ms, p99 {:.2} ms", samples.quantile(0.5), samples.quantile(0.99)));
    Ok(())
}

async fn ask(figures: &mut Figures, coordinator: &Running, when: &str) -> anyhow::Result<()> {
    let (studies, trials) = (coordinator.studies().await?, coordinator.trials().await?);
    let study = || STUDY.to_owned();
    latency(figures, &format!("show the study{when}"), async || {
        studies.clone().get_study(GetStudyRequest { study: study() }).await?;
        Ok(())
    })
    .await?;
    latency(figures, &format!("list 20 trials{when}"), async || {
        let page = ListTrialsRequest { study: study(), limit: 20, ..ListTrialsRequest::default() };
        trials.clone().list_trials(page).await?;
        Ok(())
    })
    .await?;
    latency(figures, &format!("show a trial{when}"), async || {
        trials.clone().get_trial(GetTrialRequest { study: study(), trial: "12345".to_owned() }).await?;
        Ok(())
    })
    .await?;
    latency(figures, &format!("the ten best{when}"), async || {
        studies.clone().best_trials(BestTrialsRequest { study: study(), count: 10, ..Default::default() }).await?;
        Ok(())
    })
    .await
}

/// A trial's whole round with one slot: end, sync, suggestion, sync, lease.
async fn suggest(figures: &mut Figures, coordinator: &Running) -> anyhow::Result<()> {
    let worker = Workers::attach(coordinator.socket(), "single", 1, 1).await?;
    worker.until(10).await?;
    let (start, from) = (Instant::now(), worker.counters.completions());
    worker.until(from + SINGLE_TRIALS).await?;
    let each = start.elapsed().as_secs_f64() * 1e3 / (worker.counters.completions() - from) as f64;
    note(figures, "one slot: end, suggestion and next lease, durable", format!("{each:.2} ms"));
    Ok(())
}

async fn restart(figures: &mut Figures, data: &Path, trials: u64) -> anyhow::Result<Running> {
    let start = Instant::now();
    let coordinator = Running::start(data).await?;
    let study = coordinator.study(STUDY).await?;
    note(figures, "start after kill -9, until the study is shown", format!("{:.2} s", start.elapsed().as_secs_f64()));
    let complete = study.counts.unwrap_or_default().complete;
    anyhow::ensure!(complete >= trials, "{trials} trials were acknowledged and {complete} are there");
    note(figures, "acknowledged trials lost", "0".to_owned());
    Ok(coordinator)
}
