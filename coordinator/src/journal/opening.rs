//! Opening a store: what the manifest and the raw file prove is compared with what sled gives.
//!
//! ```text
//!  MANIFEST ─▶ raw scan raises its bound ─▶ sled ─▶ unfinished commit trimmed ─▶ tail against the bound
//! ```
//! After an orderly end the bound is exact and the scan is not needed. After a crash the scan covers
//! every commit but the last one, which nothing can tell from a torn one.

use super::chunk::{Chunk, ChunkError, FORMAT};
use super::database::{Database, Options, data_file, spilled};
use super::layout::Layout;
use super::manifest::{MANIFEST, Manifest, State};
use super::scan::scan;
use super::{Head, JournalError};

/// A database whose tail was checked.
pub(super) struct Opened {
    pub database: Database,
    pub head: Head,
    pub oldest: u64,
}

/// Creates the database beside its place and moves it there, then writes the manifest.
pub(super) fn create(layout: &Layout, options: &Options, manifest: Manifest) -> Result<Manifest, JournalError> {
    if layout.journal().exists() {
        check_never_used(layout)?;
    } else {
        drop(Database::open(&layout.creating(), options)?);
        layout.install(&layout.creating())?;
    }
    manifest.store(layout.root())?;
    Ok(manifest)
}

/// A database without a manifest is a creation that did not finish, when it is empty.
fn check_never_used(layout: &Layout) -> Result<(), JournalError> {
    let file = data_file(&layout.journal());
    let found = scan(&file, None).map_err(|error| JournalError::from_io(&*file, "reading", error))?;
    if found.durable.is_none() {
        return Ok(());
    }
    Err(JournalError::Corrupt {
        file: layout.root().join(MANIFEST),
        sequence: 0,
        last_good: 0,
        detail: "it is missing although the journal has events".to_owned(),
    })
}

/// Opens the database of `layout` and checks its tail against the manifest, which is marked open.
pub(super) fn open_checked(layout: &Layout, options: &Options, manifest: &mut Manifest) -> Result<Opened, JournalError> {
    let exact = manifest.state == State::Closed;
    if !layout.journal().is_dir() {
        return Err(corrupt(layout, manifest.oldest, "the folder `journal` is missing"));
    }
    if !exact {
        raise_bound(layout, manifest)?;
    }
    manifest.state = State::Open;
    manifest.store(layout.root())?;
    let opening = Database::open(&layout.journal(), options);
    let database = opening.map_err(|error| at_event(error, manifest.oldest))?;
    let opened = check_tail(layout, database, manifest)?;
    if exact && opened.head != manifest.head {
        let found = format!("it ends at event {}", opened.head.sequence);
        return Err(corrupt(layout, opened.head.sequence.min(manifest.head.sequence) + 1, found));
    }
    Ok(opened)
}

/// Takes from the raw file what must be present, and refuses when a part of that has no whole copy.
/// sled has not been started yet, so what is left of a damaged file stays as it is.
fn raise_bound(layout: &Layout, manifest: &mut Manifest) -> Result<(), JournalError> {
    let file = data_file(&layout.journal());
    let io = |error| JournalError::from_io(&*file, "reading", error);
    let found = scan(&file, Some(manifest.store)).map_err(io)?;
    if let Some(durable) = found.durable
        && durable.sequence > manifest.head.sequence
    {
        manifest.head = durable;
    }
    let good = found.good_until(manifest.oldest);
    let inline = spilled(&layout.journal()).map_err(io)? == 0;
    if inline && good < manifest.head.sequence {
        manifest.store(layout.root())?;
        return Err(corrupt(layout, good + 1, "its chunk is damaged or missing"));
    }
    Ok(())
}

fn check_tail(layout: &Layout, database: Database, manifest: &Manifest) -> Result<Opened, JournalError> {
    trim_unfinished(layout, &database)?;
    let Some((last, value)) = database.last()? else {
        return check_empty(layout, database, manifest);
    };
    let chunk = decode(layout, last, &value)?;
    if chunk.header.store != manifest.store {
        return Err(corrupt(layout, last, "it belongs to another store"));
    }
    let head = chunk.end();
    let oldest = database.first()?.map_or(last, |(key, _)| key);
    if oldest > manifest.oldest {
        return Err(corrupt(layout, manifest.oldest, "its chunk is missing"));
    }
    if head.sequence < manifest.head.sequence {
        let detail = format!("events up to {} were durable", manifest.head.sequence);
        return Err(corrupt(layout, head.sequence + 1, detail));
    }
    check_chain(layout, &database, manifest.head)?;
    Ok(Opened { database, head, oldest })
}

fn check_empty(layout: &Layout, database: Database, manifest: &Manifest) -> Result<Opened, JournalError> {
    let head = manifest.head;
    if head.sequence + 1 != manifest.oldest {
        return Err(corrupt(layout, manifest.oldest, "the database is empty"));
    }
    Ok(Opened { database, head, oldest: manifest.oldest })
}

/// Removes the chunks of a last commit that is not whole; it was never acknowledged.
fn trim_unfinished(layout: &Layout, database: &Database) -> Result<(), JournalError> {
    let Some((last, value)) = database.last()? else {
        return Ok(());
    };
    let header = decode(layout, last, &value)?.header;
    if header.ends_commit() {
        return Ok(());
    }
    let keys = database.from(header.commit_first).map(|entry| Ok((entry?.0, None)));
    database.apply(keys.collect::<Result<_, _>>()?)
}

/// Checks that the journal passes through `point`.
fn check_chain(layout: &Layout, database: &Database, point: Head) -> Result<(), JournalError> {
    let Some((key, value)) = database.at_or_before(point.sequence)? else {
        return Ok(());
    };
    let chunk = decode(layout, key, &value)?;
    let mut at = chunk.header.before();
    for payload in chunk.payloads() {
        if at.sequence == point.sequence {
            break;
        }
        at = at.next(payload);
    }
    if at == point { Ok(()) } else { Err(corrupt(layout, point.sequence, "the chain is another one")) }
}

/// Checks a stored value; the chunk must be the one that its key names.
pub(super) fn decode<'a>(layout: &Layout, key: u64, value: &'a [u8]) -> Result<Chunk<'a>, JournalError> {
    match Chunk::decode(value) {
        Ok(chunk) if chunk.header.first == key => Ok(chunk),
        Ok(_) => Err(corrupt(layout, key, "the chunk belongs elsewhere")),
        Err(ChunkError::Newer(found)) => {
            Err(JournalError::NewerFormat { file: data_file(&layout.journal()), found: found.into(), supported: FORMAT.into() })
        }
        Err(ChunkError::Damaged(detail)) => Err(corrupt(layout, key, detail)),
    }
}

pub(super) fn corrupt(layout: &Layout, sequence: u64, detail: impl Into<String>) -> JournalError {
    JournalError::Corrupt {
        file: data_file(&layout.journal()),
        sequence,
        last_good: sequence.saturating_sub(1),
        detail: detail.into(),
    }
}

/// Adds the event to damage that sled reported without one.
pub(super) fn at_event(error: JournalError, event: u64) -> JournalError {
    match error {
        JournalError::Corrupt { file, sequence: 0, detail, .. } => {
            JournalError::Corrupt { file, sequence: event, last_good: event.saturating_sub(1), detail }
        }
        other => other,
    }
}
