//! Random numbers by name instead of by order.
//!
//! A [`Draw`] is a ChaCha8 stream whose key *is* the question: which study seed, which trial, which
//! parameter, what for. Asking for parameters in another order, or for more of them, changes no draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The largest double below 1.
pub const BELOW_ONE: f64 = 1.0 - f64::EPSILON / 2.0;

/// What a stream is used for; streams of different uses are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A plain uniform choice of a value.
    Value = 0,
    /// The low bits below a quasi-random point's resolution.
    Fraction = 1,
    /// Which kernel a candidate is drawn from.
    Kernel = 2,
    /// Where in its kernel a candidate lies.
    Candidate = 3,
    /// The order of a grid's points.
    Order = 4,
    /// The scramble of a quasi-random sequence.
    Scramble = 5,
    /// Replacements for points that were tried before.
    Replacement = 6,
    /// A standard normal number.
    Normal = 20,
    /// Where a finished trial is taken to have been drawn.
    Origin = 21,
    /// What a restarted search is like.
    Restart = 22,
    /// Which option of a categorical parameter.
    Option = 23,
    /// Where a model's acquisition is looked at.
    Acquisition = 32,
    /// Weights of several objectives.
    Weights = 33,
    /// Which trials a point descends from, and whether it mixes them.
    Parents = 24,
    /// How a value mixes those of its parents.
    Crossover = 25,
    /// Whether and how far a value departs from its parents'.
    Mutation = 26,
}

/// A stream of draws for one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// Opens the stream keyed by study seed, trial number, name of the parameter and use.
    pub fn new(seed: u64, number: u32, name: &str, purpose: Use) -> Self {
        Self::again(seed, number, name, purpose, 0)
    }

    /// Opens another stream for the same question; attempt 0 is the one that [`Draw::new`] opens.
    pub fn again(seed: u64, number: u32, name: &str, purpose: Use, attempt: u32) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..12].copy_from_slice(&number.to_le_bytes());
        key[12..16].copy_from_slice(&(purpose as u32 | attempt << 8).to_le_bytes());
        key[16..].copy_from_slice(&fnv1a(name.as_bytes()).to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a multiple of 2⁻⁵³, uniform in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (f64::EPSILON / 2.0)
    }
}

/// Hashes a name to 128 bits (Fowler, Noll and Vo 1991, variant 1a).
fn fnv1a(bytes: &[u8]) -> u128 {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.iter().fold(OFFSET, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_key_changes_the_draw() {
        let first = |seed, number, name, purpose| Draw::new(seed, number, name, purpose).bits();
        let base = first(1, 2, "a", Use::Value);
        assert_eq!(base, first(1, 2, "a", Use::Value));
        assert_ne!(base, first(2, 2, "a", Use::Value));
        assert_ne!(base, first(1, 3, "a", Use::Value));
        assert_ne!(base, first(1, 2, "b", Use::Value));
        assert_ne!(base, first(1, 2, "a", Use::Kernel));
    }

    #[test]
    fn name_hash_agrees_with_the_published_vectors() {
        assert_eq!(fnv1a(b""), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(fnv1a(b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn units_are_in_range_and_spread_evenly() {
        let mut draw = Draw::new(7, 0, "x", Use::Value);
        let units: Vec<f64> = (0..10_000).map(|_| draw.unit()).collect();
        assert!(units.iter().all(|unit| (0.0..1.0).contains(unit)));
        let mean = units.iter().sum::<f64>() / units.len() as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }

    #[test]
    fn golden_draws_never_change() {
        let mut draw = Draw::new(42, 17, "learning_rate", Use::Value);
        assert_eq!([draw.bits(), draw.bits()], GOLDEN);
    }

    const GOLDEN: [u64; 2] = [16_013_849_919_387_167_368, 9_096_841_165_946_891_113];
}
