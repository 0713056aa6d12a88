//! Work on a store that nobody uses: verification and compaction. See [`backup`](super::backup) for
//! backup and restore.
//!
//! A verification never changes the store: sled overwrites what it takes for the torn end of its
//! log, so the database is copied and the copy is opened.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use hone_data::BlobStore;
use hone_data::durable::sync_dir;
use uuid::Uuid;

use super::layout::Layout;
use super::lock::StoreLock;
use super::manifest::{MANIFEST, Manifest, State};
use super::sled_journal::spilled_values;
use super::snapshots::SnapshotStore;
use super::{Head, Journal, JournalError, Options, SledJournal};

/// Something in a store that is not as it must be.
#[derive(Debug)]
pub struct Problem {
    /// The file, or the folder when the file is not known.
    pub file: PathBuf,
    /// What is wrong, with the way out.
    pub detail: String,
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Report {
    /// Identity of the store, when its manifest can be read.
    pub store: Option<Uuid>,
    /// Whether the last holder ended in order.
    pub closed_in_order: bool,
    /// The oldest and the last event, when the journal can be read to its end.
    pub events: Option<(u64, Head)>,
    /// Points of the snapshots, newest first, when all are whole.
    pub snapshots: Vec<Head>,
    /// Blobs there are.
    pub blobs: u64,
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, file: impl Into<PathBuf>, detail: impl Into<String>) {
        self.problems.push(Problem { file: file.into(), detail: detail.into() });
    }
}

/// What a compaction gave back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Bytes of the database before.
    pub before_bytes: u64,
    /// Bytes after.
    pub after_bytes: u64,
}

/// Reads everything in the data directory `dir`: manifest, chunks, chain, snapshots, and with
/// `blobs` the content of every blob. Needs room for a copy of the database.
///
/// # Errors
/// [`JournalError::Held`] while the store is in use, [`JournalError::Full`] and
/// [`JournalError::Io`] when it cannot be looked at. Damage is not an error but in the report.
pub fn verify(dir: &Path, blobs: bool, options: &Options) -> Result<Report, JournalError> {
    let layout = Layout::new(dir);
    let _lock = StoreLock::acquire(dir)?;
    layout.settle()?;
    let mut report = Report::default();
    match Manifest::load(dir) {
        Ok(None) => report.problem(dir.join(MANIFEST), "it is missing"),
        Ok(Some(manifest)) => {
            report.store = Some(manifest.store);
            report.closed_in_order = manifest.state == State::Closed;
        }
        Err(error) => found(&mut report, error)?,
    }
    let points = verify_snapshots(&layout, &mut report)?;
    let copied = copy_database(&layout);
    copied.map_err(|error| JournalError::from_io(layout.verifying(), "copying into", error))?;
    verify_journal(&layout, options, &points, &mut report)?;
    layout.settle()?;
    verify_blobs(&layout, blobs, &mut report)?;
    Ok(report)
}

/// Writes the database of the data directory `dir` anew, without the space that dropped events left.
///
/// # Errors
/// As for opening, reading and writing it.
pub fn compact(dir: &Path, options: Options) -> Result<Compacted, JournalError> {
    let mut journal = SledJournal::open(dir, options)?;
    let before_bytes = journal.usage().bytes_on_disk;
    journal.rewrite()?;
    Ok(Compacted { before_bytes, after_bytes: journal.usage().bytes_on_disk })
}

/// Puts damage into the report; anything else stays an error.
fn found(report: &mut Report, error: JournalError) -> Result<(), JournalError> {
    let detail = error.to_string();
    match error {
        JournalError::Corrupt { file, .. } | JournalError::NewerFormat { file, .. } => {
            report.problem(file, detail);
            Ok(())
        }
        other => Err(other),
    }
}

/// Checks the snapshots and answers their points.
fn verify_snapshots(layout: &Layout, report: &mut Report) -> Result<Vec<Head>, JournalError> {
    if !layout.snapshots().is_dir() {
        return Ok(Vec::new());
    }
    match SnapshotStore::open(&layout.snapshots())?.verify() {
        Ok(points) => report.snapshots.clone_from(&points),
        Err(error) => found(report, error)?,
    }
    Ok(report.snapshots.clone())
}

fn copy_database(layout: &Layout) -> io::Result<()> {
    let copy = layout.verifying();
    fs::create_dir(&copy)?;
    for name in [MANIFEST, "journal"] {
        if layout.root().join(name).exists() {
            copy_tree(&layout.root().join(name), &copy.join(name))?;
        }
    }
    Ok(())
}

fn verify_journal(layout: &Layout, options: &Options, points: &[Head], report: &mut Report) -> Result<(), JournalError> {
    let spilled = spilled_values(layout.root());
    match spilled.map_err(|error| JournalError::from_io(layout.journal(), "reading", error))? {
        0 => {}
        count => report.problem(
            layout.journal().join("blobs"),
            format!("{count} values are outside the log, where they are never synced; run `hone store compact`"),
        ),
    }
    if report.store.is_none() {
        return Ok(());
    }
    let copy = layout.verifying();
    match SledJournal::open(&copy, options.clone()).and_then(|journal| read_all(journal, points)) {
        Ok((oldest, head, wrong)) => {
            report.events = Some((oldest, head));
            for point in wrong {
                let detail = format!("the snapshot at event {} does not belong to this journal", point.sequence);
                report.problem(layout.snapshots(), detail);
            }
            Ok(())
        }
        Err(error) => found(report, in_place(error, &copy, layout.root())),
    }
}

/// Reads every event: the oldest, the head, and those of `points` that the chain does not pass.
fn read_all(mut journal: SledJournal, points: &[Head]) -> Result<(u64, Head, Vec<Head>), JournalError> {
    let mut at = journal.base()?;
    let oldest = at.sequence + 1;
    let mut wrong: Vec<_> = points.iter().copied().filter(|point| *point != at && point.sequence >= at.sequence).collect();
    journal.read(oldest, &mut |_, payload| {
        at = at.next(payload);
        wrong.retain(|point| *point != at);
        Ok(())
    })?;
    Ok((oldest, journal.head(), wrong))
}

/// Names the file in the store for the one in the copy.
fn in_place(error: JournalError, copy: &Path, root: &Path) -> JournalError {
    let place = |file: PathBuf| file.strip_prefix(copy).map_or(file.clone(), |name| root.join(name));
    match error {
        JournalError::Corrupt { file, sequence, last_good, detail } => {
            JournalError::Corrupt { file: place(file), sequence, last_good, detail }
        }
        JournalError::NewerFormat { file, found, supported } => JournalError::NewerFormat { file: place(file), found, supported },
        other => other,
    }
}

/// Counts the blobs, and reads them when `deep`.
fn verify_blobs(layout: &Layout, deep: bool, report: &mut Report) -> Result<(), JournalError> {
    if !layout.blobs().is_dir() {
        return Ok(());
    }
    let failed = |error| JournalError::from_io(layout.blobs(), "reading", io::Error::other(error));
    let store = BlobStore::open(&layout.blobs(), u64::MAX).map_err(failed)?;
    report.blobs = store.usage().map_err(failed)?.count;
    let changed = if deep { store.verify_all().map_err(failed)? } else { Vec::new() };
    for hash in changed {
        report.problem(layout.blobs(), format!("the content of blob `{hash}` changed; upload it again"));
    }
    Ok(())
}

/// Copies a file, or a folder with everything in it; durable when it returns. What vanishes
/// meanwhile is left out, and so are temporary files.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return copy_file(from, to);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with(hone_data::durable::TEMPORARY_PREFIX) {
            continue;
        }
        match copy_tree(&from.join(&name), &to.join(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            copied => copied?,
        }
    }
    sync_dir(to)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

#[cfg(test)]
#[path = "maintenance_tests.rs"]
mod tests;
