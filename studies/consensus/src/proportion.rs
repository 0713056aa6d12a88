//! Shares of successes: what they say of the rate behind them.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check, check_inside};
use crate::normal::quantile;

/// Between what and what a number lies, with the confidence that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Returns whether a number lies inside, or on an end.
    pub fn contains(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

/// Successes among trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// How often.
    pub hits: u32,
    /// Of how many.
    pub of: u32,
}

impl Rate {
    /// Counts one more.
    pub fn record(&mut self, is_hit: bool) {
        self.hits += u32::from(is_hit);
        self.of += 1;
    }

    /// Returns the share of hits; `None` where nothing was counted.
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| f64::from(self.hits) / f64::from(self.of))
    }

    /// Returns the score interval of the rate (Wilson 1927), which is never empty and stays within 0 and 1.
    ///
    /// # Errors
    ///
    /// A confidence that is not above 0 and below 1, or more hits than trials.
    pub fn wilson(&self, confidence: f64) -> Result<Interval, ConsensusError> {
        check_inside("confidence", confidence)?;
        self.check()?;
        let Some(share) = self.share() else { return Ok(Interval { low: 0.0, high: 1.0 }) };
        let (n, z) = (f64::from(self.of), quantile(0.5 + 0.5 * confidence));
        let weight = z * z / n;
        let centre = (share + 0.5 * weight) / (1.0 + weight);
        let half = z * (share * (1.0 - share) / n + 0.25 * weight / n).sqrt() / (1.0 + weight);
        // Rounding must not leave an end beside 0 or 1 where it is exactly there.
        let low = if self.hits == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if self.hits == self.of { 1.0 } else { (centre + half).min(1.0) };
        Ok(Interval { low, high })
    }

    fn check(&self) -> Result<(), ConsensusError> {
        check("hits", f64::from(self.hits), "`of` at most", self.hits <= self.of)
    }
}

/// Returns the interval of the difference of two rates, `first − second` (Newcombe 1998, method 10).
///
/// # Errors
///
/// As [`Rate::wilson`].
pub fn newcombe(first: Rate, second: Rate, confidence: f64) -> Result<Interval, ConsensusError> {
    let (a, b) = (first.wilson(confidence)?, second.wilson(confidence)?);
    let (Some(p), Some(q)) = (first.share(), second.share()) else { return Ok(Interval { low: -1.0, high: 1.0 }) };
    let low = p - q - (p - a.low).hypot(b.high - q);
    let high = p - q + (a.high - p).hypot(q - b.low);
    Ok(Interval { low, high })
}

/// Returns how many trials each group needs so that a difference of two rates is seen: `(first, second)`.
///
/// The test is two-sided at `1 − confidence`, and sees the difference with probability `power`; `ratio` is the size of
/// the second group as a multiple of the first. Normal approximation with pooled variance under no difference (Fleiss,
/// Levin and Paik 2003, without the correction for continuity).
///
/// # Errors
///
/// Rates that are equal or outside `[0, 1]`, a ratio that is not above 0, or a confidence or power that is not above 0
/// and below 1.
pub fn sample_sizes(first: f64, second: f64, ratio: f64, confidence: f64, power: f64) -> Result<(u64, u64), ConsensusError> {
    for rate in [first, second] {
        check("rate", rate, "a number from 0 to 1", (0.0..=1.0).contains(&rate))?;
    }
    check("difference", first - second, "another number than 0", first != second)?;
    check("ratio", ratio, "a number above 0", ratio > 0.0 && ratio.is_finite())?;
    check_inside("confidence", confidence)?;
    check_inside("power", power)?;
    let variance = |rate: f64| rate * (1.0 - rate);
    let pooled = variance((first + ratio * second) / (1.0 + ratio)) * (1.0 + 1.0 / ratio);
    let apart = variance(first) + variance(second) / ratio;
    let deviations = quantile(0.5 + 0.5 * confidence) * pooled.sqrt() + quantile(power) * apart.sqrt();
    let size = (deviations / (first - second)).powi(2);
    Ok((size.ceil() as u64, (size * ratio).ceil() as u64))
}

#[cfg(test)]
#[path = "proportion_tests.rs"]
mod tests;
