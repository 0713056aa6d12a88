//! Points of a finite space that were tried before, and new ones to take their place.

use std::collections::BTreeSet;

use crate::columns::{Columns, Outcome, Pending};
use crate::draw::{Draw, Use};
use crate::sampler::{SuggestRequest, grid};
use crate::space::{Grid, Params, Plan, Space};

/// Random points tried before the space is searched in order.
const RANDOM_TRIES: u32 = 32;
/// Points looked at when searching in order; beyond that a repeated point is accepted.
const SEARCHED: u64 = 10_000;

/// The trials of a study in a finite space; empty knowledge for any other space.
#[derive(Debug)]
pub(super) struct Taken {
    grid: Option<Grid>,
    finished: BTreeSet<Mark>,
}

/// A point of a finite space in 128 bits, which no two points of a study will share.
type Mark = u128;

impl Taken {
    pub(super) fn new(space: &Space) -> Self {
        Self { grid: Grid::new(space), finished: BTreeSet::new() }
    }

    /// Notes a finished trial.
    ///
    /// Cancelled trials say nothing about their point; failed ones would likely fail again.
    pub(super) fn learn(&mut self, space: &Space, columns: &Columns, row: usize) {
        let counts = match columns.outcome[row] {
            Outcome::Complete | Outcome::Pruned | Outcome::Failed => self.grid.is_some(),
            Outcome::Cancelled => false,
        };
        if counts {
            self.finished.insert(mark((0..space.len()).map(|index| columns.param(index, row))));
        }
    }

    /// Joins what was tried with what is under way.
    pub(super) fn with<'a>(&'a self, pending: &[Pending]) -> TakenNow<'a> {
        let marks = pending.iter().filter(|_| self.grid.is_some()).map(|pending| mark(pending.params.iter().copied()));
        TakenNow { taken: self, under_way: marks.collect() }
    }
}

/// What is taken at the moment of a suggestion.
#[derive(Debug)]
pub(super) struct TakenNow<'a> {
    taken: &'a Taken,
    under_way: BTreeSet<Mark>,
}

impl TakenNow<'_> {
    /// Whether `params` was tried or is under way. Never in a space with infinitely many points.
    pub(super) fn contains(&self, params: &[f64]) -> bool {
        if self.taken.grid.is_none() {
            return false;
        }
        let mark = mark(params.iter().copied());
        self.taken.finished.contains(&mark) || self.under_way.contains(&mark)
    }

    /// Notes a suggestion.
    pub(super) fn add(&mut self, params: &[f64]) {
        if self.taken.grid.is_some() {
            self.under_way.insert(mark(params.iter().copied()));
        }
    }

    /// Returns a point that was not tried, if one is found: at random first, then in the grid's order.
    pub(super) fn replacement(&self, request: &SuggestRequest<'_>, number: u32, plan: &Plan) -> Option<Params> {
        let grid = self.taken.grid.as_ref()?;
        for attempt in 0..RANDOM_TRIES {
            let params = plan.fill(|index, _| {
                let parameter = &request.space.parameters[index];
                let mut draw = Draw::again(request.seed, number, &parameter.name, Use::Replacement, attempt);
                parameter.distribution.from_unit(draw.unit())
            });
            if !self.contains(&params) {
                return Some(params);
            }
        }
        let places = 0..grid.len().min(SEARCHED);
        places
            .filter_map(|place| grid.point(grid::shuffled(request.seed, place, grid.len())?))
            .find(|params| !self.contains(params))
    }
}

/// Hashes a point (Fowler, Noll and Vo 1991, variant 1a, by words); NaN is NaN, and -0 is 0.
fn mark(params: impl Iterator<Item = f64>) -> Mark {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bits = |value: f64| if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
    params.fold(OFFSET, |hash, value| (hash ^ u128::from(bits(value))).wrapping_mul(PRIME).rotate_left(29))
}
