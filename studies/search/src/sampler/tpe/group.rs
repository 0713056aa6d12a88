//! Groups of parameters that are always there together, and what was learnt of each.
//!
//! ```text
//! finished trials ─→ pool of the best ─ first ─→ good ones ─→ l(x)
//!                         │  └───────── others ─┐
//!                         └─ what falls out ─→ crowd ─────────→ g(x)
//! ```
//!
//! Parameters with the same conditions that the same trials had share one joint model; a parameter added to
//! the space later gets a group of its own until then, so that no observation is lost.

use super::axis::{Axes, Axis};
use super::bank::{Bank, Block, Probe, Widths};
use super::crowd::{Bounds, Crowd};
use super::exp::ln_sum_exp;
use super::foreign::Neighbours;
use super::good::{Good, rank_weights};
use super::pool::{Entry, Pool};
use crate::columns::{Columns, History, Outcome};
use crate::sampler::Direction;
use crate::sampler::lore::Lore;
use crate::sampler::standing::{self, Kind, Standing};
use crate::space::{Gate, Plan, Space};

/// Weight of the prior beside each of the other trials.
const PRIOR_WEIGHT: f64 = 1.0;
/// The width of a bad trial's kernel beside that of a good one. Both narrow down together, so that what a bad
/// trial speaks against stays as large beside what a good one speaks for.
const REACH: f64 = 0.8;
/// Bad trials' options are smoothed less the more trials there are, up to so many.
const MOST_SMOOTHED: f64 = 100.0;
/// How many trials under way are kept as they are, and in how many clusters the others.
const PENDING: Bounds = Bounds { latest: 64, clusters: 32 };

/// Parameters modelled jointly, and the trials that had them all.
#[derive(Debug)]
pub(super) struct Group {
    /// Positions of the parameters, numbers before options.
    pub(super) members: Vec<usize>,
    axes: Axes,
    /// How many rows of the history were looked at.
    seen: usize,
    /// How many trials were learnt.
    trials: usize,
    pool: Pool,
    crowd: Crowd,
    good: Good,
    /// The trials of the pool that are not good.
    others: Bank,
    widths: Widths,
    /// Trials of other studies; `None` until they were looked at.
    foreign: Option<Neighbours>,
    /// How many of the good trials are own ones.
    own_good: usize,
    is_stale: bool,
}

impl Group {
    /// Makes a group that has learnt nothing yet; `None` for its `bounds` keeps every trial as it is.
    pub(super) fn new(members: &[usize], space: &Space, bounds: Option<Bounds>) -> Self {
        let with_axis = |&member: &usize| Some((member, Axis::new(&space.parameters[member].distribution)?));
        let axes: Vec<(usize, Axis)> = members.iter().filter_map(with_axis).collect();
        let (lines, options): (Vec<_>, Vec<_>) = axes.into_iter().partition(|(_, axis)| matches!(axis, Axis::Line(_)));
        let (members, axes) = lines.into_iter().chain(options).unzip();
        let axes = Axes::new(axes);
        let bounds = bounds.unwrap_or(Bounds { latest: usize::MAX, clusters: 0 });
        Self {
            members,
            seen: 0,
            trials: 0,
            pool: Pool::default(),
            crowd: Crowd::new(&axes, bounds),
            good: Good::default(),
            others: Bank::default(),
            widths: Widths::default(),
            foreign: None,
            own_good: 0,
            is_stale: true,
            axes,
        }
    }

    /// Whether the group was made of exactly these parameters, ascending.
    pub(super) fn has_members(&self, members: &[usize]) -> bool {
        members.len() == self.members.len() && members.iter().all(|member| self.members.contains(member))
    }

    /// Whether there is nothing to draw from.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty() || self.good.is_empty()
    }

    /// Learns the rows not seen yet, and gets ready to be asked.
    pub(super) fn catch_up(&mut self, history: History<'_>, directions: &[Direction]) {
        for (columns, row) in history.rows_from(self.seen) {
            self.learn(columns, row, directions);
        }
        self.seen = history.len();
        if std::mem::replace(&mut self.is_stale, false) {
            self.prepare();
        }
    }

    /// Takes in what other studies tell, as far as they had the group's parameters.
    pub(super) fn learn_lore(&mut self, lore: &Lore) {
        let known = self.foreign.take();
        let mut foreign = known.unwrap_or_else(|| Neighbours::new(lore, &self.axes, &self.members));
        self.is_stale |= foreign.weigh(&lore.weights());
        self.foreign = Some(foreign);
    }

    fn learn(&mut self, columns: &Columns, row: usize, directions: &[Direction]) {
        let standing = Standing::of(columns, row, directions).filter(|_| is_learnable(columns.outcome[row]));
        let (Some(standing), Some(point)) = (standing, self.point(|member| columns.param(member, row))) else {
            return;
        };
        let mut losses = Vec::new();
        if directions.len() > 1 && standing.kind == Kind::Complete {
            standing::push_losses(&mut losses, columns, row, directions);
        }
        self.trials += 1;
        self.is_stale = true;
        if let Some(out) = self.pool.insert(Entry::new(standing, losses, point)) {
            self.crowd.push(&self.axes, &out.point);
        }
    }

    fn prepare(&mut self) {
        let (good, others) = self.pool.split(self.trials);
        let mut points: Vec<Vec<f64>> = good.iter().map(|entry| entry.point.clone()).collect();
        let mut weights =
            if good.iter().any(|entry| entry.is_ranked()) { vec![1.0; good.len()] } else { rank_weights(good.len()) };
        self.own_good = points.len();
        let mut trials = self.trials;
        if let Some(foreign) = &self.foreign {
            foreign.push_good(&mut points, &mut weights);
            trials += foreign.trials();
        }
        self.good = Good::new(&self.axes, points, &weights, trials);
        let sigmas = self.good.widths().sigmas.iter().map(|sigma| REACH * sigma).collect();
        self.widths = Widths::new(&self.axes, sigmas, 1.0 / MOST_SMOOTHED.min(2.0 + trials as f64));
        self.others.clear();
        for entry in others {
            self.others.push(&entry.point, 0.0);
        }
        self.foreign.iter().for_each(|foreign| foreign.push_others(&mut self.others));
        self.crowd.prepare(&self.axes);
    }

    /// Returns the place on the group's axes of internal numbers by parameter; `None` if one is absent.
    fn point(&self, internal: impl Fn(usize) -> f64) -> Option<Vec<f64>> {
        let mut point = Vec::with_capacity(self.members.len());
        for (axis, &member) in self.axes.all().iter().zip(&self.members) {
            let value = internal(member);
            if value.is_nan() {
                return None;
            }
            point.push(axis.to_unit(value));
        }
        Some(point)
    }

    /// Returns the trials under way that count as bad.
    pub(super) fn liars<'a>(&self, pending: impl Iterator<Item = &'a [f64]>) -> Liars {
        let mut liars = Liars { crowd: Crowd::new(&self.axes, PENDING), count: 0 };
        pending.for_each(|params| self.add_liar(&mut liars, params));
        self.prepare_liars(&mut liars);
        liars
    }

    /// Adds a trial under way, if it has the group's parameters.
    pub(super) fn add_liar(&self, liars: &mut Liars, params: &[f64]) {
        let internal = |member: usize| params.get(member).copied().unwrap_or(f64::NAN);
        if let Some(point) = self.point(internal) {
            liars.crowd.push(&self.axes, &point);
            liars.count += 1;
        }
    }

    /// Gets `liars` ready to be measured.
    pub(super) fn prepare_liars(&self, liars: &mut Liars) {
        liars.crowd.prepare(&self.axes);
    }

    pub(super) fn axes(&self) -> &Axes {
        &self.axes
    }

    pub(super) fn good(&self) -> &Good {
        &self.good
    }

    /// Returns the logarithm of how much likelier a place is among good trials than among the others.
    pub(super) fn ln_ratio(&self, liars: &Liars, point: &[f64], scratch: &mut Scratch) -> f64 {
        let Scratch { probe, blurs, terms } = scratch;
        blurs.clear();
        self.axes.blurs(point, blurs);
        let ln_prior = self.axes.ln_prior(point);
        probe.aim(self.good.widths(), point, blurs);
        let good = self.good.ln_density(probe, ln_prior, terms);
        probe.aim(&self.widths, point, blurs);
        terms.clear();
        self.others.measure(probe, terms);
        self.crowd.measure(&self.axes, probe, terms);
        liars.crowd.measure(&self.axes, probe, terms);
        let foreign = self.foreign.as_ref().map_or(0.0, Neighbours::others);
        let total = (self.trials - self.own_good + liars.count) as f64 + foreign + PRIOR_WEIGHT;
        good - (ln_sum_exp(terms, PRIOR_WEIGHT.ln() + ln_prior) - total.ln())
    }
}

/// Room to work in, so that candidates share it.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    probe: Probe,
    blurs: Vec<f64>,
    terms: Vec<Block>,
}

/// The trials under way, as one group sees them.
#[derive(Clone, Debug)]
pub(super) struct Liars {
    crowd: Crowd,
    count: usize,
}

/// Whether a model learns from trials that ended like this: complete and pruned ones.
pub(super) fn is_learnable(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Complete | Outcome::Pruned => true,
        Outcome::Failed | Outcome::Cancelled => false,
    }
}

/// Cuts the space into groups, each parameter alone unless `joint`. Parameters with a single value are left out.
///
/// `presence` sums up for each parameter which trials had it.
pub(super) fn partition(space: &Space, plan: &Plan, presence: &[u64], joint: bool) -> Vec<Vec<usize>> {
    let modelled = |index: &usize| Axis::new(&space.parameters[*index].distribution).is_some();
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for index in (0..space.len()).filter(modelled) {
        let belongs = |members: &&mut Vec<usize>| {
            joint && presence[members[0]] == presence[index] && same_gates(plan.gates(index), plan.gates(members[0]))
        };
        match sets.iter_mut().find(belongs) {
            Some(members) => members.push(index),
            None => sets.push(vec![index]),
        }
    }
    sets
}

/// Whether two lists hold the same conditions, in any order.
fn same_gates(a: &[Gate], b: &[Gate]) -> bool {
    a.len() == b.len() && a.iter().all(|gate| b.contains(gate)) && b.iter().all(|gate| a.contains(gate))
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
