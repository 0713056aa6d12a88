//! Steps down the slope: gradient descent with momentum, and Adam.

use ndarray::{ArrayBase, DataMut, Dimension, Zip};

use crate::network::Dense;
use crate::params::{OptimizerKind, Params};

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f32 = 1e-8;

/// The optimizer and all that it remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    kind: OptimizerKind,
    learning_rate: f32,
    momentum: f32,
    weight_decay: f32,
    /// Steps made so far.
    pub steps: u64,
    /// Running mean of the slopes; for plain descent the velocity.
    pub first: Vec<Dense>,
    /// Running mean of their squares; stays zero in plain descent.
    pub second: Vec<Dense>,
}

/// One step's factors, the same for every weight.
#[derive(Clone, Copy)]
struct Step {
    kind: OptimizerKind,
    learning_rate: f32,
    momentum: f32,
    weight_decay: f32,
    /// 1 − β^steps, for both moments.
    corrections: [f32; 2],
}

impl Optimizer {
    /// Makes an optimizer for these layers that has made no step.
    pub fn new(params: &Params, layers: &[Dense]) -> Optimizer {
        let zeros: Vec<Dense> = layers.iter().map(Dense::zeros_like).collect();
        Optimizer {
            kind: params.optimizer,
            learning_rate: params.learning_rate,
            momentum: params.momentum.unwrap_or(0.0),
            weight_decay: params.weight_decay,
            steps: 0,
            first: zeros.clone(),
            second: zeros,
        }
    }

    /// Moves the layers one step against their slopes. Weights decay, biases do not.
    pub fn step(&mut self, layers: &mut [Dense], slopes: &[Dense]) {
        self.steps += 1;
        let weights = self.factors(self.weight_decay);
        let bias = self.factors(0.0);
        for (at, layer) in layers.iter_mut().enumerate() {
            let (first, second) = (&mut self.first[at], &mut self.second[at]);
            weights.apply(&mut layer.weights, &slopes[at].weights, &mut first.weights, &mut second.weights);
            bias.apply(&mut layer.bias, &slopes[at].bias, &mut first.bias, &mut second.bias);
        }
    }

    fn factors(&self, weight_decay: f32) -> Step {
        let correction = |beta: f32| (1.0 - f64::from(beta).powf(self.steps as f64)) as f32;
        Step {
            kind: self.kind,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            weight_decay,
            corrections: [correction(BETA1), correction(BETA2)],
        }
    }
}

impl Step {
    fn apply<S, D>(
        self,
        weights: &mut ArrayBase<S, D>,
        slopes: &ArrayBase<S, D>,
        first: &mut ArrayBase<S, D>,
        second: &mut ArrayBase<S, D>,
    ) where
        S: DataMut<Elem = f32>,
        D: Dimension,
    {
        Zip::from(weights).and(slopes).and(first).and(second).for_each(|w, g, m, v| match self.kind {
            OptimizerKind::Sgd => self.descend(w, *g, m),
            OptimizerKind::Adam => self.adam(w, *g, m, v),
        });
    }

    fn descend(&self, weight: &mut f32, slope: f32, velocity: &mut f32) {
        *velocity = self.momentum * *velocity + slope + self.weight_decay * *weight;
        *weight -= self.learning_rate * *velocity;
    }

    /// Kingma and Ba, 2015, with decoupled weight decay (Loshchilov and Hutter, 2019).
    fn adam(&self, weight: &mut f32, slope: f32, first: &mut f32, second: &mut f32) {
        *first = BETA1 * *first + (1.0 - BETA1) * slope;
        *second = BETA2 * *second + (1.0 - BETA2) * slope * slope;
        let [mean, square] = [*first / self.corrections[0], *second / self.corrections[1]];
        *weight -= self.learning_rate * (mean / (square.sqrt() + EPSILON) + self.weight_decay * *weight);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    fn one(value: f32) -> Vec<Dense> {
        vec![Dense { weights: Array2::from_elem((1, 1), value), bias: Array1::from_elem(1, value) }]
    }

    #[test]
    fn momentum_adds_up() {
        let params = Params {
            optimizer: OptimizerKind::Sgd,
            momentum: Some(0.5),
            learning_rate: 1.0,
            weight_decay: 0.0,
            ..Params::default()
        };
        let (mut layers, slopes) = (one(0.0), one(1.0));
        let mut optimizer = Optimizer::new(&params, &layers);
        optimizer.step(&mut layers, &slopes);
        optimizer.step(&mut layers, &slopes);
        assert_eq!(layers, one(-2.5));
    }

    #[test]
    fn the_first_step_of_adam_has_the_size_of_the_learning_rate_and_only_weights_decay() {
        let params = Params { learning_rate: 0.1, weight_decay: 0.5, ..Params::default() };
        let (mut layers, slopes) = (one(1.0), one(7.0));
        Optimizer::new(&params, &layers).step(&mut layers, &slopes);
        assert!((layers[0].bias[0] - 0.9).abs() < 1e-6);
        assert!((layers[0].weights[[0, 0]] - 0.85).abs() < 1e-6);
    }
}
