//! Random numbers by name instead of by order: a stream's key says what it is for.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is used for; streams of different uses are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Which row is the next centre of k-means++.
    Centre = 1,
    /// Where the centres of clusters begin.
    Cluster = 2,
    /// Which labels a batch might get.
    Label = 3,
    /// Which rows stand for all of them.
    Reference = 4,
}

/// A stream of draws.
#[derive(Clone, Debug)]
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// Opens the stream of a seed and a use.
    pub(super) fn new(seed: u64, purpose: Use) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns a multiple of 2⁻⁵³, uniform in `[0, 1)`.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (f64::EPSILON / 2.0)
    }

    /// Returns the index of a weight, drawn in proportion to them; `None` where all are zero.
    pub(super) fn weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let total: f64 = weights.iter().sum();
        let target = self.unit() * total;
        let mut sum = 0.0;
        let mut last = None;
        for (index, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            sum += weight;
            last = Some(index);
            if sum > target {
                break;
            }
        }
        last
    }
}
