//! Every point of a finite space once, the trial number giving the place in a shuffled order.
//!
//! The shuffle is a permutation computed point by point, so that a grid of billions costs no memory. A trial
//! whose number was taken by an enqueued point leaves the grid point of that number out.

use super::{SuggestRequest, Suggestion, numbers};
use crate::draw::{Draw, Use};
use crate::space::Grid;

/// Rounds of the Feistel network; four already make it indistinguishable from random (Luby, Rackoff 1988).
const ROUNDS: u32 = 6;

/// A space that is not finite has no grid, and gets no suggestions.
pub(super) fn suggest(request: &SuggestRequest<'_>) -> Vec<Suggestion> {
    let Some(grid) = Grid::new(request.space) else {
        return Vec::new();
    };
    let suggestion = |number| {
        let place = u64::from(number);
        let params = grid.point(shuffled(request.seed, place, grid.len())?)?;
        let why = format!("grid point {} of {}", place + 1, grid.len());
        Some(Suggestion { number, params, why })
    };
    numbers(request).map_while(suggestion).collect()
}

/// Returns where the permutation of `0..len` sends `place`, or `None` past the end.
///
/// A balanced Feistel network permutes the next power of four; results past the end are sent through
/// again until they fall inside (cycle walking, Black and Rogaway 2002): fewer than four times on average.
pub(super) fn shuffled(seed: u64, place: u64, len: u64) -> Option<u64> {
    if place >= len {
        return None;
    }
    let half_bits = (u64::BITS - (len - 1).leading_zeros()).div_ceil(2).max(1);
    let keys: [u64; ROUNDS as usize] = std::array::from_fn(|round| Draw::new(seed, round as u32, "", Use::Order).bits());
    let mut at = place;
    loop {
        at = feistel(&keys, at, half_bits);
        if at < len {
            return Some(at);
        }
    }
}

fn feistel(keys: &[u64], block: u64, half_bits: u32) -> u64 {
    let mask = (1_u64 << half_bits) - 1;
    let (mut left, mut right) = (block >> half_bits, block & mask);
    for key in keys {
        (left, right) = (right, left ^ (mix(right ^ key) & mask));
    }
    (left << half_bits) | right
}

/// Scatters 64 bits (the finaliser of SplitMix64: Steele, Lea, Flood 2014).
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffle_is_a_permutation_for_every_length() {
        for len in 1..200 {
            let mut seen: Vec<u64> = (0..len).filter_map(|place| shuffled(3, place, len)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..len).collect::<Vec<u64>>());
            assert_eq!(shuffled(3, len, len), None);
        }
    }

    #[test]
    fn shuffle_depends_on_the_seed_and_copes_with_the_largest_grid() {
        let order = |seed| (0..20).map(|place| shuffled(seed, place, 20)).collect::<Vec<_>>();
        assert_ne!(order(1), order(2));
        assert!(shuffled(1, u64::MAX - 1, u64::MAX).is_some());
    }
}
