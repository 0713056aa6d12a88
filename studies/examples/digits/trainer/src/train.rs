//! Training of one trial, epoch by epoch. Equal parameters, seed and trial give equal bits.

use ndarray::Axis;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::data::Digits;
use crate::network::Mlp;
use crate::optimizer::Optimizer;
use crate::params::Params;

/// All that decides how a training goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub params: Params,
    /// Of the study.
    pub seed: u64,
    /// Number of the trial.
    pub trial: u64,
}

/// A training under way: everything that the next epoch depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    pub plan: Plan,
    pub network: Mlp,
    pub optimizer: Optimizer,
    /// Epochs done.
    pub epoch: u64,
}

/// How good a network is on some digits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Share of digits told right.
    pub accuracy: f64,
}

impl Plan {
    /// Random numbers are a function of the plan and the epoch alone, so a checkpoint need not hold a generator.
    /// Stream 0 makes the first weights, stream e + 1 belongs to epoch e.
    fn rng(&self, stream: u64) -> ChaCha8Rng {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.trial.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream);
        rng
    }
}

impl Training {
    /// Begins a training.
    pub fn new(plan: Plan) -> Training {
        let network = Mlp::new(&plan.params, &mut plan.rng(0));
        let optimizer = Optimizer::new(&plan.params, &network.layers);
        Training { plan, network, optimizer, epoch: 0 }
    }

    /// Goes once through the digits in a new order.
    pub fn run_epoch(&mut self, digits: &Digits) {
        let mut rng = self.plan.rng(self.epoch + 1);
        let mut rows: Vec<usize> = (0..digits.len()).collect();
        rows.shuffle(&mut rng);
        for batch in rows.chunks(self.plan.params.batch_size) {
            let images = digits.images.select(Axis(0), batch);
            let labels: Vec<usize> = batch.iter().map(|row| digits.labels[*row]).collect();
            let slopes = self.network.gradient(images.view(), &labels, &mut rng);
            self.optimizer.step(&mut self.network.layers, &slopes);
        }
        self.epoch += 1;
    }
}

/// Returns how good the network is on these digits.
pub fn score(network: &Mlp, digits: &Digits) -> Score {
    let probabilities = network.probabilities(digits.images.view());
    let (mut loss, mut right) = (0.0, 0);
    for (row, label) in probabilities.rows().into_iter().zip(&digits.labels) {
        // Not `max`, which would hide a NaN.
        loss -= f64::from(row[*label]).clamp(1e-12, 1.0).ln();
        right += usize::from(likeliest(row.iter().copied()) == *label);
    }
    let count = digits.len() as f64;
    Score { loss: loss / count, accuracy: right as f64 / count }
}

/// Returns the class with the highest probability, the first of equals.
pub fn likeliest(probabilities: impl Iterator<Item = f32>) -> usize {
    let best = probabilities.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::digits;

    #[test]
    fn sane_parameters_reach_95_percent_in_20_epochs() {
        let split = digits().split();
        let mut training = Training::new(Plan { params: Params::default(), seed: 7, trial: 0 });
        for _ in 0..20 {
            training.run_epoch(&split.train);
        }
        let reached = score(&training.network, &split.validation);
        assert!(reached.accuracy > 0.95 && reached.loss < 0.25, "{reached:?}");
    }

    #[test]
    fn a_plan_decides_every_bit_and_the_trial_number_matters() {
        let split = digits().split();
        let run = |trial| {
            let mut training = Training::new(Plan { params: Params::default(), seed: 7, trial });
            training.run_epoch(&split.train);
            training
        };
        assert_eq!(run(3), run(3));
        assert_ne!(run(3).network, run(4).network);
    }

    #[test]
    fn a_diverged_network_scores_nan() {
        let split = digits().split();
        let mut network = Training::new(Plan { params: Params::default(), seed: 7, trial: 0 }).network;
        network.layers[0].weights.fill(f32::NAN);
        network.layers[1].weights.fill(f32::NAN);
        assert!(score(&network, &split.validation).loss.is_nan());
    }
}
