//! How many different values there are: exactly while they are few, then estimated by HyperLogLog (Flajolet et al. 2007)
//! with 2^14 registers, whose standard error is 0.8 %.

use std::collections::BTreeSet;

/// Up to so many are counted exactly.
pub const EXACT: usize = 10_000;
const BITS: u32 = 14;
const REGISTERS: usize = 1 << BITS;

/// Counts different values by their hashes.
#[derive(Debug)]
pub enum Distinct {
    /// All hashes so far.
    Few(BTreeSet<u64>),
    /// The longest run of zeros that each register has seen, plus one.
    Many(Vec<u8>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(BTreeSet::new())
    }
}

/// A hash of 64 bits whose bits all depend on all bytes: FNV-1a and the end of MurmurHash3 (Appleby).
pub fn hash64(bytes: &[u8]) -> u64 {
    let mut hash =
        bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
    hash ^= bytes.len() as u64;
    mix(hash)
}

/// Spreads every bit over all bits; a bijection.
pub fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    value = (value ^ (value >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

impl Distinct {
    /// Notes a value.
    pub fn add(&mut self, hash: u64) {
        match self {
            Self::Few(all) => {
                all.insert(hash);
                if all.len() > EXACT {
                    let mut registers = vec![0; REGISTERS];
                    all.iter().for_each(|hash| note(&mut registers, *hash));
                    *self = Self::Many(registers);
                }
            }
            Self::Many(registers) => note(registers, hash),
        }
    }

    /// How many there are, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        match self {
            Self::Few(all) => (all.len() as u64, true),
            Self::Many(registers) => (estimate(registers), false),
        }
    }
}

fn note(registers: &mut [u8], hash: u64) {
    let rank = ((hash << BITS) | 1 << (BITS - 1)).leading_zeros() as u8 + 1;
    let register = &mut registers[(hash >> (64 - BITS)) as usize];
    *register = rank.max(*register);
}

fn estimate(registers: &[u8]) -> u64 {
    let m = REGISTERS as f64;
    let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    // Few values leave registers empty, which tells more than the runs do.
    let value = if raw <= 2.5 * m && empty > 0 { m * (m / empty as f64).ln() } else { raw };
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(count: u64) -> (u64, bool) {
        let mut distinct = Distinct::default();
        for value in 0..count {
            distinct.add(hash64(value.to_string().as_bytes()));
            distinct.add(hash64((value / 2).to_string().as_bytes()));
        }
        distinct.count()
    }

    #[test]
    fn few_are_counted_and_many_estimated_within_two_percent() {
        assert_eq!(counted(0), (0, true));
        assert_eq!(counted(EXACT as u64), (EXACT as u64, true));
        for many in [EXACT as u64 + 1, 20_000, 45_000, 300_000] {
            let (found, exact) = counted(many);
            assert!(!exact && (found as f64 / many as f64 - 1.0).abs() < 0.02, "{found} of {many}");
        }
    }
}
