//! Exponentials and tails of the normal distribution, as exact as weighing candidates needs and much faster.
//!
//! Nothing but additions and multiplications in a fixed order, so that the compiler can work on several numbers
//! at a time without changing a bit.

use super::bank::{Block, LANES};

/// Returns the probability of `[0, 1]` under a normal whose mean lies inside, to four digits.
pub(super) fn mass_around(mean: f64, sigma: f64) -> f64 {
    1.0 - tail(mean / sigma) - tail((1.0 - mean) / sigma)
}

/// Returns the probability of a standard normal number beyond `x`, not below 0 (Abramowitz and Stegun 1964, 26.2.16).
fn tail(x: f64) -> f64 {
    /// Beyond this the probability is below the formula's error.
    const FAR: f64 = 4.3;
    if x > FAR {
        return 0.0;
    }
    let t = 1.0 / (1.0 + 0.33267 * x);
    let density = 0.398_942_280_401_432_7 * f64::from(exp_below_zero((-0.5 * x * x) as f32));
    density * t * (0.436_183_6 + t * (-0.120_167_6 + t * 0.937_298_0))
}

/// Returns the logarithm of the sum of the exponentials of all terms and of `last`.
pub(super) fn ln_sum_exp(terms: &[Block], last: f64) -> f64 {
    let mut tops = [last as f32; LANES];
    for block in terms {
        for (top, term) in tops.iter_mut().zip(block) {
            *top = if *term > *top { *term } else { *top };
        }
    }
    let top = tops.iter().copied().fold(last as f32, f32::max);
    if top == f32::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    let mut sums = [0.0; LANES];
    for block in terms {
        for (sum, term) in sums.iter_mut().zip(block) {
            *sum += exp_below_zero(term - top);
        }
    }
    let sum: f32 = sums.iter().sum();
    f64::from(top) + (f64::from(sum) + libm::exp(last - f64::from(top))).ln()
}

/// Returns `exp(x)` for `x` not above 0, with a relative error below 1e-6; 0 far below.
///
/// Branchless, so that lanes stay together: `2^k` by the bits of the exponent, the rest by Taylor's series.
fn exp_below_zero(x: f32) -> f32 {
    /// `1.5 × 2^23`: adding it leaves the nearest whole number in the low bits.
    const ROUND: f32 = 12_582_912.0;
    const LOWEST: f32 = -80.0;
    let clamped = if x > LOWEST { x } else { LOWEST };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    let r = clamped - (shifted - ROUND) * std::f32::consts::LN_2;
    let tail = 1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0));
    let series = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * tail)));
    if x > LOWEST { power * series } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::normal;

    proptest! {
        #[test]
        fn exponentials_are_right_to_five_digits(x in -79.0..0.0_f32) {
            prop_assert!((exp_below_zero(x) / libm::expf(x) - 1.0).abs() < 1e-5);
        }

        #[test]
        fn tails_are_right_to_four_digits(x in 0.0..9.0) {
            prop_assert!((tail(x) - normal::cdf(-x)).abs() < 2e-5);
        }

        #[test]
        fn sums_agree_with_the_definition(terms in prop::collection::vec(-50.0..50.0_f32, 32), last in -60.0..60.0) {
            let blocks: Vec<Block> = terms.chunks_exact(LANES).map(|chunk| chunk.try_into().unwrap()).collect();
            let expected: f64 = terms.iter().map(|&term| libm::exp(f64::from(term))).sum::<f64>() + libm::exp(last);
            prop_assert!((ln_sum_exp(&blocks, last) - expected.ln()).abs() < 1e-4);
        }
    }

    #[test]
    fn what_is_not_there_adds_nothing() {
        let absent = [[f32::NEG_INFINITY; LANES]];
        assert_eq!(ln_sum_exp(&absent, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!(ln_sum_exp(&absent, -3.0), -3.0);
        assert_eq!((exp_below_zero(0.0), exp_below_zero(f32::NEG_INFINITY)), (1.0, 0.0));
    }
}
