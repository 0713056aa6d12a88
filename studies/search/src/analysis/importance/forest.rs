//! A random forest over cells: bootstrap, a random choice of parameters per split, leaves as boxes.
//!
//! A box is one set of cells per parameter, a word each; ordered parameters are cut in two, options into two sets by
//! their mean loss (Breiman et al. 1984). Draws are keyed by seed and tree, so a forest can be grown again.

use crate::analysis::cells::{Cells, MOST_CELLS};
use crate::draw::{Draw, Use};

/// A leaf holds at least so many trials, counted with repetition.
const SMALLEST_LEAF: usize = 3;

/// A cut lowers the squared error of standardised losses by at least this much.
const LEAST_GAIN: f64 = 1e-9;

/// What trees are grown from: `columns[feature][row]`, without absences. Losses have mean 0 and variance 1.
pub(super) struct Sample<'a> {
    pub(super) cells: &'a [&'a Cells],
    pub(super) columns: &'a [Vec<u8>],
    pub(super) losses: &'a [f64],
}

/// A part of the space in which a tree answers the same.
pub(super) struct Leaf {
    /// Mean loss.
    pub(super) value: f64,
    /// `[feature]`, the set of cells.
    pub(super) sides: Vec<u64>,
}

/// Grows one tree and returns its leaves, which cover the space without overlap.
pub(super) fn grow(sample: &Sample<'_>, seed: u64, tree: u32) -> Vec<Leaf> {
    let count = sample.losses.len();
    let mut draw = Draw::new(seed, tree, "analysis: forest", Use::Order);
    let mut rows: Vec<u32> = (0..count).map(|_| below(&mut draw, count) as u32).collect();
    let sides = sample.cells.iter().map(|cells| cells.all()).collect();
    let mut growth = Growth { sample, draw, leaves: Vec::new(), features: (0..sample.cells.len()).collect() };
    growth.split(&mut rows, sides);
    growth.leaves
}

pub(super) fn below(draw: &mut Draw, count: usize) -> usize {
    ((draw.unit() * count as f64) as usize).min(count - 1)
}

struct Growth<'a> {
    sample: &'a Sample<'a>,
    draw: Draw,
    leaves: Vec<Leaf>,
    features: Vec<usize>,
}

/// The best way found to part a node.
struct Cut {
    feature: usize,
    gain: f64,
    /// Cells of the first part.
    first: u64,
}

impl Growth<'_> {
    fn split(&mut self, rows: &mut [u32], sides: Vec<u64>) {
        let Some(cut) = self.best_cut(rows, &sides) else {
            let sum: f64 = rows.iter().map(|&row| self.sample.losses[row as usize]).sum();
            return self.leaves.push(Leaf { value: sum / rows.len() as f64, sides });
        };
        let column = &self.sample.columns[cut.feature];
        let (first, second) = part(rows, |row| cut.first >> column[row as usize] & 1 == 1);
        let mut inside = sides.clone();
        inside[cut.feature] &= cut.first;
        self.split(first, inside);
        let mut outside = sides;
        outside[cut.feature] &= !cut.first;
        self.split(second, outside);
    }

    /// Looks for a cut among two thirds of the features, and among the others if none of these has one.
    fn best_cut(&mut self, rows: &[u32], sides: &[u64]) -> Option<Cut> {
        if rows.len() < 2 * SMALLEST_LEAF {
            return None;
        }
        let count = self.features.len();
        let wanted = (2 * count).div_ceil(3);
        let mut best: Option<Cut> = None;
        for place in 0..count {
            if place >= wanted && best.is_some() {
                break;
            }
            let other = place + below(&mut self.draw, count - place);
            self.features.swap(place, other);
            let cut = self.cut(self.features[place], rows, sides);
            if let Some(cut) = cut
                && best.as_ref().is_none_or(|best| cut.gain > best.gain)
            {
                best = Some(cut);
            }
        }
        best
    }

    fn cut(&mut self, feature: usize, rows: &[u32], sides: &[u64]) -> Option<Cut> {
        let cells = self.sample.cells[feature];
        let mut totals = Totals::new(&self.sample.columns[feature], self.sample.losses, rows);
        if !cells.is_ordered() {
            totals.order_by_mean();
        }
        let (place, gain) = totals.best_place()?;
        let first = if cells.is_ordered() {
            let (last, next) = (totals.filled[place].cell, totals.filled[place + 1].cell);
            // Anywhere in the gap is as good: at random, the forest as a whole has no preferred edge.
            let edge = last as usize + 1 + below(&mut self.draw, next as usize - last as usize);
            sides[feature] & (u64::MAX >> (MOST_CELLS - edge))
        } else {
            self.options(&totals.filled[..=place], &totals.filled[place + 1..], sides[feature])
        };
        Some(Cut { feature, gain, first })
    }

    /// Puts options without trials here on either side by chance.
    fn options(&mut self, first: &[Total], second: &[Total], side: u64) -> u64 {
        let set = |totals: &[Total]| totals.iter().fold(0, |set, total| set | 1_u64 << total.cell);
        let (first, second) = (set(first), set(second));
        let free = side & !first & !second;
        first | if free == 0 { 0 } else { free & self.draw.bits() }
    }
}

/// Moves rows for which `is_first` to the front, keeping no order.
fn part(rows: &mut [u32], is_first: impl Fn(u32) -> bool) -> (&mut [u32], &mut [u32]) {
    let mut count = 0;
    for place in 0..rows.len() {
        if is_first(rows[place]) {
            rows.swap(place, count);
            count += 1;
        }
    }
    rows.split_at_mut(count)
}

/// Trials of a node in one cell.
#[derive(Clone, Copy, Debug, Default)]
struct Total {
    cell: u8,
    count: usize,
    sum: f64,
}

/// A node's trials by cell of one feature, empty cells left out.
struct Totals {
    filled: Vec<Total>,
    count: usize,
    sum: f64,
}

impl Totals {
    fn new(column: &[u8], losses: &[f64], rows: &[u32]) -> Self {
        let mut totals = [Total::default(); MOST_CELLS];
        for &row in rows {
            let total = &mut totals[usize::from(column[row as usize])];
            total.count += 1;
            total.sum += losses[row as usize];
        }
        let numbered = totals.into_iter().zip(0..).map(|(total, cell)| Total { cell, ..total });
        let filled: Vec<Total> = numbered.filter(|total| total.count > 0).collect();
        let sum = filled.iter().map(|total| total.sum).sum();
        Self { filled, count: rows.len(), sum }
    }

    fn order_by_mean(&mut self) {
        let mean = |total: &Total| total.sum / total.count as f64;
        self.filled.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then(a.cell.cmp(&b.cell)));
    }

    /// Returns the last total of the first part and by how much the squared error falls, if it falls at all.
    fn best_place(&self) -> Option<(usize, f64)> {
        let whole = self.sum * self.sum / self.count as f64;
        let (mut count, mut sum) = (0, 0.0);
        let mut best: Option<(usize, f64)> = None;
        for (place, total) in self.filled.iter().enumerate() {
            count += total.count;
            sum += total.sum;
            let (rest, rest_sum) = (self.count - count, self.sum - sum);
            if count < SMALLEST_LEAF || rest < SMALLEST_LEAF {
                continue;
            }
            let gain = sum * sum / count as f64 + rest_sum * rest_sum / rest as f64 - whole;
            if gain > LEAST_GAIN && best.is_none_or(|(_, most)| gain > most) {
                best = Some((place, gain));
            }
        }
        best
    }
}
