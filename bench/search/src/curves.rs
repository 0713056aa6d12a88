//! The command that runs pruners over the learning curves, Hone's anew and others as far as they are not kept.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::fidelity::{self, Traces};
use crate::keep::COMMAND;
use crate::peer::Program;
use crate::suites::{Library, Suite};

/// What shall be run.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Hone's, as SAMPLER+PRUNER; the first is what the others are measured against.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "tpe,tpe+median,tpe+asha,tpe+asha:resume,tpe+hyperband,tpe+learning_curve,random,random+asha,random+asha:resume"
    )]
    pub contenders: Vec<String>,
    /// How many seeds, from 0.
    #[arg(long, default_value_t = 20)]
    pub seeds: u64,
    /// Others to compute and keep, as in `optuna-tpe+hyperband`.
    #[arg(long, value_delimiter = ',')]
    pub compute: Vec<String>,
    /// The program that is driven through ask, report and tell.
    #[arg(long, default_value = COMMAND)]
    pub command: String,
    /// Stops computing others after so many minutes; the next call goes on.
    #[arg(long, default_value_t = 10.0)]
    pub minutes: f64,
    /// Where the results of this run are written.
    #[arg(long, default_value = "target/search-bench/curves")]
    pub out: PathBuf,
}

/// Runs, writes and prints.
pub fn run(options: &Options, library: &Library, kept: &Path) -> Result<()> {
    let kept = kept.join("curves");
    let deadline = Instant::now() + Duration::from_secs_f64(60.0 * options.minutes);
    for name in &options.compute {
        compute(name, options, library, &kept, deadline)?;
    }
    let mut contenders = Vec::new();
    for name in options.contenders.iter().filter(|name| *name != "none") {
        let traces = fidelity::run_hone(name, library, options.seeds)?;
        fidelity::write(&options.out, &format!("hone-{name}"), &traces)?;
        contenders.push((format!("hone-{name}"), traces));
    }
    contenders.extend(read_all(&kept, options.seeds)?);
    if !contenders.is_empty() {
        fidelity::print(&contenders, library);
    }
    Ok(())
}

fn compute(name: &str, options: &Options, library: &Library, kept: &Path, deadline: Instant) -> Result<()> {
    let mut program = Program::open(&options.command)?;
    let any = library.task(Suite::Functions, "branin-2", 0)?;
    let label = format!("{name}-{}", program.version(name, &any)?);
    let mut traces = fidelity::read(&kept.join(format!("{label}.csv")))?;
    for (problem, seed) in fidelity::problems(library, options.seeds) {
        if Instant::now() >= deadline {
            break;
        }
        if traces.contains_key(&(problem.clone(), seed)) {
            continue;
        }
        let task = library.task(Suite::Tables, &problem, seed)?;
        let Some(mut searcher) = program.start(name, &task, 100, 1)? else { break };
        traces.insert((problem, seed), fidelity::train(&task, &mut searcher, 1)?);
        fidelity::write(kept, &label, &traces)?;
    }
    println!("{label}: {} searches kept", traces.len());
    Ok(())
}

fn read_all(folder: &Path, seeds: u64) -> Result<Vec<(String, Traces)>> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &PathBuf| {
        let mut traces = fidelity::read(path)?;
        traces.retain(|(_, seed), _| *seed < seeds);
        Ok((path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), traces))
    };
    paths.iter().map(read).collect()
}
