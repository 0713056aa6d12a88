use proptest::prelude::*;

use super::*;
use crate::sampler::gp::linalg::Factor;

#[test]
fn covariance_and_slope_agree_with_high_precision() {
    let table = [
        (0.0, 1.0, -0.833_333_333_333_333_3),
        (1e-6, 0.999_999_166_667_707, -0.833_331_253_103_047_4),
        (0.01, 0.991_759_236_171_177_6, -0.815_360_065_022_133_6),
        (0.5, 0.702_495_760_153_803_3, -0.442_537_674_375_520_5),
        (3.0, 0.205_320_876_083_597_97, -0.084_449_753_323_415_74),
        (40.0, 5.901_311_925_932_279e-5, -9.102_368_677_395_977e-6),
        (1e4, 1.307_567_188_931_628_7e-93, -1.448_916_209_937_064_5e-95),
    ];
    for (q, covariance, slope) in table {
        let (mut values, mut slopes) = ([q], [0.0]);
        covariances_and_slopes(&mut values, &mut slopes);
        assert!((values[0] / covariance - 1.0).abs() < 1e-13, "{q}: {}", values[0]);
        assert!((slopes[0] / slope - 1.0).abs() < 1e-13, "{q}: {}", slopes[0]);
        let mut alone = [q];
        covariances(&mut alone);
        assert_eq!(alone, values);
    }
}

#[test]
fn points_infinitely_far_apart_have_nothing_in_common() {
    let mut q = [1e300, f64::MAX];
    covariances(&mut q);
    assert!(q.iter().all(|&k| (0.0..1e-100).contains(&k)), "{q:?}");
}

fn columns() -> Vec<Column> {
    let column = |kind, scale| Column { kind, scale };
    vec![column(Kind::Line, 0), column(Kind::Line, 0), column(Kind::Label, 1), column(Kind::Line, 2)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn random_mixed_points_have_a_positive_definite_covariance(
        cells in prop::collection::vec((0.0..1.0_f64, 0..2_u8, 0..4_u8, 0.0..1.0_f64), 2..40),
        ln_lengths in prop::collection::vec(-3.0..3.0_f64, 3),
    ) {
        let columns = columns();
        let weights = Hyper { ln_lengths, ln_signal: 0.0, ln_noise: 0.0 }.weights(&columns);
        let mut points = Points::new(columns.len());
        let mut factor = Factor::default();
        for (x, indicator, label, y) in cells {
            let point = [x, f64::from(indicator), f64::from(label), y];
            let mut beside = vec![0.0; points.len()];
            squares(&columns, &weights, &points, &point, &mut beside);
            covariances(&mut beside);
            prop_assert!(beside.iter().all(|k| (0.0..=1.0).contains(k)));
            factor.push(&beside, 1.0 + 1e-9);
            points.push(&point);
        }
        prop_assert!(factor.half_ln_determinant().is_finite());
        let mut row = vec![1.0; factor.len()];
        factor.solve_lower(&mut row);
        prop_assert!(row.iter().all(|x| x.is_finite()));
    }
}
