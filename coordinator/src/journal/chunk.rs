//! The stored form of events: a header and the payloads of consecutive events.
//!
//! ```text
//! magic 8 │ version u16 │ zero u16 │ crc32c u32 │ store 16 │ first u64 │ commit_first u64
//! index u16 │ chunks u16 │ count u32 │ chain 32 │ commit_chain 32 │ (length u32, payload) × count
//! ```
//! Integers are little-endian. The checksum covers everything after itself. `chain` is the chain
//! before the first event, `commit_chain` the one before the commit that the chunk belongs to:
//! whoever finds a whole chunk of commit n knows that everything before commit n was durable.

use uuid::Uuid;

use super::{Chain, Head, JournalError, Payload};

/// What a chunk starts with.
pub const MAGIC: [u8; 8] = *b"\x89HoneJc\n";
/// The newest chunk format known here.
pub const FORMAT: u16 = 1;
/// Bytes before the payloads.
pub const HEADER: usize = 8 + 2 + 2 + 4 + 16 + 8 + 8 + 2 + 2 + 4 + 32 + 32;
/// Size of a chunk at most: larger values leave sled's log for files of its own, which it never syncs.
pub const MAX_CHUNK: usize = 48 * 1024;
/// Size that a chunk of several events is filled up to. sled keeps at least one leaf of 8 to 16
/// chunks in each of the 256 parts of its cache, whatever the cache is limited to.
pub const FILLED_CHUNK: usize = 16 * 1024;
/// Size of one payload at most.
pub const MAX_PAYLOAD: usize = MAX_CHUNK - HEADER - LENGTH;
/// Bytes of the payloads of one commit at most; keeps the number of chunks within 16 bits.
pub const MAX_COMMIT: usize = 256 * 1024 * 1024;

const LENGTH: usize = 4;
const CHECKED_FROM: usize = 16;

/// The fields of a chunk's header that carry meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Store that the chunk was written for.
    pub store: Uuid,
    /// Number of the first event.
    pub first: u64,
    /// Number of the first event of the commit.
    pub commit_first: u64,
    /// Place of the chunk within its commit, from 0.
    pub index: u16,
    /// Chunks of the commit.
    pub chunks: u16,
    /// Events in the chunk.
    pub count: u32,
    /// Chain before the first event.
    pub chain: Chain,
    /// Chain before the commit.
    pub commit_chain: Chain,
}

impl Header {
    /// Number of the last event.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    /// The point before the first event.
    #[must_use]
    pub fn before(&self) -> Head {
        Head { sequence: self.first - 1, chain: self.chain }
    }

    /// The point before the commit.
    #[must_use]
    pub fn before_commit(&self) -> Head {
        Head { sequence: self.commit_first - 1, chain: self.commit_chain }
    }

    /// Whether the commit ends with this chunk.
    #[must_use]
    pub fn ends_commit(&self) -> bool {
        self.index + 1 == self.chunks
    }
}

/// Why bytes are not a chunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    /// Written by a later version.
    #[error("chunk format {0} is newer than {FORMAT}")]
    Newer(u16),
    /// Too short, no magic, a checksum or a length that does not fit.
    #[error("{0}")]
    Damaged(&'static str),
}

/// A checked chunk.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// Its header.
    pub header: Header,
    body: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Checks `bytes`, which must hold one chunk and nothing else.
    ///
    /// # Errors
    /// [`ChunkError`]
    pub fn decode(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        check_start(bytes)?;
        let crc = u32::from_le_bytes(array(bytes, 12));
        if crc != crc32c::crc32c(&bytes[CHECKED_FROM..]) {
            return Err(ChunkError::Damaged("the checksum does not match"));
        }
        let (header, body) = (header_of(bytes), &bytes[HEADER..]);
        check_fields(&header)?;
        let chunk = Self { header, body };
        match measure(body, header.count) {
            Some(used) if used == body.len() => Ok(chunk),
            Some(_) | None => Err(ChunkError::Damaged("the lengths do not add up")),
        }
    }

    /// Finds the chunk that starts at `bytes`, whatever follows it.
    #[must_use]
    pub fn find(bytes: &'a [u8]) -> Option<Self> {
        check_start(bytes).ok()?;
        let count = header_of(bytes).count;
        let used = measure(&bytes[HEADER..], count)?;
        Self::decode(&bytes[..HEADER + used]).ok()
    }

    /// Bytes of the whole chunk.
    #[must_use]
    pub fn size(&self) -> usize {
        HEADER + self.body.len()
    }

    /// The payloads in order.
    pub fn payloads(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.body;
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first_chunk::<LENGTH>()?;
            let (payload, tail) = tail.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = tail;
            Some(payload)
        })
    }

    /// The point after the last event.
    #[must_use]
    pub fn end(&self) -> Head {
        self.payloads().fold(self.header.before(), |head, payload| head.next(payload))
    }
}

fn check_start(bytes: &[u8]) -> Result<(), ChunkError> {
    if bytes.len() < HEADER {
        return Err(ChunkError::Damaged("it is too short"));
    }
    if bytes[..8] != MAGIC {
        return Err(ChunkError::Damaged("it does not start with the magic"));
    }
    let version = u16::from_le_bytes(array(bytes, 8));
    if version > FORMAT {
        return Err(ChunkError::Newer(version));
    }
    if version == 0 {
        return Err(ChunkError::Damaged("format 0 does not exist"));
    }
    if bytes[10..12] != [0; 2] {
        return Err(ChunkError::Damaged("the reserved bytes are not zero"));
    }
    Ok(())
}

fn check_fields(header: &Header) -> Result<(), ChunkError> {
    let ordered = header.commit_first >= 1 && header.commit_first <= header.first;
    let placed = header.index < header.chunks;
    let counted = header.count >= 1 && header.first.checked_add(u64::from(header.count)).is_some();
    if ordered && placed && counted {
        return Ok(());
    }
    Err(ChunkError::Damaged("the header contradicts itself"))
}

/// Bytes that `count` payloads take, or nothing when they do not fit.
fn measure(body: &[u8], count: u32) -> Option<usize> {
    let mut used = 0_usize;
    for _ in 0..count {
        let length = body.get(used..)?.first_chunk::<LENGTH>()?;
        used += LENGTH + u32::from_le_bytes(*length) as usize;
        if used > body.len() || used > MAX_CHUNK - HEADER {
            return None;
        }
    }
    Some(used)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

fn header_of(bytes: &[u8]) -> Header {
    Header {
        store: Uuid::from_bytes(array(bytes, 16)),
        first: u64::from_le_bytes(array(bytes, 32)),
        commit_first: u64::from_le_bytes(array(bytes, 40)),
        index: u16::from_le_bytes(array(bytes, 48)),
        chunks: u16::from_le_bytes(array(bytes, 50)),
        count: u32::from_le_bytes(array(bytes, 52)),
        chain: Chain(array(bytes, 56)),
        commit_chain: Chain(array(bytes, 88)),
    }
}

fn encode(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + body.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&FORMAT.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(header.store.as_bytes());
    out.extend_from_slice(&header.first.to_le_bytes());
    out.extend_from_slice(&header.commit_first.to_le_bytes());
    out.extend_from_slice(&header.index.to_le_bytes());
    out.extend_from_slice(&header.chunks.to_le_bytes());
    out.extend_from_slice(&header.count.to_le_bytes());
    out.extend_from_slice(&header.chain.0);
    out.extend_from_slice(&header.commit_chain.0);
    out.extend_from_slice(body);
    let crc = crc32c::crc32c(&out[CHECKED_FROM..]);
    out[12..16].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Refuses payloads that no chunk can hold and commits that are too large.
///
/// # Errors
/// [`JournalError::PayloadTooLarge`], [`JournalError::CommitTooLarge`]
pub fn check_sizes(commands: &[Vec<Payload>]) -> Result<(), JournalError> {
    let mut total = 0;
    for payload in commands.iter().flatten() {
        total += payload.len();
        if payload.len() > MAX_PAYLOAD {
            return Err(JournalError::PayloadTooLarge { bytes: payload.len(), limit: MAX_PAYLOAD });
        }
    }
    if total > MAX_COMMIT {
        return Err(JournalError::CommitTooLarge { bytes: total, limit: MAX_COMMIT });
    }
    Ok(())
}

/// A commit ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// First sequence number and bytes of each chunk.
    pub chunks: Vec<(u64, Vec<u8>)>,
    /// The point after the commit.
    pub end: Head,
}

/// Packs the payloads of one commit into chunks, in order; each payload fits into one.
#[must_use]
pub fn encode_commit<'a>(store: Uuid, before: Head, payloads: impl Iterator<Item = &'a Payload>) -> Encoded {
    let mut parts: Vec<(Head, u32, Vec<u8>)> = Vec::new();
    let mut end = before;
    for payload in payloads {
        let needed = LENGTH + payload.len();
        let fits = parts.last().is_some_and(|(_, _, body)| HEADER + body.len() + needed <= FILLED_CHUNK);
        if !fits {
            parts.push((end, 0, Vec::new()));
        }
        if let Some((_, count, body)) = parts.last_mut() {
            *count += 1;
            body.extend_from_slice(&(payload.len() as u32).to_le_bytes());
            body.extend_from_slice(payload);
        }
        end = end.next(payload);
    }
    let chunks = parts.len() as u16;
    let encode_part = |(index, (start, count, body)): (usize, &(Head, u32, Vec<u8>))| {
        let header = Header {
            store,
            first: start.sequence + 1,
            commit_first: before.sequence + 1,
            index: index as u16,
            chunks,
            count: *count,
            chain: start.chain,
            commit_chain: before.chain,
        };
        (header.first, encode(&header, body))
    };
    Encoded { chunks: parts.iter().enumerate().map(encode_part).collect(), end }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn commit(payloads: &[Payload]) -> Encoded {
        encode_commit(Uuid::nil(), Head::GENESIS, payloads.iter())
    }

    #[test]
    fn the_largest_payload_fills_a_chunk_exactly() {
        let encoded = commit(&[vec![7; MAX_PAYLOAD]]);
        assert_eq!(encoded.chunks[0].1.len(), MAX_CHUNK);
        assert!(Chunk::decode(&encoded.chunks[0].1).is_ok());
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = commit(&[b"x".to_vec()]).chunks[0].1.clone();
        bytes[8] = 2;
        assert_eq!(Chunk::decode(&bytes).unwrap_err(), ChunkError::Newer(2));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let bytes = commit(&[b"payload".to_vec(), Vec::new()]).chunks[0].1.clone();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Chunk::decode(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_chunk_is_found_whatever_follows_it() {
        let mut bytes = commit(&[b"abc".to_vec()]).chunks[0].1.clone();
        let size = bytes.len();
        bytes.extend_from_slice(&[9; 100_000]);
        assert_eq!(Chunk::find(&bytes).unwrap().size(), size);
    }

    proptest! {
        #[test]
        fn payloads_come_back_as_they_were(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9_000), 1..40)) {
            let encoded = commit(&payloads);
            let mut back = Vec::new();
            let mut head = Head::GENESIS;
            for (first, bytes) in &encoded.chunks {
                let chunk = Chunk::decode(bytes).unwrap();
                prop_assert_eq!(chunk.header.first, *first);
                prop_assert_eq!(chunk.header.before(), head);
                prop_assert!(bytes.len() <= MAX_CHUNK);
                back.extend(chunk.payloads().map(<[u8]>::to_vec));
                head = chunk.end();
            }
            prop_assert_eq!(back, payloads);
            prop_assert_eq!(head, encoded.end);
        }

        #[test]
        fn any_bytes_are_refused_without_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..400), magic in any::<bool>()) {
            if magic && bytes.len() >= 10 {
                bytes[..8].copy_from_slice(&MAGIC);
                bytes[8..10].copy_from_slice(&FORMAT.to_le_bytes());
            }
            prop_assert!(Chunk::decode(&bytes).is_err());
            prop_assert!(Chunk::find(&bytes).is_none());
        }
    }
}
