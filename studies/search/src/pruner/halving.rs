//! Successive halving by cohorts (Jamieson and Talwalkar 2016), without its waiting.
//!
//! Trials of consecutive numbers are a cohort of `n`. Of it, `n / reduction` survive the first rung, one in
//! `reduction` of those the second, and so on. The synchronous algorithm waits at each rung for the whole cohort; here
//! a trial ends as soon as it is *certain* that it does not survive: when as many others of its cohort as may survive
//! have shown better values at a rung, whether that happens on its arrival or later. Nobody ends whom the synchronous
//! algorithm would have kept.
//!
//! With `promotion = resume` a trial of which nothing is certain yet waits with its checkpoint, and goes on when
//! survival is certain, so that exactly the synchronous algorithm's epochs are trained.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::config::Promotion;
use super::ladder::{Shape, has_rung_within};
use super::pausing::{Pausing, Promotable};
use super::reports::Reports;
use super::rung::{Rung, Standing};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Halving {
    reduction: usize,
    cohort: u32,
    promotion: Promotion,
    /// Rungs that nobody has reached yet.
    empty: Vec<Rung>,
    cohorts: BTreeMap<u32, Vec<Rung>>,
    /// Cohorts in which trials wait.
    waiting: BTreeSet<u32>,
}

/// What is certain of a trial at a rung.
enum Fate {
    Survives,
    Open,
    Falls,
}

impl Halving {
    pub(super) fn new(shape: Shape, cohort: u32, promotion: Promotion) -> Self {
        let reduction = shape.reduction.max(2) as usize;
        let (empty, cohorts, waiting) = (shape.rungs(), BTreeMap::new(), BTreeSet::new());
        Self { reduction, cohort: cohort.max(2), promotion, empty, cohorts, waiting }
    }

    pub(super) fn needs_point(&self, previous: Option<i64>, step: i64) -> bool {
        has_rung_within(&self.empty, previous, step)
    }

    pub(super) fn record(&mut self, number: u32, reports: &Reports) {
        for rung in self.rungs_mut(number) {
            if !rung.record(number, reports) {
                return;
            }
        }
    }

    /// A trial has ended: the rungs that it has not reached need not wait for it.
    pub(super) fn finish(&mut self, number: u32, reports: &Reports) {
        self.no_longer_waits(number, Rung::wake);
        for rung in self.rungs_mut(number) {
            if !rung.record(number, reports) && !rung.contains(number) {
                rung.record_nothing(number);
            }
        }
    }

    pub(super) fn judge(&self, number: u32, reports: &Reports) -> Verdict {
        let Some(last) = reports.last_step() else {
            return Verdict::Continue;
        };
        let rungs = self.rungs(number);
        for (at, rung) in rungs.iter().enumerate() {
            let Some(reached) = reports.reached(rung.step) else { break };
            let standing = rung.standing(number, reports, |_| self.survivors(at));
            match self.fate(at, rung, number, standing, false) {
                Fate::Survives => {}
                Fate::Open if self.promotion == Promotion::Stop || rung.has_resumed(number) => {}
                Fate::Open if reached < last => {}
                Fate::Open => return Verdict::Pause { step: rung.step, reason: self.reason(at, rung.step, standing) },
                Fate::Falls => return Verdict::Prune { reason: self.reason(at, rung.step, standing) },
            }
        }
        Verdict::Continue
    }

    fn reason(&self, at: usize, step: i64, standing: Standing) -> String {
        let (place, survivors, cohort) = (standing.better + 1, self.survivors(at), self.cohort);
        format!("halving: place {place} at step {step}, {survivors} of the cohort of {cohort} go on")
    }

    /// What is certain; `closing`: nobody else will come.
    fn fate(&self, at: usize, rung: &Rung, number: u32, standing: Standing, closing: bool) -> Fate {
        let survivors = self.survivors(at);
        let present = rung.len() + usize::from(!rung.contains(number));
        let missing = if closing { 0 } else { (self.cohort as usize).saturating_sub(present) };
        if standing.better >= survivors {
            Fate::Falls
        } else if standing.better + missing < survivors {
            Fate::Survives
        } else {
            Fate::Open
        }
    }

    /// How many of a cohort survive the rung.
    fn survivors(&self, at: usize) -> usize {
        (0..=at).fold(self.cohort as usize, |left, _| left / self.reduction).max(1)
    }

    fn no_longer_waits(&mut self, number: u32, leave: impl Fn(&mut Rung, u32) -> bool) {
        let mut still = false;
        for rung in self.rungs_mut(number) {
            leave(rung, number);
            still |= rung.paused().next().is_some();
        }
        if !still {
            self.waiting.remove(&(number / self.cohort));
        }
    }

    fn waiting_with(&self, closing: bool, wanted: impl Fn(Fate) -> bool) -> Vec<Promotable> {
        let mut found = Vec::new();
        for rungs in self.waiting.iter().filter_map(|cohort| self.cohorts.get(cohort)) {
            for (at, rung) in rungs.iter().enumerate().rev() {
                let fits = |number: &u32| {
                    let standing = rung.standing_again(*number, |_| self.survivors(at));
                    standing.is_some_and(|standing| wanted(self.fate(at, rung, *number, standing, closing)))
                };
                found.extend(rung.paused().filter(fits).map(|number| Promotable { number, step: rung.step }));
            }
        }
        found
    }

    fn rungs(&self, number: u32) -> &[Rung] {
        self.cohorts.get(&(number / self.cohort)).unwrap_or(&self.empty)
    }

    fn rungs_mut(&mut self, number: u32) -> &mut [Rung] {
        self.cohorts.entry(number / self.cohort).or_insert_with(|| self.empty.clone())
    }
}

impl Pausing for Halving {
    fn pause(&mut self, number: u32, step: i64) {
        let rung = self.rungs_mut(number).iter_mut().rfind(|rung| rung.step <= step && rung.contains(number));
        if let Some(rung) = rung {
            rung.pause(number);
            self.waiting.insert(number / self.cohort);
        }
    }

    fn resume(&mut self, number: u32) {
        self.no_longer_waits(number, Rung::resume);
    }

    /// Returns the waiting trials whose survival is certain, the earliest cohort and its highest rung first.
    fn promotable(&self, closing: bool) -> Vec<Promotable> {
        self.waiting_with(closing, |fate| matches!(fate, Fate::Survives))
    }

    /// Returns the waiting trials that are certain to fall.
    fn hopeless(&self) -> Vec<Promotable> {
        self.waiting_with(false, |fate| matches!(fate, Fate::Falls))
    }

    fn paused(&self) -> Vec<u32> {
        self.cohorts.values().flatten().flat_map(Rung::paused).collect()
    }
}
