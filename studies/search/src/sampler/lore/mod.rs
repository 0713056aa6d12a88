//! What finished trials of other studies tell a sampler, and how far to believe them.
//!
//! ```text
//! trials of other studies ─ ranked within their study ─→ points to try first
//!                                   │                 └─→ what a model takes for good and for bad, by weight
//! own trials ─ do they agree? ─→ trust ─ fades as own trials come ─→ weight of each study
//! ```
//!
//! Values of different studies are on scales of their own, so nothing here compares one with another: a trial
//! counts by its rank within its study. Several studies stand side by side, each with a trust of its own, as in
//! ranking-weighted ensembles (Feurer et al. 2018, arXiv:1802.02219).

mod place;
mod trust;

use std::sync::Arc;

use super::{Direction, SuggestRequest, Suggestion, sobol};
use crate::columns::{Columns, Outcome};
use crate::space::{Params, Plan, Space};
use crate::transfer::{self, Foreign};

use place::Places;
use trust::Trust;

/// The share of a study's trials that counts as good.
const GOOD_SHARE: f64 = 0.1;
/// At most so many of a study count as good.
const MOST_GOOD: usize = 25;
/// Own trials after which other studies weigh half.
const HALF_LIFE: f64 = 16.0;
/// Own trials after which nothing is made of other studies any more.
const MOST_OWN: usize = 100;
/// Points to try first, at most.
const MOST_STARTS: usize = 32;
/// A study that is believed less than this has no further points tried, and replaces no start-up.
const LEAST_TRUST: f64 = 0.3;
/// Of the own trials so many of the latest are looked at for whether a point was tried.
const TRIED_LOOKED_AT: usize = 1_000;

/// Everything that other studies tell.
#[derive(Debug)]
pub(super) struct Lore {
    places: Places,
    studies: Vec<Study>,
    /// Points to try first, the best one first: (study, row).
    starts: Vec<(usize, usize)>,
    /// Rows of the own history that were looked at.
    seen: usize,
    /// Own complete and pruned trials.
    own: usize,
}

/// What one other study tells.
#[derive(Debug)]
struct Study {
    foreign: Arc<Foreign>,
    /// Rows from best to worst.
    order: Vec<usize>,
    trust: Trust,
}

/// One trial of another study.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lesson<'a> {
    /// Which study it is of.
    pub(super) study: usize,
    /// Whether it is among its study's good ones.
    pub(super) is_good: bool,
    columns: &'a Columns,
    row: usize,
}

impl Lesson<'_> {
    /// Returns a parameter's internal number; NaN if the trial does not tell.
    pub(super) fn param(&self, parameter: usize) -> f64 {
        self.columns.param(parameter, self.row)
    }
}

impl Lore {
    /// Ranks the trials of other studies.
    pub(super) fn new(space: &Space, directions: &[Direction], foreign: &[Arc<Foreign>]) -> Self {
        let places = Places::new(space);
        let study = |foreign: &Arc<Foreign>| {
            let order = transfer::order(&foreign.columns, directions);
            let trust = Trust::new(&places, &foreign.columns, &order);
            Study { foreign: foreign.clone(), order, trust }
        };
        let studies: Vec<Study> = foreign.iter().map(study).filter(|study| !study.order.is_empty()).collect();
        let mut lore = Self { places, studies, starts: Vec::new(), seen: 0, own: 0 };
        lore.starts = lore.find_starts();
        lore
    }

    /// Ranks the trials of other studies, and learns from the own ones how far to believe them.
    pub(super) fn of(request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> Self {
        let mut lore = Self::new(request.space, request.directions, foreign);
        lore.catch_up(request);
        lore
    }

    /// Whether other studies tell nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.studies.is_empty()
    }

    /// Whether there is a study that own trials do not speak against.
    pub(super) fn is_believed(&self) -> bool {
        self.studies.iter().any(|study| study.trust.share() >= LEAST_TRUST)
    }

    /// Learns from own trials how far other studies are to be believed.
    pub(super) fn catch_up(&mut self, request: &SuggestRequest<'_>) {
        if self.is_empty() {
            return;
        }
        for (columns, row) in request.history.rows_from(self.seen) {
            self.own += match columns.outcome[row] {
                Outcome::Complete | Outcome::Pruned => 1,
                Outcome::Failed | Outcome::Cancelled => 0,
            };
            for study in self.studies.iter_mut().filter(|_| self.own <= MOST_OWN) {
                study.trust.learn(&self.places, columns, row, request.directions);
            }
        }
        self.seen = request.history.len();
    }

    /// Returns how much each study weighs, from 1 to 0: how far it agrees with own trials, less the more there are.
    pub(super) fn weights(&self) -> Vec<f64> {
        if self.own > MOST_OWN {
            return vec![0.0; self.studies.len()];
        }
        let faded = HALF_LIFE / (HALF_LIFE + self.own as f64);
        self.studies.iter().map(|study| faded * study.trust.share()).collect()
    }

    /// Returns all trials of other studies, study after study, the best first.
    pub(super) fn lessons(&self) -> impl Iterator<Item = Lesson<'_>> {
        self.studies.iter().enumerate().flat_map(|(at, study)| {
            let good = good_count(study.order.len());
            let columns = &study.foreign.columns;
            let lesson = move |(rank, &row): (usize, &usize)| Lesson { study: at, is_good: rank < good, columns, row };
            study.order.iter().enumerate().map(lesson)
        })
    }

    /// Suggests the best point of other studies that was not tried yet, for every other one of the first trials.
    ///
    /// A study that own trials speak against has no further points tried.
    ///
    /// `batch` are the points suggested in the same call. What other studies do not tell is spread evenly.
    pub(super) fn start(
        &self,
        request: &SuggestRequest<'_>,
        plan: &Plan,
        number: u32,
        batch: &[Suggestion],
    ) -> Option<Suggestion> {
        if !number.is_multiple_of(2) {
            return None;
        }
        let is_believed = |start: &&(usize, usize)| self.studies[start.0].trust.share() >= LEAST_TRUST;
        let mut starts = self.starts.iter().filter(is_believed);
        let (study, row) = *starts.find(|start| !self.is_tried(request, **start, batch))?;
        let foreign = &self.studies[study].foreign;
        let known = |parameter: usize| Some(foreign.columns.param(parameter, row)).filter(|value| !value.is_nan());
        let params = plan.fill(|parameter, _| known(parameter).unwrap_or_else(|| sobol::value(request, number, parameter)));
        let why = format!("warm start: as trial {} of `{}`", foreign.columns.number[row], foreign.name);
        Some(Suggestion { number, params, why })
    }

    fn is_tried(&self, request: &SuggestRequest<'_>, (study, row): (usize, usize), batch: &[Suggestion]) -> bool {
        let columns = &self.studies[study].foreign.columns;
        let start = self.places.point(|parameter| columns.param(parameter, row));
        let is_here = |params: &Params| {
            let other = self.places.point(|parameter| params.get(parameter).copied().unwrap_or(f64::NAN));
            self.places.is_beside(&start, &other)
        };
        let latest = request.history.len().saturating_sub(TRIED_LOOKED_AT);
        let mut tried = request.history.rows_from(latest);
        let has_ended = tried
            .any(|(columns, row)| self.places.is_beside(&start, &self.places.point(|parameter| columns.param(parameter, row))));
        has_ended
            || request.pending.iter().any(|trial| is_here(&trial.params))
            || batch.iter().any(|trial| is_here(&trial.params))
    }

    /// Takes the best of each study in turn, leaving out what lies beside one that was taken.
    fn find_starts(&self) -> Vec<(usize, usize)> {
        let mut starts = Vec::new();
        let mut points: Vec<Vec<f64>> = Vec::new();
        let ranks = self.studies.iter().map(|study| good_count(study.order.len())).max().unwrap_or(0);
        for (rank, at) in (0..ranks).flat_map(|rank| (0..self.studies.len()).map(move |at| (rank, at))) {
            let study = &self.studies[at];
            let Some(&row) = study.order.get(rank).filter(|_| rank < good_count(study.order.len())) else { continue };
            let point = self.places.point(|parameter| study.foreign.columns.param(parameter, row));
            if starts.len() < MOST_STARTS && !points.iter().any(|other| self.places.is_beside(&point, other)) {
                starts.push((at, row));
                points.push(point);
            }
        }
        starts
    }
}

fn good_count(trials: usize) -> usize {
    ((GOOD_SHARE * trials as f64).ceil() as usize).clamp(1, MOST_GOOD)
}

#[cfg(test)]
mod tests;
