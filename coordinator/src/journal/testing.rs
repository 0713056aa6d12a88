//! Helpers shared by the tests of the journal.

use std::fs;
use std::path::Path;

use super::{Head, Journal, JournalError, Options, Payload, SledJournal};

pub fn open(dir: &Path) -> Result<SledJournal, JournalError> {
    SledJournal::open(dir, Options::default())
}

/// The payload of event `number`: its number, filled up to `size` bytes.
pub fn payload(number: u64, size: usize) -> Payload {
    let mut payload = number.to_le_bytes().to_vec();
    payload.resize(size.max(8), number as u8);
    payload
}

/// Commits `count` events, one by one, of `size` bytes.
pub fn fill(journal: &mut dyn Journal, count: u64, size: usize) -> Head {
    for _ in 0..count {
        let number = journal.head().sequence + 1;
        journal.append(&[vec![payload(number, size)]]).unwrap();
    }
    journal.head()
}

/// Reads everything and checks that each event is the one that [`fill`] wrote.
pub fn read_back(journal: &mut dyn Journal) -> Result<Vec<u64>, JournalError> {
    let mut seen = Vec::new();
    let from = journal.usage().oldest;
    journal.read(from, &mut |sequence, bytes| {
        assert_eq!(bytes, payload(sequence, bytes.len()), "event {sequence}");
        seen.push(sequence);
        Ok(())
    })?;
    Ok(seen)
}

/// Copies a folder with everything in it: of an open store this is what a killed process leaves.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
