use proptest::prelude::*;

use super::*;

fn curve(points: &[(f64, f64)]) -> Curve {
    Curve::new(points.iter().map(|&(labels, accuracy)| Point { labels, accuracy }).collect()).expect("a curve")
}

fn accuracies(curve: &Curve) -> Vec<f64> {
    curve.points().iter().map(|point| point.accuracy).collect()
}

#[test]
fn what_falls_is_levelled() {
    let rising = curve(&[(1.0, 0.5), (2.0, 0.9), (3.0, 0.7), (4.0, 0.8), (5.0, 0.95)]).rising();
    let expected = [0.5, 0.8, 0.8, 0.8, 0.95];
    assert!(accuracies(&rising).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{rising:?}");
}

#[test]
fn labels_are_read_off_between_points() {
    let curve = curve(&[(20.0, 0.5), (40.0, 0.7), (50.0, 0.7), (60.0, 0.8)]);
    assert_eq!(curve.labels_for(0.4), Some(20.0));
    assert!((curve.labels_for(0.6).expect("reached") - 30.0).abs() < 1e-12);
    assert_eq!(curve.labels_for(0.7), Some(40.0));
    assert_eq!(curve.labels_for(0.81), None);
}

#[test]
fn the_mean_is_taken_where_all_curves_are() {
    let (a, b) = (curve(&[(10.0, 0.0), (30.0, 1.0)]), curve(&[(20.0, 1.0), (40.0, 1.0)]));
    let mean = Curve::mean(&[&a, &b]).expect("a common range");
    assert_eq!(mean, curve(&[(20.0, 0.75), (30.0, 1.0)]));
    assert_eq!(Curve::mean(&[&a, &curve(&[(50.0, 1.0)])]), None);
    assert_eq!(Curve::mean(&[&curve(&[(50.0, 0.5)])]), Some(curve(&[(50.0, 0.5)])));
}

#[test]
fn curves_that_cannot_be_are_refused() {
    let message = |points: &[(f64, f64)]| {
        let points = points.iter().map(|&(labels, accuracy)| Point { labels, accuracy }).collect();
        Curve::new(points).expect_err("a mistake").to_string()
    };
    assert_eq!(message(&[]), "`points` has `0` entries and needs `1`");
    assert_eq!(message(&[(1.0, 0.5), (1.0, 0.6)]), "a learning curve's labels must grow from point to point: `1` follows `1`");
    assert_eq!(message(&[(1.0, f64::NAN)]), "`accuracy` must be finite, not `NaN`");
    assert!(serde_json::from_str::<Curve>("[]").is_err());
}

proptest! {
    #[test]
    fn the_rising_curve_rises_and_keeps_the_mean(values in prop::collection::vec(0.0..1.0, 1..20)) {
        let points: Vec<(f64, f64)> = values.iter().enumerate().map(|(at, &value)| (at as f64, value)).collect();
        let rising = accuracies(&curve(&points).rising());
        prop_assert!(rising.windows(2).all(|pair| pair[0] <= pair[1]));
        prop_assert!((rising.iter().sum::<f64>() - values.iter().sum::<f64>()).abs() < 1e-9);
        let again = accuracies(&curve(&rising.iter().enumerate().map(|(at, &value)| (at as f64, value)).collect::<Vec<_>>()).rising());
        prop_assert!(again.iter().zip(&rising).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
