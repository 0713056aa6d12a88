//! Tree-structured Parzen estimator (Bergstra et al. 2011, Watanabe 2023).
//!
//! ```text
//! finished trials ─ split ─→ good ones ─→ mixture l(x) ─ 24 candidates ─┐
//!                      └───→ the rest  ─→ mixture g(x) ─────────────────┴→ the largest l(x) / g(x)
//!   trials under way ─────────↑
//! ```
//!
//! The split is made per group of parameters (see [`group`]) over the trials that had the group, so a branch of
//! a conditional space learns from its own trials. With several objectives the good ones are the first fronts
//! by non-domination, the last of them thinned to its least crowded trials.
//!
//! In a finite space a point tried before is not suggested again while there are others.

mod axis;
mod group;
mod mixture;
mod pareto;
mod split;
mod taken;

use super::{ParamSuggestion, Startup, SuggestRequest, Suggestion, TpeConfig, numbers, random, random_value, sobol};
use crate::columns::Pending;
use crate::draw::{Draw, Use};
use crate::space::{Params, Plan};

use axis::Axis;
use group::Group;
use mixture::{Mixture, Scratch};
use taken::Taken;

/// Points drawn from the model before a duplicate is replaced at random.
const ATTEMPTS: u32 = 8;

pub(super) fn suggest(config: &TpeConfig, request: &SuggestRequest<'_>, plan: &Plan) -> Vec<Suggestion> {
    let trials = group::learnable(request);
    if trials.len() < config.startup_trials as usize {
        return numbers(request).map(|number| startup(config, request, plan, number)).collect();
    }
    let mut model = Model {
        config,
        request,
        plan,
        groups: group::groups(request, plan, &trials, config.multivariate),
        taken: Taken::new(request),
        pending: request.pending.to_vec(),
        trials: trials.len(),
    };
    numbers(request).map(|number| model.suggest(number)).collect()
}

pub(super) fn suggest_one(config: &TpeConfig, request: &SuggestRequest<'_>, index: usize) -> ParamSuggestion {
    let number = request.first_number;
    let trials = group::learnable(request);
    if trials.len() < config.startup_trials as usize {
        return startup_value(config, request, index);
    }
    let group = group::single(request, &trials, index);
    if group.axes.is_empty() || group.numbers.is_empty() {
        return ParamSuggestion { value: random_value(request, number, index), why: "tpe: random, nothing known yet".to_owned() };
    }
    let drawn = Drawn { config, request, number, attempt: 0, pending: request.pending };
    let mut params = vec![f64::NAN; request.space.len()];
    let ratio = drawn.fill(&group, &mut params, |_| false);
    ParamSuggestion { value: params[index], why: why(ratio, trials.len()) }
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

fn why(ratio: f64, trials: usize) -> String {
    format!("tpe: log ratio {ratio:.2} over {trials} trials")
}

/// Everything that one call learns from the history, and the points it has suggested so far.
struct Model<'a> {
    config: &'a TpeConfig,
    request: &'a SuggestRequest<'a>,
    plan: &'a Plan,
    groups: Vec<Group>,
    taken: Taken<'a>,
    pending: Vec<Pending>,
    trials: usize,
}

impl Model<'_> {
    fn suggest(&mut self, number: u32) -> Suggestion {
        let suggestion = self.fresh(number);
        self.pending.push(Pending { number, params: suggestion.params.clone() });
        suggestion
    }

    /// Draws points until one is new, then resorts to random ones; if all points are taken, repeats one.
    fn fresh(&self, number: u32) -> Suggestion {
        let (params, ratio) = self.point(number, 0);
        let first = Suggestion { number, params, why: why(ratio, self.trials) };
        if !self.taken.contains(&first.params, &self.pending) {
            return first;
        }
        for attempt in 1..ATTEMPTS {
            let (params, ratio) = self.point(number, attempt);
            if !self.taken.contains(&params, &self.pending) {
                return Suggestion { number, params, why: why(ratio, self.trials) };
            }
        }
        match self.taken.replacement(number, self.plan, &self.pending) {
            Some(params) => Suggestion { number, params, why: "tpe: random, its points are taken".to_owned() },
            None => first,
        }
    }

    /// Draws a whole point, group by group as their conditions come to hold; returns its log ratio too.
    fn point(&self, number: u32, attempt: u32) -> (Params, f64) {
        let drawn = Drawn { config: self.config, request: self.request, number, attempt, pending: &self.pending };
        let mut params = vec![f64::NAN; self.request.space.len()];
        let mut active = vec![false; params.len()];
        let mut ratio = 0.0;
        for &index in self.plan.order() {
            active[index] = self.plan.is_active(index, &params, &active);
            if !active[index] || !params[index].is_nan() {
                continue;
            }
            match self.groups.iter().find(|group| group.members.contains(&index)) {
                Some(group) if !group.numbers.is_empty() => {
                    let whole_point = group.members.len() == params.len();
                    let is_taken = |params: &[f64]| whole_point && self.taken.contains(params, &self.pending);
                    ratio += drawn.fill(group, &mut params, is_taken);
                }
                Some(_) | None => params[index] = drawn.at_random(index),
            }
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
    pending: &'a [Pending],
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
    fn fill(&self, group: &Group, params: &mut Params, is_taken: impl Fn(&[f64]) -> bool) -> f64 {
        let (good, rest) = self.mixtures(group);
        let candidates = self.candidates(group, &good);
        let mut scratches = (Scratch::default(), Scratch::default());
        let mut best: Option<(bool, f64, &[f64])> = None;
        for candidate in candidates.chunks_exact(group.axes.len()) {
            let ratio = good.ln_density(candidate, &mut scratches.0) - rest.ln_density(candidate, &mut scratches.1);
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
    fn candidates(&self, group: &Group, good: &Mixture) -> Vec<f64> {
        let count = self.config.candidates.max(1) as usize;
        let width = group.axes.len();
        let mut candidates = vec![0.0; count * width];
        let mut kernels = self.stream(group.members[0], Use::Kernel);
        let kernels: Vec<usize> = (0..count).map(|_| good.pick(kernels.unit())).collect();
        for (axis, &member) in group.members.iter().enumerate() {
            let mut units = self.stream(member, Use::Candidate);
            for (candidate, &kernel) in kernels.iter().enumerate() {
                candidates[candidate * width + axis] = good.draw(kernel, axis, units.unit());
            }
        }
        candidates
    }

    /// Returns the mixtures of the good observations and of the rest, trials under way among the rest.
    fn mixtures(&self, group: &Group) -> (Mixture, Mixture) {
        let finished = group.numbers.len();
        let known = |wanted: bool| (0..finished).filter(move |&at| group.good[at] == wanted);
        let good: Vec<usize> = known(true).collect();
        let mut rest: Vec<(u32, usize)> = known(false).map(|at| (group.numbers[at], at)).collect();
        if self.config.constant_liar {
            let under_way = self.pending.iter().enumerate();
            let under_way = under_way.filter(|(_, pending)| pending.number != self.number && group.is_in(&pending.params));
            rest.extend(under_way.map(|(at, pending)| (pending.number, finished + at)));
            rest.sort_by_key(|&(number, _)| number);
        }
        let rest: Vec<usize> = rest.into_iter().map(|(_, at)| at).collect();
        let good_weights = match self.request.directions.len() {
            0 | 1 => split::recency_weights(good.len()),
            _ => vec![1.0; good.len()],
        };
        (self.mixture(group, &good, good_weights), self.mixture(group, &rest, split::recency_weights(rest.len())))
    }

    /// Lays kernels on observations; indexes past the finished ones mean trials under way.
    fn mixture(&self, group: &Group, chosen: &[usize], weights: Vec<f64>) -> Mixture {
        let position = |member: usize, at: usize| match group.columns[member].get(at) {
            Some(&position) => position,
            None => {
                let pending = &self.pending[at - group.numbers.len()];
                group.axes[member].position(pending.params[group.members[member]])
            }
        };
        let column = |member| chosen.iter().map(|&at| position(member, at)).collect();
        let columns: Vec<Vec<f64>> = (0..group.axes.len()).map(column).collect();
        Mixture::new(&group.axes, &columns, weights)
    }
}

/// Writes a candidate's values into the point.
fn place(group: &Group, candidate: &[f64], params: &mut Params) {
    for ((axis, &member), &position) in group.axes.iter().zip(&group.members).zip(candidate) {
        params[member] = match axis {
            Axis::Line(line) => line.internal(position),
            Axis::Options(_) => position,
        };
    }
}

#[cfg(test)]
#[path = "tpe_tests.rs"]
mod tests;
