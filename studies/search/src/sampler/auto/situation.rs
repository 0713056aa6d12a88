//! What a choice of a sampler depends on.

use crate::sampler::SuggestRequest;
use crate::space::{Distribution, Parameter};

/// A study as far as it matters for the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Situation {
    /// Numeric parameters with more than one value.
    pub(super) numbers: usize,
    /// Categorical parameters with more than one option.
    pub(super) options: usize,
    /// Whether some parameters exist under conditions only.
    pub(super) is_conditional: bool,
    /// Whether a trial violated a constraint.
    pub(super) is_constrained: bool,
    pub(super) objectives: usize,
    /// Trials under way at once, as planned or as seen, whichever is more.
    pub(super) parallel: usize,
    /// Trials planned.
    pub(super) budget: Option<u32>,
    /// Trials that ended.
    pub(super) ended: usize,
}

impl Situation {
    pub(super) fn of(request: &SuggestRequest<'_>, is_constrained: bool) -> Self {
        let parameters = &request.space.parameters;
        let varied = || parameters.iter().filter(|parameter| is_varied(parameter));
        let options = varied().filter(|parameter| is_categorical(parameter)).count();
        let planned = request.hints.parallel.unwrap_or(1) as usize;
        Self {
            numbers: varied().count() - options,
            options,
            is_conditional: parameters.iter().any(|parameter| !parameter.when.is_empty()),
            is_constrained,
            objectives: request.directions.len().max(1),
            parallel: planned.max(under_way(request)),
            budget: request.hints.max_trials,
            ended: request.history.len(),
        }
    }

    pub(super) fn parameters(&self) -> usize {
        self.numbers + self.options
    }
}

/// Returns how many trials are under way, those asked for included.
fn under_way(request: &SuggestRequest<'_>) -> usize {
    let first = request.first_number;
    let is_wanted = |number: u32| number.checked_sub(first).is_some_and(|ahead| (ahead as usize) < request.count);
    request.pending.iter().filter(|pending| !is_wanted(pending.number)).count() + request.count
}

fn is_varied(parameter: &Parameter) -> bool {
    parameter.distribution.cardinality().is_none_or(|count| count > 1)
}

fn is_categorical(parameter: &Parameter) -> bool {
    match parameter.distribution {
        Distribution::Categorical { .. } => true,
        Distribution::Float { .. } | Distribution::Int { .. } => false,
    }
}
