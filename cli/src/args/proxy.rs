//! `hone optuna-proxy`.

use std::net::SocketAddr;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
    hone optuna-proxy                        for the coordinator that holds the data folder
    hone optuna-proxy --server trainer.example.org:7171 --ca authority.pem --token-file token
    hone optuna-proxy --hold 2h              programs outlive a coordinator that is away for two hours";

#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ProxyArgs {
    /// Address for Optuna's programs, on this host
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:13000")]
    pub listen: SocketAddr,
    /// How long a call waits for a coordinator that is away, before it fails
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub hold: String,
}
