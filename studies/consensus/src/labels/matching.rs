//! Which region of one annotator is which of the other: the assignment with the largest sum of IoU.
//!
//! Taking the best pair first, as detection scores do, can cost a match: with A1–B1 0.6, A1–B2 0.55 and A2–B1 0.55 it
//! leaves A2 and B2 alone, where the best assignment matches all four. An agreement should not be lower than it is, so
//! the assignment is exact (Kuhn 1955, by shortest augmenting paths), found within groups of regions that overlap each
//! other: an image with many boxes costs hardly more than its overlaps.

use serde::{Deserialize, Serialize};

use super::regions::Region;

/// Two regions that are the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// Place in the first list.
    pub first: usize,
    /// Place in the second list.
    pub second: usize,
    /// Their intersection over union.
    pub iou: f64,
}

/// Matches two annotators' regions of one item, in the order of the first list.
///
/// Only regions of the same class whose IoU is at least `least_iou` can match, each with one at most; the sum of IoU is
/// the largest possible.
pub fn match_regions<R: Region>(first: &[R], second: &[R], least_iou: f64) -> Vec<Match> {
    let mut candidates = Vec::new();
    for (a, region) in first.iter().enumerate() {
        for (b, other) in second.iter().enumerate().filter(|(_, other)| other.class() == region.class()) {
            let iou = region.iou(other);
            if iou > 0.0 && iou >= least_iou {
                candidates.push(Match { first: a, second: b, iou });
            }
        }
    }
    let mut groups = Groups::new(first.len() + second.len());
    candidates.iter().for_each(|pair| groups.join(pair.first, first.len() + pair.second));
    candidates.sort_by_key(|pair| (groups.of(pair.first), pair.first, pair.second));
    let mut matches = Vec::new();
    for group in candidates.chunk_by(|a, b| groups.of(a.first) == groups.of(b.first)) {
        match group {
            [pair] => matches.push(*pair),
            _ => matches.extend(assign(group)),
        }
    }
    matches.sort_by_key(|pair| pair.first);
    matches
}

/// Sets of things that belong together, each named by one of them.
pub struct Groups(Vec<usize>);

impl Groups {
    pub fn new(size: usize) -> Self {
        Self((0..size).collect())
    }

    pub fn of(&self, mut thing: usize) -> usize {
        while self.0[thing] != thing {
            thing = self.0[thing];
        }
        thing
    }

    pub fn join(&mut self, first: usize, second: usize) {
        let (first, second) = (self.of(first), self.of(second));
        self.0[first.max(second)] = first.min(second);
    }
}

/// The best of the candidates that do not share a region.
fn assign(candidates: &[Match]) -> Vec<Match> {
    let places = |of: fn(&Match) -> usize| {
        let mut places: Vec<usize> = candidates.iter().map(of).collect();
        places.sort_unstable();
        places.dedup();
        places
    };
    let (firsts, seconds) = (places(|pair| pair.first), places(|pair| pair.second));
    // Columns of their own let every row stay alone.
    let (rows, columns) = (firsts.len(), seconds.len() + firsts.len());
    let mut costs = vec![vec![0.0; columns]; rows];
    for pair in candidates {
        let (row, column) = (firsts.partition_point(|&at| at < pair.first), seconds.partition_point(|&at| at < pair.second));
        costs[row][column] = -pair.iou;
    }
    let chosen = cheapest(&costs);
    let is_chosen =
        |pair: &&Match| chosen[firsts.partition_point(|&at| at < pair.first)] == seconds.partition_point(|&at| at < pair.second);
    candidates.iter().filter(is_chosen).copied().collect()
}

/// Returns a column for each row, all different, with the smallest sum of costs; there are at least as many columns.
///
/// Rows are added one by one along the cheapest path of exchanges; `row_price` and `column_price` keep all reduced costs
/// from falling below 0.
fn cheapest(costs: &[Vec<f64>]) -> Vec<usize> {
    let (rows, columns) = (costs.len(), costs.first().map_or(0, Vec::len));
    let (mut row_price, mut column_price) = (vec![0.0; rows], vec![0.0; columns]);
    let mut owner: Vec<Option<usize>> = vec![None; columns];
    for start in 0..rows {
        let mut distance = vec![f64::INFINITY; columns];
        let mut before: Vec<Option<usize>> = vec![None; columns];
        let mut is_done = vec![false; columns];
        let (mut row, mut reached, mut from) = (start, 0.0, None);
        let end = loop {
            for column in (0..columns).filter(|&column| !is_done[column]) {
                let length = reached + costs[row][column] - row_price[row] - column_price[column];
                if length < distance[column] {
                    (distance[column], before[column]) = (length, from);
                }
            }
            let open = (0..columns).filter(|&column| !is_done[column]);
            let nearest = open.min_by(|&a, &b| distance[a].total_cmp(&distance[b])).expect("more columns than rows");
            (reached, is_done[nearest], from) = (distance[nearest], true, Some(nearest));
            match owner[nearest] {
                Some(next) => row = next,
                None => break nearest,
            }
        };
        row_price[start] += reached;
        for column in (0..columns).filter(|&column| is_done[column]) {
            let change = reached - distance[column];
            column_price[column] -= change;
            if let Some(row) = owner[column] {
                row_price[row] += change;
            }
        }
        exchange(&mut owner, &before, end, start);
    }
    let mut chosen = vec![0; rows];
    owner.iter().enumerate().for_each(|(column, row)| {
        if let Some(row) = row {
            chosen[*row] = column
        }
    });
    chosen
}

/// Hands columns along a path, from its end to the row that started it.
fn exchange(owner: &mut [Option<usize>], before: &[Option<usize>], end: usize, start: usize) {
    let mut column = end;
    while let Some(previous) = before[column] {
        owner[column] = owner[previous];
        column = previous;
    }
    owner[column] = Some(start);
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
