//! What runs, one small file in the folder of each attempt, so that a starting worker can end what its former
//! life left behind, and nothing else: a process number alone is never believed.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::process::{
    kill,
    proc::{self, Process},
};

/// The environment variable by which a worker knows its trials: `<incarnation>:<attempt>`.
pub const MARK: &str = "HONE_WORKER_MARK";
/// The ledger's file in the folder of an attempt.
pub(crate) const FILE: &str = "process.json";
/// A note is filled up to this with blanks, so that it covers the one before it.
const NOTE_BYTES: usize = 256;

/// The process of one attempt, identified beyond the reuse of its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The process, which leads a group of the same number.
    pub pid: i32,
    /// Its start in clock ticks since the boot.
    pub start_ticks: u64,
    /// The boot.
    pub boot: Option<String>,
    /// The worker process that started it.
    pub incarnation: String,
}

impl Entry {
    /// Describes a process that was just started.
    #[must_use]
    pub fn of(pid: i32, start_ticks: u64, incarnation: &str) -> Self {
        Self { pid, start_ticks, boot: proc::boot_id(), incarnation: incarnation.to_owned() }
    }

    /// Writes the entry into the folder of its attempt, over that of a former one: no block is freed or allocated.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut note = serde_json::to_vec(self)?;
        note.resize(note.len().max(NOTE_BYTES), b' ');
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(FILE))?;
        file.write_all_at(&note, 0)
    }

    /// The process that this entry means, if it still runs.
    fn living(&self, boot: Option<&str>) -> Option<Process> {
        let process = Process::read(self.pid)?;
        let same = self.boot.as_deref() == boot && process.start_ticks == self.start_ticks;
        same.then_some(process)
    }
}

/// The folders of attempts that a former life left.
///
/// # Errors
///
/// What the system said when the folder could not be read.
pub fn former_folders(work: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(work)? {
        folders.push(entry?.path());
    }
    folders.sort();
    Ok(folders)
}

/// Ends every process that former lives of this worker left: the groups that the ledger proves to be theirs, and
/// everything that carries their mark. Returns how many were told to end.
#[must_use]
pub fn end_former(folders: &[PathBuf]) -> usize {
    let entries: Vec<Entry> = folders.iter().filter_map(|folder| read(folder)).collect();
    if entries.is_empty() {
        return 0;
    }
    let boot = proc::boot_id();
    let mut ended = 0;
    for process in entries.iter().filter_map(|entry| entry.living(boot.as_deref())) {
        ended += usize::from(kill::kill_group(process.pid));
    }
    let incarnations: BTreeSet<&str> = entries.iter().map(|entry| entry.incarnation.as_str()).collect();
    incarnations.into_iter().map(kill::kill_marked).sum::<usize>() + ended
}

/// A torn or foreign file is as good as none: marks still find the processes of known incarnations.
fn read(folder: &Path) -> Option<Entry> {
    serde_json::from_slice(&fs::read(folder.join(FILE)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::CommandExt as _,
        process::{Child, Command},
    };

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").process_group(0).spawn().expect("a process")
    }

    fn entry_of(child: &Child) -> Entry {
        let process = Process::read(child.id().cast_signed()).expect("a process");
        Entry::of(process.pid, process.start_ticks, "former")
    }

    fn ledger_with(entry: &Entry) -> (tempfile::TempDir, Vec<PathBuf>) {
        let work = tempfile::tempdir().expect("a folder");
        let folder = work.path().join("7-1");
        fs::create_dir(&folder).expect("a folder");
        entry.write(&folder).expect("an entry");
        let folders = former_folders(work.path()).expect("the folders");
        (work, folders)
    }

    #[test]
    fn a_process_of_the_former_life_is_ended() {
        let mut child = sleeper();
        let entry = entry_of(&child);
        let (_work, folders) = ledger_with(&entry);
        assert_eq!(end_former(&folders), 1);
        assert!(!child.wait().expect("its end").success());
    }

    #[test]
    fn a_reused_process_number_is_left_alone() {
        let mut child = sleeper();
        let entry = entry_of(&child);
        let earlier = Entry { start_ticks: entry.start_ticks - 1, ..entry.clone() };
        let other_boot = Entry { boot: Some("another boot".to_owned()), ..entry };
        for stale in [earlier, other_boot] {
            let (_work, folders) = ledger_with(&stale);
            assert_eq!(end_former(&folders), 0);
            assert!(child.try_wait().expect("its state").is_none());
        }
        child.kill().expect("an end");
        child.wait().expect("its end");
    }

    #[test]
    fn a_torn_entry_is_ignored() {
        let (work, folders) = ledger_with(&Entry::of(1, 1, "former"));
        fs::write(work.path().join("7-1").join(FILE), b"{\"pid\": 1, \"sta").expect("a torn file");
        assert_eq!(end_former(&folders), 0);
    }

    #[test]
    fn a_new_entry_covers_the_former_one() {
        let long = Entry { boot: Some("x".repeat(60)), ..Entry::of(i32::MAX, u64::MAX, &"f".repeat(32)) };
        let short = Entry { boot: None, ..Entry::of(1, 1, "l") };
        let (work, folders) = ledger_with(&long);
        short.write(&work.path().join("7-1")).expect("an entry");
        assert_eq!(read(&folders[0]), Some(short));
    }
}
