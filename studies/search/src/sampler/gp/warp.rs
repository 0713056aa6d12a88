//! Losses made fit for a Gaussian process: mean 0, variance 1, and no outliers on the bad side.
//!
//! The worse half keeps its order but not its distances: each loss moves to where a normal number of its rank would
//! lie, if the better half were the lower half of a normal distribution (half-rank warping, Song et al. 2024). A
//! diverged trial then says "bad" and not "the scale of everything is 10⁹".

use crate::normal::quantile;

/// How much differences near the best loss are stretched.
///
/// Distances `d` from the best, in standard deviations, become `ln(1 + bend d)`: a function that spans orders of
/// magnitude then shows its bottom too. Which bend suits is for the evidence to say (warped Gaussian processes,
/// Snelson et al. 2004).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Warp {
    bend: f64,
}

/// Warped losses, and the logarithm of the slope of the warp at each, by which warps are compared.
#[derive(Clone, Debug)]
pub(super) struct Warped {
    pub(super) values: Vec<f64>,
    pub(super) ln_slopes: Vec<f64>,
}

impl Warp {
    /// The warps to choose from, plainest first.
    pub(super) const ALL: [Self; 3] = [Self { bend: 0.0 }, Self { bend: 1.0 }, Self { bend: 10.0 }];
    /// The warp that only tames outliers.
    pub(super) const PLAIN: Self = Self::ALL[0];

    /// Returns warped losses in the order of `losses`, which must be finite. Equal losses stay equal.
    pub(super) fn apply(self, losses: &[f64]) -> Warped {
        let mut values = losses.to_vec();
        tame(&mut values);
        standardise(&mut values);
        let mut ln_slopes = vec![0.0; values.len()];
        if self.bend > 0.0 {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            for (value, ln_slope) in values.iter_mut().zip(&mut ln_slopes) {
                let bent = libm::log1p(self.bend * (*value - least));
                (*value, *ln_slope) = (bent, libm::log(self.bend) - bent);
            }
            let deviation = standardise(&mut values);
            ln_slopes.iter_mut().for_each(|ln_slope| *ln_slope -= libm::log(deviation));
        }
        Warped { values, ln_slopes }
    }
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

/// Gives the values mean 0 and variance 1, and returns their deviation, or 1 if there is none.
fn standardise(values: &mut [f64]) -> f64 {
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
    if usable { deviation * unit } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warp(losses: &[f64]) -> Vec<f64> {
        Warp::PLAIN.apply(losses).values
    }

    #[test]
    fn a_bent_warp_stretches_the_bottom_and_knows_its_slope() {
        let losses = [1e-3, 1e-2, 0.1, 1.0, 3.0, 10.0];
        let plain = warp(&losses);
        for bend in Warp::ALL.into_iter().skip(1) {
            let Warped { values, ln_slopes } = bend.apply(&losses);
            assert!(values.is_sorted());
            assert!((values[1] - values[0]) / (values[4] - values[3]) > (plain[1] - plain[0]) / (plain[4] - plain[3]));
            // Between neighbours the mean slope lies between the slopes at both.
            for at in 0..5 {
                let between = ((values[at + 1] - values[at]) / (plain[at + 1] - plain[at])).ln();
                assert!(ln_slopes[at + 1] <= between && between <= ln_slopes[at], "{at}");
            }
        }
    }

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
