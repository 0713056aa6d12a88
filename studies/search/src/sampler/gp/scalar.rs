//! Several losses as one: an augmented Chebyshev sum with weights drawn for each trial (ParEGO, Knowles 2006).

use super::warp::warp;
use crate::draw::{Draw, Use};

/// How much the plain sum counts beside the largest part, so that no point is as good as one that dominates it.
const AUGMENTED: f64 = 0.05;

/// Returns one loss per trial; `losses` has one list per objective, finite and of equal lengths.
///
/// Each objective is warped and spread over `[0, 1]` first, so that no unit outweighs another.
pub(super) fn chebyshev(losses: &[Vec<f64>], seed: u64, number: u32) -> Vec<f64> {
    let scaled: Vec<Vec<f64>> = losses.iter().map(|column| spread(&warp(column))).collect();
    let weights = weights(losses.len(), seed, number);
    let one = |row: usize| {
        let parts = scaled.iter().zip(&weights).map(|(column, weight)| weight * column[row]);
        let (largest, sum) = parts.fold((0.0_f64, 0.0), |(largest, sum), part| (largest.max(part), sum + part));
        largest + AUGMENTED * sum
    };
    (0..losses.first().map_or(0, Vec::len)).map(one).collect()
}

fn spread(values: &[f64]) -> Vec<f64> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = if high > low { high - low } else { 1.0 };
    values.iter().map(|value| (value - low) / width).collect()
}

/// Returns weights that are uniform among those that sum to 1.
fn weights(count: usize, seed: u64, number: u32) -> Vec<f64> {
    let mut draw = Draw::new(seed, number, "", Use::Weights);
    let parts: Vec<f64> = (0..count).map(|_| -libm::log(1.0 - draw.unit())).collect();
    let sum = parts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    parts.into_iter().map(|part| part / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dominated_trial_is_never_better() {
        let losses = [vec![1.0, 2.0, 5.0, 1.0], vec![3.0, 4.0, 0.0, 5.0]];
        for number in 0..50 {
            let sums = chebyshev(&losses, 3, number);
            assert!(sums[0] < sums[1] && sums[0] <= sums[3], "{sums:?}");
        }
    }

    #[test]
    fn weights_are_positive_and_sum_to_one_and_differ_by_trial() {
        let first = weights(3, 1, 0);
        assert!(first.iter().all(|weight| *weight >= 0.0) && (first.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert_ne!(first, weights(3, 1, 1));
    }
}
