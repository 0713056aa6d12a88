//! Records on their way to the coordinator: numbered, resent until acknowledged, bounded in size.

use std::collections::VecDeque;

use hone_proto::worker::{Record, record};
use prost::Message;

use super::AttemptKey;

/// Records in one message. Far below the 4 MiB that a gRPC peer accepts.
const BATCH_RECORDS: usize = 2_048;
/// Bytes in one message, of which the last record may exceed the rest.
const BATCH_BYTES: usize = 512 << 10;

/// Unacknowledged records in the order of their numbers.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    records: VecDeque<Record>,
    last_sequence: u64,
    /// The last record that this session was sent.
    sent: u64,
    bytes: u64,
}

/// What an acknowledgement covered.
#[derive(Debug, Default)]
pub(super) struct Forgotten {
    pub(super) records: usize,
    /// Attempts whose end it covered.
    pub(super) ended: Vec<AttemptKey>,
}

impl Outbox {
    /// Takes over what the spool holds.
    pub(super) fn load(&mut self, records: Vec<Record>, last_sequence: u64) {
        self.bytes = records.iter().map(size_of_record).sum();
        self.last_sequence = records.last().map_or(0, |record| record.sequence).max(last_sequence);
        self.records = records.into();
    }

    /// Numbers a fact and keeps it until it is acknowledged.
    pub(super) fn push(&mut self, key: AttemptKey, in_attempt: u64, kind: record::Kind) -> &Record {
        self.last_sequence += 1;
        let record = Record { sequence: self.last_sequence, task: key.task, attempt: key.attempt, in_attempt, kind: Some(kind) };
        self.bytes += size_of_record(&record);
        self.records.push_back(record);
        let last = self.records.len() - 1;
        &self.records[last]
    }

    /// Everything up to `sequence` is durable and need not be kept.
    pub(super) fn acknowledge(&mut self, sequence: u64) -> Forgotten {
        let mut forgotten = Forgotten::default();
        let covered = self.records.partition_point(|record| record.sequence <= sequence);
        for record in self.records.drain(..covered) {
            self.bytes -= size_of_record(&record);
            forgotten.records += 1;
            if matches!(record.kind, Some(record::Kind::Ended(_))) {
                forgotten.ended.push(AttemptKey::of(&record));
            }
        }
        forgotten
    }

    /// A session begins in which everything after `acknowledged` has to be sent again.
    pub(super) fn rewind(&mut self, acknowledged: u64) {
        self.sent = acknowledged;
        // The spool lost its tail (a power cut): numbers that the coordinator has seen are never used again.
        self.last_sequence = self.last_sequence.max(acknowledged);
    }

    /// Forgets the records of an attempt that is not ours.
    pub(super) fn drop_attempt(&mut self, key: AttemptKey) {
        self.records.retain(|record| AttemptKey::of(record) != key);
        self.bytes = self.records.iter().map(size_of_record).sum();
    }

    pub(super) fn next_batch(&mut self) -> Option<Vec<Record>> {
        let first = self.records.partition_point(|record| record.sequence <= self.sent);
        let mut bytes = 0;
        let batch: Vec<Record> = self
            .records
            .range(first..)
            .take(BATCH_RECORDS)
            .take_while(|record| {
                let fits = bytes < BATCH_BYTES;
                bytes += record.encoded_len();
                fits
            })
            .cloned()
            .collect();
        self.sent = batch.last()?.sequence;
        Some(batch)
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.records.back().is_some_and(|record| record.sequence > self.sent)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }
}

impl AttemptKey {
    /// The attempt of which a record tells.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        Self { task: record.task, attempt: record.attempt }
    }
}

fn size_of_record(record: &Record) -> u64 {
    record.encoded_len() as u64
}
