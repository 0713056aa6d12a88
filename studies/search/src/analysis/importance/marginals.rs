//! What a forest says about one or two parameters once all others are averaged out over their ranges.
//!
//! A leaf adds its value over its own cells, weighted by its size in all other parameters (Hutter et al. 2014,
//! theorem 3). Trees are averaged before variances are taken: noise differs from tree to tree and mostly cancels.

use super::forest::Leaf;
use crate::analysis::cells::Cells;

/// Side length of the grids over pairs; a marginal has the full resolution of cells.
const COARSE: usize = 16;

/// Averages over trees, features in the order of their columns.
pub(super) struct Marginals {
    /// `[feature][cell]`: mean loss with the feature in this cell.
    curves: Vec<Vec<f64>>,
    /// `[pair]`: mean loss over [`COARSE`] by [`COARSE`] fields.
    grids: Vec<Vec<f64>>,
    mean: f64,
}

/// Returns the variance that each feature explains alone, and each of `pairs` beyond its two features.
pub(super) fn variances(forest: &[Vec<Leaf>], cells: &[&Cells], pairs: &[(usize, usize)]) -> (Vec<f64>, Vec<f64>) {
    let mut marginals = Marginals::new(cells, pairs.len());
    let fields: Vec<Fields> = cells.iter().map(|cells| Fields::new(cells)).collect();
    for leaf in forest.iter().flatten() {
        marginals.add(leaf, cells, &fields, pairs);
    }
    marginals.scale(1.0 / forest.len().max(1) as f64);
    let alone = (0..cells.len()).map(|feature| marginals.variance(feature, cells[feature])).collect();
    let beyond = |(grid, pair): (&Vec<f64>, &(usize, usize))| marginals.beyond(grid, *pair, &fields);
    (alone, marginals.grids.iter().zip(pairs).map(beyond).collect())
}

impl Marginals {
    fn new(cells: &[&Cells], pairs: usize) -> Self {
        let curves = cells.iter().map(|cells| vec![0.0; cells.len()]).collect();
        Self { curves, grids: vec![vec![0.0; COARSE * COARSE]; pairs], mean: 0.0 }
    }

    fn add(&mut self, leaf: &Leaf, cells: &[&Cells], fields: &[Fields], pairs: &[(usize, usize)]) {
        let sizes: Vec<f64> = leaf.sides.iter().zip(cells).map(|(&side, cells)| size(side, cells)).collect();
        let others = |without: &[usize]| {
            let kept = sizes.iter().enumerate().filter(|(feature, _)| !without.contains(feature));
            leaf.value * kept.map(|(_, size)| size).product::<f64>()
        };
        self.mean += others(&[]);
        for (feature, curve) in self.curves.iter_mut().enumerate() {
            let value = others(&[feature]);
            members(leaf.sides[feature]).for_each(|cell| curve[cell] += value);
        }
        for (grid, &(a, b)) in self.grids.iter_mut().zip(pairs) {
            let value = others(&[a, b]);
            let (rows, columns) = (fields[a].covered(leaf.sides[a], cells[a]), fields[b].covered(leaf.sides[b], cells[b]));
            for (row, covered) in grid.chunks_exact_mut(COARSE).zip(rows).filter(|(_, covered)| *covered > 0.0) {
                row.iter_mut().zip(&columns).for_each(|(field, column)| *field += value * covered * column);
            }
        }
    }

    fn scale(&mut self, factor: f64) {
        self.mean *= factor;
        self.curves.iter_mut().chain(&mut self.grids).flatten().for_each(|value| *value *= factor);
    }

    fn variance(&self, feature: usize, cells: &Cells) -> f64 {
        let square = |value: &f64| (value - self.mean) * (value - self.mean);
        self.curves[feature].iter().zip(&cells.shares).map(|(value, share)| share * square(value)).sum()
    }

    /// Variance over the fields of a pair of what neither feature explains alone.
    fn beyond(&self, grid: &[f64], (a, b): (usize, usize), fields: &[Fields]) -> f64 {
        let (of_a, of_b) = (fields[a].averages(&self.curves[a]), fields[b].averages(&self.curves[b]));
        let mut sum = 0.0;
        for (row, values) in grid.chunks_exact(COARSE).enumerate() {
            for (column, value) in values.iter().enumerate() {
                let rest = value - of_a[row] - of_b[column] + self.mean;
                sum += fields[a].shares[row] * fields[b].shares[column] * rest * rest;
            }
        }
        sum
    }
}

/// Cells gathered into at most [`COARSE`] fields.
struct Fields {
    of_cell: Vec<usize>,
    /// Share of each cell within its field.
    within: Vec<f64>,
    shares: Vec<f64>,
}

impl Fields {
    fn new(cells: &Cells) -> Self {
        let count = cells.len().min(COARSE);
        let of_cell: Vec<usize> = (0..cells.len()).map(|cell| cell * count / cells.len()).collect();
        let mut shares = vec![0.0; COARSE];
        of_cell.iter().zip(&cells.shares).for_each(|(&field, share)| shares[field] += share);
        let within = of_cell.iter().zip(&cells.shares).map(|(&field, share)| share / shares[field]).collect();
        Self { of_cell, within, shares }
    }

    /// Returns which part of each field a set of cells covers.
    fn covered(&self, side: u64, cells: &Cells) -> [f64; COARSE] {
        let mut covered = [0.0; COARSE];
        members(side & cells.all()).for_each(|cell| covered[self.of_cell[cell]] += self.within[cell]);
        covered
    }

    fn averages(&self, curve: &[f64]) -> [f64; COARSE] {
        let mut averages = [0.0; COARSE];
        for (cell, value) in curve.iter().enumerate() {
            averages[self.of_cell[cell]] += self.within[cell] * value;
        }
        averages
    }
}

/// Iterates over the cells of a set.
fn members(side: u64) -> impl Iterator<Item = usize> {
    let next = |&set: &u64| Some(set & (set - 1)).filter(|&rest| rest != 0);
    std::iter::successors(Some(side).filter(|&set| set != 0), next).map(|set| set.trailing_zeros() as usize)
}

fn size(side: u64, cells: &Cells) -> f64 {
    members(side).map(|cell| cells.shares[cell]).sum()
}
