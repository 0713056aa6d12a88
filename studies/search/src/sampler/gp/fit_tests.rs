use super::*;
use crate::draw::{Draw, Use};
use crate::normal::quantile;

fn columns() -> Vec<Column> {
    let column = |kind, scale| Column { kind, scale };
    vec![column(Kind::Line, 0), column(Kind::Label, 1), column(Kind::Line, 2), column(Kind::Line, 2)]
}

fn scattered(len: usize, width: usize) -> Points {
    let mut draw = Draw::new(11, 0, "fit", Use::Value);
    let mut points = Points::new(width);
    for _ in 0..len {
        let point: Vec<f64> = (0..width).map(|_| draw.unit()).collect();
        points.push(&point);
    }
    points
}

#[test]
fn gradient_agrees_with_differences() {
    let columns = columns();
    let mut points = Points::new(4);
    for index in 0..18 {
        let unit = |by: f64| (f64::from(index) * by).fract();
        points.push(&[unit(0.618), f64::from(index % 3), unit(0.414), unit(0.77)]);
    }
    let values: Vec<f64> = (0..18).map(|index| (f64::from(index) * 1.3).sin()).collect();
    let priors = priors(3);
    let evidence = Evidence::thinned(&columns, &priors, &points, &values, 100);
    let at = [-0.5, 0.3, -1.0, 0.4, -3.0];
    let mut gradient = [0.0; 5];
    evidence.cost(&at, &mut gradient);
    for index in 0..5 {
        let cost = |by: f64| {
            let mut moved = at;
            moved[index] += by;
            evidence.cost(&moved, &mut [0.0; 5])
        };
        let difference = (cost(1e-5) - cost(-1e-5)) / 2e-5;
        assert!((gradient[index] - difference).abs() < 1e-6 * difference.abs().max(1.0), "{index}: {gradient:?} {difference}");
    }
}

/// Draws one function from the process itself at the points.
fn drawn_function(points: &Points, hyper: &Hyper) -> Vec<f64> {
    let columns: Vec<Column> = (0..3).map(|scale| Column { kind: Kind::Line, scale }).collect();
    let priors = priors(3);
    let evidence = Evidence::thinned(&columns, &priors, points, &vec![0.0; points.len()], points.len());
    let (factor, _) = evidence.factorise(&hyper.weights(&columns), 1.0, hyper.ln_noise.exp());
    let mut draw = Draw::new(5, 1, "function", Use::Value);
    let normals: Vec<f64> = (0..points.len()).map(|_| quantile(draw.unit().max(1e-12))).collect();
    factor.times(&normals)
}

#[test]
fn length_scales_and_noise_of_a_drawn_function_are_recovered() {
    let points = scattered(160, 3);
    let truth = Hyper { ln_lengths: vec![0.15_f64.ln(), 0.6_f64.ln(), 3.0_f64.ln()], ln_signal: 0.0, ln_noise: 0.01_f64.ln() };
    let values = drawn_function(&points, &truth);
    let columns: Vec<Column> = (0..3).map(|scale| Column { kind: Kind::Line, scale }).collect();
    let found = fit(&columns, 3, &points, &values);
    assert!((found.ln_lengths[0] - truth.ln_lengths[0]).abs() < 0.4, "{found:?}");
    assert!((found.ln_lengths[1] - truth.ln_lengths[1]).abs() < 0.6, "{found:?}");
    assert!(found.ln_lengths[2] > found.ln_lengths[1], "{found:?}");
    assert!((found.ln_noise - truth.ln_noise).abs() < 1.5, "{found:?}");
}

#[test]
fn values_that_are_all_equal_or_one_alone_give_usable_settings() {
    let columns = columns();
    for len in [1, 2, 9] {
        let hyper = fit(&columns, 3, &scattered(len, 4), &vec![0.0; len]);
        let all = hyper.ln_lengths.iter().chain([&hyper.ln_signal, &hyper.ln_noise]);
        assert!(all.into_iter().all(|x| x.is_finite()), "{hyper:?}");
    }
}
