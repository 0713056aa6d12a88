//! Which trials the models hold, and when they are fitted anew.
//!
//! ```text
//!  trial   0 …………………………………… fitted ………… now
//!          └ all, or the best, the ┘└ all of ┘
//!            latest and a spread      them
//! ```
//!
//! Settings are fitted when the history has grown by a twentieth, on what it was then; the trials since are only
//! added. When that is depends on the length of the history alone, so an answer does not depend on what a memory
//! holds: it saves the fit and the factor, which would come out the same.

use super::acquisition::Acquisition;
use super::encoding::{Axis, Encoding, Shape};
use super::feasibility::{Side, labels};
use super::fit::fit;
use super::kernel::{Points, squares};
use super::model::Model;
use super::parabola::lowest;
use super::records::{Lesson, Record, losses};
use super::scalar::chebyshev;
use super::warp::warp;
use crate::sampler::{Direction, GpConfig, SuggestRequest};
use crate::space::{Params, Plan};

/// Up to so many trials, every one leads to a new fit.
const FITTED_EACH: usize = 40;
/// At most so many trials between two fits.
const LONGEST_STEP: usize = 32;
/// Points that the search looks around.
const CENTRES: usize = 8;
/// Of trials neither best nor latest, so many are looked at to find those that spread best.
const POOL: usize = 1_000;
/// Trials under way beyond these are not believed.
const MOST_BELIEVED: usize = 128;

/// What one call knows.
pub(super) struct Study<'a> {
    config: &'a GpConfig,
    request: &'a SuggestRequest<'a>,
    records: &'a [Record<'a>],
    encoding: Encoding<'a>,
    /// Records that have values, by position.
    valued: Vec<usize>,
    has_feasible: bool,
}

/// The models for one trial, and the points to look around.
pub(super) struct Models {
    pub(super) acquisition: Acquisition,
    pub(super) centres: Vec<Params>,
}

/// What stays true until the next fit.
#[derive(Debug, Default)]
pub(in crate::sampler) struct Memory {
    objective: Option<Fitted>,
    feasibility: Option<Fitted>,
}

/// A fit, and the model grown from it.
#[derive(Clone, Debug)]
struct Fitted {
    /// How many trials had ended when it was made, and how the points were laid out.
    key: (usize, usize, bool),
    core: Vec<usize>,
    model: Model,
}

impl<'a> Study<'a> {
    pub(super) fn new(config: &'a GpConfig, request: &'a SuggestRequest<'a>, plan: &'a Plan, records: &'a [Record<'a>]) -> Self {
        let is_optional =
            |index: usize| !plan.gates(index).is_empty() || records.iter().any(|record| record.param(index).is_nan());
        let encoding = Encoding::new(request.space, plan, is_optional);
        let valued: Vec<usize> = (0..records.len()).filter(|&at| records[at].has_values()).collect();
        let has_feasible = valued.iter().any(|&at| records[at].violation() == 0.0);
        Self { config, request, records, encoding, valued, has_feasible }
    }

    pub(super) fn encoding(&self) -> &Encoding<'a> {
        &self.encoding
    }

    /// Returns the columns of a point.
    pub(super) fn encoded(&self, params: &[f64]) -> Vec<f64> {
        let mut point = Vec::new();
        self.encoding.encode(params, &mut point);
        point
    }

    /// Returns the points of the trials under way, those asked for left out; of many only the latest.
    pub(super) fn under_way(&self) -> Vec<Vec<f64>> {
        let SuggestRequest { first_number, count, pending, .. } = *self.request;
        let is_wanted = |number: u32| number.checked_sub(first_number).is_some_and(|ahead| (ahead as usize) < count);
        let others: Vec<_> = pending.iter().filter(|pending| !is_wanted(pending.number)).collect();
        others[others.len().saturating_sub(MOST_BELIEVED)..].iter().map(|pending| self.encoded(&pending.params)).collect()
    }

    /// Learns the models for trial `number`, with the trials under way at `pending`.
    pub(super) fn models(&self, number: u32, pending: &[Vec<f64>], memory: &mut Memory) -> Models {
        let is_single = self.request.directions.len() <= 1;
        let objective = |among: &[usize]| self.losses(among, number);
        let mut fresh = None;
        let slot = if is_single { &mut memory.objective } else { &mut fresh };
        let (model, held, values) = self.model(&self.valued, objective, slot);
        let feasibility = self.feasibility(memory);
        let best = self.best(&model, &held, &values);
        let mut acquisition = Acquisition { objective: model, best, feasibility };
        pending.iter().for_each(|point| acquisition.believe(point));
        Models { acquisition, centres: self.centres(&held, &values) }
    }

    /// Returns the loss of each record in `among`, not yet warped: of the objectives, or the violation while no
    /// trial is feasible.
    fn losses(&self, among: &[usize], number: u32) -> Vec<f64> {
        let records: Vec<&Record<'_>> = among.iter().map(|&at| &self.records[at]).collect();
        if !self.has_feasible {
            return records.iter().map(|record| record.violation().min(f64::MAX)).collect();
        }
        let directions = self.request.directions;
        if directions.len() <= 1 {
            return losses(&records, 0, directions.first().copied().unwrap_or_default());
        }
        let column = |(objective, direction): (usize, &Direction)| losses(&records, objective, *direction);
        let columns: Vec<Vec<f64>> = directions.iter().enumerate().map(column).collect();
        chebyshev(&columns, self.request.seed, number)
    }

    /// Returns the model of feasibility; `None` if no trial was infeasible.
    fn feasibility(&self, memory: &mut Memory) -> Option<Model> {
        let all: Vec<usize> = (0..self.records.len()).collect();
        if all.iter().all(|&at| self.side(at) == Side::Feasible) {
            return None;
        }
        let labels = |among: &[usize]| {
            let sides: Vec<Side> = among.iter().map(|&at| self.side(at)).collect();
            labels(&self.encoding.columns, &self.points(among), &sides)
        };
        let fitted = self.fitted(&all, &labels, |labels| labels, &mut memory.feasibility);
        let held = held(&fitted.core, &all, fitted.key.0);
        Some(self.grown(fitted, &held, &labels(&held)).clone())
    }

    /// Tells on which side of the border a trial is.
    ///
    /// While no trial was feasible, only failures count: the violation has the other model.
    fn side(&self, record: usize) -> Side {
        let record = &self.records[record];
        let violation = record.violation();
        match (record.has_values(), self.has_feasible && violation > 0.0) {
            (false, _) => Side::Infeasible,
            (true, false) => Side::Feasible,
            (true, true) if violation.is_finite() => Side::Violating(violation),
            (true, true) => Side::Infeasible,
        }
    }

    /// Returns the objective's model, the records it holds, and their warped values.
    fn model(
        &self,
        among: &[usize],
        losses: impl Fn(&[usize]) -> Vec<f64>,
        slot: &mut Option<Fitted>,
    ) -> (Model, Vec<usize>, Vec<f64>) {
        let fitted = self.fitted(among, &losses, |losses| warp(&losses), slot);
        let held = held(&fitted.core, among, fitted.key.0);
        let values = warp(&losses(&held));
        let model = self.grown(fitted, &held, &values).clone();
        (model, held, values)
    }

    /// Returns the fit that is due for so many records, from the slot if it is there.
    fn fitted<'f>(
        &self,
        among: &[usize],
        losses: &impl Fn(&[usize]) -> Vec<f64>,
        warp: impl Fn(Vec<f64>) -> Vec<f64>,
        slot: &'f mut Option<Fitted>,
    ) -> &'f mut Fitted {
        let due = due(among.len());
        let key = (due, self.encoding.columns.len(), self.has_feasible);
        if slot.as_ref().is_none_or(|fitted| fitted.key != key) {
            *slot = None;
        }
        slot.get_or_insert_with(|| {
            let most = (self.config.max_points as usize).max(2 * LONGEST_STEP) - LONGEST_STEP;
            let core = self.core(&among[..due], losses, most);
            let hyper = fit(&self.encoding.columns, self.encoding.scales(), &self.points(&core), &warp(losses(&core)));
            Fitted { key, core, model: Model::empty(self.encoding.columns.clone(), &hyper) }
        })
    }

    /// Returns the fit's model with `held` in it, grown by what it does not hold yet.
    fn grown<'f>(&self, fitted: &'f mut Fitted, held: &[usize], values: &[f64]) -> &'f Model {
        let model = &mut fitted.model;
        model.observe(&self.points(&held[model.observed().min(held.len())..]), values);
        model
    }

    fn points(&self, records: &[usize]) -> Points {
        let mut points = Points::new(self.encoding.columns.len());
        let mut point = Vec::new();
        for &at in records {
            let params: Params = (0..self.request.space.len()).map(|index| self.records[at].param(index)).collect();
            self.encoding.encode(&params, &mut point);
            points.push(&point);
        }
        points
    }

    /// Chooses at most `most` records, in their order: a third each of the best, the latest, and a spread of the rest.
    fn core(&self, among: &[usize], losses: &impl Fn(&[usize]) -> Vec<f64>, most: usize) -> Vec<usize> {
        if among.len() <= most {
            return among.to_vec();
        }
        let third = most / 3;
        let losses = losses(among);
        let mut order: Vec<usize> = (0..among.len() - third).collect();
        order.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]).then(a.cmp(&b)));
        let (best, rest) = order.split_at(third);
        let mut chosen: Vec<usize> = best.iter().copied().chain(among.len() - third..among.len()).collect();
        let stride = rest.len().div_ceil(POOL).max(1);
        let pool: Vec<usize> = rest.iter().copied().step_by(stride).collect();
        self.add_spread(among, &mut chosen, pool, most);
        chosen.sort_unstable();
        chosen.into_iter().map(|place| among[place]).collect()
    }

    /// Adds from `pool`, one by one, what is farthest from all that are chosen.
    fn add_spread(&self, among: &[usize], chosen: &mut Vec<usize>, pool: Vec<usize>, most: usize) {
        let positions = |places: &[usize]| self.points(&places.iter().map(|&place| among[place]).collect::<Vec<_>>());
        let (near, far) = (positions(chosen), positions(&pool));
        let weights = vec![1.0; self.encoding.columns.len()];
        let mut room = vec![f64::INFINITY; pool.len()];
        let mut q = vec![0.0; pool.len()];
        let mut point = vec![0.0; weights.len()];
        let mut shrink = |from: &Points, index: usize, room: &mut [f64]| {
            from.read(index, &mut point);
            squares(&self.encoding.columns, &weights, &far, &point, &mut q);
            room.iter_mut().zip(&q).for_each(|(room, q)| *room = room.min(*q));
        };
        (0..near.len()).for_each(|index| shrink(&near, index, &mut room));
        while chosen.len() < most {
            let farthest = (0..pool.len()).reduce(|a, b| if room[b] > room[a] { b } else { a });
            let Some(farthest) = farthest.filter(|&farthest| room[farthest] >= 0.0) else { break };
            chosen.push(pool[farthest]);
            shrink(&far, farthest, &mut room);
            room[farthest] = -1.0;
        }
    }

    /// Returns where a parabola through the best trials is lowest, and how many trials those are.
    ///
    /// They are trials that have what the best has, options and absences alike; only its numbers move.
    pub(super) fn lowest(&self) -> Option<(Params, usize)> {
        if self.request.directions.len() > 1 || !self.has_feasible {
            return None;
        }
        let is_final = |&at: &usize| self.is_feasible(at) && self.records[at].lesson == Lesson::Values;
        let among: Vec<usize> = self.valued.iter().copied().filter(is_final).collect();
        let losses = self.losses(&among, self.request.first_number);
        let mut order: Vec<usize> = (0..among.len()).collect();
        order.sort_by(|&a, &b| losses[a].total_cmp(&losses[b]).then(a.cmp(&b)));
        let best = among[*order.first()?];
        order.retain(|&place| self.is_alike(among[place], best));
        let axes: Vec<&Axis> = self.numbers_of(best).collect();
        let position = |record: usize| -> Vec<f64> {
            axes.iter().map(|axis| self.encoding.position(axis, self.records[record].param(axis.parameter))).collect()
        };
        let positions: Vec<Vec<f64>> = order.iter().map(|&place| position(among[place])).collect();
        let losses: Vec<f64> = order.iter().map(|&place| losses[place]).collect();
        let found = lowest(&positions, &losses)?;
        let mut params: Params = (0..self.request.space.len()).map(|index| self.records[best].param(index)).collect();
        for (axis, position) in axes.iter().zip(found.position) {
            params[axis.parameter] = self.encoding.internal(axis, position);
        }
        Some((self.encoding.complete(&params, |index| self.encoding.at_unit(index, 0.5)), found.trials))
    }

    fn numbers_of(&self, record: usize) -> impl Iterator<Item = &Axis> {
        let is_number = |axis: &&Axis| !matches!(axis.shape, Shape::Options(_));
        let is_there = move |axis: &&Axis| !self.records[record].param(axis.parameter).is_nan();
        self.encoding.axes.iter().filter(is_number).filter(is_there)
    }

    /// Whether two records have the same options, and numbers for the same parameters.
    fn is_alike(&self, a: usize, b: usize) -> bool {
        let [a, b] = [a, b].map(|at| &self.records[at]);
        self.encoding.axes.iter().all(|axis| match (axis.shape, a.param(axis.parameter), b.param(axis.parameter)) {
            (Shape::Options(_), a, b) => a == b || a.is_nan() && b.is_nan(),
            (Shape::Line(_) | Shape::Levels(..), a, b) => a.is_nan() == b.is_nan(),
        })
    }

    fn is_feasible(&self, record: usize) -> bool {
        !self.has_feasible || self.records[record].violation() == 0.0
    }

    /// Returns the best predicted mean at a feasible trial the model holds; noise does not flatter it.
    fn best(&self, model: &Model, held: &[usize], values: &[f64]) -> f64 {
        let means = (0..held.len()).filter(|&at| self.is_feasible(held[at])).map(|at| model.mean_at_observed(at, values[at]));
        let best = means.fold(f64::INFINITY, f64::min);
        // The core always keeps the best losses, yet all of them may be infeasible.
        if best.is_finite() { best } else { values.iter().copied().fold(f64::INFINITY, f64::min) }
    }

    /// Returns the best trials as whole points of today's space, best first, feasible ones before others.
    fn centres(&self, held: &[usize], values: &[f64]) -> Vec<Params> {
        let mut order: Vec<usize> = (0..held.len()).collect();
        let is_infeasible = |at: usize| !self.is_feasible(held[at]);
        order.sort_by(|&a, &b| is_infeasible(a).cmp(&is_infeasible(b)).then(values[a].total_cmp(&values[b])).then(a.cmp(&b)));
        let point = |&at: &usize| {
            let record = &self.records[held[at]];
            let params: Params = (0..self.request.space.len()).map(|index| record.param(index)).collect();
            self.encoding.complete(&params, |index| self.encoding.at_unit(index, 0.5))
        };
        order.iter().take(CENTRES).map(point).collect()
    }
}

/// Returns the records a model holds: its core, and all since the fit.
fn held(core: &[usize], among: &[usize], due: usize) -> Vec<usize> {
    core.iter().chain(&among[due..]).copied().collect()
}

/// Returns after how many records the fit was due that holds for `count` of them.
fn due(count: usize) -> usize {
    if count <= FITTED_EACH {
        return count;
    }
    let mut due = FITTED_EACH;
    loop {
        let next = due + (due / 20).min(LONGEST_STEP);
        if next > count {
            return due;
        }
        due = next;
    }
}

#[cfg(test)]
#[path = "study_tests.rs"]
mod tests;
