//! Runs seeds of the simulator: `hone-sim --seeds 2000`, or one of them with `--seed N --timeline`.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use hone_tests::sim::{self, Plant};

/// Simulates a coordinator, workers and everything that can go wrong, one run per seed.
#[derive(Parser)]
#[command(name = "hone-sim")]
struct Arguments {
    /// How many seeds
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The first one
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Run this seed alone
    #[arg(long, conflicts_with_all = ["seeds", "start"])]
    seed: Option<u64>,
    /// Tell what happens in it
    #[arg(long, requires = "seed")]
    timeline: bool,
    /// How many at once
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Build in a bug, to see whether it is found
    #[arg(long, value_enum)]
    plant: Option<Bug>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Bug {
    NoFencing,
    AckBeforeSync,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let plant = match arguments.plant {
        None => Plant::Nothing,
        Some(Bug::NoFencing) => Plant::NoFencing,
        Some(Bug::AckBeforeSync) => Plant::AckBeforeSync,
    };
    match arguments.seed {
        Some(seed) => one(seed, plant, arguments.timeline),
        None => many(&arguments, plant),
    }
}

fn one(seed: u64, plant: Plant, timeline: bool) -> ExitCode {
    let verdict = sim::run(seed, plant, timeline);
    for line in &verdict.lines {
        println!("{line}");
    }
    println!("seed {seed}: trace {:016x}, {} events", verdict.trace, verdict.happenings);
    for violation in &verdict.violations {
        println!("{violation}");
    }
    exit_code(verdict.violations.is_empty())
}

fn many(arguments: &Arguments, plant: Plant) -> ExitCode {
    let sweep = sim::sweep(arguments.start, arguments.seeds, arguments.threads, plant);
    print!("{sweep}");
    let gaps = sweep.coverage.gaps();
    for gap in &gaps {
        println!("not covered: {gap}");
    }
    exit_code(sweep.failures.is_empty() && gaps.is_empty())
}

fn exit_code(good: bool) -> ExitCode {
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
