//! The logarithm of expected improvement and its slopes, in a form that never underflows.
//!
//! Expected improvement is `σ h(z)` with `z = (best − mean) / σ` and `h(z) = φ(z) + z Φ(z)` (Jones et al. 1998). Its
//! logarithm stays useful where improvement is all but impossible (Ament et al. 2023). For `z < −3` the two terms of
//! `h` cancel; there Laplace's continued fraction of the normal tail, `1 / (x + t)` with
//! `t = 1 / (x + 2 / (x + 3 / …))` and `x = −z`, gives `h = φ t / (x + t)` and `Φ / h = 1 / t` without a difference.

use crate::normal::{cdf, ln_cdf, ln_sqrt_tau};

/// Below this the continued fraction takes over.
const TAIL: f64 = -3.0;
/// Terms of the continued fraction; at the border fewer leave an error above 1e-14.
const TERMS: u32 = 80;

/// A logarithm and its slopes by the mean and the standard deviation of a prediction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Slopes {
    pub(super) value: f64,
    pub(super) by_mean: f64,
    pub(super) by_deviation: f64,
}

/// Returns `ln h(z)` and `Φ(z) / h(z)`, its slope.
fn ln_h(z: f64) -> (f64, f64) {
    let ln_density = -0.5 * z * z - ln_sqrt_tau();
    if z > TAIL {
        let below = cdf(z);
        let h = ln_density.exp() + z * below;
        return (h.ln(), below / h);
    }
    let x = -z;
    let t = (1..=TERMS).rev().fold(0.0, |t, term| f64::from(term) / (x + t));
    (ln_density + (t / (x + t)).ln(), 1.0 / t)
}

/// Returns the logarithm of the expected amount by which a value falls below `best`.
///
/// `deviation` must be positive.
pub(super) fn ln_improvement(best: f64, mean: f64, deviation: f64) -> Slopes {
    let z = (best - mean) / deviation;
    let (ln_h, slope) = ln_h(z);
    Slopes { value: deviation.ln() + ln_h, by_mean: -slope / deviation, by_deviation: (1.0 - slope * z) / deviation }
}

/// Returns the logarithm of the probability that a value falls below zero.
pub(super) fn ln_below_zero(mean: f64, deviation: f64) -> Slopes {
    let z = -mean / deviation;
    let value = ln_cdf(z);
    let slope = (-0.5 * z * z - ln_sqrt_tau() - value).exp();
    Slopes { value, by_mean: -slope / deviation, by_deviation: -slope * z / deviation }
}

#[cfg(test)]
#[path = "ei_tests.rs"]
mod tests;
