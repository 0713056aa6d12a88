//! What the latest labels have gained: the slope of the end of a learning curve.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check};

use super::curve::{Curve, Point};

/// When labels gain too little.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GainRule {
    /// How many of the latest rounds are looked at.
    pub window: u32,
    /// The least gain of accuracy for 100 labels that is worth asking for.
    pub least_per_100: f64,
}

impl Default for GainRule {
    fn default() -> Self {
        Self { window: 3, least_per_100: 0.001 }
    }
}

/// What the latest labels have gained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Gain {
    /// There are too few rounds.
    TooEarly {
        /// Rounds so far.
        rounds: u32,
        /// Rounds needed.
        needed: u32,
    },
    /// Labels are worth it.
    Growing {
        /// Accuracy for 100 labels.
        per_100: f64,
        /// What it must not fall below.
        least_per_100: f64,
    },
    /// Labels gain too little: stop.
    Flat {
        /// Accuracy for 100 labels.
        per_100: f64,
        /// What it has fallen below.
        least_per_100: f64,
    },
}

impl Gain {
    /// Returns whether to stop asking for labels.
    pub fn is_enough(&self) -> bool {
        matches!(self, Self::Flat { .. })
    }

    /// Returns a sentence that says it.
    pub fn reason(&self) -> String {
        match self {
            Self::TooEarly { rounds, needed } => format!("too early: {rounds} rounds, and {needed} are needed"),
            Self::Growing { per_100, least_per_100 } => {
                format!("go on: the latest labels gain {per_100:.5} for 100, at least {least_per_100} is worth it")
            }
            Self::Flat { per_100, least_per_100 } => {
                format!("stop: the latest labels gain {per_100:.5} for 100, less than {least_per_100}")
            }
        }
    }
}

/// Returns what the latest labels have gained: the least-squares slope through the last `window + 1` models.
///
/// # Errors
///
/// A window of 0, or a least gain that is not finite.
pub fn gain(curve: &Curve, rule: &GainRule) -> Result<Gain, ConsensusError> {
    check("window", f64::from(rule.window), "a number from 1", rule.window > 0)?;
    check("least_per_100", rule.least_per_100, "finite", rule.least_per_100.is_finite())?;
    let points = curve.points();
    let rounds = points.len() - 1;
    let Some(start) = rounds.checked_sub(rule.window as usize) else {
        return Ok(Gain::TooEarly { rounds: rounds as u32, needed: rule.window });
    };
    let (per_100, least_per_100) = (100.0 * slope(&points[start..]), rule.least_per_100);
    let is_flat = per_100 < least_per_100;
    Ok(if is_flat { Gain::Flat { per_100, least_per_100 } } else { Gain::Growing { per_100, least_per_100 } })
}

/// Accuracy per label; there are two points at least.
fn slope(points: &[Point]) -> f64 {
    let count = points.len() as f64;
    let labels = points.iter().map(|point| point.labels).sum::<f64>() / count;
    let accuracy = points.iter().map(|point| point.accuracy).sum::<f64>() / count;
    let (mut together, mut spread) = (0.0, 0.0);
    for point in points {
        together += (point.labels - labels) * (point.accuracy - accuracy);
        spread += (point.labels - labels).powi(2);
    }
    together / spread
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(points: &[(f64, f64)]) -> Curve {
        Curve::new(points.iter().map(|&(labels, accuracy)| Point { labels, accuracy }).collect()).expect("a curve")
    }

    #[test]
    fn labels_that_gain_too_little_stop_the_asking() {
        let curve = curve(&[(20.0, 0.5), (40.0, 0.7), (60.0, 0.9), (80.0, 0.901), (100.0, 0.9)]);
        let rule = GainRule { window: 2, least_per_100: 0.01 };
        let flat = gain(&curve, &rule).expect("gain");
        assert!(flat.is_enough(), "{flat:?}");
        assert_eq!(flat.reason(), "stop: the latest labels gain 0.00000 for 100, less than 0.01");
        let growing = gain(&curve, &GainRule { window: 4, ..rule }).expect("gain");
        assert!(!growing.is_enough(), "{growing:?}");
        let early = gain(&curve, &GainRule { window: 5, ..rule }).expect("gain");
        assert_eq!(early, Gain::TooEarly { rounds: 4, needed: 5 });
    }

    #[test]
    fn the_slope_of_a_line_is_its_own() {
        let line: Vec<(f64, f64)> = (1..6).map(|at| (f64::from(at * at), 0.1 + 0.002 * f64::from(at * at))).collect();
        let Gain::Growing { per_100, .. } = gain(&curve(&line), &GainRule::default()).expect("gain") else { panic!("flat") };
        assert!((per_100 - 0.2).abs() < 1e-12, "{per_100}");
    }
}
