//! Several objectives: problems with known fronts, and the hypervolume that a set of points dominates.

use std::f64::consts::{FRAC_PI_6, PI};

use hone_search::Space;

use crate::draw::Source;
use crate::task::{Answer, Family, Objective, Task, always, float, goal, log_float, log_int, options, to_units};

/// Names of the problems, with the number of their parameters.
pub const ALL: &[&str] = &["convex-front-8", "concave-front-8", "broken-front-8", "sphere-front-7", "mixed-front-6"];

/// The instance of `seed`; `None` if there is no such problem.
pub fn task(name: &str, seed: u64) -> Option<Task> {
    let source = Source::new(name, seed);
    Some(match name {
        "convex-front-8" => two(name, seed, |x, g| g * (1.0 - (x / g).sqrt())),
        "concave-front-8" => two(name, seed, |x, g| g * (1.0 - (x / g).powi(2))),
        "broken-front-8" => two(name, seed, |x, g| g * (1.0 - (x / g).sqrt() - x / g * libm::sin(10.0 * PI * x))),
        "sphere-front-7" => sphere(name, seed, source),
        "mixed-front-6" => mixed(name, seed, source),
        _ => return None,
    })
}

fn answer(values: Vec<f64>) -> Answer {
    Answer { values, ..Answer::default() }
}

fn several(name: &str, seed: u64, space: Space, reference: &[f64], optimum: f64, objective: Objective) -> Task {
    let task = Task::new(name, Family::Several, seed, space, objective);
    Task { objectives: reference.len(), reference: reference.to_vec(), optimum, ..task }
}

fn unit_floats(count: usize) -> Space {
    Space { parameters: (0..count).map(|index| always(format!("x{index}"), float(0.0, 1.0))).collect() }
}

/// The first two-objective problems of Zitzler, Deb and Thiele (2000), their front moved away from the bounds.
fn two(name: &str, seed: u64, second: fn(f64, f64) -> f64) -> Task {
    let space = unit_floats(8);
    let goal = goal(&space, Source::new(name, seed));
    let objective = move |params: &[f64]| {
        let off: f64 = params[1..].iter().zip(&goal[1..]).map(|(x, goal)| (x - goal).abs()).sum();
        answer(vec![params[0], second(params[0], 1.0 + 9.0 * off / 7.0)])
    };
    let reference = [1.1, 4.0];
    let front: Vec<Vec<f64>> = (0..=20_000).map(|i| f64::from(i) / 20_000.0).map(|x| vec![x, second(x, 1.0)]).collect();
    several(name, seed, space, &reference, hypervolume(&front, &reference), Box::new(objective))
}

/// Three objectives whose front is an eighth of a sphere (DTLZ2; Deb et al. 2002), moved away from the bounds.
fn sphere(name: &str, seed: u64, source: Source) -> Task {
    let space = unit_floats(7);
    let goal = goal(&space, source);
    let objective = move |params: &[f64]| {
        let off: f64 = params[2..].iter().zip(&goal[2..]).map(|(x, goal)| (x - goal).powi(2)).sum();
        let (a, b) = (params[0] * PI / 2.0, params[1] * PI / 2.0);
        let radius = 1.0 + 4.0 * off;
        answer(vec![radius * libm::cos(a) * libm::cos(b), radius * libm::cos(a) * libm::sin(b), radius * libm::sin(a)])
    };
    several(name, seed, space, &[1.5; 3], 1.5_f64.powi(3) - FRAC_PI_6, Box::new(objective))
}

/// Two points that cannot both be reached, over floats, a whole number and options that both agree on.
fn mixed(name: &str, seed: u64, source: Source) -> Task {
    let numbers = [always("a", float(-5.0, 5.0)), always("b", log_float(1e-4, 1.0)), always("c", float(-5.0, 5.0))];
    let others = [always("n", log_int(1, 256)), always("kind", options(4)), always("mode", options(3))];
    let space = Space { parameters: numbers.into_iter().chain(others).collect() };
    let one = to_units(&space, &goal(&space, source));
    // The three numbers differ by half of their range, so that the front runs from 0 to 0.75 on both.
    let two: Vec<f64> = one.iter().map(|one| if *one < 0.5 { one + 0.5 } else { one - 0.5 }).collect();
    let inner = space.clone();
    let objective = move |params: &[f64]| {
        let units = to_units(&inner, params);
        let to = |goal: &[f64]| (0..3).map(|i| (units[i] - goal[i]).powi(2)).sum::<f64>();
        let options = f64::from(u8::from(units[4] != one[4])) + f64::from(u8::from(units[5] != one[5]));
        let shared = (units[3] - one[3]).powi(2) + 0.2 * options;
        answer(vec![to(&one) + shared, to(&two) + shared])
    };
    let reference = [1.0, 1.0];
    let along = |i: u32| (f64::from(i) / 20_000.0).powi(2) * 0.75;
    let front: Vec<Vec<f64>> = (0..=20_000).map(|i| vec![along(i), along(20_000 - i)]).collect();
    several(name, seed, space, &reference, hypervolume(&front, &reference), Box::new(objective))
}

/// The volume between `points` and `reference` that is at least as bad as one of the points; smaller is better.
///
/// For one to three objectives: sorts by the last one and adds up slices of the others.
pub fn hypervolume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let inside = |point: &&Vec<f64>| point.iter().zip(reference).all(|(value, reference)| value < reference);
    let mut points: Vec<&[f64]> = points.iter().filter(inside).map(Vec::as_slice).collect();
    let last = reference.len() - 1;
    points.sort_by(|a, b| a[last].total_cmp(&b[last]));
    volume(&points, reference)
}

fn volume(sorted: &[&[f64]], reference: &[f64]) -> f64 {
    match reference.len() {
        1 => sorted.first().map_or(0.0, |point| reference[0] - point[0]),
        2 => area(sorted, reference),
        _ => (0..sorted.len()).map(|index| slice(sorted, index, reference)).sum(),
    }
}

/// Two objectives, sorted by the second: each point adds the strip left of the best first objective so far.
fn area(sorted: &[&[f64]], reference: &[f64]) -> f64 {
    let (mut left, mut area) = (reference[0], 0.0);
    for point in sorted {
        area += (left - point[0]).max(0.0) * (reference[1] - point[1]);
        left = left.min(point[0]);
    }
    area
}

/// The slice between point `index` and the next along the last objective.
fn slice(sorted: &[&[f64]], index: usize, reference: &[f64]) -> f64 {
    let last = reference.len() - 1;
    let next = sorted.get(index + 1).map_or(reference[last], |point| point[last]);
    let thickness = next - sorted[index][last];
    if thickness <= 0.0 {
        return 0.0;
    }
    let below: Vec<Vec<f64>> = sorted[..=index].iter().map(|point| point[..last].to_vec()).collect();
    thickness * hypervolume(&below, &reference[..last])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_of_boxes_are_counted_once() {
        let two = [vec![0.5, 0.2], vec![0.2, 0.5], vec![0.6, 0.6], vec![2.0, 0.0]];
        assert!((hypervolume(&two, &[1.0, 1.0]) - (0.8 * 0.5 + 0.3 * 0.5)).abs() < 1e-12);
        let three = [vec![0.5, 0.5, 0.0], vec![0.0, 0.5, 0.5], vec![0.5, 0.0, 0.5]];
        assert!((hypervolume(&three, &[1.0; 3]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn fronts_have_the_volume_known_from_mathematics() {
        let convex = task(ALL[0], 1).expect("a problem");
        assert!((convex.optimum - (0.1 * 4.0 + 3.0 + 2.0 / 3.0)).abs() < 1e-3, "{}", convex.optimum);
        let front: Vec<Vec<f64>> = (0..=60_u32)
            .flat_map(|i| (0..=60_u32).map(move |j| (f64::from(i) * PI / 120.0, f64::from(j) * PI / 120.0)))
            .map(|(a, b)| vec![a.cos() * b.cos(), a.cos() * b.sin(), a.sin()])
            .collect();
        let sphere = task(ALL[3], 1).expect("a problem");
        let reached = hypervolume(&front, &sphere.reference);
        assert!(reached < sphere.optimum && reached > 0.97 * sphere.optimum, "{reached} of {}", sphere.optimum);
    }
}
