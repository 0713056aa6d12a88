//! Medians, geometric means, ranks and the paired test.

/// The value at a share from 0 to 1 of the sorted values, interpolated; NaN of none.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = share * last as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    if low == high { low } else { low + (high - low) * place.fract() }
}

/// The geometric mean of positive values; NaN of none.
pub fn geometric_mean(values: &[f64]) -> f64 {
    (values.iter().map(|value| value.ln()).sum::<f64>() / values.len() as f64).exp()
}

/// Ranks from 1 for the smallest; equal values share the mean of their ranks.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let before = order.iter().position(|index| *index == tied[0]).unwrap_or(0);
        tied.iter().for_each(|&index| ranks[index] = before as f64 + (tied.len() + 1) as f64 / 2.0);
    }
    ranks
}

/// What the signed-rank test says of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// Pairs in which the first is smaller.
    pub wins: usize,
    /// Pairs in which both are equal.
    pub ties: usize,
    /// Pairs in which the second is smaller.
    pub losses: usize,
    /// Two-sided probability of differences like these, or larger ones, if neither were better.
    pub p: f64,
}

/// Wilcoxon's signed-rank test (1945) of `first - second`: equal pairs are left out, tied sizes share their ranks, and
/// the distribution is taken as normal with the variance corrected for ties and by half a rank for continuity.
pub fn wilcoxon(differences: &[f64]) -> Paired {
    let apart: Vec<f64> = differences.iter().copied().filter(|difference| *difference != 0.0).collect();
    let wins = apart.iter().filter(|difference| **difference < 0.0).count();
    let sizes: Vec<f64> = apart.iter().map(|difference| difference.abs()).collect();
    let ranks = ranks(&sizes);
    let positive: f64 = apart.iter().zip(&ranks).filter(|(difference, _)| **difference > 0.0).map(|(_, rank)| rank).sum();
    let count = apart.len() as f64;
    let mean = count * (count + 1.0) / 4.0;
    let variance = count * (count + 1.0) * (2.0 * count + 1.0) / 24.0 - tie_correction(&sizes);
    let z = ((positive - mean).abs() - 0.5).max(0.0) / variance.sqrt();
    let p = if variance > 0.0 { libm::erfc(z / std::f64::consts::SQRT_2) } else { 1.0 };
    Paired { wins, ties: differences.len() - apart.len(), losses: apart.len() - wins, p }
}

fn tie_correction(sizes: &[f64]) -> f64 {
    let mut sorted = sizes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(|tied| (tied.len() as f64).powi(3) - tied.len() as f64).sum::<f64>() / 48.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|share| quantile(&[4.0, 1.0, 2.0, 3.0], share)), [1.0, 1.75, 2.5, 4.0]);
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    /// Reference: `scipy.stats.wilcoxon(d, zero_method="wilcox", correction=True, method="asymptotic")`.
    #[test]
    fn wilcoxon_agrees_with_scipy() {
        let differences = [-1.5, -0.3, 0.2, -2.0, -0.3, 0.0, -1.1, 0.7, -0.9, -0.4, 0.3, -3.0];
        let paired = wilcoxon(&differences);
        assert_eq!((paired.wins, paired.ties, paired.losses), (8, 1, 3));
        assert!((paired.p - SCIPY).abs() < 1e-12, "{}", paired.p);
    }

    const SCIPY: f64 = 0.045_020_881_002_538_655;
}
