//! Non-dominated sorting genetic algorithm II, NSGA-II (Deb et al. 2002), one trial at a time.
//!
//! ```text
//! finished trial ─→ population: the best so far, by front and room ─→ two tournaments ─→ cross ─→ mutate
//! ```
//!
//! The textbook's generations would make trials wait for each other. Here each finished trial joins the population
//! at once and the worst member leaves (steady state: Durillo et al. 2009), so any number may be under way, and the
//! population is a function of the finished trials in their order.
//!
//! - **Order**: complete trials by front and by room within it (by loss with one objective), then pruned ones by
//!   progress, infeasible ones by violation (Deb's constraint domination), failed ones. Cancelled ones do not count.
//! - **Conditions**: a parameter that only one parent has comes from that one; one that none has is drawn at random.
//! - **Other studies**: the best of their fronts are tried first, in turns with evenly spread points.
//! - **Repeated points** are varied again in a finite space until they are new.

mod population;
mod vary;

use std::sync::Arc;

use super::cache::{Memory, Opened};
use super::lore::Lore;
use super::tried::{self, Tried};
use super::{Nsga2Config, ParamSuggestion, SuggestRequest, Suggestion, numbers, random_value, sobol};
use crate::draw::{Draw, Use};
use crate::space::{Params, Plan};
use crate::transfer::Foreign;

use population::Population;
use vary::Gene;

/// Children tried before a point of a finite space is replaced at random.
const ATTEMPTS: u32 = 12;

/// What the sampler knows of a study: a function of its space and the finished trials in their order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nsga2 {
    /// Number of finished trials learnt from.
    rows: usize,
    genes: Vec<Gene>,
    population: Population,
    tried: Tried,
}

pub(super) fn suggest(config: &Nsga2Config, request: &SuggestRequest<'_>, opened: Opened<'_>) -> Vec<Suggestion> {
    let (plan, foreign) = (opened.plan, opened.foreign);
    let known = known(config, request, opened);
    if known.is_starting(config) { first_points(request, plan, foreign) } else { known.suggest(config, request, plan) }
}

/// Spreads points evenly, in turns with the best ones of other studies.
fn first_points(request: &SuggestRequest<'_>, plan: &Plan, foreign: &[Arc<Foreign>]) -> Vec<Suggestion> {
    let lore = Lore::of(request, foreign);
    let mut batch = Vec::new();
    for number in numbers(request) {
        let spread = || Suggestion { why: start_why(number), ..sobol::point(request, plan, number) };
        let suggestion = lore.start(request, plan, number, &batch).unwrap_or_else(spread);
        batch.push(suggestion);
    }
    batch
}

/// Suggests the value of one parameter, the one it would have in a whole point if it was there.
pub(super) fn suggest_one(
    config: &Nsga2Config,
    request: &SuggestRequest<'_>,
    opened: Opened<'_>,
    index: usize,
) -> ParamSuggestion {
    known(config, request, opened).suggest_one(config, request, index)
}

/// Brings what is known up to date.
fn known<'a>(config: &Nsga2Config, request: &SuggestRequest<'_>, opened: Opened<'a>) -> &'a Nsga2 {
    let memory = opened.memory;
    if !matches!(memory, Memory::Nsga2(_)) {
        *memory = Memory::Nsga2(Nsga2::new(config, request));
    }
    let Memory::Nsga2(known) = memory else { unreachable!("it was set above") };
    known.catch_up(request);
    known
}

impl Nsga2 {
    fn new(config: &Nsga2Config, request: &SuggestRequest<'_>) -> Self {
        Self {
            rows: 0,
            genes: request.space.parameters.iter().map(|parameter| Gene::new(&parameter.distribution)).collect(),
            population: Population::new(population(config)),
            tried: Tried::new(request.space),
        }
    }

    fn catch_up(&mut self, request: &SuggestRequest<'_>) {
        for (columns, row) in request.history.rows_from(self.rows) {
            self.rows += 1;
            self.tried.note(columns, row, request.space.len());
            self.population.insert(request, columns, row);
        }
    }

    /// Whether too few trials have finished to choose among: half a population is spread evenly.
    fn is_starting(&self, config: &Nsga2Config) -> bool {
        self.rows < population(config) / 2 || self.population.len() < 2
    }

    fn suggest(&self, config: &Nsga2Config, request: &SuggestRequest<'_>, plan: &Plan) -> Vec<Suggestion> {
        let why = self.why();
        let mut fresh = self.tried.with_pending(request);
        let suggest = |number| {
            let children = (0..ATTEMPTS).map(|attempt| self.child(config, request, number, attempt).params(plan));
            let params = fresh.first_new(children.chain(tried::replacements(request, plan, number)))?;
            Some(Suggestion { number, params, why: why.clone() })
        };
        numbers(request).filter_map(suggest).collect()
    }

    fn suggest_one(&self, config: &Nsga2Config, request: &SuggestRequest<'_>, index: usize) -> ParamSuggestion {
        let number = request.first_number;
        if self.is_starting(config) {
            return ParamSuggestion { value: sobol::value(request, number, index), why: start_why(number) };
        }
        ParamSuggestion { value: self.child(config, request, number, 0).value(index), why: self.why() }
    }

    /// Chooses the parents of a point.
    fn child<'a>(&'a self, config: &Nsga2Config, request: &'a SuggestRequest<'a>, number: u32, attempt: u32) -> Child<'a> {
        let mut draw = Draw::again(request.seed, number, "", Use::Parents, attempt);
        let mut tournament = || {
            let mut place = || (draw.unit() * self.population.len() as f64) as usize;
            place().min(place())
        };
        let (first, second) = (tournament(), tournament());
        let first = self.population.params(first);
        let second = if draw.unit() < config.crossover { self.population.params(second) } else { first };
        let there = first.iter().filter(|value| !value.is_nan()).count();
        Child { known: self, request, number, attempt, parents: [first, second], mutation: 1.0 / there.max(1) as f64 }
    }

    fn why(&self) -> String {
        format!("nsga2: child of the best {}, {} on the front", self.population.len(), self.population.on_front())
    }
}

/// A point in the making.
struct Child<'a> {
    known: &'a Nsga2,
    request: &'a SuggestRequest<'a>,
    number: u32,
    attempt: u32,
    parents: [&'a [f64]; 2],
    /// Probability that a value departs from its parents'.
    mutation: f64,
}

impl Child<'_> {
    fn params(&self, plan: &Plan) -> Params {
        plan.fill(|index, _| self.value(index))
    }

    /// Returns the value of one parameter, which the parents may lack.
    fn value(&self, index: usize) -> f64 {
        let gene = &self.known.genes[index];
        let inherited = match self.parents.map(|parent| parent[index]) {
            [a, b] if a.is_nan() && b.is_nan() => return random_value(self.request, self.number, index),
            [a, b] if a.is_nan() || b.is_nan() => {
                if a.is_nan() {
                    b
                } else {
                    a
                }
            }
            [a, b] => gene.cross(a, b, &mut self.draw(index, Use::Crossover)),
        };
        let mut draw = self.draw(index, Use::Mutation);
        if draw.unit() < self.mutation { gene.mutate(inherited, &mut draw) } else { inherited }
    }

    fn draw(&self, index: usize, purpose: Use) -> Draw {
        let name = &self.request.space.parameters[index].name;
        Draw::again(self.request.seed, self.number, name, purpose, self.attempt)
    }
}

fn population(config: &Nsga2Config) -> usize {
    (config.population as usize).max(2)
}

fn start_why(number: u32) -> String {
    format!("nsga2: first population, {}", sobol::why(number))
}

#[cfg(test)]
#[path = "nsga2_tests.rs"]
mod tests;
