//! What samplers remember between calls, so that no suggestion works out again what has not changed.
//!
//! ```text
//!  request ─→ known? ─ yes ─→ memory + rows it has not seen ─→ the sampler learns those, then answers
//!                 └─── no ──→ nothing + all rows ───────────────↗
//! ```
//!
//! A cache is only a cache: an answer with a warm one is bit-identical to an answer with a fresh one. A sampler
//! upholds that by learning rows one after the other, so that its memory is a function of their sequence alone,
//! however it was cut into calls.

use std::ops::Range;
use std::sync::Arc;

use super::{Direction, SamplerConfig, SuggestRequest, auto, cmaes, gp, nsga2, tpe};
use crate::columns::{Columns, History};
use crate::space::{Plan, Space};
use crate::transfer::Foreign;

/// What a sampler remembers of one study; make one per study and pass it to every call.
///
/// Opaque, and safe to drop at any time. Histories are expected to be append-only, in the order in which
/// trials finished; for any other history, space, direction, seed, sampler or other study's trials the memory is rebuilt.
#[derive(Debug, Default)]
pub struct SamplerCache {
    known: Option<Known>,
    memory: Memory,
}

/// What a sampler made of the rows it has seen; every kind that reads the history has its own variant.
#[derive(Debug, Default)]
pub(super) enum Memory {
    /// Nothing has been learnt.
    #[default]
    Empty,
    /// Of the samplers that `auto` chose.
    Auto(Box<auto::Memory>),
    /// Of CMA-ES.
    CmaEs(cmaes::Memory),
    /// The last fit of a Gaussian process, and its factor.
    Gp(Box<gp::Memory>),
    /// Of NSGA-II.
    Nsga2(nsga2::Nsga2),
    /// The best trials, and bounded models of the others.
    Tpe(Box<tpe::Memory>),
}

/// A cache opened for one request.
pub(super) struct Opened<'a> {
    /// The space's plan.
    pub(super) plan: &'a Plan,
    /// Trials of the studies that this one starts from.
    pub(super) foreign: &'a [Arc<Foreign>],
    /// What was learnt from the rows before `unseen`; [`Memory::Empty`] if that is nothing or was forgotten.
    pub(super) memory: &'a mut Memory,
    /// The rows of the history that the memory does not hold yet, counted from the oldest. The sampler must
    /// learn them all, in order: the cache takes them for seen from now on.
    pub(super) unseen: Range<usize>,
}

impl SamplerCache {
    /// Opens the cache for a request, and forgets everything if it belongs to another one.
    pub(super) fn open(&mut self, config: &SamplerConfig, request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> Opened<'_> {
        if !self.known.as_ref().is_some_and(|known| known.covers(config, request, foreign)) {
            *self = Self::default();
        }
        let known = self.known.get_or_insert_with(|| Known::new(config, request, foreign));
        let unseen = known.seen..request.history.len();
        if !unseen.is_empty() {
            known.seen = unseen.end;
            known.last = mark(request.history, unseen.end);
        }
        Opened { plan: &known.plan, foreign: &known.foreign, memory: &mut self.memory, unseen }
    }
}

/// What a memory was made from.
#[derive(Debug)]
struct Known {
    config: SamplerConfig,
    space: Space,
    plan: Plan,
    directions: Vec<Direction>,
    foreign: Vec<Arc<Foreign>>,
    seed: u64,
    /// How many rows were learnt.
    seen: usize,
    /// A mark of the last of them.
    last: u64,
}

impl Known {
    fn new(config: &SamplerConfig, request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> Self {
        Self {
            config: config.clone(),
            foreign: foreign.to_vec(),
            space: request.space.clone(),
            plan: request.space.plan(),
            directions: request.directions.to_vec(),
            seed: request.seed,
            seen: 0,
            last: mark(request.history, 0),
        }
    }

    /// Whether the request goes on from what is known.
    fn covers(&self, config: &SamplerConfig, request: &SuggestRequest<'_>, foreign: &[Arc<Foreign>]) -> bool {
        self.seed == request.seed
            && self.directions == request.directions
            && same(&self.foreign, foreign)
            && self.config == *config
            && self.space == *request.space
            && self.seen <= request.history.len()
            && self.last == mark(request.history, self.seen)
    }
}

/// Whether both are the same trials; quick where they are shared.
fn same(a: &[Arc<Foreign>], b: &[Arc<Foreign>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
}

/// Returns a mark of the last of the first `rows` rows, which another history would hardly share.
fn mark(history: History<'_>, rows: usize) -> u64 {
    let Some((columns, row)) = rows.checked_sub(1).and_then(|last| history.rows_from(last).next()) else {
        return 0;
    };
    let cells = cells(columns, row);
    cells.fold(0xcbf2_9ce4_8422_2325, |hash, bits| (hash.rotate_left(5) ^ bits).wrapping_mul(0x0100_0000_01b3))
}

/// Returns everything about a row that a sampler might read, as bits. NaN counts as absent in any of its forms.
fn cells(columns: &Columns, row: usize) -> impl Iterator<Item = u64> {
    let bits = |number: f64| if number.is_nan() { u64::MAX } else { number.to_bits() };
    let report = columns.last_report(row);
    let fixed = [
        u64::from(columns.number[row]),
        columns.outcome[row] as u64,
        bits(columns.violation(row)),
        report.map_or(0, |(step, _)| step as u64),
        report.map_or(0, |(_, value)| bits(value)),
    ];
    let present = |(index, number): (usize, f64)| (!number.is_nan()).then(|| number.to_bits() ^ index as u64);
    let params = (0..columns.params.len()).map(move |index| (index, columns.param(index, row)));
    let values = (0..columns.values.len()).map(move |index| (index, columns.value(index, row)));
    fixed.into_iter().chain(params.filter_map(present)).chain(values.filter_map(present))
}
