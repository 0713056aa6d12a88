//! Probabilities of options: one independent distribution per categorical parameter.
//!
//! They move with the ranked points of each generation by natural gradient with an adaptive step, and never
//! fall below a margin (CatCMA: Hamano et al. 2024, arXiv:2405.09962; the step: ASNG, Akimoto et al. 2019).

/// Signal to noise ratio of the gradient that keeps the step as it is.
const ALPHA: f64 = 1.5;
/// The first step, a length in Fisher's metric.
const FIRST_STEP: f64 = 1.0;
/// Probability that no parameter at all takes its margin (Hamano et al. 2024).
const SETTLED: f64 = 0.73;

/// The distributions of a group's categorical parameters.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Marginals {
    /// Probabilities of each parameter's options.
    probabilities: Vec<Vec<f64>>,
    /// The path of the gradient, one number per free probability.
    path: Vec<f64>,
    /// Length the path would have if the gradient were noise.
    gamma: f64,
    /// The step is the first one divided by this.
    delta: f64,
}

impl Marginals {
    /// Uniform distributions over so many options each.
    pub(super) fn new(counts: &[usize]) -> Self {
        let free = counts.iter().map(|count| count - 1).sum();
        let probabilities = counts.iter().map(|&count| vec![1.0 / count as f64; count]).collect();
        Self { probabilities, path: vec![0.0; free], gamma: 0.0, delta: 1.0 }
    }

    /// Distributions that follow how often each option was seen, so many times in all, with a margin for every option.
    pub(super) fn seen(counts: &[usize], often: &[Vec<f64>]) -> Self {
        let mut marginals = Self::new(counts);
        for (probabilities, often) in marginals.probabilities.iter_mut().zip(often) {
            let total = often.iter().sum::<f64>() + 1.0;
            probabilities.iter_mut().zip(often).for_each(|(probability, often)| *probability = (often + *probability) / total);
        }
        if !counts.is_empty() {
            marginals.keep_margins();
        }
        marginals
    }

    /// Returns the option that `unit` in `[0, 1)` falls on.
    pub(super) fn pick(&self, parameter: usize, unit: f64) -> usize {
        let options = &self.probabilities[parameter];
        let mut rest = unit;
        for (option, probability) in options.iter().enumerate() {
            rest -= probability;
            if rest < 0.0 {
                return option;
            }
        }
        options.len() - 1
    }

    /// Moves the probabilities towards the options of better points.
    ///
    /// `chosen` gives each point's option per parameter, `weights` sum to 1.
    pub(super) fn update(&mut self, chosen: &[Vec<usize>], weights: &[f64]) {
        if self.path.is_empty() {
            return;
        }
        let gradients: Vec<Vec<f64>> = (0..self.probabilities.len()).map(|at| self.gradient(at, chosen, weights)).collect();
        let scaled = self.in_fisher_metric(&gradients);
        let length = scaled.iter().map(|cell| cell * cell).sum::<f64>().sqrt();
        if length > 1e-30 {
            self.step(&gradients, FIRST_STEP / self.delta / length);
            self.follow(&scaled, length);
            self.keep_margins();
        }
    }

    fn gradient(&self, parameter: usize, chosen: &[Vec<usize>], weights: &[f64]) -> Vec<f64> {
        let mut gradient: Vec<f64> = self.probabilities[parameter].iter().map(|probability| -probability).collect();
        for (options, weight) in chosen.iter().zip(weights) {
            gradient[options[parameter]] += weight;
        }
        gradient
    }

    /// Multiplies by a square root of the Fisher information (Akimoto et al. 2019, appendix B).
    fn in_fisher_metric(&self, gradients: &[Vec<f64>]) -> Vec<f64> {
        let mut scaled = Vec::with_capacity(self.path.len());
        for (gradient, probabilities) in gradients.iter().zip(&self.probabilities) {
            let free = probabilities.len() - 1;
            let last = probabilities[free];
            let sum: f64 = gradient[..free].iter().sum::<f64>() / (last + last.sqrt());
            scaled.extend(gradient[..free].iter().zip(probabilities).map(|(cell, p)| cell / p.sqrt() + p.sqrt() * sum));
        }
        scaled
    }

    fn step(&mut self, gradients: &[Vec<f64>], size: f64) {
        for (probabilities, gradient) in self.probabilities.iter_mut().zip(gradients) {
            probabilities.iter_mut().zip(gradient).for_each(|(probability, cell)| *probability += size * cell);
        }
    }

    /// Shortens the step while the gradient is noise, and lengthens it while it points one way.
    fn follow(&mut self, scaled: &[f64], length: f64) {
        let beta = (FIRST_STEP / self.delta / (self.path.len() as f64).sqrt()).min(1.0);
        let gain = (beta * (2.0 - beta)).sqrt() / length;
        self.path.iter_mut().zip(scaled).for_each(|(path, cell)| *path = (1.0 - beta) * *path + gain * cell);
        self.gamma = (1.0 - beta) * (1.0 - beta) * self.gamma + beta * (2.0 - beta);
        let signal: f64 = self.path.iter().map(|cell| cell * cell).sum();
        self.delta *= libm::exp(beta * (self.gamma - signal / ALPHA));
    }

    fn keep_margins(&mut self) {
        let settled = 1.0 - libm::pow(SETTLED, 1.0 / self.probabilities.len() as f64);
        for probabilities in &mut self.probabilities {
            let count = probabilities.len() as f64;
            keep_margin(probabilities, (settled / (count - 1.0)).min(1.0 / count));
        }
    }
}

/// Raises probabilities to `margin` and takes what that costs from the others.
fn keep_margin(probabilities: &mut [f64], margin: f64) {
    probabilities.iter_mut().for_each(|probability| *probability = probability.max(margin));
    let sum: f64 = probabilities.iter().sum();
    let spare = sum - margin * probabilities.len() as f64;
    if spare > 0.0 {
        let excess = (sum - 1.0) / spare;
        probabilities.iter_mut().for_each(|probability| *probability -= excess * (*probability - margin));
    }
    let sum: f64 = probabilities.iter().sum();
    probabilities.iter_mut().for_each(|probability| *probability /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_option_becomes_likely_but_no_option_impossible() {
        let mut marginals = Marginals::new(&[3, 2]);
        let chosen = vec![vec![1, 0], vec![1, 1], vec![0, 0], vec![2, 1]];
        for _ in 0..60 {
            marginals.update(&chosen, &[0.5, 0.5, 0.0, 0.0]);
            for probabilities in &marginals.probabilities {
                assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                assert!(probabilities.iter().all(|&probability| probability > 0.05), "{probabilities:?}");
            }
        }
        let [first, second] = &marginals.probabilities[..] else { unreachable!() };
        assert!(first[1] > 0.8, "{first:?}");
        assert!((second[0] - 0.5).abs() < 1e-9, "{second:?}");
    }

    #[test]
    fn every_option_can_be_picked() {
        let marginals = Marginals::new(&[4]);
        assert_eq!([0.0, 0.3, 0.6, 0.99].map(|unit| marginals.pick(0, unit)), [0, 1, 2, 3]);
        assert_eq!(marginals.pick(0, 1.0), 3);
    }

    #[test]
    fn what_is_certain_already_changes_nothing() {
        let mut marginals = Marginals::new(&[2]);
        let before = marginals.clone();
        marginals.update(&[vec![0], vec![1]], &[0.5, 0.5]);
        assert_eq!(marginals, before);
        let mut nothing = Marginals::new(&[]);
        nothing.update(&[vec![], vec![]], &[0.5, 0.5]);
    }
}
