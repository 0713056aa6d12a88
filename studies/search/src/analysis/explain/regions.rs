//! Where the good trials lie along each parameter.

use std::collections::BTreeMap;

use super::{Good, Judged};
use crate::analysis::scale::Scale;

/// Good trials outside this middle part are left out of a range.
const MIDDLE: f64 = 0.9;

/// Where the best tenth of the trials lies along one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Position in the space.
    pub parameter: usize,
    /// Number of good trials that had the parameter.
    pub good: usize,
    /// Where they lie.
    pub place: Where,
}

/// An interval or shares of options.
#[derive(Clone, Debug, PartialEq)]
pub enum Where {
    /// A numeric parameter: the middle nine tenths of the good trials.
    Range {
        /// Smallest internal number.
        low: f64,
        /// Largest internal number.
        high: f64,
        /// Share of the parameter's range that this is, on its own scale.
        share: f64,
    },
    /// A categorical parameter: its options, the most frequent among good trials first.
    Options(Vec<OptionShare>),
}

/// How often an option was tried, and how often by good trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionShare {
    /// Index of the option.
    pub option: usize,
    /// Share among good trials.
    pub of_good: f64,
    /// Share among all trials that had the parameter.
    pub of_all: f64,
    /// Number of trials with it.
    pub trials: usize,
}

/// Returns `None` for a parameter with one value, or if no trial is better than others.
pub(super) fn region(judged: &Judged<'_>, good: &Good<'_>) -> Option<Region> {
    let parameter = judged.importance.parameter;
    if !good.is_told_apart() || judged.distribution.cardinality().is_some_and(|count| count < 2) {
        return None;
    }
    let count = good.with(parameter).filter(|&(_, good, _)| good > 0.0).count();
    let place = match Scale::new(judged.distribution) {
        Some(scale) => range(&scale, parameter, good)?,
        None => Where::Options(options(parameter, good)),
    };
    (count > 0).then_some(Region { parameter, good: count, place })
}

fn range(scale: &Scale, parameter: usize, good: &Good<'_>) -> Option<Where> {
    let mut values: Vec<f64> = good.with(parameter).filter(|&(_, good, _)| good > 0.0).map(|(value, ..)| value).collect();
    values.sort_unstable_by(f64::total_cmp);
    let outside = (values.len() as f64 * 0.5 * (1.0 - MIDDLE)) as usize;
    let (low, high) = (*values.get(outside)?, values[values.len() - 1 - outside]);
    let share = scale.cell(high).1 - scale.cell(low).0;
    Some(Where::Range { low, high, share })
}

/// Returns the options that were tried.
pub(super) fn options(parameter: usize, good: &Good<'_>) -> Vec<OptionShare> {
    let mut counts: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
    let (mut all_good, mut all) = (0.0, 0);
    for (value, goodness, _) in good.with(parameter) {
        let count = counts.entry(value as usize).or_default();
        *count = (count.0 + goodness, count.1 + 1);
        all_good += goodness;
        all += 1;
    }
    let of_good = |count: f64| if all_good > 0.0 { count / all_good } else { 0.0 };
    let share = |(option, (goodness, trials)): (usize, (f64, usize))| OptionShare {
        option,
        of_good: of_good(goodness),
        of_all: trials as f64 / all as f64,
        trials,
    };
    let mut options: Vec<OptionShare> = counts.into_iter().map(share).collect();
    options.sort_by(|a, b| b.of_good.total_cmp(&a.of_good).then(a.option.cmp(&b.option)));
    options
}
