use super::*;

/// `z`, `ln h(z)` and `Φ(z) / h(z)`, computed with 60 digits and more.
#[expect(clippy::excessive_precision, reason = "digits as computed")]
const TABLE: [(f64, f64, f64); 17] = [
    (8.0, 2.079_441_541_679_835_94, 0.124_999_999_999_999_921),
    (3.0, 1.098_739_665_327_707_77, 0.332_840_968_451_795_236),
    (1.0, 0.080_026_218_849_306_94, 0.776_638_725_201_739_26),
    (0.0, -0.918_938_533_204_672_742, 1.253_314_137_315_500_25),
    (-0.5, -1.620_516_264_387_319_92, 1.559_873_148_348_079_67),
    (-1.0, -2.485_121_025_712_641_34, 1.904_271_233_329_691_82),
    (-2.0, -4.768_783_523_917_114_16, 2.679_416_883_955_585_98),
    (-2.9999, -7.869_332_830_253_236_49, 3.532_249_478_277_535_73),
    (-3.0, -7.869_686_059_603_028_52, 3.532_337_517_625_160_52),
    (-3.0001, -7.870_039_297_756_778_4, 3.532_425_557_434_637_84),
    (-4.0, -11.849_061_577_550_663_1, 4.432_483_741_873_118_29),
    (-6.0, -22.578_879_392_169_797_4, 6.309_840_773_209_831_58),
    (-10.0, -55.553_122_036_122_355_7, 10.194_383_033_412_553_3),
    (-30.0, -457.724_653_760_598_004, 30.066_446_154_162_418_9),
    (-100.0, -5_010.129_578_800_249_79, 100.019_994_004_195_865),
    (-1e3, -500_014.734_452_091_158, 1_000.001_999_994_000_04),
    (-1e6, -500_000_000_028.549_96, 1_000_000.000_002),
];

#[test]
fn log_improvement_agrees_with_high_precision_everywhere() {
    for (z, ln_h_expected, slope_expected) in TABLE {
        let (ln_h, slope) = ln_h(z);
        assert!((ln_h - ln_h_expected).abs() <= 4e-14 * ln_h_expected.abs().max(1.0), "{z}: {ln_h}");
        assert!((slope / slope_expected - 1.0).abs() <= 4e-13, "{z}: {slope}");
    }
}

#[test]
fn slopes_agree_with_differences() {
    let step = 1e-6;
    for mean in [-2.0, 0.1, 3.0, 9.0] {
        for deviation in [0.1, 1.0, 4.0] {
            check(|m, s| ln_improvement(0.3, m, s), mean, deviation, step);
            check(ln_below_zero, mean, deviation, step);
        }
    }
}

fn check(f: impl Fn(f64, f64) -> Slopes, mean: f64, deviation: f64, step: f64) {
    let at = f(mean, deviation);
    let by_mean = (f(mean + step, deviation).value - f(mean - step, deviation).value) / (2.0 * step);
    let by_deviation = (f(mean, deviation + step).value - f(mean, deviation - step).value) / (2.0 * step);
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b.abs().max(1e-2);
    assert!(close(at.by_mean, by_mean), "{mean} {deviation}: {} {by_mean}", at.by_mean);
    assert!(close(at.by_deviation, by_deviation), "{mean} {deviation}: {} {by_deviation}", at.by_deviation);
}

#[test]
fn no_chance_of_improvement_still_has_a_direction() {
    let near = ln_improvement(0.0, 1e3, 1e-3);
    let far = ln_improvement(0.0, 2e3, 1e-3);
    assert!(near.value.is_finite() && near.value > far.value && near.by_mean < 0.0);
}
