//! What the search decides: the hyperparameters of one trial.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// The parameters by the names of `study.toml`. A conditional one is absent where its condition does not hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Hidden layers, 1 or 2.
    pub layers: usize,
    /// Units of the first hidden layer.
    pub hidden: usize,
    /// Units of the second hidden layer, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden2: Option<usize>,
    pub activation: Activation,
    pub optimizer: OptimizerKind,
    /// Of plain gradient descent only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f32>,
    pub learning_rate: f32,
    pub weight_decay: f32,
    /// Share of hidden units left out in each training step, in `[0, 1)`.
    pub dropout: f32,
    pub batch_size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    Relu,
    Tanh,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    Sgd,
    Adam,
}

impl Default for Params {
    /// A sane choice, for runs by hand.
    fn default() -> Self {
        Params {
            layers: 1,
            hidden: 64,
            hidden2: None,
            activation: Activation::Relu,
            optimizer: OptimizerKind::Adam,
            momentum: None,
            learning_rate: 3e-3,
            weight_decay: 1e-4,
            dropout: 0.1,
            batch_size: 32,
        }
    }
}

impl Params {
    /// Parses the JSON object of `HONE_PARAMS`.
    ///
    /// # Errors
    /// The text is not such an object, or a value makes no sense.
    pub fn parse(text: &str) -> Result<Params> {
        let params: Params = serde_json::from_str(text).with_context(|| format!("bad parameters `{text}`"))?;
        ensure!((1..=2).contains(&params.layers), "`layers` is `{}`: give 1 or 2", params.layers);
        ensure!(params.hidden_units().iter().all(|units| *units > 0), "a hidden layer needs at least 1 unit");
        ensure!(params.layers == 1 || params.hidden2.is_some(), "`layers` is 2: give `hidden2` as well");
        ensure!((0.0..1.0).contains(&params.dropout), "`dropout` is `{}`: give 0 to below 1", params.dropout);
        ensure!(params.batch_size > 0, "`batch_size` is 0: give at least 1");
        Ok(params)
    }

    /// Units of each hidden layer.
    pub fn hidden_units(&self) -> Vec<usize> {
        let second = self.hidden2.filter(|_| self.layers == 2);
        std::iter::once(self.hidden).chain(second).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_survive_json() {
        let text = serde_json::to_string(&Params::default()).unwrap();
        assert_eq!(Params::parse(&text).unwrap(), Params::default());
    }

    #[test]
    fn a_second_layer_needs_its_width() {
        let text = serde_json::to_string(&Params { layers: 2, ..Params::default() }).unwrap();
        assert!(Params::parse(&text).unwrap_err().to_string().contains("`hidden2`"));
    }

    #[test]
    fn an_unknown_parameter_is_refused() {
        let error = Params::parse(r#"{"width": 3}"#).unwrap_err();
        assert!(format!("{error:#}").contains("unknown field `width`"), "{error:#}");
    }
}
