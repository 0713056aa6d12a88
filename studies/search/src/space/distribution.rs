//! What values one parameter may take, and the three ways to write a value.
//!
//! ```text
//! external Value  ⇄  internal f64  ←  unit interval [0, 1)
//! ```
//!
//! The internal number is what columns hold: a float as it is, an int as `f64`, an option as its index.

use serde::{Deserialize, Serialize};

use super::value::{Choice, Value};

/// The range or the options of one parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Real numbers in `[low, high]`.
    Float {
        /// Smallest value.
        low: f64,
        /// Largest value; with a step the largest multiple that fits counts instead.
        high: f64,
        /// Whether equal ratios are equally far apart.
        #[serde(default)]
        log: bool,
        /// Distance between neighbouring values, counted from `low`; `None` for all real numbers.
        #[serde(default)]
        step: Option<f64>,
    },
    /// Whole numbers in `[low, high]`.
    Int {
        /// Smallest value.
        low: i64,
        /// Largest value; with a step the largest multiple that fits counts instead.
        high: i64,
        /// Whether equal ratios are equally far apart.
        #[serde(default)]
        log: bool,
        /// Distance between neighbouring values, counted from `low`.
        #[serde(default = "unit_step")]
        step: i64,
    },
    /// One of the listed options, without order.
    Categorical {
        /// The options; the internal number is the index here.
        choices: Vec<Choice>,
    },
}

fn unit_step() -> i64 {
    1
}

/// Why a value cannot be a parameter's value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// The value has the wrong type, for instance text for a number.
    #[error("`{value}` is not {expected}")]
    WrongKind {
        /// What was given.
        value: Value,
        /// What was wanted, with its article.
        expected: &'static str,
    },
    /// The number lies outside the bounds.
    #[error("`{value}` is not within `{low}` and `{high}`")]
    OutOfBounds {
        /// What was given.
        value: Value,
        /// The smallest value allowed.
        low: Value,
        /// The largest value allowed.
        high: Value,
    },
    /// The number lies between two steps, or is too large to be told from its neighbours.
    #[error("`{value}` is not on a step; the nearest value is `{nearest}`")]
    OffStep {
        /// What was given.
        value: Value,
        /// The nearest value that is allowed.
        nearest: Value,
    },
    /// The value is none of the options.
    #[error("`{value}` is not one of the choices {}", listed(.choices))]
    NotAChoice {
        /// What was given.
        value: Value,
        /// The options.
        choices: Vec<Choice>,
    },
}

fn listed(choices: &[Choice]) -> String {
    let quoted: Vec<String> = choices.iter().map(|choice| format!("`{choice}`")).collect();
    quoted.join(", ")
}

impl Distribution {
    /// Returns the number of values, or `None` if there are infinitely many or more than `u64` holds.
    pub fn cardinality(&self) -> Option<u64> {
        match self {
            Self::Float { low, high, step, .. } => match step {
                Some(step) => Some(float_steps(*low, *high, *step) + 1),
                None if low == high => Some(1),
                None => None,
            },
            Self::Int { low, high, step, .. } => u64::try_from(int_steps(*low, *high, *step) + 1).ok(),
            Self::Categorical { choices } => Some(choices.len() as u64),
        }
    }

    /// Returns the internal number of the value at `index`, counted from the lowest.
    ///
    /// Meaningful below [`Distribution::cardinality`]; larger indexes give the last value.
    pub fn nth(&self, index: u64) -> f64 {
        match self {
            Self::Float { low, high, step, .. } => match step {
                Some(step) => float_at(*low, *high, *step, index),
                None => *low,
            },
            Self::Int { low, high, step, .. } => int_at(*low, *high, *step, i128::from(index)) as f64,
            Self::Categorical { choices } => index.min(choices.len().saturating_sub(1) as u64) as f64,
        }
    }

    /// Returns the index of an allowed internal number, so that [`Distribution::nth`] gives it back.
    ///
    /// Zero for every value of a continuous range.
    pub fn index_of(&self, internal: f64) -> u64 {
        match self {
            Self::Float { low, step: Some(step), .. } => ((internal - low) / step).round() as u64,
            Self::Float { .. } => 0,
            Self::Int { low, high, step, .. } => {
                let offset = i128::from(int_nearest(*low, *high, *step, internal)) - i128::from(*low);
                (offset / i128::from((*step).max(1))) as u64
            }
            Self::Categorical { .. } => internal as u64,
        }
    }

    /// Maps `unit` in `[0, 1)` to an internal number, uniform on the parameter's own scale.
    ///
    /// A logarithmic int is uniform over `[ln(low - 1/2), ln(high + 1/2)]`, then rounded, so that
    /// its first and last value get their fair share.
    pub fn from_unit(&self, unit: f64) -> f64 {
        match self {
            Self::Float { low, high, step: Some(step), .. } => {
                let count = float_steps(*low, *high, *step) + 1;
                float_at(*low, *high, *step, cell(unit, count as f64) as u64)
            }
            Self::Float { low, high, log: true, .. } => spread_log(*low, *high, unit).max(*low).min(*high),
            Self::Float { low, high, .. } => (low + unit * (high - low)).max(*low).min(*high),
            Self::Int { low, high, log: true, .. } => self.snap(spread_log(*low as f64 - 0.5, *high as f64 + 0.5, unit)),
            Self::Int { low, high, step, .. } => {
                let count = (int_steps(*low, *high, *step) + 1) as f64;
                int_at(*low, *high, *step, cell(unit, count) as i128) as f64
            }
            Self::Categorical { choices } => cell(unit, choices.len() as f64),
        }
    }

    /// Returns the allowed internal number nearest to `internal`.
    pub fn snap(&self, internal: f64) -> f64 {
        match self {
            Self::Float { low, high, step: Some(step), .. } => {
                let index = ((internal - low) / step).round().max(0.0);
                float_at(*low, *high, *step, index as u64)
            }
            Self::Float { low, high, .. } => internal.max(*low).min(*high),
            Self::Int { low, high, step, .. } => int_nearest(*low, *high, *step, internal) as f64,
            Self::Categorical { choices } => internal.round().clamp(0.0, choices.len().saturating_sub(1) as f64),
        }
    }

    /// Whether `internal` is the internal number of an allowed value.
    pub fn contains(&self, internal: f64) -> bool {
        internal.is_finite() && self.snap(internal) == internal
    }

    /// Returns the value that people see for the internal number, snapped to the nearest allowed one.
    ///
    /// Must not be asked for the absent parameter (NaN): there is no value to show.
    pub fn to_external(&self, internal: f64) -> Value {
        match self {
            Self::Float { .. } => Value::Float(self.snap(internal)),
            Self::Int { low, high, step, .. } => Value::Int(int_nearest(*low, *high, *step, internal)),
            Self::Categorical { choices } => choices[self.snap(internal) as usize].clone(),
        }
    }

    /// Returns the internal number of a value that somebody wrote, for instance to enqueue a trial.
    ///
    /// Whole floats are taken for ints and ints for floats; a float within a billionth of a step is snapped to it.
    ///
    /// # Errors
    /// The value has the wrong type, is out of bounds, off the steps, or none of the choices.
    pub fn to_internal(&self, value: &Value) -> Result<f64, ValueError> {
        match self {
            Self::Float { .. } => self.float_to_internal(value),
            Self::Int { .. } => self.int_to_internal(value),
            Self::Categorical { choices } => {
                let found = choices.iter().position(|choice| choice.same_as(value));
                found
                    .map(|index| index as f64)
                    .ok_or_else(|| ValueError::NotAChoice { value: value.clone(), choices: choices.clone() })
            }
        }
    }

    /// Returns the smallest and the largest value, or `None` for a categorical parameter.
    pub fn bounds(&self) -> Option<(Value, Value)> {
        match self {
            Self::Float { low, high, .. } => Some((Value::Float(*low), Value::Float(*high))),
            Self::Int { low, high, .. } => Some((Value::Int(*low), Value::Int(*high))),
            Self::Categorical { .. } => None,
        }
    }

    fn float_to_internal(&self, value: &Value) -> Result<f64, ValueError> {
        let number = value.as_number().filter(|number| number.is_finite());
        let number = number.ok_or_else(|| wrong_kind(value, "a finite number"))?;
        let nearest = self.snap(number);
        let Self::Float { low, high, step, .. } = self else {
            return Ok(nearest);
        };
        let slack = step.map_or(0.0, |step| step * 1e-9);
        if number < low - slack || number > high + slack {
            return Err(self.out_of_bounds(value));
        }
        if (number - nearest).abs() > slack {
            return Err(ValueError::OffStep { value: value.clone(), nearest: Value::Float(nearest) });
        }
        Ok(nearest)
    }

    fn int_to_internal(&self, value: &Value) -> Result<f64, ValueError> {
        let number = whole(value).ok_or_else(|| wrong_kind(value, "a whole number"))?;
        let Self::Int { low, high, .. } = self else {
            return Ok(number as f64);
        };
        if number < *low || number > *high {
            return Err(self.out_of_bounds(value));
        }
        let internal = self.snap(number as f64);
        let nearest = self.to_external(internal);
        if nearest != Value::Int(number) {
            return Err(ValueError::OffStep { value: value.clone(), nearest });
        }
        Ok(internal)
    }

    fn out_of_bounds(&self, value: &Value) -> ValueError {
        let (low, high) = self.bounds().unwrap_or_else(|| (value.clone(), value.clone()));
        ValueError::OutOfBounds { value: value.clone(), low, high }
    }
}

fn wrong_kind(value: &Value, expected: &'static str) -> ValueError {
    ValueError::WrongKind { value: value.clone(), expected }
}

/// Returns the whole number a value stands for, if it does and fits.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) => {
            let fits = number.fract() == 0.0 && *number >= i64::MIN as f64 && *number < i64::MAX as f64;
            fits.then_some(*number as i64)
        }
        Value::Bool(_) | Value::Str(_) => None,
    }
}

/// Returns the index of the cell that `unit` falls into when `[0, 1)` is cut into `count` equal ones.
fn cell(unit: f64, count: f64) -> f64 {
    (unit * count).floor().clamp(0.0, (count - 1.0).max(0.0))
}

fn spread_log(low: f64, high: f64, unit: f64) -> f64 {
    let (low, high) = (low.ln(), high.ln());
    (low + unit * (high - low)).exp()
}

/// Returns how many steps fit between the bounds, forgiving rounding as in `(0.3 - 0.0) / 0.1`.
fn float_steps(low: f64, high: f64, step: f64) -> u64 {
    let ratio = (high - low) / step;
    let nearest = ratio.round();
    let close = (ratio - nearest).abs() <= 1e-9 * nearest.max(1.0);
    (if close { nearest } else { ratio.floor() }) as u64
}

fn float_at(low: f64, high: f64, step: f64, index: u64) -> f64 {
    let index = index.min(float_steps(low, high, step));
    tidy(low + index as f64 * step).max(low).min(high)
}

/// Undoes the rounding of a short decimal, so that `0.1 + 2 * 0.1` reads `0.3`.
fn tidy(value: f64) -> f64 {
    let short = (value * 1e12).round() / 1e12;
    let same = (short - value).abs() <= 4.0 * f64::EPSILON * value.abs();
    if same { short } else { value }
}

/// Returns how many steps fit between the bounds; wide enough for any `i64` range.
fn int_steps(low: i64, high: i64, step: i64) -> i128 {
    (i128::from(high) - i128::from(low)).max(0) / i128::from(step.max(1))
}

fn int_at(low: i64, high: i64, step: i64, index: i128) -> i64 {
    let index = index.clamp(0, int_steps(low, high, step));
    (i128::from(low) + index * i128::from(step.max(1))) as i64
}

fn int_nearest(low: i64, high: i64, step: i64, internal: f64) -> i64 {
    let wide = i128::from(step.max(1));
    let offset = i128::from(internal.round() as i64) - i128::from(low);
    int_at(low, high, step, (offset + wide / 2).div_euclid(wide))
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
