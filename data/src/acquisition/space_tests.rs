use super::super::typiclust::typicality;
use super::super::{Block, Kind, Points, information_density};
use super::{Metric, Space};

const POINTS: [f64; 8] = [0.0, 1.0, 3.0, 4.0, -2.0, 0.5, 0.0, 0.0];

#[test]
fn gradient_distances_are_those_of_the_outer_products() {
    let numbers = [0.2, 0.5, 0.3, 0.7, 0.2, 0.1, 0.1, 0.1, 0.8, 0.3, 0.3, 0.4];
    let members: [&[f64]; 1] = [&numbers];
    let block = Block::new(Kind::Probabilities { classes: 3 }, &members).unwrap();
    let space = Space::of_gradients(&block, Points::of_f64(&POINTS, 2).unwrap());
    let tops = [1, 0, 2, 2];
    let gradient = |row: usize| {
        let residual = (0..3).map(move |class| numbers[row * 3 + class] - if class == tops[row] { 1.0 } else { 0.0 });
        residual.flat_map(move |residual| POINTS[row * 2..row * 2 + 2].iter().map(move |x| residual * x)).collect::<Vec<f64>>()
    };
    for row in 0..4 {
        let length: f64 = gradient(row).iter().map(|part| part * part).sum();
        assert!((space.squared_length(row) - length).abs() < 1e-12);
        for other in 0..4 {
            let expected: f64 = gradient(row).iter().zip(gradient(other)).map(|(a, b)| (a - b) * (a - b)).sum();
            assert!((space.squared(row, &space, other) - expected).abs() < 1e-12, "{row} and {other}");
        }
    }
}

#[test]
fn cosine_distance_is_one_less_the_cosine_and_one_from_the_origin() {
    let space = Space::new(Points::of_f64(&POINTS, 2).unwrap(), Metric::Cosine);
    let distance = |row, other| space.distance_of(space.squared(row, &space, other));
    assert!((distance(0, 1) - 0.2).abs() < 1e-12);
    assert!((distance(0, 3) - 1.0).abs() < 1e-12);
    assert!(distance(1, 1).abs() < 1e-12);
    assert!((space.squared_of(distance(0, 2)) - space.squared(0, &space, 2)).abs() < 1e-12);
}

#[test]
fn both_precisions_have_the_same_distances() {
    let single: Vec<f32> = POINTS.iter().map(|value| *value as f32).collect();
    let (single, double) = (Points::of_f32(&single, 2).unwrap(), Points::of_f64(&POINTS, 2).unwrap());
    let (single, double) = (Space::new(single, Metric::Euclidean), Space::new(double, Metric::Euclidean));
    for other in 0..4 {
        assert!((single.squared(1, &double, other) - double.squared(1, &double, other)).abs() < 1e-12);
        assert!((single.squared(1, &single, other) - double.squared(1, &double, other)).abs() < 1e-12);
    }
}

#[test]
fn density_is_the_mean_similarity() {
    let space = Space::new(Points::of_f64(&[0.0, 1.0, 3.0], 1).unwrap(), Metric::Euclidean);
    let found = information_density(&space, 0);
    let expected = [(1.0 + 0.5 + 0.25) / 3.0, (0.5 + 1.0 + 1.0 / 3.0) / 3.0, (0.25 + 1.0 / 3.0 + 1.0) / 3.0];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12);
    }
}

#[test]
fn density_of_a_large_pool_is_near_that_over_all_rows() {
    let places: Vec<f64> = (0..3000).map(|row| f64::from(row % 1000) / 100.0).collect();
    let space = Space::new(Points::of_f64(&places, 1).unwrap(), Metric::Euclidean);
    let exact = |row: usize| places.iter().map(|place| 1.0 / (1.0 + (places[row] - place).abs())).sum::<f64>() / 3000.0;
    let found = information_density(&space, 4);
    for row in (0..3000).step_by(131) {
        assert!((found[row] - exact(row)).abs() < 0.03, "{} is not {}", found[row], exact(row));
    }
}

#[test]
fn typicality_is_one_over_the_mean_distance_to_neighbours() {
    let space = Space::new(Points::of_f64(&[0.0, 1.0, 3.0, 9.0], 1).unwrap(), Metric::Euclidean);
    let found = typicality(&space, &[0, 1, 2], 2);
    for (found, expected) in found.iter().zip([0.5, 1.0 / 1.5, 0.4]) {
        assert!((found - expected).abs() < 1e-12);
    }
    assert_eq!(typicality(&space, &[3], 20), [1.0]);
}
