//! Answers of annotators to items, checked once and laid out by item.

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check_known};

/// One annotator's choice of a class for one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Answer {
    /// Which item, from 0.
    pub item: u32,
    /// Who, from 0.
    pub annotator: u32,
    /// Which class, from 0.
    pub class: u32,
}

/// An item whose class is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gold {
    /// Which item, from 0.
    pub item: u32,
    /// Its class, from 0.
    pub class: u32,
}

/// All answers, in the order of items and then of annotators, whatever order they were given in.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    annotators: u32,
    classes: u32,
    list: Vec<Answer>,
    /// Where each item's answers begin, and the end.
    starts: Vec<usize>,
}

impl Answers {
    /// Checks and sorts a list of answers; an annotator answers an item at most once.
    ///
    /// # Errors
    ///
    /// Fewer than 2 classes, an index that is not below its count, or a second answer of an annotator to an item.
    pub fn new(items: u32, annotators: u32, classes: u32, mut list: Vec<Answer>) -> Result<Self, ConsensusError> {
        if classes < 2 {
            return Err(ConsensusError::Classes(classes));
        }
        for answer in &list {
            check_known("item", answer.item, items)?;
            check_known("annotator", answer.annotator, annotators)?;
            check_known("class", answer.class, classes)?;
        }
        list.sort_unstable();
        let twice = list.windows(2).find(|pair| (pair[0].item, pair[0].annotator) == (pair[1].item, pair[1].annotator));
        if let Some(&[Answer { item, annotator, .. }, _]) = twice {
            return Err(ConsensusError::Twice { item, annotator });
        }
        let mut starts = vec![0; items as usize + 1];
        for answer in &list {
            starts[answer.item as usize + 1] += 1;
        }
        for item in 0..items as usize {
            starts[item + 1] += starts[item];
        }
        Ok(Self { annotators, classes, list, starts })
    }

    /// Returns how many items there are, answered or not.
    pub fn items(&self) -> u32 {
        (self.starts.len() - 1) as u32
    }

    /// Returns how many annotators there are.
    pub fn annotators(&self) -> u32 {
        self.annotators
    }

    /// Returns how many classes there are.
    pub fn classes(&self) -> u32 {
        self.classes
    }

    /// Returns all answers, by item and then by annotator.
    pub fn list(&self) -> &[Answer] {
        &self.list
    }

    /// Returns an item's answers, by annotator.
    pub fn of(&self, item: u32) -> &[Answer] {
        &self.list[self.starts[item as usize]..self.starts[item as usize + 1]]
    }

    /// Returns each item's answers, in the order of items.
    pub fn by_item(&self) -> impl Iterator<Item = &[Answer]> {
        self.starts.windows(2).map(|bounds| &self.list[bounds[0]..bounds[1]])
    }

    /// Returns how many answers each annotator gave.
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.annotators as usize];
        for answer in &self.list {
            counts[answer.annotator as usize] += 1;
        }
        counts
    }

    /// Returns the classes given to each item as numbers, as [`alpha`](crate::agreement::alpha) takes them.
    pub fn units(&self) -> Vec<Vec<f64>> {
        self.by_item().map(|answers| answers.iter().map(|answer| f64::from(answer.class)).collect()).collect()
    }

    /// Returns the class of each item that is known, laid out by item.
    ///
    /// # Errors
    ///
    /// An item or class that is not below its count.
    pub(crate) fn lay_out(&self, gold: &[Gold]) -> Result<Vec<Option<u32>>, ConsensusError> {
        let mut known = vec![None; self.items() as usize];
        for truth in gold {
            check_known("item", truth.item, self.items())?;
            check_known("class", truth.class, self.classes)?;
            known[truth.item as usize] = Some(truth.class);
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(item: u32, annotator: u32, class: u32) -> Answer {
        Answer { item, annotator, class }
    }

    #[test]
    fn answers_lie_by_item_whatever_order_they_come_in() {
        let list = vec![answer(2, 0, 1), answer(0, 1, 0), answer(2, 1, 0), answer(0, 0, 1)];
        let answers = Answers::new(4, 2, 2, list.clone()).expect("answers");
        let reversed = Answers::new(4, 2, 2, list.into_iter().rev().collect()).expect("answers");
        assert_eq!(answers, reversed);
        assert_eq!(answers.of(0), [answer(0, 0, 1), answer(0, 1, 0)]);
        assert_eq!(answers.by_item().map(<[Answer]>::len).collect::<Vec<_>>(), [2, 0, 2, 0]);
        assert_eq!(answers.counts(), [2, 2]);
        assert_eq!(answers.units()[2], [1.0, 0.0]);
    }

    #[test]
    fn mistakes_are_named() {
        let message = |result: Result<Answers, ConsensusError>| result.expect_err("a mistake").to_string();
        assert_eq!(message(Answers::new(1, 1, 1, vec![])), "there must be at least 2 classes, not `1`");
        let unknown = message(Answers::new(1, 1, 2, vec![answer(0, 0, 2)]));
        assert_eq!(unknown, "class `2` is unknown: there are `2`, counted from 0");
        let twice = message(Answers::new(1, 4, 2, vec![answer(0, 3, 1), answer(0, 3, 0)]));
        assert_eq!(twice, "annotator `3` has two answers to item `0`: leave out the older one");
    }
}
