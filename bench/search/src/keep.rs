//! Computes and keeps other samplers' results, cell by cell, as far as the time given reaches.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::cells::{Cells, Key, Regrets};
use crate::compare::{keys, run_one};
use crate::drive::{regrets, search};
use crate::peer::Program;
use crate::suites::{CHECKPOINTS, Library, Suite};

/// The program that speaks for the samplers in `requirements.txt`.
pub const COMMAND: &str = ".cache/search-bench/bin/python bench/search/peer.py";

/// Whose results shall be computed.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Names that the program knows, as in `optuna-tpe,rustuna-tpe`.
    #[arg(long, value_delimiter = ',', required = true)]
    samplers: Vec<String>,
    /// The program that is driven through ask and tell.
    #[arg(long, default_value = COMMAND)]
    command: String,
    /// Which suites.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Suite::ALL)]
    suites: Vec<Suite>,
    /// Only problems whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    problems: Vec<String>,
    /// How many seeds, from 0.
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Trials of each search.
    #[arg(long, default_value_t = 200)]
    trials: u32,
    /// Only the twelve functions that slow samplers are measured on.
    #[arg(long)]
    core: bool,
    /// Stops after so many minutes; the next call goes on.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
}

/// Computes what is missing. Seeds come one after another, so that what is there is always paired.
pub fn run(options: &Options, library: &Library, kept: &Path) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs_f64(60.0 * options.minutes);
    let mut keys = keys(library, &options.suites, &options.problems, options.core, options.seeds);
    keys.sort_by_key(|key| key.seed);
    let mut program = Program::open(&options.command)?;
    let any = library.task(Suite::Functions, "branin-2", 0)?;
    for sampler in &options.samplers {
        let version = program.version(sampler, &any)?;
        let mut cells = Cells::read(&kept.join(format!("{sampler}-{version}.csv")))?;
        let start = Instant::now();
        let computed = fill(&mut cells, &mut program, sampler, library, &keys, options.trials, (deadline, kept))?;
        println!("{}: {computed} cells in {:.0} s, {} kept", cells.sampler, start.elapsed().as_secs_f64(), cells.cells.len());
    }
    Ok(())
}

fn fill(
    cells: &mut Cells,
    program: &mut Program,
    sampler: &str,
    library: &Library,
    keys: &[Key],
    trials: u32,
    (deadline, kept): (Instant, &Path),
) -> Result<usize> {
    let reaches = |regrets: &Regrets| CHECKPOINTS.iter().zip(regrets).all(|(at, regret)| *at > trials || regret.is_some());
    let mut computed = 0;
    for key in keys {
        if cells.cells.get(key).is_some_and(reaches) {
            continue;
        }
        if Instant::now() >= deadline {
            break;
        }
        if let Some(regrets) = peer_regrets(program, sampler, library, key, trials)? {
            cells.cells.insert(key.clone(), regrets);
            computed += 1;
        }
        if computed % 10 == 0 {
            cells.write(kept)?;
        }
    }
    cells.write(kept)?;
    Ok(computed)
}

fn peer_regrets(program: &mut Program, sampler: &str, library: &Library, key: &Key, trials: u32) -> Result<Option<Regrets>> {
    let task = library.task(key.suite, &key.problem, key.seed)?;
    let Some(mut searcher) = program.start(sampler, &task, trials, key.workers)? else { return Ok(None) };
    let ended = search(&task, &mut searcher, trials, key.workers).with_context(|| format!("{sampler} on {key:?}"))?;
    Ok(Some(regrets(&task, &ended, &CHECKPOINTS)))
}

/// One cell to be computed again.
#[derive(Clone, Debug, clap::Args)]
pub struct CellOptions {
    /// The sampler, as in `optuna-tpe` or `hone-tpe`.
    sampler: String,
    /// The suite.
    #[arg(value_enum)]
    suite: Suite,
    /// The problem's name.
    problem: String,
    /// The seed.
    seed: u64,
    /// Simulated workers.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// Trials of the search; samplers that plan ahead need the number that the kept cell had.
    #[arg(long, default_value_t = 200)]
    trials: u32,
    /// The program that is driven through ask and tell.
    #[arg(long, default_value = COMMAND)]
    command: String,
}

/// Computes one cell and prints it below what is kept.
pub fn cell(options: &CellOptions, library: &Library, kept: &Path) -> Result<()> {
    let key = Key { suite: options.suite, problem: options.problem.clone(), seed: options.seed, workers: options.workers };
    println!("{:8} {:>12} {:>12} {:>12} {:>12} {:>12}", "", 25, 50, 100, 200, 400);
    if let Some(kind) = options.sampler.strip_prefix("hone-") {
        let config = crate::compare::sampler(kind)?;
        print_row("now", &run_one(&config, library, &key, options.trials)?.0);
        return Ok(());
    }
    let mut program = Program::open(&options.command)?;
    let version = program.version(&options.sampler, &library.task(Suite::Functions, "branin-2", 0)?)?;
    if let Some(regrets) = Cells::read(&kept.join(format!("{}-{version}.csv", options.sampler)))?.cells.get(&key) {
        print_row("kept", regrets);
    }
    match peer_regrets(&mut program, &options.sampler, library, &key, options.trials)? {
        Some(regrets) => print_row("now", &regrets),
        None => println!("{} cannot search this problem", options.sampler),
    }
    Ok(())
}

fn print_row(name: &str, regrets: &Regrets) {
    print!("{name:8}");
    regrets.iter().for_each(|regret| print!(" {:>12}", regret.map_or_else(|| "-".to_owned(), |regret| format!("{regret:.5e}"))));
    println!();
}
