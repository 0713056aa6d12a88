//! A multilayer perceptron: outputs, and the slope of the loss by backpropagation.
//!
//! ```text
//! images ─ dense ─ activation ─ dropout ─ … ─ dense ─ softmax ─ cross-entropy
//! ```
//!
//! All sums have a fixed order, so that equal inputs give equal bits on the same kind of processor.

use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::data::{CLASSES, PIXELS};
use crate::params::{Activation, Params};

/// What one layer consists of: its weights, or the slope or a moment of each of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Inputs by outputs.
    pub weights: Array2<f32>,
    pub bias: Array1<f32>,
}

/// The network of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    pub layers: Vec<Dense>,
    activation: Activation,
    dropout: f32,
}

/// What a hidden layer leaves for the way back.
struct Passed {
    output: Array2<f32>,
    /// Of the output in the layer's sums, dropout included.
    slope: Array2<f32>,
}

impl Dense {
    fn new(inputs: usize, outputs: usize, rng: &mut ChaCha8Rng) -> Dense {
        // Glorot and Bengio, 2010.
        let limit = (6.0 / (inputs + outputs) as f32).sqrt();
        let weights = Array2::from_shape_simple_fn((inputs, outputs), || rng.random_range(-limit..limit));
        Dense { weights, bias: Array1::zeros(outputs) }
    }

    /// Zeros of the same shape.
    pub fn zeros_like(&self) -> Dense {
        Dense { weights: Array2::zeros(self.weights.dim()), bias: Array1::zeros(self.bias.dim()) }
    }

    fn forward(&self, inputs: ArrayView2<f32>) -> Array2<f32> {
        inputs.dot(&self.weights) + &self.bias
    }
}

impl Mlp {
    /// Makes the network with random weights.
    pub fn new(params: &Params, rng: &mut ChaCha8Rng) -> Mlp {
        let units = params.hidden_units();
        let outputs = units.iter().copied().chain([CLASSES]);
        let inputs = std::iter::once(PIXELS).chain(units.iter().copied());
        let layers = inputs.zip(outputs).map(|(inputs, outputs)| Dense::new(inputs, outputs, rng)).collect();
        Mlp { layers, activation: params.activation, dropout: params.dropout }
    }

    /// Returns the probability of each class, one row per image.
    pub fn probabilities(&self, images: ArrayView2<f32>) -> Array2<f32> {
        let mut signal = images.to_owned();
        for (at, layer) in self.layers.iter().enumerate() {
            signal = layer.forward(signal.view());
            if at + 1 < self.layers.len() {
                signal.mapv_inplace(|x| activate(self.activation, x));
            }
        }
        softmax(signal)
    }

    /// Returns the slope of the mean cross-entropy over the images; `rng` chooses the units to drop.
    pub fn gradient(&self, images: ArrayView2<f32>, labels: &[usize], rng: &mut ChaCha8Rng) -> Vec<Dense> {
        let (hidden, last) = self.layers.split_at(self.layers.len() - 1);
        let mut passed: Vec<Passed> = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let sums = layer.forward(passed.last().map_or(images, |before| before.output.view()));
            passed.push(self.pass(sums, rng));
        }
        let top = last[0].forward(passed.last().map_or(images, |before| before.output.view()));
        self.back(images, &passed, excess(softmax(top), labels))
    }

    /// Activation and dropout of one hidden layer.
    fn pass(&self, sums: Array2<f32>, rng: &mut ChaCha8Rng) -> Passed {
        let mut output = sums.mapv_into(|x| activate(self.activation, x));
        let mut slope = output.mapv(|y| activation_slope(self.activation, y));
        if self.dropout > 0.0 {
            let kept = 1.0 / (1.0 - self.dropout);
            let dropout = self.dropout;
            let mask = output.mapv(|_| if rng.random::<f32>() < dropout { 0.0 } else { kept });
            output *= &mask;
            slope *= &mask;
        }
        Passed { output, slope }
    }

    /// Carries the error from the top layer to the first one.
    fn back(&self, images: ArrayView2<f32>, passed: &[Passed], mut error: Array2<f32>) -> Vec<Dense> {
        let mut slopes = Vec::with_capacity(self.layers.len());
        for (at, layer) in self.layers.iter().enumerate().rev() {
            let below = at.checked_sub(1).map(|below| &passed[below]);
            let inputs = below.map_or(images, |below| below.output.view());
            slopes.push(Dense { weights: inputs.t().dot(&error), bias: error.sum_axis(Axis(0)) });
            if let Some(below) = below {
                error = error.dot(&layer.weights.t()) * &below.slope;
            }
        }
        slopes.reverse();
        slopes
    }
}

fn activate(activation: Activation, x: f32) -> f32 {
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Tanh => x.tanh(),
    }
}

/// The slope where the activation is `y`.
fn activation_slope(activation: Activation, y: f32) -> f32 {
    match activation {
        Activation::Relu => f32::from(y > 0.0),
        Activation::Tanh => 1.0 - y * y,
    }
}

fn softmax(mut scores: Array2<f32>) -> Array2<f32> {
    for mut row in scores.rows_mut() {
        let top = row.fold(f32::NEG_INFINITY, |top, score| top.max(*score));
        row.mapv_inplace(|score| (score - top).exp());
        let total = row.sum();
        row /= total;
    }
    scores
}

/// The slope of the mean cross-entropy in the scores: (probability − truth) / images.
fn excess(mut probabilities: Array2<f32>, labels: &[usize]) -> Array2<f32> {
    Zip::from(probabilities.rows_mut()).and(labels).for_each(|mut row, label| row[*label] -= 1.0);
    probabilities / labels.len() as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn loss(network: &Mlp, images: &Array2<f32>, labels: &[usize]) -> f64 {
        let p = network.probabilities(images.view());
        labels.iter().enumerate().map(|(row, label)| -f64::from(p[[row, *label]]).ln()).sum::<f64>()
            / labels.len() as f64
    }

    #[test]
    fn backpropagation_agrees_with_finite_differences() {
        for activation in [Activation::Relu, Activation::Tanh] {
            let params =
                Params { layers: 2, hidden: 7, hidden2: Some(5), activation, dropout: 0.0, ..Params::default() };
            let mut rng = ChaCha8Rng::seed_from_u64(3);
            let mut network = Mlp::new(&params, &mut rng);
            let images = Array2::from_shape_simple_fn((6, PIXELS), || rng.random::<f32>());
            let labels = [0, 1, 2, 3, 4, 9];
            let slopes = network.gradient(images.view(), &labels, &mut rng);
            for (layer, at) in [(0, [5, 3]), (1, [6, 4]), (2, [0, 9])] {
                let (weight, step) = (network.layers[layer].weights[at], 1e-2);
                network.layers[layer].weights[at] = weight + step;
                let above = loss(&network, &images, &labels);
                network.layers[layer].weights[at] = weight - step;
                let below = loss(&network, &images, &labels);
                network.layers[layer].weights[at] = weight;
                let measured = (above - below) / (2.0 * f64::from(step));
                assert!((measured - f64::from(slopes[layer].weights[at])).abs() < 1e-3, "{activation:?} {layer}");
            }
        }
    }

    #[test]
    fn dropout_keeps_the_mean_and_spares_evaluation() {
        let params = Params { dropout: 0.5, hidden: 256, ..Params::default() };
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let network = Mlp::new(&params, &mut rng);
        let mean = network.pass(Array2::ones((40, 256)), &mut rng).output.mean().unwrap();
        assert!((mean - 1.0).abs() < 0.05, "{mean}");
        let images = Array2::ones((2, PIXELS));
        assert_eq!(network.probabilities(images.view()), network.probabilities(images.view()));
    }
}
