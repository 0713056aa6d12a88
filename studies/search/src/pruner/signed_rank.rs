//! Probabilities of the signed-rank statistic (Wilcoxon 1945).

use crate::normal;

/// Up to so many differences the distribution is counted out; beyond, it is close to normal.
const EXACT: usize = 50;

/// Returns the probability, if signs were tosses of a coin, that the larger differences are positive as often as here,
/// or more often: small where `differences` lie above zero.
///
/// Zeros are shared between both sides (Pratt 1959, "zsplit"), equal sizes share their rank. Exact for up to 50
/// differences, ties included; beyond, the normal approximation with the correction for ties (Lehmann 1975).
pub(super) fn probability_of_larger(differences: &[f64]) -> f64 {
    let ranked = Ranked::new(differences);
    if ranked.doubled.is_empty() {
        return 1.0;
    }
    if differences.len() <= EXACT { ranked.exact() } else { ranked.normal() }
}

/// Ranks of the sizes, doubled so that shared ranks are whole.
struct Ranked {
    /// Of the differences that are not zero.
    doubled: Vec<usize>,
    /// Sum of those of positive differences.
    positive: usize,
}

impl Ranked {
    fn new(differences: &[f64]) -> Self {
        let mut sorted = differences.to_vec();
        sorted.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        let (mut doubled, mut positive) = (Vec::new(), 0);
        let mut before = 0;
        for tied in sorted.chunk_by(|a, b| a.abs() == b.abs()) {
            // The mean of the ranks before + 1 … before + n, twice.
            let rank = 2 * before + tied.len() + 1;
            before += tied.len();
            for _ in tied.iter().filter(|&&difference| difference != 0.0) {
                doubled.push(rank);
            }
            positive += rank * tied.iter().filter(|&&difference| difference > 0.0).count();
        }
        Self { doubled, positive }
    }

    /// Counts the ways to choose signs by the sum of positive ranks.
    fn exact(&self) -> f64 {
        let total: usize = self.doubled.iter().sum();
        let mut share = vec![0.0; total + 1];
        share[0] = 1.0;
        let mut reached = 0;
        for &rank in &self.doubled {
            reached += rank;
            for sum in (0..=reached).rev() {
                let with = if sum >= rank { share[sum - rank] } else { 0.0 };
                share[sum] = 0.5 * (share[sum] + with);
            }
        }
        share[self.positive..].iter().sum::<f64>().min(1.0)
    }

    fn normal(&self) -> f64 {
        let mean = self.doubled.iter().map(|&rank| rank as f64).sum::<f64>() / 2.0;
        // Each rank adds its square over 4; shared ranks enter as they are, which is the correction for ties.
        let variance = self.doubled.iter().map(|&rank| (rank as f64).powi(2)).sum::<f64>() / 4.0;
        normal::cdf((mean - self.positive as f64) / variance.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-3), "{a} is not close to {b}");
    }

    #[test]
    fn small_samples_agree_with_counting_by_hand() {
        close(probability_of_larger(&[1.0]), 0.5);
        close(probability_of_larger(&[1.0, 2.0, 3.0]), 1.0 / 8.0);
        close(probability_of_larger(&[-1.0, 2.0, 3.0]), 2.0 / 8.0);
        close(probability_of_larger(&[1.0, 2.0, -3.0]), 5.0 / 8.0);
        close(probability_of_larger(&[-1.0, -2.0, -3.0]), 1.0);
        assert_eq!(probability_of_larger(&[]), 1.0);
        assert_eq!(probability_of_larger(&[0.0, 0.0]), 1.0);
    }

    /// Values of scipy 1.17, `wilcoxon(…, alternative="greater", zero_method="zsplit")`.
    #[test]
    fn agrees_with_published_software() {
        close(probability_of_larger(&[1.5, -0.5, 2.5, 3.5, -4.5, 5.5, 6.5]), 0.109_375);
        let many: Vec<f64> = (1..=60).map(|at| (f64::from(at * 37 % 101) - 40.25) / 10.0).collect();
        close(probability_of_larger(&many), 0.004_884_184_907_524_476);
    }

    #[test]
    fn exact_and_normal_agree_where_they_meet() {
        let differences: Vec<f64> = (1..=50).map(|size| if size % 3 == 0 { -f64::from(size) } else { f64::from(size) }).collect();
        let ranked = Ranked::new(&differences);
        assert!((ranked.exact() - ranked.normal()).abs() < 2e-3);
    }

    #[test]
    fn turning_all_signs_round_turns_the_probability_round() {
        let differences = [0.3, -1.0, 2.5, 4.0, -0.7, 9.0];
        let turned = differences.map(|difference| -difference);
        // Both count the outcome itself, which has one way in 64 per equal sum.
        let both = probability_of_larger(&differences) + probability_of_larger(&turned);
        assert!(both > 1.0 && both < 1.1, "{both}");
    }
}
