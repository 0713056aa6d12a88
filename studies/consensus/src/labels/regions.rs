//! Boxes in images and spans in texts: which of two annotators' are the same, and what several agree on.
//!
//! Two regions can be the same if they have the same class and overlap enough: intersection over union (IoU, Jaccard
//! 1901) of 0.5, as is usual in detection (Everingham et al. 2010).

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::error::{ConsensusError, check};

use super::mean_pairwise;

pub use super::clusters::{Cluster, consensus, exact_votes};
pub use super::matching::{Match, match_regions};

/// The least IoU at which two regions can be the same, unless told otherwise.
pub const LEAST_IOU: f64 = 0.5;

/// A part of an item, with a class.
pub trait Region: Copy {
    /// Returns the class.
    fn class(&self) -> u32;
    /// Returns the region with another class.
    #[must_use]
    fn with_class(self, class: u32) -> Self;
    /// Returns intersection over union, from 0 to 1, whatever the classes.
    fn iou(&self, other: &Self) -> f64;
    /// Returns the median of each coordinate, with the class of the first region; there is at least one.
    fn median(regions: &[Self]) -> Self;
    /// Orders regions by coordinates and class, so that no result depends on the order of annotators.
    fn order(&self, other: &Self) -> Ordering;
}

/// A box in an image; upright, edges in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rect {
    /// Left edge.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Right edge, to the right of the left one.
    pub right: f64,
    /// Lower edge, below the upper one.
    pub bottom: f64,
    /// What it shows.
    pub class: u32,
}

impl Rect {
    /// Checks the edges.
    ///
    /// # Errors
    ///
    /// An edge that is not finite, or a box without extent.
    pub fn new(left: f64, top: f64, right: f64, bottom: f64, class: u32) -> Result<Self, ConsensusError> {
        for edge in [left, top, right, bottom] {
            check("edge", edge, "finite", edge.is_finite())?;
        }
        check("right", right, "above `left`", right > left)?;
        check("bottom", bottom, "above `top`", bottom > top)?;
        Ok(Self { left, top, right, bottom, class })
    }

    fn area(&self) -> f64 {
        (self.right - self.left).max(0.0) * (self.bottom - self.top).max(0.0)
    }

    fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.right, self.bottom]
    }
}

impl Region for Rect {
    fn class(&self) -> u32 {
        self.class
    }

    fn with_class(self, class: u32) -> Self {
        Self { class, ..self }
    }

    fn iou(&self, other: &Self) -> f64 {
        let shared = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
            class: self.class,
        };
        over_union(shared.area(), self.area(), other.area())
    }

    fn median(regions: &[Self]) -> Self {
        let edge = |at: usize| crate::quantiles::median(regions.iter().map(|region| region.edges()[at]).collect());
        Self { left: edge(0), top: edge(1), right: edge(2), bottom: edge(3), class: regions[0].class }
    }

    fn order(&self, other: &Self) -> Ordering {
        let edges = self.edges().into_iter().zip(other.edges());
        let by_edge = edges.map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne());
        by_edge.unwrap_or(Ordering::Equal).then(self.class.cmp(&other.class))
    }
}

/// A stretch of a text, from `start` to before `end`, in any one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it has ended; above `start`.
    pub end: u32,
    /// What it is.
    pub class: u32,
}

impl Span {
    /// Checks the ends.
    ///
    /// # Errors
    ///
    /// A span without extent.
    pub fn new(start: u32, end: u32, class: u32) -> Result<Self, ConsensusError> {
        check("end", f64::from(end), "above `start`", end > start)?;
        Ok(Self { start, end, class })
    }

    fn length(&self) -> f64 {
        f64::from(self.end.saturating_sub(self.start))
    }
}

impl Region for Span {
    fn class(&self) -> u32 {
        self.class
    }

    fn with_class(self, class: u32) -> Self {
        Self { class, ..self }
    }

    fn iou(&self, other: &Self) -> f64 {
        let shared = Self { start: self.start.max(other.start), end: self.end.min(other.end), class: self.class };
        over_union(shared.length(), self.length(), other.length())
    }

    /// The lower of the two middle ends of an even number, so that each end is one that an annotator chose.
    fn median(regions: &[Self]) -> Self {
        let middle = |mut ends: Vec<u32>| {
            ends.sort_unstable();
            ends[(ends.len() - 1) / 2]
        };
        let start = middle(regions.iter().map(|span| span.start).collect());
        let end = middle(regions.iter().map(|span| span.end).collect());
        Self { start, end, class: regions[0].class }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

fn over_union(shared: f64, first: f64, second: f64) -> f64 {
    let union = first + second - shared;
    if union > 0.0 { shared / union } else { 0.0 }
}

/// How far two annotators' regions of one item agree.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegionAgreement {
    /// Matched regions of both over all regions of both: 1 if each has its match, or if there are none.
    pub f1: f64,
    /// The mean IoU of matches, where a region without a match counts as one with 0; 1 if there are none.
    pub iou: f64,
}

/// Returns how far two annotators' regions of one item agree, class by class.
pub fn agreement<R: Region>(first: &[R], second: &[R], least_iou: f64) -> RegionAgreement {
    let all = first.len() + second.len();
    if all == 0 {
        return RegionAgreement { f1: 1.0, iou: 1.0 };
    }
    let matches = match_regions(first, second, least_iou);
    let sum: f64 = matches.iter().map(|found| found.iou).sum();
    RegionAgreement { f1: 2.0 * matches.len() as f64 / all as f64, iou: sum / (all - matches.len()) as f64 }
}

/// Returns the mean [`agreement`] of every two annotators of an item; `None` for fewer than two.
pub fn mean_agreement<R: Region>(answers: &[Vec<R>], least_iou: f64) -> Option<RegionAgreement> {
    let f1 = mean_pairwise(answers, |first, second| agreement(first, second, least_iou).f1)?;
    let iou = mean_pairwise(answers, |first, second| agreement(first, second, least_iou).iou)?;
    Some(RegionAgreement { f1, iou })
}

#[cfg(test)]
#[path = "regions_tests.rs"]
mod tests;
