//! Tree-structured Parzen estimator (Bergstra et al. 2011, Watanabe 2023), in bounded time.
//!
//! ```text
//! finished trials ─ split ─→ good ones ─→ mixture l(x) ─ some candidates ─┐
//!                      └───→ the rest  ─→ mixture g(x) ──────────────────┴→ the largest l(x) / g(x)
//!   trials under way ─────────↑
//! ```
//!
//! The split is made per group of parameters (see [`group`]) over the trials that had the group, so a branch of
//! a conditional space learns from its own trials. With several objectives the good ones are the first fronts
//! by non-domination, the last of them thinned to the trials that cover most volume together.
//!
//! What is learnt is kept between calls and grows by a row at a time; the rest is a bounded number of kernels
//! (see [`crowd`]), so that the time of a suggestion does not grow with the history.
//!
//! Trials of other studies join both mixtures with kernels of their own (see [`foreign`]).
//!
//! In a finite space a point tried before is not suggested again while there are others.

mod axis;
mod bank;
mod crowd;
mod exp;
mod foreign;
mod good;
mod group;
mod memory;
mod pool;
mod taken;
mod wide;

use std::sync::Arc;

use super::cache::{self, Opened};
use super::{ParamSuggestion, Startup, SuggestRequest, Suggestion, TpeConfig, numbers, random, random_value, sobol};
use crate::columns::Pending;
use crate::draw::{Draw, Use};
use crate::space::{Params, Plan};
use crate::transfer::Foreign;

use axis::Axis;
use group::{Group, Liars, Scratch};
pub(super) use memory::Memory;
use taken::TakenNow;

/// Points drawn from the model before a duplicate is replaced at random.
const ATTEMPTS: u32 = 8;

pub(super) fn suggest(config: &TpeConfig, request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let (memory, plan) = (recall(config, request, opened.memory, opened.foreign), opened.plan);
    memory.catch_up(request);
    if memory.is_starting(config) {
        return first_points(config, request, plan, memory);
    }
    memory.learn_groups(config, request, plan);
    let mut model = Model::new(config, request, plan, memory);
    numbers(request).map(|number| model.suggest(number)).collect()
}

pub(super) fn suggest_one(config: &TpeConfig, request: &SuggestRequest<'_>, opened: Opened<'_>, index: usize) -> ParamSuggestion {
    let number = request.first_number;
    let memory = recall(config, request, opened.memory, opened.foreign);
    memory.catch_up(request);
    let (trials, warm) = (memory.trials, memory.warm());
    if memory.is_starting(config) {
        return startup_value(config, request, index);
    }
    let group = memory.single(request, index);
    if group.is_empty() {
        return ParamSuggestion { value: random_value(request, number, index), why: "tpe: random, nothing known yet".to_owned() };
    }
    let liars = liars(config, request, group);
    let drawn = Drawn { config, request, number, attempt: 0 };
    let mut params = vec![f64::NAN; request.space.len()];
    let ratio = drawn.fill(group, &liars, (&mut params, &mut Scratch::default()), |_| false);
    ParamSuggestion { value: params[index], why: why(ratio, trials, &warm) }
}

/// Returns what was learnt before, if anything.
fn recall<'a>(
    config: &TpeConfig,
    request: &SuggestRequest<'_>,
    memory: &'a mut cache::Memory,
    foreign: &[Arc<Foreign>],
) -> &'a mut Memory {
    if !matches!(memory, cache::Memory::Tpe(_)) {
        *memory = cache::Memory::Tpe(Box::new(Memory::new(config, request.space).starting_from(request, foreign)));
    }
    let cache::Memory::Tpe(memory) = memory else { unreachable!("it was set above") };
    memory
}

/// Returns points of the start-up, in turns with the best ones of other studies.
fn first_points(config: &TpeConfig, request: &SuggestRequest<'_>, plan: &Plan, memory: &Memory) -> Vec<Suggestion> {
    let mut batch = Vec::new();
    for number in numbers(request) {
        let suggestion = memory.lore.start(request, plan, number, &batch);
        batch.push(suggestion.unwrap_or_else(|| startup(config, request, plan, number)));
    }
    batch
}

fn startup(config: &TpeConfig, request: &SuggestRequest<'_>, plan: &Plan, number: u32) -> Suggestion {
    let mut suggestion = match config.startup {
        Startup::Sobol => sobol::point(request, plan, number),
        Startup::Random => random(request, plan, number),
    };
    suggestion.why.insert_str(0, "startup: ");
    suggestion
}

fn startup_value(config: &TpeConfig, request: &SuggestRequest<'_>, index: usize) -> ParamSuggestion {
    let number = request.first_number;
    match config.startup {
        Startup::Sobol => {
            ParamSuggestion { value: sobol::value(request, number, index), why: format!("startup: {}", sobol::why(number)) }
        }
        Startup::Random => {
            let value = random_value(request, number, index);
            ParamSuggestion { value, why: "startup: random".to_owned() }
        }
    }
}

fn why(ratio: f64, trials: usize, warm: &str) -> String {
    format!("tpe: log ratio {ratio:.2} over {trials} trials{warm}")
}

/// Returns the trials under way that a group takes for bad ones, without those that are being asked for.
fn liars(config: &TpeConfig, request: &SuggestRequest<'_>, group: &Group) -> Liars {
    let is_asked_for = |number: u32| number >= request.first_number && ((number - request.first_number) as usize) < request.count;
    let others = request.pending.iter().filter(|pending| config.constant_liar && !is_asked_for(pending.number));
    group.liars(others.map(|pending: &Pending| pending.params.as_slice()))
}

/// Everything that one call knows, and the points it has suggested so far.
struct Model<'a> {
    config: &'a TpeConfig,
    request: &'a SuggestRequest<'a>,
    plan: &'a Plan,
    groups: &'a [Group],
    /// For each group the trials under way.
    liars: Vec<Liars>,
    /// For each parameter its group.
    group_of: Vec<Option<usize>>,
    taken: TakenNow<'a>,
    trials: usize,
    /// What of it is other studies'.
    warm: String,
    scratch: Scratch,
}

impl<'a> Model<'a> {
    fn new(config: &'a TpeConfig, request: &'a SuggestRequest<'a>, plan: &'a Plan, memory: &'a Memory) -> Self {
        let groups = memory.groups.as_slice();
        let mut group_of = vec![None; request.space.len()];
        for (at, group) in groups.iter().enumerate().filter(|(_, group)| !group.is_empty()) {
            group.members.iter().for_each(|&member| group_of[member] = Some(at));
        }
        let taken = memory.taken.with(request.pending);
        let liars = groups.iter().map(|group| liars(config, request, group)).collect();
        let (trials, warm) = (memory.trials, memory.warm());
        Self { config, request, plan, groups, liars, group_of, taken, trials, warm, scratch: Scratch::default() }
    }

    fn suggest(&mut self, number: u32) -> Suggestion {
        let suggestion = self.fresh(number);
        self.taken.add(&suggestion.params);
        if self.config.constant_liar {
            for (group, liars) in self.groups.iter().zip(&mut self.liars) {
                group.add_liar(liars, &suggestion.params);
                group.prepare_liars(liars);
            }
        }
        suggestion
    }

    /// Draws points until one is new, then resorts to random ones; if all points are taken, repeats one.
    fn fresh(&mut self, number: u32) -> Suggestion {
        let (params, ratio) = self.point(number, 0);
        let first = Suggestion { number, params, why: why(ratio, self.trials, &self.warm) };
        if !self.taken.contains(&first.params) {
            return first;
        }
        for attempt in 1..ATTEMPTS {
            let (params, ratio) = self.point(number, attempt);
            if !self.taken.contains(&params) {
                return Suggestion { number, params, why: why(ratio, self.trials, &self.warm) };
            }
        }
        match self.taken.replacement(self.request, number, self.plan) {
            Some(params) => Suggestion { number, params, why: "tpe: random, its points are taken".to_owned() },
            None => first,
        }
    }

    /// Draws a whole point, group by group as their conditions come to hold; returns its log ratio too.
    fn point(&mut self, number: u32, attempt: u32) -> (Params, f64) {
        let drawn = Drawn { config: self.config, request: self.request, number, attempt };
        let mut params = vec![f64::NAN; self.request.space.len()];
        let mut active = vec![false; params.len()];
        let mut ratio = 0.0;
        for &index in self.plan.order() {
            active[index] = self.plan.is_active(index, &params, &active);
            if !active[index] || !params[index].is_nan() {
                continue;
            }
            let Some(at) = self.group_of[index] else {
                params[index] = drawn.at_random(index);
                continue;
            };
            let (group, liars) = (&self.groups[at], &self.liars[at]);
            let whole_point = group.members.len() == params.len();
            let is_taken = |params: &[f64]| whole_point && self.taken.contains(params);
            ratio += drawn.fill(group, liars, (&mut params, &mut self.scratch), is_taken);
        }
        (params, ratio)
    }
}

/// The draws for one attempt at one trial.
struct Drawn<'a> {
    config: &'a TpeConfig,
    request: &'a SuggestRequest<'a>,
    number: u32,
    attempt: u32,
}

impl Drawn<'_> {
    fn stream(&self, parameter: usize, purpose: Use) -> Draw {
        let name = &self.request.space.parameters[parameter].name;
        Draw::again(self.request.seed, self.number, name, purpose, self.attempt)
    }

    /// Returns a value for a parameter that nothing is known about.
    fn at_random(&self, parameter: usize) -> f64 {
        let unit = self.stream(parameter, Use::Value).unit();
        self.request.space.parameters[parameter].distribution.from_unit(unit)
    }

    /// Sets the group's parameters to the best candidate and returns its log ratio.
    ///
    /// Candidates for which `is_taken` are passed over unless all are.
    fn fill(
        &self,
        group: &Group,
        liars: &Liars,
        (params, scratch): (&mut Params, &mut Scratch),
        is_taken: impl Fn(&[f64]) -> bool,
    ) -> f64 {
        let candidates = self.candidates(group);
        let mut best: Option<(bool, f64, &[f64])> = None;
        for candidate in candidates.chunks_exact(group.members.len()) {
            let ratio = group.ln_ratio(liars, candidate, scratch);
            place(group, candidate, params);
            let is_new = !is_taken(params);
            if best.is_none_or(|(new, top, _)| (is_new, ratio) > (new, top)) {
                best = Some((is_new, ratio, candidate));
            }
        }
        let Some((_, ratio, candidate)) = best else {
            return 0.0;
        };
        place(group, candidate, params);
        ratio
    }

    /// Draws candidates from the good mixture, one after the other in one list.
    fn candidates(&self, group: &Group) -> Vec<f64> {
        let (good, axes) = (group.good(), group.axes());
        let count = self.config.candidates.max(1) as usize;
        let mut candidates = vec![0.0; count * axes.len()];
        let mut kernels = self.stream(group.members[0], Use::Kernel);
        let kernels: Vec<usize> = (0..count).map(|_| good.pick(kernels.unit())).collect();
        for (at, (axis, &member)) in axes.all().iter().zip(&group.members).enumerate() {
            let mut draw = self.stream(member, Use::Candidate);
            for (candidate, &kernel) in kernels.iter().enumerate() {
                candidates[candidate * axes.len() + at] = match axis {
                    Axis::Line(line) => line.snap(good.draw_number(axes, kernel, at, &mut draw)),
                    Axis::Options(options) => good.draw_option(kernel, at, *options, &mut draw),
                };
            }
        }
        candidates
    }
}

/// Writes a candidate's values into the point.
fn place(group: &Group, candidate: &[f64], params: &mut Params) {
    for ((axis, &member), &unit) in group.axes().all().iter().zip(&group.members).zip(candidate) {
        params[member] = axis.to_internal(unit);
    }
}

#[cfg(test)]
#[path = "tpe_tests.rs"]
mod tests;
