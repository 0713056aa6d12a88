//! `hone worker`: attaching this machine, and looking after workers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ListFormat, MachineArgs, ShowFormat};

const EXAMPLES: &str = "\
Examples:
    HONE_TOKEN=… hone worker --join trainer.example.org:7171
    hone worker --join trainer.example.org:7171 --token-file token --label room=b --slots 2
    hone worker --join unix:/run/user/1000/hone/hone.sock
    hone worker ls
    hone worker drain node-7

SIGTERM or Ctrl-C: take nothing new and leave when what runs has ended. A second one stops at once.";

/// Either attaches this machine or runs one of the commands.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct WorkerArgs {
    #[command(flatten)]
    pub join: JoinArgs,
    #[command(subcommand)]
    pub command: Option<FleetCommand>,
}

#[derive(Clone, Debug, Args)]
pub struct JoinArgs {
    /// Coordinator to work for: `HOST:PORT` or `unix:PATH`; the token comes from `--token-file` or $HONE_TOKEN
    #[arg(long, value_name = "ADDRESS")]
    pub join: Option<String>,
    /// Folder for sources, attempts and unsent results; one worker at a time [default: `worker` in the data folder]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// What people call this worker [default: the host's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Label for studies that ask for it; may be given several times
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
    /// When told to stop, hand running trials back instead of waiting for their end
    #[arg(long)]
    pub drain_hand_back: bool,
    /// Datasets kept for later trials; what runs may need more [default: 64GiB]
    #[arg(long, value_name = "SIZE")]
    pub dataset_cache: Option<String>,
    /// Predictions of a trial that are larger than this stay on this machine, to be scored here [default: 16MiB]
    #[arg(long, value_name = "SIZE")]
    pub keep_predictions: Option<String>,
    /// Predictions kept so; those used longest ago go first [default: 64GiB]
    #[arg(long, value_name = "SIZE")]
    pub predictions_cache: Option<String>,
    #[command(flatten)]
    pub machine: MachineArgs,
}

#[derive(Debug, Subcommand)]
pub enum FleetCommand {
    /// List the workers
    #[command(visible_alias = "list", after_help = "Examples:\n    hone worker ls\n    hone worker ls --all --output json")]
    Ls {
        /// Also those that have left
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show what a worker has and does
    #[command(after_help = "Example:\n    hone worker show node-7")]
    Show {
        /// Name or id of the worker
        worker: String,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Take nothing new, and leave when what runs has ended
    #[command(after_help = "Examples:\n    hone worker drain node-7\n    hone worker drain node-7 --hand-back")]
    Drain {
        /// Name or id of the worker
        worker: String,
        /// Do not wait: hand running trials back
        #[arg(long)]
        hand_back: bool,
    },
    /// Take nothing new until `activate`
    #[command(after_help = "Example:\n    hone worker cordon node-7")]
    Cordon {
        /// Name or id of the worker
        worker: String,
    },
    /// Take work again after `cordon`
    #[command(after_help = "Example:\n    hone worker activate node-7")]
    Activate {
        /// Name or id of the worker
        worker: String,
    },
}
