//! Gaussian-process search: expected improvement on a model of the objective, for tens to hundreds of trials.
//!
//! ```text
//! finished trials ─→ records ─→ warped losses ─→ objective model ──┐
//!                       └─────→ feasible or not ─→ second model ───┼─→ acquisition ─→ search ─→ point
//! trials under way ─→ believed to end as predicted ────────────────┘
//! ```
//!
//! | Part | What it owns |
//! |---|---|
//! | [`mod@records`] | what each kind of trial teaches |
//! | [`warp`] | losses made fit for the model |
//! | [`feasibility`] | on which side of the constraints a trial lies, and how far |
//! | [`encoding`] | points as the kernel sees them: scales, steps, options, absence |
//! | [`kernel`], [`linalg`], [`model`] | covariances, factors, predictions |
//! | [`fit`], [`descent`] | length scales, signal and noise |
//! | [`study`] | which trials the models hold, and when they are fitted anew |
//! | [`ei`], [`acquisition`], [`search`] | what a point promises, and where that is most |
//! | [`parabola`] | where the best trials lead if the objective is smooth there: every third trial |
//!
//! **Several objectives** are reduced to one per trial by a Chebyshev sum with random weights (ParEGO, Knowles 2006).
//! **Constraints** and failures share one model of feasibility; while no trial was feasible, the violation itself
//! is what is minimised. **The cost** of a suggestion is bounded by the number of trials the models hold.

mod acquisition;
mod descent;
mod ei;
mod encoding;
mod feasibility;
mod fit;
mod kernel;
mod linalg;
mod model;
mod parabola;
mod records;
mod scalar;
mod search;
mod study;
mod warp;

use super::cache::{self, Opened};
use super::lore::Lore;
use super::{GpConfig, ParamSuggestion, SuggestRequest, Suggestion, numbers, random, random_value, sobol};
use crate::space::Plan;

use records::records;
use search::Search;
use study::{Models, Study};

pub(super) use study::Memory;

/// Every so many trials one goes to the lowest point of a parabola, where one fits.
const EVERY: u32 = 3;

pub(super) fn suggest(config: &GpConfig, request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let Opened { plan, memory, foreign, .. } = opened;
    let records = records(request.history);
    let learnt = records.iter().filter(|record| record.has_values()).count();
    if learnt < config.startup_trials.max(1) as usize {
        return first_points(request, plan, &Lore::of(request, foreign));
    }
    if !matches!(memory, cache::Memory::Gp(_)) {
        *memory = cache::Memory::Gp(Box::default());
    }
    let cache::Memory::Gp(memory) = memory else { unreachable!("it was set above") };
    let study = Study::new(config, request, plan, &records);
    let models = study.models(request.first_number, &study.under_way(), memory);
    Batch { request, plan, study: &study, learnt, models }.run(memory)
}

/// Suggests one parameter of the point that would be suggested whole; at random if the point lacks it.
pub(super) fn suggest_one(config: &GpConfig, request: &SuggestRequest<'_>, opened: Opened<'_>, index: usize) -> ParamSuggestion {
    let one = SuggestRequest { count: 1, ..*request };
    let whole = suggest(config, &one, opened).pop();
    match whole {
        Some(whole) if !whole.params[index].is_nan() => ParamSuggestion { value: whole.params[index], why: whole.why },
        Some(_) | None => {
            let value = random_value(request, request.first_number, index);
            ParamSuggestion { value, why: "gp: random, the point it would choose lacks it".to_owned() }
        }
    }
}

/// Spreads points evenly, in turns with the best ones of other studies.
fn first_points(request: &SuggestRequest<'_>, plan: &Plan, lore: &Lore) -> Vec<Suggestion> {
    let mut batch = Vec::new();
    for number in numbers(request) {
        let suggestion = lore.start(request, plan, number, &batch).unwrap_or_else(|| startup(request, plan, number));
        batch.push(suggestion);
    }
    batch
}

fn startup(request: &SuggestRequest<'_>, plan: &Plan, number: u32) -> Suggestion {
    let mut suggestion = sobol::point(request, plan, number);
    suggestion.why.insert_str(0, "startup: ");
    suggestion
}

/// Suggestions of one call, each of which counts as under way for the next.
struct Batch<'a> {
    request: &'a SuggestRequest<'a>,
    plan: &'a Plan,
    study: &'a Study<'a>,
    learnt: usize,
    models: Models,
}

impl Batch<'_> {
    fn run(mut self, memory: &mut Memory) -> Vec<Suggestion> {
        let mut under_way = self.study.under_way();
        let mut suggestions = Vec::new();
        for number in numbers(self.request) {
            // Several objectives are weighed anew for every trial.
            if number > self.request.first_number && self.request.directions.len() > 1 {
                self.models = self.study.models(number, &under_way, memory);
            }
            let suggestion = self.suggest(number);
            let point = self.study.encoded(&suggestion.params);
            self.models.acquisition.believe(&point);
            under_way.push(point);
            suggestions.push(suggestion);
        }
        suggestions
    }

    fn suggest(&self, number: u32) -> Suggestion {
        let lowest = if number % EVERY == EVERY - 1 { self.lowest(number) } else { None };
        lowest.unwrap_or_else(|| self.most_promising(number))
    }

    /// Suggests the lowest point of a parabola, unless it was tried, is under way, or is likely infeasible.
    fn lowest(&self, number: u32) -> Option<Suggestion> {
        let (params, trials) = self.study.lowest()?;
        let is_possible = self.models.acquisition.is_possible(&self.study.encoded(&params));
        let why = format!("gp: lowest point of a parabola through the best {trials} trials");
        is_possible.then_some(Suggestion { number, params, why })
    }

    fn most_promising(&self, number: u32) -> Suggestion {
        let search = Search {
            encoding: self.study.encoding(),
            acquisition: &self.models.acquisition,
            centres: &self.models.centres,
            seed: self.request.seed,
            number,
        };
        let Some(found) = search.run() else {
            return Suggestion { why: "gp: random, its points are taken".to_owned(), ..random(self.request, self.plan, number) };
        };
        let why = format!("gp: log improvement {:.2} over {} trials", found.promise, self.learnt);
        Suggestion { number, params: found.params, why }
    }
}

#[cfg(test)]
#[path = "gp_tests.rs"]
mod tests;
