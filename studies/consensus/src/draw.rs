//! Random numbers by name instead of by order: a stream's key is the question that it answers.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is used for; streams of different uses are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Which items a resample of an agreement holds.
    Agreement = 1,
    /// Which learning curves a resample holds.
    Curves = 2,
    /// Which items of a validation split a resample holds.
    Split = 3,
}

/// A stream of draws for one question.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// Opens the stream keyed by seed, use and number of the resample.
    pub fn new(seed: u64, purpose: Use, resample: u32) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&(purpose as u32).to_le_bytes());
        key[12..16].copy_from_slice(&resample.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns an index below `size`; each as likely, up to `size` in 2⁶⁴.
    pub fn below(&mut self, size: usize) -> usize {
        ((u128::from(self.0.next_u64()) * size as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_key_changes_the_draw() {
        let first = |seed, purpose, resample| Draw::new(seed, purpose, resample).below(usize::MAX);
        let base = first(1, Use::Agreement, 2);
        assert_eq!(base, first(1, Use::Agreement, 2));
        assert_ne!(base, first(2, Use::Agreement, 2));
        assert_ne!(base, first(1, Use::Curves, 2));
        assert_ne!(base, first(1, Use::Agreement, 3));
    }

    #[test]
    fn indices_are_in_range_and_spread_evenly() {
        let mut draw = Draw::new(7, Use::Curves, 0);
        let mut counts = [0; 5];
        (0..10_000).for_each(|_| counts[draw.below(5)] += 1);
        assert!(counts.iter().all(|count| (1_850..2_150).contains(count)), "{counts:?}");
    }
}
