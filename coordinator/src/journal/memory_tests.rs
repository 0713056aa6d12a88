use super::super::conformance::{self, Store};
use super::*;

struct Fixture(MemoryDisk);

impl Store for Fixture {
    fn open(&self) -> Result<Box<dyn Journal>, JournalError> {
        Ok(Box::new(MemoryJournal::open(&self.0)?))
    }
}

fn event(text: &str) -> Vec<Vec<Payload>> {
    vec![vec![text.as_bytes().to_vec()]]
}

fn events(journal: &mut MemoryJournal) -> Vec<String> {
    let mut seen = Vec::new();
    let mut visit = |_, payload: &[u8]| {
        seen.push(String::from_utf8_lossy(payload).into_owned());
        Ok(())
    };
    journal.read(1, &mut visit).unwrap();
    seen
}

#[test]
fn memory_journal_keeps_the_contract() {
    conformance::test_all(|| Fixture(MemoryDisk::new()));
}

#[test]
fn an_acknowledged_commit_survives_a_crash() {
    let disk = MemoryDisk::new();
    let mut journal = MemoryJournal::open(&disk).unwrap();
    let head = journal.append(&event("a")).unwrap();
    assert_eq!(disk.crash(0), 0);
    assert!(matches!(journal.append(&event("b")), Err(JournalError::Poisoned { .. })));
    assert_eq!(MemoryJournal::open(&disk).unwrap().head(), head);
}

#[test]
fn acknowledging_before_the_sync_loses_commits_in_a_crash() {
    let disk = MemoryDisk::new();
    disk.set_ack_before_sync(true);
    let mut journal = MemoryJournal::open(&disk).unwrap();
    journal.append(&event("a")).unwrap();
    journal.append(&event("b")).unwrap();
    journal.append(&event("c")).unwrap();
    assert_eq!(disk.crash(1), 2);
    assert_eq!(events(&mut MemoryJournal::open(&disk).unwrap()), ["a"]);
}

#[test]
fn a_full_disk_refuses_until_there_is_room_and_loses_nothing() {
    let disk = MemoryDisk::new();
    let mut journal = MemoryJournal::open(&disk).unwrap();
    disk.fail_after(1, Fault::Full);
    journal.append(&event("a")).unwrap();
    let error = journal.append(&event("b")).unwrap_err();
    assert!(error.may_reopen(), "{error}");
    assert!(matches!(journal.append(&event("b")), Err(JournalError::Poisoned { .. })));
    assert!(matches!(journal.reopen(), Err(JournalError::Full { .. })));
    disk.free_space();
    assert_eq!(journal.reopen().unwrap().sequence, 1);
    journal.append(&event("c")).unwrap();
    assert_eq!(events(&mut journal), ["a", "c"]);
}

#[test]
fn a_failed_write_or_sync_is_final() {
    for fault in [Fault::Io, Fault::SyncFailed] {
        let disk = MemoryDisk::new();
        let mut journal = MemoryJournal::open(&disk).unwrap();
        disk.fail_after(0, fault);
        assert!(!journal.append(&event("a")).unwrap_err().may_reopen());
        assert!(matches!(journal.reopen(), Err(JournalError::Poisoned { .. })));
        assert_eq!(journal.head(), Head::GENESIS);
    }
}

#[test]
fn a_commit_whose_sync_failed_is_found_whole_or_not_at_all() {
    for keep in [0, 1] {
        let disk = MemoryDisk::new();
        let mut journal = MemoryJournal::open(&disk).unwrap();
        disk.fail_after(0, Fault::SyncFailed);
        let two = [vec![b"a".to_vec(), b"b".to_vec()]];
        journal.append(&two).unwrap_err();
        assert_eq!(disk.unsynced(), 1);
        disk.crash(keep);
        let found = events(&mut MemoryJournal::open(&disk).unwrap());
        assert_eq!(found.len(), 2 * keep);
    }
}
