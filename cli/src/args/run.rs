//! `hone run` and `hone serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::{MirrorArgs, PageArgs};

const RUN_EXAMPLES: &str = "\
Examples:
    hone run studies/digits                  the study in that folder, with this machine as its worker
    hone run study.toml --parallel 4         another number at once than the file says
    hone run studies/digits --dry-run        what would be searched, and the first suggestions
    hone run studies/digits --fork digits-2  a new study from a changed file

Ctrl-C stops cleanly: running trials are handed back and the same command goes on later.
Ctrl-C twice stops at once.";

#[derive(Clone, Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// Study file, or the folder of a `study.toml`
    #[arg(default_value = ".")]
    pub study: PathBuf,
    /// Call the study so, whatever its file says
    #[arg(long)]
    pub name: Option<String>,
    /// Make a new study of this name from the file, when the changes are too great for the old one
    #[arg(long, value_name = "NAME", conflicts_with = "name")]
    pub fork: Option<String>,
    /// Trials at once
    #[arg(long, value_name = "N")]
    pub parallel: Option<u32>,
    /// Trials in all
    #[arg(long, value_name = "N")]
    pub max_trials: Option<u64>,
    /// Check the study, show what it comes to and the first suggestions, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Workers to start here [default: 1, or none where others are connected]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub workers: Option<u32>,
    /// Start no worker here
    #[arg(long, conflicts_with_all = ["workers", "cpus", "memory", "gpus", "slots"])]
    pub no_worker: bool,
    #[command(flatten)]
    pub machine: MachineArgs,
    #[command(flatten)]
    pub mlflow: MirrorArgs,
}

/// What a worker offers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "What a worker offers")]
pub struct MachineArgs {
    /// Processors [default: all]
    #[arg(long, value_name = "N")]
    pub cpus: Option<f64>,
    /// Memory, such as `16GiB` [default: all]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// GPUs: `none`, how many, or which, such as `0,2` [default: all]
    #[arg(long, value_name = "GPUS")]
    pub gpus: Option<String>,
    /// Trials at once, whatever the rest says [default: as many as fit]
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
}

const SERVE_EXAMPLES: &str = "\
Examples:
    hone serve                         for this machine; prints the line that attaches a worker
    hone serve --listen 0.0.0.0:7171   for others too, encrypted and with credentials
    hone serve --listen 0.0.0.0:7171 --host-name trainer.example.org
    hone serve --mlflow http://127.0.0.1:5000
    hone serve --page                  with the page where annotators label samples";

#[derive(Clone, Debug, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Address for workers and commands
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7171")]
    pub listen: SocketAddr,
    /// Serve programs on this machine over the socket alone, and end when the last one has left
    #[arg(long, conflicts_with_all = ["listen", "host_name", "optuna", "page", "insecure_anonymous_plaintext"])]
    pub while_used: bool,
    /// Name or address under which other machines know this one; may be given several times
    #[arg(long, value_name = "NAME")]
    pub host_name: Vec<String>,
    /// Serve Optuna's storage protocol too, for GrpcStorageProxy; without credentials, so only on this host
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:13000")]
    pub optuna: Option<SocketAddr>,
    /// How long a trial of an Optuna program may go on when the program's connection is gone; then it waits for another
    /// program. `0s`: for ever
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "optuna")]
    pub optuna_grace: String,
    /// Let other hosts speak Optuna's protocol: whoever reaches the address changes its studies
    #[arg(long, requires = "optuna")]
    pub insecure_optuna: bool,
    /// Serve Katib's suggestion protocol too, for experiments on Kubernetes; it knows nothing of the studies here
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:6789")]
    pub katib: Option<SocketAddr>,
    /// Let other hosts speak Katib's protocol: whoever reaches the address has samplers compute for it
    #[arg(long, requires = "katib")]
    pub insecure_katib: bool,
    /// Listen without encryption or credentials: whoever reaches the address runs commands on every worker
    #[arg(long)]
    pub insecure_anonymous_plaintext: bool,
    #[command(flatten)]
    pub page: PageArgs,
    #[command(flatten)]
    pub mlflow: MirrorArgs,
}
