//! Which sampler a study uses, and its settings.

use serde::{Deserialize, Serialize};

use crate::space::Space;

/// Whether smaller or larger values of an objective are better.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smaller is better.
    #[default]
    Minimize,
    /// Larger is better.
    Maximize,
}

impl Direction {
    /// Turns a value so that smaller is better; NaN stays NaN. Its own inverse.
    pub fn to_loss(self, value: f64) -> f64 {
        match self {
            Self::Minimize => value,
            Self::Maximize => -value,
        }
    }

    /// Whether `a` is better than `b`. NaN is never better, and everything else is better than NaN.
    pub fn is_better(self, a: f64, b: f64) -> bool {
        let (a, b) = (self.to_loss(a), self.to_loss(b));
        a < b || (b.is_nan() && !a.is_nan())
    }
}

/// A sampler with its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SamplerConfig {
    /// Whichever of the others suits the study at the moment.
    Auto,
    /// Independent uniform draws.
    Random,
    /// A scrambled Sobol sequence: as random to look at, but evenly spread.
    Sobol,
    /// Every point of a finite space once, in an order shuffled by the seed.
    Grid,
    /// Tree-structured Parzen estimator.
    Tpe(TpeConfig),
    /// Covariance matrix adaptation evolution strategy.
    CmaEs(CmaEsConfig),
    /// Gaussian process with expected improvement.
    Gp(GpConfig),
    /// Non-dominated sorting genetic algorithm II.
    Nsga2(Nsga2Config),
}

/// What CMA-ES does when a run has nothing left to gain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restarts {
    /// Starts again, in turns with doubled generations and with small ones.
    #[default]
    Bipop,
    /// Starts again with doubled generations.
    Ipop,
    /// Goes on.
    None,
}

/// Settings of the covariance matrix adaptation evolution strategy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CmaEsConfig {
    /// Trials in a generation, at least 2; `None` for `4 + 2 ln d` in `d` dimensions, doubled until it holds a
    /// third of the trials under way.
    pub population: Option<u32>,
    /// What happens when a run has nothing left to gain.
    pub restarts: Restarts,
}

/// How TPE finds its first points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Startup {
    /// Points of the Sobol sampler.
    #[default]
    Sobol,
    /// Points of the random sampler.
    Random,
}

/// Settings of the tree-structured Parzen estimator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TpeConfig {
    /// Number of complete or pruned trials before the model is used.
    pub startup_trials: u32,
    /// Where those first trials come from.
    pub startup: Startup,
    /// Number of candidates drawn from the model of good trials, of which the best is taken.
    pub candidates: u32,
    /// Whether parameters that are active together share one model; else each has its own.
    pub multivariate: bool,
    /// Whether trials under way count as bad ones, so that parallel suggestions keep apart.
    pub constant_liar: bool,
    /// How many kernels stand for the bad trials, beside a few near the good ones; `None` for one each, with
    /// which suggestions take longer the more trials there are.
    pub kernels: Option<u32>,
}

/// Settings of the non-dominated sorting genetic algorithm II.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Nsga2Config {
    /// How many of the best trials are parents, at least 2; half as many first trials are spread evenly.
    pub population: u32,
    /// Probability that a point mixes two parents instead of varying one.
    pub crossover: f64,
}

impl Default for Nsga2Config {
    fn default() -> Self {
        Self { population: 20, crossover: 0.9 }
    }
}

/// So many kernels do no worse than one for every trial.
const KERNELS: u32 = 192;

impl Default for TpeConfig {
    fn default() -> Self {
        Self {
            startup_trials: 10,
            startup: Startup::default(),
            candidates: 16,
            multivariate: true,
            constant_liar: true,
            kernels: Some(KERNELS),
        }
    }
}

/// Settings of the Gaussian-process sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpConfig {
    /// Number of complete or pruned trials before the model is used; those come from the Sobol sampler.
    pub startup_trials: u32,
    /// Trials that the model holds at most; the time of a suggestion grows with the square of this number.
    pub max_points: u32,
}

impl Default for GpConfig {
    fn default() -> Self {
        Self { startup_trials: 10, max_points: 500 }
    }
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self::Tpe(TpeConfig::default())
    }
}

/// Why a sampler cannot search a space.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SamplerError {
    /// A grid over a continuous parameter.
    #[error("sampler `grid` needs finitely many values, but parameter `{parameter}` is continuous; give it a step")]
    ContinuousGrid {
        /// The name.
        parameter: String,
    },
    /// A grid with more points than can be numbered.
    #[error("sampler `grid` cannot number this many points; use larger steps or another sampler")]
    GridTooLarge,
    /// TPE without candidates.
    #[error("`candidates` must be at least 1")]
    NoCandidates,
    /// A probability that is none.
    #[error("`crossover` must be between 0 and 1")]
    BadCrossover,
    /// A generation too small to tell good trials from bad ones.
    #[error("`population` must be at least 2, not `{population}`")]
    SmallPopulation {
        /// What was given.
        population: u32,
    },
}

impl SamplerConfig {
    /// The names of all samplers, as in study files.
    pub const KINDS: &[&str] = &["auto", "random", "sobol", "grid", "tpe", "cmaes", "gp", "nsga2"];

    /// Returns the sampler called `kind` with its default settings.
    pub fn from_kind(kind: &str) -> Option<Self> {
        match kind {
            "auto" => Some(Self::Auto),
            "random" => Some(Self::Random),
            "sobol" => Some(Self::Sobol),
            "grid" => Some(Self::Grid),
            "tpe" => Some(Self::Tpe(TpeConfig::default())),
            "cmaes" => Some(Self::CmaEs(CmaEsConfig::default())),
            "gp" => Some(Self::Gp(GpConfig::default())),
            "nsga2" => Some(Self::Nsga2(Nsga2Config::default())),
            _ => None,
        }
    }

    /// Returns the sampler's name, one of [`SamplerConfig::KINDS`].
    pub fn name(&self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Random => "random",
            Self::Sobol => "sobol",
            Self::Grid => "grid",
            Self::Tpe(_) => "tpe",
            Self::CmaEs(_) => "cmaes",
            Self::Gp(_) => "gp",
            Self::Nsga2(_) => "nsga2",
        }
    }

    /// Returns a number that grows whenever the sampler answers the same request differently.
    pub fn version(&self) -> u32 {
        match self {
            Self::Random | Self::Sobol | Self::Grid | Self::CmaEs(_) | Self::Nsga2(_) => 1,
            Self::Gp(_) => 2,
            Self::Tpe(_) => 3,
            Self::Auto => {
                ["tpe", "cmaes", "gp", "nsga2"].into_iter().filter_map(Self::from_kind).map(|kind| kind.version()).sum()
            }
        }
    }

    /// Whether a suggestion takes constant time and does not read the history.
    pub fn is_cheap(&self) -> bool {
        match self {
            Self::Random | Self::Sobol | Self::Grid => true,
            Self::Auto | Self::Tpe(_) | Self::CmaEs(_) | Self::Gp(_) | Self::Nsga2(_) => false,
        }
    }

    /// Returns why this sampler cannot search the valid space `space`; empty if it can.
    pub fn validate(&self, space: &Space) -> Vec<SamplerError> {
        match self {
            Self::Auto | Self::Random | Self::Sobol => Vec::new(),
            Self::Grid => grid_errors(space),
            Self::Tpe(config) if config.candidates == 0 => vec![SamplerError::NoCandidates],
            Self::Tpe(_) | Self::Gp(_) => Vec::new(),
            Self::CmaEs(config) => population_error(config.population).into_iter().collect(),
            Self::Nsga2(config) => nsga2_errors(config),
        }
    }
}

fn population_error(population: Option<u32>) -> Option<SamplerError> {
    population.filter(|&population| population < 2).map(|population| SamplerError::SmallPopulation { population })
}

fn nsga2_errors(config: &Nsga2Config) -> Vec<SamplerError> {
    let crossover = (!(0.0..=1.0).contains(&config.crossover)).then_some(SamplerError::BadCrossover);
    population_error(Some(config.population)).into_iter().chain(crossover).collect()
}

fn grid_errors(space: &Space) -> Vec<SamplerError> {
    use crate::space::Distribution::Float;
    let is_continuous = |distribution: &_| matches!(distribution, Float { low, high, step: None, .. } if low < high);
    let continuous: Vec<SamplerError> = space
        .parameters
        .iter()
        .filter(|parameter| is_continuous(&parameter.distribution))
        .map(|parameter| SamplerError::ContinuousGrid { parameter: parameter.name.clone() })
        .collect();
    if continuous.is_empty() && space.cardinality().is_none() {
        return vec![SamplerError::GridTooLarge];
    }
    continuous
}
