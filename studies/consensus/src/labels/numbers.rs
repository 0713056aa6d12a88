//! Numbers: the median, and how many are near it.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_amount};
use crate::quantiles::median;

use super::mean_pairwise;

/// How far two numbers may differ and still agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// By so much.
    Absolute(f64),
    /// By this share of the larger magnitude.
    Relative(f64),
}

impl Tolerance {
    /// Returns whether two numbers agree.
    pub fn allows(self, first: f64, second: f64) -> bool {
        let difference = (first - second).abs();
        match self {
            Self::Absolute(most) => difference <= most,
            Self::Relative(share) => difference <= share * first.abs().max(second.abs()),
        }
    }

    fn check(self) -> Result<(), ConsensusError> {
        let (Self::Absolute(size) | Self::Relative(size)) = self;
        check_amount("tolerance", size)
    }
}

/// What several numbers for one item come to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberVote {
    /// How many there are.
    pub answers: u32,
    /// The median; of an even number, halfway between the middle two.
    pub median: f64,
    /// The median distance from the median. Times 1.4826 it estimates the standard deviation of normal errors.
    pub mad: f64,
    /// The share of numbers that agree with the median.
    pub agreement: f64,
}

/// Sums up the numbers for one item; `None` where there are none.
///
/// # Errors
///
/// A number that is not finite, or a negative tolerance.
pub fn vote(numbers: &[f64], tolerance: Tolerance) -> Result<Option<NumberVote>, ConsensusError> {
    tolerance.check()?;
    numbers.iter().try_for_each(|&number| check("numbers", number, "finite", number.is_finite()))?;
    if numbers.is_empty() {
        return Ok(None);
    }
    let middle = median(numbers.to_vec());
    let mad = median(numbers.iter().map(|number| (number - middle).abs()).collect());
    let near = numbers.iter().filter(|&&number| tolerance.allows(number, middle)).count();
    let agreement = near as f64 / numbers.len() as f64;
    Ok(Some(NumberVote { answers: numbers.len() as u32, median: middle, mad, agreement }))
}

/// Returns the share of pairs of numbers for one item that agree; `None` for fewer than two.
pub fn pairwise_agreement(numbers: &[f64], tolerance: Tolerance) -> Option<f64> {
    mean_pairwise(numbers, |&first, &second| f64::from(tolerance.allows(first, second)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_stands_whatever_one_annotator_says() {
        let of = |last| vote(&[10.0, 11.0, 10.5, last], Tolerance::Absolute(0.5)).expect("numbers").expect("some");
        assert_eq!(of(12.0), NumberVote { answers: 4, median: 10.75, mad: 0.5, agreement: 0.5 });
        assert_eq!(of(1e9).median, of(12.0).median);
    }

    #[test]
    fn pairs_agree_within_the_tolerance() {
        assert_eq!(pairwise_agreement(&[100.0, 109.0, 121.0], Tolerance::Relative(0.1)), Some(2.0 / 3.0));
        assert_eq!(pairwise_agreement(&[0.0, 0.0], Tolerance::Relative(0.0)), Some(1.0));
        assert_eq!(pairwise_agreement(&[1.0], Tolerance::Absolute(1.0)), None);
    }

    #[test]
    fn mistakes_are_named() {
        let message = |numbers: &[f64], tolerance| vote(numbers, tolerance).expect_err("a mistake").to_string();
        assert_eq!(message(&[f64::NAN], Tolerance::Absolute(1.0)), "`numbers` must be finite, not `NaN`");
        assert_eq!(message(&[], Tolerance::Relative(-1.0)), "`tolerance` must be a number from 0, not `-1`");
        assert_eq!(vote(&[], Tolerance::Absolute(0.0)), Ok(None));
    }
}
