//! Covariance matrix adaptation evolution strategy, CMA-ES (Hansen 2016, arXiv:1604.00772).
//!
//! ```text
//! finished trials, in their order ── by group of parameters ──→ full generation? ── rank ──→ move the
//!                                                                                      distribution
//! trial number ── keyed normal numbers ──→ mean + step · root of covariance ──→ mirror at bounds, snap to steps
//! ```
//!
//! What it does about what the textbook leaves open:
//!
//! - **Many trials at once.** Whatever finishes joins the next generation, whichever distribution it was drawn
//!   from; its distance from the mean is bounded (see [`gaussian`]). So the state is a function of the finished
//!   trials in their order and of the size of generations, which grows with the number of trials under way.
//! - **Failed, pruned, infeasible trials** rank last in their generation: pruned ones by progress, infeasible ones
//!   by violation, then failed ones. Equally ranked trials share their weights. Cancelled ones do not count.
//! - **Bounds** mirror. **Steps and ints** keep a least probability of leaving the mean's value (see [`run`]).
//!   A finished trial tells neither the side of the mirror nor the place in the cell: both are drawn again.
//! - **Options** have independent probabilities, learnt from the same ranks (see [`marginals`]).
//! - **Conditions**: parameters that are there together form a group with a distribution and generations of its own,
//!   made of the trials that had it (see [`partition`]).
//! - **Restarts** when a run has nothing left to gain (see [`restart`]). Trials under way at that moment do not
//!   count for the next run, as far as their numbers tell.
//! - **Other studies**: the first run begins where their best trials lie (see [`warm`]).
//! - **Several objectives**: a generation is ranked by fronts and room within them. It finds a part of the front;
//!   use `nsga2` or `tpe` for all of it.

mod gaussian;
mod group;
mod marginals;
mod matrix;
mod partition;
mod rates;
mod restart;
mod run;
mod warm;

use std::sync::Arc;

use super::cache::{self, Opened};
use super::lore::Lore;
use super::tried::{self, Tried};
use super::{CmaEsConfig, ParamSuggestion, SuggestRequest, Suggestion, numbers, random_value};
use crate::columns::{Columns, Outcome};
use crate::space::{Params, Plan};
use crate::transfer::Foreign;

use group::Group;
use partition::Partition;

/// Draws from the distribution before a point of a finite space that was tried already is replaced.
const ATTEMPTS: u32 = 12;

/// Sizes of generations remembered at once; more than change about in one study.
const MOST_SIZES: usize = 4;

/// What is known for each size of generations asked for of late.
pub(super) type Memory = Vec<CmaEs>;

pub(super) fn suggest(config: &CmaEsConfig, request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let plan = opened.plan;
    known(config, request, opened).suggest(request, plan)
}

/// Suggests the value of one parameter, the one it would have in a whole point.
pub(super) fn suggest_one(
    config: &CmaEsConfig,
    request: &SuggestRequest<'_>,
    opened: Opened<'_>,
    index: usize,
) -> ParamSuggestion {
    known(config, request, opened).suggest_one(request, index)
}

/// Brings what is known up to date, for as many trials as are under way now.
fn known<'a>(config: &CmaEsConfig, request: &SuggestRequest<'_>, opened: Opened<'a>) -> &'a CmaEs {
    let Opened { plan, memory, foreign, .. } = opened;
    if !matches!(memory, cache::Memory::CmaEs(_)) {
        *memory = cache::Memory::CmaEs(Vec::new());
    }
    let cache::Memory::CmaEs(sizes) = memory else { unreachable!("it was set above") };
    let parallel = parallel(request);
    let mut known = match sizes.iter().position(|known| known.parallel == parallel) {
        Some(place) => sizes.remove(place),
        None => CmaEs::new(config, request, plan, parallel).starting_from(config, request, foreign),
    };
    known.catch_up(config, request, plan);
    sizes.truncate(MOST_SIZES - 1);
    sizes.insert(0, known);
    &sizes[0]
}

/// Returns how many trials are under way, those asked for included, rounded up to a power of two so that it
/// hardly ever changes.
fn parallel(request: &SuggestRequest<'_>) -> usize {
    let others = request.pending.iter().filter(|pending| pending.number != request.first_number).count();
    (others + request.count.max(1)).next_power_of_two()
}

/// What the sampler knows of a study: a function of its seed, its space and the trials told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CmaEs {
    /// Trials under way at once that generations are sized for.
    parallel: usize,
    /// Number of finished trials learnt from.
    rows: usize,
    partition: Partition,
    groups: Vec<Group>,
    /// The lowest number above all trials seen.
    above_all: u32,
    /// The most trials seen to be missing below the highest number: so many were under way at once.
    most_missing: u32,
    tried: Tried,
    /// Trials of the studies that this one starts from.
    foreign: Vec<Arc<Foreign>>,
}

impl CmaEs {
    /// Knows nothing yet. Generations are sized for `parallel` trials under way at once.
    pub(super) fn new(config: &CmaEsConfig, request: &SuggestRequest<'_>, plan: &Plan, parallel: usize) -> Self {
        let partition = Partition::new(plan, request.space.len());
        let groups = groups(config, request, &partition, parallel, &[]);
        let (tried, foreign) = (Tried::new(request.space), Vec::new());
        Self { parallel, rows: 0, partition, groups, above_all: 0, most_missing: 0, tried, foreign }
    }

    /// Begins where the best trials of other studies lie.
    fn starting_from(self, config: &CmaEsConfig, request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> Self {
        if foreign.is_empty() { self } else { self.regrouped(config, request, foreign.to_vec()) }
    }

    /// Makes the groups anew by the partition.
    fn regrouped(mut self, config: &CmaEsConfig, request: &SuggestRequest<'_>, foreign: Vec<Arc<Foreign>>) -> Self {
        self.groups = groups(config, request, &self.partition, self.parallel, &foreign);
        self.foreign = foreign;
        self
    }

    /// Learns from the trials of the history beyond those learnt from before.
    ///
    /// The result is the same, bit for bit, whether they come at once or one by one.
    pub(super) fn catch_up(&mut self, config: &CmaEsConfig, request: &SuggestRequest<'_>, plan: &Plan) {
        let fresh = || request.history.rows_from(self.rows);
        let learnable = fresh().filter(|(columns, row)| is_learnable(columns.outcome[*row]));
        let mut partition = self.partition.clone();
        let splits = learnable.fold(false, |splits, (columns, row)| partition.refine(columns, row) || splits);
        if splits {
            let foreign = std::mem::take(&mut self.foreign);
            let fresh = Self { partition, ..Self::new(config, request, plan, self.parallel) };
            *self = fresh.regrouped(config, request, foreign);
        }
        for (columns, row) in request.history.rows_from(self.rows) {
            self.tell(request, columns, row);
        }
    }

    fn tell(&mut self, request: &SuggestRequest<'_>, columns: &Columns, row: usize) {
        self.rows += 1;
        self.above_all = self.above_all.max(columns.number[row].saturating_add(1));
        let rows = u32::try_from(self.rows).unwrap_or(u32::MAX);
        self.most_missing = self.most_missing.max(self.above_all.saturating_sub(rows));
        self.tried.note(columns, row, request.space.len());
        let next_number = self.above_all.saturating_add(self.most_missing);
        for group in &mut self.groups {
            group.tell(request, columns, row, next_number);
        }
    }

    /// Suggests `request.count` trials from what is known.
    pub(super) fn suggest(&self, request: &SuggestRequest<'_>, plan: &Plan) -> Vec<Suggestion> {
        let mut fresh = self.tried.with_pending(request);
        let why = self.groups.iter().max_by_key(|group| group.len()).map_or_else(|| "cma-es".to_owned(), Group::why);
        let suggest = |number| {
            let drawn = (0..ATTEMPTS).map(|attempt| self.point(request, plan, number, attempt));
            let params = fresh.first_new(drawn.chain(tried::replacements(request, plan, number)))?;
            Some(Suggestion { number, params, why: why.clone() })
        };
        numbers(request).filter_map(suggest).collect()
    }

    /// Suggests the value of one parameter, the one it would have in a whole point.
    pub(super) fn suggest_one(&self, request: &SuggestRequest<'_>, index: usize) -> ParamSuggestion {
        let number = request.first_number;
        let Some(group) = self.groups.iter().find(|group| group.has(index)) else {
            return ParamSuggestion { value: random_value(request, number, index), why: "cma-es".to_owned() };
        };
        let mut params = vec![f64::NAN; request.space.len()];
        group.draw(request, number, 0, &mut params);
        ParamSuggestion { value: params[index], why: group.why() }
    }

    /// Draws a whole point, group by group as their conditions come to hold.
    fn point(&self, request: &SuggestRequest<'_>, plan: &Plan, number: u32, attempt: u32) -> Params {
        let mut drawn = vec![f64::NAN; request.space.len()];
        self.groups.iter().for_each(|group| group.draw(request, number, attempt, &mut drawn));
        plan.fill(|index, _| if drawn[index].is_nan() { random_value(request, number, index) } else { drawn[index] })
    }
}

fn groups(
    config: &CmaEsConfig,
    request: &SuggestRequest<'_>,
    partition: &Partition,
    parallel: usize,
    foreign: &[Arc<Foreign>],
) -> Vec<Group> {
    let lore = Lore::new(request.space, request.directions, foreign);
    let group = |members: &Vec<usize>| Some(Group::new(config, request, members, parallel)?.starting_from(&lore));
    partition.classes().iter().filter_map(group).collect()
}

/// Whether a trial had all its parameters: a failed or cancelled one may not have asked for the last ones.
fn is_learnable(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Complete | Outcome::Pruned => true,
        Outcome::Failed | Outcome::Cancelled => false,
    }
}

#[cfg(test)]
#[path = "cmaes_tests.rs"]
mod tests;
