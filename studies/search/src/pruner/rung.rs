//! What trials have shown at one step of a ladder, and which of them are among the best there.
//!
//! With one objective a place is a rank, found in a sorted multiset. With several, trials are ordered by
//! non-domination front (Deb et al. 2002), and the front that the quota cuts keeps the trials that together
//! dominate most volume.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ranked::{Ranked, key};
use super::reports::Reports;
use crate::analysis::hypervolume::{reference_point, select_subset};
use crate::analysis::pareto::non_dominated;
use crate::columns::{same_number, same_numbers};

/// With several objectives, the latest trials (by number) that a place is found among. The share of them that goes
/// on stands for the share of all, and a verdict stays cheap.
const RIVALS: usize = 256;

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rung {
    pub(super) step: i64,
    shown: Shown,
    /// Trials that wait here, and their place in `order`.
    paused: BTreeMap<u32, u64>,
    /// The same, best loss first where there is one objective.
    order: BTreeSet<(u64, u32)>,
    /// Trials that waited here and went on.
    resumed: BTreeSet<u32>,
}

/// Losses by trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Shown {
    One { losses: Ranked, by_trial: BTreeMap<u32, f64> },
    Several(BTreeMap<u32, Vec<f64>>),
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One { by_trial: a, .. }, Self::One { by_trial: b, .. }) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_number(*a.1, *b.1))
            }
            (Self::Several(a), Self::Several(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same_numbers(a.1, b.1))
            }
            (Self::One { .. }, Self::Several(_)) | (Self::Several(_), Self::One { .. }) => false,
        }
    }
}

/// Where a trial stands at a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    /// How many other trials are better.
    pub(super) better: usize,
    /// How many trials there are, this one included.
    pub(super) trials: usize,
}

impl Rung {
    pub(super) fn new(step: i64, objectives: usize) -> Self {
        let shown = match objectives {
            0 | 1 => Shown::One { losses: Ranked::default(), by_trial: BTreeMap::new() },
            _ => Shown::Several(BTreeMap::new()),
        };
        Self { step, shown, paused: BTreeMap::new(), order: BTreeSet::new(), resumed: BTreeSet::new() }
    }

    /// Returns how many trials have been here.
    pub(super) fn len(&self) -> usize {
        match &self.shown {
            Shown::One { by_trial, .. } => by_trial.len(),
            Shown::Several(by_trial) => by_trial.len(),
        }
    }

    pub(super) fn contains(&self, number: u32) -> bool {
        match &self.shown {
            Shown::One { by_trial, .. } => by_trial.contains_key(&number),
            Shown::Several(by_trial) => by_trial.contains_key(&number),
        }
    }

    /// Takes note of what a trial shows here. Returns false if it has not come so far.
    pub(super) fn record(&mut self, number: u32, reports: &Reports) -> bool {
        if reports.reached(self.step).is_none() {
            return false;
        }
        match &mut self.shown {
            Shown::One { losses, by_trial } => set(losses, by_trial, number, reports.loss_at(0, self.step)),
            Shown::Several(by_trial) => {
                by_trial.insert(number, reports.losses_at(self.step));
            }
        }
        true
    }

    /// Takes note that a trial never came, or came to nothing: it is worse than all others.
    pub(super) fn record_nothing(&mut self, number: u32) {
        match &mut self.shown {
            Shown::One { losses, by_trial } => set(losses, by_trial, number, f64::NAN),
            Shown::Several(by_trial) => {
                by_trial.insert(number, Vec::new());
            }
        }
    }

    /// Returns where a trial stands that shows `reports` here; its own earlier showing is no rival.
    ///
    /// With several objectives `better` is exact only as far as it is below `quota`, of the number of trials. NaN is
    /// worse than everything, other NaN included: two trials that diverged do not save each other.
    pub(super) fn standing(&self, number: u32, reports: &Reports, quota: impl Fn(usize) -> usize) -> Standing {
        match &self.shown {
            Shown::One { losses, by_trial } => place(losses, by_trial.get(&number).copied(), reports.loss_at(0, self.step)),
            Shown::Several(by_trial) => place_among(by_trial, number, &reports.losses_at(self.step), quota),
        }
    }

    /// Returns where a trial stands with what it has shown here before.
    pub(super) fn standing_again(&self, number: u32, quota: impl Fn(usize) -> usize) -> Option<Standing> {
        match &self.shown {
            Shown::One { losses, by_trial } => by_trial.get(&number).map(|&own| place(losses, Some(own), own)),
            Shown::Several(by_trial) => by_trial.get(&number).map(|own| place_among(by_trial, number, own, quota)),
        }
    }

    /// Whether a trial is among the best `quota(trials)` with what it has shown here before.
    pub(super) fn keeps(&self, number: u32, quota: impl Fn(usize) -> usize) -> bool {
        self.standing_again(number, &quota).is_some_and(|standing| standing.better < quota(standing.trials))
    }

    pub(super) fn pause(&mut self, number: u32) {
        let loss = match &self.shown {
            Shown::One { by_trial, .. } => by_trial.get(&number).map_or(u64::MAX, |&loss| key(loss)),
            Shown::Several(_) => 0,
        };
        self.wake(number);
        self.paused.insert(number, loss);
        self.order.insert((loss, number));
    }

    /// Forgets that a trial waits here. Returns whether it did.
    pub(super) fn wake(&mut self, number: u32) -> bool {
        let loss = self.paused.remove(&number);
        loss.is_some_and(|loss| self.order.remove(&(loss, number)))
    }

    /// A trial that waited here goes on; it will not be stopped here again. Returns whether it waited.
    pub(super) fn resume(&mut self, number: u32) -> bool {
        self.wake(number) && self.resumed.insert(number)
    }

    pub(super) fn has_resumed(&self, number: u32) -> bool {
        self.resumed.contains(&number)
    }

    /// Iterates over the trials that wait here.
    pub(super) fn paused(&self) -> impl Iterator<Item = u32> {
        self.order.iter().map(|&(_, number)| number)
    }

    /// Returns the waiting trials that are among the best `quota(trials)`, best first where there is one objective.
    pub(super) fn promotable(&self, quota: impl Fn(usize) -> usize) -> Vec<u32> {
        let keeps = |number: &u32| self.keeps(*number, &quota);
        match &self.shown {
            Shown::One { .. } => self.paused().take_while(keeps).collect(),
            Shown::Several(_) => self.paused().filter(keeps).collect(),
        }
    }
}

fn set(losses: &mut Ranked, by_trial: &mut BTreeMap<u32, f64>, number: u32, loss: f64) {
    if let Some(earlier) = by_trial.insert(number, loss) {
        if same_number(earlier, loss) {
            return;
        }
        losses.remove(earlier);
    }
    losses.insert(loss);
}

/// The place of `loss`, of a trial that has shown `own` before, by rank.
fn place(losses: &Ranked, own: Option<f64>, loss: f64) -> Standing {
    let others = losses.len() - usize::from(own.is_some());
    let own_is_better = own.is_some_and(|own| own < loss);
    let better = if loss.is_nan() { others } else { losses.smaller(loss) - usize::from(own_is_better) };
    Standing { better, trials: others + 1 }
}

/// The place of `own` among the latest trials, by front and volume.
fn place_among(by_trial: &BTreeMap<u32, Vec<f64>>, number: u32, own: &[f64], quota: impl Fn(usize) -> usize) -> Standing {
    let others = by_trial.iter().rev().filter(|&(&other, _)| other != number).map(|(_, losses)| losses.as_slice());
    let rivals: Vec<&[f64]> = others.take(RIVALS - 1).collect();
    let trials = rivals.len() + 1;
    if !is_whole(own) {
        return Standing { better: trials - 1, trials };
    }
    let mut left: Vec<&[f64]> = vec![own];
    left.extend(rivals.into_iter().filter(|losses| is_whole(losses)));
    Standing { better: better_by_fronts(left, quota(trials)), trials }
}

/// How many of `left` are better than its first one, exact as far as it is below `quota`.
fn better_by_fronts(mut left: Vec<&[f64]>, quota: usize) -> usize {
    let mut better = 0;
    while better < quota {
        let front = non_dominated(&left);
        if front.first() != Some(&0) {
            better += front.len();
            let mut members = front.into_iter().peekable();
            let mut at = 0;
            left.retain(|_| {
                let is_member = members.next_if_eq(&at).is_some();
                at += 1;
                !is_member
            });
            continue;
        }
        let room = quota - better;
        if front.len() <= room {
            return better;
        }
        let front: Vec<&[f64]> = front.into_iter().map(|at| left[at]).collect();
        return better + place_by_volume(&front, room);
    }
    better
}

/// The place of the first member of a front by the volume that each adds to those before it, up to `room`.
fn place_by_volume(front: &[&[f64]], room: usize) -> usize {
    let chosen = match reference_point(front) {
        Some(reference) => select_subset(front, &reference, room),
        None => (0..room).collect(),
    };
    chosen.iter().position(|&at| at == 0).unwrap_or(room)
}

/// Whether there is a number for every objective.
fn is_whole(losses: &[f64]) -> bool {
    !losses.is_empty() && losses.iter().all(|loss| !loss.is_nan())
}
