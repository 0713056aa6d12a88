//! Points in space: embeddings, or probabilities where there are none.

use std::cmp::Ordering;

use super::AcquisitionError;

/// Rows of equally many coordinates, row-major, in either precision; sums are in double precision and in a fixed order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Points<'a> {
    values: Values<'a>,
    dimensions: usize,
    rows: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Values<'a> {
    Single(&'a [f32]),
    Double(&'a [f64]),
}

/// Independent sums within a distance, so that the processor adds them at once; their number fixes the order of the sum.
const LANES: usize = 8;

impl<'a> Points<'a> {
    /// Takes rows in single precision.
    ///
    /// # Errors
    /// Rows without coordinates, and a length that is no multiple of them.
    pub fn of_f32(values: &'a [f32], dimensions: usize) -> Result<Self, AcquisitionError> {
        Self::new(Values::Single(values), values.len(), dimensions)
    }

    /// Takes rows in double precision.
    ///
    /// # Errors
    /// Rows without coordinates, and a length that is no multiple of them.
    pub fn of_f64(values: &'a [f64], dimensions: usize) -> Result<Self, AcquisitionError> {
        Self::new(Values::Double(values), values.len(), dimensions)
    }

    fn new(values: Values<'a>, length: usize, dimensions: usize) -> Result<Self, AcquisitionError> {
        let Some(rows) = length.checked_div(dimensions) else {
            return Err(AcquisitionError::Empty("coordinates"));
        };
        if rows * dimensions != length {
            return Err(AcquisitionError::Length {
                what: "the array of points",
                found: length,
                expected: (rows + 1) * dimensions,
            });
        }
        Ok(Self { values, dimensions, rows })
    }

    /// The number of points.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The number of coordinates of each.
    #[must_use]
    pub const fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// The points of these rows.
    ///
    /// # Panics
    /// When they are not all there.
    #[must_use]
    pub fn part(&self, first: usize, rows: usize) -> Self {
        let range = first * self.dimensions..(first + rows) * self.dimensions;
        let values = match self.values {
            Values::Single(values) => Values::Single(&values[range]),
            Values::Double(values) => Values::Double(&values[range]),
        };
        Self { values, rows, ..*self }
    }

    /// Says which coordinate of which row is not finite, if one is not.
    pub(super) fn check(&self, what: &'static str) -> Result<(), AcquisitionError> {
        let bad = match self.values {
            Values::Single(values) => values.iter().position(|value| !value.is_finite()),
            Values::Double(values) => values.iter().position(|value| !value.is_finite()),
        };
        let Some(at) = bad else { return Ok(()) };
        let (row, value) = (at / self.dimensions, self.value(at));
        Err(AcquisitionError::Number { what, row, value, hint: "leave out samples without a finite embedding" })
    }

    /// Copies some rows, in that order.
    pub(super) fn pick(&self, rows: &[usize]) -> Picked {
        let values = match self.values {
            Values::Single(values) => Numbers::Single(pick(values, self.dimensions, rows)),
            Values::Double(values) => Numbers::Double(pick(values, self.dimensions, rows)),
        };
        Picked { values, dimensions: self.dimensions, rows: rows.len() }
    }

    /// The rows in an order that depends on nothing but their coordinates.
    pub(super) fn in_order(&self) -> Picked {
        let at = |row: usize, dimension: usize| self.value(row * self.dimensions + dimension);
        let compare = |a: &usize, b: &usize| {
            let pairs = (0..self.dimensions).map(|dimension| at(*a, dimension).total_cmp(&at(*b, dimension)));
            pairs.fold(Ordering::Equal, Ordering::then)
        };
        let mut rows: Vec<usize> = (0..self.rows).collect();
        rows.sort_by(compare);
        self.pick(&rows)
    }

    fn value(&self, at: usize) -> f64 {
        match self.values {
            Values::Single(values) => values[at].into(),
            Values::Double(values) => values[at],
        }
    }

    /// Writes a row's coordinates.
    pub fn copy_row(&self, row: usize, out: &mut [f64]) {
        let first = row * self.dimensions;
        for (at, value) in out[..self.dimensions].iter_mut().enumerate() {
            *value = self.value(first + at);
        }
    }

    /// The inner product of a row with one of other points of as many dimensions.
    #[must_use]
    pub fn dot(&self, row: usize, others: &Points<'_>, other: usize) -> f64 {
        self.with(row, others, other, |a, b| a * b)
    }

    /// The squared Euclidean distance of a row from one of other points of as many dimensions.
    #[must_use]
    pub fn squared_distance(&self, row: usize, others: &Points<'_>, other: usize) -> f64 {
        self.with(row, others, other, |a, b| (a - b) * (a - b))
    }

    /// The Euclidean length of a row.
    #[must_use]
    pub fn length(&self, row: usize) -> f64 {
        self.dot(row, self, row).sqrt()
    }

    fn with(&self, row: usize, others: &Points<'_>, other: usize, term: impl Fn(f64, f64) -> f64) -> f64 {
        let (a, b) = (row * self.dimensions, other * self.dimensions);
        let (a, b) = (a..a + self.dimensions, b..b + self.dimensions);
        match (self.values, others.values) {
            (Values::Single(x), Values::Single(y)) => sum(&x[a], &y[b], |x, y| term(x.into(), y.into())),
            (Values::Single(x), Values::Double(y)) => sum(&x[a], &y[b], |x, y| term(x.into(), y)),
            (Values::Double(x), Values::Single(y)) => sum(&x[a], &y[b], |x, y| term(x, y.into())),
            (Values::Double(x), Values::Double(y)) => sum(&x[a], &y[b], term),
        }
    }
}

/// Points of its own.
#[derive(Clone, Debug)]
pub(super) struct Picked {
    values: Numbers,
    dimensions: usize,
    rows: usize,
}

#[derive(Clone, Debug)]
enum Numbers {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl Picked {
    /// The points.
    pub(super) fn points(&self) -> Points<'_> {
        let values = match &self.values {
            Numbers::Single(values) => Values::Single(values),
            Numbers::Double(values) => Values::Double(values),
        };
        Points { values, dimensions: self.dimensions, rows: self.rows }
    }
}

/// Copies rows of so many numbers.
pub(super) fn pick<T: Copy>(values: &[T], width: usize, rows: &[usize]) -> Vec<T> {
    let mut picked = Vec::with_capacity(rows.len() * width);
    for row in rows {
        picked.extend_from_slice(&values[row * width..(row + 1) * width]);
    }
    picked
}

/// The sum of a term over two rows.
fn sum<A: Copy, B: Copy>(a: &[A], b: &[B], term: impl Fn(A, B) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| term(*a, *b)).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += term(a[lane], b[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The squared Euclidean distance of two rows.
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    sum(a, b, |a, b| (a - b) * (a - b))
}
