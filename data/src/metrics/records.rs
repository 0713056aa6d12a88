//! The records of a TFRecord file.
//!
//! ```text
//! length (8) │ masked CRC-32C of it (4) │ payload │ masked CRC-32C of it (4)      numbers little-endian
//! ```
//!
//! A record whose payload is damaged is passed over. After a damaged length nothing tells where the next record
//! begins, so there the file ends.

/// A longer record holds images or graphs, and is passed over.
const PAYLOAD_LIMIT: u64 = 16 << 20;
const LENGTH_BYTES: usize = 8;
const HEADER_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;

/// Why a record is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    /// Nothing behind it can be read.
    #[error("the record at byte {0} is damaged in its length, so nothing behind it can be read")]
    Length(u64),
    /// What follows is read again.
    #[error("the record at byte {0} is damaged and left out")]
    Payload(u64),
}

/// Cuts the bytes of a file into records.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// What is not yet a whole record.
    pending: Vec<u8>,
    /// Where that begins in the file.
    offset: u64,
    /// Bytes of a long record that are still to come.
    passing: u64,
    /// The length of a record was damaged.
    is_over: bool,
}

impl Records {
    /// Takes the next bytes, and hands on every record that they complete.
    pub(super) fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(Result<&[u8], Damage>)) {
        if self.is_over {
            return;
        }
        let passed = usize::try_from(self.passing).map_or(bytes.len(), |passing| passing.min(bytes.len()));
        self.passing -= passed as u64;
        self.offset += passed as u64;
        self.pending.extend_from_slice(&bytes[passed..]);
        let mut at = 0;
        while let Some(taken) = self.next(at, &mut each) {
            at += taken;
        }
        self.pending.drain(..at);
        self.offset += at as u64;
    }

    /// Returns the length of what stands at `at`; `None` where that is not complete.
    fn next(&mut self, at: usize, each: &mut impl FnMut(Result<&[u8], Damage>)) -> Option<usize> {
        let rest = &self.pending[at..];
        let header = rest.get(..HEADER_BYTES)?;
        let place = self.offset + at as u64;
        if masked(&header[..LENGTH_BYTES]) != number(&header[LENGTH_BYTES..]) {
            self.is_over = true;
            each(Err(Damage::Length(place)));
            return None;
        }
        let length = header[..LENGTH_BYTES].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        if length > PAYLOAD_LIMIT {
            let whole = length.saturating_add((HEADER_BYTES + CHECKSUM_BYTES) as u64);
            self.passing = whole.saturating_sub(rest.len() as u64);
            return Some(usize::try_from(whole).map_or(rest.len(), |whole| whole.min(rest.len())));
        }
        let end = HEADER_BYTES + length as usize;
        let checksum = rest.get(end..end + CHECKSUM_BYTES)?;
        let payload = &rest[HEADER_BYTES..end];
        each(if masked(payload) == number(checksum) { Ok(payload) } else { Err(Damage::Payload(place)) });
        Some(end + CHECKSUM_BYTES)
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// The checksum as the format has it, so that one of bytes that hold checksums themselves stays a good one.
pub(super) fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}
