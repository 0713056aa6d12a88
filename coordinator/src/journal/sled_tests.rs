use std::fs;

use super::super::conformance::{self, Store};
use super::super::manifest::MANIFEST;
use super::super::testing::{copy_dir, fill, open, payload, read_back};
use super::*;

struct Fixture(tempfile::TempDir);

impl Store for Fixture {
    fn open(&self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(open(self.0.path())?))
    }
}

fn manifest(dir: &Path) -> Manifest {
    Manifest::load(dir).unwrap().unwrap()
}

/// A closed store with `count` small events.
fn closed_store(count: u64) -> (tempfile::TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let head = fill(&mut open(dir.path()).unwrap(), count, 100);
    (dir, head)
}

#[test]
fn sled_journal_keeps_the_contract() {
    conformance::test_all(|| Fixture(tempfile::tempdir().unwrap()));
}

#[test]
fn both_journals_reach_the_same_head() {
    let dir = tempfile::tempdir().unwrap();
    let disk = super::super::MemoryDisk::new();
    let mut memory = super::super::MemoryJournal::open(&disk).unwrap();
    let head = fill(&mut open(dir.path()).unwrap(), 30, 5_000);
    assert_eq!(fill(&mut memory, 30, 5_000), head);
}

#[test]
fn full_chunks_stay_in_the_log_of_sled() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    fill(&mut journal, 400, super::super::chunk::MAX_PAYLOAD);
    journal.append(&[(401..=800).map(|n| payload(n, 40_000)).collect()]).unwrap();
    assert_eq!(spilled_values(dir.path()).unwrap(), 0);
    journal.drop_before(500).unwrap();
    journal.rewrite().unwrap();
    assert_eq!(spilled_values(dir.path()).unwrap(), 0);
    assert_eq!(read_back(&mut journal).unwrap().last(), Some(&800));
}

#[test]
fn the_manifest_follows_the_head_within_a_thousand_chunks_and_is_exact_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    for _ in 0..30 {
        let head = fill(&mut journal, 100, 20).sequence;
        let recorded = manifest(dir.path()).head.sequence;
        assert!(recorded + 1_000 >= head && recorded * 3 >= head, "{recorded} of {head}");
    }
    let head = journal.head();
    drop(journal);
    let manifest = manifest(dir.path());
    assert_eq!((manifest.head, manifest.state), (head, State::Closed));
}

#[test]
fn every_step_of_a_creation_can_be_the_last() {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::new(dir.path());
    fs::create_dir(layout.creating()).unwrap();
    fs::write(layout.creating().join("db"), b"half").unwrap();
    drop(open(dir.path()).unwrap());
    for lost in [".hone-tmp-x", MANIFEST] {
        let (dir, _) = closed_store(0);
        fs::write(dir.path().join(".hone-tmp-x"), b"torn").unwrap();
        fs::remove_file(dir.path().join(lost)).unwrap();
        assert_eq!(open(dir.path()).unwrap().head(), Head::GENESIS, "without {lost}");
        assert!(!dir.path().join(".hone-tmp-x").exists());
    }
}

#[test]
fn a_crash_before_or_after_the_manifest_is_renamed_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    fill(&mut journal, 3, 50);
    let before = fs::read(dir.path().join(MANIFEST)).unwrap();
    let head = fill(&mut journal, 20, 50);
    journal.checkpoint().unwrap();
    for renamed in [false, true] {
        let crashed = tempfile::tempdir().unwrap();
        copy_dir(dir.path(), crashed.path());
        if !renamed {
            fs::write(crashed.path().join(MANIFEST), &before).unwrap();
            fs::write(crashed.path().join(".hone-tmp-1"), b"hone-store 1\nsto").unwrap();
        }
        let mut journal = open(crashed.path()).unwrap();
        assert_eq!(journal.head(), head);
        assert_eq!(read_back(&mut journal).unwrap().len(), 23);
    }
}

#[test]
fn a_torn_or_missing_manifest_is_named() {
    let (dir, _) = closed_store(5);
    let path = dir.path().join(MANIFEST);
    let text = fs::read(&path).unwrap();
    for length in [0, 1, text.len() / 2, text.len() - 1] {
        fs::write(&path, &text[..length]).unwrap();
        let error = open(dir.path()).unwrap_err();
        assert!(matches!(&error, JournalError::Corrupt { file, .. } if *file == path), "{error}");
    }
    fs::remove_file(&path).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(&error, JournalError::Corrupt { file, .. } if *file == path), "{error}");
    fs::write(&path, &text).unwrap();
    open(dir.path()).unwrap();
}

#[test]
fn a_missing_database_is_not_taken_for_a_new_one() {
    let (dir, _) = closed_store(5);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    assert!(matches!(open(dir.path()), Err(JournalError::Corrupt { sequence: 1, .. })));
}

#[test]
fn newer_formats_are_refused_by_name() {
    let (dir, head) = closed_store(2);
    let path = dir.path().join(MANIFEST);
    let good = fs::read(&path).unwrap();
    let lines = "hone-store 2\nelse\n";
    fs::write(&path, format!("{lines}crc32c {:08x}\n", crc32c::crc32c(lines.as_bytes()))).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    fs::write(&path, good).unwrap();
    let database = Database::open(&dir.path().join("journal"), &Options::default()).unwrap();
    let (last, mut value) = database.last().unwrap().unwrap();
    value[8] = 9;
    database.apply(vec![(last, Some(value))]).unwrap();
    drop(database);
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::NewerFormat { found: 9, supported: 1, .. }), "{error}");
    assert_eq!(last, head.sequence);
}

#[test]
fn an_unfinished_last_commit_is_removed_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    fill(&mut journal, 2, 50);
    let head = journal.head();
    let three_chunks = (3..=5).map(|number| payload(number, 40_000)).collect();
    journal.append(&[three_chunks]).unwrap();
    let crashed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), crashed.path());
    let database = Database::open(&crashed.path().join("journal"), &Options::default()).unwrap();
    database.apply(vec![(5, None)]).unwrap();
    drop(database);
    let mut journal = open(crashed.path()).unwrap();
    assert_eq!(journal.head(), head);
    assert_eq!(read_back(&mut journal).unwrap(), [1, 2]);
    fill(&mut journal, 1, 50);
}

#[test]
fn the_database_of_another_store_is_refused() {
    let (one, _) = closed_store(5);
    let (other, _) = closed_store(5);
    fs::remove_dir_all(one.path().join("journal")).unwrap();
    copy_dir(&other.path().join("journal"), &one.path().join("journal"));
    assert!(matches!(open(one.path()), Err(JournalError::Corrupt { .. })));
}

#[test]
fn an_older_copy_of_the_database_is_refused() {
    let (dir, _) = closed_store(5);
    let old = tempfile::tempdir().unwrap();
    copy_dir(&dir.path().join("journal"), old.path());
    fill(&mut open(dir.path()).unwrap(), 5, 100);
    fs::remove_dir_all(dir.path().join("journal")).unwrap();
    copy_dir(old.path(), &dir.path().join("journal"));
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, JournalError::Corrupt { sequence: 6, last_good: 5, .. }), "{error}");
}

#[test]
fn a_half_written_snapshot_of_sled_is_removed() {
    let (dir, head) = closed_store(5);
    let leftover = dir.path().join("journal/snap.FFFFFFFFFFFFFFFF.generating");
    fs::write(&leftover, b"half").unwrap();
    assert_eq!(open(dir.path()).unwrap().head(), head);
    assert!(!leftover.exists());
}

#[test]
fn after_a_failed_sync_everything_is_written_anew() {
    let (dir, head) = closed_store(50);
    let mut suspect = manifest(dir.path());
    suspect.state = State::Suspect;
    suspect.store(dir.path()).unwrap();
    let inode = |dir: &Path| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(sled_file(dir)).unwrap().ino()
    };
    let before = inode(dir.path());
    let mut journal = open(dir.path()).unwrap();
    assert_ne!(inode(dir.path()), before);
    assert_eq!(journal.head(), head);
    assert_eq!(read_back(&mut journal).unwrap().len(), 50);
    drop(journal);
    assert_eq!(manifest(dir.path()).state, State::Closed);
}

#[test]
fn dropping_and_rewriting_give_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    let head = fill(&mut journal, 500, 40_000);
    let before = journal.usage().bytes_on_disk;
    journal.drop_before(490).unwrap();
    journal.rewrite().unwrap();
    assert!(journal.usage().bytes_on_disk * 2 < before, "{before}");
    assert_eq!(journal.usage().oldest, 490);
    drop(journal);
    let mut journal = open(dir.path()).unwrap();
    assert_eq!(journal.head(), head);
    assert_eq!(read_back(&mut journal).unwrap().len(), 11);
}

#[test]
fn a_crash_between_the_batches_of_a_drop_keeps_a_whole_rest() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap();
    let head = fill(&mut journal, 20, 100);
    journal.manifest.oldest = 15;
    journal.checkpoint().unwrap();
    journal.apply((1..8).map(|key| (key, None)).collect()).unwrap();
    let crashed = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), crashed.path());
    let mut journal = open(crashed.path()).unwrap();
    assert_eq!((journal.usage().oldest, journal.head()), (8, head));
    assert_eq!(read_back(&mut journal).unwrap().len(), 13);
}
