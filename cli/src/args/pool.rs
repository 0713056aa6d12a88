//! `hone label score` and `hone label choose`: which samples of a pool to ask for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hone_data::acquisition::{Acquisition, Diversity, Metric, Mixture, Place};

use super::{ListFormat, label::duration};

#[derive(Clone, Debug, Args)]
pub struct ScoreArgs {
    #[command(flatten)]
    pub pool: PoolArgs,
    /// How samples are rated; docs/predictions.md lists the functions
    #[arg(long, value_name = "FUNCTION", default_value = "margin")]
    pub method: Acquisition,
    /// So many of the best samples
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub top: usize,
    #[command(flatten)]
    pub format: ListFormat,
}

#[derive(Clone, Debug, Args)]
pub struct ChooseArgs {
    #[command(flatten)]
    pub pool: PoolArgs,
    #[command(flatten)]
    pub committee: CommitteeArgs,
    /// Samples to choose, the control slice among them
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub count: usize,
    /// How samples are rated: a function, or several with shares, as in `margin=0.8,random=0.2`
    #[arg(long, value_name = "FUNCTIONS", default_value = "margin")]
    pub method: Mixture,
    /// How samples that are alike are thinned
    #[arg(long, value_name = "HOW", default_value = "k-center")]
    pub diversity: DiversityChoice,
    /// Share of the samples that is drawn at random, whatever the scores, to measure by
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    pub control: f64,
    /// Batches chosen with this seed before
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub round: u32,
    /// Choose from so many of the best samples [default: ten for each that is chosen]
    #[arg(long, value_name = "N")]
    pub candidates: Option<usize>,
    /// Leave so many times the wanted number to diversity, by score
    #[arg(long, value_name = "FACTOR", default_value_t = 3.0)]
    pub prefilter: f64,
    /// Ask equally often for each predicted class
    #[arg(long)]
    pub class_balanced: bool,
    /// What the samples may cost together, where files have a `cost`
    #[arg(long, value_name = "COST")]
    pub budget: Option<f64>,
    /// Divide scores by the `cost`: what a label tells for what it costs
    #[arg(long)]
    pub per_cost: bool,
    /// Leave out samples as near to another one as this
    #[arg(long, value_name = "DISTANCE")]
    pub near_duplicates: Option<f64>,
    /// Power of the density around a sample, by which its score is multiplied
    #[arg(long, value_name = "POWER", default_value_t = 0.0)]
    pub density: f64,
    /// What distances are between: embeddings where there are some, else probabilities
    #[arg(long, value_name = "SPACE", default_value = "auto")]
    pub space: SpaceChoice,
    /// How distances are measured
    #[arg(long, value_name = "METRIC", default_value = "euclidean")]
    pub metric: MetricChoice,
    /// Names of the classes, where files have numbers for them
    #[arg(long, value_name = "NAME,NAME…", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// What the model is called [default: the files]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Leave out what this label project asks for already
    #[arg(long, value_name = "PROJECT")]
    pub asked: Option<String>,
    /// File to write, JSONL or CSV by the ending of its name [default: JSONL on standard output]
    #[arg(short = 'o', long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// The models of a study that predict together.
#[derive(Clone, Debug, Args)]
pub struct CommitteeArgs {
    /// Instead of files: what the best trials of this study predict, read where their files are
    #[arg(long, value_name = "STUDY", conflicts_with = "files")]
    pub study: Option<String>,
    /// What their files are called below `predictions/` [default: `pool`, or the only one there is]
    #[arg(long, value_name = "NAME", requires = "study")]
    pub pool: Option<String>,
    /// Numbers of the trials [default: the best that have predictions]
    #[arg(long, value_name = "N,N…", value_delimiter = ',', requires = "study")]
    pub trials: Vec<u64>,
    /// Most trials, where none are named
    #[arg(long, value_name = "N", default_value_t = 8, requires = "study")]
    pub members: u32,
    /// Leave out a worker that takes longer for a step
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m", requires = "study")]
    pub patience: i64,
}

/// Newer predictions for what a project asks for already.
#[derive(Clone, Debug, Args)]
pub struct RescoreArgs {
    /// Name or id of the project
    pub project: String,
    #[command(flatten)]
    pub committee: CommitteeArgs,
    /// How samples are rated; docs/predictions.md lists the functions
    #[arg(long, value_name = "FUNCTION", default_value = "margin")]
    pub method: Acquisition,
    /// Names of the classes, where files have numbers for them [default: those of the project]
    #[arg(long, value_name = "NAME,NAME…", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Decides ties and all chance
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
}

/// Predictions, and what is left out of them.
#[derive(Clone, Debug, Args)]
pub struct PoolArgs {
    /// Predictions of a model for the pool, or a file for each model of a committee: CSV, JSON lines, npy or Parquet
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// File with ids to leave out: one a line, or labels as `hone label export` writes them; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub exclude: Vec<PathBuf>,
    /// Decides ties and all chance
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub seed: u64,
    /// Power of the score in `power_bald`: 0 is uniform, more is greedier
    #[arg(long, value_name = "POWER", default_value_t = 1.0)]
    pub beta: f64,
}

/// How samples that are alike are thinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiversityChoice {
    /// Not at all: the highest scores
    None,
    /// Always the sample farthest from those that are chosen
    KCenter,
    /// Drawn by their distance from those that are chosen
    #[value(name = "k-means++", alias = "k-means-pp")]
    KMeansPp,
}

impl From<DiversityChoice> for Diversity {
    fn from(choice: DiversityChoice) -> Self {
        match choice {
            DiversityChoice::None => Self::None,
            DiversityChoice::KCenter => Self::KCenter,
            DiversityChoice::KMeansPp => Self::KMeansPp,
        }
    }
}

/// What distances are between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SpaceChoice {
    /// Embeddings where there are some, else probabilities
    Auto,
    Embedding,
    Probabilities,
    /// Gradients that the likeliest labels give a linear head
    Gradient,
}

impl From<SpaceChoice> for Place {
    fn from(choice: SpaceChoice) -> Self {
        match choice {
            SpaceChoice::Auto => Self::Auto,
            SpaceChoice::Embedding => Self::Embedding,
            SpaceChoice::Probabilities => Self::Probabilities,
            SpaceChoice::Gradient => Self::Gradient,
        }
    }
}

/// How distances are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricChoice {
    Euclidean,
    Cosine,
}

impl From<MetricChoice> for Metric {
    fn from(choice: MetricChoice) -> Self {
        match choice {
            MetricChoice::Euclidean => Self::Euclidean,
            MetricChoice::Cosine => Self::Cosine,
        }
    }
}
