//! `hone trial`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ListFormat, ShowFormat, TrialSelector};
use crate::errors::Result;

pub const EXAMPLES: &str = "\
Examples:
    hone trial ls digits --state failed
    hone trial show best
    hone trial logs digits/17 --follow
    hone trial outputs best --to best-model

A trial is named by its number, `last` or `best`, in the last study unless `STUDY/` stands before it or
`--study` names another.";

#[derive(Debug, Subcommand)]
pub enum TrialCommand {
    /// List the trials of a study, newest first
    #[command(
        visible_alias = "list",
        after_help = "Examples:\n    hone trial ls\n    \
                            hone trial ls digits --state failed --state pruned --all --output json"
    )]
    Ls(TrialListArgs),
    /// Show a trial: parameters, attempts, values, outputs
    #[command(after_help = "Examples:\n    hone trial show best\n    hone trial show digits/17 --output json")]
    Show {
        #[command(flatten)]
        trial: TrialArgs,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Write what a trial wrote to standard output and error
    #[command(after_help = "Examples:\n    hone trial logs 17\n    hone trial logs last --follow")]
    Logs(LogsArgs),
    /// Run the parameters of a failed trial again
    #[command(after_help = "Example:\n    hone trial retry digits/17")]
    Retry(TrialArgs),
    /// Kill a running trial, or drop a waiting one
    #[command(after_help = "Example:\n    hone trial cancel digits/17")]
    Cancel(TrialArgs),
    /// Hold a trial back; it keeps its place in the budget and its checkpoint
    #[command(after_help = "Example:\n    hone trial pause digits/17")]
    Pause(TrialArgs),
    /// Let a paused trial go on from its checkpoint
    #[command(after_help = "Example:\n    hone trial resume digits/17")]
    Resume(TrialArgs),
    /// Try these parameters next; what is left out is sampled
    #[command(after_help = "Example:\n    hone trial enqueue --study digits learning_rate=0.01 optimizer=adam")]
    Enqueue(EnqueueArgs),
    /// Say why a trial waits, or why it ended as it did
    #[command(after_help = "Example:\n    hone trial explain 17")]
    Explain {
        #[command(flatten)]
        trial: TrialArgs,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Put tags on a trial, or take them off
    #[command(after_help = "Examples:\n    hone trial tag 17 good checked\n    hone trial tag 17 good --remove")]
    Tag {
        #[command(flatten)]
        trial: TrialArgs,
        /// Tags
        #[arg(required = true, value_name = "TAG")]
        tags: Vec<String>,
        /// Take them off
        #[arg(long)]
        remove: bool,
    },
    /// Write a note beside a trial; an empty one removes it
    #[command(after_help = "Example:\n    hone trial note 17 'the data had a gap here'")]
    Note {
        #[command(flatten)]
        trial: TrialArgs,
        /// The note
        text: String,
    },
    /// Fetch the files that a trial left in its output folder
    #[command(after_help = "Example:\n    hone trial outputs best --to best-model")]
    Outputs(OutputsArgs),
}

/// Which trial.
#[derive(Clone, Debug, Args)]
pub struct TrialArgs {
    /// Number of the trial, `last` or `best`; `STUDY/` before it names another study than the last
    #[arg(value_name = "[STUDY/]TRIAL")]
    pub trial: String,
    /// Name or id of the study
    #[arg(short, long)]
    pub study: Option<String>,
}

impl TrialArgs {
    /// Resolves the two ways to name a trial.
    ///
    /// # Errors
    /// The text is no number, `last` or `best`.
    pub fn selector(&self) -> Result<TrialSelector> {
        TrialSelector::resolve(&self.trial, self.study.as_deref())
    }
}

#[derive(Clone, Debug, Args)]
pub struct TrialListArgs {
    /// Name or id of the study
    #[arg(value_name = "STUDY", default_value = "last")]
    pub study: String,
    /// Only trials in this state: waiting, running, paused, complete, pruned, failed, cancelled
    #[arg(long, value_name = "STATE")]
    pub state: Vec<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, conflicts_with = "all")]
    pub limit: u32,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Begin with the oldest
    #[arg(long)]
    pub oldest_first: bool,
    #[command(flatten)]
    pub format: ListFormat,
}

#[derive(Clone, Debug, Args)]
pub struct LogsArgs {
    #[command(flatten)]
    pub trial: TrialArgs,
    /// Wait for more until the attempt has ended
    #[arg(short, long)]
    pub follow: bool,
    /// Number of the attempt [default: the newest]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub attempt: Option<u32>,
}

#[derive(Clone, Debug, Args)]
pub struct EnqueueArgs {
    /// Parameters
    #[arg(value_name = "NAME=VALUE")]
    pub params: Vec<String>,
    /// Name or id of the study
    #[arg(short, long, default_value = "last")]
    pub study: String,
    /// Put this tag on the trial
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Write this note beside it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub note: String,
}

#[derive(Clone, Debug, Args)]
pub struct OutputsArgs {
    #[command(flatten)]
    pub trial: TrialArgs,
    /// Folder to write into; must not exist or be empty [default: list the files only]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    #[command(flatten)]
    pub format: ListFormat,
}
