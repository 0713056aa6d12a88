//! What every journal must do, as one suite: [`test_all`].
//!
//! A new implementation provides a [`Store`] and calls `test_all` from its tests. The suite panics
//! with the fact that does not hold.

use super::chunk::MAX_PAYLOAD;
use super::{Head, Journal, JournalError, Payload};

/// A storage that can be opened again and again.
pub trait Store {
    /// Opens a journal on the storage.
    ///
    /// # Errors
    /// As the implementation under test.
    fn open(&self) -> Result<Box<dyn Journal>, JournalError>;
}

/// Runs every check, each on a fresh store from `make`.
pub fn test_all<S: Store>(make: impl Fn() -> S) {
    a_new_journal_is_empty(&make());
    events_come_back_in_order(&make());
    nothing_to_write_is_not_a_commit(&make());
    the_head_survives_reopening(&make());
    the_chain_depends_on_the_events_alone(&make(), &make());
    reading_starts_where_asked(&make());
    a_visitor_can_stop_the_reading(&make());
    payloads_up_to_the_limit_are_kept(&make());
    a_payload_over_the_limit_is_refused_and_nothing_written(&make());
    a_large_command_is_one_commit(&make());
    dropped_events_are_gone_and_the_rest_stays(&make());
    dropping_everything_keeps_the_head(&make());
    dropping_beyond_the_head_is_refused(&make());
    only_one_may_hold_the_store(&make());
    reopening_a_healthy_journal_changes_nothing(&make());
    a_checkpoint_changes_nothing(&make());
}

fn open(store: &impl Store) -> Box<dyn Journal> {
    store.open().expect("the store opens")
}

fn command(payloads: &[&str]) -> Vec<Payload> {
    payloads.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// All events from `from`, with their numbers.
fn events(journal: &mut dyn Journal, from: u64) -> Vec<(u64, Payload)> {
    let mut seen = Vec::new();
    let mut visit = |sequence, payload: &[u8]| {
        seen.push((sequence, payload.to_vec()));
        Ok(())
    };
    journal.read(from, &mut visit).expect("the journal reads");
    seen
}

/// `count` single-event commits, numbered in their payload.
fn fill(journal: &mut dyn Journal, count: u64) -> Head {
    for number in 1..=count {
        let payload = format!("event {number}");
        journal.append(&[command(&[&payload])]).expect("the append succeeds");
    }
    journal.head()
}

fn a_new_journal_is_empty(store: &impl Store) {
    let mut journal = open(store);
    assert_eq!(journal.head(), Head::GENESIS);
    assert_eq!(journal.base().expect("base"), Head::GENESIS);
    assert!(events(&mut *journal, 1).is_empty());
    assert_eq!((journal.usage().oldest, journal.usage().head), (1, 0));
}

fn events_come_back_in_order(store: &impl Store) {
    let mut journal = open(store);
    let commands = [command(&["a", "b"]), command(&[]), command(&["", "c"])];
    let head = journal.append(&commands).expect("append");
    assert_eq!(head, journal.head());
    assert_eq!(head.sequence, 4);
    let expected = ["a", "b", "", "c"].map(|text| text.as_bytes().to_vec());
    let expected: Vec<_> = (1..).zip(expected).collect();
    assert_eq!(events(&mut *journal, 1), expected);
}

fn nothing_to_write_is_not_a_commit(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 2);
    assert_eq!(journal.append(&[]).expect("append"), head);
    assert_eq!(journal.append(&[Vec::new(), Vec::new()]).expect("append"), head);
}

fn the_head_survives_reopening(store: &impl Store) {
    let mut journal = open(store);
    let mut head = journal.head();
    for round in 0..4 {
        assert_eq!(journal.head(), head, "round {round}");
        head = fill(&mut *journal, 3);
        drop(journal);
        journal = open(store);
    }
    let seen = events(&mut *journal, 1);
    let replayed = seen.iter().fold(Head::GENESIS, |head, (_, payload)| head.next(payload));
    assert_eq!((seen.len(), replayed), (12, head));
}

fn the_chain_depends_on_the_events_alone(one: &impl Store, other: &impl Store) {
    let (mut one, mut other) = (open(one), open(other));
    let head = one.append(&[command(&["a", "b", "c"])]).expect("append");
    other.append(&[command(&["a"])]).expect("append");
    assert_eq!(other.append(&[command(&["b"]), command(&["c"])]).expect("append"), head);
}

fn reading_starts_where_asked(store: &impl Store) {
    let mut journal = open(store);
    fill(&mut *journal, 5);
    journal.append(&[command(&["x", "y", "z"])]).expect("append");
    let numbers =
        |from, journal: &mut dyn Journal| -> Vec<u64> { events(journal, from).iter().map(|(sequence, _)| *sequence).collect() };
    assert_eq!(numbers(4, &mut *journal), [4, 5, 6, 7, 8]);
    assert_eq!(numbers(7, &mut *journal), [7, 8]);
    assert!(numbers(9, &mut *journal).is_empty());
    assert!(numbers(100, &mut *journal).is_empty());
    let zero = journal.read(0, &mut |_, _| Ok(()));
    assert!(matches!(zero, Err(JournalError::Dropped { sequence: 0, oldest: 1 })));
}

fn a_visitor_can_stop_the_reading(store: &impl Store) {
    let mut journal = open(store);
    fill(&mut *journal, 5);
    let mut seen = 0;
    let mut visit = |sequence, _: &[u8]| {
        seen += 1;
        if sequence == 3 {
            return Err(JournalError::Rejected { sequence, detail: "enough".to_owned() });
        }
        Ok(())
    };
    let stopped = journal.read(1, &mut visit);
    assert!(matches!(stopped, Err(JournalError::Rejected { sequence: 3, .. })));
    assert_eq!(seen, 3);
    fill(&mut *journal, 1);
}

fn payloads_up_to_the_limit_are_kept(store: &impl Store) {
    let mut journal = open(store);
    let sizes = [0, 1, 1000, MAX_PAYLOAD - 1, MAX_PAYLOAD];
    let payloads: Vec<_> = sizes.map(|size| vec![size as u8; size]).to_vec();
    journal.append(std::slice::from_ref(&payloads)).expect("append");
    drop(journal);
    let back = events(&mut *open(store), 1);
    assert!(back.iter().map(|(_, payload)| payload).eq(&payloads));
}

fn a_payload_over_the_limit_is_refused_and_nothing_written(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 1);
    let refused = journal.append(&[command(&["small"]), vec![vec![0; MAX_PAYLOAD + 1]]]);
    assert!(matches!(refused, Err(JournalError::PayloadTooLarge { limit: MAX_PAYLOAD, .. })));
    assert_eq!(journal.head(), head);
    assert_eq!(events(&mut *journal, 1).len(), 1);
    fill(&mut *journal, 1);
}

fn a_large_command_is_one_commit(store: &impl Store) {
    let mut journal = open(store);
    let large: Vec<Payload> = (0..300_u32).map(|n| vec![n as u8; 7_000]).collect();
    let head = journal.append(&[large, command(&["last"])]).expect("append");
    assert_eq!(head.sequence, 301);
    drop(journal);
    let mut journal = open(store);
    assert_eq!(journal.head(), head);
    assert_eq!(events(&mut *journal, 1).len(), 301);
}

fn dropped_events_are_gone_and_the_rest_stays(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 20);
    let whole = events(&mut *journal, 1);
    journal.drop_before(11).expect("drop");
    let refused = journal.read(1, &mut |_, _| Ok(()));
    assert!(matches!(refused, Err(JournalError::Dropped { sequence: 1, .. })));
    drop(journal);
    let mut journal = open(store);
    let oldest = journal.usage().oldest;
    assert!((2..=11).contains(&oldest), "oldest is {oldest}");
    assert_eq!(journal.base().expect("base").sequence, oldest - 1);
    assert_eq!(events(&mut *journal, 11), whole[10..]);
    assert_eq!(journal.head(), head);
    let base = journal.base().expect("base");
    let replayed = events(&mut *journal, oldest).iter().fold(base, |head, (_, payload)| head.next(payload));
    assert_eq!(replayed, head);
}

fn dropping_everything_keeps_the_head(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 5);
    journal.drop_before(6).expect("drop");
    drop(journal);
    let mut journal = open(store);
    assert_eq!(journal.head(), head);
    assert_eq!(fill(&mut *journal, 1).sequence, 6);
}

fn dropping_beyond_the_head_is_refused(store: &impl Store) {
    let mut journal = open(store);
    fill(&mut *journal, 2);
    let refused = journal.drop_before(4);
    assert!(matches!(refused, Err(JournalError::BeyondHead { sequence: 4, head: 2 })));
    assert_eq!(events(&mut *journal, 1).len(), 2);
}

fn only_one_may_hold_the_store(store: &impl Store) {
    let journal = open(store);
    let Err(JournalError::Held { pid, .. }) = store.open() else {
        panic!("a second opener is refused");
    };
    assert_eq!(pid, std::process::id());
    drop(journal);
    open(store);
}

fn reopening_a_healthy_journal_changes_nothing(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 3);
    assert_eq!(journal.reopen().expect("reopen"), head);
    fill(&mut *journal, 2);
    assert_eq!(events(&mut *journal, 1).len(), 5);
}

fn a_checkpoint_changes_nothing(store: &impl Store) {
    let mut journal = open(store);
    let head = fill(&mut *journal, 3);
    journal.checkpoint().expect("checkpoint");
    assert_eq!(journal.head(), head);
    drop(journal);
    assert_eq!(open(store).head(), head);
}
