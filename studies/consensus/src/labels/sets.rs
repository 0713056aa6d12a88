//! Sets of classes: each class is voted on by itself.

use serde::{Deserialize, Serialize};

use crate::answers::{Answer, Answers};
use crate::error::{ConsensusError, check_known};

use super::mean_pairwise;

/// One annotator's set of classes for one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAnswer {
    /// Which item, from 0.
    pub item: u32,
    /// Who, from 0.
    pub annotator: u32,
    /// The classes that apply, in any order; may be none.
    pub classes: Vec<u32>,
}

/// How the annotators of one item have voted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetVote {
    /// How many annotators there are.
    pub answers: u32,
    /// How many have each class in their set.
    pub votes: Vec<u32>,
    /// Classes that more than half of them have, ascending.
    pub chosen: Vec<u32>,
    /// Classes that exactly half of them have, ascending.
    pub tied: Vec<u32>,
    /// The smallest majority of all classes: the share of annotators who are on the larger side; from 0.5 to 1.
    pub agreement: f64,
}

/// Votes on each class; `None` where nobody has answered.
///
/// # Errors
///
/// An unknown class.
pub fn vote<S: AsRef<[u32]>>(sets: &[S], classes: u32) -> Result<Option<SetVote>, ConsensusError> {
    let mut votes = vec![0; classes as usize];
    for set in sets {
        for class in distinct(set.as_ref()) {
            check_known("class", class, classes)?;
            votes[class as usize] += 1;
        }
    }
    if sets.is_empty() {
        return Ok(None);
    }
    let answers = sets.len() as u32;
    let those = |order| (0..classes).filter(|&class| (2 * votes[class as usize]).cmp(&answers) == order).collect();
    let (chosen, tied) = (those(std::cmp::Ordering::Greater), those(std::cmp::Ordering::Equal));
    let closest = votes.iter().map(|&count: &u32| count.max(answers - count)).min().unwrap_or(answers);
    let agreement = f64::from(closest) / f64::from(answers);
    Ok(Some(SetVote { answers, votes, chosen, tied, agreement }))
}

/// Returns the classes that both sets have over those that either has (Jaccard 1901); 1 for two empty sets.
pub fn jaccard(first: &[u32], second: &[u32]) -> f64 {
    let (first, second) = (distinct(first), distinct(second));
    let both = first.iter().filter(|class| second.binary_search(class).is_ok()).count();
    let either = first.len() + second.len() - both;
    if either == 0 { 1.0 } else { both as f64 / either as f64 }
}

/// Returns the mean [`jaccard`] of every two annotators of an item; `None` for fewer than two.
pub fn mean_jaccard<S: AsRef<[u32]>>(sets: &[S]) -> Option<f64> {
    mean_pairwise(sets, |first, second| jaccard(first.as_ref(), second.as_ref()))
}

/// Returns what the sets say of one class, as answers 1 (it applies) and 0: what votes, kappas, alpha and Dawid and
/// Skene's estimate take.
///
/// # Errors
///
/// As [`Answers::new`].
pub fn of_class(sets: &[SetAnswer], items: u32, annotators: u32, class: u32) -> Result<Answers, ConsensusError> {
    let answer = |set: &SetAnswer| {
        let has = u32::from(set.classes.contains(&class));
        Answer { item: set.item, annotator: set.annotator, class: has }
    };
    Answers::new(items, annotators, 2, sets.iter().map(answer).collect())
}

fn distinct(set: &[u32]) -> Vec<u32> {
    let mut classes = set.to_vec();
    classes.sort_unstable();
    classes.dedup();
    classes
}

#[cfg(test)]
#[path = "sets_tests.rs"]
mod tests;
