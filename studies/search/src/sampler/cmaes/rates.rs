//! Weights of ranks and learning rates, from the dimension and the size of a generation.
//!
//! Table 1 of Hansen's tutorial (2016, arXiv:1604.00772), in its notation. With a diagonal covariance the rates
//! of its update rise by `(n + 2) / 3` (Ros and Hansen 2008).

/// The largest generation that doubling leads to.
pub(super) const MOST_POPULATION: usize = 4096;

/// Learning rates of one run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rates {
    /// Weights by rank, best first: the better half positive with sum 1, the others not positive.
    weights: Vec<f64>,
    pub(super) c_sigma: f64,
    pub(super) d_sigma: f64,
    pub(super) c_c: f64,
    pub(super) c_1: f64,
    pub(super) c_mu: f64,
    /// Expected length of a standard normal vector.
    pub(super) chi: f64,
}

/// What each point of one generation weighs, and how much noise their mean carries.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weights {
    /// In the mean, with sum 1.
    pub(super) mean: Vec<f64>,
    /// In the covariance, partly negative.
    pub(super) covariance: Vec<f64>,
    /// Variance effective selection mass of the mean.
    pub(super) mu_eff: f64,
}

/// Returns the usual size of a generation.
///
/// The tutorial's `4 + 3 ln n` (Hansen 2016, equation 48) is meant for thousands of trials; with hundreds, smaller
/// generations have been found better at every budget tried.
pub(super) fn usual_population(dimensions: usize) -> usize {
    4 + (2.0 * libm::log(dimensions.max(1) as f64)) as usize
}

/// Returns the usual size, doubled until it holds a third of `parallel` trials under way at once.
///
/// Smaller generations would be made of trials drawn from distributions long gone, larger ones be slow to learn.
pub(super) fn population_for(usual: usize, parallel: usize) -> usize {
    let mut population = usual;
    while population < parallel / 3 && population < MOST_POPULATION {
        population *= 2;
    }
    population
}

impl Rates {
    /// Computes the rates of a normal distribution over `dimensions` axes.
    pub(super) fn new(dimensions: usize, population: usize, is_diagonal: bool) -> Self {
        let n = dimensions as f64;
        let raw: Vec<f64> = (1..=population).map(|rank| libm::log(0.5 * (population as f64 + 1.0) / rank as f64)).collect();
        let (better, worse) = raw.split_at(population / 2);
        let (mu, mu_minus) = (effective(better), effective(worse));
        let c_sigma = (mu + 2.0) / (n + mu + 5.0);
        let d_sigma = 1.0 + 2.0 * (((mu - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0) + c_sigma;
        let c_c = (4.0 + mu / n) / (n + 4.0 + 2.0 * mu / n);
        let faster = if is_diagonal { (n + 2.0) / 3.0 } else { 1.0 };
        let c_1 = (faster * 2.0 / ((n + 1.3) * (n + 1.3) + mu)).min(0.5);
        let c_mu = faster * 2.0 * (0.25 + mu + 1.0 / mu - 2.0) / ((n + 2.0) * (n + 2.0) + mu);
        let c_mu = c_mu.min(1.0 - c_1);
        let most_minus = [1.0 + c_1 / c_mu, 1.0 + 2.0 * mu_minus / (mu + 2.0), (1.0 - c_1 - c_mu) / (n * c_mu)];
        let most_minus = most_minus.into_iter().fold(f64::INFINITY, f64::min);
        let chi = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
        Self { weights: scaled(better, worse, most_minus), c_sigma, d_sigma, c_c, c_1, c_mu, chi }
    }

    /// Deals the weights out to points ordered from best to worst; `is_tied[k]` if point `k` equals the one before.
    ///
    /// Points that are equally good share the weights of their ranks evenly, so that their order means nothing.
    pub(super) fn weights(&self, is_tied: &[bool]) -> Weights {
        let mut covariance = self.weights.clone();
        let mut mean: Vec<f64> = self.weights.iter().map(|weight| weight.max(0.0)).collect();
        let mut start = 0;
        for end in 1..=covariance.len() {
            if end < covariance.len() && is_tied[end] {
                continue;
            }
            level(&mut covariance[start..end]);
            level(&mut mean[start..end]);
            start = end;
        }
        let mu_eff = effective(&mean);
        Weights { mean, covariance, mu_eff }
    }
}

fn level(weights: &mut [f64]) {
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    weights.fill(mean);
}

/// Returns `(Σw)² / Σw²`; 0 for nothing.
fn effective(weights: &[f64]) -> f64 {
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), weight| (sum + weight, squares + weight * weight));
    if squares > 0.0 { sum * sum / squares } else { 0.0 }
}

fn scaled(better: &[f64], worse: &[f64], most_minus: f64) -> Vec<f64> {
    let up: f64 = better.iter().sum();
    let down: f64 = worse.iter().map(|weight| weight.abs()).sum();
    let worse = worse.iter().map(|weight| weight.min(0.0) * most_minus.max(0.0) / down);
    better.iter().map(|weight| weight / up).chain(worse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Figures computed apart from this code for 10 dimensions, 10 points.
    #[test]
    fn rates_agree_with_published_ones() {
        let rates = Rates::new(10, 10, false);
        assert_eq!(usual_population(10), 8);
        assert!((effective(&rates.weights[..5]) - 3.167_299_281_410_703).abs() < 1e-12);
        assert!((rates.c_sigma - 0.284_428_587_946).abs() < 1e-11, "{}", rates.c_sigma);
        assert!((rates.c_1 - 0.015_283_824_525).abs() < 1e-11, "{}", rates.c_1);
        assert!((rates.chi - 3.084_726_565).abs() < 1e-8, "{}", rates.chi);
        assert!((rates.weights[..5].iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(rates.weights[5..].iter().all(|&weight| weight <= 0.0));
    }

    #[test]
    fn equal_points_weigh_the_same_and_the_sum_stays() {
        let rates = Rates::new(3, 7, false);
        let distinct = rates.weights(&[false; 7]);
        let tied = rates.weights(&[false, true, true, false, false, true, true]);
        assert_eq!(tied.covariance[0], tied.covariance[2]);
        assert!((tied.mean.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((tied.covariance.iter().sum::<f64>() - distinct.covariance.iter().sum::<f64>()).abs() < 1e-12);
        assert!(tied.mu_eff > distinct.mu_eff);
    }

    #[test]
    fn the_smallest_problems_have_rates() {
        for (dimensions, population) in [(1, 2), (1, 4), (2, 3), (500, 2), (500, 4096)] {
            for is_diagonal in [false, true] {
                let rates = Rates::new(dimensions, population, is_diagonal);
                assert!(rates.c_1 >= 0.0 && rates.c_mu >= 0.0 && rates.c_1 + rates.c_mu <= 1.0, "{rates:?}");
                assert!(rates.weights.iter().all(|weight| weight.is_finite()), "{rates:?}");
            }
        }
    }
}
