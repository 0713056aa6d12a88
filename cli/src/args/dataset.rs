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
    /// Show what is different in another version: files, columns, rows
    #[command(after_help = "Examples:\n    hone dataset diff digits@1 digits@2\n    hone dataset diff digits")]
    Diff {
        /// The version before; alone: this one is compared with its parent
        before: String,
        /// The version after
        after: Option<String>,
        /// How many changes of each kind to show
        #[arg(long, value_name = "N", default_value_t = 10)]
        examples: u32,
        #[command(flatten)]
        format: ShowFormat,
    },
    /// Write samples, one JSON document a line: rows of tables, or files where there are no tables
    #[command(after_help = "Examples:\n    hone dataset rows digits --limit 3\n    hone dataset rows digits@1 id-17 id-99")]
    Rows {
        /// `name`, `name@version`, id, or `last`
        dataset: String,
        /// Names of samples [default: all]
        ids: Vec<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Put the files of a version into a new folder
    #[command(after_help = "Example:\n    hone dataset fetch digits@1 /tmp/digits")]
    Fetch {
        /// `name`, `name@version`, id, or `last`
        dataset: String,
        /// Folder to make
        directory: PathBuf,
    },
    /// Write a version as DVC keeps it: into its cache, with a `.dvc` file or in `dvc.lock`
    #[command(
        after_help = "Examples:\n    hone dataset export digits --dvc . --path data/digits\n    hone dataset export digits --dvc . --path features --stage prepare"
    )]
    Export(DvcArgs),
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
pub struct DvcArgs {
    /// `name`, `name@version`, id, or `last`
    pub dataset: String,
    /// Folder in a DVC repository; where there is none it becomes one
    #[arg(long, value_name = "DIR")]
    pub dvc: PathBuf,
    /// Where the data belongs, from there [default: the name of the dataset, or of its only file]
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,
    /// Keep a single file as a folder with one file
    #[arg(long)]
    pub folder: bool,
    /// Stage in `dvc.lock` whose out it becomes, instead of a `.dvc` file
    #[arg(long, value_name = "STAGE", requires = "path")]
    pub stage: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// Name of the dataset; the first version makes it
    pub name: String,
    /// File or folder, `.dvc` file or `dvc.lock`, `file://…`, or objects: `s3://BUCKET/PREFIX`, `gs://…`, `az://…`
    pub path: String,
    /// Which one of the things that a file of DVC describes
    #[arg(long, value_name = "PATH")]
    pub out: Option<String>,
    /// Column whose values name the rows [default: that of the newest version]
    #[arg(long, value_name = "COLUMN")]
    pub key: Option<String>,
    /// Name rows by their numbers, although the newest version has a key
    #[arg(long, conflicts_with = "key")]
    pub no_key: bool,
    /// Feature contract that the data has to keep [default: that of the newest version]
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,
    /// Keep no contract, although the newest version does
    #[arg(long, conflicts_with = "contract")]
    pub no_contract: bool,
    /// Take files as they are, without schema and statistics
    #[arg(long, conflicts_with_all = ["key", "contract"])]
    pub plain: bool,
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
