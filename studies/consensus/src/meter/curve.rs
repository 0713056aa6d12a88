//! Learning curves: accuracy by labels used.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_amount};

/// How good a model was with so many labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// All labels that the model was trained on, whoever chose them.
    pub labels: f64,
    /// The share of right predictions, or another score that grows.
    pub accuracy: f64,
}

/// How good one model after the other was, with more labels each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Point>", into = "Vec<Point>")]
pub struct Curve(Vec<Point>);

impl Curve {
    /// Checks a curve.
    ///
    /// # Errors
    ///
    /// No points, labels that do not grow, or a number that is not finite.
    pub fn new(points: Vec<Point>) -> Result<Self, ConsensusError> {
        if points.is_empty() {
            return Err(ConsensusError::Length { what: "points", given: 0, needed: 1 });
        }
        for point in &points {
            check_amount("labels", point.labels)?;
            check("accuracy", point.accuracy, "finite", point.accuracy.is_finite())?;
        }
        match points.windows(2).find(|pair| pair[0].labels >= pair[1].labels) {
            Some(pair) => Err(ConsensusError::Order { earlier: pair[0].labels, later: pair[1].labels }),
            None => Ok(Self(points)),
        }
    }

    /// Returns the points.
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    /// Returns the labels of the first point.
    pub fn first_labels(&self) -> f64 {
        self.0[0].labels
    }

    /// Returns the labels of the last point.
    pub fn last_labels(&self) -> f64 {
        self.0[self.0.len() - 1].labels
    }

    /// The accuracy at a number of labels inside the curve's range, linear between points.
    fn at(&self, labels: f64) -> f64 {
        let after = self.0.partition_point(|point| point.labels < labels).clamp(1, self.0.len() - 1);
        match &self.0[after - 1..=after] {
            [before, after] => {
                let share = ((labels - before.labels) / (after.labels - before.labels)).clamp(0.0, 1.0);
                before.accuracy + share * (after.accuracy - before.accuracy)
            }
            _ => self.0[0].accuracy,
        }
    }

    /// The mean of curves where all of them are, at every number of labels that one of them has there; `None` where they
    /// have no range in common.
    pub(super) fn mean(curves: &[&Self]) -> Option<Self> {
        let from = curves.iter().map(|curve| curve.first_labels()).fold(0.0, f64::max);
        let to = curves.iter().map(|curve| curve.last_labels()).fold(f64::INFINITY, f64::min);
        let inside = |labels: &f64| (from..=to).contains(labels);
        let mut grid: Vec<f64> =
            curves.iter().flat_map(|curve| curve.0.iter().map(|point| point.labels)).filter(inside).collect();
        grid.sort_by(f64::total_cmp);
        grid.dedup();
        let mean = |&labels: &f64| {
            let sum: f64 = curves.iter().map(|curve| curve.interpolated(labels)).sum();
            Point { labels, accuracy: sum / curves.len() as f64 }
        };
        (!grid.is_empty()).then(|| Self(grid.iter().map(mean).collect()))
    }

    fn interpolated(&self, labels: f64) -> f64 {
        if self.0.len() == 1 { self.0[0].accuracy } else { self.at(labels) }
    }

    /// The nearest curve that never falls, by least squares: neighbours that fall are replaced by their mean (Ayer et
    /// al. 1955). A lucky point then counts no more than the unlucky ones beside it.
    pub(super) fn rising(&self) -> Self {
        let mut blocks: Vec<(f64, usize)> = Vec::new();
        for point in &self.0 {
            let mut block = (point.accuracy, 1);
            while let Some(&(mean, size)) = blocks.last().filter(|(mean, _)| *mean >= block.0) {
                blocks.pop();
                let whole = size + block.1;
                block = ((mean * size as f64 + block.0 * block.1 as f64) / whole as f64, whole);
            }
            blocks.push(block);
        }
        let accuracies = blocks.into_iter().flat_map(|(mean, size)| std::iter::repeat_n(mean, size));
        Self(self.0.iter().zip(accuracies).map(|(point, accuracy)| Point { accuracy, ..*point }).collect())
    }

    /// The accuracy at the end.
    pub(super) fn last_accuracy(&self) -> f64 {
        self.0[self.0.len() - 1].accuracy
    }

    /// The labels at which a rising curve first has an accuracy, linear between points; `None` if it never has.
    pub(super) fn labels_for(&self, accuracy: f64) -> Option<f64> {
        let at = self.0.iter().position(|point| point.accuracy >= accuracy)?;
        let Some(before) = at.checked_sub(1).map(|before| self.0[before]) else { return Some(self.0[0].labels) };
        let share = (accuracy - before.accuracy) / (self.0[at].accuracy - before.accuracy);
        Some(before.labels + share * (self.0[at].labels - before.labels))
    }
}

impl TryFrom<Vec<Point>> for Curve {
    type Error = ConsensusError;

    fn try_from(points: Vec<Point>) -> Result<Self, ConsensusError> {
        Self::new(points)
    }
}

impl From<Curve> for Vec<Point> {
    fn from(curve: Curve) -> Self {
        curve.0
    }
}

#[cfg(test)]
#[path = "curve_tests.rs"]
mod tests;
