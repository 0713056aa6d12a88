//! Work on a store that no process uses.

use std::path::Path;

use hone_coordinator::{
    OpenError,
    export::{self, ExportError},
    journal::{JournalError, Options, backup, maintenance, manifest::MANIFEST},
};

use super::{Findings, Lines};
use crate::{
    context::Context,
    embed::journal_kind,
    errors::{Failure, Kind, Result, chain},
    output::print_line,
};

/// Reads everything; changes nothing.
///
/// # Errors
/// There is no store, or it cannot be looked at. Damage is among the findings.
pub async fn verify(context: &Context, deep: bool) -> Result<Findings> {
    require_store(context)?;
    let data = context.data.clone();
    let report = blocking(move || maintenance::verify(&data, deep, &Options::default())).await?;
    let events = report.events.map_or(0, |(oldest, head)| (head.sequence + 1).saturating_sub(oldest));
    let problems = report.problems.iter().map(|problem| format!("{}: {}", problem.file.display(), problem.detail));
    Ok(Findings { events, blobs: report.blobs, problems: problems.collect() })
}

/// Writes every event, those included that only a newer build understands.
///
/// # Errors
/// There is no store, it is damaged, or the lines cannot be written.
pub async fn export(context: &Context, from: u64, mut lines: Lines) -> Result<()> {
    require_store(context)?;
    let data = context.data.clone();
    let work = move || (export::offline(&data, from, &mut |line| lines.write(line)), lines);
    let done = tokio::task::spawn_blocking(work).await;
    let (done, lines) = done.map_err(|_| Failure::new(Kind::Internal, "the work on the store failed unexpectedly"))?;
    match done {
        Ok(_) => lines.finish(),
        Err(ExportError::Write(error)) => Err(lines.failure(&error)),
        Err(ExportError::Open(OpenError::Journal(error))) => Err(Failure::new(journal_kind(&error), chain(&error))),
        Err(ExportError::Open(error)) => Err(Failure::new(Kind::Storage, chain(&error))),
    }
}

/// Copies the store; answers the sequence number of its last event.
///
/// # Errors
/// There is no store, or the folder cannot be made.
pub async fn backup(context: &Context, directory: &Path) -> Result<u64> {
    require_store(context)?;
    let (data, directory) = (context.data.clone(), directory.to_owned());
    let head = blocking(move || backup::backup(&data, &directory, Options::default())).await?;
    Ok(head.sequence)
}

/// Makes the data folder from a backup.
///
/// # Errors
/// The folder holds something, or the backup is none or damaged.
pub async fn restore(context: &Context, directory: &Path) -> Result<()> {
    if context.server.is_some() {
        let failure = Failure::usage("a store is restored where its coordinator will run, not through `--server`");
        return Err(failure.hint("unset $HONE_SERVER and name the folder with `--data`"));
    }
    let (from, data) = (directory.to_owned(), context.data.clone());
    let head = blocking(move || backup::restore(&from, &data, Options::default())).await?;
    print_line(&format!("restored {} events into {}", head.sequence, context.data.display()))
}

/// Writes the database anew; answers its size in bytes.
///
/// # Errors
/// The store cannot be opened or written.
pub async fn compact(context: &Context) -> Result<u64> {
    let data = context.data.clone();
    Ok(blocking(move || maintenance::compact(&data, Options::default())).await?.after_bytes)
}

/// Keeps a mistyped `--data` from making a new store.
///
/// # Errors
/// There is none.
pub fn require_store(context: &Context) -> Result<()> {
    if context.data.join(MANIFEST).exists() || context.data.join("journal").exists() {
        return Ok(());
    }
    let failure = Failure::new(Kind::NotFound, format!("there is no store in `{}`", context.data.display()));
    Err(failure.hint("`--data` or $HONE_DATA names the folder"))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::result::Result<T, JournalError> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|_| Failure::new(Kind::Internal, "the work on the store failed unexpectedly"))?;
    done.map_err(|error| Failure::new(journal_kind(&error), chain(&error)))
}
