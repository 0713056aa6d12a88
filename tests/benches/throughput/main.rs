//! How many trials per second Hone takes from lease to durable acknowledgement, beside the floor of this machine and
//! beside others.
//!
//! `cargo bench -p hone-tests --bench throughput -- [--seconds 5] [--skip-peers] [--skip-processes]`
//!
//! Absolute figures belong to the machine and the minute; ratios within one run are what they are for. What is
//! measured, and how, is told in `docs/benchmarks.md`.

mod floor;
mod hone;
mod peers;

use std::path::{Path, PathBuf};

use clap::Parser;
use hone_tests::benching::{
    coordinator, disk,
    table::{self, number, percent, ratio},
};

use self::{
    hone::{Figure, PROGRAM},
    peers::Peer,
};

/// Measures the throughput of Hone, of this machine and of others.
#[derive(Debug, Parser)]
struct Options {
    /// How long each figure is measured, after a warm-up
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Do not install and measure Optuna and HyperQueue
    #[arg(long)]
    skip_peers: bool,
    /// Do not measure trials with a process each
    #[arg(long)]
    skip_processes: bool,
    /// Only the trials without processes, with so many attempts in flight
    #[arg(long, value_name = "N")]
    only: Option<u32>,
    /// Streams that share the attempts of `--only`
    #[arg(long, default_value_t = 1)]
    streams: usize,
    /// Where stores are made: on the file system whose sync is to be measured [default: the folder of build outputs]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// Floors with so many completions in flight.
struct Floor {
    in_flight: usize,
    echo: f64,
    /// Into a file that grows.
    append: f64,
    /// Into a file that has its size already.
    overwrite: f64,
}

impl Floor {
    /// The rate when every completion passes the echo and the cheaper sync, one after the other.
    fn combined(&self) -> f64 {
        floor::combined(self.echo, self.append.max(self.overwrite))
    }
}

fn main() -> anyhow::Result<()> {
    coordinator::become_coordinator_if_asked()?;
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(&options))
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let parent = options.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let folder = tempfile::Builder::new().prefix("throughput-").tempdir_in(parent)?;
    if let Some(slots) = options.only {
        let figure = hone::without_processes(folder.path(), options.streams, slots, options.seconds).await?;
        print_hone(&[figure], &[]);
        return Ok(());
    }
    print_load("before");
    let floors = floors(folder.path(), options.seconds).await?;
    print_floors(&floors);
    let mut figures = Vec::new();
    for (streams, in_flight) in [(1, 1), (1, 16), (1, 256), (4, 256), (4, 1_024)] {
        figures.push(hone::without_processes(folder.path(), streams, in_flight, options.seconds).await?);
    }
    print_hone(&figures, &floors);
    let peers = if options.skip_peers { Vec::new() } else { peers::measure(&repository, options.seconds, PROGRAM)? };
    let processes =
        if options.skip_processes { Vec::new() } else { with_processes(&repository, folder.path(), options.seconds).await? };
    print_peers(&figures, &processes, &peers);
    print_load("after");
    Ok(())
}

async fn floors(folder: &Path, seconds: f64) -> anyhow::Result<Vec<Floor>> {
    let mut floors = Vec::new();
    for in_flight in [1, 16, 256] {
        let echo = floor::echo(folder, in_flight, seconds / 2.0).await?;
        let append = disk::append_and_sync(folder, in_flight, seconds / 2.0)?;
        let overwrite = disk::overwrite_and_sync(folder, in_flight, seconds / 2.0)?;
        floors.push(Floor { in_flight, echo, append, overwrite });
    }
    Ok(floors)
}

async fn with_processes(repository: &Path, folder: &Path, seconds: f64) -> anyhow::Result<Vec<Figure>> {
    let program = hone::build(repository)?;
    let mut figures = vec![
        Figure::floor("start and wait, 1 thread", floor::processes(PROGRAM, 1, seconds / 2.0), 1),
        Figure::floor("start and wait, 2 threads", floor::processes(PROGRAM, 2, seconds / 2.0), 2),
    ];
    for slots in [1, 2, 16] {
        figures.push(hone::with_processes(&program, folder, slots, seconds).await?);
    }
    Ok(figures)
}

fn print_floors(floors: &[Floor]) {
    let row = |floor: &Floor| {
        let rates = [floor.echo, floor.append, floor.overwrite, floor.combined()];
        std::iter::once(floor.in_flight.to_string()).chain(rates.map(number)).collect()
    };
    let headings = ["in flight", "stream echo/s", "append + fdatasync/s", "overwrite + fdatasync/s", "echo, then sync/s"];
    table::print("Floor of this machine", &headings, &floors.iter().map(row).collect::<Vec<_>>());
}

/// A share of the floor. More than all of it means that the floor was disturbed: a single thread that sleeps in a sync
/// waits for a processor when others want it, and then measures them and not the disk.
fn share(rate: f64, floor: f64) -> String {
    if rate > floor { "disturbed".to_owned() } else { percent(rate, floor) }
}

/// Prints how busy the machine is, because a busy one spoils the floors first.
fn print_load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nLoad average {when}: {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
}

fn print_hone(figures: &[Figure], floors: &[Floor]) {
    let row = |figure: &Figure| {
        let floor = floors.iter().rfind(|floor| floor.in_flight <= figure.in_flight as usize);
        vec![
            figure.name.clone(),
            figure.in_flight.to_string(),
            number(figure.per_second),
            floor.map_or_else(|| "–".to_owned(), |floor| share(figure.per_second, floor.combined())),
            number(figure.coordinator_us),
            number(figure.worker_us),
            number(figure.acknowledgements),
            number(figure.p50_us),
            number(figure.p99_us),
        ]
    };
    let headings =
        ["Hone", "in flight", "durable/s", "of floor", "coordinator µs CPU", "worker µs CPU", "acks/s", "p50 µs", "p99 µs"];
    table::print(
        "Trials without processes: lease, report, end, durable acknowledgement",
        &headings,
        &figures.iter().map(row).collect::<Vec<_>>(),
    );
}

fn print_peers(figures: &[Figure], processes: &[Figure], peers: &[Peer]) {
    let best = figures.iter().map(|figure| figure.per_second).fold(f64::NAN, f64::max);
    let one = figures.first().map_or(f64::NAN, |figure| figure.per_second);
    let optuna = peers.iter().filter(|peer| peer.name.starts_with("Optuna"));
    let row = |peer: &Peer| {
        let same = if peer.in_flight == 1 { one } else { f64::NAN };
        vec![
            peer.name.clone(),
            peer.in_flight.to_string(),
            number(peer.per_second),
            ratio(same, peer.per_second),
            ratio(best, peer.per_second),
            peer.detail.clone(),
        ]
    };
    let headings = ["Beside it", "in flight", "trials/s", "Hone, 1 in flight", "Hone, at most", "how"];
    table::print("Search without processes", &headings, &optuna.map(row).collect::<Vec<_>>());
    print_processes(processes, peers);
}

fn print_processes(processes: &[Figure], peers: &[Peer]) {
    let queue: Vec<&Peer> = peers.iter().filter(|peer| peer.name.starts_with("HyperQueue")).collect();
    let fastest = queue.iter().map(|peer| peer.per_second).fold(f64::NAN, f64::max);
    let ours = processes.iter().map(|figure| {
        vec![
            figure.name.clone(),
            figure.in_flight.to_string(),
            number(figure.per_second),
            ratio(figure.per_second, fastest),
            number(figure.coordinator_us),
            number(figure.worker_us),
        ]
    });
    let theirs = queue.iter().map(|peer| {
        let name = format!("{} ({})", peer.name, peer.detail);
        vec![name, peer.in_flight.to_string(), number(peer.per_second), ratio(peer.per_second, fastest)]
    });
    let headings =
        ["A process per trial", "at once", "per second", "of HyperQueue's best", "coordinator µs CPU", "worker µs CPU"];
    table::print("Trials with a process each", &headings, &ours.chain(theirs).collect::<Vec<_>>());
}
