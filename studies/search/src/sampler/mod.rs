//! Samplers: from a space and what is known to the next points to try.
//!
//! A suggestion is a pure function of the study seed, the sampler and its version, the trial number, and
//! the history, pending trials and trials of other studies given. Nothing else is read, so the same binary repeats it bit for bit.

mod auto;
mod cache;
mod cmaes;
mod config;
mod cube;
pub(crate) mod dominance;
mod gp;
mod grid;
mod lore;
mod nsga2;
mod sobol;
pub(crate) mod standing;
mod tpe;
mod tried;

use std::sync::Arc;

use crate::columns::{History, Pending, same_numbers};
use crate::draw::{Draw, Use};
use crate::space::{Params, Plan, Space};
use crate::transfer::Foreign;

use cache::Opened;
pub use cache::SamplerCache;
pub use config::{CmaEsConfig, Direction, GpConfig, Nsga2Config, Restarts, SamplerConfig, SamplerError, Startup, TpeConfig};

/// What is planned for a study, as far as somebody said. Only `auto` reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Trials after which the study ends.
    pub max_trials: Option<u32>,
    /// Trials that may be under way at once.
    pub parallel: Option<u32>,
}

/// What a sampler may know, and how much is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct SuggestRequest<'a> {
    /// A valid space.
    pub space: &'a Space,
    /// One direction per objective; empty counts as one objective to minimise.
    pub directions: &'a [Direction],
    /// The trials finished as of this suggestion, in the order in which they finished.
    pub history: History<'a>,
    /// The trials under way.
    pub pending: &'a [Pending],
    /// The study's seed.
    pub seed: u64,
    /// Number of the first trial to suggest for; the others follow without gaps.
    pub first_number: u32,
    /// How many trials to suggest.
    pub count: usize,
    /// What is planned.
    pub hints: Hints,
}

/// A point to try next. Absence equals absence: NaN compares equal to NaN.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// Number of the trial it is for.
    pub number: u32,
    /// Its point, NaN where absent.
    pub params: Params,
    /// One short clause that says where it comes from.
    pub why: String,
}

impl PartialEq for Suggestion {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.why == other.why && same_numbers(&self.params, &other.params)
    }
}

/// The value of one parameter of a trial that asks for them one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamSuggestion {
    /// Its internal number.
    pub value: f64,
    /// One short clause that says where it comes from.
    pub why: String,
}

/// Suggests `request.count` trials, numbered from `request.first_number`.
///
/// Returns fewer only if a grid is exhausted. Each suggestion of a batch counts as pending for those after it.
/// Learns the whole history anew; see [`suggest_cached`] for a study that asks again and again.
pub fn suggest(config: &SamplerConfig, request: &SuggestRequest<'_>) -> Vec<Suggestion> {
    suggest_cached(config, request, &mut SamplerCache::default())
}

/// Does what [`suggest`] does, and remembers in `cache` what it learnt from the history.
pub fn suggest_cached(config: &SamplerConfig, request: &SuggestRequest<'_>, cache: &mut SamplerCache) -> Vec<Suggestion> {
    suggest_warm(config, request, &[], cache)
}

/// Does what [`suggest_cached`] does, for a study that starts from what others have found.
///
/// `foreign` must be the same in every call of a study. TPE models its trials beside the own ones; TPE, the Gaussian
/// process and NSGA-II try the best of them first, in turns with evenly spread points; CMA-ES begins where they lie.
/// Random, Sobol and grid do not look at them.
pub fn suggest_warm(
    config: &SamplerConfig,
    request: &SuggestRequest<'_>,
    foreign: &[Arc<Foreign>],
    cache: &mut SamplerCache,
) -> Vec<Suggestion> {
    answer(config, request, cache.open(config, request, foreign))
}

fn answer(config: &SamplerConfig, request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let plan = opened.plan;
    match config {
        SamplerConfig::Random => each(request, |number| random(request, plan, number)),
        SamplerConfig::Sobol => each(request, |number| sobol::point(request, plan, number)),
        SamplerConfig::Grid => grid::suggest(request),
        SamplerConfig::Tpe(config) => tpe::suggest(config, request, opened),
        SamplerConfig::CmaEs(config) => cmaes::suggest(config, request, opened),
        SamplerConfig::Gp(config) => gp::suggest(config, request, opened),
        SamplerConfig::Nsga2(config) => nsga2::suggest(config, request, opened),
        SamplerConfig::Auto => auto::suggest(request, opened),
    }
}

/// Suggests the parameter called `name` of trial `request.first_number`, for spaces defined while a trial runs.
///
/// Random and Sobol draw what they would draw for the whole point. TPE models the parameter alone, over the
/// trials that had it. A grid cannot be laid over a space that is still growing and draws at random.
/// `None` if the space has no such parameter. Conditions are the caller's business here: who asks, gets.
pub fn suggest_one_param(config: &SamplerConfig, request: &SuggestRequest<'_>, name: &str) -> Option<ParamSuggestion> {
    suggest_one_param_cached(config, request, name, &mut SamplerCache::default())
}

/// Does what [`suggest_one_param`] does, and remembers in `cache` what it learnt from the history.
///
/// The cache may be the one that [`suggest_cached`] is given.
pub fn suggest_one_param_cached(
    config: &SamplerConfig,
    request: &SuggestRequest<'_>,
    name: &str,
    cache: &mut SamplerCache,
) -> Option<ParamSuggestion> {
    suggest_one_param_warm(config, request, &[], name, cache)
}

/// Does what [`suggest_one_param_cached`] does, for a study that starts from what others have found.
pub fn suggest_one_param_warm(
    config: &SamplerConfig,
    request: &SuggestRequest<'_>,
    foreign: &[Arc<Foreign>],
    name: &str,
    cache: &mut SamplerCache,
) -> Option<ParamSuggestion> {
    let index = request.space.index_of(name)?;
    let number = request.first_number;
    Some(match config {
        SamplerConfig::Random | SamplerConfig::Grid => {
            ParamSuggestion { value: random_value(request, number, index), why: "random".to_owned() }
        }
        SamplerConfig::Sobol => {
            let value = sobol::value(request, number, index);
            ParamSuggestion { value, why: sobol::why(number) }
        }
        SamplerConfig::Tpe(tpe) => tpe::suggest_one(tpe, request, cache.open(config, request, foreign), index),
        SamplerConfig::CmaEs(cmaes) => cmaes::suggest_one(cmaes, request, cache.open(config, request, foreign), index),
        SamplerConfig::Gp(gp) => gp::suggest_one(gp, request, cache.open(config, request, foreign), index),
        SamplerConfig::Nsga2(nsga2) => nsga2::suggest_one(nsga2, request, cache.open(config, request, foreign), index),
        SamplerConfig::Auto => auto::suggest_one(request, cache.open(config, request, foreign), index),
    })
}

/// The numbers of the trials wanted; ends early rather than overflow.
fn numbers(request: &SuggestRequest<'_>) -> impl Iterator<Item = u32> + use<> {
    (request.first_number..=u32::MAX).take(request.count)
}

fn each(request: &SuggestRequest<'_>, suggest: impl Fn(u32) -> Suggestion) -> Vec<Suggestion> {
    numbers(request).map(suggest).collect()
}

fn random(request: &SuggestRequest<'_>, plan: &Plan, number: u32) -> Suggestion {
    let params = plan.fill(|index, _| random_value(request, number, index));
    Suggestion { number, params, why: "random".to_owned() }
}

fn random_value(request: &SuggestRequest<'_>, number: u32, index: usize) -> f64 {
    let parameter = &request.space.parameters[index];
    let unit = Draw::new(request.seed, number, &parameter.name, Use::Value).unit();
    parameter.distribution.from_unit(unit)
}

#[cfg(test)]
#[path = "sampler_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "cache_tests.rs"]
mod cache_tests;
