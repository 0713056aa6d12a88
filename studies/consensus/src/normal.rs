//! The normal distribution, and Student's.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, FRAC_PI_2, PI};

/// Enough for all digits: each step triples those that are right.
const STEPS: u32 = 5;

/// Halvings after which an angle no longer changes.
const HALVINGS: u32 = 64;

/// Returns the probability that a standard normal number is below this one.
pub fn below(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Returns the number that a standard normal one is below with this probability; infinite for 0 and 1.
///
/// Starts from a rational approximation (Hastings 1955) and takes Halley's steps.
pub fn quantile(probability: f64) -> f64 {
    if probability < 0.5 { -above(probability) } else { above(1.0 - probability) }
}

/// Returns the number that a standard normal one is within, up or down, with this confidence.
pub fn two_sided(confidence: f64) -> f64 {
    // Half of what is left, so that a confidence next to 1 leaves something.
    above(0.5 * (1.0 - confidence))
}

/// Returns the number that a standard normal one is above with this probability, which is 0.5 at most.
fn above(tail: f64) -> f64 {
    if tail == 0.0 {
        return f64::INFINITY;
    }
    // Below it the density's inverse overflows; the quantile differs in the second digit after the point.
    let tail = tail.max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let rough = t - (2.30753 + 0.27061 * t) / (1.0 + t * (0.99229 + 0.04481 * t));
    let mut x = -rough;
    for _ in 0..STEPS {
        let step = (below(x) - tail) * (2.0 * PI).sqrt() * (0.5 * x * x).exp();
        x -= step / (1.0 + 0.5 * x * step);
    }
    -x
}

/// Returns the number that one of Student's distribution is within, up or down, with this confidence; `degrees` of
/// freedom are at least 1.
///
/// The probability is a finite sum (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4), which is halved into.
pub fn student_two_sided(confidence: f64, degrees: u32) -> f64 {
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (low + high);
        if within(middle, degrees) < confidence { low = middle } else { high = middle }
    }
    f64::from(degrees).sqrt() * (0.5 * (low + high)).tan()
}

/// The probability that one of Student's distribution lies within `tan(angle) √degrees`, up or down.
fn within(angle: f64, degrees: u32) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let is_odd = degrees % 2 == 1;
    let mut term = if is_odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    // Each term is that before it times (k − 1) / k of the next odd or even k, and the squared cosine.
    for k in (0..degrees / 2).map(|at| 2.0 * f64::from(at) + if is_odd { 3.0 } else { 2.0 }) {
        sum += term;
        term *= cosine * cosine * (k - 1.0) / k;
    }
    if is_odd { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
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
        assert!((below(1.959_963_984_540_054) - 0.975).abs() < 1e-15);
    }

    #[test]
    fn nothing_near_the_ends_is_not_a_number() {
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        let almost = 1.0 - 0.5 * f64::EPSILON;
        // From mpmath: the numbers with 2⁻⁵³ and 2⁻⁵⁴ above them.
        assert!((quantile(almost) - 8.209_536_151_601_387).abs() < 1e-12, "{}", quantile(almost));
        assert!((two_sided(almost) - 8.292_361_075_813_597).abs() < 1e-12, "{}", two_sided(almost));
        for tiny in [f64::MIN_POSITIVE, 5e-324] {
            assert!((-38.5..-37.5).contains(&quantile(tiny)), "{}", quantile(tiny));
        }
    }

    /// Values from scipy.stats.t.ppf.
    #[test]
    fn students_quantiles_agree_with_known_values() {
        let known = [
            (0.95, 1, 12.706_204_736_174_694),
            (0.95, 2, 4.302_652_729_749_462),
            (0.95, 7, 2.364_624_251_592_784),
            (0.9, 8, 1.859_548_037_530_897_3),
            (0.99, 101, 2.625_385_964_668_440_8),
        ];
        for (confidence, degrees, expected) in known {
            let found = student_two_sided(confidence, degrees);
            assert!((found - expected).abs() < 1e-12 * expected, "{degrees}: {found}");
        }
        assert!((student_two_sided(0.95, 100_000) - two_sided(0.95)).abs() < 1e-4);
    }
}
