//! How likely chance alone would do as much.

use crate::normal;

/// Returns the probability of at least `hits` in `tries` with probability `chance` each.
pub(super) fn binomial_tail(hits: usize, tries: usize, chance: f64) -> f64 {
    if hits == 0 {
        return 1.0;
    }
    if hits > tries || chance <= 0.0 {
        return 0.0;
    }
    let (n, k) = (tries as f64, hits as f64);
    let ln_choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let mut term = libm::exp(ln_choose + k * libm::log(chance) + (n - k) * libm::log1p(-chance));
    let mut tail = 0.0;
    for hits in hits..=tries {
        tail += term;
        term *= (tries - hits) as f64 / (hits + 1) as f64 * chance / (1.0 - chance);
    }
    tail.min(1.0)
}

/// Returns the probability that `lower` would be so much lower than `higher` if both were drawn alike.
///
/// Mann and Whitney 1947 with the normal approximation, ties counted half; 1 if either is empty.
pub(super) fn probability_of_lower(lower: &[f64], higher: &[f64]) -> f64 {
    let (a, b) = (lower.len() as f64, higher.len() as f64);
    let mut sorted = higher.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let wins = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let not_above = sorted.partition_point(|other| other <= value);
        sorted.len() as f64 - 0.5 * (below + not_above) as f64
    };
    let won: f64 = lower.iter().map(wins).sum();
    let deviation = (a * b * (a + b + 1.0) / 12.0).sqrt();
    if deviation > 0.0 { normal::cdf((0.5 * a * b - won) / deviation) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tails_agree_with_known_values() {
        assert!((binomial_tail(5, 10, 0.5) - 0.623_046_875).abs() < 1e-12);
        assert!((binomial_tail(10, 10, 0.1) - 1e-10).abs() < 1e-20);
        assert_eq!((binomial_tail(0, 10, 0.5), binomial_tail(3, 2, 0.5), binomial_tail(1, 2, 0.0)), (1.0, 0.0, 0.0));
        assert!(binomial_tail(60_000, 100_000, 0.1) < 1e-300);
    }

    #[test]
    fn lower_numbers_are_told_from_equal_ones() {
        let numbers: Vec<f64> = (0..40).map(f64::from).collect();
        let (low, high) = numbers.split_at(20);
        assert!(probability_of_lower(low, high) < 1e-6);
        assert!(probability_of_lower(high, low) > 0.999);
        assert!((probability_of_lower(&[1.0; 9], &[1.0; 9]) - 0.5).abs() < 1e-12);
        assert_eq!(probability_of_lower(&[], &[1.0]), 1.0);
    }
}
