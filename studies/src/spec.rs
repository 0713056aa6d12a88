//! What a study is: the resolved content of a study file. Plain data; `file` makes it from text.

use std::collections::BTreeMap;

use hone_search::{Direction, Hints, PrunerConfig, SamplerConfig, Space, Value};
use serde::{Deserialize, Serialize};

use crate::ids::Micros;

/// A study, resolved and checked: every default is filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudySpec {
    /// Any text, even empty; never becomes a path.
    pub name: String,
    pub description: String,
    /// At least one. The first one decides on pruning.
    pub objectives: Vec<Objective>,
    /// A trial that breaks one is worse than any that breaks none.
    #[serde(default)]
    pub constraints: Vec<Constraint>,
    pub search: Search,
    #[serde(default)]
    pub stop: StopSpec,
    pub space: Space,
    /// The space is what trials ask for while they run; `space` is what is known of it.
    #[serde(default)]
    pub is_open: bool,
    pub source: Source,
    pub trial: TrialSpec,
    /// Higher runs first; equal priorities share by `weight`.
    pub priority: i32,
    /// Share among studies of equal priority, > 0.
    pub weight: f64,
    /// Parameters to try first, in this order; what is left out is sampled.
    pub enqueue: Vec<BTreeMap<String, Value>>,
}

impl StudySpec {
    /// A study whose trials are run by the programs that ask for them: nothing is known but its name and what it is
    /// after, and its space grows.
    pub fn driven(name: String, objectives: Vec<Objective>) -> StudySpec {
        StudySpec {
            name,
            description: String::new(),
            objectives,
            constraints: Vec::new(),
            search: Search {
                sampler: SamplerConfig::Random,
                pruner: PrunerConfig::None,
                seed: 0,
                max_trials: None,
                parallel: None,
                warm_start: Vec::new(),
            },
            stop: StopSpec::default(),
            space: Space::default(),
            is_open: true,
            source: Source::None,
            trial: TrialSpec::none(),
            priority: 0,
            weight: 1.0,
            enqueue: Vec::new(),
        }
    }
}

/// Attempts that may be lost with their worker, or client, before the trial has failed.
pub(crate) const DEFAULT_CRASH_LIMIT: u32 = 5;

impl TrialSpec {
    /// No program at all.
    pub(crate) fn none() -> TrialSpec {
        TrialSpec {
            command: Vec::new(),
            setup: Vec::new(),
            setup_timeout: 0,
            environment: BTreeMap::new(),
            working_directory: String::new(),
            resources: Resources::default(),
            timeout: None,
            grace: 0,
            retries: 0,
            crash_limit: DEFAULT_CRASH_LIMIT,
            metrics: None,
            datasets: BTreeMap::new(),
            metrics_from: Vec::new(),
            keep: Keep { outputs: KeepOutputs::All, max_bytes: 0 },
            max_log_bytes: 0,
            max_checkpoint_bytes: 0,
        }
    }
}

/// One value to optimise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Name of the metric that carries it.
    pub metric: String,
    pub direction: Direction,
    /// Which of the reported values stands for the trial.
    pub summary: Summary,
    /// The study ends when a trial reaches this value.
    pub target: Option<f64>,
}

/// What a trial's final value of a metric has to keep to. At least one bound is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    pub metric: String,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// Which of a trial's reported values is its result. A value without a step always wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Summary {
    /// The value at the greatest step.
    #[default]
    Last,
    /// The best value at any step.
    Best,
}

/// How parameters are chosen and how much is spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    pub sampler: SamplerConfig,
    pub pruner: PrunerConfig,
    pub seed: u64,
    /// Trials that end complete, pruned or failed; `None`: until stopped.
    pub max_trials: Option<u64>,
    /// Trials that may be open at once; `None`: as many as there are slots.
    pub parallel: Option<u32>,
    /// Names of studies whose finished trials the sampler starts from; fixed at creation.
    #[serde(default)]
    pub warm_start: Vec<String>,
}

impl Search {
    /// Returns what is planned, for a sampler that goes by it.
    pub fn hints(&self) -> Hints {
        let max_trials = self.max_trials.map(|trials| u32::try_from(trials).unwrap_or(u32::MAX));
        Hints { max_trials, parallel: self.parallel }
    }
}

/// When the study ends before its budget is used; the first rule that holds ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopSpec {
    /// So many trials in a row that improve nothing.
    pub no_improvement: Option<u32>,
    /// What counts as an improvement at least, in units of each objective.
    pub min_delta: f64,
    /// What the only objective may still gain, by an estimate, is less than this.
    pub regret_bound: Option<f64>,
    /// Of that estimate; between 0 and 1.
    pub confidence: f64,
    /// Since the study was created.
    pub time: Option<Micros>,
    /// Of all trials together, in hours or in units of `cost_metric`.
    pub cost: Option<f64>,
    /// The metric whose final value is a trial's cost; `None`: the hours that it took.
    pub cost_metric: Option<String>,
}

impl Default for StopSpec {
    fn default() -> Self {
        StopSpec {
            no_improvement: None,
            min_delta: 0.0,
            regret_bound: None,
            confidence: 0.95,
            time: None,
            cost: None,
            cost_metric: None,
        }
    }
}

/// What a trial's program is unpacked from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A folder, relative to the study file, packed when the study is created.
    Path { path: String, max_bytes: u64 },
    /// Nothing is packed: commands and paths exist on every worker already.
    None,
}

/// What runs a trial, and under which limits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// argv; templates fill elements, never a shell line.
    pub command: Vec<String>,
    /// argv, run once per worker in the unpacked source; empty: none.
    pub setup: Vec<String>,
    pub setup_timeout: Micros,
    pub environment: BTreeMap<String, String>,
    /// Relative to the attempt's own folder unless absolute; empty: the attempt's folder.
    pub working_directory: String,
    pub resources: Resources,
    /// Wall time of one attempt; `None`: no limit.
    pub timeout: Option<Micros>,
    /// Between TERM and KILL.
    pub grace: Micros,
    /// Further attempts after the trial's own failures.
    pub retries: u32,
    /// A trial fails for good when this many attempts took their worker down or were lost with it.
    pub crash_limit: u32,
    /// Pattern for values on standard output, with `{name}`, `{value}` and optionally `{step}`.
    pub metrics: Option<String>,
    /// Versions of datasets that the trial sees: what it calls them, and `name@version` or `name`, fixed at creation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub datasets: BTreeMap<String, String>,
    /// Files that the trial writes and whose values are reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics_from: Vec<MetricsFiles>,
    pub keep: Keep,
    pub max_log_bytes: u64,
    pub max_checkpoint_bytes: u64,
}

/// Files with values, which a trial writes by means of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsFiles {
    pub format: MetricsFormat,
    /// Pattern for their paths, with placeholders; relative to where the trial runs unless absolute.
    pub path: String,
    /// Which values are taken and what they are called, by their names in the file; empty: all, by their own names.
    pub names: BTreeMap<String, String>,
}

/// What such a file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricsFormat {
    /// Event files of TensorBoard.
    Tensorboard,
    /// A header line, then lines of values.
    Csv {
        /// The column with the step; `None`: the one that is commonly called so.
        step: Option<String>,
    },
}

/// Which outputs are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keep {
    pub outputs: KeepOutputs,
    /// Of one trial.
    pub max_bytes: u64,
}

/// Whose outputs are kept when trials have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepOutputs {
    #[default]
    All,
    /// Of the best trials only.
    Best(u32),
    None,
}

/// What one attempt occupies. Thousandths, so that shares of a processor or a GPU add up exactly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    pub cpus_milli: u32,
    pub memory_bytes: u64,
    /// Below 1000: a part of one GPU; otherwise whole ones.
    pub gpus_milli: u32,
    /// Each GPU must have at least this much memory.
    pub gpu_memory_bytes: u64,
    /// Labels that a worker must have.
    pub labels: BTreeMap<String, String>,
}

impl Default for Resources {
    fn default() -> Self {
        Resources { cpus_milli: 1000, memory_bytes: 0, gpus_milli: 0, gpu_memory_bytes: 0, labels: BTreeMap::new() }
    }
}
