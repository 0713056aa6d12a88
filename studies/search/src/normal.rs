//! The normal distribution: probabilities, their logarithms far into the tails, and quantiles.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Below this many standard deviations `erfc` loses digits, and the asymptotic series takes over.
const FAR: f64 = -35.0;

/// Below this the probability vanishes beside 1 in a double.
const NEGLIGIBLE: f64 = -8.5;

/// `ln(sqrt(2 π))`.
pub fn ln_sqrt_tau() -> f64 {
    0.5 * (2.0 * PI).ln()
}

/// Returns the probability of a standard normal number below `x`.
pub fn cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Returns `ln(cdf(x))`, accurate for any `x`.
pub fn ln_cdf(x: f64) -> f64 {
    if x > 1.0 {
        return (-cdf(-x)).ln_1p();
    }
    if x > FAR {
        return cdf(x).ln();
    }
    // Abramowitz and Stegun 1964, 26.2.12.
    let inverse = 1.0 / (x * x);
    let series = -inverse * (1.0 - inverse * (3.0 - 15.0 * inverse));
    -0.5 * x * x - (-x).ln() - ln_sqrt_tau() + series.ln_1p()
}

/// Returns the logarithm of the probability of `low..high` under a normal whose mean lies inside.
pub fn ln_mass_around(mean: f64, sigma: f64, low: f64, high: f64) -> f64 {
    let tail = |x: f64| if x < NEGLIGIBLE { 0.0 } else { cdf(x) };
    let outside = tail((low - mean) / sigma) + tail((mean - high) / sigma);
    if outside == 0.0 { 0.0 } else { (-outside).ln_1p() }
}

/// Maps `unit` in `[0, 1)` to a number of the normal cut off outside `low..high`, whose mean lies inside.
pub fn truncated(mean: f64, sigma: f64, low: f64, high: f64, unit: f64) -> f64 {
    let (from, to) = (cdf((low - mean) / sigma), cdf((high - mean) / sigma));
    (mean + sigma * quantile(from + unit * (to - from))).clamp(low, high)
}

/// Returns the number below which a standard normal one lies with `probability`; infinite at 0 and 1.
///
/// Algorithm AS 241, PPND16 (Wichura 1988), relative error about 1e-16.
pub fn quantile(probability: f64) -> f64 {
    let centred = probability - 0.5;
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        return centred * ratio(&CENTRAL, r);
    }
    let tail = probability.min(1.0 - probability);
    if tail <= 0.0 {
        return f64::INFINITY.copysign(centred);
    }
    let r = (-tail.ln()).sqrt();
    let size = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&OUTER, r - 5.0) };
    size.copysign(centred)
}

/// Numerator and denominator, lowest power first.
type Rational = ([f64; 8], [f64; 8]);

fn ratio((numerator, denominator): &Rational, r: f64) -> f64 {
    let polynomial = |terms: &[f64; 8]| terms.iter().rev().fold(0.0, |sum, term| sum * r + term);
    polynomial(numerator) / polynomial(denominator)
}

#[expect(clippy::excessive_precision, reason = "digits as published")]
const CENTRAL: Rational = (
    [
        3.387_132_872_796_366_608_0,
        133.141_667_891_784_377_45,
        1_971.590_950_306_551_442_7,
        13_731.693_765_509_461_125,
        45_921.953_931_549_871_457,
        67_265.770_927_008_700_853,
        33_430.575_583_588_128_105,
        2_509.080_928_730_122_672_7,
    ],
    [
        1.0,
        42.313_330_701_600_911_252,
        687.187_007_492_057_908_30,
        5_394.196_021_424_751_107_7,
        21_213.794_301_586_595_867,
        39_307.895_800_092_710_610,
        28_729.085_735_721_942_674,
        5_226.495_278_852_854_561_0,
    ],
);

#[expect(clippy::excessive_precision, reason = "digits as published")]
const MIDDLE: Rational = (
    [
        1.423_437_110_749_683_577_34,
        4.630_337_846_156_545_295_90,
        5.769_497_221_460_691_405_50,
        3.647_848_324_763_204_605_04,
        1.270_458_252_452_368_382_58,
        2.417_807_251_774_506_117_70e-1,
        2.272_384_498_926_918_458_33e-2,
        7.745_450_142_783_414_076_40e-4,
    ],
    [
        1.0,
        2.053_191_626_637_758_821_87,
        1.676_384_830_183_803_849_40,
        6.897_673_349_851_000_045_50e-1,
        1.481_039_764_274_800_745_90e-1,
        1.519_866_656_361_645_719_66e-2,
        5.475_938_084_995_344_946_00e-4,
        1.050_750_071_644_416_843_24e-9,
    ],
);

#[expect(clippy::excessive_precision, reason = "digits as published")]
const OUTER: Rational = (
    [
        6.657_904_643_501_103_777_20,
        5.463_784_911_164_114_369_90,
        1.784_826_539_917_291_335_80,
        2.965_605_718_285_048_912_30e-1,
        2.653_218_952_657_612_309_30e-2,
        1.242_660_947_388_078_438_60e-3,
        2.711_555_568_743_487_578_15e-5,
        2.010_334_399_292_288_132_65e-7,
    ],
    [
        1.0,
        5.998_322_065_558_879_376_90e-1,
        1.369_298_809_227_358_053_10e-1,
        1.487_536_129_085_061_485_25e-2,
        7.868_691_311_456_132_591_00e-4,
        1.846_318_317_510_054_681_80e-5,
        1.421_511_758_316_445_888_70e-7,
        2.044_263_103_389_939_785_64e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, relative: f64) {
        assert!((a - b).abs() <= relative * b.abs(), "{a} is not close to {b}");
    }

    /// Values from mpmath with 50 digits, here and below.
    #[test]
    fn probabilities_agree_with_known_values() {
        close(cdf(0.0), 0.5, 1e-15);
        close(cdf(1.0), 0.841_344_746_068_542_9, 1e-15);
        close(cdf(-1.959_963_984_540_054), 0.025, 1e-14);
        close(cdf(-10.0), 7.619_853_024_160_527e-24, 1e-13);
        close(libm::erf(0.5), 0.520_499_877_813_046_5, 1e-15);
        close(libm::erfc(2.0), 4.677_734_981_047_266e-3, 1e-14);
    }

    #[test]
    fn log_probabilities_stay_accurate_and_continuous_far_out() {
        close(ln_cdf(-10.0), -53.231_285_150_512_47, 1e-13);
        close(ln_cdf(-40.0), -804.608_442_013_753_8, 1e-12);
        close(ln_cdf(-1e6), -500_000_000_014.734_45, 1e-14);
        close(ln_cdf(8.0), -6.220_960_574_271_786e-16, 1e-12);
        close(ln_cdf(FAR + 1e-9), ln_cdf(FAR - 1e-9), 1e-9);
    }

    #[test]
    fn mass_around_a_mean_agrees_with_its_tails() {
        close(ln_mass_around(0.2, 0.5, 0.0, 1.0), (cdf(1.6) - cdf(-0.4)).ln(), 1e-14);
        assert_eq!(ln_mass_around(0.5, 0.01, 0.0, 1.0), 0.0);
    }

    #[test]
    fn quantile_inverts_the_probability() {
        close(quantile(0.975), 1.959_963_984_540_054, 1e-14);
        close(quantile(1e-10), -6.361_340_902_404_056, 1e-14);
        close(quantile(1e-300), -37.047_096_299_361_2, 1e-14);
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
        for step in 1..200 {
            let probability = f64::from(step) / 200.0;
            close(cdf(quantile(probability)), probability, 1e-14);
        }
    }

    #[test]
    fn truncated_numbers_stay_inside_and_split_the_mass_in_half() {
        let median = truncated(0.3, 0.4, 0.0, 1.0, 0.5);
        let below = cdf((median - 0.3) / 0.4) - cdf((0.0 - 0.3) / 0.4);
        close(below / ln_mass_around(0.3, 0.4, 0.0, 1.0).exp(), 0.5, 1e-12);
        assert_eq!(truncated(0.0, 0.01, 0.0, 1.0, 0.0), 0.0);
        assert!(truncated(1.0, 1e-9, 0.0, 1.0, 0.999_999) <= 1.0);
    }
}
