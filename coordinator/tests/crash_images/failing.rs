//! Writes and syncs that fail: nothing is acknowledged afterwards, and what was stays.

use std::path::PathBuf;

use hone_coordinator::journal::{Head, Journal, JournalError, Options, SledJournal};

use super::record::{Operation, run};
use super::{acknowledgement, fast_folder, read_all};

const DIR: &str = "HONE_FAILING_WRITER_DIR";
const KIND: &str = "HONE_FAILING_WRITER_KIND";

/// The writer: does nothing unless started by [`fail`].
#[test]
fn failing_writer() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else { return };
    let mut journal = SledJournal::open(&dir.join("store"), Options::default()).unwrap();
    let (error, head) = append_until_failure(&mut journal, &dir);
    match std::env::var(KIND).unwrap().as_str() {
        "HONE_FAIL_SYNC" => assert!(matches!(error, JournalError::SyncFailed { .. }), "{error}"),
        _ => assert!(matches!(error, JournalError::Io { .. }), "{error}"),
    }
    assert!(!error.may_reopen());
    assert_eq!(journal.head(), head);
    let closed = |result: Result<Head, JournalError>| matches!(result, Err(JournalError::Poisoned { .. }));
    assert!(closed(journal.append(&[vec![b"again".to_vec()]])) && closed(journal.reopen()));
}

/// The failure, and the head that was acknowledged before it.
fn append_until_failure(journal: &mut SledJournal, dir: &std::path::Path) -> (JournalError, Head) {
    let mut acknowledged = String::new();
    for _ in 0..1_000 {
        let head = journal.head();
        match journal.append(&[vec![vec![1; 3_000]]]) {
            Ok(head) => acknowledged = format!("{} {}\n", head.sequence, head.chain),
            Err(error) => {
                std::fs::write(dir.join("acknowledged"), acknowledged).unwrap();
                return (error, head);
            }
        }
    }
    panic!("nothing failed");
}

/// Lets the writer run until calls of this kind fail, and opens what it leaves.
fn fail(kind: &str, after: u32) {
    let work = fast_folder();
    let dir = work.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let settings = [(DIR, dir.display().to_string()), (KIND, kind.to_owned()), (kind, after.to_string())];
    let operations = run("failing::failing_writer", &settings, &dir, work.path());
    let head = operations.iter().rev().find_map(acknowledgement).unwrap_or(Head::GENESIS);
    let found = read_all(&dir.join("store")).unwrap();
    assert!(found.sequence == head.sequence || found == expected_next(head), "{found:?} after {head:?}");
    assert!(operations.iter().any(|operation| matches!(operation, Operation::Sync(_))));
}

/// The head with the commit that failed.
fn expected_next(head: Head) -> Head {
    head.next(&[1; 3_000])
}

#[test]
fn nothing_is_acknowledged_after_a_failed_sync() {
    for after in [4, 5, 9, 30] {
        fail("HONE_FAIL_SYNC", after);
    }
}

#[test]
fn nothing_is_acknowledged_after_a_failed_write() {
    for after in [8, 12, 40] {
        fail("HONE_FAIL_WRITE", after);
    }
}
