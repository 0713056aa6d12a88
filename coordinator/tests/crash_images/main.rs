//! Crash images of the real store: a writer is recorded call by call, the power is cut at any of
//! them, and what a disk may then hold is opened again.
//!
//! Nothing acknowledged may be missing, nothing may differ, and no image may keep the store from
//! opening. The same with the sync left out must show losses: that proves the test.
//!
//! `HONE_CRASH_IMAGES` sets the number of images, `HONE_CRASH_SEED` the seed.
#![cfg(target_os = "linux")]

mod disk;
mod failing;
mod record;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use hone_coordinator::journal::chunk::MAX_PAYLOAD;
use hone_coordinator::journal::sled_journal::spilled_values;
use hone_coordinator::journal::{Chain, Head, Journal, JournalError, Options, SledJournal};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use disk::Disk;
use record::Operation;

const WRITER_DIR: &str = "HONE_CRASH_WRITER_DIR";
const WRITER_SEED: &str = "HONE_CRASH_WRITER_SEED";
const WRITER_SYNC: &str = "HONE_CRASH_WRITER_SYNC";

/// Commits of one recorded run.
const COMMITS: u32 = 60;
/// Images taken of one recorded run.
const IMAGES_PER_RUN: usize = 100;

/// What became of the images.
#[derive(Debug, Default)]
struct Counts {
    whole: usize,
    lost: usize,
    refused: usize,
    wrong: usize,
    /// Images that hold the commit that was being written.
    with_unacknowledged: usize,
}

impl Counts {
    fn images(&self) -> usize {
        self.whole + self.lost + self.refused + self.wrong
    }
}

/// The writer: does nothing unless started by [`recorded`].
#[test]
fn writer() {
    let Some(dir) = std::env::var_os(WRITER_DIR).map(PathBuf::from) else { return };
    let setting = |name| std::env::var(name).unwrap();
    let mut random = StdRng::seed_from_u64(setting(WRITER_SEED).parse().unwrap());
    let options = Options { sync: setting(WRITER_SYNC) == "on", ..Options::default() };
    let mut acknowledged = File::create(dir.join("acknowledged")).unwrap();
    let mut acknowledge = |head: Head| {
        acknowledged.write_all(format!("{} {}\n", head.sequence, head.chain).as_bytes()).unwrap();
    };
    let store = dir.join("store");
    let mut journal = SledJournal::open(&store, options.clone()).unwrap();
    for _ in 0..COMMITS {
        let events = (0..random.random_range(1..=6)).map(|_| event(&mut random)).collect();
        acknowledge(journal.append(&[events]).unwrap());
        match random.random_range(0..20) {
            0 => journal.checkpoint().unwrap(),
            1 => journal.drop_before(journal.head().sequence / 2 + 1).unwrap(),
            2 => {
                drop(journal);
                journal = SledJournal::open(&store, options.clone()).unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(spilled_values(&store).unwrap(), 0);
}

/// A payload that fills a chunk, the largest that the coordinator writes, or a small one.
fn event(random: &mut StdRng) -> Vec<u8> {
    let size = match random.random_range(0..3) {
        0 => MAX_PAYLOAD,
        1 => 8 * 1024,
        _ => random.random_range(0..300),
    };
    let mut payload = vec![0; size];
    random.fill(&mut payload[..]);
    payload
}

/// What the writer did to its files, in order.
fn recorded(seed: u64, sync: bool) -> (tempfile::TempDir, Vec<Operation>) {
    let work = fast_folder();
    let dir = work.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let settings = [
        (WRITER_DIR, dir.display().to_string()),
        (WRITER_SEED, seed.to_string()),
        (WRITER_SYNC, if sync { "on" } else { "off" }.to_owned()),
    ];
    let operations = record::run("writer", &settings, &dir, work.path());
    assert!(operations.iter().filter(|operation| matches!(operation, Operation::Sync(_))).count() > 10);
    (work, operations)
}

/// Memory where there is some: the images are written to be read at once.
fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// The heads that the writer acknowledged in this call, if it is one.
fn acknowledgement(operation: &Operation) -> Option<Head> {
    let Operation::Write(path, _, bytes) = operation else { return None };
    let line = std::str::from_utf8(bytes).ok().filter(|_| path.ends_with("acknowledged"))?;
    let (sequence, chain) = line.trim_end().split_once(' ')?;
    Some(Head { sequence: sequence.parse().unwrap(), chain: Chain::parse(chain).unwrap() })
}

/// Takes images of one run at random calls and opens each.
fn examine(seed: u64, sync: bool, images: usize, counts: &mut Counts) {
    let (work, operations) = recorded(seed, sync);
    let mut random = StdRng::seed_from_u64(seed ^ 0x1_0000);
    let mut crashes: Vec<_> = (0..images).map(|_| random.random_range(0..=operations.len())).collect();
    crashes.sort_unstable();
    let heads = operations.iter().filter_map(acknowledgement).map(|head| (head.sequence, head.chain));
    let heads: BTreeMap<_, _> = heads.chain([(0, Chain::GENESIS)]).collect();
    let (mut disk, mut done, mut acknowledged) = (Disk::default(), 0, 0);
    for crash in crashes {
        for operation in &operations[done..crash] {
            disk.apply(operation);
            acknowledged = acknowledgement(operation).map_or(acknowledged, |head| head.sequence);
        }
        done = crash;
        let image = fast_folder();
        disk.write_image(&work.path().join("data"), image.path(), &mut random);
        judge(&image.path().join("store"), acknowledged, &heads, counts);
    }
}

fn judge(store: &Path, acknowledged: u64, heads: &BTreeMap<u64, Chain>, counts: &mut Counts) {
    match read_all(store) {
        Err(error) => {
            println!("refused after {acknowledged}: {error}");
            counts.refused += 1;
        }
        Ok(head) if heads.get(&head.sequence) != Some(&head.chain) => counts.wrong += 1,
        Ok(head) if head.sequence < acknowledged => counts.lost += 1,
        Ok(head) => {
            let next = heads.range(acknowledged + 1..).next().map(|(sequence, _)| *sequence);
            assert!(head.sequence == acknowledged || Some(head.sequence) == next, "more than one commit was unsynced");
            counts.whole += 1;
            counts.with_unacknowledged += usize::from(head.sequence > acknowledged);
        }
    }
}

/// Opens the store, reads everything, writes one event more and opens it again; the head found first.
fn read_all(store: &Path) -> Result<Head, JournalError> {
    let mut journal = SledJournal::open(store, Options::default())?;
    let head = journal.head();
    journal.read(journal.usage().oldest, &mut |_, _| Ok(()))?;
    let after = journal.append(&[vec![b"after the crash".to_vec()]])?;
    drop(journal);
    assert_eq!(SledJournal::open(store, Options::default())?.head(), after);
    Ok(head)
}

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn counts(sync: bool, images: usize) -> Counts {
    let seed = from_environment("HONE_CRASH_SEED", 1) as u64;
    let mut counts = Counts::default();
    for run in 0..images.div_ceil(IMAGES_PER_RUN) {
        let images = IMAGES_PER_RUN.min(images - run * IMAGES_PER_RUN);
        examine(seed * 1_000 + run as u64, sync, images, &mut counts);
    }
    println!("seed {seed}, sync {sync}: {counts:?}");
    counts
}

#[test]
fn nothing_acknowledged_is_lost_in_any_crash_image() {
    let images = from_environment("HONE_CRASH_IMAGES", 500);
    let counts = counts(true, images);
    assert_eq!((counts.images(), counts.whole), (images, images), "{counts:?}");
    assert!(counts.with_unacknowledged > 0, "{counts:?}");
}

#[test]
fn without_the_sync_the_images_show_losses() {
    let counts = counts(false, 60);
    assert!(counts.lost + counts.refused > 10, "{counts:?}");
    assert_eq!(counts.wrong, 0, "{counts:?}");
}
