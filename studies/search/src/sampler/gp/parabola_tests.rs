use super::*;
use crate::draw::{Draw, Use};

fn random_points(count: usize, numbers: usize) -> Vec<Vec<f64>> {
    let mut draw = Draw::new(4, 0, "", Use::Acquisition);
    (0..count).map(|_| (0..numbers).map(|_| draw.unit()).collect()).collect()
}

/// Returns points and their losses, best first.
fn sorted(mut points: Vec<Vec<f64>>, loss: impl Fn(&[f64]) -> f64) -> (Vec<Vec<f64>>, Vec<f64>) {
    points.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
    let losses = points.iter().map(|point| loss(point)).collect();
    (points, losses)
}

/// A valley across the axes, a thousand times as steep to its sides as along it; the lowest point is (0.3, 0.6, 0.7).
fn valley(x: &[f64]) -> f64 {
    let (a, b, c) = (x[0] - 0.3, x[1] - 0.6, x[2] - 0.7);
    1e3 * (a + b).powi(2) + (a - b).powi(2) + 5.0 * (b - c).powi(2) - 7.0
}

#[test]
fn a_quadratic_function_is_solved_exactly() {
    let (points, losses) = sorted(random_points(30, 3), valley);
    let found = lowest(&points, &losses).unwrap();
    assert_eq!(found.trials, 20);
    for (at, goal) in found.position.iter().zip([0.3, 0.6, 0.7]) {
        assert!((at - goal).abs() < 1e-4, "{found:?}");
    }
}

#[test]
fn few_trials_determine_the_axes_alone() {
    let round = |x: &[f64]| x.iter().map(|x| (x - 0.4).powi(2)).sum::<f64>();
    let (points, losses) = sorted(random_points(28, 10), round);
    let found = lowest(&points, &losses).unwrap();
    assert!(found.position.iter().all(|at| (at - 0.4).abs() < 1e-4), "{found:?}");
    assert_eq!(lowest(&points[..27], &losses[..27]), None);
}

#[test]
fn a_slope_leads_no_further_than_half_a_range_beyond_the_trials() {
    let corner: Vec<Vec<f64>> = random_points(30, 2).iter().map(|point| point.iter().map(|x| 0.5 + 0.2 * x).collect()).collect();
    let (points, losses) = sorted(corner, |x| x[0] + x[1]);
    let found = lowest(&points, &losses).unwrap();
    assert!(found.position.iter().all(|&at| at < 0.5 && at > 0.38), "{found:?}");
    let (points, losses) = sorted(random_points(30, 2), |x| x[0] + x[1]);
    assert_eq!(lowest(&points, &losses).unwrap().position, [0.0, 0.0]);
}

#[test]
fn noise_and_ripples_are_no_parabola() {
    let ripples = |x: &[f64]| x.iter().map(|x| (40.0 * x).sin()).sum::<f64>();
    let (points, losses) = sorted(random_points(60, 4), ripples);
    assert_eq!(lowest(&points, &losses), None);
}

#[test]
fn degenerate_trials_have_no_parabola_or_one_that_stays_inside() {
    assert_eq!(lowest(&[], &[]), None);
    assert_eq!(lowest(&vec![Vec::new(); 9], &[0.0; 9]), None);
    let same = vec![vec![0.5, 0.5]; 30];
    assert_eq!(lowest(&same, &[1.0; 30]), None);
    let rising: Vec<f64> = (0..30).map(f64::from).collect();
    let line: Vec<Vec<f64>> = rising.iter().map(|x| vec![x / 30.0, 0.5]).collect();
    let huge: Vec<f64> = rising.iter().map(|x| (x - 15.0) / 15.0 * f64::MAX).collect();
    let tiny: Vec<f64> = rising.iter().map(|x| x * 1e-320).collect();
    for (points, losses) in [(&same, &rising), (&line, &rising), (&line, &huge), (&line, &tiny)] {
        if let Some(found) = lowest(points, losses) {
            assert!(found.position.iter().all(|at| (0.0..=1.0).contains(at)), "{found:?}");
        }
    }
}
