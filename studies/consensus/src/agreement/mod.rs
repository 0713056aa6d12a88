//! How far annotators agree, beyond chance.
//!
//! A coefficient is `None` where it has no meaning: nothing to compare, or only one class anywhere, so that chance alone
//! would agree as well. 1 is agreement throughout, 0 what chance gives, below 0 less than that.

mod alpha;
mod kappa;

use crate::answers::Answers;

pub use alpha::{AlphaInterval, Level, alpha, alpha_interval};
pub use kappa::{PairKappa, Weighting, cohen_kappa, fleiss_kappa, pairwise_kappa};

/// Returns the share of pairs of answers to the same item that agree; `None` where no item has two answers.
pub fn percent_agreement(answers: &Answers) -> Option<f64> {
    let (mut agreeing, mut all) = (0_u64, 0_u64);
    let mut counts = vec![0_u64; answers.classes() as usize];
    for item in answers.by_item() {
        let given = item.len() as u64;
        item.iter().for_each(|answer| counts[answer.class as usize] += 1);
        for answer in item {
            let count = std::mem::take(&mut counts[answer.class as usize]);
            agreeing += count * count.saturating_sub(1);
        }
        all += given * given.saturating_sub(1);
    }
    (all > 0).then(|| agreeing as f64 / all as f64)
}

#[cfg(test)]
mod tests;
