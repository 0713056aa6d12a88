//! Random choices of a project: pure functions of its seed and of what is chosen about.

use super::project::LabelProject;
use crate::ids::{AnnotatorId, LabelRequestId};

/// Draws of different kinds are independent.
const BLIND: u64 = 1;
const GOLD: u64 = 2;

impl LabelProject {
    /// Whether this annotator shall not see the model's prediction for this request.
    pub(crate) fn draws_blind(&self, request: LabelRequestId, annotator: AnnotatorId) -> bool {
        uniform([self.spec.seed, BLIND, request.0, annotator.0]) < self.spec.answers.blind
    }

    /// Whether this annotator's next sample shall be a gold question.
    pub(crate) fn draws_gold(&self, annotator: AnnotatorId) -> bool {
        uniform([self.spec.seed, GOLD, self.leased_ever, annotator.0]) < self.spec.answers.gold
    }
}

/// A number from 0 to 1, the same for the same key.
fn uniform(key: [u64; 4]) -> f64 {
    let mixed = key.into_iter().fold(0, |state, part| mix(state ^ part));
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// One step of SplitMix64 (Steele, Lea and Flood, 2014).
fn mix(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_uniform_and_independent_of_each_other() {
        let draws: Vec<f64> = (0..20_000).map(|at| uniform([7, BLIND, at / 100, at % 100])).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let below = draws.iter().filter(|draw| **draw < 0.1).count();
        assert!((mean - 0.5).abs() < 0.01 && (1_800..2_200).contains(&below), "{mean} {below}");
        let other = (0..20_000).filter(|at| uniform([7, GOLD, at / 100, at % 100]) < 0.1 && draws[*at as usize] < 0.1).count();
        assert!((120..280).contains(&other), "{other}");
    }
}
