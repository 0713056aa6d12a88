//! What is near to what: distances of rows under a metric, or between the gradients that their labels give.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::committee::consensus;
use super::uncertainty::top_class;
use super::{Block, Points};

/// How distances between embeddings are measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// √Σ(a − b)².
    #[default]
    Euclidean,
    /// 1 − cos: from 0, the same direction, to 2, the opposite one. A point of length zero is at 1 from all others.
    Cosine,
}

/// Rows between which there are distances.
#[derive(Clone, Debug)]
pub struct Space<'a> {
    points: Points<'a>,
    shape: Shape,
}

#[derive(Clone, Debug)]
enum Shape {
    Euclidean,
    /// Points on the unit sphere; one over each point's length, 0 for those without.
    Cosine(Vec<f64>),
    /// Outer products of residuals and points, never written out.
    Gradient {
        /// Rows × classes: p − e of the likeliest class.
        residuals: Vec<f64>,
        classes: usize,
        /// The squared length of each row's product.
        squares: Vec<f64>,
    },
}

impl<'a> Space<'a> {
    /// Takes points and a metric.
    #[must_use]
    pub fn new(points: Points<'a>, metric: Metric) -> Self {
        let inverse = |row| match points.length(row) {
            0.0 => 0.0,
            length => 1.0 / length,
        };
        let shape = match metric {
            Metric::Euclidean => Shape::Euclidean,
            Metric::Cosine => Shape::Cosine((0..points.rows()).into_par_iter().map(inverse).collect()),
        };
        Self { points, shape }
    }

    /// Takes the gradients of a linear head's loss, were the likeliest class the label: (p − e) ⊗ x (Ash et al. 2020).
    ///
    /// Of a committee, p is the members' mean. A row without a prediction has no gradient: it is at the origin.
    ///
    /// # Panics
    /// When there are not as many points as predictions.
    #[must_use]
    pub fn of_gradients(predictions: &Block<'_>, points: Points<'a>) -> Self {
        assert_eq!(predictions.rows(), points.rows(), "rows of predictions and of points");
        let classes = predictions.kind().width();
        let mut residuals = vec![0.0; predictions.rows() * classes];
        for (row, residual) in residuals.chunks_exact_mut(classes).enumerate() {
            if consensus(predictions.present(row), residual) == 0 {
                residual.fill(0.0);
            } else {
                residual[top_class(residual)] -= 1.0;
            }
        }
        let square = |row: usize| {
            let residual = &residuals[row * classes..(row + 1) * classes];
            residual.iter().map(|part| part * part).sum::<f64>() * points.dot(row, &points, row)
        };
        let squares = (0..points.rows()).into_par_iter().map(square).collect();
        Self { points, shape: Shape::Gradient { residuals, classes, squares } }
    }

    /// The number of rows.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.points.rows()
    }

    /// The number of coordinates that [`Space::copy_row`] writes.
    pub(super) const fn dimensions(&self) -> usize {
        self.points.dimensions()
    }

    /// The distance in the metric's own unit, of a number that [`Space::squared`] gave.
    #[must_use]
    pub fn distance_of(&self, squared: f64) -> f64 {
        match self.shape {
            Shape::Euclidean | Shape::Gradient { .. } => squared.sqrt(),
            Shape::Cosine(_) => squared / 2.0,
        }
    }

    /// The number that [`Space::squared`] gives for a distance in the metric's own unit.
    #[must_use]
    pub fn squared_of(&self, distance: f64) -> f64 {
        match self.shape {
            Shape::Euclidean | Shape::Gradient { .. } => distance * distance,
            Shape::Cosine(_) => distance * 2.0,
        }
    }

    /// The squared distance of a row from a row of another space of the same kind; on the unit sphere it is 2 (1 − cos).
    #[must_use]
    pub fn squared(&self, row: usize, others: &Space<'_>, other: usize) -> f64 {
        match (&self.shape, &others.shape) {
            (Shape::Cosine(own), Shape::Cosine(theirs)) => {
                let cosine = self.points.dot(row, &others.points, other) * own[row] * theirs[other];
                (2.0 - 2.0 * cosine).max(0.0)
            }
            (Shape::Gradient { residuals: own, classes, squares: a }, Shape::Gradient { residuals: theirs, squares: b, .. }) => {
                let (own, theirs) = (&own[row * classes..][..*classes], &theirs[other * classes..][..*classes]);
                let inner: f64 = own.iter().zip(theirs).map(|(own, theirs)| own * theirs).sum();
                (a[row] + b[other] - 2.0 * inner * self.points.dot(row, &others.points, other)).max(0.0)
            }
            _ => self.points.squared_distance(row, &others.points, other),
        }
    }

    /// The squared distance of a row from the origin.
    pub(super) fn squared_length(&self, row: usize) -> f64 {
        match &self.shape {
            Shape::Euclidean => self.points.dot(row, &self.points, row),
            Shape::Cosine(inverse) => f64::from(u8::from(inverse[row] > 0.0)),
            Shape::Gradient { squares, .. } => squares[row],
        }
    }

    /// Writes a row's coordinates; on the unit sphere where the metric is the cosine's.
    pub(super) fn copy_row(&self, row: usize, out: &mut [f64]) {
        self.points.copy_row(row, out);
        if let Shape::Cosine(inverse) = &self.shape {
            out.iter_mut().for_each(|value| *value *= inverse[row]);
        }
    }

    /// The squared distance of each of some rows from the nearest of other points; infinite without any.
    pub(super) fn nearest(&self, rows: &[usize], others: Option<&Space<'_>>) -> Vec<f64> {
        let nearest = |row: &usize| match others {
            None => f64::INFINITY,
            Some(others) => (0..others.rows()).fold(f64::INFINITY, |least, other| least.min(self.squared(*row, others, other))),
        };
        rows.par_iter().with_min_len(CHUNK).map(nearest).collect()
    }

    /// Makes the squared distances of some rows from the nearest those that also a further row has a part in.
    pub(super) fn approach(&self, rows: &[usize], nearest: &mut [f64], row: usize) {
        let pairs = rows.par_iter().zip(nearest).with_min_len(CHUNK);
        pairs.for_each(|(other, nearest)| *nearest = nearest.min(self.squared(*other, self, row)));
    }
}

/// Rows that a thread takes at least, so that passing them on costs little beside the work.
const CHUNK: usize = 64;

#[cfg(test)]
#[path = "space_tests.rs"]
mod tests;
