//! fANOVA: how the variance of a random forest's answer splits over parameters (Hutter, Hoos and Leyton-Brown 2014).
//!
//! ```text
//! complete trials ─ losses cut at a fence, standardised ─→ forest ─→ variance alone and in pairs
//!                └─ the same losses shuffled ────────────→ forest ─→ what chance explains
//! ```
//!
//! A parameter's importance is the variance it explains alone plus half of what each clear pair explains beyond its
//! two parameters (its Shapley effect up to pairs, Owen 2014), so that a parameter that only works with another one
//! counts.
//!
//! Conditional parameters have forests of their own over the trials that had them, beside the parameters that all of
//! these trials had. The first forest knows only the parameters that every trial has.

use super::forest::{self, Leaf, Sample};
use super::table::Table;
use super::{Effect, Importances, Method, marginals, shares};
use crate::analysis::cells::Cells;
use crate::analysis::seen::Seen;
use crate::draw::{Draw, Use};
use crate::space::Space;

const TREES: u32 = 64;
/// Trees that are grown from shuffled losses.
const SHUFFLED_TREES: u32 = 32;
/// The most trials a forest is grown from; of more, so many are drawn.
const MOST_TRIALS: usize = 2048;
/// With fewer trials a forest says nothing.
const FEWEST_TRIALS: usize = 8;
/// Losses this many times the range between quartiles above the upper one are far out (Tukey 1977) and cut to there,
/// unless more than the share below is.
const FENCE: f64 = 3.0;
/// The early trials of a sampler that learns are far out too, and are what it learnt from.
const FEW: f64 = 0.03;
/// Pairs are formed among so many parameters that explain most.
const PAIRED: usize = 6;
/// An effect is clear if it explains this many times what chance does.
const CLEAR: f64 = 6.0;
/// A pair is clear only from this share of the explained variance.
const LEAST_PAIR: f64 = 0.04;
/// However good the forest, so much of the variance is taken for noise when chance is judged.
const LEAST_NOISE: f64 = 0.1;

/// Two parameters whose effects depend on each other.
#[derive(Clone, Debug, PartialEq)]
pub struct Interaction {
    /// Positions in the space, ascending.
    pub parameters: (usize, usize),
    /// What the pair explains beyond what each explains alone, as a share of all that is explained.
    pub strength: f64,
}

pub(super) fn importances(space: &Space, trials: &[Seen<'_>], seed: u64) -> Importances {
    let known: Vec<Seen<'_>> = trials.iter().filter(|trial| !trial.loss.is_nan()).copied().collect();
    let judged = thinned(known, seed);
    let table = Table::new(space, &judged);
    let losses = fenced(judged.iter().map(|trial| trial.loss).collect());
    let mut effects = vec![Effect::default(); space.len()];
    let mut pairs = Vec::new();
    for group in groups(&table) {
        let weight = group.rows.len() as f64 / judged.len() as f64;
        let found = Explained::new(&group, &table, &losses, seed);
        for &target in &group.targets {
            effects[target] = found.effect(&group, target, weight);
        }
        pairs.extend(found.pairs.iter().filter(|pair| group.reports(pair)).map(|pair| (pair.parameters, pair.variance * weight)));
    }
    let total: f64 = effects.iter().map(|effect| effect.explained).sum();
    let interaction = |(parameters, variance): ((usize, usize), f64)| Interaction { parameters, strength: variance / total };
    let mut interactions: Vec<Interaction> = pairs.into_iter().map(interaction).collect();
    interactions.sort_by(|a, b| b.strength.total_cmp(&a.strength).then(a.parameters.cmp(&b.parameters)));
    Importances { method: Method::Fanova, trials: judged.len(), parameters: shares(&effects), interactions }
}

/// Draws at most [`MOST_TRIALS`], keeping their order.
fn thinned(mut trials: Vec<Seen<'_>>, seed: u64) -> Vec<Seen<'_>> {
    if trials.len() > MOST_TRIALS {
        let mut draw = Draw::new(seed, 0, "analysis: thinning", Use::Order);
        let mut order: Vec<(u64, usize)> = (0..trials.len()).map(|at| (draw.bits(), at)).collect();
        order.select_nth_unstable(MOST_TRIALS);
        order.truncate(MOST_TRIALS);
        order.sort_unstable_by_key(|&(_, at)| at);
        trials = order.into_iter().map(|(_, at)| trials[at]).collect();
    }
    trials
}

/// Cuts losses that would drown all others, infinite ones among them, and shrinks all to at most 1.
fn fenced(mut losses: Vec<f64>) -> Vec<f64> {
    let mut sorted: Vec<f64> = losses.iter().copied().filter(|loss| loss.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else {
        return vec![0.0; losses.len()];
    };
    let (lower, upper) = (sorted[sorted.len() / 4], sorted[sorted.len() * 3 / 4]);
    let frequent = sorted[(sorted.len() as f64 * (1.0 - FEW)) as usize];
    let fence = if upper > lower { (upper + FENCE * (upper - lower)).max(frequent).min(most) } else { most };
    let largest = least.abs().max(fence.abs());
    let unit = if largest > 0.0 { largest } else { 1.0 };
    losses.iter_mut().for_each(|loss| *loss = loss.clamp(least, fence) / unit);
    losses
}

/// Trials that had the same parameters in common, and the parameters that exactly these trials had.
struct Group {
    rows: Vec<usize>,
    /// Parameters that all of the trials had, with more than one value.
    features: Vec<usize>,
    /// Those of them that no other trial had.
    targets: Vec<usize>,
}

impl Group {
    /// Whether the pair is this group's to report: another group has at most one of its parameters.
    fn reports(&self, pair: &Pair) -> bool {
        self.targets.contains(&pair.parameters.0) || self.targets.contains(&pair.parameters.1)
    }
}

fn groups(table: &Table) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for parameter in (0..table.cells.len()).filter(|&parameter| table.cells[parameter].len() > 1) {
        let rows = table.rows_with(parameter);
        match groups.iter_mut().find(|group| group.rows == rows) {
            Some(group) => group.targets.push(parameter),
            None => groups.push(Group { rows, features: Vec::new(), targets: vec![parameter] }),
        }
    }
    groups.retain(|group| group.rows.len() >= FEWEST_TRIALS);
    for group in &mut groups {
        let in_all = |&parameter: &usize| table.is_in_all(parameter, &group.rows);
        let several = (0..table.cells.len()).filter(|&parameter| table.cells[parameter].len() > 1);
        group.features = several.filter(in_all).collect();
    }
    groups
}

/// A clear pair of parameters.
struct Pair {
    parameters: (usize, usize),
    variance: f64,
}

/// What the parameters of a group explain, in the units of the losses squared.
struct Explained {
    /// `[feature]`.
    alone: Vec<f64>,
    /// What a feature explains by chance.
    by_chance: f64,
    pairs: Vec<Pair>,
}

impl Explained {
    fn new(group: &Group, table: &Table, losses: &[f64], seed: u64) -> Self {
        let cells: Vec<&Cells> = group.features.iter().map(|&parameter| &table.cells[parameter]).collect();
        let column = |&parameter: &usize| group.rows.iter().map(|&row| table.columns[parameter][row]).collect();
        let columns: Vec<Vec<u8>> = group.features.iter().map(column).collect();
        let (mut losses, scale) = standardised(group.rows.iter().map(|&row| losses[row]).collect());
        let grow = |losses: &[f64], trees: u32| -> Vec<Vec<Leaf>> {
            let sample = Sample { cells: &cells, columns: &columns, losses };
            (0..trees).map(|tree| forest::grow(&sample, seed, tree)).collect()
        };
        let forest = grow(&losses, TREES);
        let pairs = strongest_pairs(&marginals::variances(&forest, &cells, &[]).0);
        let (alone, beyond) = marginals::variances(&forest, &cells, &pairs);
        shuffle(&mut losses, seed);
        let (chance_alone, chance_beyond) = marginals::variances(&grow(&losses, SHUFFLED_TREES), &cells, &pairs);
        let explained = alone.iter().chain(&beyond).sum::<f64>();
        let noise = (1.0 - explained).max(LEAST_NOISE);
        let limit = (CLEAR * noise * mean(&chance_beyond)).max(LEAST_PAIR * explained);
        let clear = pairs.iter().zip(beyond).filter(|&(_, variance)| variance > limit);
        let named = |(&(a, b), variance): (&(usize, usize), f64)| Pair {
            parameters: (group.features[a], group.features[b]),
            variance: variance * scale,
        };
        Self {
            pairs: clear.map(named).collect(),
            alone: alone.iter().map(|variance| variance * scale).collect(),
            by_chance: noise * mean(&chance_alone) * scale,
        }
    }

    fn effect(&self, group: &Group, target: usize, weight: f64) -> Effect {
        let alone = group.features.iter().position(|&feature| feature == target).map_or(0.0, |at| self.alone[at]);
        let shared = self.pairs.iter().filter(|pair| pair.parameters.0 == target || pair.parameters.1 == target);
        let in_pairs: f64 = shared.map(|pair| 0.5 * pair.variance).sum();
        let explained = alone + in_pairs;
        Effect { explained: explained * weight, is_clear: explained > CLEAR * self.by_chance, trials: group.rows.len() }
    }
}

/// Shifts and stretches losses to mean 0 and variance 1; returns the variance they had, 0 if they are all equal.
fn standardised(mut losses: Vec<f64>) -> (Vec<f64>, f64) {
    let mean = mean(&losses);
    let variance = losses.iter().map(|loss| (loss - mean) * (loss - mean)).sum::<f64>() / losses.len().max(1) as f64;
    if variance < 1e-24 {
        return (vec![0.0; losses.len()], 0.0);
    }
    losses.iter_mut().for_each(|loss| *loss = (*loss - mean) / variance.sqrt());
    (losses, variance)
}

fn strongest_pairs(alone: &[f64]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..alone.len()).collect();
    order.sort_by(|&a, &b| alone[b].total_cmp(&alone[a]).then(a.cmp(&b)));
    order.truncate(PAIRED);
    order.sort_unstable();
    order.iter().enumerate().flat_map(|(at, &a)| order[at + 1..].iter().map(move |&b| (a, b))).collect()
}

/// Shuffles in place (Fisher and Yates 1938; Durstenfeld 1964).
fn shuffle(losses: &mut [f64], seed: u64) {
    let mut draw = Draw::new(seed, 0, "analysis: shuffle", Use::Order);
    for last in (1..losses.len()).rev() {
        losses.swap(last, forest::below(&mut draw, last + 1));
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
