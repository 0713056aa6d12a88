//! The points of a finite space that were tried, as hashes, learnt trial by trial.

use std::collections::HashSet;

use super::SuggestRequest;
use crate::columns::{Columns, Outcome};
use crate::draw::{Draw, Use};
use crate::space::{Parameter, Params, Plan, Space};

/// Points tried so far; knows nothing in a space with infinitely many.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tried(Option<HashSet<u64>>);

impl Tried {
    /// Nothing was tried yet.
    pub(super) fn new(space: &Space) -> Self {
        Self(space.cardinality().map(|_| HashSet::new()))
    }

    /// Takes note of a finished trial. A cancelled one says nothing about its point.
    pub(super) fn note(&mut self, columns: &Columns, row: usize, parameters: usize) {
        if let Some(hashes) = self.0.as_mut().filter(|_| columns.outcome[row] != Outcome::Cancelled) {
            hashes.insert(hash((0..parameters).map(|index| columns.param(index, row))));
        }
    }

    /// Opens one call: adds the trials under way.
    pub(super) fn with_pending(&self, request: &SuggestRequest<'_>) -> Fresh<'_> {
        let hashes = || request.pending.iter().map(|pending| hash(pending.params.iter().copied())).collect();
        Fresh { tried: self.0.as_ref(), under_way: if self.0.is_some() { hashes() } else { HashSet::new() } }
    }
}

/// Tells new points from those tried or under way.
pub(super) struct Fresh<'a> {
    tried: Option<&'a HashSet<u64>>,
    under_way: HashSet<u64>,
}

impl Fresh<'_> {
    /// Returns the first point that is new, or the first of all, and takes it for under way from now on.
    ///
    /// Where points never repeat, the first one is new.
    pub(super) fn first_new(&mut self, mut points: impl Iterator<Item = Params>) -> Option<Params> {
        let first = points.next()?;
        let Some(tried) = self.tried else { return Some(first) };
        let is_new = |params: &Params| {
            let hash = hash(params.iter().copied());
            !tried.contains(&hash) && !self.under_way.contains(&hash)
        };
        let chosen = if is_new(&first) { first } else { points.find(is_new).unwrap_or(first) };
        self.under_way.insert(hash(chosen.iter().copied()));
        Some(chosen)
    }
}

/// Draws points uniformly, to take the place of repeated ones.
pub(super) fn replacements(request: &SuggestRequest<'_>, plan: &Plan, number: u32) -> impl Iterator<Item = Params> {
    /// Points drawn before one is repeated.
    const REPLACEMENTS: u32 = 48;
    (0..REPLACEMENTS).map(move |attempt| {
        plan.fill(|index, _| {
            let Parameter { name, distribution, .. } = &request.space.parameters[index];
            distribution.from_unit(Draw::again(request.seed, number, name, Use::Replacement, attempt).unit())
        })
    })
}

/// Hashes a point, absent parameters alike (Fowler, Noll and Vo 1991, over whole words).
fn hash(params: impl Iterator<Item = f64>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    params.fold(0xcbf2_9ce4_8422_2325, |hash, value| {
        let bits = if value.is_nan() { u64::MAX } else { (value + 0.0).to_bits() };
        (hash.rotate_left(23) ^ bits).wrapping_mul(PRIME)
    })
}
