use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::super::backup::{BACKUP, backup, restore};
use super::super::sled_journal::sled_file;
use super::super::testing::{fill, open, payload, read_back};
use super::*;

/// A closed store with events, two snapshots, a blob, and dropped events; its head.
fn store() -> (tempfile::TempDir, Head) {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut journal = open(&data).unwrap();
    let snapshots = SnapshotStore::open(&data.join("snapshots")).unwrap();
    for _ in 0..2 {
        let at = fill(&mut journal, 50, 3_000);
        let segment = snapshots.put_segment(&at.sequence.to_le_bytes()).unwrap();
        snapshots.write(at, &[segment], b"body").unwrap();
    }
    journal.drop_before(51).unwrap();
    let head = journal.append(&[(101..=200).map(|n| payload(n, 20_000)).collect()]).unwrap();
    BlobStore::open(&data.join("blobs"), 1000).unwrap().put(&mut &b"blob"[..]).unwrap();
    (dir, head)
}

fn check(dir: &Path) -> Report {
    verify(&dir.join("data"), true, &Options::default()).unwrap()
}

fn flip(file: &Path, byte: u64) {
    let file = OpenOptions::new().read(true).write(true).open(file).unwrap();
    let mut buffer = [0];
    file.read_exact_at(&mut buffer, byte).unwrap();
    file.write_all_at(&[buffer[0] ^ 8], byte).unwrap();
}

/// The last file below `dir`, in the order of the paths.
fn last_file_in(dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter_map(|path| if path.is_dir() { last_file_in(&path) } else { Some(path) });
    files.max()
}

/// The file, or the last one below the folder.
fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { last_file_in(path).unwrap() } else { path.to_owned() }
}

#[test]
fn a_sound_store_is_reported_whole_and_left_as_it_was() {
    let (dir, head) = store();
    let before = fs::read(sled_file(&dir.path().join("data"))).unwrap();
    let report = check(dir.path());
    assert!(report.is_sound() && report.closed_in_order, "{report:?}");
    assert_eq!(report.events, Some((51, head)));
    assert_eq!(report.snapshots.iter().map(|point| point.sequence).collect::<Vec<_>>(), [100, 50]);
    assert_eq!(report.blobs, 1);
    assert_eq!(fs::read(sled_file(&dir.path().join("data"))).unwrap(), before);
    assert!(!dir.path().join("data/journal.verifying").exists());
}

#[test]
fn every_kind_of_damage_is_reported_with_its_file_and_leaves_the_store_as_it_was() {
    for part in ["MANIFEST", "journal/db", "snapshots/segments", "blobs"] {
        let (dir, _) = store();
        let path = dir.path().join("data").join(part);
        let file = file_of(&path);
        let middle = if part == "journal/db" { 1_000_000 } else { 2 };
        flip(&file, middle);
        let damaged = fs::read(&file).unwrap();
        let report = check(dir.path());
        assert!(report.problems.iter().any(|problem| problem.file.starts_with(&path)), "{part}: {report:?}");
        assert_eq!(fs::read(&file).unwrap(), damaged, "{part}");
    }
}

#[test]
fn a_snapshot_of_another_journal_is_reported() {
    let (dir, head) = store();
    let snapshots = SnapshotStore::open(&dir.path().join("data/snapshots")).unwrap();
    snapshots.write(Head { sequence: head.sequence - 1, ..head }, &[], b"").unwrap();
    let report = check(dir.path());
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].detail.contains("event 199"), "{report:?}");
}

#[test]
fn a_store_in_use_is_not_touched() {
    let (dir, _) = store();
    let data = dir.path().join("data");
    let _journal = open(&data).unwrap();
    assert!(matches!(verify(&data, true, &Options::default()), Err(JournalError::Held { .. })));
    assert!(matches!(compact(&data, Options::default()), Err(JournalError::Held { .. })));
    let target = dir.path().join("backup");
    assert!(matches!(backup(&data, &target, Options::default()), Err(JournalError::Held { .. })));
    assert!(!target.exists());
}

#[test]
fn a_restored_backup_is_the_same_store() {
    let (dir, head) = store();
    let (data, target, again) = (dir.path().join("data"), dir.path().join("backup"), dir.path().join("again"));
    assert_eq!(backup(&data, &target, Options::default()).unwrap(), head);
    fs::create_dir(&again).unwrap();
    assert_eq!(restore(&target, &again, Options::default()).unwrap(), head);
    let report = verify(&again, true, &Options::default()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!((report.events, report.blobs), (Some((51, head)), 1));
    assert_eq!(report.store, check(dir.path()).store);
    let mut journal = open(&again).unwrap();
    assert_eq!(read_back(&mut journal).unwrap(), (51..=200).collect::<Vec<_>>());
    fill(&mut journal, 1, 10);
}

#[test]
fn an_empty_store_can_be_backed_up_and_restored() {
    let dir = tempfile::tempdir().unwrap();
    let (data, target, again) = (dir.path().join("data"), dir.path().join("backup"), dir.path().join("again"));
    drop(open(&data).unwrap());
    backup(&data, &target, Options::default()).unwrap();
    assert_eq!(restore(&target, &again, Options::default()).unwrap(), Head::GENESIS);
    fill(&mut open(&again).unwrap(), 1, 10);
}

#[test]
fn a_live_backup_ends_at_one_event_while_the_store_goes_on() {
    let (dir, head) = store();
    let (data, target, again) = (dir.path().join("data"), dir.path().join("backup"), dir.path().join("again"));
    let mut journal = open(&data).unwrap();
    let store = journal.store();
    let backup = super::super::backup::Backup::begin(&target).unwrap();
    let manifest = backup.events(&mut journal, store).unwrap();
    fill(&mut journal, 10, 100);
    backup.snapshots(&data).unwrap();
    backup.blobs(&data).unwrap();
    assert!(!target.exists());
    backup.finish(&manifest).unwrap();
    assert_eq!(restore(&target, &again, Options::default()).unwrap(), head);
    assert!(verify(&again, true, &Options::default()).unwrap().is_sound());
}

#[test]
fn a_target_with_something_in_it_is_refused() {
    let (dir, _) = store();
    let data = dir.path().join("data");
    assert!(matches!(backup(&data, &data, Options::default()), Err(JournalError::NotEmpty { .. })));
    let target = dir.path().join("backup");
    backup(&data, &target, Options::default()).unwrap();
    assert!(matches!(restore(&target, &data, Options::default()), Err(JournalError::NotEmpty { .. })));
    assert!(check(dir.path()).is_sound());
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_appears() {
    let (dir, _) = store();
    let data = dir.path().join("data");
    for part in [BACKUP, "events", "snapshots", "blobs"] {
        for truncate in [false, true] {
            let (target, again) = (tempfile::tempdir().unwrap(), dir.path().join("again"));
            backup(&data, target.path(), Options::default()).unwrap();
            let path = target.path().join(part);
            let file = file_of(&path);
            let length = fs::metadata(&file).unwrap().len();
            flip(&file, length / 2);
            if truncate {
                OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
            }
            restore(target.path(), &again, Options::default()).unwrap_err();
            assert!(!again.exists(), "{part}");
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn compacting_gives_space_back_and_keeps_everything() {
    let (dir, head) = store();
    let data = dir.path().join("data");
    let mut journal = open(&data).unwrap();
    journal.drop_before(190).unwrap();
    drop(journal);
    let compacted = compact(&data, Options::default()).unwrap();
    assert!(compacted.after_bytes < compacted.before_bytes, "{compacted:?}");
    let mut journal = open(&data).unwrap();
    assert_eq!(journal.head(), head);
    read_back(&mut journal).unwrap();
}
