//! What to change about the space.
//!
//! | Advice | Given when |
//! |---|---|
//! | widen | at least half of the good trials, and more than chance would put there (one in a thousand), lie in the outer tenth of the range; and trials there are better than their neighbours (one in twenty), or the parameter clearly matters and the neighbours are too few |
//! | narrow | the parameter clearly matters and its good trials lie within half of its range |
//! | fix | it does not clearly matter, explains less than a twentieth, and there were 50 trials or more |
//! | drop | an option that no good trial has, where chance would give it one in 99 of 100 cases |

use super::regions::{self, Where};
use super::tests_of_chance::{binomial_tail, probability_of_lower};
use super::{Good, Judged};
use crate::analysis::scale::Scale;

/// The outer part of a range that counts as its bound.
const OUTER: f64 = 0.1;
/// A crowd at a bound: this share of the good trials at least, and no likelier by chance than this.
const CROWD: f64 = 0.5;
const CROWD_BY_CHANCE: f64 = 0.001;
/// Trials at a bound are better than their neighbours if chance gives as much no more often than this.
const SLOPE_BY_CHANCE: f64 = 0.05;
/// With fewer neighbours there is no slope to speak of.
const FEWEST_NEIGHBOURS: usize = 5;
/// With fewer good trials nothing is said about where they lie.
const FEWEST_GOOD: usize = 5;
const NARROW_SHARE: f64 = 0.5;
/// A narrowed range keeps this share of the good range beyond either end.
const NARROW_MARGIN: f64 = 0.25;
const FIX_IMPORTANCE: f64 = 0.05;
const FIX_TRIALS: usize = 50;
const DROP_BY_CHANCE: f64 = 0.01;

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The lower bound.
    Low,
    /// The upper bound.
    High,
}

/// Something to change about one parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Advice {
    /// Good trials crowd at a bound: the optimum may lie beyond it.
    Widen {
        /// Position in the space.
        parameter: usize,
        /// Which bound.
        side: Side,
        /// Number of good trials near it.
        crowd: usize,
        /// Number of good trials that had the parameter.
        good: usize,
    },
    /// The good trials need only a part of the range.
    Narrow {
        /// Position in the space.
        parameter: usize,
        /// Internal number of the new lower bound.
        low: f64,
        /// Internal number of the new upper bound.
        high: f64,
    },
    /// The parameter hardly matters: one value does, and the search has a dimension less.
    Fix {
        /// Position in the space.
        parameter: usize,
        /// Internal number that the best trial has.
        at: f64,
    },
    /// Options that no good trial has.
    Drop {
        /// Position in the space.
        parameter: usize,
        /// Their indexes, ascending.
        options: Vec<usize>,
    },
}

/// Returns what to change about one parameter, in no case both widening and narrowing it.
pub(super) fn advice(judged: &Judged<'_>, good: &Good<'_>) -> Vec<Advice> {
    if !good.is_told_apart() {
        return Vec::new();
    }
    let of_range =
        Scale::new(judged.distribution).and_then(|scale| widen(judged, good, &scale).or_else(|| narrow(judged, good, &scale)));
    let change = of_range.or_else(|| drop(judged, good));
    change.or_else(|| fix(judged, good)).into_iter().collect()
}

fn widen(judged: &Judged<'_>, good: &Good<'_>, scale: &Scale) -> Option<Advice> {
    [Side::Low, Side::High].into_iter().find_map(|side| widen_at(side, judged, good, scale))
}

/// What lies near a bound, and next to that.
#[derive(Default)]
struct Edge {
    good: usize,
    crowd: usize,
    ranks: Vec<f64>,
    neighbours: Vec<f64>,
}

fn widen_at(side: Side, judged: &Judged<'_>, good: &Good<'_>, scale: &Scale) -> Option<Advice> {
    let parameter = judged.importance.parameter;
    let inwards = |value: f64| match side {
        Side::Low => scale.unit(value),
        Side::High => 1.0 - scale.unit(value),
    };
    let (first, last) = scale.cell(judged.distribution.snap(if side == Side::Low { f64::MIN } else { f64::MAX }));
    let outer = OUTER.max(last - first);
    let mut edge = Edge::default();
    for (value, goodness, rank) in good.with(parameter) {
        let distance = inwards(value);
        edge.good += usize::from(goodness > 0.0);
        edge.crowd += usize::from(goodness > 0.0 && distance <= outer);
        if distance <= outer {
            edge.ranks.push(rank);
        } else if distance <= 3.0 * outer {
            edge.neighbours.push(rank);
        }
    }
    let is_crowd = edge.good >= FEWEST_GOOD
        && edge.crowd as f64 >= CROWD * edge.good as f64
        && binomial_tail(edge.crowd, edge.good, outer) < CROWD_BY_CHANCE;
    let falls = || probability_of_lower(&edge.ranks, &edge.neighbours) < SLOPE_BY_CHANCE;
    let matters = || judged.importance.is_clear && edge.neighbours.len() < FEWEST_NEIGHBOURS;
    (is_crowd && (falls() || matters())).then_some(Advice::Widen { parameter, side, crowd: edge.crowd, good: edge.good })
}

fn narrow(judged: &Judged<'_>, good: &Good<'_>, scale: &Scale) -> Option<Advice> {
    let region = regions::region(judged, good).filter(|region| judged.importance.is_clear && region.good >= FEWEST_GOOD)?;
    let Where::Range { low, high, share } = region.place else {
        return None;
    };
    let margin = NARROW_MARGIN * share;
    let from = (scale.cell(low).0 - margin).max(0.0);
    let to = (scale.cell(high).1 + margin).min(1.0);
    let at = |unit: f64| judged.distribution.from_unit(unit.min(crate::draw::BELOW_ONE));
    let (low, high) = (at(from), at(to));
    (to - from <= NARROW_SHARE && low < high).then_some(Advice::Narrow { parameter: region.parameter, low, high })
}

fn fix(judged: &Judged<'_>, good: &Good<'_>) -> Option<Advice> {
    let importance = judged.importance;
    let has_choice = judged.distribution.cardinality().is_none_or(|count| count > 1);
    let hardly_matters = !importance.is_clear && importance.importance < FIX_IMPORTANCE && importance.trials >= FIX_TRIALS;
    let at = good.best.map(|best| best.param(importance.parameter)).filter(|at| !at.is_nan())?;
    (has_choice && hardly_matters).then_some(Advice::Fix { parameter: importance.parameter, at })
}

fn drop(judged: &Judged<'_>, good: &Good<'_>) -> Option<Advice> {
    if Scale::new(judged.distribution).is_some() {
        return None;
    }
    let parameter = judged.importance.parameter;
    let (had, of_good) = good.with(parameter).fold((0.0, 0.0), |(had, of_good), (_, good, _)| (had + 1.0, of_good + good));
    let by_chance = |trials: usize| libm::pow(1.0 - of_good / had, trials as f64);
    let is_bad = |option: &regions::OptionShare| option.of_good == 0.0 && by_chance(option.trials) < DROP_BY_CHANCE;
    let bad = regions::options(parameter, good).into_iter().filter(is_bad);
    let mut options: Vec<usize> = bad.map(|option| option.option).collect();
    options.sort_unstable();
    (!options.is_empty()).then_some(Advice::Drop { parameter, options })
}
