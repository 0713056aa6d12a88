//! Events as JSON lines: from the engine that holds a store, or from a store that nobody uses, so that even a build
//! that refuses to open it gets its content out.
//!
//! ```text
//! {"sequence":7,"event":{…}}                        an event that this build knows
//! {"sequence":8,"unknown":{"tag":91,"base64":"…"}}  one that a newer build wrote, as its bytes
//! ```

use std::{io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hone_data::BlobStore;
use serde_json::json;

use crate::{
    convert::journal::{DecodeError, decode_event},
    engine::{Engine, RecoverError, SpillStore},
    journal::{Journal, JournalError, Options, SledJournal, layout::Layout},
    store::{OpenError, Spill},
};

/// Some events, and where the next ones begin.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Batch {
    pub lines: Vec<String>,
    /// Sequence number after the last line's.
    pub next: u64,
}

/// Why a store could not be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Whoever takes the lines failed.
    #[error("the events cannot be written: {0}")]
    Write(#[source] io::Error),
}

/// Up to `count` events from a sequence number on. No lines: that was all.
///
/// # Errors
/// Damage.
pub fn batch(engine: &mut Engine, from: u64, count: usize) -> Result<Batch, RecoverError> {
    let (journal, spill) = engine.parts_mut();
    let mut batch = Batch { lines: Vec::new(), next: from };
    let ended = each(journal, spill, from, &mut |sequence, line| {
        batch.lines.push(line);
        batch.next = sequence + 1;
        batch.lines.len() < count
    });
    ended.map(|()| batch)
}

/// Gives every event of the store in `directory` from a sequence number on to `write`, without changing the store.
/// Returns how many there were.
///
/// # Errors
/// [`JournalError::Held`] while a process holds the store; damage; or what `write` says.
pub fn offline(directory: &Path, from: u64, write: &mut dyn FnMut(&str) -> io::Result<()>) -> Result<u64, ExportError> {
    let mut journal = SledJournal::open(directory, Options::default()).map_err(OpenError::from)?;
    let blobs = BlobStore::open(&Layout::new(directory).blobs(), u64::MAX).map_err(OpenError::from)?;
    let (mut count, mut failed) = (0, None);
    let ended = each(&mut journal, &Spill(blobs), from, &mut |_, line| {
        count += 1;
        failed = write(&line).err();
        failed.is_none()
    });
    match failed {
        Some(error) => Err(ExportError::Write(error)),
        None => ended.map(|()| count).map_err(|error| OpenError::from(error).into()),
    }
}

/// Visits events as lines until `visit` answers no.
fn each(
    journal: &mut dyn Journal,
    spill: &dyn SpillStore,
    from: u64,
    visit: &mut dyn FnMut(u64, String) -> bool,
) -> Result<(), RecoverError> {
    let from = from.max(journal.usage().oldest).max(1);
    if from > journal.head().sequence {
        return Ok(());
    }
    let mut failed = None;
    let mut stopped = false;
    let read = journal.read(from, &mut |sequence, payload| {
        match line(spill, sequence, payload) {
            Ok(line) => stopped = !visit(sequence, line),
            Err(error) => failed = Some(error),
        }
        let ends = stopped || failed.is_some();
        if ends { Err(JournalError::Rejected { sequence, detail: "enough".to_owned() }) } else { Ok(()) }
    });
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(JournalError::Rejected { .. })) if stopped => Ok(()),
        (None, read) => Ok(read?),
    }
}

fn line(spill: &dyn SpillStore, sequence: u64, payload: &[u8]) -> Result<String, RecoverError> {
    match decode_event(payload) {
        Err(DecodeError::Spilled(blob)) => {
            let bytes = spill.get(blob)?;
            document(sequence, &bytes, decode_event(&bytes))
        }
        decoded => document(sequence, payload, decoded),
    }
}

fn document(sequence: u64, bytes: &[u8], decoded: Result<hone_studies::Event, DecodeError>) -> Result<String, RecoverError> {
    let document = match decoded {
        Ok(event) => json!({ "sequence": sequence, "event": event }),
        Err(DecodeError::UnknownKind { tag, .. }) => {
            json!({ "sequence": sequence, "unknown": { "tag": tag, "base64": STANDARD.encode(bytes) } })
        }
        Err(DecodeError::Spec(_)) => json!({ "sequence": sequence, "unknown": { "base64": STANDARD.encode(bytes) } }),
        Err(source) => return Err(RecoverError::Event { sequence, source }),
    };
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use hone_studies::{Command, Now};

    use super::*;
    use crate::store::Store;

    /// A field number that no event has, with an empty message.
    const FROM_THE_FUTURE: [u8; 4] = [0xfa, 0xff, 0x01, 0x00];

    fn now() -> Now {
        Now { wall: 1_000_000, mono: 0 }
    }

    fn lines(directory: &Path, from: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let write = &mut |line: &str| {
            lines.push(line.to_owned());
            Ok(())
        };
        offline(directory, from, write).expect("an export");
        lines
    }

    fn store_with_a_newer_event() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), crate::timings::timings()).expect("a store");
        let engine = store.open_engine(now()).expect("an engine");
        let (mut journal, _) = engine.into_parts();
        journal.append(&[vec![FROM_THE_FUTURE.to_vec()]]).expect("an append");
        folder
    }

    #[test]
    fn a_store_with_a_newer_event_is_refused_but_exported() {
        let folder = store_with_a_newer_event();
        let opened = Store::open(folder.path(), crate::timings::timings()).expect("a store").open_engine(now());
        let refusal = opened.err().expect("a refusal").to_string();
        assert!(refusal.contains("upgrade hone"), "{refusal}");
        let lines = lines(folder.path(), 1);
        let last: serde_json::Value = serde_json::from_str(lines.last().expect("a line")).expect("JSON");
        assert_eq!(last["unknown"]["base64"], STANDARD.encode(FROM_THE_FUTURE));
        assert!(lines[0].starts_with("{\"event\":"), "{}", lines[0]);
    }

    #[test]
    fn an_export_leaves_the_store_as_it_was() {
        let folder = store_with_a_newer_event();
        assert_eq!(lines(folder.path(), 1), lines(folder.path(), 1));
        assert_eq!(lines(folder.path(), 2), lines(folder.path(), 1)[1..]);
        assert_eq!(lines(folder.path(), 99), Vec::<String>::new());
    }

    #[test]
    fn batches_join_without_gap_or_repetition_when_old_events_were_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), crate::timings::timings()).expect("a store");
        let mut engine = store.open_engine(now()).expect("an engine");
        for _ in 0..5 {
            engine.commit(now(), vec![Command::OpenStore]).expect("a commit");
        }
        engine.drop_before(4).expect("room");
        let (mut next, mut sequences) = (1, Vec::new());
        loop {
            let batch = batch(&mut engine, next, 2).expect("a batch");
            if batch.lines.is_empty() {
                break;
            }
            let number = |line: &String| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["sequence"].as_u64();
            sequences.extend(batch.lines.iter().filter_map(number));
            next = batch.next;
        }
        let head = engine.journal().head().sequence;
        assert_eq!(sequences, (sequences[0]..=head).collect::<Vec<_>>());
    }
}
