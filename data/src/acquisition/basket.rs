//! What a batch may still take: the one place that knows of duplicates, costs, classes and counts.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;

use super::Space;
use crate::Hash;

/// The rows of a batch, and which others may join them.
pub(super) struct Basket<'a> {
    taken: Vec<Taken>,
    /// How many rows [`Basket::taken`] may have by now.
    wanted: usize,
    closed: Vec<bool>,
    /// Rows with one content; `None` where a row has one of its own.
    twins: Vec<Option<Rc<[usize]>>>,
    costs: Option<&'a [f64]>,
    left: f64,
    near: Option<&'a Near<'a>>,
    classes: Option<Classes>,
    refused: Refused,
}

/// A row of a batch and the score that it was taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Taken {
    pub row: usize,
    pub score: f64,
}

/// How many rows a batch did not take, and why.
///
/// Near duplicates are counted when it is their turn, so only those that would have been chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Rows for which no member has a prediction.
    pub unpredicted: usize,
    /// Rows with the content of a labelled or a chosen one.
    pub duplicates: usize,
    /// Rows with an embedding near to that of a labelled or a chosen one.
    pub near_duplicates: usize,
    /// Rows that cost more than was left of the budget in the end.
    pub too_dear: usize,
}

/// When rows are too near to each other.
pub(super) struct Near<'a> {
    pub space: Space<'a>,
    pub labelled: Option<Space<'a>>,
    /// The squared distance at or below which one is a duplicate of the other.
    pub squared: f64,
}

impl Near<'_> {
    /// Whether a row is near to another.
    pub(super) fn are_near(&self, row: usize, other: usize) -> bool {
        self.space.squared(row, &self.space, other) <= self.squared
    }

    fn is_near_labelled(&self, row: usize) -> bool {
        let Some(labelled) = &self.labelled else { return false };
        (0..labelled.rows()).any(|other| self.space.squared(row, labelled, other) <= self.squared)
    }
}

/// A batch that takes from each predicted class in turn.
struct Classes {
    of: Vec<usize>,
    open: Vec<usize>,
    taken: Vec<usize>,
    /// What the class with fewest rows has had, of those with rows left.
    least: usize,
}

impl Classes {
    fn count(&mut self) {
        let waiting = self.open.iter().zip(&self.taken).filter(|(open, _)| **open > 0);
        self.least = waiting.map(|(_, taken)| *taken).min().unwrap_or(0);
    }
}

impl<'a> Basket<'a> {
    /// Opens a basket for so many rows, all of them open.
    pub(super) fn new(rows: usize) -> Self {
        Self {
            taken: Vec::new(),
            wanted: 0,
            closed: vec![false; rows],
            twins: Vec::new(),
            costs: None,
            left: f64::INFINITY,
            near: None,
            classes: None,
            refused: Refused::default(),
        }
    }

    /// Closes a row for which there is no prediction.
    pub(super) fn close_unpredicted(&mut self, row: usize) {
        self.refused.unpredicted += usize::from(self.close(row));
    }

    /// Takes one row of each content. Those with a content that is labelled are closed.
    pub(super) fn with_contents(&mut self, contents: &[Hash], labelled: &[Hash]) {
        let mut same: BTreeMap<Hash, Vec<usize>> = BTreeMap::new();
        for (row, content) in contents.iter().enumerate() {
            same.entry(*content).or_default().push(row);
        }
        for content in labelled {
            for row in same.remove(content).unwrap_or_default() {
                self.refused.duplicates += usize::from(self.close(row));
            }
        }
        self.twins = vec![None; contents.len()];
        for rows in same.into_values().filter(|rows| rows.len() > 1) {
            let rows: Rc<[usize]> = rows.into();
            for row in rows.iter() {
                self.twins[*row] = Some(Rc::clone(&rows));
            }
        }
    }

    /// Takes no more than a budget pays for.
    pub(super) fn with_budget(&mut self, costs: &'a [f64], budget: f64) {
        self.costs = Some(costs);
        // Sums of costs may be a rounding error above a budget that they just use up.
        self.left = budget * (1.0 + 1e-12);
        self.close_too_dear(costs);
    }

    fn close_too_dear(&mut self, costs: &[f64]) {
        for (row, cost) in costs.iter().enumerate() {
            if *cost > self.left {
                self.refused.too_dear += usize::from(self.close(row));
            }
        }
    }

    /// From now on takes no row that is near to a labelled one or one of the batch.
    pub(super) fn with_near(&mut self, near: &'a Near<'a>) {
        self.near = Some(near);
    }

    /// From now on takes from each class in turn; closes rows without one.
    pub(super) fn with_classes(&mut self, of: Vec<Option<usize>>, classes: usize) {
        let mut balance = Classes { of: vec![0; of.len()], open: vec![0; classes], taken: vec![0; classes], least: 0 };
        for (row, class) in of.into_iter().enumerate() {
            match class {
                None => self.closed[row] = true,
                Some(class) => {
                    balance.of[row] = class;
                    balance.open[class] += usize::from(!self.closed[row]);
                }
            }
        }
        self.classes = Some(balance);
    }

    /// Closes a row for good; says whether it was open.
    pub(super) fn close(&mut self, row: usize) -> bool {
        if self.closed[row] {
            return false;
        }
        self.closed[row] = true;
        if let Some(classes) = &mut self.classes {
            classes.open[classes.of[row]] -= 1;
            classes.count();
        }
        true
    }

    /// Wants so many rows more than it has.
    pub(super) fn want(&mut self, more: usize) {
        self.wanted = self.taken.len() + more;
    }

    /// How many rows it still wants.
    pub(super) fn wants(&self) -> usize {
        self.wanted - self.taken.len()
    }

    /// The rows of the batch, in the order of taking.
    pub(super) fn taken(&self) -> &[Taken] {
        &self.taken
    }

    /// What was refused when it was offered.
    pub(super) fn refused(&self) -> Refused {
        self.refused
    }

    /// Whether a row may ever be taken, as far as is known.
    pub(super) fn may_take(&self, row: usize) -> bool {
        !self.closed[row]
    }

    /// The class whose turn a row would take; 0 where all classes are alike.
    pub(super) fn class(&self, row: usize) -> usize {
        self.classes.as_ref().map_or(0, |classes| classes.of[row])
    }

    /// The number of classes that take turns; one where all are alike.
    pub(super) fn classes(&self) -> usize {
        self.classes.as_ref().map_or(1, |classes| classes.open.len())
    }

    /// Whether a row may be taken next: it is not closed, and its class has not had more than another that has rows left.
    pub(super) fn is_open(&self, row: usize) -> bool {
        !self.closed[row] && self.is_turn(self.class(row))
    }

    /// Whether no other class with rows left has had less.
    pub(super) fn is_turn(&self, class: usize) -> bool {
        self.classes.as_ref().is_none_or(|classes| classes.taken[class] <= classes.least)
    }

    /// Takes a row, or closes it because it is a near duplicate; says which.
    pub(super) fn offer(&mut self, row: usize, score: f64) -> bool {
        if self.is_near_duplicate(row) {
            self.refused.near_duplicates += 1;
            self.close(row);
            return false;
        }
        self.take(row, score);
        true
    }

    /// Whether a labelled row or one of the batch is near.
    fn is_near_duplicate(&self, row: usize) -> bool {
        self.near.is_some_and(|near| self.taken.iter().any(|taken| near.are_near(row, taken.row)) || near.is_near_labelled(row))
    }

    fn take(&mut self, row: usize, score: f64) {
        self.taken.push(Taken { row, score });
        self.close(row);
        for twin in self.twins.get(row).cloned().flatten().iter().flat_map(|rows| rows.iter()) {
            self.refused.duplicates += usize::from(self.close(*twin));
        }
        if let Some(costs) = self.costs {
            self.left -= costs[row];
            self.close_too_dear(costs);
        }
        if let Some(classes) = &mut self.classes {
            classes.taken[classes.of[row]] += 1;
            classes.count();
        }
    }
}
