//! How fast Optuna's storage protocol is served, by Hone and by Optuna's own server, and to a program in Python.
//!
//! `cargo bench -p hone-tests --bench optuna -- [--seconds 3] [--clients 64] [--skip-references]`
//!
//! Absolute figures belong to the machine and the minute; ratios within one run are what they are for. What is
//! measured, and how, is told in `docs/benchmarks.md`.

mod load;
mod server;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use clap::Parser;
use hone_tests::benching::{
    coordinator, disk, python,
    table::{self, number, ratio},
};

use self::{
    load::{Figure, Work},
    server::{Kind, Server},
};

/// Measures how fast Optuna's storage protocol is served.
#[derive(Debug, Parser)]
struct Options {
    /// How long each figure is measured, after a warm-up
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Clients at once, in the lines with many
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Finished trials of the studies in which Hone's reads are measured
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000")]
    finished: Vec<u64>,
    /// Finished trials of the study in which Optuna's reads are measured, in memory only: SQLite takes minutes to fill
    #[arg(long, default_value_t = 10_000)]
    reference_finished: u64,
    /// Trials of the program in Python
    #[arg(long, default_value_t = 100)]
    trials: u32,
    /// Do not measure Optuna's own server
    #[arg(long)]
    skip_references: bool,
    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Where stores are made: on the file system whose sync is to be measured [default: the folder of build outputs]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    Writes,
    Reads,
    Programs,
}

/// A figure of a server.
struct Line {
    kind: Kind,
    what: String,
    figure: Figure,
}

fn main() -> anyhow::Result<()> {
    coordinator::become_coordinator_if_asked()?;
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(measure(&options))
}

/// The program that is Optuna's side.
fn script() -> PathBuf {
    repository().join("bench/optuna_peer.py")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

async fn measure(options: &Options) -> anyhow::Result<()> {
    let parent = options.folder.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let folder = tempfile::Builder::new().prefix("optuna-").tempdir_in(parent)?;
    let python = python::environment(&repository())?;
    let bench = Bench { options, python: &python, folder: folder.path() };
    let wanted = |part| options.only.is_empty() || options.only.contains(&part);
    print_load("before");
    if wanted(Part::Writes) {
        bench.writes().await?;
    }
    if wanted(Part::Reads) {
        bench.reads().await?;
    }
    if wanted(Part::Programs) {
        bench.programs().await?;
    }
    print_load("after");
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    python: &'a Path,
    folder: &'a Path,
}

impl Bench<'_> {
    fn kinds(&self) -> impl Iterator<Item = Kind> {
        let only_hone = self.options.skip_references;
        Kind::ALL.into_iter().filter(move |kind| *kind == Kind::Hone || !only_hone)
    }

    async fn start(&self, kind: Kind) -> anyhow::Result<Server> {
        Server::start(kind, self.python, self.folder).await
    }

    async fn writes(&self) -> anyhow::Result<()> {
        let append = disk::append_and_sync(self.folder, 1, self.options.seconds / 2.0)?;
        let overwrite = disk::overwrite_and_sync(self.folder, 1, self.options.seconds / 2.0)?;
        let (append, overwrite) = (number(append), number(overwrite));
        println!(
            "\nFloor of this machine, one record and fdatasync after the other: {append}/s appended, {overwrite}/s overwritten"
        );
        let mut lines = Vec::new();
        for kind in self.kinds() {
            let server = self.start(kind).await?;
            for clients in [1, self.options.clients] {
                let study = server.create_study(&format!("writes-{clients}")).await?;
                let figure = load::run(&server, study, clients, Work::Live, self.options.seconds).await?;
                lines.push(Line { kind, what: "writes".to_owned(), figure });
            }
        }
        print_lines("Lives of trials, 10 writes each", "writes/s", &lines);
        Ok(())
    }

    async fn reads(&self) -> anyhow::Result<()> {
        let mut lines = Vec::new();
        for finished in &self.options.finished {
            self.reads_of(Kind::Hone, *finished, &mut lines).await?;
        }
        if !self.options.skip_references {
            self.reads_of(Kind::Memory, self.options.reference_finished, &mut lines).await?;
        }
        let (reads, lives): (Vec<Line>, Vec<Line>) = lines.into_iter().partition(|line| line.what.starts_with("read"));
        print_lines("What has changed, as Optuna's client asks for it", "reads/s", &reads);
        print_lines("Lives of trials with two such reads each", "calls/s", &lives);
        Ok(())
    }

    /// Reads in a study of that size by one client and by many, as many trials running as there are clients; then
    /// clients that also write.
    async fn reads_of(&self, kind: Kind, finished: u64, lines: &mut Vec<Line>) -> anyhow::Result<()> {
        let server = self.start(kind).await?;
        let study = server.create_study("reads").await?;
        let (after, (first, last)) = load::fill(&server, study, finished, self.options.clients).await?;
        for (clients, open) in [(1, (last, last)), (self.options.clients, (first, last))] {
            let after = if clients == 1 { last - 1 } else { after };
            let work = Work::Read { after, open };
            let figure = load::run(&server, study, clients, work, self.options.seconds).await?;
            lines.push(Line { kind, what: format!("read, {} trials", number(finished as f64)), figure });
        }
        let work = Work::LiveAndRead { after };
        let figure = load::run(&server, study, self.options.clients, work, self.options.seconds).await?;
        lines.push(Line { kind, what: format!("live, {} trials", number(finished as f64)), figure });
        Ok(())
    }

    async fn programs(&self) -> anyhow::Result<()> {
        let mut rates = Vec::new();
        for kind in self.kinds() {
            let server = self.start(kind).await?;
            for sampler in ["random", "tpe"] {
                rates.push((kind, sampler, self.search(&server, sampler)?));
            }
        }
        let row = |(kind, sampler, rate): &(Kind, &str, f64)| {
            let of = |other: Kind| rates.iter().find(|(kind, name, _)| *kind == other && name == sampler);
            let beside = |other: Kind| of(other).map_or_else(|| "–".to_owned(), |(_, _, theirs)| ratio(*rate, *theirs));
            vec![kind.name().to_owned(), (*sampler).to_owned(), number(*rate), beside(Kind::Memory), beside(Kind::Sqlite)]
        };
        let headings = ["A program in Python", "sampler", "trials/s", "of in memory", "of SQLite"];
        table::print("One process, 5 parameters, 3 reports, MedianPruner", &headings, &rates.iter().map(row).collect::<Vec<_>>());
        Ok(())
    }

    fn search(&self, server: &Server, sampler: &str) -> anyhow::Result<f64> {
        let mut command = Command::new(self.python);
        command.arg(script()).arg("search").arg(server.address.port().to_string());
        command.arg(sampler).arg(self.options.trials.to_string());
        let output = command.stdin(Stdio::null()).output()?;
        anyhow::ensure!(output.status.success(), "the program failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
    }
}

/// Prints figures beside those of Optuna's servers with as many clients.
fn print_lines(title: &str, calls: &str, lines: &[Line]) {
    let row = |line: &Line| {
        let Figure { clients, calls_per_second, server_us, p50_us, p99_us, others } = line.figure;
        let of = |kind: Kind| lines.iter().find(|other| other.kind == kind && other.figure.clients == clients);
        let beside =
            |kind: Kind| of(kind).map_or_else(|| "–".to_owned(), |of| ratio(calls_per_second, of.figure.calls_per_second));
        vec![
            format!("{}, {}", line.kind.name(), line.what),
            clients.to_string(),
            number(calls_per_second),
            beside(Kind::Memory),
            beside(Kind::Sqlite),
            number(server_us),
            number(p50_us),
            number(p99_us),
            format!("{others:.2}"),
        ]
    };
    let headings =
        ["Server", "clients", calls, "of in memory", "of SQLite", "server µs CPU", "p50 µs", "p99 µs", "CPUs of others"];
    table::print(title, &headings, &lines.iter().map(row).collect::<Vec<_>>());
}

/// Prints how busy the machine is: a busy one slows down whoever needs more of it.
fn print_load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nLoad average {when}: {}", load.split_whitespace().take(3).collect::<Vec<_>>().join(" "));
}
