//! `hone store` and `hone token`.

use std::path::PathBuf;

use clap::Subcommand;

use super::ShowFormat;

pub const EXAMPLES: &str = "\
Examples:
    hone store verify --deep
    hone store backup /backups/hone-monday
    hone --data restored store restore /backups/hone-monday";

pub const TOKEN_EXAMPLES: &str = "\
Example:
    hone token create --valid 8h > token
    hone worker --join trainer.example.org:7171 --token-file token";

#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Show where the store is and how large
    #[command(after_help = "Example:\n    hone store info --output json")]
    Info {
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Check journal, snapshots and blobs
    #[command(after_help = "Example:\n    hone store verify --deep")]
    Verify {
        /// Also read every blob
        #[arg(long)]
        deep: bool,
    },
    /// Copy the store at one moment into a new folder on the coordinator's host
    #[command(after_help = "Example:\n    hone store backup /backups/hone-monday")]
    Backup {
        /// Folder to make
        directory: PathBuf,
    },
    /// Make a store from a backup; the data folder must not hold one
    #[command(after_help = "Example:\n    hone --data restored store restore /backups/hone-monday")]
    Restore {
        /// The backup
        directory: PathBuf,
    },
    /// Write every event as one JSON document a line
    #[command(
        after_help = "Examples:\n    hone store export > events.jsonl\n    hone store export --from 1000 --to events.jsonl"
    )]
    Export {
        /// Begin with this sequence number
        #[arg(long, value_name = "SEQUENCE", default_value_t = 1)]
        from: u64,
        /// File to write [default: standard output]
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Write a snapshot, drop what it covers, and remove blobs that nothing names
    #[command(after_help = "Example:\n    hone store compact")]
    Compact,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token that lets machines join as workers
    #[command(after_help = TOKEN_EXAMPLES)]
    Create {
        /// How long it may be used, such as `8h`
        #[arg(long, value_name = "TIME", default_value = "24h")]
        valid: String,
        #[command(flatten)]
        format: ShowFormat,
    },
}
