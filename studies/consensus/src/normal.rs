//! Quantiles of the normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Enough for all digits: each step triples those that are right.
const STEPS: u32 = 5;

/// Returns the number that a standard normal one is below with this probability, which lies between 0 and 1.
///
/// Starts from a rational approximation (Hastings 1955) and takes Halley's steps.
pub fn quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability);
    let t = (-2.0 * tail.ln()).sqrt();
    let rough = t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + 0.04481 * t));
    let mut x = -rough;
    for _ in 0..STEPS {
        let error = 0.5 * libm::erfc(-x * FRAC_1_SQRT_2) - tail;
        let step = error * (2.0 * PI).sqrt() * (0.5 * x * x).exp();
        x -= step / (1.0 + 0.5 * x * step);
    }
    if probability < 0.5 { x } else { -x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from mpmath with 50 digits.
    #[test]
    fn quantiles_agree_with_known_values() {
        let known = [(0.975, 1.959_963_984_540_054), (0.8, 0.841_621_233_572_914_3), (1e-10, -6.361_340_902_404_056)];
        for (probability, expected) in known {
            let found = quantile(probability);
            assert!((found - expected).abs() <= 1e-14 * expected.abs(), "{probability}: {found}");
        }
        assert!(quantile(0.5).abs() < 1e-16);
        assert_eq!(quantile(0.25), -quantile(0.75));
    }
}
