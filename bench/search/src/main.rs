//! The search bench: Hone's samplers and others on the same problems with the same seeds. See `docs/search-bench.md`.

mod cells;
mod compare;
mod curves;
mod draw;
mod drive;
mod fidelity;
mod functions;
mod hone;
mod keep;
mod peer;
mod report;
mod several;
mod speed;
mod stats;
mod suites;
mod tables;
mod task;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use suites::{Library, Suite};

#[derive(Parser)]
#[command(version, about = "Compares samplers on functions, tables, several objectives and parallel searches")]
struct Cli {
    /// Folder with the tables of trained models.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tables"))]
    tables: PathBuf,
    /// Folder with what is kept of other samplers' results.
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/peers"))]
    kept: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs Hone's samplers and prints them beside the kept results of others.
    Compare(compare::Options),
    /// Runs pruners over the learning curves.
    Curves(curves::Options),
    /// Times suggestions against histories of growing length.
    Speed(speed::Options),
    /// Computes and keeps other samplers' results, as far as they are missing.
    Peers(keep::Options),
    /// Computes one cell again.
    Cell(keep::CellOptions),
    /// Lists the problems.
    Problems,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let library = Library::open(&cli.tables)?;
    match &cli.command {
        Command::Compare(options) => compare::run(options, &library, &cli.kept),
        Command::Curves(options) => curves::run(options, &library, &cli.kept),
        Command::Speed(options) => speed::run(options),
        Command::Peers(options) => keep::run(options, &library, &cli.kept),
        Command::Cell(options) => keep::cell(options, &library, &cli.kept),
        Command::Problems => list(&library),
    }
}

fn list(library: &Library) -> Result<()> {
    println!("{:10} {:22} {:16} {:>10} {:>11} {:>5}", "suite", "problem", "family", "parameters", "constraints", "core");
    for suite in Suite::ALL.into_iter().filter(|suite| *suite != Suite::Parallel) {
        for problem in library.problems(suite) {
            let task = library.task(suite, &problem.name, 0)?;
            let core = if problem.core { "yes" } else { "" };
            let (family, parameters) = (task.family.name(), task.space.len());
            println!("{:10} {:22} {family:16} {parameters:>10} {:>11} {core:>5}", suite.name(), problem.name, task.constraints);
        }
    }
    Ok(())
}
