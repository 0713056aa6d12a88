//! What TPE keeps of a study between calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::crowd::Bounds;
use super::foreign;
use super::group::{self, Group};
use super::taken::Taken;
use crate::columns::{Columns, History};
use crate::sampler::lore::Lore;
use crate::sampler::{SuggestRequest, TpeConfig};
use crate::space::{Plan, Space};
use crate::transfer::Foreign;

/// The smallest number of kernels for bad trials.
const FEWEST_KERNELS: usize = 8;

/// Everything learnt from a study's finished trials.
#[derive(Debug)]
pub(in crate::sampler) struct Memory {
    /// How many rows of the history were looked at.
    seen: usize,
    /// Complete and pruned trials.
    pub(super) trials: usize,
    /// For each parameter a sum of which trials had it: parameters that differ in this differ in the sum.
    presence: Vec<u64>,
    pub(super) groups: Vec<Group>,
    /// Parameters modelled alone, because they were asked for one by one.
    singles: BTreeMap<usize, Group>,
    pub(super) taken: Taken,
    bounds: Option<Bounds>,
    /// What other studies tell.
    pub(super) lore: Lore,
}

impl Memory {
    pub(in crate::sampler) fn new(config: &TpeConfig, space: &Space) -> Self {
        Self {
            seen: 0,
            trials: 0,
            presence: vec![0; space.len()],
            groups: Vec::new(),
            singles: BTreeMap::new(),
            taken: Taken::new(space),
            bounds: config.kernels.map(bounds),
            lore: Lore::new(space, &[], &[]),
        }
    }

    /// Looks at other studies too.
    pub(super) fn starting_from(mut self, request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> Self {
        self.lore = Lore::new(request.space, request.directions, foreign);
        self
    }

    /// Learns the rows not seen yet, as far as they concern all groups.
    pub(super) fn catch_up(&mut self, request: &SuggestRequest<'_>) {
        for (columns, row) in request.history.rows_from(self.seen) {
            self.taken.learn(request.space, columns, row);
            if group::is_learnable(columns.outcome[row]) {
                self.trials += 1;
                self.note_presence(columns, row);
            }
        }
        self.seen = request.history.len();
        self.lore.catch_up(request);
    }

    /// Whether there are too few trials for a model; with those of other studies, while they are believed, few do.
    pub(super) fn is_starting(&self, config: &TpeConfig) -> bool {
        let own = config.startup_trials as usize;
        self.trials < if self.lore.is_believed() { own.min(foreign::STARTUP_TRIALS) } else { own }
    }

    /// Says what other studies add to a model; empty if nothing.
    pub(super) fn warm(&self) -> String {
        let weight = self.lore.weights().into_iter().fold(0.0, f64::max);
        if weight > 0.0 { format!(", warm start weighs {:.0} %", 100.0 * weight) } else { String::new() }
    }

    fn note_presence(&mut self, columns: &Columns, row: usize) {
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        for (parameter, sum) in self.presence.iter_mut().enumerate() {
            let bit = 1 + u64::from(columns.param(parameter, row).is_nan());
            *sum = (sum.rotate_left(5) ^ bit).wrapping_mul(PRIME);
        }
    }

    /// Brings the groups up to date. Groups that trials cut finer are learnt anew.
    pub(super) fn learn_groups(&mut self, config: &TpeConfig, request: &SuggestRequest<'_>, plan: &Plan) {
        let partition = group::partition(request.space, plan, &self.presence, config.multivariate);
        let is_same = partition.len() == self.groups.len()
            && partition.iter().zip(&self.groups).all(|(members, group)| group.has_members(members));
        if !is_same {
            self.groups = partition.iter().map(|members| Group::new(members, request.space, self.bounds)).collect();
        }
        for group in &mut self.groups {
            group.learn_lore(&self.lore);
            group.catch_up(request.history, request.directions);
        }
    }

    /// Returns the model of one parameter alone, up to date.
    pub(super) fn single(&mut self, request: &SuggestRequest<'_>, index: usize) -> &Group {
        let (history, directions): (History<'_>, _) = (request.history, request.directions);
        let group = self.singles.entry(index).or_insert_with(|| Group::new(&[index], request.space, self.bounds));
        group.learn_lore(&self.lore);
        group.catch_up(history, directions);
        group
    }
}

/// Shares so many kernels out between trials kept as they are and clusters.
fn bounds(kernels: u32) -> Bounds {
    let kernels = (kernels as usize).max(FEWEST_KERNELS);
    let clusters = kernels / 3;
    Bounds { latest: kernels - clusters, clusters }
}
