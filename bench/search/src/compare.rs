//! Runs Hone's samplers over the suites and sets them beside what is kept of the others.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use hone_search::{PrunerConfig, SamplerConfig};
use rayon::prelude::*;

use crate::cells::{Cells, Key, Regrets};
use crate::drive::{regrets, search};
use crate::hone::HoneSearch;
use crate::report::{Comparison, Scales};
use crate::stats::quantile;
use crate::suites::{CHECKPOINTS, Library, Problem, Suite};

/// Seeds over which random search's regret is taken as the unit.
const SCALE_SEEDS: u64 = 20;

/// Seeds of slow samplers.
const SLOW_SEEDS: u64 = 6;

/// What shall be compared.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Hone's samplers, by kind; all but grid and sobol if none is named.
    #[arg(long, value_delimiter = ',')]
    pub samplers: Vec<String>,
    /// Those of them that only search the core functions, tables and several objectives, with 6 seeds and 100 trials.
    #[arg(long, value_delimiter = ',', default_value = "gp,auto")]
    pub slow: Vec<String>,
    /// A sampler with settings: LABEL=JSON, as in `wide={"kind":"tpe","candidates":64}`; may repeat.
    #[arg(long, value_name = "LABEL=JSON")]
    pub setting: Vec<String>,
    /// Which suites.
    #[arg(long, value_delimiter = ',', value_enum, default_values_t = Suite::ALL)]
    pub suites: Vec<Suite>,
    /// Only problems whose name contains one of these.
    #[arg(long, value_delimiter = ',')]
    pub problems: Vec<String>,
    /// How many seeds, from 0.
    #[arg(long, default_value_t = 20)]
    pub seeds: u64,
    /// Trials of each search.
    #[arg(long, default_value_t = 400)]
    pub trials: u32,
    /// Functions and tables only, 200 trials.
    #[arg(long)]
    pub quick: bool,
    /// Only the twelve functions that slow samplers are measured on.
    #[arg(long)]
    pub core: bool,
    /// Others to compare with, by the start of their name; `none` for none.
    #[arg(long, value_delimiter = ',')]
    pub peers: Vec<String>,
    /// Where the results of this run are written.
    #[arg(long, default_value = "target/search-bench")]
    pub out: PathBuf,
}

impl Options {
    fn suites(&self) -> Vec<Suite> {
        let is_quick = |suite: &Suite| matches!(suite, Suite::Functions | Suite::Tables);
        self.suites.iter().copied().filter(|suite| !self.quick || is_quick(suite)).collect()
    }

    fn trials(&self) -> u32 {
        if self.quick { self.trials.min(200) } else { self.trials }
    }

    fn contenders(&self) -> Result<Vec<(String, SamplerConfig)>> {
        let by_default =
            SamplerConfig::KINDS.iter().filter(|kind| !["grid", "sobol"].contains(*kind)).map(|kind| (*kind).to_owned());
        let kinds = if self.samplers.is_empty() { by_default.collect() } else { self.samplers.clone() };
        let kinds = kinds.into_iter().filter(|kind| kind != "none");
        let named = kinds.map(|kind| Ok((format!("hone-{kind}"), sampler(&kind)?)));
        let set = self.setting.iter().map(|setting| {
            let (label, json) = setting.split_once('=').with_context(|| format!("`{setting}` is not LABEL=JSON"))?;
            let config = serde_json::from_str(json).with_context(|| format!("`{json}` is no sampler"))?;
            Ok((format!("hone-{label}"), config))
        });
        named.chain(set).collect()
    }

    fn is_peer_wanted(&self, name: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|start| name.starts_with(start.as_str()))
    }
}

/// Hone's sampler of a kind, with its defaults.
pub fn sampler(kind: &str) -> Result<SamplerConfig> {
    let known = || format!("there is no sampler `{kind}`; there are {}", SamplerConfig::KINDS.join(", "));
    SamplerConfig::from_kind(kind).with_context(known)
}

/// Runs, prints and writes the comparison.
pub fn run(options: &Options, library: &Library, kept: &std::path::Path) -> Result<()> {
    let keys = keys(library, &options.suites(), &options.problems, options.core, options.seeds);
    if keys.is_empty() {
        bail!("no problem has such a name");
    }
    let mut hone = Vec::new();
    for (label, config) in options.contenders()? {
        let is_slow = options.slow.iter().any(|slow| label == format!("hone-{slow}"));
        let (keys, trials) =
            if is_slow { (few(library, &keys), options.trials().min(100)) } else { (keys.clone(), options.trials()) };
        if !keys.is_empty() {
            hone.push(run_all(&label, &config, library, &keys, trials)?);
        }
    }
    clear(&options.out)?;
    for cells in &hone {
        cells.write(&options.out)?;
    }
    let peers: Vec<Cells> = Cells::read_all(kept)?.into_iter().filter(|cells| options.is_peer_wanted(&cells.sampler)).collect();
    let scales = scales(library, &keys)?;
    write_scales(&scales, library, options)?;
    for suite in options.suites() {
        for &workers in suite.workers() {
            let comparison = Comparison::new(suite, workers, &hone, &peers, &scales);
            comparison.print();
            comparison.print_problems(100, |problem| library.task(suite, problem, 0).map_or("", |task| task.family.name()));
        }
    }
    println!("\nResults are in `{}`.", options.out.display());
    Ok(())
}

/// What is to be searched: the problems of the suites whose name contains one of `parts`, if there are any.
pub fn keys(library: &Library, suites: &[Suite], parts: &[String], core: bool, seeds: u64) -> Vec<Key> {
    let is_wanted = |problem: &Problem| {
        (parts.is_empty() || parts.iter().any(|part| problem.name.contains(part.as_str()))) && (!core || problem.core)
    };
    let mut keys = Vec::new();
    for &suite in suites {
        for problem in library.problems(suite).into_iter().filter(is_wanted) {
            for &workers in suite.workers() {
                keys.extend((0..seeds).map(|seed| Key { suite, problem: problem.name.clone(), seed, workers }));
            }
        }
    }
    keys
}

/// What samplers are run on that take too long for everything.
fn few(library: &Library, keys: &[Key]) -> Vec<Key> {
    let core: Vec<String> = library.problems(Suite::Parallel).into_iter().map(|problem| problem.name).collect();
    let is_among = |key: &&Key| match key.suite {
        Suite::Functions => core.contains(&key.problem),
        Suite::Tables | Suite::Several => true,
        Suite::Parallel => false,
    };
    keys.iter().filter(is_among).filter(|key| key.seed < SLOW_SEEDS).cloned().collect()
}

fn run_all(label: &str, config: &SamplerConfig, library: &Library, keys: &[Key], trials: u32) -> Result<Cells> {
    let start = std::time::Instant::now();
    let cells = keys.par_iter().map(|key| Ok((key.clone(), run_one(config, library, key, trials)?)));
    let (cells, seconds): (Vec<(Key, Regrets)>, Vec<f64>) =
        cells.collect::<Result<Vec<_>>>()?.into_iter().map(|(key, (regrets, seconds))| ((key, regrets), seconds)).unzip();
    let mean_us = 1e6 * seconds.iter().sum::<f64>() / seconds.len() as f64;
    eprintln!("{label}: {} searches in {:.0} s, {mean_us:.0} µs a suggestion", keys.len(), start.elapsed().as_secs_f64());
    Ok(Cells { sampler: label.to_owned(), cells: cells.into_iter().collect() })
}

/// The regrets of one search, and the mean time of its suggestions.
pub fn run_one(config: &SamplerConfig, library: &Library, key: &Key, trials: u32) -> Result<(Regrets, f64)> {
    let task = library.task(key.suite, &key.problem, key.seed)?;
    let mut searcher = HoneSearch::new(&task, config, &PrunerConfig::None).planned(trials, key.workers);
    let ended = search(&task, &mut searcher, trials, key.workers).with_context(|| format!("{key:?}"))?;
    let mean = searcher.seconds.iter().sum::<f64>() / searcher.seconds.len() as f64;
    Ok((regrets(&task, &ended, &CHECKPOINTS), mean))
}

/// What random search is left with after 25 trials: the median over twenty seeds of each problem.
fn scales(library: &Library, keys: &[Key]) -> Result<Scales> {
    let mut problems: Vec<(Suite, String)> = keys.iter().map(|key| (key.suite, key.problem.clone())).collect();
    problems.dedup();
    let scale = |(suite, problem): (Suite, String)| -> Result<_> {
        let mut left = Vec::new();
        for seed in 0..SCALE_SEEDS {
            let key = Key { suite, problem: problem.clone(), seed, workers: 1 };
            let (regrets, _) = run_one(&SamplerConfig::Random, library, &key, CHECKPOINTS[0])?;
            left.extend(regrets[0]);
        }
        Ok(((suite, problem), quantile(&left, 0.5)))
    };
    problems.into_par_iter().map(scale).collect::<Result<BTreeMap<_, _>>>()
}

/// Makes the folder and removes what an earlier comparison left there.
fn clear(folder: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for path in std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()) {
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("hone-"));
        if is_ours && path.extension().is_some_and(|extension| extension == "csv") {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes the units of regret, for the plots.
fn write_scales(scales: &Scales, library: &Library, options: &Options) -> Result<()> {
    let mut text = "suite,problem,family,regret\n".to_owned();
    for ((suite, problem), regret) in scales {
        let family = library.task(*suite, problem, 0)?.family.name();
        text += &format!("{},{problem},{family},{regret}\n", suite.name());
    }
    Ok(std::fs::write(options.out.join("scales.csv"), text)?)
}
