//! The best trials of a group, kept as they are and in order: of them come the good ones.
//!
//! Bounded, and a function of the sequence of trials alone. Whatever falls out is handed back, for the model of
//! the rest.

use std::cmp::Ordering;

use crate::analysis::hypervolume::{reference_point, select_subset};
use crate::analysis::pareto;
use crate::sampler::dominance::{self, Place};
use crate::sampler::standing::Standing;

/// So many of the best trials are kept.
const CAPACITY: usize = 64;
/// The share of trials that counts as good.
const GOOD_SHARE: f64 = 0.1;
/// At most so many good trials with one objective.
const MOST_GOOD: usize = 25;
/// At most so many good trials with several objectives, which a front needs to show its shape.
const MOST_GOOD_OF_FRONTS: usize = 40;

/// One trial of a group.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where it stands by itself.
    standing: Standing,
    /// Its losses; empty unless it is complete and there are several.
    losses: Vec<f64>,
    /// Its place among those with several losses.
    place: Place,
    /// Its place on the group's axes.
    pub(super) point: Vec<f64>,
}

impl Entry {
    /// `losses` holds those of a complete trial, and is empty with one objective.
    pub(super) fn new(standing: Standing, losses: Vec<f64>, point: Vec<f64>) -> Self {
        Self { standing, losses, place: Place::default(), point }
    }

    /// Whether domination decides about it.
    pub(super) fn is_ranked(&self) -> bool {
        self.losses.len() > 1
    }

    /// Orders trials, the better one first.
    fn compare(&self, other: &Self) -> Ordering {
        if self.is_ranked() && other.is_ranked() {
            return self.place.compare(&other.place);
        }
        self.standing.compare(&other.standing)
    }
}

/// The best trials, the best first.
#[derive(Debug, Default)]
pub(super) struct Pool {
    entries: Vec<Entry>,
}

impl Pool {
    /// Puts a trial in its place, after those that are as good, and returns the one that falls out.
    pub(super) fn insert(&mut self, entry: Entry) -> Option<Entry> {
        if entry.is_ranked() {
            return self.insert_ranked(entry);
        }
        let place = self.entries.partition_point(|other| other.compare(&entry).is_le());
        if place == CAPACITY {
            return Some(entry);
        }
        self.entries.insert(place, entry);
        self.overflow()
    }

    /// Adds a trial with several losses, which may move the fronts of the others.
    fn insert_ranked(&mut self, entry: Entry) -> Option<Entry> {
        if self.entries.len() == CAPACITY && self.is_behind_all_fronts(&entry) {
            return Some(entry);
        }
        let ranked = self.entries.partition_point(Entry::is_ranked);
        self.entries.insert(ranked, entry);
        rank(&mut self.entries[..=ranked]);
        self.overflow()
    }

    /// Whether a member of the last front dominates the trial, in a pool of ranked trials only.
    fn is_behind_all_fronts(&self, entry: &Entry) -> bool {
        let Some(last) = self.entries.last().filter(|last| last.is_ranked()) else {
            return false;
        };
        let mut front = self.entries.iter().rev().take_while(|other| other.place.front == last.place.front);
        front.any(|other| pareto::dominates(&other.losses, &entry.losses))
    }

    fn overflow(&mut self) -> Option<Entry> {
        if self.entries.len() > CAPACITY { self.entries.pop() } else { None }
    }

    /// Cuts the pool into the good ones of `trials`, best first, and the others.
    pub(super) fn split(&self, trials: usize) -> (Vec<&Entry>, Vec<&Entry>) {
        let count = self.good_count(trials);
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        self.choose_from_boundary(&mut entries, count);
        let others = entries.split_off(count);
        (entries, others)
    }

    /// Returns how many of `trials` count as good.
    fn good_count(&self, trials: usize) -> usize {
        let several = self.entries.iter().any(Entry::is_ranked);
        let most = if several { MOST_GOOD_OF_FRONTS } else { MOST_GOOD };
        let share = (GOOD_SHARE * trials as f64).ceil() as usize;
        share.min(most).min(self.entries.len())
    }

    /// Moves those of the front that `count` cuts through to its beginning which cover most volume together.
    fn choose_from_boundary(&self, entries: &mut [&Entry], count: usize) {
        let Some(boundary) = entries.get(count).copied().filter(|entry| entry.is_ranked()) else {
            return;
        };
        let in_front = |entry: &&Entry| entry.is_ranked() && entry.place.front == boundary.place.front;
        let start = entries.iter().position(in_front).unwrap_or(count);
        let front: Vec<&Entry> = entries[start..].iter().copied().take_while(in_front).collect();
        let losses: Vec<&[f64]> = front.iter().map(|entry| entry.losses.as_slice()).collect();
        let Some(reference) = reference_point(&losses) else {
            return;
        };
        let chosen = select_subset(&losses, &reference, front.len());
        for (place, chosen) in (start..).zip(chosen) {
            entries[place] = front[chosen];
        }
    }
}

/// Sorts trials with several losses by front, those with most room in it first.
fn rank(entries: &mut [Entry]) {
    let losses: Vec<&[f64]> = entries.iter().map(|entry| entry.losses.as_slice()).collect();
    let places = dominance::places(&losses);
    entries.iter_mut().zip(places).for_each(|(entry, place)| entry.place = place);
    entries.sort_by(Entry::compare);
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
