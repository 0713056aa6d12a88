//! What the labels of a whole batch tell about the model.
//!
//! The gain of a further row is H(y | labels of the batch) − mean H(y | member), the first averaged over the labels that the
//! batch might get. Each such configuration of labels is a weight and the members' probabilities given it. A few are
//! all enumerated; when they become too many, they are drawn in proportion to their weights, and each then goes on by
//! drawing the label of every further row.

use rayon::prelude::*;

use super::basket::Basket;
use super::committee::consensus;
use super::draw::{Stream, Use};
use super::uncertainty::{entropy, entropy_term};
use super::{Acquisition, AcquisitionError, Block};

/// Configurations of labels that are kept at most; beyond them they are drawn.
pub const CONFIGURATIONS: usize = 4096;

/// A batch whose joint mutual information with the model is known, and what each further row adds (Kirsch et al. 2019).
///
/// A row that a member lacks is taken as if that member said what the others say on average.
#[derive(Clone, Debug)]
pub struct BatchBald<'a> {
    rows: Block<'a>,
    limit: usize,
    stream: Stream,
    /// The probability of each configuration of labels.
    weights: Vec<f64>,
    /// Configurations × members: the probability of each member, given the configuration.
    members: Vec<f64>,
    is_drawn: bool,
}

impl<'a> BatchBald<'a> {
    /// Begins an empty batch that keeps so many configurations of labels ([`CONFIGURATIONS`] is plenty).
    ///
    /// # Errors
    /// Predictions other than class probabilities, and fewer than two members.
    pub fn new(rows: &Block<'a>, limit: usize, seed: u64) -> Result<Self, AcquisitionError> {
        Acquisition::BatchBald.check_block(rows)?;
        let members = vec![1.0 / rows.members() as f64; rows.members()];
        let stream = Stream::new(seed, Use::Label);
        Ok(Self { rows: *rows, limit: limit.max(1), stream, weights: vec![1.0], members, is_drawn: false })
    }

    /// Whether configurations are drawn by now, and gains estimates.
    #[must_use]
    pub const fn is_estimate(&self) -> bool {
        self.is_drawn
    }

    /// Computes what the label of a row adds, in nats; NaN where no member has a prediction. For an empty batch it is
    /// [`Acquisition::Bald`].
    #[must_use]
    pub fn gain(&self, row: usize) -> f64 {
        let classes = self.rows.kind().width();
        let Some(table) = self.table(row) else { return f64::NAN };
        let within: f64 = table.chunks_exact(classes).map(entropy).sum();
        let mut mixture = vec![0.0; classes];
        let mut total = 0.0;
        for (weight, members) in self.weights.iter().zip(self.members.chunks_exact(self.rows.members())) {
            mix(&table, members, &mut mixture);
            total += weight * mixture.iter().map(|p| entropy_term(*p)).sum::<f64>();
        }
        (total - within / self.rows.members() as f64).max(0.0)
    }

    /// Adds a row to the batch.
    pub fn add(&mut self, row: usize) {
        let classes = self.rows.kind().width();
        let Some(table) = self.table(row) else { return };
        if !self.is_drawn && self.weights.len() * classes > self.limit {
            self.draw_configurations();
        }
        if self.is_drawn { self.extend_by_chance(&table) } else { self.extend_by_all(&table) }
    }

    /// The members' probabilities for a row, members × classes, with the others' mean for those that lack it.
    fn table(&self, row: usize) -> Option<Vec<f64>> {
        let classes = self.rows.kind().width();
        let mut mean = vec![0.0; classes];
        if consensus(self.rows.present(row), &mut mean) == 0 {
            return None;
        }
        let mut table = Vec::with_capacity(self.rows.members() * classes);
        for member in 0..self.rows.members() {
            table.extend_from_slice(self.rows.row(member, row).unwrap_or(&mean));
        }
        Some(table)
    }

    /// Lets every configuration go on with every label.
    fn extend_by_all(&mut self, table: &[f64]) {
        let (classes, count) = (self.rows.kind().width(), self.rows.members());
        let (weights, members) = (std::mem::take(&mut self.weights), std::mem::take(&mut self.members));
        for (weight, members) in weights.iter().zip(members.chunks_exact(count)) {
            for class in 0..classes {
                let first = self.members.len();
                let likelihoods = table.iter().skip(class).step_by(classes);
                self.members.extend(members.iter().zip(likelihoods).map(|(member, p)| member * p));
                let likelihood = normalise(&mut self.members[first..]);
                self.weights.push(weight * likelihood);
            }
        }
    }

    /// Lets every configuration go on with one label, drawn from what it predicts.
    fn extend_by_chance(&mut self, table: &[f64]) {
        let (classes, count) = (self.rows.kind().width(), self.rows.members());
        let mut mixture = vec![0.0; classes];
        for members in self.members.chunks_exact_mut(count) {
            mix(table, members, &mut mixture);
            let label = self.stream.weighted(&mixture).unwrap_or(0);
            for (member, p) in members.iter_mut().zip(table.iter().skip(label).step_by(classes)) {
                *member *= p;
            }
            normalise(members);
        }
    }

    /// Draws as many configurations as may be kept, in proportion to their weights: systematically, so that each is
    /// there as often as its weight says, but for rounding.
    fn draw_configurations(&mut self) {
        let count = self.rows.members();
        let offset = self.stream.unit();
        let total: f64 = self.weights.iter().sum();
        let mut members = Vec::with_capacity(self.limit * count);
        let (mut at, mut sum) = (0, self.weights[0]);
        for draw in 0..self.limit {
            let target = (draw as f64 + offset) / self.limit as f64 * total;
            while sum <= target && at + 1 < self.weights.len() {
                at += 1;
                sum += self.weights[at];
            }
            members.extend_from_slice(&self.members[at * count..(at + 1) * count]);
        }
        self.members = members;
        self.weights = vec![1.0 / self.limit as f64; self.limit];
        self.is_drawn = true;
    }
}

/// Writes the mean of members' rows under their probabilities.
fn mix(table: &[f64], members: &[f64], mixture: &mut [f64]) {
    mixture.fill(0.0);
    for (member, row) in members.iter().zip(table.chunks_exact(mixture.len())) {
        for (sum, p) in mixture.iter_mut().zip(row) {
            *sum += member * p;
        }
    }
}

/// Divides by the sum, if there is any, and returns it.
fn normalise(values: &mut [f64]) -> f64 {
    let sum: f64 = values.iter().sum();
    if sum > 0.0 {
        values.iter_mut().for_each(|value| *value /= sum);
    }
    sum
}

/// Rows whose gains are computed at once.
const CHUNK: usize = 64;

/// Fills the basket with the rows of the highest gains, one by one, the first of several; gains are beyond what is taken.
///
/// A gain never grows with the batch, so a row whose earlier gain is below the best one of now need not be looked at.
/// With drawn configurations this holds but for their scatter.
pub(super) fn batch_bald(mut batch: BatchBald<'_>, basket: &mut Basket<'_>) {
    for taken in basket.taken() {
        batch.add(taken.row);
    }
    let mut gains: Vec<f64> = (0..batch.rows.rows()).into_par_iter().map(|row| batch.gain(row)).collect();
    let mut known = vec![0; gains.len()];
    let mut step = 0;
    while basket.wants() > 0 {
        let Some(row) = best(&batch, basket, &mut gains, &mut known, step) else { return };
        if basket.offer(row, gains[row]) && basket.wants() > 0 {
            batch.add(row);
            step += 1;
        }
    }
}

/// The open row with the highest gain at a step; `known` has the step at which each row's gain was computed.
fn best(batch: &BatchBald<'_>, basket: &Basket<'_>, gains: &mut [f64], known: &mut [usize], step: usize) -> Option<usize> {
    let mut order: Vec<usize> = (0..gains.len()).filter(|row| basket.is_open(*row) && !gains[*row].is_nan()).collect();
    order.sort_by(|a, b| gains[*b].total_cmp(&gains[*a]));
    let mut best: Option<usize> = None;
    for rows in order.chunks(CHUNK) {
        if best.is_some_and(|best| gains[rows[0]] < gains[best]) {
            break;
        }
        let fresh: Vec<f64> =
            rows.par_iter().map(|row| if known[*row] == step { gains[*row] } else { batch.gain(*row) }).collect();
        for (row, gain) in rows.iter().zip(fresh) {
            (gains[*row], known[*row]) = (gain, step);
            let is_better = best.is_none_or(|best| (gain, best) > (gains[best], *row));
            best = if is_better { Some(*row) } else { best };
        }
    }
    best
}

#[cfg(test)]
#[path = "batch_bald_tests.rs"]
mod tests;
