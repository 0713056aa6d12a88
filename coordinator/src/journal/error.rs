//! What can go wrong with a journal, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why the journal refused.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No room on the disk. Nothing was acknowledged; `reopen` works once there is room.
    #[error("no space left for `{path}` ({detail}); free some space, work goes on by itself afterwards", path = .path.display())]
    Full {
        /// What could not be written.
        path: PathBuf,
        /// The message of the operating system.
        detail: String,
    },

    /// A read or write failed. Never retried: what the disk holds now is unknown.
    #[error("{operation} `{path}` failed; check the disk, then start again", path = .path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was being done to it.
        operation: &'static str,
        /// The message of the operating system.
        #[source]
        source: io::Error,
    },

    /// A sync failed. Never retried, because a second sync may succeed without having written anything.
    #[error("syncing `{path}` failed ({detail}); nothing more is acknowledged, check the disk, then start again", path = .path.display())]
    SyncFailed {
        /// The file.
        path: PathBuf,
        /// The message of the operating system.
        detail: String,
    },

    /// The stored bytes are not what was written.
    #[error("`{file}` is damaged at event {sequence} ({detail}); the last good event is {last_good}; restore a backup with `hone store restore`", file = .file.display())]
    Corrupt {
        /// The damaged file, or the folder when the file is not known.
        file: PathBuf,
        /// The first event that cannot be trusted.
        sequence: u64,
        /// The last event that can.
        last_good: u64,
        /// What was found.
        detail: String,
    },

    /// A later version of Hone wrote this.
    #[error("`{file}` has format {found}, this version reads up to {supported}; upgrade hone", file = .file.display())]
    NewerFormat {
        /// The file.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format known here.
        supported: u32,
    },

    /// Another process uses the directory.
    #[error("`{path}` is in use by process {pid} on `{host}`; stop it or use it with `--server`", path = .path.display())]
    Held {
        /// The directory.
        path: PathBuf,
        /// Process id of the holder; 0 when it did not say.
        pid: u32,
        /// Host of the holder.
        host: String,
    },

    /// The directory cannot be written to at all.
    #[error("cannot write to `{path}`; choose another directory with `--data` or change its permissions", path = .path.display())]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// The message of the operating system.
        #[source]
        source: io::Error,
    },

    /// One event is larger than a chunk. The caller turns big payloads into blobs before they come here.
    #[error("an event of {bytes} bytes is over the limit of {limit} bytes; store it as a blob")]
    PayloadTooLarge {
        /// Size of the payload.
        bytes: usize,
        /// The limit.
        limit: usize,
    },

    /// All events of one commit together are too many bytes.
    #[error("a commit of {bytes} bytes is over the limit of {limit} bytes; split it into several")]
    CommitTooLarge {
        /// Bytes of all payloads.
        bytes: usize,
        /// The limit.
        limit: usize,
    },

    /// The events asked for were dropped after a snapshot.
    #[error("event {sequence} was dropped after a snapshot; the oldest is {oldest}")]
    Dropped {
        /// The event asked for.
        sequence: u64,
        /// The oldest that is left.
        oldest: u64,
    },

    /// A sequence number that does not exist yet.
    #[error("event {sequence} is beyond the head {head}")]
    BeyondHead {
        /// The number given.
        sequence: u64,
        /// The head.
        head: u64,
    },

    /// An earlier failure closed the journal.
    #[error("the journal is closed since an earlier failure: {cause}")]
    Poisoned {
        /// The earlier failure.
        cause: String,
    },

    /// The visitor of a read refused an event.
    #[error("event {sequence} cannot be used: {detail}")]
    Rejected {
        /// The event.
        sequence: u64,
        /// Why.
        detail: String,
    },

    /// A backup is not whole, or the folder is none.
    #[error("`{path}` is not a whole backup ({detail}); take another one", path = .path.display())]
    NotABackup {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },

    /// The target of a restore or backup exists already.
    #[error("`{path}` is not empty; choose a new directory", path = .path.display())]
    NotEmpty {
        /// The target.
        path: PathBuf,
    },
}

impl JournalError {
    /// Whether `reopen` may bring the journal back without leaving the process.
    #[must_use]
    pub fn may_reopen(&self) -> bool {
        matches!(self, Self::Full { .. })
    }

    /// Sorts an error of the operating system: no room, or a failure that is final.
    #[must_use]
    pub fn from_io(path: impl Into<PathBuf>, operation: &'static str, source: io::Error) -> Self {
        let path = path.into();
        if is_full(&source) {
            return Self::Full { path, detail: source.to_string() };
        }
        Self::Io { path, operation, source }
    }
}

/// Whether the error means that there is no room: disk, quota or file size limit.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
