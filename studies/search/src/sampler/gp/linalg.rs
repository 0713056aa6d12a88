//! Cholesky factors that grow row by row.
//!
//! A row depends on the rows above it and on nothing else, and every sum runs in one fixed order. So a factor
//! grown by one row is, bit for bit, the factor of the larger matrix: growing may be cached without changing an
//! answer. (Cholesky–Banachiewicz; see Golub and Van Loan 2013, 4.2.)

/// Partial sums of a dot product, as many as fill the vector registers.
const LANES: usize = 8;

/// The smallest pivot, relative to the diagonal entry, that still tells a new row from those above it.
const SMALLEST_PIVOT: f64 = 1e-12;

/// The lower triangle `L` of a positive definite matrix `L Lᵀ`, packed row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Factor {
    packed: Vec<f64>,
    len: usize,
}

impl Factor {
    /// Returns a factor without rows, with room for `len` of them.
    pub(super) fn with_capacity(len: usize) -> Self {
        Self { packed: Vec::with_capacity(start(len)), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn row(&self, index: usize) -> &[f64] {
        &self.packed[start(index)..start(index + 1)]
    }

    fn diagonal(&self, index: usize) -> f64 {
        self.packed[start(index + 1) - 1]
    }

    /// Appends the row of a matrix whose entries left of the diagonal are `beside`.
    ///
    /// A row that depends on those above, to rounding, gets the smallest pivot instead of a root of nothing.
    pub(super) fn push(&mut self, beside: &[f64], diagonal: f64) {
        let from = self.packed.len();
        self.packed.extend_from_slice(beside);
        let (above, row) = self.packed.split_at_mut(from);
        substitute(above, row);
        let pivot = diagonal - dot(row, row);
        self.packed.push(pivot.max(SMALLEST_PIVOT * diagonal).sqrt());
        self.len += 1;
    }

    /// Drops the rows from `len` on.
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.packed.truncate(start(self.len));
    }

    /// Solves `L x = b` in place, for the first `b.len()` rows.
    pub(super) fn solve_lower(&self, b: &mut [f64]) {
        substitute(&self.packed, b);
    }

    /// Solves `Lᵀ x = b` in place, for the first `b.len()` rows.
    pub(super) fn solve_upper(&self, b: &mut [f64]) {
        for index in (0..b.len()).rev() {
            let (above, rest) = b.split_at_mut(index);
            rest[0] /= self.diagonal(index);
            add_scaled(above, -rest[0], &self.row(index)[..index]);
        }
    }

    /// Returns the sum of the logarithms of the diagonal: half the log determinant of the matrix.
    pub(super) fn half_ln_determinant(&self) -> f64 {
        (0..self.len).map(|index| self.diagonal(index).ln()).sum()
    }

    /// Returns the lower triangle, packed row by row, of the matrix's inverse.
    pub(super) fn inverse(&self) -> Vec<f64> {
        let mut inverse = vec![0.0; self.packed.len()];
        let rows = self.inverse_rows();
        for row in (0..self.len).map(|index| rows.row(index)) {
            for (column, &factor) in row.iter().enumerate() {
                let into = &mut inverse[start(column)..start(column + 1)];
                add_scaled(into, factor, &row[..=column]);
            }
        }
        inverse
    }

    /// Returns `L⁻¹`.
    fn inverse_rows(&self) -> Self {
        let mut rows = Self { packed: Vec::with_capacity(self.packed.len()), len: self.len };
        let mut next = vec![0.0; self.len];
        for index in 0..self.len {
            let (own, row) = (1.0 / self.diagonal(index), &mut next[..=index]);
            row.fill(0.0);
            for (column, &factor) in self.row(index)[..index].iter().enumerate() {
                add_scaled(&mut row[..=column], -factor * own, &rows.packed[start(column)..start(column + 1)]);
            }
            row[index] = own;
            rows.packed.extend_from_slice(row);
        }
        rows
    }

    /// Returns `L x`.
    #[cfg(test)]
    pub(super) fn times(&self, x: &[f64]) -> Vec<f64> {
        (0..self.len).map(|index| dot(self.row(index), &x[..=index])).collect()
    }
}

/// Returns where a packed row begins.
fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

/// Solves `L x = b` in place, `L` being packed in `rows`.
fn substitute(rows: &[f64], b: &mut [f64]) {
    let mut from = 0;
    for index in 0..b.len() {
        let (known, rest) = b.split_at_mut(index);
        let row = &rows[from..=from + index];
        rest[0] = (rest[0] - dot(&row[..index], known)) / row[index];
        from += index + 1;
    }
}

/// Returns the sum of products, added up in an order that depends on the length alone.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_blocks.zip(b_blocks) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (b + f)) + ((c + g) + (d + h)) + rest
}

/// Adds `factor` times `from` to `into`.
pub(super) fn add_scaled(into: &mut [f64], factor: f64, from: &[f64]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into += factor * from;
    }
}

#[cfg(test)]
#[path = "linalg_tests.rs"]
mod tests;
