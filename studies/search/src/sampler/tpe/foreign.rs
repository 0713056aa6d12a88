//! Trials of other studies as kernels beside a group's own.
//!
//! The best of each study join the good mixture and the others the rest, all of a study together with a bounded weight
//! that follows how far the study is believed (see [`Lore`]), so that a few own trials soon outweigh them.

use super::axis::{Axes, Axis};
use super::bank::Bank;
use super::good::rank_weights;
use crate::sampler::lore::{Lesson, Lore};

/// Own trials before the model is used, where other studies tell something; half of them are points of theirs.
pub(super) const STARTUP_TRIALS: usize = 4;
/// What the good trials of a study weigh together at most, where an own one weighs 1.
const MOST_GOOD: f64 = 6.0;
/// What the others of a study weigh together at most, where an own one weighs 1.
const MOST_OTHERS: f64 = 24.0;

/// Of the others of a study so many stand for all.
const MOST_KEPT: usize = 64;

/// The trials of other studies that had a group's parameters, study by study.
#[derive(Debug)]
pub(super) struct Neighbours {
    good: Vec<Vec<Vec<f64>>>,
    others: Vec<Vec<Vec<f64>>>,
    /// How far each study is believed, from 1 to 0.
    weights: Vec<f64>,
}

impl Neighbours {
    /// Looks at all trials that had any of the group's parameters.
    pub(super) fn new(lore: &Lore, axes: &Axes, members: &[usize]) -> Self {
        let mut all = Self { good: Vec::new(), others: Vec::new(), weights: Vec::new() };
        for (nth, lesson) in lore.lessons().enumerate() {
            all.add(&lesson, point(axes, members, nth, &lesson));
        }
        all.others.iter_mut().for_each(thin);
        all
    }

    fn add(&mut self, lesson: &Lesson<'_>, point: Option<Vec<f64>>) {
        let studies = self.good.len().max(lesson.study + 1);
        self.good.resize(studies, Vec::new());
        self.others.resize(studies, Vec::new());
        let side = if lesson.is_good { &mut self.good } else { &mut self.others };
        side[lesson.study].extend(point);
    }

    /// Sets how far each study is believed; returns whether that is news.
    pub(super) fn weigh(&mut self, weights: &[f64]) -> bool {
        let is_news = self.weights != weights;
        self.weights = weights.to_vec();
        is_news
    }

    /// Returns how many trials there are, as far as they are believed.
    pub(super) fn trials(&self) -> usize {
        let believed = |((good, others), weight): ((&Vec<_>, &Vec<_>), &f64)| weight * (good.len() + others.len()) as f64;
        self.good.iter().zip(&self.others).zip(&self.weights).map(believed).sum::<f64>() as usize
    }

    /// Appends the good ones and their weights.
    pub(super) fn push_good(&self, points: &mut Vec<Vec<f64>>, weights: &mut Vec<f64>) {
        for (good, weight) in self.believed(&self.good) {
            let share = weight * (MOST_GOOD / good.len() as f64).min(1.0);
            points.extend(good.iter().cloned());
            weights.extend(rank_weights(good.len()).into_iter().map(|weight| share * weight));
        }
    }

    /// Appends the others.
    pub(super) fn push_others(&self, bank: &mut Bank) {
        for (others, weight) in self.believed(&self.others) {
            let share = weight * (MOST_OTHERS / others.len() as f64).min(1.0);
            others.iter().for_each(|point| bank.push(point, share.ln()));
        }
    }

    /// Returns what the others weigh together.
    pub(super) fn others(&self) -> f64 {
        self.believed(&self.others).map(|(others, weight)| weight * MOST_OTHERS.min(others.len() as f64)).sum()
    }

    /// Returns the studies that have trials and count for something.
    fn believed<'a>(&'a self, side: &'a [Vec<Vec<f64>>]) -> impl Iterator<Item = (&'a Vec<Vec<f64>>, f64)> {
        let counts = |(points, weight): &(&Vec<Vec<f64>>, f64)| !points.is_empty() && *weight > 0.0;
        side.iter().zip(self.weights.iter().copied()).filter(counts)
    }
}

/// Keeps an even choice of trials, which are in order of rank.
fn thin(others: &mut Vec<Vec<f64>>) {
    let count = others.len();
    if count > MOST_KEPT {
        *others = (0..MOST_KEPT).map(|nth| others[nth * count / MOST_KEPT].clone()).collect();
    }
}

/// Returns a trial's place in the group; `None` if it had none of the parameters.
///
/// What it lacks it may have had anywhere: over all trials those places are spread evenly, so that together they say
/// nothing about it.
fn point(axes: &Axes, members: &[usize], nth: usize, lesson: &Lesson<'_>) -> Option<Vec<f64>> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let place = |(at, (axis, &member)): (usize, (&Axis, &usize))| {
        let value = lesson.param(member);
        let spread = (0.5 + GOLDEN * (nth * (at + 1)) as f64).fract();
        match axis {
            Axis::Line(line) if value.is_nan() => line.snap(spread),
            Axis::Options(count) if value.is_nan() => (spread * *count as f64).floor(),
            Axis::Line(_) | Axis::Options(_) => axis.to_unit(value),
        }
    };
    let has_any = members.iter().any(|&member| !lesson.param(member).is_nan());
    has_any.then(|| axes.all().iter().zip(members).enumerate().map(place).collect())
}
