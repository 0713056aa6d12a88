//! The chain of hashes over all events: chain(n) = BLAKE3(chain(n−1) ‖ n as u64 little-endian ‖ payload).
//!
//! The chain depends on the events alone and not on how they were packed, so that two stores, a
//! store and its backup, or two implementations can be compared by their heads.

use std::fmt;

/// One value of the chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chain(pub [u8; 32]);

impl Chain {
    /// The chain before the first event.
    pub const GENESIS: Self = Self([0; 32]);

    /// The chain after the event `sequence` with this payload.
    #[must_use]
    pub fn next(self, sequence: u64, payload: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(&sequence.to_le_bytes());
        hasher.update(payload);
        Self(*hasher.finalize().as_bytes())
    }

    /// Reads the 64 hexadecimal digits that `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        blake3::Hash::from_hex(text).ok().map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

/// A point of the journal: a sequence number and the chain after that event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the event; 0 before the first.
    pub sequence: u64,
    /// Chain after it.
    pub chain: Chain,
}

impl Head {
    /// The point before the first event.
    pub const GENESIS: Self = Self { sequence: 0, chain: Chain::GENESIS };

    /// The point after one more event.
    #[must_use]
    pub fn next(self, payload: &[u8]) -> Self {
        let sequence = self.sequence + 1;
        Self { sequence, chain: self.chain.next(sequence, payload) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_survives_being_written_and_read() {
        let chain = Chain::GENESIS.next(1, b"first");
        assert_eq!(Chain::parse(&chain.to_string()), Some(chain));
        assert_eq!(Chain::parse("12"), None);
    }

    #[test]
    fn order_number_and_content_all_change_the_chain() {
        let one = Chain::GENESIS.next(1, b"a").next(2, b"b");
        assert_ne!(one, Chain::GENESIS.next(1, b"b").next(2, b"a"));
        assert_ne!(one, Chain::GENESIS.next(2, b"a").next(1, b"b"));
        assert_ne!(one, Chain::GENESIS.next(1, b"ab").next(2, b""));
    }
}
