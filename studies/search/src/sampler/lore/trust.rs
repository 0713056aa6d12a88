//! Whether own trials come out in the order that another study lets expect.
//!
//! The other study's ranks, averaged over the nearest trials, are its prediction for a point. Pairs of own trials of
//! which it clearly expects one to be better speak for it or against it. Where it does not tell them apart they say
//! nothing, so that a search which stays in the region it praises does not count against it.

use super::place::Places;
use crate::analysis::pareto;
use crate::columns::{Columns, Outcome};
use crate::sampler::Direction;
use crate::sampler::standing;

/// Predicted ranks further apart than this, as a share of all ranks, are a clear word.
const CLEAR: f64 = 0.1;
/// Pairs that a study is credited with before there are any, and how many of them spoke for it.
const CREDIT: (f64, f64) = (8.0, 7.0);
/// Own trials beyond these change no trust.
const MOST_JUDGED: usize = 48;

/// Another study's predictions, and how they came out.
#[derive(Debug)]
pub(super) struct Trust {
    points: Vec<Vec<f64>>,
    /// Rank of each point as a share of all, 0 for the best.
    ranks: Vec<f64>,
    /// Own trials: losses, and what was predicted.
    judged: Vec<(Vec<f64>, f64)>,
    pairs: f64,
    right: f64,
}

impl Trust {
    /// `order` has the rows from best to worst.
    pub(super) fn new(places: &Places, columns: &Columns, order: &[usize]) -> Self {
        let point = |&row: &usize| places.point(|parameter| columns.param(parameter, row));
        let rank = |rank: usize| (rank as f64 + 0.5) / order.len() as f64;
        Self {
            points: order.iter().map(point).collect(),
            ranks: (0..order.len()).map(rank).collect(),
            judged: Vec::new(),
            pairs: 0.0,
            right: 0.0,
        }
    }

    /// Compares an own trial with those before.
    pub(super) fn learn(&mut self, places: &Places, columns: &Columns, row: usize, directions: &[Direction]) {
        let is_judged = columns.outcome[row] == Outcome::Complete && columns.violation(row) == 0.0;
        if !is_judged || self.judged.len() == MOST_JUDGED {
            return;
        }
        let Some(expected) = self.predict(places, &places.point(|parameter| columns.param(parameter, row))) else { return };
        let mut losses = Vec::new();
        standing::push_losses(&mut losses, columns, row, directions);
        for (other, expected_other) in self.judged.iter().filter(|(_, other)| (other - expected).abs() > CLEAR) {
            let (better, worse) = if expected < *expected_other { (&losses, other) } else { (other, &losses) };
            if pareto::dominates(better, worse) {
                self.pairs += 1.0;
                self.right += 1.0;
            } else if pareto::dominates(worse, better) {
                self.pairs += 1.0;
            }
        }
        self.judged.push((losses, expected));
    }

    /// Returns the mean rank of the nearest trials; `None` where nothing can be compared.
    fn predict(&self, places: &Places, point: &[f64]) -> Option<f64> {
        let distance = |(other, &rank): (&Vec<f64>, &f64)| Some((places.distance(point, other)?, rank));
        let mut near: Vec<(f64, f64)> = self.points.iter().zip(&self.ranks).filter_map(distance).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        near.truncate((self.points.len() as f64).sqrt().ceil() as usize);
        let count = near.len() as f64;
        (!near.is_empty()).then(|| near.iter().map(|(_, rank)| rank / count).sum())
    }

    /// Returns how far to believe the study: 1 if it is always right, 0 if it is no better than a coin.
    pub(super) fn share(&self) -> f64 {
        let (pairs, right) = CREDIT;
        (2.0 * (self.right + right) / (self.pairs + pairs) - 1.0).clamp(0.0, 1.0)
    }
}
