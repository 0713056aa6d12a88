//! `hone dataset`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ListFormat, ShowFormat};

pub const EXAMPLES: &str = "\
Examples:
    hone dataset add digits data/digits.csv
    hone dataset add scans /data/scans --note 'second batch'
    hone dataset show digits
    hone dataset fetch digits@1 /tmp/digits";

#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Take a snapshot of files as a new version
    #[command(after_help = "Examples:\n    hone dataset add digits data/digits.csv\n    hone dataset add scans /data/scans")]
    Add(AddArgs),
    /// List datasets, or the versions of one
    #[command(visible_alias = "list", after_help = "Examples:\n    hone dataset ls\n    hone dataset ls digits --output json")]
    Ls {
        /// List all versions of this one
        dataset: Option<String>,
        #[command(flatten)]
        format: ListFormat,
    },
    /// Show what a version holds, where it comes from and who names it
    #[command(after_help = "Examples:\n    hone dataset show digits\n    hone dataset show digits@1 --output json")]
    Show {
        /// `name`, `name@version`, id, or `last`
        #[arg(default_value = "last")]
        dataset: String,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Put the files of a version into a new folder
    #[command(after_help = "Example:\n    hone dataset fetch digits@1 /tmp/digits")]
    Fetch {
        /// `name`, `name@version`, id, or `last`
        dataset: String,
        /// Folder to make
        directory: PathBuf,
    },
    /// Read everything of a version in the store and check it
    #[command(after_help = "Examples:\n    hone dataset verify digits@1\n    hone dataset verify digits@1 --in /tmp/digits")]
    Verify {
        /// `name`, `name@version`, id, or `last`
        dataset: String,
        /// Check the files in this folder instead
        #[arg(long = "in", value_name = "DIR")]
        directory: Option<PathBuf>,
    },
    /// Remove a version, or all of a dataset; refused while something names it
    #[command(after_help = "Examples:\n    hone dataset rm digits@1\n    hone dataset rm scans")]
    Rm {
        /// `name@version` for one version, `name` for all of them
        dataset: String,
        /// Also what other versions were made from
        #[arg(long)]
        force: bool,
    },
}

#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// Name of the dataset; the first version makes it
    pub name: String,
    /// File or folder
    pub path: PathBuf,
    /// A remark for people
    #[arg(long, default_value = "")]
    pub note: String,
    /// Make a version even where the newest one has the same data
    #[arg(long)]
    pub again: bool,
    /// Version that the data was made from; may be given several times
    #[arg(long, value_name = "DATASET")]
    pub made_from: Vec<String>,
    #[command(flatten)]
    pub format: ShowFormat,
}
