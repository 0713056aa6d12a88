//! What a store does with bits and bytes that changed on the disk.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::testing::{copy_dir, fill, open, read_back};
use super::{Head, Journal, JournalError};

/// What became of a damaged store.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// Damage was named, at opening or reading.
    Named,
    /// Every event is there, unchanged.
    Harmless,
    /// The last events are missing without a word; how many are left.
    Shorter(u64),
}

/// Counts of outcomes; printed, so that a run can be judged.
#[derive(Debug, Default)]
struct Counts {
    named: u32,
    harmless: u32,
    shorter: u32,
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Named => self.named += 1,
            Outcome::Harmless => self.harmless += 1,
            Outcome::Shorter(_) => self.shorter += 1,
        }
    }
}

const EVENTS: u64 = 60;

/// A store of mixed sizes, as an orderly end or a kill leaves it, and its head.
fn image(closed: bool) -> (tempfile::TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(&dir.path().join("live")).unwrap();
    for round in 0..EVENTS / 4 {
        fill(&mut journal, 3, 300);
        fill(&mut journal, 1, if round % 3 == 0 { 45_000 } else { 2_000 });
    }
    let head = journal.head();
    if closed {
        drop(journal);
    }
    copy_dir(&dir.path().join("live"), &dir.path().join("image"));
    (dir, head)
}

/// Opens a copy of the image after `damage` and judges what it shows. A panic fails the test.
fn judge(image: &Path, head: Head, damage: impl FnOnce(&Path)) -> Outcome {
    let copy = tempfile::tempdir().unwrap();
    copy_dir(image, copy.path());
    damage(copy.path());
    let outcome = show(copy.path(), head);
    if outcome == Outcome::Named {
        assert_eq!(show(copy.path(), head), Outcome::Named, "damage is not forgotten by the next start");
    }
    outcome
}

fn show(dir: &Path, head: Head) -> Outcome {
    let read = open(dir).and_then(|mut journal| Ok((read_back(&mut journal)?, journal.head())));
    match read {
        Err(JournalError::Corrupt { .. } | JournalError::NewerFormat { .. }) => Outcome::Named,
        Err(other) => panic!("damage is not named: {other}"),
        Ok((events, found)) if found == head => {
            assert_eq!(events.len() as u64, head.sequence);
            Outcome::Harmless
        }
        Ok((events, found)) => {
            assert!(found.sequence < head.sequence);
            assert_eq!(events.len() as u64, found.sequence);
            Outcome::Shorter(found.sequence)
        }
    }
}

fn flip(path: &Path, byte: u64, bit: u8) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut buffer = [0];
    file.read_exact_at(&mut buffer, byte).unwrap();
    buffer[0] ^= 1 << bit;
    file.write_all_at(&buffer, byte).unwrap();
}

/// Offsets spread over the used part of a file: every `step` bytes, shifted a little each time.
fn offsets(file: &Path, step: u64) -> Vec<u64> {
    let bytes = fs::read(file).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
    (0..used).step_by(step as usize).enumerate().map(|(n, at)| (at + n as u64 * 37 % step).min(used)).collect()
}

/// Every file below the database folder of an image, relative to the image.
fn database_files(image: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(image.join("journal")).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let mut paths: Vec<_> = files.map(|entry| Path::new("journal").join(entry.file_name())).collect();
    paths.sort();
    paths
}

fn flips(closed: bool) -> Counts {
    let (dir, head) = image(closed);
    let image = dir.path().join("image");
    let mut counts = Counts::default();
    for file in database_files(&image) {
        let length = fs::metadata(image.join(&file)).unwrap().len();
        let step = if length > 100_000 { 5_003 } else { 7 };
        for (number, byte) in offsets(&image.join(&file), step).into_iter().enumerate() {
            let bit = (number % 8) as u8;
            let outcome = judge(&image, head, |copy| flip(&copy.join(&file), byte, bit));
            let last_commit = outcome == Outcome::Shorter(head.sequence - 1);
            let at = format!("{} byte {byte} bit {bit}: {outcome:?}", file.display());
            assert!(outcome == Outcome::Named || outcome == Outcome::Harmless || last_commit && !closed, "{at}");
            counts.add(&outcome);
        }
    }
    counts
}

#[test]
fn a_flipped_bit_in_a_closed_store_is_named_or_harmless() {
    let counts = flips(true);
    println!("closed store: {counts:?}");
    assert!(counts.named > 50 && counts.shorter == 0, "{counts:?}");
}

#[test]
fn a_flipped_bit_in_a_killed_store_costs_at_most_the_last_commit_unnamed() {
    let counts = flips(false);
    println!("killed store: {counts:?}");
    assert!(counts.named > 50, "{counts:?}");
}

fn truncations(closed: bool, judge_outcome: impl Fn(&Outcome, u64)) -> Counts {
    let (dir, head) = image(closed);
    let image = dir.path().join("image");
    let mut counts = Counts::default();
    for file in database_files(&image) {
        let path = image.join(&file);
        let step = if fs::metadata(&path).unwrap().len() > 100_000 { 9_973 } else { 11 };
        for length in offsets(&path, step) {
            let cut = |copy: &Path| {
                let file = OpenOptions::new().write(true).open(copy.join(&file)).unwrap();
                file.set_len(length).unwrap();
            };
            let outcome = judge(&image, head, cut);
            judge_outcome(&outcome, length);
            counts.add(&outcome);
        }
    }
    counts
}

#[test]
fn a_truncated_file_of_a_closed_store_is_named_or_harmless() {
    let counts = truncations(true, |outcome, length| {
        assert!(!matches!(outcome, Outcome::Shorter(_)), "{length} bytes: {outcome:?}");
    });
    println!("closed store: {counts:?}");
    assert!(counts.named > 20, "{counts:?}");
}

#[test]
fn a_truncated_file_of_a_killed_store_never_falls_below_the_manifest() {
    let counts = truncations(false, |outcome, length| {
        let kept = !matches!(outcome, Outcome::Shorter(left) if *left < EVENTS / 2);
        assert!(kept, "{length} bytes: {outcome:?}");
    });
    println!("killed store: {counts:?}");
    assert!(counts.named > 20, "{counts:?}");
}
