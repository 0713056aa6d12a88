//! Symmetric matrices, row after row in one list, and their eigenvalues.

/// Passes over all pairs of axes before a decomposition is accepted as it is; ten suffice for any real matrix.
const MOST_SWEEPS: usize = 40;
/// Off-diagonal weight relative to the diagonal's, in squares, that counts as none.
const NEGLIGIBLE: f64 = 1e-30;

/// Eigenvalues with their eigenvectors, one vector per row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Eigen {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Vec<f64>,
}

/// Returns the unit matrix.
pub(super) fn identity(size: usize) -> Vec<f64> {
    let mut matrix = vec![0.0; size * size];
    matrix.iter_mut().step_by(size + 1).for_each(|cell| *cell = 1.0);
    matrix
}

/// Decomposes a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan 2013, section 8.5).
pub(super) fn eigen(mut matrix: Vec<f64>, size: usize) -> Eigen {
    let mut vectors = identity(size);
    for _ in 0..MOST_SWEEPS {
        if !is_mixed(&matrix, size) {
            break;
        }
        for p in 0..size {
            for q in p + 1..size {
                rotate(&mut matrix, &mut vectors, size, p, q);
            }
        }
    }
    Eigen { values: matrix.iter().step_by(size + 1).copied().collect(), vectors }
}

/// Whether anything is left off the diagonal that matters beside it.
fn is_mixed(matrix: &[f64], size: usize) -> bool {
    let (mut on, mut off) = (0.0, 0.0);
    for (row, cells) in matrix.chunks_exact(size.max(1)).enumerate() {
        on += cells[row] * cells[row];
        off += cells[row + 1..].iter().map(|cell| cell * cell).sum::<f64>();
    }
    off > NEGLIGIBLE * on
}

/// Turns axes `p` and `q` so that the cell where they meet vanishes.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], size: usize, p: usize, q: usize) {
    let (pp, qq, pq) = (matrix[p * size + p], matrix[q * size + q], matrix[p * size + q]);
    if pq == 0.0 {
        return;
    }
    let half = 0.5 * (qq - pp) / pq;
    let tangent = 1.0f64.copysign(half) / (half.abs() + (half * half + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    turn_rows(matrix, size, (p, q), (cosine, sine));
    turn_rows(vectors, size, (p, q), (cosine, sine));
    for other in 0..size {
        matrix[other * size + p] = matrix[p * size + other];
        matrix[other * size + q] = matrix[q * size + other];
    }
    matrix[p * size + p] = pp - tangent * pq;
    matrix[q * size + q] = qq + tangent * pq;
    matrix[p * size + q] = 0.0;
    matrix[q * size + p] = 0.0;
}

fn turn_rows(matrix: &mut [f64], size: usize, (p, q): (usize, usize), (cosine, sine): (f64, f64)) {
    let (before, after) = matrix.split_at_mut(q * size);
    for (at_p, at_q) in before[p * size..][..size].iter_mut().zip(&mut after[..size]) {
        (*at_p, *at_q) = (cosine * *at_p - sine * *at_q, sine * *at_p + cosine * *at_q);
    }
}

impl Eigen {
    /// Returns the matrix with the same vectors whose eigenvalues are `change` of these.
    pub(super) fn with_values(&self, change: impl Fn(f64) -> f64) -> Vec<f64> {
        let size = self.values.len();
        let mut matrix = vec![0.0; size * size];
        for (vector, &value) in self.vectors.chunks_exact(size.max(1)).zip(&self.values) {
            add_outer(&mut matrix, vector, change(value));
        }
        matrix
    }
}

/// Adds `factor · vector · vectorᵀ`.
pub(super) fn add_outer(matrix: &mut [f64], vector: &[f64], factor: f64) {
    for (row, &left) in matrix.chunks_exact_mut(vector.len().max(1)).zip(vector) {
        let factor = factor * left;
        row.iter_mut().zip(vector).for_each(|(cell, right)| *cell += factor * right);
    }
}

/// Returns the product of a matrix and a vector.
pub(super) fn product(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let dot = |row: &[f64]| row.iter().zip(vector).map(|(a, b)| a * b).sum();
    matrix.chunks_exact(vector.len().max(1)).map(dot).collect()
}

/// Returns the Euclidean length.
pub(super) fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|cell| cell * cell).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Draw, Use};

    fn random_covariance(size: usize, seed: u64, spread: f64) -> Vec<f64> {
        let mut draw = Draw::new(seed, 0, "matrix", Use::Value);
        let mut matrix = vec![0.0; size * size];
        for place in 0..2 * size {
            let vector: Vec<f64> = (0..size).map(|_| draw.unit() - 0.5).collect();
            add_outer(&mut matrix, &vector, spread.powi((place % 7) as i32 - 3));
        }
        matrix
    }

    #[test]
    fn a_matrix_is_put_together_again_from_its_eigenvectors() {
        for (size, spread) in [(1, 1.0), (2, 3.0), (10, 10.0), (40, 2.0)] {
            let matrix = random_covariance(size, size as u64, spread);
            let again = eigen(matrix.clone(), size).with_values(|value| value);
            let scale = norm(&matrix);
            assert!(matrix.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-13 * scale), "size {size}");
        }
    }

    #[test]
    fn the_square_of_a_root_and_the_product_with_its_inverse_are_what_they_should_be() {
        let matrix = random_covariance(6, 3, 4.0);
        let eigen = eigen(matrix.clone(), 6);
        let (root, inverse) = (eigen.with_values(f64::sqrt), eigen.with_values(|value| 1.0 / value.sqrt()));
        let vector = [1.0, -2.0, 0.5, 3.0, 0.0, -1.0];
        let twice = product(&root, &product(&root, &vector));
        let once = product(&matrix, &vector);
        assert!(twice.iter().zip(&once).all(|(a, b)| (a - b).abs() < 1e-12 * norm(&once)));
        let back = product(&inverse, &product(&root, &vector));
        assert!(back.iter().zip(&vector).all(|(a, b)| (a - b).abs() < 1e-9));
    }

    #[test]
    fn numbers_that_are_none_do_not_hang() {
        assert_eq!(eigen(vec![f64::NAN; 9], 3).values.len(), 3);
        assert_eq!(eigen(Vec::new(), 0).values.len(), 0);
    }
}
