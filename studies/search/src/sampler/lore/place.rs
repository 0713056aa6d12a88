//! Where trials lie: every number on `[0, 1]`, every option by its index, so that distances can be told.

use crate::sampler::cube::Axis;
use crate::space::{Distribution, Space};

/// Numbers closer than this fraction of their range are beside each other.
const BESIDE: f64 = 0.05;
/// How far apart two different options are, in squares.
const OPTION_DISTANCE: f64 = 0.5;

/// The scales of a space.
#[derive(Debug)]
pub(super) struct Places(Vec<Scale>);

#[derive(Debug)]
enum Scale {
    Number(Axis),
    Options,
    /// A single value tells nothing.
    Nothing,
}

impl Places {
    pub(super) fn new(space: &Space) -> Self {
        let scale = |distribution: &Distribution| match distribution {
            Distribution::Float { .. } | Distribution::Int { .. } => {
                Axis::new(distribution).map_or(Scale::Nothing, Scale::Number)
            }
            Distribution::Categorical { choices } if choices.len() > 1 => Scale::Options,
            Distribution::Categorical { .. } => Scale::Nothing,
        };
        Self(space.parameters.iter().map(|parameter| scale(&parameter.distribution)).collect())
    }

    /// Returns the place of internal numbers, NaN where there is none.
    pub(super) fn point(&self, internal: impl Fn(usize) -> f64) -> Vec<f64> {
        let place = |(index, scale): (usize, &Scale)| match scale {
            Scale::Number(axis) => {
                Some(internal(index)).filter(|value| !value.is_nan()).map_or(f64::NAN, |value| axis.position(value))
            }
            Scale::Options => internal(index),
            Scale::Nothing => f64::NAN,
        };
        self.0.iter().enumerate().map(place).collect()
    }

    /// Whether two points differ by little in all that both have, and both have something.
    pub(super) fn is_beside(&self, a: &[f64], b: &[f64]) -> bool {
        let mut is_told = false;
        for ((scale, &a), &b) in self.0.iter().zip(a).zip(b).filter(|((_, a), b)| !a.is_nan() && !b.is_nan()) {
            is_told = true;
            let near = match scale {
                Scale::Number(_) => (a - b).abs() < BESIDE,
                Scale::Options => a == b,
                Scale::Nothing => true,
            };
            if !near {
                return false;
            }
        }
        is_told
    }

    /// Returns the mean square of the differences in what both points have; `None` if that is nothing.
    pub(super) fn distance(&self, a: &[f64], b: &[f64]) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0.0);
        for ((scale, &a), &b) in self.0.iter().zip(a).zip(b).filter(|((_, a), b)| !a.is_nan() && !b.is_nan()) {
            count += 1.0;
            sum += match scale {
                Scale::Number(_) => (a - b) * (a - b),
                Scale::Options if a == b => 0.0,
                Scale::Options => OPTION_DISTANCE,
                Scale::Nothing => 0.0,
            };
        }
        (count > 0.0).then(|| sum / count)
    }
}
