//! Krippendorff's alpha: any number of annotators, any kind of values, any gaps.
//!
//! `α = 1 − D_o / D_e`, the disagreement within items over that among all values (Krippendorff 2011). A value counts
//! where its item has another one. The ordinal difference of two values is the difference of their mid-ranks.

use serde::{Deserialize, Serialize};

use crate::draw::{Draw, Use};
use crate::error::{ConsensusError, check, check_inside};
use crate::proportion::Interval;
use crate::quantiles::quantile;

/// What the values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Names: different or not.
    #[default]
    Nominal,
    /// Ranks: what lies between counts.
    Ordinal,
    /// Numbers: their difference counts.
    Interval,
    /// Numbers from 0 up: their difference over their sum counts.
    Ratio,
}

/// Returns alpha; `units` are the values that each item got, in any order, and missing ones are simply not there.
///
/// Costs the pairs within items, and for the ratio level the square of the different values.
///
/// # Errors
///
/// A value that is not finite, or for the ratio level a negative one.
pub fn alpha<U: AsRef<[f64]>>(units: &[U], level: Level) -> Result<Option<f64>, ConsensusError> {
    let table = Table::new(units, level)?;
    Ok(table.alpha(&(0..table.units.len()).collect::<Vec<_>>()))
}

/// Alpha and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlphaInterval {
    /// Alpha of all items.
    pub alpha: f64,
    /// Percentiles of alpha over resampled items.
    pub interval: Interval,
    /// Resamples in which alpha had a meaning; those that held one value only are left out.
    pub resamples: u32,
}

/// Returns alpha with its bootstrap percentile interval: items are drawn anew, `resamples` times (Efron 1979).
///
/// `None` where alpha has no meaning, in all or in half of the resamples.
///
/// # Errors
///
/// As [`alpha`], or a confidence that is not above 0 and below 1.
pub fn alpha_interval<U: AsRef<[f64]>>(
    units: &[U],
    level: Level,
    confidence: f64,
    resamples: u32,
    seed: u64,
) -> Result<Option<AlphaInterval>, ConsensusError> {
    check_inside("confidence", confidence)?;
    let table = Table::new(units, level)?;
    let size = table.units.len();
    let Some(alpha) = table.alpha(&(0..size).collect::<Vec<_>>()) else { return Ok(None) };
    let resample = |number| {
        let mut draw = Draw::new(seed, Use::Agreement, number);
        table.alpha(&(0..size).map(|_| draw.below(size)).collect::<Vec<_>>())
    };
    let mut alphas: Vec<f64> = (0..resamples).filter_map(resample).collect();
    if alphas.len() * 2 < resamples.max(1) as usize {
        return Ok(None);
    }
    alphas.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - confidence);
    let interval = Interval { low: quantile(&alphas, tail), high: quantile(&alphas, 1.0 - tail) };
    Ok(Some(AlphaInterval { alpha, interval, resamples: alphas.len() as u32 }))
}

/// Values by their place among the different ones.
struct Table {
    level: Level,
    /// Different values, ascending.
    domain: Vec<f64>,
    /// Of items with at least two values: how often each value is given, ascending.
    units: Vec<Vec<(usize, f64)>>,
}

impl Table {
    fn new<U: AsRef<[f64]>>(units: &[U], level: Level) -> Result<Self, ConsensusError> {
        let pairable = || units.iter().map(AsRef::as_ref).filter(|values| values.len() > 1);
        let mut domain = Vec::new();
        for &value in units.iter().flat_map(AsRef::as_ref) {
            check("values", value, "finite", value.is_finite())?;
            check("values", value, "numbers from 0 for the ratio level", level != Level::Ratio || value >= 0.0)?;
        }
        for values in pairable() {
            // Adding zero makes -0 equal to 0 in the total order too.
            domain.extend(values.iter().map(|value| value + 0.0));
        }
        domain.sort_by(f64::total_cmp);
        domain.dedup();
        let unit = |values: &[f64]| {
            let mut places: Vec<usize> = values.iter().map(|value| domain.partition_point(|other| other < value)).collect();
            places.sort_unstable();
            places.chunk_by(|a, b| a == b).map(|chunk| (chunk[0], chunk.len() as f64)).collect()
        };
        let units = pairable().map(unit).collect();
        Ok(Self { level, domain, units })
    }

    /// Alpha of some of the items, which may come several times.
    fn alpha(&self, chosen: &[usize]) -> Option<f64> {
        let mut counts = vec![0.0; self.domain.len()];
        for &unit in chosen {
            self.units[unit].iter().for_each(|&(place, count)| counts[place] += count);
        }
        let total: f64 = counts.iter().sum();
        let scale = self.scale(&counts);
        let expected = self.expected(&counts, &scale, total);
        if expected <= 0.0 {
            return None;
        }
        let observed: f64 = chosen.iter().map(|&unit| self.within(&self.units[unit], &scale)).sum();
        Some(1.0 - (total - 1.0) * observed / expected)
    }

    /// Where the values lie, as far as distances go.
    fn scale(&self, counts: &[f64]) -> Vec<f64> {
        if self.level != Level::Ordinal {
            return self.domain.clone();
        }
        let mut below = 0.0;
        let rank = |count: &f64| {
            below += count;
            below - 0.5 * count
        };
        counts.iter().map(rank).collect()
    }

    /// The disagreement within an item, over all ordered pairs, per other value.
    fn within(&self, unit: &[(usize, f64)], scale: &[f64]) -> f64 {
        let size: f64 = unit.iter().map(|(_, count)| count).sum();
        let mut sum = 0.0;
        for (at, &(first, count)) in unit.iter().enumerate() {
            for &(second, other) in &unit[at + 1..] {
                sum += count * other * self.squared(scale[first], scale[second]);
            }
        }
        2.0 * sum / (size - 1.0)
    }

    /// The disagreement among all values, over all ordered pairs.
    fn expected(&self, counts: &[f64], scale: &[f64], total: f64) -> f64 {
        match self.level {
            Level::Nominal => counts.iter().map(|count| count * (total - count)).sum(),
            Level::Ordinal | Level::Interval => {
                let mean = counts.iter().zip(scale).map(|(count, value)| count * value).sum::<f64>() / total;
                2.0 * total * counts.iter().zip(scale).map(|(count, value)| count * (value - mean).powi(2)).sum::<f64>()
            }
            Level::Ratio => {
                let row = |at: usize| {
                    let rest = (at + 1..counts.len()).map(|other| counts[other] * self.squared(scale[at], scale[other]));
                    2.0 * counts[at] * rest.sum::<f64>()
                };
                (0..counts.len()).map(row).sum()
            }
        }
    }

    fn squared(&self, first: f64, second: f64) -> f64 {
        match self.level {
            Level::Nominal => f64::from(first != second),
            Level::Ordinal | Level::Interval => (first - second).powi(2),
            Level::Ratio if first + second == 0.0 => 0.0,
            Level::Ratio => ((first - second) / (first + second)).powi(2),
        }
    }
}
