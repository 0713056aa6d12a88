//! What several annotators say of the same items, and what asking them has saved: pure mathematics, usable alone.
//!
//! Nothing here knows a clock, a file, a thread or global randomness. Items, annotators and classes are numbers counted
//! from 0. The same call gives the same answer, bit for bit on the same binary: resamples are keyed by what they are
//! for, sums run in a fixed order, and the order in which answers are listed changes nothing.
//!
//! | Part | What it owns |
//! |---|---|
//! | [`vote`] | majority and weighted majority, with ties |
//! | [`dawid_skene`] | who is right when annotators disagree, and how good each one is |
//! | [`overlap`] | whether an item has been answered often enough |
//! | [`agreement`] | kappas, Krippendorff's alpha |
//! | [`quality`] | what is known of each annotator |
//! | [`labels`] | sets of classes, numbers, boxes, spans, preferences |
//! | [`anchoring`] | whether a model's prediction pulls people along |
//! | [`meter`] | labels saved against random choice; when to stop asking |
//! | [`proportion`] | intervals of rates |
//!
//! # An item's life in a few lines
//!
//! ```
//! use hone_consensus::{Answer, Answers, dawid_skene::{DawidSkene, posterior}, overlap::{Overlap, Step}};
//!
//! // Three annotators have answered ten items; the third one says 1 to everything.
//! let class = |item: u32, annotator: u32| if annotator == 2 { 1 } else { item % 2 };
//! let pairs = (0..10).flat_map(|item| (0..3).map(move |annotator| (item, annotator)));
//! let list = pairs.map(|(item, annotator)| Answer { item, annotator, class: class(item, annotator) }).collect();
//! let fit = DawidSkene::default().fit(&Answers::new(10, 3, 2, list)?, &[])?;
//! assert!(fit.confusions[2].spammer_score() < 0.1);
//!
//! // A new item: is it decided after the first annotator's answer, and after the second one's?
//! let rule = Overlap::new(1, 3, 0.95)?;
//! let after = |answers: &[(usize, u32)]| {
//!     let known = answers.iter().map(|&(annotator, class)| (&fit.confusions[annotator], class));
//!     Ok::<_, hone_consensus::ConsensusError>(rule.next_by_posterior(&posterior(&fit.prior, known)?, answers.len() as u32))
//! };
//! assert_eq!(after(&[(0, 0)])?, Step::AskMore);
//! assert_eq!(after(&[(0, 0), (1, 0)])?, Step::Resolve(0));
//! # Ok::<(), hone_consensus::ConsensusError>(())
//! ```

pub mod agreement;
pub mod anchoring;
mod answers;
pub mod dawid_skene;
mod draw;
mod error;
pub mod labels;
pub mod meter;
mod normal;
pub mod overlap;
#[cfg(test)]
mod planted;
pub mod proportion;
pub mod quality;
mod quantiles;
pub mod vote;

pub use answers::{Answer, Answers, Gold};
pub use error::ConsensusError;
