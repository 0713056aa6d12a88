//! Options about Label Studio.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::ShowFormat;

/// Which server, and how its changes are heard of.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Label Studio")]
pub struct LabelStudioArgs {
    /// Server of Label Studio, such as `http://127.0.0.1:8080`, for label projects whose files have a `[label_studio]`.
    /// Its token comes from $LABEL_STUDIO_TOKEN, or a file
    #[arg(long, value_name = "URL")]
    pub label_studio: Option<String>,
    /// File with the token: a personal access token, or a legacy one
    #[arg(long, value_name = "FILE", requires = "label_studio")]
    pub label_studio_token_file: Option<PathBuf>,
    /// Certificate of the authority that vouches for the server, PEM [default: the system's]
    #[arg(long, value_name = "FILE", requires = "label_studio")]
    pub label_studio_ca: Option<PathBuf>,
    /// How often to look for answers there
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "label_studio")]
    pub label_studio_interval: String,
    /// Hear of answers at once, by webhooks at this address
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:7173", requires = "label_studio")]
    pub label_studio_hook: Option<SocketAddr>,
    /// How Label Studio calls that address [default: as it is]
    #[arg(long, value_name = "URL", requires = "label_studio_hook")]
    pub label_studio_hook_url: Option<String>,
    /// Hear webhooks beyond this host too, unencrypted
    #[arg(long, requires = "label_studio_hook")]
    pub insecure_label_studio_hook: bool,
}

/// What is looked at.
#[derive(Clone, Debug, Args)]
pub struct SyncArgs {
    /// Name or id of the project
    #[arg(value_name = "PROJECT", default_value = "last")]
    pub project: String,
    /// Make another project there in place of one that was deleted
    #[arg(long)]
    pub anew: bool,
    /// Withdraw the requests of tasks that were deleted there, however many they are
    #[arg(long)]
    pub accept_deletions: bool,
    #[command(flatten)]
    pub format: ShowFormat,
}
