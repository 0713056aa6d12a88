//! Writes a study as a study file with every default filled in. [`super::parse`] reads it back to the same study.

use hone_search::{
    CmaEsConfig, Condition, Direction, Distribution, Parameter, Restarts, SamplerConfig, Startup, TpeConfig, Value,
};

use super::document::{joined, key_text, quoted};
use super::pruner;
use super::units::{format_duration, format_size};
use crate::spec::{
    Constraint, KeepOutputs, MetricsFiles, MetricsFormat, Objective, Resources, Search, Source, StopSpec, StudySpec, Summary,
    TrialSpec,
};

/// One table of the file.
#[derive(Debug)]
pub(super) struct Block {
    /// `[trial]`; empty at the top of the file.
    header: String,
    /// What stands before its keys in messages.
    path: String,
    /// Keys, dotted where they are nested, and values, both as in a file.
    entries: Vec<(String, String)>,
}

impl Block {
    fn new(header: &str, path: impl Into<String>, entries: Vec<(String, String)>) -> Self {
        Block { header: header.to_owned(), path: path.into(), entries }
    }

    /// Returns the keys with their path, and the values.
    pub(super) fn flat(self) -> impl Iterator<Item = (String, String)> {
        let dot = if self.path.is_empty() { "" } else { "." };
        let prefix = format!("{}{dot}", self.path);
        self.entries.into_iter().map(move |(key, value)| (format!("{prefix}{key}"), value))
    }
}

/// Writes the resolved study as TOML, always in the same order.
pub fn spec_to_toml(spec: &StudySpec) -> String {
    let mut blocks = settings(spec);
    blocks.push(space(spec));
    for entry in &spec.enqueue {
        let entries = entry.iter().map(|(name, value)| (key_text(name), value_text(value))).collect();
        blocks.push(Block::new("[[enqueue]]", "enqueue", entries));
    }
    let texts: Vec<String> = blocks.iter().map(block_text).filter(|text| !text.is_empty()).collect();
    texts.join("\n")
}

fn block_text(block: &Block) -> String {
    let lines = block.entries.iter().map(|(key, value)| format!("{key} = {value}\n"));
    let header = if block.header.is_empty() { String::new() } else { format!("{}\n", block.header) };
    header + &lines.collect::<String>()
}

/// Returns everything but the space and the queue.
pub(super) fn settings(spec: &StudySpec) -> Vec<Block> {
    let mut blocks = vec![Block::new("", "", top(spec))];
    if let Source::Path { path, max_bytes } = &spec.source {
        let entries = vec![pair("path", quoted(path)), pair("max_size", size(*max_bytes))];
        blocks.push(Block::new("[source]", "source", entries));
    }
    for (at, objective) in spec.objectives.iter().enumerate() {
        let entries = objective_entries(objective);
        blocks.push(match spec.objectives.len() {
            1 => Block::new("[objective]", "objective", entries),
            _ => Block::new("[[objective]]", format!("objective[{at}]"), entries),
        });
    }
    for (at, constraint) in spec.constraints.iter().enumerate() {
        blocks.push(Block::new("[[constraint]]", format!("constraint[{at}]"), constraint_entries(constraint)));
    }
    blocks.push(Block::new("[search]", "search", search(&spec.search)));
    let stop = stop(&spec.stop);
    if !stop.is_empty() {
        blocks.push(Block::new("[stop]", "stop", stop));
    }
    blocks.push(Block::new("[trial]", "trial", trial(&spec.trial)));
    blocks
}

fn top(spec: &StudySpec) -> Vec<(String, String)> {
    let mut entries =
        vec![pair("name", quoted(&spec.name)), pair("priority", spec.priority.to_string()), pair("weight", float(spec.weight))];
    if !spec.description.is_empty() {
        entries.insert(1, pair("description", quoted(&spec.description)));
    }
    if spec.source == Source::None {
        entries.push(pair("source", quoted("none")));
    }
    entries
}

fn objective_entries(objective: &Objective) -> Vec<(String, String)> {
    let direction = match objective.direction {
        Direction::Minimize => "minimize",
        Direction::Maximize => "maximize",
    };
    let summary = match objective.summary {
        Summary::Last => "last",
        Summary::Best => "best",
    };
    let entries = [("metric", quoted(&objective.metric)), ("direction", quoted(direction)), ("summary", quoted(summary))];
    let target = objective.target.map(|target| pair("target", float(target)));
    entries.into_iter().map(|(key, value)| pair(key, value)).chain(target).collect()
}

fn constraint_entries(constraint: &Constraint) -> Vec<(String, String)> {
    let bound = |key, bound: Option<f64>| bound.map(|bound| pair(key, float(bound)));
    let bounds = bound("min", constraint.min).into_iter().chain(bound("max", constraint.max));
    std::iter::once(pair("metric", quoted(&constraint.metric))).chain(bounds).collect()
}

fn search(search: &Search) -> Vec<(String, String)> {
    let mut entries = vec![
        pair("sampler", sampler(&search.sampler)),
        pair("pruner", pruner::to_text(&search.pruner)),
        pair("seed", search.seed.to_string()),
    ];
    entries.extend(search.max_trials.map(|trials| pair("max_trials", trials.to_string())));
    entries.extend(search.parallel.map(|trials| pair("parallel", trials.to_string())));
    if !search.warm_start.is_empty() {
        entries.push(pair("warm_start", array(&search.warm_start)));
    }
    entries
}

fn stop(stop: &StopSpec) -> Vec<(String, String)> {
    let mut entries = Vec::new();
    if let Some(trials) = stop.no_improvement {
        entries.extend([pair("no_improvement", trials.to_string()), pair("min_delta", float(stop.min_delta))]);
    }
    if let Some(below) = stop.regret_bound {
        entries.extend([pair("regret_bound", float(below)), pair("confidence", float(stop.confidence))]);
    }
    entries.extend(stop.time.map(|limit| pair("time", duration(limit))));
    entries.extend(stop.cost.map(|limit| pair("cost", float(limit))));
    entries.extend(stop.cost_metric.as_ref().map(|metric| pair("cost_metric", quoted(metric))));
    entries
}

fn sampler(config: &SamplerConfig) -> String {
    match config {
        SamplerConfig::Auto | SamplerConfig::Random | SamplerConfig::Sobol | SamplerConfig::Grid => quoted(config.name()),
        SamplerConfig::Tpe(tpe) => resolved_tpe(tpe),
        SamplerConfig::Gp(gp) => {
            format!("{{ kind = \"gp\", startup_trials = {}, max_points = {} }}", gp.startup_trials, gp.max_points)
        }
        SamplerConfig::CmaEs(cmaes) => resolved_cmaes(cmaes),
        SamplerConfig::Nsga2(nsga2) => {
            format!("{{ kind = \"nsga2\", population = {}, crossover = {} }}", nsga2.population, float(nsga2.crossover))
        }
    }
}

fn resolved_cmaes(cmaes: &CmaEsConfig) -> String {
    let restarts = match cmaes.restarts {
        Restarts::Bipop => "bipop",
        Restarts::Ipop => "ipop",
        Restarts::None => "none",
    };
    let population = cmaes.population.map(|population| format!("population = {population}, ")).unwrap_or_default();
    format!("{{ kind = \"cmaes\", {population}restarts = \"{restarts}\" }}")
}

fn resolved_tpe(tpe: &TpeConfig) -> String {
    let startup = match tpe.startup {
        Startup::Sobol => "sobol",
        Startup::Random => "random",
    };
    format!(
        "{{ kind = \"tpe\", startup_trials = {}, startup = \"{startup}\", candidates = {}, multivariate = {}, \
         constant_liar = {} }}",
        tpe.startup_trials, tpe.candidates, tpe.multivariate, tpe.constant_liar
    )
}

fn trial(trial: &TrialSpec) -> Vec<(String, String)> {
    let mut entries = vec![pair("command", array(&trial.command))];
    if !trial.setup.is_empty() {
        entries.push(pair("setup", array(&trial.setup)));
    }
    entries.push(pair("setup_timeout", duration(trial.setup_timeout)));
    if !trial.working_directory.is_empty() {
        entries.push(pair("working_directory", quoted(&trial.working_directory)));
    }
    for (name, value) in &trial.environment {
        entries.push((joined("environment", name), quoted(value)));
    }
    entries.extend(resources(&trial.resources));
    entries.extend(trial.timeout.map(|timeout| pair("timeout", duration(timeout))));
    entries.push(pair("grace", duration(trial.grace)));
    entries.push(pair("retries", trial.retries.to_string()));
    entries.push(pair("crash_limit", trial.crash_limit.to_string()));
    entries.extend(trial.metrics.as_ref().map(|pattern| pair("metrics", quoted(pattern))));
    if !trial.metrics_from.is_empty() {
        entries.push(pair("metrics_from", metrics_from(&trial.metrics_from)));
    }
    for (name, version) in &trial.datasets {
        entries.push((joined("datasets", name), quoted(version)));
    }
    entries.push(pair("keep.outputs", quoted(&keep(trial.keep.outputs))));
    entries.push(pair("keep.max", size(trial.keep.max_bytes)));
    entries.push(pair("max_log", size(trial.max_log_bytes)));
    entries.push(pair("max_checkpoint", size(trial.max_checkpoint_bytes)));
    entries
}

fn metrics_from(sources: &[MetricsFiles]) -> String {
    let tables: Vec<String> = sources.iter().map(metrics_files).collect();
    match tables.as_slice() {
        [only] => only.clone(),
        _ => format!("[{}]", tables.join(", ")),
    }
}

fn metrics_files(files: &MetricsFiles) -> String {
    let path = quoted(&files.path);
    let mut text = match &files.format {
        MetricsFormat::Tensorboard => format!("{{ tensorboard = {path}"),
        MetricsFormat::Csv { step: None } => format!("{{ csv = {path}"),
        MetricsFormat::Csv { step: Some(step) } => format!("{{ csv = {path}, step = {}", quoted(step)),
    };
    if !files.names.is_empty() {
        let names: Vec<String> = files.names.iter().map(|(from, to)| format!("{} = {}", key_text(from), quoted(to))).collect();
        text += &format!(", names = {{ {} }}", names.join(", "));
    }
    text + " }"
}

fn resources(resources: &Resources) -> Vec<(String, String)> {
    let mut entries = vec![pair("resources.cpus", thousandths(resources.cpus_milli))];
    if resources.memory_bytes > 0 {
        entries.push(pair("resources.memory", size(resources.memory_bytes)));
    }
    if resources.gpus_milli > 0 || resources.gpu_memory_bytes > 0 {
        entries.push(pair("resources.gpus", thousandths(resources.gpus_milli)));
    }
    if resources.gpu_memory_bytes > 0 {
        entries.push(pair("resources.gpu_memory", size(resources.gpu_memory_bytes)));
    }
    for (name, value) in &resources.labels {
        entries.push((joined("resources.labels", name), quoted(value)));
    }
    entries
}

fn keep(outputs: KeepOutputs) -> String {
    match outputs {
        KeepOutputs::All => "all".to_owned(),
        KeepOutputs::None => "none".to_owned(),
        KeepOutputs::Best(count) => format!("best:{count}"),
    }
}

fn space(spec: &StudySpec) -> Block {
    let entries = spec.space.parameters.iter().map(|parameter| (key_text(&parameter.name), parameter_text(parameter)));
    Block::new("[space]", "space", entries.collect())
}

/// Writes a parameter's definition as in a file.
pub(super) fn parameter_text(parameter: &Parameter) -> String {
    let mut parts = vec![match &parameter.distribution {
        Distribution::Float { low, high, .. } => format!("float = [{}, {}]", float(*low), float(*high)),
        Distribution::Int { low, high, .. } => format!("int = [{low}, {high}]"),
        Distribution::Categorical { choices } => format!("choice = {}", values(choices)),
    }];
    let (log, step) = match &parameter.distribution {
        Distribution::Float { log, step, .. } => (*log, step.map(float)),
        Distribution::Int { log, step, .. } => (*log, (*step != 1).then(|| step.to_string())),
        Distribution::Categorical { .. } => (false, None),
    };
    if log {
        parts.push("scale = \"log\"".to_owned());
    }
    parts.extend(step.map(|step| format!("step = {step}")));
    if !parameter.when.is_empty() {
        let conditions: Vec<String> = parameter.when.iter().map(condition).collect();
        parts.push(format!("when = {{ {} }}", conditions.join(", ")));
    }
    format!("{{ {} }}", parts.join(", "))
}

fn condition(condition: &Condition) -> String {
    let values = match condition.values.as_slice() {
        [only] => value_text(only),
        several => values(several),
    };
    format!("{} = {values}", key_text(&condition.parameter))
}

fn values(values: &[Value]) -> String {
    let texts: Vec<String> = values.iter().map(value_text).collect();
    format!("[{}]", texts.join(", "))
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Bool(given) => given.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::Str(text) => quoted(text),
    }
}

fn pair(key: &str, value: String) -> (String, String) {
    (key.to_owned(), value)
}

fn array(texts: &[String]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
    format!("[{}]", texts.join(", "))
}

/// The shortest text that is read as the same double.
fn float(number: f64) -> String {
    format!("{number:?}")
}

fn thousandths(milli: u32) -> String {
    (f64::from(milli) / 1000.0).to_string()
}

fn duration(micros: crate::ids::Micros) -> String {
    quoted(&format_duration(micros))
}

fn size(bytes: u64) -> String {
    quoted(&format_size(bytes))
}
