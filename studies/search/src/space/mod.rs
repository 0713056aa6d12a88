//! The search space: named parameters, their distributions and the conditions between them.

mod distribution;
mod plan;
mod points;
mod validate;
mod value;

use serde::{Deserialize, Serialize};

pub use distribution::{Distribution, ValueError};
pub use plan::{Gate, Plan};
pub use points::Grid;
pub use validate::{ParamsError, SpaceError};
pub use value::{Choice, Value};

/// One internal number per parameter, by position; NaN where the parameter is absent.
///
/// A float is itself, an int its `f64`, an option its index.
pub type Params = Vec<f64>;

/// A parameter exists only while another one has one of the listed values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Name of the parent.
    pub parameter: String,
    /// Values of the parent that satisfy the condition; numbers compare by amount.
    pub values: Vec<Choice>,
}

/// A named dimension of the search space.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Unique in its space, not empty.
    pub name: String,
    /// What it may be.
    pub distribution: Distribution,
    /// Conditions of which all must hold; empty for a parameter that is always there.
    #[serde(default)]
    pub when: Vec<Condition>,
}

/// All parameters of a study, in order of definition. Parents may stand after their children.
///
/// Positions are stable: a space only ever grows at its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Space {
    /// In order of definition.
    pub parameters: Vec<Parameter>,
}

impl Space {
    /// Returns the position of the parameter called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.parameters.iter().position(|parameter| parameter.name == name)
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.parameters.len()
    }

    /// Whether there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.parameters.is_empty()
    }

    /// Resolves names once, for callers that ask about many points.
    pub fn plan(&self) -> Plan {
        Plan::new(self)
    }

    /// Returns for each parameter whether its conditions hold, given the values of its parents.
    ///
    /// A parameter whose parent is absent is absent too. `params` may be shorter than the space.
    pub fn active(&self, params: &[f64]) -> Vec<bool> {
        self.plan().active(params)
    }

    /// Returns the number of different points, honouring conditions.
    ///
    /// `None` if a parameter is continuous, the number exceeds `u64`, or conditions are too intricate to count.
    pub fn cardinality(&self) -> Option<u64> {
        Grid::new(self).map(|grid| grid.len())
    }
}
