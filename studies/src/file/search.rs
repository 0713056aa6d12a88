//! `[search]`: how parameters are chosen and how much is spent.

use std::ops::RangeInclusive;

use hone_search::{CmaEsConfig, GpConfig, Nsga2Config, PrunerConfig, Restarts, SamplerConfig, SamplerError, Startup, TpeConfig};

use super::convert::{boolean, count, integer, number, one_of, text, unknown_name, unsigned, wrong};
use super::diagnostic::{listed, shown};
use super::document::{Node, Problem, Section};
use super::keys;
use super::pruner;
use super::space::ReadSpace;
use super::warm_start;
use crate::spec::Search;

/// Trials are numbered with 32 bits.
const MAX_TRIALS: RangeInclusive<i64> = 1..=4_000_000_000;
const PARALLEL: RangeInclusive<i64> = 1..=1_000_000;
pub(super) const STARTUP_TRIALS: RangeInclusive<i64> = 0..=1_000_000;
/// Fewer cannot tell a function; more take seconds for every suggestion.
const MAX_POINTS: RangeInclusive<i64> = 64..=2_000;
const CANDIDATES: RangeInclusive<i64> = 1..=10_000;

/// A generation has to tell good trials from bad ones.
const POPULATION: RangeInclusive<i64> = 2..=100_000;

const RESTARTS: &[(&str, Restarts)] = &[("bipop", Restarts::Bipop), ("ipop", Restarts::Ipop), ("none", Restarts::None)];
const STARTUPS: &[(&str, Startup)] = &[("sobol", Startup::Sobol), ("random", Startup::Random)];

/// Reads `[search]`; every key has a default. `name` gives the seed where there is none.
pub(super) fn read(root: &Section, name: &str) -> Search {
    let node = root.get("search");
    let section = node.as_ref().and_then(|node| node.section(&keys::SEARCH));
    if let (Some(node), None) = (&node, &section) {
        node.complain(wrong(node, "a table").hint("write `[search]` with `max_trials = 100`"));
    }
    let section = section.as_ref();
    Search {
        sampler: section.and_then(|section| section.get("sampler")).map(|node| sampler(&node)).unwrap_or_default(),
        pruner: section.and_then(|section| section.get("pruner")).map(|node| pruner::read(&node)).unwrap_or_default(),
        seed: section.and_then(|section| section.read("seed", unsigned)).unwrap_or_else(|| seed_from(name)),
        max_trials: section.and_then(|section| section.read("max_trials", max_trials)),
        parallel: section.and_then(|section| section.read("parallel", parallel)),
        warm_start: section.and_then(|section| section.read("warm_start", warm_start::names)).unwrap_or_default(),
    }
}

pub(super) fn max_trials(node: &Node) -> Result<u64, Problem> {
    let hint = "leave the key out for a study that runs until it is stopped";
    let trials = integer(node, &MAX_TRIALS).map_err(|problem| out_of_range(node, problem, hint))?;
    Ok(trials.unsigned_abs())
}

pub(super) fn parallel(node: &Node) -> Result<u32, Problem> {
    let hint = "leave the key out for as many as the workers can run";
    count(node, &PARALLEL).map_err(|problem| out_of_range(node, problem, hint))
}

fn out_of_range(node: &Node, problem: Problem, hint: &str) -> Problem {
    if node.value.is_integer() { problem.hint(hint) } else { problem }
}

/// Makes a seed of the study's name: FNV-1a (Fowler, Noll, Vo), of which 53 bits are kept, because readers of JSON
/// hold numbers as doubles.
pub(super) fn seed_from(name: &str) -> u64 {
    let hash =
        name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    hash >> 11
}

/// Reads `"kind"`, or the `kind` of `{ kind = "kind", … }`.
pub(super) fn kind(node: &Node, known: &[&str]) -> Option<String> {
    let named = |node: &Node| {
        let kind = text(node)?;
        if known.contains(&kind.as_str()) { Ok(kind) } else { Err(unknown_name(&kind, known)) }
    };
    if !node.value.is_table() {
        return node.read(named);
    }
    let Some(kind) = node.child("kind") else {
        node.complain(Problem::new("does not say its `kind`").hint(format!("there are {}", listed(known))));
        return None;
    };
    kind.read(named)
}

fn sampler(node: &Node) -> SamplerConfig {
    let config = kind(node, SamplerConfig::KINDS).and_then(|kind| SamplerConfig::from_kind(&kind));
    match config {
        None => SamplerConfig::default(),
        Some(config @ (SamplerConfig::Auto | SamplerConfig::Random | SamplerConfig::Sobol | SamplerConfig::Grid)) => {
            node.section(&keys::SAMPLER);
            config
        }
        Some(SamplerConfig::Tpe(config)) => SamplerConfig::Tpe(tpe(node, config)),
        Some(SamplerConfig::Gp(config)) => SamplerConfig::Gp(gp(node, config)),
        Some(SamplerConfig::CmaEs(config)) => SamplerConfig::CmaEs(cmaes(node, config)),
        Some(SamplerConfig::Nsga2(config)) => SamplerConfig::Nsga2(nsga2(node, config)),
    }
}

fn tpe(node: &Node, default: TpeConfig) -> TpeConfig {
    let Some(section) = node.section(&keys::TPE) else { return default };
    let trials = section.read("startup_trials", |node| count(node, &STARTUP_TRIALS));
    TpeConfig {
        startup_trials: trials.unwrap_or(default.startup_trials),
        startup: section.read("startup", |node| one_of(node, STARTUPS)).unwrap_or(default.startup),
        candidates: section.read("candidates", |node| count(node, &CANDIDATES)).unwrap_or(default.candidates),
        multivariate: section.read("multivariate", boolean).unwrap_or(default.multivariate),
        constant_liar: section.read("constant_liar", boolean).unwrap_or(default.constant_liar),
        kernels: default.kernels,
    }
}

fn gp(node: &Node, default: GpConfig) -> GpConfig {
    let Some(section) = node.section(&keys::GP) else { return default };
    let trials = section.read("startup_trials", |node| count(node, &STARTUP_TRIALS));
    let points = section.read("max_points", |node| count(node, &MAX_POINTS));
    GpConfig { startup_trials: trials.unwrap_or(default.startup_trials), max_points: points.unwrap_or(default.max_points) }
}

fn cmaes(node: &Node, default: CmaEsConfig) -> CmaEsConfig {
    let Some(section) = node.section(&keys::CMAES) else { return default };
    CmaEsConfig {
        population: section.read("population", |node| count(node, &POPULATION)),
        restarts: section.read("restarts", |node| one_of(node, RESTARTS)).unwrap_or(default.restarts),
    }
}

fn nsga2(node: &Node, default: Nsga2Config) -> Nsga2Config {
    let Some(section) = node.section(&keys::NSGA2) else { return default };
    Nsga2Config {
        population: section.read("population", |node| count(node, &POPULATION)).unwrap_or(default.population),
        crossover: section.read("crossover", number).unwrap_or(default.crossover),
    }
}

/// Checks what the sampler and the pruner want of the rest of the file.
pub(super) fn check(root: &Section, search: &Search, space: &ReadSpace, objectives: usize) {
    let node = |name| root.get("search").and_then(|node| node.child(name));
    let weighs_one = search.pruner != PrunerConfig::None && !search.pruner.takes_several_objectives();
    if let Some(node) = node("pruner").filter(|_| weighs_one && objectives > 1) {
        let problem = Problem::new(format!("this pruner looks at one objective, and the study has {objectives}"));
        node.complain(problem.hint("`asha`, `halving` and `hyperband` weigh several; or write `pruner = \"none\"`"));
    }
    if let Some(node) = node("sampler").filter(|_| space.is_whole()) {
        let errors = search.sampler.validate(&space.space);
        errors.iter().for_each(|error| node.complain(unsuited(error)));
    }
}

fn unsuited(error: &SamplerError) -> Problem {
    match error {
        SamplerError::ContinuousGrid { parameter } => {
            let name = shown(parameter);
            Problem::new(format!("a grid needs finitely many values, and `{name}` is continuous"))
                .hint(format!("give `{name}` a `step`, make it an `int` or a `choice`, or take another sampler"))
        }
        SamplerError::GridTooLarge => {
            Problem::new("the grid has more points than can be numbered").hint("enlarge the steps, or take another sampler")
        }
        SamplerError::NoCandidates => Problem::new("`candidates` must be at least 1"),
        SamplerError::BadCrossover => {
            Problem::new("`crossover` must be between 0 and 1").hint("it is a probability: write `crossover = 0.9`")
        }
        SamplerError::SmallPopulation { population } => {
            Problem::new(format!("`population` must be at least 2, not `{population}`"))
        }
    }
}
