//! Kappas: agreement of two annotators (Cohen 1960, 1968), or of many with equal overlap (Fleiss 1971).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::error::{ConsensusError, check_known};

/// What a disagreement weighs, by the distance of the two classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// Every disagreement the same.
    #[default]
    Equal,
    /// The distance.
    Linear,
    /// The distance squared.
    Quadratic,
}

impl Weighting {
    fn weight(self, first: usize, second: usize) -> f64 {
        let distance = first.abs_diff(second) as f64;
        match self {
            Self::Equal => f64::from(first != second),
            Self::Linear => distance,
            Self::Quadratic => distance * distance,
        }
    }
}

/// Returns Cohen's kappa of two annotators' classes for the same items, in the same order.
///
/// Costs items + classes, or items + classes² with a weighting.
///
/// # Errors
///
/// Lists of different lengths, or an unknown class.
pub fn cohen_kappa(first: &[u32], second: &[u32], classes: u32, weighting: Weighting) -> Result<Option<f64>, ConsensusError> {
    if first.len() != second.len() {
        return Err(ConsensusError::Length { what: "second", given: second.len(), needed: first.len() });
    }
    first.iter().chain(second).try_for_each(|&class| check_known("class", class, classes))?;
    let count = |list: &[u32]| {
        let mut counts = vec![0.0; classes as usize];
        list.iter().for_each(|&class| counts[class as usize] += 1.0);
        counts
    };
    let total = first.len() as f64;
    let pairs = first.iter().zip(second);
    let observed: f64 = pairs.map(|(&a, &b)| weighting.weight(a as usize, b as usize)).sum();
    let by_chance = by_chance(&count(first), &count(second), weighting);
    Ok((by_chance > 0.0).then(|| 1.0 - observed * total / by_chance))
}

/// The disagreement of all answers of one with all of the other.
fn by_chance(first: &[f64], second: &[f64], weighting: Weighting) -> f64 {
    if weighting == Weighting::Equal {
        let agreeing: f64 = first.iter().zip(second).map(|(a, b)| a * b).sum();
        return first.iter().sum::<f64>() * second.iter().sum::<f64>() - agreeing;
    }
    let of = |(a, count): (usize, &f64)| {
        let weights = second.iter().enumerate().map(|(b, other)| weighting.weight(a, b) * other);
        count * weights.sum::<f64>()
    };
    first.iter().enumerate().map(of).sum()
}

/// How two annotators agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairKappa {
    /// The one.
    pub first: u32,
    /// The other, a higher number.
    pub second: u32,
    /// Items that both have answered.
    pub items: u32,
    /// Cohen's kappa on these.
    pub kappa: Option<f64>,
}

/// Returns Cohen's kappa for every two annotators who share an item, in their order.
pub fn pairwise_kappa(answers: &Answers, weighting: Weighting) -> Vec<PairKappa> {
    let mut shared: BTreeMap<(u32, u32), (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    for item in answers.by_item() {
        for (at, a) in item.iter().enumerate() {
            for b in &item[at + 1..] {
                let (first, second) = shared.entry((a.annotator, b.annotator)).or_default();
                first.push(a.class);
                second.push(b.class);
            }
        }
    }
    let pair = |((first, second), lists): ((u32, u32), (Vec<u32>, Vec<u32>))| {
        let kappa = cohen_kappa(&lists.0, &lists.1, answers.classes(), weighting);
        PairKappa { first, second, items: lists.0.len() as u32, kappa: kappa.expect("checked answers") }
    };
    shared.into_iter().map(pair).collect()
}

/// Returns Fleiss' kappa over the items that have answers; annotators may differ from item to item.
///
/// # Errors
///
/// Items with different numbers of answers; Krippendorff's alpha takes those.
pub fn fleiss_kappa(answers: &Answers) -> Result<Option<f64>, ConsensusError> {
    let mut totals = vec![0_u64; answers.classes() as usize];
    let (mut needed, mut items, mut agreeing) = (None, 0_u64, 0_u64);
    for (item, list) in (0..).zip(answers.by_item()).filter(|(_, list)| !list.is_empty()) {
        let needed = *needed.get_or_insert(list.len());
        if list.len() != needed {
            return Err(ConsensusError::Uneven { item, given: list.len(), needed });
        }
        items += 1;
        list.iter().for_each(|answer| totals[answer.class as usize] += 1);
        // Ordered pairs of different answers that agree.
        agreeing += list.iter().map(|a| list.iter().filter(|b| b.class == a.class).count() as u64 - 1).sum::<u64>();
    }
    let given = needed.unwrap_or(0) as f64;
    if given < 2.0 {
        return Ok(None);
    }
    let all = items as f64 * given;
    let observed = agreeing as f64 / (all * (given - 1.0));
    let by_chance: f64 = totals.iter().map(|&total| (total as f64 / all).powi(2)).sum();
    let is_varied = totals.iter().filter(|&&total| total > 0).count() > 1;
    Ok(is_varied.then(|| (observed - by_chance) / (1.0 - by_chance)))
}
