//! `hone study`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ListFormat, RegisterArgs, ShowFormat};

pub const EXAMPLES: &str = "\
Examples:
    hone study ls
    hone study show digits
    hone study set digits max_trials=200 space.learning_rate.high=1.0
    hone study export digits --output csv --to digits.csv

A study is named by its name, its id, or `last`.";

#[derive(Debug, Subcommand)]
pub enum StudyCommand {
    /// Create a study without running it here
    #[command(after_help = "Example:\n    hone study create studies/digits --paused")]
    Create(CreateArgs),
    /// List the studies
    #[command(
        visible_alias = "list",
        after_help = "Examples:\n    hone study ls\n    hone study ls --state active --output json"
    )]
    Ls {
        /// Only studies in this state: active, paused, stopping, finished
        #[arg(long, value_name = "STATE")]
        state: Vec<String>,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show what a study is, how far it is, and its best trial
    #[command(after_help = "Examples:\n    hone study show\n    hone study show digits --output json")]
    Show {
        #[command(flatten)]
        study: StudyOrLast,
        /// Write the study's file instead, with every default filled in
        #[arg(long)]
        file: bool,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Follow a study until it is finished
    #[command(after_help = "Example:\n    hone study watch digits")]
    Watch {
        #[command(flatten)]
        study: StudyOrLast,
    },
    /// Change what may change while a study runs
    #[command(after_help = "Examples:\n    hone study set digits max_trials=200 parallel=4\n    \
                            hone study set digits timeout=10m space.learning_rate.high=1.0")]
    Set {
        #[command(flatten)]
        study: StudyName,
        /// Settings: max_trials, parallel, timeout, retries, priority, weight, space.NAME.low, space.NAME.high
        #[arg(required = true, value_name = "KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Start no new attempts until `resume`
    #[command(after_help = "Example:\n    hone study pause digits")]
    Pause(StudyName),
    /// Go on after `pause`
    #[command(after_help = "Example:\n    hone study resume digits")]
    Resume(StudyName),
    /// End the study when the running trials have ended
    #[command(after_help = "Example:\n    hone study stop digits")]
    Stop(StudyName),
    /// End the study now and kill its running trials
    #[command(after_help = "Example:\n    hone study cancel digits")]
    Cancel(StudyName),
    /// Remove a finished study with its trials
    #[command(after_help = "Example:\n    hone study rm digits --force")]
    Rm {
        #[command(flatten)]
        study: StudyName,
        /// Also when it is not finished: cancels it first
        #[arg(long)]
        force: bool,
    },
    /// Show the best trials
    #[command(after_help = "Examples:\n    hone study best\n    hone study best digits --count 3 --output json\n    \
                            hone study best two-objectives --front\n    \
                            hone study best two-objectives --front --reference 1.0,250")]
    Best {
        #[command(flatten)]
        study: StudyOrLast,
        /// How many [default: 10; with --front all]
        #[arg(short = 'n', long, value_name = "N")]
        count: Option<u32>,
        /// Only the Pareto front: trials that no other trial beats in every objective; and its hypervolume
        #[arg(long)]
        front: bool,
        /// What the hypervolume is measured against, one value per objective [default: chosen by the front]
        #[arg(long, value_name = "VALUE,…", value_delimiter = ',', allow_negative_numbers = true, requires = "front")]
        reference: Vec<f64>,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Say which parameters matter, where the good trials lie, and what to change
    #[command(after_help = "Examples:\n    hone study explain\n    hone study explain digits --output json")]
    Explain {
        #[command(flatten)]
        study: StudyOrLast,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Write all trials, one column per parameter
    #[command(after_help = "Examples:\n    hone study export digits > digits.csv\n    \
                            hone study export digits --output json --to digits.json\n    \
                            hone study export digits --output parquet --to digits.parquet")]
    Export(ExportArgs),
    /// Take in trials that were run elsewhere; they do not count towards the budget
    #[command(after_help = "Examples:\n    hone study import digits old.csv --dry-run\n    \
                            hone study import digits optuna.log --from old-study\n    \
                            hone study import digits optuna.db --skip-misfits\n    \
                            hone study import digits ~/ray_results/digits\n\n\
                            Importing the same file again imports nothing twice.")]
    Import(ImportArgs),
    /// Register the outputs of a trial that is mirrored on an MLflow server as a version of a model
    #[command(after_help = "Examples:\n    hone study mlflow-register digits --name digits --mlflow http://127.0.0.1:5000\n    \
                            hone study mlflow-register digits --name digits --alias champion --mlflow MLFLOW_TRACKING_URI")]
    MlflowRegister(RegisterArgs),
}

/// A study that has to be named.
#[derive(Clone, Debug, Args)]
pub struct StudyName {
    /// Name or id of the study, or `last`
    #[arg(value_name = "STUDY")]
    pub study: String,
}

/// A study; the last one where none is named.
#[derive(Clone, Debug, Args)]
pub struct StudyOrLast {
    /// Name or id of the study
    #[arg(value_name = "STUDY", default_value = "last")]
    pub study: String,
}

#[derive(Clone, Debug, Args)]
pub struct CreateArgs {
    /// Study file, or the folder of a `study.toml`
    #[arg(default_value = ".")]
    pub study: PathBuf,
    /// Call the study so, whatever its file says
    #[arg(long)]
    pub name: Option<String>,
    /// Do not start before `hone study resume`
    #[arg(long)]
    pub paused: bool,
    #[command(flatten)]
    pub format: ShowFormat,
}

/// How trials are exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// With a header line
    Csv,
    /// An array of objects
    Json,
    /// Typed columns; needs --to
    #[cfg(feature = "parquet")]
    Parquet,
    /// For people
    Table,
}

#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    #[command(flatten)]
    pub study: StudyName,
    /// A CSV file, a storage of Optuna (a journal file or an SQLite database), or a folder of Ray Tune or of Weights & Biases
    pub file: PathBuf,
    /// What the file is [default: by its content]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<crate::import::Format>,
    /// The study within the file, where it holds several
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// Leave out trials that do not fit the study, instead of importing none
    #[arg(long)]
    pub skip_misfits: bool,
    /// Only say what would be imported
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub study: StudyOrLast,
    /// How to write the trials
    #[arg(short, long, value_name = "FORMAT", default_value = "csv")]
    pub output: ExportFormat,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}
