//! `[trial]`: what runs, and under which limits.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::convert::{arguments, count, duration, limit_duration, milli, size, text, unknown_name, wrong};
use super::diagnostic::shown;
use super::document::{Node, Problem, Section};
use super::template::{self, Chunk};
use super::{datasets, keys, metrics_from};
use crate::ids::{Micros, SECOND};
use crate::spec::{DEFAULT_CRASH_LIMIT, Keep, KeepOutputs, Resources, TrialSpec};

const DEFAULT_GRACE: Micros = 10 * SECOND;
const DEFAULT_SETUP_TIMEOUT: Micros = 1_800 * SECOND;
const DEFAULT_KEEP_BYTES: u64 = 1 << 30;
const DEFAULT_LOG_BYTES: u64 = 16 << 20;
const DEFAULT_CHECKPOINT_BYTES: u64 = 4 << 30;
/// A trial that fails a thousand times fails for ever.
const RETRIES: RangeInclusive<i64> = 0..=1_000;
const CRASH_LIMIT: RangeInclusive<i64> = 1..=1_000;
const BEST: RangeInclusive<i64> = 1..=1_000_000;

/// Reads `[trial]`; `None` if it is missing or has no command.
pub(super) fn read(root: &Section) -> Option<TrialSpec> {
    let example = "write `[trial]` with `command = [\"./train\", \"--lr\", \"{params.lr}\"]`";
    let Some(node) = root.get("trial") else {
        root.missing("trial", example);
        return None;
    };
    let Some(section) = node.section(&keys::TRIAL) else {
        node.complain(wrong(&node, "a table").hint(example));
        return None;
    };
    let command = section.require("command", command, "write `command = [\"./train\"]`");
    let limits = limits(&section);
    Some(TrialSpec { command: command?, ..limits })
}

/// Notes what stands there for studies that workers run; a client's trials are the client's business.
pub(super) fn refuse(root: &Section) -> Option<TrialSpec> {
    for key in ["trial", "source"] {
        if let Some(node) = root.get(key) {
            let problem =
                Problem::new(format!("`{key}` is for studies that workers run, and a client runs the trials of this one"));
            node.complain(problem.hint("leave it out, or create the study with `hone study create`"));
        }
    }
    Some(TrialSpec::none())
}

/// Everything but the command, which is left empty.
fn limits(section: &Section) -> TrialSpec {
    TrialSpec {
        command: Vec::new(),
        setup: section.read("setup", arguments).unwrap_or_default(),
        setup_timeout: section.read("setup_timeout", limit_duration).unwrap_or(DEFAULT_SETUP_TIMEOUT),
        environment: section.get("environment").map(|node| environment(&node)).unwrap_or_default(),
        working_directory: section.read("working_directory", text).unwrap_or_default(),
        resources: section.get("resources").map(|node| resources(&node)).unwrap_or_default(),
        timeout: section.read("timeout", limit_duration),
        grace: section.read("grace", duration).unwrap_or(DEFAULT_GRACE),
        retries: section.read("retries", retries).unwrap_or(0),
        crash_limit: section.read("crash_limit", crash_limit).unwrap_or(DEFAULT_CRASH_LIMIT),
        metrics: section.read("metrics", metrics),
        datasets: section.get("datasets").map(|node| datasets::read(&node)).unwrap_or_default(),
        metrics_from: section.get("metrics_from").map(|node| metrics_from::read(&node)).unwrap_or_default(),
        keep: section.get("keep").map_or_else(default_keep, |node| keep(&node)),
        max_log_bytes: section.read("max_log", size).unwrap_or(DEFAULT_LOG_BYTES),
        max_checkpoint_bytes: section.read("max_checkpoint", size).unwrap_or(DEFAULT_CHECKPOINT_BYTES),
    }
}

pub(super) fn retries(node: &Node) -> Result<u32, Problem> {
    count(node, &RETRIES)
}

pub(super) fn crash_limit(node: &Node) -> Result<u32, Problem> {
    count(node, &CRASH_LIMIT)
}

fn command(node: &Node) -> Result<Vec<String>, Problem> {
    let command = arguments(node)?;
    let example = "write the program and its arguments: `command = [\"./train\", \"--epochs\", \"20\"]`";
    match command.first() {
        None if node.elements().is_empty() => Err(Problem::new("the command is empty").hint(example)),
        Some(program) if program.is_empty() => Err(Problem::new("the program's name is empty").hint(example)),
        None | Some(_) => Ok(command),
    }
}

/// Reads a table of texts; wrong entries are noted and left out.
fn texts(node: &Node, check: fn(&str) -> Result<(), Problem>) -> BTreeMap<String, String> {
    if !node.value.is_table() {
        node.complain(wrong(node, "a table of texts"));
    }
    let mut all = BTreeMap::new();
    for (name, node) in node.named() {
        let value = node.read(|node| check(&name).and_then(|()| text(node)));
        value.into_iter().for_each(|value| {
            all.insert(name.clone(), value);
        });
    }
    all
}

fn environment(node: &Node) -> BTreeMap<String, String> {
    texts(node, |name| {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(Problem::new(format!("`{}` cannot be a variable's name", shown(name))));
        }
        if name.starts_with("HONE_") {
            return Err(Problem::new("variables that begin with `HONE_` are set for the trial").hint("rename it"));
        }
        Ok(())
    })
}

fn labels(node: &Node) -> BTreeMap<String, String> {
    texts(node, |name| if name.is_empty() { Err(Problem::new("a label has no name")) } else { Ok(()) })
}

fn resources(node: &Node) -> Resources {
    let default = Resources::default();
    let Some(section) = node.section(&keys::RESOURCES) else {
        node.complain(wrong(node, "a table").hint("write `resources = { cpus = 2, gpus = 1 }`"));
        return default;
    };
    let resources = Resources {
        cpus_milli: section.read("cpus", cpus).unwrap_or(default.cpus_milli),
        memory_bytes: section.read("memory", size).unwrap_or(default.memory_bytes),
        gpus_milli: section.read("gpus", gpus).unwrap_or(default.gpus_milli),
        gpu_memory_bytes: section.read("gpu_memory", size).unwrap_or(default.gpu_memory_bytes),
        labels: section.get("labels").map(|node| labels(&node)).unwrap_or_default(),
    };
    if resources.gpu_memory_bytes > 0 && section.get("gpus").is_none() {
        let problem = Problem::new("asks for memory of a GPU, but for no GPU");
        section.complain("gpu_memory", problem.hint("add `gpus = 1`, or a part such as `gpus = 0.5`"));
    }
    resources
}

fn cpus(node: &Node) -> Result<u32, Problem> {
    match milli(node)? {
        0 => Err(Problem::new("a trial occupies some of a processor").hint("write at least `cpus = 0.001`")),
        milli => Ok(milli),
    }
}

fn gpus(node: &Node) -> Result<u32, Problem> {
    let milli = milli(node)?;
    if milli > 1000 && !milli.is_multiple_of(1000) {
        let problem = Problem::new("a trial gets a part of one GPU, or whole ones");
        return Err(problem.hint("write a number below 1, or a whole number"));
    }
    Ok(milli)
}

fn default_keep() -> Keep {
    Keep { outputs: KeepOutputs::All, max_bytes: DEFAULT_KEEP_BYTES }
}

fn keep(node: &Node) -> Keep {
    let default = default_keep();
    let Some(section) = node.section(&keys::KEEP) else {
        node.complain(wrong(node, "a table").hint("write `keep = { outputs = \"best:5\", max = \"1GiB\" }`"));
        return default;
    };
    Keep {
        outputs: section.read("outputs", outputs).unwrap_or(default.outputs),
        max_bytes: section.read("max", size).unwrap_or(default.max_bytes),
    }
}

pub(super) fn outputs(node: &Node) -> Result<KeepOutputs, Problem> {
    let given = text(node)?;
    match given.as_str() {
        "all" => return Ok(KeepOutputs::All),
        "none" => return Ok(KeepOutputs::None),
        _ => {}
    }
    let Some(count) = given.strip_prefix("best:") else {
        return Err(unknown_name(&given, &["all", "none", "best:5"]));
    };
    let count = count.parse().ok().filter(|count| BEST.contains(count));
    let count = count.and_then(|count| u32::try_from(count).ok());
    let problem = || Problem::new(format!("`{}` does not say how many", shown(&given))).hint("write for example `best:5`");
    count.map(KeepOutputs::Best).ok_or_else(problem)
}

/// A pattern for lines of standard output.
fn metrics(node: &Node) -> Result<String, Problem> {
    let hint = "write for example `{name}={value}` or `step {step}: {name} {value}`; `{{` is a brace";
    let given = text(node)?;
    let chunks = template::split(&given).map_err(|error| Problem::new(error.to_string()).hint(hint))?;
    let mut seen: Vec<&str> = Vec::new();
    for chunk in &chunks {
        let Chunk::Hole(name) = chunk else { continue };
        if !["name", "value", "step"].contains(name) {
            return Err(Problem::new(format!("`{{{}}}` is not part of a metric line", shown(name))).hint(hint));
        }
        if seen.contains(name) {
            return Err(Problem::new(format!("`{{{name}}}` occurs twice")).hint(hint));
        }
        seen.push(name);
    }
    if let Some(absent) = ["name", "value"].into_iter().find(|name| !seen.contains(name)) {
        return Err(Problem::new(format!("`{{{absent}}}` is missing in the pattern")).hint(hint));
    }
    if chunks.windows(2).any(|pair| matches!(pair, [Chunk::Hole(_), Chunk::Hole(_)])) {
        return Err(Problem::new("two placeholders follow each other without a text between them").hint(hint));
    }
    Ok(given)
}
