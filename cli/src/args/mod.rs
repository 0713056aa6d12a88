//! What was typed: commands and options as clap reads them. What they come to is decided in `context`.

mod access;
mod dataset;
mod fleet;
mod label;
mod labelstudio;
mod mlflow;
mod page;
mod pool;
mod proxy;
mod run;
mod selector;
mod store;
mod study;
mod trial;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, builder::styling};

pub use access::{AccessCommand, InviteArgs};
pub use dataset::{AddArgs, DatasetCommand, DvcArgs};
pub use fleet::{FleetCommand, JoinArgs, WorkerArgs};
pub use label::{AnnotatorArgs, AskArgs, LabelCommand, LabelExportArgs, LabelFormat, MeterArgs, RequestsArgs, WorkArgs};
pub use labelstudio::{LabelStudioArgs, SyncArgs};
pub use mlflow::{MirrorArgs, RegisterArgs, ServerArgs};
pub use page::PageArgs;
pub use pool::{ChooseArgs, CommitteeArgs, PoolArgs, RescoreArgs, ScoreArgs};
pub use proxy::ProxyArgs;
pub use run::{MachineArgs, RunArgs, ServeArgs};
pub use selector::TrialSelector;
pub use store::{StoreCommand, TokenCommand};
pub use study::{CreateArgs, ExportArgs, ExportFormat, ImportArgs, StudyCommand};
pub use trial::{EnqueueArgs, LogsArgs, OutputsArgs, TrialArgs, TrialCommand, TrialListArgs};

use crate::{errors::EXIT_CODES, output::Format};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default())
    .placeholder(styling::AnsiColor::Cyan.on_default());

const EXAMPLES: &str = "\
Examples:
    hone init python my-study         write a study to start from
    hone run my-study                 search here and now; the same command goes on after a stop
    hone study best                   the best trials of the last study
    hone serve --listen 0.0.0.0:7171  let other machines help";

/// Finds the best hyperparameters of a model on every machine you can give it.
#[derive(Debug, Parser)]
#[command(name = "hone", version, styles = STYLES, disable_help_subcommand = true, max_term_width = 100)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// Folder of the store [default: the platform's state folder]
    #[arg(long, global = true, value_name = "DIR", env = "HONE_DATA", hide_env_values = true)]
    pub data: Option<PathBuf>,
    /// Coordinator to speak to: `HOST:PORT` or `unix:PATH` [default: the one that holds the store, else one for the
    /// length of the command]
    #[arg(long, global = true, value_name = "ADDRESS", env = "HONE_SERVER", hide_env_values = true)]
    pub server: Option<String>,
    /// File with the credential for `--server` [default: $HONE_TOKEN]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Certificate of the authority that vouches for `--server`, PEM
    #[arg(long, global = true, value_name = "FILE", env = "HONE_CA", hide_env_values = true)]
    pub ca: Option<PathBuf>,
    /// Speak to `--server` or `--join` without encryption, credential included
    #[arg(long, global = true)]
    pub insecure_plaintext: bool,
    /// When to use colours; `auto`: on a terminal unless $NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: ColorChoice,
    /// Say more about what happens; twice: everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, Args)]
pub struct ListFormat {
    /// How to write the list
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    pub output: Format,
}

/// How one thing is written.
#[derive(Clone, Copy, Debug, Args)]
pub struct ShowFormat {
    /// How to write it
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub output: Shape,
}

/// How one thing is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a study here and now, or go on with it
    Run(RunArgs),
    /// Be a coordinator that workers on other machines can join
    Serve(Box<ServeArgs>),
    /// Serve Optuna's programs of this host, for a coordinator that may be elsewhere, or away for a while
    OptunaProxy(ProxyArgs),
    /// Attach this machine as a worker, or look after workers
    Worker(WorkerArgs),
    /// Create, watch, change and end studies
    #[command(subcommand, after_help = study::EXAMPLES)]
    Study(StudyCommand),
    /// Look at trials and change what happens to them
    #[command(subcommand, after_help = trial::EXAMPLES)]
    Trial(TrialCommand),
    /// Keep data in versions that never change
    #[command(subcommand, after_help = dataset::EXAMPLES)]
    Dataset(DatasetCommand),
    /// Ask people for labels, answer, and take the labels out
    #[command(subcommand, after_help = label::EXAMPLES)]
    Label(LabelCommand),
    /// Check, copy and restore the store
    #[command(subcommand, after_help = store::EXAMPLES)]
    Store(StoreCommand),
    /// Make tokens that let machines join
    #[command(subcommand, after_help = store::TOKEN_EXAMPLES)]
    Token(TokenCommand),
    /// Inside a trial: report values; exit code 10 says to stop early
    #[command(after_help = "Examples:\n    hone report --step 3 loss=0.42 accuracy=0.91\n    hone report loss=0.40\n\n\
                            Exit code 0: go on. Exit code 10, and `prune` on standard output: end now, successfully.")]
    Report(ReportArgs),
    /// Inside a trial: say that $HONE_CHECKPOINT holds a complete checkpoint
    #[command(after_help = "Example:\n    hone checkpoint --step 3")]
    Checkpoint(CheckpointArgs),
    /// Write a study to start from
    #[command(after_help = "Examples:\n    hone init python my-study\n    hone init shell my-study && hone run my-study")]
    Init(InitArgs),
    /// Write a script that completes commands in your shell
    #[command(after_help = "Examples:\n    hone completion bash > ~/.local/share/bash-completion/completions/hone\n    \
                            hone completion zsh > ~/.zfunc/_hone\n    \
                            hone completion fish > ~/.config/fish/completions/hone.fish")]
    Completion(CompletionArgs),
    /// Write the manual pages into a folder
    #[command(after_help = "Example:\n    hone man ~/.local/share/man/man1")]
    Man(ManArgs),
    /// The companion that ends trials when their worker is gone
    #[command(name = "__guard", hide = true)]
    Guard,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Step the values belong to; without it they are the final ones
    #[arg(long)]
    pub step: Option<i64>,
    /// Values, as `name=value`
    #[arg(required = true, value_name = "NAME=VALUE")]
    pub values: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Last step that the checkpoint contains
    #[arg(long)]
    pub step: Option<i64>,
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// What kind of trial
    pub template: Template,
    /// Folder to write; must not exist or be empty
    pub directory: PathBuf,
}

/// A study to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Template {
    /// A Python script without dependencies, with checkpoints and early stopping
    Python,
    /// A shell script that takes its parameters as arguments
    Shell,
}

#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Whose completion
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where the pages go; made where there is none
    pub directory: PathBuf,
}

#[cfg(test)]
mod tests;
