use proptest::prelude::*;

use super::*;

/// A dense positive definite matrix `B Bᵀ + I`.
fn matrix(len: usize, entries: &[f64]) -> Vec<Vec<f64>> {
    let entry = |row: usize, column: usize| entries[(row * len + column) % entries.len()];
    let product = |a: usize, b: usize| (0..len).map(|k| entry(a, k) * entry(b, k)).sum::<f64>() + f64::from(u8::from(a == b));
    (0..len).map(|a| (0..len).map(|b| product(a, b)).collect()).collect()
}

fn factor(matrix: &[Vec<f64>]) -> Factor {
    let mut factor = Factor::with_capacity(matrix.len());
    for (index, row) in matrix.iter().enumerate() {
        factor.push(&row[..index], row[index]);
    }
    factor
}

fn times(matrix: &[Vec<f64>], vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum()).collect()
}

#[test]
fn factor_of_a_two_by_two_matrix_is_the_one_worked_by_hand() {
    let factor = factor(&[vec![4.0, 2.0], vec![2.0, 10.0]]);
    assert_eq!(factor.packed, [2.0, 1.0, 3.0]);
    assert_eq!(factor.half_ln_determinant(), 6.0_f64.ln());
    // The inverse of [[4, 2], [2, 10]] is [[10, -2], [-2, 4]] / 36.
    let expected = [10.0 / 36.0, -2.0 / 36.0, 4.0 / 36.0];
    assert!(factor.inverse().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
}

#[test]
fn a_repeated_row_keeps_the_factor_finite() {
    let factor = factor(&vec![vec![1.0; 5]; 5]);
    let mut solved = vec![1.0; 5];
    factor.solve_lower(&mut solved);
    factor.solve_upper(&mut solved);
    assert!(solved.iter().all(|x| x.is_finite()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn solutions_put_back_give_the_right_hand_side(
        len in 1..40_usize,
        entries in prop::collection::vec(-2.0..2.0_f64, 40),
        right in prop::collection::vec(-3.0..3.0_f64, 40),
    ) {
        let matrix = matrix(len, &entries);
        let factor = factor(&matrix);
        let mut solved = right[..len].to_vec();
        factor.solve_lower(&mut solved);
        factor.solve_upper(&mut solved);
        for (back, wanted) in times(&matrix, &solved).iter().zip(&right) {
            prop_assert!((back - wanted).abs() < 1e-8, "{back} {wanted}");
        }
        let inverse = factor.inverse();
        let symmetric = |a: usize, b: usize| inverse[start(a.max(b)) + a.min(b)];
        for (index, &entry) in solved.iter().enumerate() {
            let by_inverse: f64 = (0..len).map(|column| symmetric(index, column) * right[column]).sum();
            prop_assert!((by_inverse - entry).abs() < 1e-8);
        }
    }

    #[test]
    fn a_factor_cut_back_and_grown_again_has_the_same_bits(
        len in 2..40_usize,
        entries in prop::collection::vec(-2.0..2.0_f64, 40),
    ) {
        let matrix = matrix(len, &entries);
        let whole = factor(&matrix);
        let mut grown = whole.clone();
        grown.truncate(len / 2);
        for index in len / 2..len {
            grown.push(&matrix[index][..index], matrix[index][index]);
        }
        prop_assert_eq!(whole, grown);
    }
}
