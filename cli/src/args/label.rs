//! `hone label`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{
    AccessCommand, ListFormat, ShowFormat, SyncArgs,
    pool::{ChooseArgs, RescoreArgs, ScoreArgs},
};

pub const EXAMPLES: &str = "\
Examples:
    hone label create reviews.toml            a label project: what is asked, of whom, how often
    hone label ask reviews samples.jsonl      ask for labels of these samples
    hone label choose predictions.parquet --count 100 --to chosen.jsonl
                                              or only of those that a model is unsure of
    hone label next reviews --as ada          the most urgent sample, for this annotator
    hone label submit 17 positive --as ada
    hone label export reviews --to labels.jsonl";

#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    /// Create a label project from its file
    #[command(after_help = "Example:\n    hone label create reviews.toml")]
    Create {
        /// The project's file, TOML; docs/labels.md explains it
        file: PathBuf,
    },
    /// List label projects
    #[command(visible_alias = "list", after_help = "Examples:\n    hone label ls\n    hone label ls --output json")]
    Ls {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show a label project: its question, how far it is, what was asked when
    #[command(after_help = "Examples:\n    hone label show reviews\n    hone label show --output json")]
    Show {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Change a label project: its file where that may change, or whether samples are given out
    #[command(after_help = "Examples:\n    hone label set reviews reviews.toml\n    hone label set reviews --state paused")]
    Set {
        /// Name or id of the project, or `last`
        project: String,
        /// Its new file
        #[arg(required_unless_present = "state")]
        file: Option<PathBuf>,
        /// Give samples out, for the time being not, or never more
        #[arg(long)]
        state: Option<ProjectState>,
    },
    /// Remove a label project with everything that was asked and answered
    #[command(after_help = "Example:\n    hone label rm reviews --force")]
    Rm {
        /// Name or id of the project
        project: String,
        /// Even if it has answers
        #[arg(long)]
        force: bool,
    },
    /// Rate samples by what one model or a committee predicts for them, and list the best
    #[command(after_help = "Examples:\n    hone label score predictions.parquet\n    \
                            hone label score trial-*/predictions/pool.npy --method bald --top 100 --output csv\n\n\
                            docs/predictions.md tells how files of predictions are written.")]
    Score(ScoreArgs),
    /// Choose samples to ask for: unsure ones, unlike each other, and some at random to measure by
    #[command(after_help = "Examples:\n    hone label choose predictions.parquet --count 1000 --to chosen.jsonl\n    \
                            hone label ask reviews samples.jsonl --chosen chosen.jsonl\n    \
                            hone label choose a.csv b.csv --method bald --asked reviews --to chosen.jsonl\n    \
                            hone label choose --study round-4 --count 200 --asked reviews --to chosen.jsonl\n\n\
                            docs/predictions.md tells how files of predictions are written.")]
    Choose(Box<ChooseArgs>),
    /// Let the models of a study say anew how urgent open requests are, and what they predict for them
    #[command(after_help = "Example:\n    hone label rescore reviews --study round-4")]
    Rescore(RescoreArgs),
    /// Ask for labels of samples
    #[command(after_help = "Examples:\n    hone label ask reviews samples.jsonl\n    \
                            hone label ask reviews samples.csv --key review_id\n    \
                            hone label ask reviews samples.jsonl --chosen chosen.jsonl\n\n\
                            Each line of JSONL, or row of CSV, is a sample. Its id stands in the column `--key`; what is \
                            Hone's own stands\nin the columns hone.priority, hone.prediction, hone.confidence, hone.model, \
                            hone.control and hone.gold. The column of images\nmay name files beside the file. A sample that the project \
                            asks for already is passed over.")]
    Ask(AskArgs),
    /// List label requests, oldest first
    #[command(after_help = "Examples:\n    hone label requests reviews\n    \
                            hone label requests reviews --state conflict --output json")]
    Requests(RequestsArgs),
    /// Show one label request with every answer
    #[command(after_help = "Examples:\n    hone label request 17\n    hone label request sample-4 --project reviews")]
    Request {
        /// Its number, or with `--project` the name of the sample
        request: String,
        /// Name or id of the project of a sample
        #[arg(short, long)]
        project: Option<String>,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Take the most urgent sample to label it
    #[command(after_help = "Examples:\n    hone label next reviews --as ada\n    hone label next --output json")]
    Next {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        annotator: AnnotatorArgs,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Answer a label request
    #[command(after_help = "Examples:\n    hone label submit 17 positive --as ada\n    \
                            hone label submit 18 '[\"cat\", \"dog\"]'\n    \
                            hone label submit 19 '[{\"class\": \"person\", \"start\": 3, \"end\": 8}]'")]
    Submit {
        /// Number of the request
        request: u64,
        /// The label: the name of a class, or JSON
        label: String,
        #[command(flatten)]
        annotator: AnnotatorArgs,
        /// How long the annotator looked at it, such as `4s` [default: not known]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        took: Option<i64>,
    },
    /// Say that a sample cannot be labelled, and why
    #[command(after_help = "Example:\n    hone label skip 17 --because 'too dark' --as ada")]
    Skip {
        /// Number of the request
        request: u64,
        /// Why
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
        #[command(flatten)]
        annotator: AnnotatorArgs,
    },
    /// Label with a command: a task on its standard input, the label on its output
    #[command(after_help = "Examples:\n    hone label work reviews --as model -- ./classify\n    \
                            hone label work reviews --as robot --follow --parallel 4 -- python3 ask.py")]
    Work(WorkArgs),
    /// Give a sample back unanswered
    #[command(after_help = "Example:\n    hone label release 17 --as ada")]
    Release {
        /// Number of the request
        request: u64,
        #[command(flatten)]
        annotator: AnnotatorArgs,
    },
    /// Take back an answer of yours
    #[command(after_help = "Example:\n    hone label undo 17 --as ada")]
    Undo {
        /// Number of the request
        request: u64,
        #[command(flatten)]
        annotator: AnnotatorArgs,
    },
    /// Decide what the label is, whatever the answers say
    #[command(after_help = "Example:\n    hone label resolve 17 negative --as ada")]
    Resolve {
        /// Number of the request
        request: u64,
        /// The label: the name of a class, or JSON
        label: String,
        #[command(flatten)]
        annotator: AnnotatorArgs,
    },
    /// Ask for another answer to requests that were decided or given up
    #[command(after_help = "Example:\n    hone label reopen 17 18")]
    Reopen {
        /// Numbers of the requests
        #[arg(required = true)]
        requests: Vec<u64>,
    },
    /// Withdraw label requests, or one answer
    #[command(after_help = "Examples:\n    hone label withdraw 17 18 --because 'wrong file'\n    \
                            hone label withdraw 17 --answer 4 --because 'a slip'")]
    Withdraw {
        /// Numbers of the requests
        #[arg(required = true)]
        requests: Vec<u64>,
        /// Only this answer to the one request
        #[arg(long, value_name = "N")]
        answer: Option<u64>,
        /// Why
        #[arg(long, value_name = "REASON", default_value = "")]
        because: String,
    },
    /// List annotators with what they did
    #[command(after_help = "Examples:\n    hone label annotators\n    hone label annotators reviews --output csv")]
    Annotators {
        /// Figures of this project only [default: of all]
        project: Option<String>,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show how far labels can be trusted: agreement, how good annotators are, whether predictions sway them
    #[command(after_help = "Examples:\n    hone label report reviews\n    hone label report reviews --output json")]
    Report {
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Measure what asking for uncertain samples has saved, and whether more labels are worth it
    #[command(after_help = "Examples:\n    hone label meter rounds.jsonl\n    hone label meter rounds.csv --target 0.95")]
    Meter(MeterArgs),
    /// Look now at what annotators have said in Label Studio
    #[command(after_help = "Examples:\n    hone label sync reviews\n    hone label sync reviews --anew")]
    Sync(SyncArgs),
    /// Write labels into a file, or make a version of a dataset of them
    #[command(after_help = "Examples:\n    hone label export reviews --to labels.jsonl\n    \
                            hone label export reviews --format csv --answers > answers.csv\n    \
                            hone label export photos --format coco --to photos.json\n    \
                            hone label export reviews --dataset reviews-labels")]
    Export(LabelExportArgs),
    #[command(flatten)]
    Access(AccessCommand),
}

/// Which project.
#[derive(Clone, Debug, Args)]
pub struct ProjectArgs {
    /// Name or id of the project
    #[arg(value_name = "PROJECT", default_value = "last")]
    pub project: String,
}

/// Who answers.
#[derive(Clone, Debug, Args)]
pub struct AnnotatorArgs {
    /// Name of the annotator [default: $HONE_ANNOTATOR, else the user's name]
    #[arg(long = "as", value_name = "NAME", env = "HONE_ANNOTATOR", hide_env = true)]
    pub annotator: Option<String>,
}

/// Whether samples are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProjectState {
    Open,
    /// For the time being not
    Paused,
    /// Never more
    Closed,
}

impl ProjectState {
    /// The word that the coordinator knows.
    pub fn name(self) -> &'static str {
        match self {
            ProjectState::Open => "open",
            ProjectState::Paused => "paused",
            ProjectState::Closed => "closed",
        }
    }
}

#[derive(Clone, Debug, Args)]
pub struct AskArgs {
    /// Name or id of the project
    pub project: String,
    /// Samples, JSONL or CSV by the ending of the name [default: the newest version of the project's dataset]
    pub file: Option<PathBuf>,
    /// Samples of this version of a dataset: `name@version`
    #[arg(long, value_name = "DATASET", conflicts_with = "file")]
    pub dataset: Option<String>,
    /// Column with the ids of the samples
    #[arg(long, value_name = "COLUMN", default_value = "id")]
    pub key: String,
    /// Only those that this file names, as `hone label choose` has written it, with its priorities and predictions
    #[arg(long, value_name = "FILE")]
    pub chosen: Option<PathBuf>,
    /// Who or what wants them, in words [default: the command]
    #[arg(long, value_name = "TEXT")]
    pub source: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct RequestsArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// Only those in this state: open, leased, answered, resolved, conflict, skipped, withdrawn, expired
    #[arg(long, value_name = "STATE")]
    pub state: Vec<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    pub limit: u64,
    /// All of them
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub format: ListFormat,
}

#[derive(Clone, Debug, Args)]
pub struct WorkArgs {
    /// Name or id of the project
    pub project: String,
    #[command(flatten)]
    pub annotator: AnnotatorArgs,
    /// Samples before the command at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub parallel: u32,
    /// Wait for more when there is nothing to label
    #[arg(long)]
    pub follow: bool,
    /// Command and its arguments, run for each sample
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Clone, Debug, Args)]
pub struct MeterArgs {
    /// Rounds, JSONL or CSV by the ending of the name: `kind` (`active` or `control`), `labels`, `accuracy`, `run`
    pub file: PathBuf,
    /// Compare the labels for this accuracy [default: the highest that both kinds reach]
    #[arg(long, value_name = "ACCURACY")]
    pub target: Option<f64>,
    /// Rounds that are looked at to say whether labels gain anything
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub window: u32,
    /// The least gain of accuracy for 100 labels that is worth asking for
    #[arg(long, value_name = "GAIN", default_value_t = 0.001)]
    pub least_gain: f64,
    #[command(flatten)]
    pub format: ShowFormat,
}

#[derive(Clone, Debug, Args)]
pub struct LabelExportArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// How to write them
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub format: LabelFormat,
    /// Every answer, not the label that came of them
    #[arg(long)]
    pub answers: bool,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
    /// Make a version of this dataset of them instead, traced to every answer; other answers later leave marks on it
    #[arg(long, value_name = "NAME", conflicts_with_all = ["format", "answers", "to"])]
    pub dataset: Option<String>,
    /// Versions that the samples were taken from: `name@version`
    #[arg(long, value_name = "DATASET", requires = "dataset")]
    pub made_from: Vec<String>,
    /// A note on the version
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, requires = "dataset")]
    pub note: String,
}

/// A format of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LabelFormat {
    /// One JSON object a line, with what annotators saw
    Jsonl,
    /// With a header line
    Csv,
    /// Boxes as COCO has them, in one JSON document
    Coco,
    /// Spans as spaCy and Doccano read them: text, and label as [start, end, class]
    Spans,
}

/// A time such as `4s`, in microseconds.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    hone_studies::file::units::parse_duration(text)
}
