//! Points of a finite space that were tried before, and new ones to take their place.

use crate::columns::{Columns, Outcome, Pending, same_number, same_numbers};
use crate::draw::{Draw, Use};
use crate::sampler::{SuggestRequest, grid};
use crate::space::{Grid, Params, Plan};

/// Random points tried before the space is searched in order.
const RANDOM_TRIES: u32 = 32;
/// Points looked at when searching in order; beyond that a repeated point is accepted.
const SEARCHED: u64 = 10_000;

/// The trials of a study in a finite space; empty knowledge for any other space.
pub(super) struct Taken<'a> {
    request: &'a SuggestRequest<'a>,
    grid: Option<Grid>,
}

impl<'a> Taken<'a> {
    pub(super) fn new(request: &'a SuggestRequest<'a>) -> Self {
        Self { request, grid: Grid::new(request.space) }
    }

    /// Whether `params` was tried or is under way. Never in a space with infinitely many points.
    ///
    /// Cancelled trials say nothing about their point; failed ones would likely fail again.
    pub(super) fn contains(&self, params: &[f64], pending: &[Pending]) -> bool {
        self.grid.is_some() && (self.is_finished(params) || is_under_way(params, pending))
    }

    /// Returns a point that was not tried, if one is found: at random first, then in the grid's order.
    pub(super) fn replacement(&self, number: u32, plan: &Plan, pending: &[Pending]) -> Option<Params> {
        let grid = self.grid.as_ref()?;
        let seed = self.request.seed;
        for attempt in 0..RANDOM_TRIES {
            let params = plan.fill(|index, _| {
                let parameter = &self.request.space.parameters[index];
                let mut draw = Draw::again(seed, number, &parameter.name, Use::Replacement, attempt);
                parameter.distribution.from_unit(draw.unit())
            });
            if !self.contains(&params, pending) {
                return Some(params);
            }
        }
        let places = 0..grid.len().min(SEARCHED);
        places
            .filter_map(|place| grid.point(grid::shuffled(seed, place, grid.len())?))
            .find(|params| !self.contains(params, pending))
    }

    fn is_finished(&self, params: &[f64]) -> bool {
        self.request.history.rows().any(|(columns, row)| is_same_point(columns, row, params))
    }
}

fn is_same_point(columns: &Columns, row: usize, params: &[f64]) -> bool {
    let counts = match columns.outcome[row] {
        Outcome::Complete | Outcome::Pruned | Outcome::Failed => true,
        Outcome::Cancelled => false,
    };
    counts && params.iter().enumerate().all(|(index, &value)| same_number(columns.param(index, row), value))
}

fn is_under_way(params: &[f64], pending: &[Pending]) -> bool {
    pending.iter().any(|pending| same_numbers(&pending.params, params))
}
