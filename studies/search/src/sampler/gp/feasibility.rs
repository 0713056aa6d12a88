//! What the model of feasibility learns: how far each trial is from the border, negative on the feasible side.
//!
//! A trial tells on which side of the border it lies, not how far from it. A model of bare labels sees a cliff and
//! stays unsure all around it. So the label is the distance to the nearest trial of the other side: continuous, zero
//! midway between the sides, and smooth enough for a Gaussian process to place the border sharply. A violation says
//! more than that: in a trial that just about violates, the border is nearer than the nearest feasible trial.

use super::kernel::{Column, Points, squares};

/// On which side a trial turned out to lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Side {
    /// It ended, and all constraints hold.
    Feasible,
    /// It failed, or nobody knows by how much it violates.
    Infeasible,
    /// Constraints are violated by this much, above 0 and finite.
    Violating(f64),
}

/// Returns a label for each point, of mean square 1: negative where feasible, positive where not.
///
/// Distances are in ranges of the parameters. With one side only, all labels are alike.
pub(super) fn labels(columns: &[Column], points: &Points, sides: &[Side]) -> Vec<f64> {
    let distances = distances_across(columns, points, sides);
    let scale = distance_of_violation(&distances, sides);
    let label = |(&distance, side): (&f64, &Side)| match side {
        Side::Feasible => -distance,
        Side::Infeasible => distance,
        Side::Violating(violation) => distance.min(scale * violation),
    };
    let labels: Vec<f64> = distances.iter().zip(sides).map(label).collect();
    let square = labels.iter().map(|label| label * label).sum::<f64>() / labels.len().max(1) as f64;
    let unit = if square > 0.0 { square.sqrt() } else { 1.0 };
    labels.into_iter().map(|label| label / unit).collect()
}

/// Returns each point's distance to the nearest of the other side; 1 if there is none.
fn distances_across(columns: &[Column], points: &Points, sides: &[Side]) -> Vec<f64> {
    let weights = vec![1.0; columns.len()];
    let mut q = vec![0.0; points.len()];
    let mut point = vec![0.0; columns.len()];
    let mut nearest = |index: usize| {
        points.read(index, &mut point);
        squares(columns, &weights, points, &point, &mut q);
        let is_across = |other: usize| (sides[other] == Side::Feasible) != (sides[index] == Side::Feasible);
        let nearest = (0..q.len()).filter(|&other| is_across(other)).map(|other| q[other]).fold(f64::INFINITY, f64::min);
        if nearest.is_finite() { nearest.sqrt() } else { 1.0 }
    };
    (0..points.len()).map(&mut nearest).collect()
}

/// Returns the median distance for one unit of violation.
fn distance_of_violation(distances: &[f64], sides: &[Side]) -> f64 {
    let ratio = |(distance, side): (&f64, &Side)| match side {
        Side::Violating(violation) => Some(distance / violation).filter(|ratio| ratio.is_finite()),
        Side::Feasible | Side::Infeasible => None,
    };
    let mut ratios: Vec<f64> = distances.iter().zip(sides).filter_map(ratio).collect();
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(f64::INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::gp::kernel::Kind;

    fn labels_of(trials: &[(f64, Side)]) -> Vec<f64> {
        let mut points = Points::new(1);
        trials.iter().for_each(|(x, _)| points.push(&[*x]));
        let sides: Vec<Side> = trials.iter().map(|trial| trial.1).collect();
        labels(&[Column { kind: Kind::Line, scale: 0 }], &points, &sides)
    }

    #[test]
    fn labels_are_distances_to_the_other_side() {
        let found = labels_of(&[(0.0, Side::Feasible), (0.3, Side::Feasible), (0.5, Side::Infeasible), (0.9, Side::Infeasible)]);
        let ratios: Vec<f64> = found.iter().map(|label| label / found[2]).collect();
        let expected = [-2.5, -1.0, 1.0, 3.0];
        assert!(ratios.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{ratios:?}");
    }

    #[test]
    fn a_small_violation_brings_the_border_nearer() {
        let violating = |violation| Side::Violating(violation);
        let found = labels_of(&[(0.0, Side::Feasible), (0.5, violating(0.01)), (0.6, violating(1.0)), (0.9, violating(1.5))]);
        assert!(0.0 < found[1] && found[1] < 0.1 * found[2], "{found:?}");
    }

    #[test]
    fn one_side_alone_has_one_label() {
        assert_eq!(labels_of(&[(0.0, Side::Feasible), (0.5, Side::Feasible)]), [-1.0, -1.0]);
        assert_eq!(labels_of(&[(0.2, Side::Feasible), (0.2, Side::Infeasible)]), [-0.0, 0.0]);
        assert!(labels_of(&[]).is_empty());
    }
}
