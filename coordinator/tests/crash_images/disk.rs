//! A disk that keeps only what it must: everything before a sync, and of the rest what chance leaves.
//!
//! Data: writes before the last sync of their file are kept; each later one is dropped, kept, or
//! torn into sectors that are kept or dropped one by one. Names: creations, renames and removals
//! take effect in their order, as in a journaling file system; those up to the last sync of a folder
//! they concern are kept, and of the later ones some first ones.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use super::record::Operation;

/// Bytes that are written whole or not at all.
const SECTOR: usize = 512;

/// A change of a file that is not synced.
#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Length(u64),
}

#[derive(Debug, Clone, Default)]
struct File {
    content: Vec<u8>,
    unsynced: Vec<Change>,
}

/// Names as they are at one moment; folders have no file.
type Names = BTreeMap<PathBuf, Option<usize>>;

/// What a name refers to changes with these.
#[derive(Debug, Clone)]
enum NameChange {
    Add(PathBuf, Option<usize>),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

/// The recorded disk up to some operation.
#[derive(Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    live: Names,
    durable: Names,
    pending: Vec<NameChange>,
}

impl Disk {
    /// Carries out one operation.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create(path) => {
                self.files.push(File::default());
                self.rename(NameChange::Add(path.clone(), Some(self.files.len() - 1)));
            }
            Operation::MakeFolder(path) => self.rename(NameChange::Add(path.clone(), None)),
            Operation::Rename(from, to) => self.rename(NameChange::Rename(from.clone(), to.clone())),
            Operation::Remove(path) => self.rename(NameChange::Remove(path.clone())),
            Operation::Write(path, offset, bytes) => self.change(path, Change::Write(*offset, bytes.clone())),
            Operation::Truncate(path, length) => self.change(path, Change::Length(*length)),
            Operation::Sync(path) => self.sync(path),
        }
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.live);
        self.pending.push(change);
    }

    fn change(&mut self, path: &Path, change: Change) {
        if let Some(Some(file)) = self.live.get(path) {
            self.files[*file].unsynced.push(change);
        }
    }

    fn sync(&mut self, path: &Path) {
        if let Some(Some(file)) = self.live.get(path) {
            let file = &mut self.files[*file];
            for change in std::mem::take(&mut file.unsynced) {
                change.apply(&mut file.content);
            }
            return;
        }
        let last = self.pending.iter().rposition(|change| change.concerns(path));
        for change in self.pending.drain(..last.map_or(0, |last| last + 1)) {
            change.apply(&mut self.durable);
        }
    }

    /// Writes what is left after a crash here into the folder `to`; `from` is the recorded folder.
    pub fn write_image(&self, from: &Path, to: &Path, random: &mut StdRng) {
        let mut names = self.durable.clone();
        let survivors = random.random_range(0..=self.pending.len());
        for change in &self.pending[..survivors] {
            change.apply(&mut names);
        }
        for (path, file) in &names {
            let target = to.join(path.strip_prefix(from).unwrap());
            match file {
                None => fs::create_dir_all(target).unwrap(),
                Some(file) => {
                    fs::create_dir_all(target.parent().unwrap()).unwrap();
                    fs::write(target, self.files[*file].after_crash(random)).unwrap();
                }
            }
        }
    }
}

impl File {
    fn after_crash(&self, random: &mut StdRng) -> Vec<u8> {
        let mut content = self.content.clone();
        for change in &self.unsynced {
            match (random.random_range(0..4), change) {
                (0 | 1, _) => {}
                (2, Change::Write(offset, bytes)) => tear(*offset, bytes, &mut content, random),
                (_, change) => change.apply(&mut content),
            }
        }
        content
    }
}

/// Writes the sectors that chance keeps.
fn tear(offset: u64, bytes: &[u8], content: &mut Vec<u8>, random: &mut StdRng) {
    let mut at = 0;
    let mut keep = u64::MAX;
    while at < bytes.len() {
        let to_border = SECTOR - (offset as usize + at) % SECTOR;
        let end = (at + to_border).min(bytes.len());
        // Runs of sectors rather than single ones: sometimes one is missing, sometimes one is there.
        if random.random_range(0..8) == 0 {
            keep = random.next_u64();
        }
        if keep & 1 == 1 {
            write_at(content, offset + at as u64, &bytes[at..end]);
        }
        at = end;
    }
}

fn write_at(content: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let end = offset as usize + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset as usize..end].copy_from_slice(bytes);
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => write_at(content, *offset, bytes),
            Self::Length(length) => content.resize(*length as usize, 0),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Add(path, file) => {
                names.insert(path.clone(), *file);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                let moved: Vec<_> = names.keys().filter(|path| path.starts_with(from)).cloned().collect();
                for path in moved {
                    let rest = path.strip_prefix(from).unwrap();
                    let target = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
                    let file = names.remove(&path).unwrap();
                    names.insert(target, file);
                }
            }
        }
    }

    /// Whether a sync of the folder makes this change durable.
    fn concerns(&self, folder: &Path) -> bool {
        let inside = |path: &Path| path.parent() == Some(folder);
        match self {
            Self::Add(path, _) | Self::Remove(path) => inside(path),
            Self::Rename(from, to) => inside(from) || inside(to),
        }
    }
}
