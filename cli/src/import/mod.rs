//! Finished trials out of files: what `hone study import` reads.
//!
//! | File | Told by |
//! |---|---|
//! | CSV, of `hone study export`, of Optuna's `trials_dataframe` or of Weights & Biases | anything else |
//! | a folder of Ray Tune | its `experiment_state-….json` |
//! | a folder of Weights & Biases, or the log of one run | its `run-….wandb`, or the first bytes |
//! | an Optuna storage of one file per journal (JSON lines) | a first line with `op_code` |
//! | an Optuna storage of SQLite | the first bytes |

mod csv;
mod journal;
mod optuna;
mod ray;
mod sqlite;
mod tree;
mod wandb;

use std::{fmt, fs, io, path::Path};

use clap::ValueEnum;
use hone_data::Hash;
use hone_proto::v1;

use crate::errors::{Failure, Kind, Result};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A header line, then one trial a line
    Csv,
    /// Optuna's JournalFileBackend
    OptunaJournal,
    /// Optuna's sqlite storage
    OptunaSqlite,
    /// The folder of an experiment of Ray Tune
    Ray,
    /// A local folder of Weights & Biases, or the log of one run
    Wandb,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "a CSV file",
            Self::OptunaJournal => "an Optuna journal",
            Self::OptunaSqlite => "an Optuna database",
            Self::Ray => "an experiment of Ray Tune",
            Self::Wandb => "runs of Weights & Biases",
        })
    }
}

/// Trials of a file, and what was not taken from it.
#[derive(Debug, Default, PartialEq)]
pub struct Trials {
    /// In their order.
    pub trials: Vec<v1::ImportedTrial>,
    /// Trials that have not ended, or were cancelled.
    pub unfinished: usize,
}

/// Reads the trials of a file that fit the objectives of `study`.
///
/// `from` names the study within the file where it holds several.
///
/// # Errors
/// The file cannot be read or makes no sense, or its study has other objectives.
pub fn read(path: &Path, format: Option<Format>, from: Option<&str>, study: &v1::Study) -> Result<Trials> {
    let unreadable = |error| Failure::file("read", path, &error);
    if path.is_dir() {
        return read_folder(path, format, study);
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let format = format.unwrap_or_else(|| guess(&bytes));
    let place = |error: Failure| error.within(&format!("cannot read `{}` as {format}", path.display()));
    match format {
        Format::Csv => csv::read(&bytes, study).map_err(place),
        Format::OptunaJournal => {
            let studies = journal::read(&bytes).map_err(place)?;
            optuna::trials(studies, from, study).map_err(place)
        }
        Format::OptunaSqlite => {
            let studies = sqlite::read(path).map_err(place)?;
            optuna::trials(studies, from, study).map_err(place)
        }
        Format::Ray => Err(place(bad("it is a file").hint("name the folder of the experiment"))),
        Format::Wandb => wandb::read(&[path.to_owned()], study).map_err(place),
    }
}

fn read_folder(folder: &Path, format: Option<Format>, study: &v1::Study) -> Result<Trials> {
    let place = |format: Format| move |error: Failure| error.within(&format!("cannot read `{}` as {format}", folder.display()));
    let logs = wandb::logs(folder).map_err(|error| Failure::file("read", folder, &error))?;
    match format {
        Some(Format::Ray) => ray::read(folder, study).map_err(place(Format::Ray)),
        None if ray::is_experiment(folder) => ray::read(folder, study).map_err(place(Format::Ray)),
        Some(Format::Wandb) => wandb::read(&logs, study).map_err(place(Format::Wandb)),
        None if !logs.is_empty() => wandb::read(&logs, study).map_err(place(Format::Wandb)),
        None => {
            let folder = bad(format!("`{}` is a folder, and none of Ray Tune or Weights & Biases", folder.display()));
            Err(folder.hint("name a file, or the folder that has `experiment_state-….json` or runs with `run-….wandb`"))
        }
        Some(format @ (Format::Csv | Format::OptunaJournal | Format::OptunaSqlite)) => {
            Err(place(format)(bad("it is a folder").hint("name the file in it")))
        }
    }
}

/// What names the content of a file, or of all files of a folder that are read.
///
/// # Errors
/// What the system said.
pub fn fingerprint(path: &Path) -> io::Result<Hash> {
    let hash = |path: &Path| Hash::of_reader(&mut fs::File::open(path)?).map(|(hash, _)| hash);
    if !path.is_dir() {
        return hash(path);
    }
    let mut all = Vec::new();
    for file in ray::files(path)?.iter().chain(&wandb::logs(path)?) {
        all.extend_from_slice(hash(file)?.as_bytes());
    }
    Ok(Hash::of(&all))
}

fn guess(bytes: &[u8]) -> Format {
    if bytes.starts_with(hone_data::sqlite::MAGIC) {
        return Format::OptunaSqlite;
    }
    if bytes.starts_with(wandb::MAGIC) {
        return Format::Wandb;
    }
    let first = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let is_journal = serde_json::from_slice::<serde_json::Value>(first).is_ok_and(|line| line.get("op_code").is_some());
    if is_journal { Format::OptunaJournal } else { Format::Csv }
}

/// What is wrong with a file's content.
fn bad(message: impl Into<String>) -> Failure {
    Failure::new(Kind::Usage, message)
}

/// Mistakes that are told one by one.
const TOLD: usize = 10;

/// Refuses a file for its mistakes, if it has any.
fn mistakes(found: &[String]) -> Result<()> {
    let more = match found.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    match found {
        [] => Ok(()),
        [only] => Err(bad(only)),
        _ => Err(bad(format!("{} mistakes\n{}{more}", found.len(), found[..found.len().min(TOLD)].join("\n")))),
    }
}

/// Reads an instant; one without a time zone is taken to be of this machine's. `None` if it is none.
fn instant(text: &str) -> Option<i64> {
    let local = || {
        let civil: jiff::civil::DateTime = text.replacen(' ', "T", 1).parse().ok()?;
        jiff::tz::TimeZone::system().to_timestamp(civil).ok()
    };
    let zoned = text.parse::<jiff::Timestamp>().ok();
    zoned.or_else(local).map(jiff::Timestamp::as_microsecond)
}

#[cfg(test)]
mod tests;
