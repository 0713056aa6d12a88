//! Chooses among the other samplers for every trial, and says why.
//!
//! ```text
//! space, objectives ──┐
//! budget, parallelism ├─→ situation ─→ choice ─→ that sampler, with a memory of its own
//! trials that ended ──┘
//! ```
//!
//! The choice is a function of the request alone (see [`policy`]). A sampler chosen late has learnt from all trials
//! before, whichever sampler they came from: each reads the whole history when it is asked.

mod policy;
mod situation;

use std::sync::Arc;

use super::cache::{self, Opened};
use super::{ParamSuggestion, SamplerConfig, SuggestRequest, Suggestion, answer, tpe};
use crate::sampler::TpeConfig;
use crate::space::Plan;
use crate::transfer::Foreign;

use policy::{Choice, choose};
use situation::Situation;

/// What the chosen samplers remember, and what was noted of the trials.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// One for each sampler chosen so far.
    chosen: Vec<Chosen>,
    /// Whether any trial violated a constraint.
    is_constrained: bool,
}

/// A sampler that was chosen once, and may be behind since.
#[derive(Debug)]
struct Chosen {
    sampler: SamplerConfig,
    memory: cache::Memory,
    /// How many rows it was shown.
    seen: usize,
}

pub(super) fn suggest(request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let Opened { plan, foreign, memory, unseen } = opened;
    let memory = own(memory);
    memory.note(request, unseen.start);
    let Choice { sampler, because } = choose(&Situation::of(request, memory.is_constrained));
    let mut suggestions = answer(&sampler, request, memory.open(&sampler, (plan, foreign), unseen.end));
    let before = format!("auto: {}, because {because}; ", sampler.name());
    suggestions.iter_mut().for_each(|suggestion| suggestion.why.insert_str(0, &before));
    suggestions
}

/// Suggests one parameter by TPE, the only sampler that models a parameter without the others.
pub(super) fn suggest_one(request: &SuggestRequest<'_>, opened: Opened<'_>, index: usize) -> ParamSuggestion {
    let Opened { plan, foreign, memory, unseen } = opened;
    let memory = own(memory);
    memory.note(request, unseen.start);
    let config = TpeConfig::default();
    let inner = memory.open(&SamplerConfig::Tpe(config.clone()), (plan, foreign), unseen.end);
    let mut suggestion = tpe::suggest_one(&config, request, inner, index);
    suggestion.why.insert_str(0, "auto: tpe, because parameters are asked for one by one; ");
    suggestion
}

fn own(memory: &mut cache::Memory) -> &mut Memory {
    if !matches!(memory, cache::Memory::Auto(_)) {
        *memory = cache::Memory::Auto(Box::default());
    }
    let cache::Memory::Auto(memory) = memory else { unreachable!("it was set above") };
    memory
}

impl Memory {
    /// Looks at the rows from `unseen` on.
    fn note(&mut self, request: &SuggestRequest<'_>, unseen: usize) {
        let violates = |violation: f64| violation > 0.0 || violation.is_nan();
        self.is_constrained |= request.history.rows_from(unseen).any(|(columns, row)| violates(columns.violation(row)));
    }

    /// Opens the memory of a sampler, empty if it was never chosen, to learn the history up to row `rows`.
    fn open<'a>(
        &'a mut self,
        sampler: &SamplerConfig,
        (plan, foreign): (&'a Plan, &'a [Arc<Foreign>]),
        rows: usize,
    ) -> Opened<'a> {
        let known = self.chosen.iter().position(|chosen| chosen.sampler == *sampler);
        let place = known.unwrap_or_else(|| {
            self.chosen.push(Chosen { sampler: sampler.clone(), memory: cache::Memory::Empty, seen: 0 });
            self.chosen.len() - 1
        });
        let Chosen { memory, seen, .. } = &mut self.chosen[place];
        let unseen = *seen..rows;
        *seen = rows;
        Opened { plan, foreign, memory, unseen }
    }
}

#[cfg(test)]
#[path = "auto_tests.rs"]
mod tests;
