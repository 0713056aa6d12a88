//! Losses made fit for a Gaussian process: mean 0, variance 1, and no outliers on the bad side.
//!
//! The worse half keeps its order but not its distances: each loss moves to where a normal number of its rank would
//! lie, if the better half were the lower half of a normal distribution (half-rank warping, Song et al. 2024). A
//! diverged trial then says "bad" and not "the scale of everything is 10⁹".

use crate::normal::quantile;

/// Returns warped values in the order of `losses`, which must be finite. Equal losses stay equal.
pub(super) fn warp(losses: &[f64]) -> Vec<f64> {
    let mut values = losses.to_vec();
    tame(&mut values);
    standardise(&mut values);
    values
}

/// Moves the worse half to normal quantiles.
fn tame(values: &mut [f64]) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]).then(a.cmp(&b)));
    let half = values.len() / 2;
    let Some(&middle) = order.get(half) else {
        return;
    };
    let median = values[middle];
    let better: f64 = order[..half].iter().map(|&index| (values[index] - median) * (values[index] - median)).sum();
    let spread = (better / half.max(1) as f64).sqrt();
    let count = values.len() as f64;
    let mut place = half;
    while place < order.len() {
        let loss = values[order[place]];
        let ties = order[place..].iter().take_while(|&&index| values[index] == loss).count();
        let rank = place as f64 + 0.5 * (ties - 1) as f64;
        if loss > median {
            let share = (rank + 0.5) / count;
            let normal = median + spread * quantile(share);
            order[place..place + ties].iter().for_each(|&index| values[index] = normal.min(f64::MAX));
        }
        place += ties;
    }
}

fn standardise(values: &mut [f64]) {
    let count = values.len().max(1) as f64;
    // Halved first, so that sums of the largest doubles stay finite.
    let largest = values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    values.iter_mut().for_each(|value| *value /= unit);
    let mean = values.iter().sum::<f64>() / count;
    values.iter_mut().for_each(|value| *value -= mean);
    let deviation = (values.iter().map(|value| value * value).sum::<f64>() / count).sqrt();
    let usable = deviation > 1e-14;
    values.iter_mut().for_each(|value| *value = if usable { *value / deviation } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(values: &[f64]) -> (f64, f64) {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
    }

    #[test]
    fn order_is_kept_and_outliers_are_not() {
        let losses = [3.0, 1.0, 1e9, 2.0, 5.0, 4.0, 1e300];
        let warped = warp(&losses);
        let (mean, variance) = moments(&warped);
        assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12);
        for (a, b) in [(1, 3), (3, 0), (0, 5), (5, 4), (4, 2), (2, 6)] {
            assert!(warped[a] < warped[b], "{warped:?}");
        }
        assert!(warped[6] < 3.0, "{warped:?}");
    }

    #[test]
    fn distances_among_the_better_half_keep_their_ratios() {
        let warped = warp(&[1.0, 2.0, 4.0, 8.0, 9.0, 10.0, 11.0, 12.0]);
        let ratio = (warped[2] - warped[1]) / (warped[1] - warped[0]);
        assert!((ratio - 2.0).abs() < 1e-12);
    }

    #[test]
    fn ties_stay_ties_and_equal_losses_are_all_zero() {
        let warped = warp(&[1.0, 2.0, 3.0, 7.0, 7.0, 7.0]);
        assert!(warped[3] == warped[4] && warped[4] == warped[5] && warped[2] < warped[3]);
        for losses in [vec![], vec![5.0], vec![1e300; 9], vec![0.0; 4], vec![-1e-300; 3]] {
            assert!(warp(&losses).iter().all(|&value| value == 0.0), "{losses:?}");
        }
    }

    #[test]
    fn the_largest_and_smallest_doubles_are_separated() {
        let warped = warp(&[f64::MAX, f64::MIN, 0.0, 1e-300]);
        assert!(warped.iter().all(|value| value.is_finite()), "{warped:?}");
        assert!(warped[1] < warped[2] && warped[2] <= warped[3] && warped[3] < warped[0]);
    }
}
