//! Options about the page for annotators.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// How the page is served.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "The page for annotators")]
pub struct PageArgs {
    /// Serve the page where annotators label samples, and its API; beyond this host encrypted
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = "127.0.0.1:7172")]
    pub page: Option<SocketAddr>,
    /// Address under which annotators reach the page, where a proxy or a tunnel is before it: `https://labels.example.org`
    #[arg(long, value_name = "URL", requires = "page")]
    pub page_url: Option<String>,
    /// Certificate of the page with its chain, PEM [default: one by the coordinator's own authority, unknown to browsers]
    #[arg(long, value_name = "FILE", requires_all = ["page", "page_key"])]
    pub page_certificate: Option<PathBuf>,
    /// Key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "page_certificate")]
    pub page_key: Option<PathBuf>,
    /// Show images of this other site, such as `https://images.example.org`; may be given several times
    #[arg(long, value_name = "SITE", requires = "page")]
    pub page_images: Vec<String>,
    /// Serve the page beyond this host without encryption: whoever listens on the network reads links and samples
    #[arg(long, requires = "page")]
    pub insecure_page: bool,
}
