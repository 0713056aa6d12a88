//! A group of parameters that are always there together, its current run, and the generation in the making.

use super::rates;
use super::restart::Schedule;
use super::run::{Ranked, Run};
use super::warm;
use crate::columns::Columns;
use crate::draw::{BELOW_ONE, Draw, Use};
use crate::normal;
use crate::sampler::cube::Axis;
use crate::sampler::dominance::{self, Place};
use crate::sampler::lore::Lore;
use crate::sampler::standing::{self, Kind, Standing};
use crate::sampler::{CmaEsConfig, SuggestRequest, sobol};
use crate::space::{Distribution, Params};

/// Parameters searched jointly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// Positions of the numeric parameters, and their scales.
    numbers: Vec<usize>,
    axes: Vec<Axis>,
    /// Positions of the categorical parameters, and how many options they have.
    options: Vec<usize>,
    counts: Vec<usize>,
    run: Run,
    schedule: Schedule,
    told: Vec<Told>,
    /// Trials numbered below this may belong to an earlier run and are not learnt from.
    first_number: u32,
    /// The first run began where other studies are good.
    is_warm: bool,
}

/// A finished trial of the generation in the making.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    number: u32,
    positions: Vec<f64>,
    options: Vec<usize>,
    standing: Standing,
    losses: Vec<f64>,
}

impl Group {
    /// Returns `None` if no member has several values.
    pub(super) fn new(config: &CmaEsConfig, request: &SuggestRequest<'_>, members: &[usize], parallel: usize) -> Option<Self> {
        let distribution = |member: usize| &request.space.parameters[member].distribution;
        let axis = |&member: &usize| Some((member, Axis::new(distribution(member))?));
        let (numbers, axes): (Vec<usize>, Vec<Axis>) = members.iter().filter_map(axis).unzip();
        let count = |&member: &usize| Some((member, option_count(distribution(member))?));
        let (options, counts): (Vec<usize>, Vec<usize>) = members.iter().filter_map(count).unzip();
        if numbers.is_empty() && options.is_empty() {
            return None;
        }
        let usual = rates::usual_population(numbers.len() + options.len());
        let grown = || rates::population_for(usual, parallel);
        let population = config.population.map_or_else(grown, |population| (population as usize).max(2));
        let schedule = Schedule::new(config.restarts, population);
        let run = cold(&schedule, &axes, &counts);
        Some(Self { numbers, axes, options, counts, run, schedule, told: Vec::new(), first_number: 0, is_warm: false })
    }

    /// Begins where the good trials of other studies lie that had all members, if there are any.
    pub(super) fn starting_from(mut self, lore: &Lore) -> Self {
        if let Some(start) = warm::start(lore, (&self.numbers, &self.axes), (&self.options, &self.counts)) {
            self.run = Run::warm(self.run.shape, start, &self.axes, &self.counts);
            self.is_warm = true;
        }
        self
    }

    pub(super) fn has(&self, parameter: usize) -> bool {
        self.numbers.contains(&parameter) || self.options.contains(&parameter)
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len() + self.options.len()
    }

    /// Takes note of a finished trial; learns when a generation is full.
    ///
    /// `next_number` is the lowest number that no trial known or under way can have.
    pub(super) fn tell(&mut self, request: &SuggestRequest<'_>, columns: &Columns, row: usize, next_number: u32) {
        let number = columns.number[row];
        let Some(standing) = Standing::of(columns, row, request.directions) else { return };
        let has_all = self.numbers.iter().chain(&self.options).all(|&member| !columns.param(member, row).is_nan());
        if number < self.first_number || !has_all {
            return;
        }
        let position = |(axis, &member): (&Axis, &usize)| axis.position(columns.param(member, row));
        let option = |(&member, &count): (&usize, &usize)| (columns.param(member, row) as usize).min(count - 1);
        let mut losses = Vec::new();
        standing::push_losses(&mut losses, columns, row, request.directions);
        self.told.push(Told {
            number,
            positions: self.axes.iter().zip(&self.numbers).map(position).collect(),
            options: self.options.iter().zip(&self.counts).map(option).collect(),
            standing,
            losses,
        });
        if self.told.len() >= self.run.shape.population {
            self.end_generation(request, next_number);
        }
    }

    fn end_generation(&mut self, request: &SuggestRequest<'_>, next_number: u32) {
        let told = std::mem::take(&mut self.told);
        let (order, is_tied) = ranked(&told);
        if self.is_warm && self.is_first() && warm::misleads(order.iter().map(|&at| told[at].number)) {
            self.run = cold(&self.schedule, &self.axes, &self.counts);
        }
        let positions = order.iter().flat_map(|&at| self.origin(request, &told[at])).collect();
        let options = order.iter().map(|&at| told[at].options.clone()).collect();
        let several = request.directions.len() > 1;
        let loss = |&at: &usize| told[at].standing.loss().unwrap_or(f64::INFINITY);
        let losses: Vec<f64> = order.iter().filter(|_| !several).map(loss).collect();
        self.run.learn(&Ranked { positions, options, is_tied }, &self.axes);
        self.run.watch.note(told.len(), &losses);
        if self.schedule.restarts() && self.run.is_over() {
            self.restart(request, next_number);
        }
    }

    /// Returns where a trial may have been drawn.
    fn origin(&self, request: &SuggestRequest<'_>, told: &Told) -> Vec<f64> {
        let place = |(at, (&position, &member)): (usize, (&f64, &usize))| {
            let name = &request.space.parameters[member].name;
            let unit = inside(Draw::new(request.seed, told.number, name, Use::Origin).unit());
            self.run.origin(at, &self.axes, position, unit)
        };
        told.positions.iter().zip(&self.numbers).enumerate().map(place).collect()
    }

    /// Starts the next run at a random place; trials that may have been drawn before do not count for it.
    fn restart(&mut self, request: &SuggestRequest<'_>, next_number: u32) {
        let name = |member: usize| request.space.parameters[member].name.as_str();
        let first = self.numbers.iter().chain(&self.options).min().map_or("", |&member| name(member));
        let shape = self.schedule.next(self.run.shape, self.run.watch.trials(), request.seed, first);
        let place = |&member: &usize| Draw::again(request.seed, shape.index, name(member), Use::Restart, 1).unit();
        let mean = self.numbers.iter().map(place).collect();
        self.run = Run::new(shape, mean, &self.axes, &self.counts);
        self.first_number = next_number;
    }

    /// Writes values for all members into `params`. Each `attempt` is another draw, wider than the one before.
    ///
    /// The first generation ever is spread evenly by the Sobol sequence; half of it, where other studies tell more.
    pub(super) fn draw(&self, request: &SuggestRequest<'_>, number: u32, attempt: u32, params: &mut Params) {
        if self.is_first() && attempt == 0 && (!self.is_warm || !warm::is_drawn(number)) {
            for &member in self.numbers.iter().chain(&self.options) {
                params[member] = sobol::value(request, number, member);
            }
            return;
        }
        let unit = |member: usize, purpose: Use| {
            Draw::again(request.seed, number, &request.space.parameters[member].name, purpose, attempt).unit()
        };
        let normal: Vec<f64> = self.numbers.iter().map(|&member| normal::quantile(inside(unit(member, Use::Normal)))).collect();
        let positions = self.run.positions(&normal, WIDENING.powi(attempt as i32), &self.axes);
        for ((&member, axis), position) in self.numbers.iter().zip(&self.axes).zip(positions) {
            params[member] = axis.internal(position);
        }
        for (at, &member) in self.options.iter().enumerate() {
            params[member] = self.run.pick(at, unit(member, Use::Option)) as f64;
        }
    }

    fn is_first(&self) -> bool {
        self.run.shape.index == 0 && self.run.generations == 0
    }

    /// Says where draws come from.
    pub(super) fn why(&self) -> String {
        if self.is_first() {
            let how = if self.is_warm { "half of it where the warm start is good, the rest spread" } else { "spread" };
            return format!("cma-es: first generation, {how} evenly");
        }
        let (run, generation) = (self.run.shape.index + 1, self.run.generations + 1);
        format!("cma-es: run {run}, generation {generation} of {}, step {:.1e}", self.run.shape.population, self.run.sigma())
    }
}

/// Begins in the middle.
fn cold(schedule: &Schedule, axes: &[Axis], counts: &[usize]) -> Run {
    Run::new(schedule.first(), vec![0.5; axes.len()], axes, counts)
}

/// Factor by which each further attempt to find a new point is wider.
const WIDENING: f64 = 1.25;

fn option_count(distribution: &Distribution) -> Option<usize> {
    match distribution {
        Distribution::Categorical { choices } if choices.len() > 1 => Some(choices.len()),
        Distribution::Categorical { .. } | Distribution::Float { .. } | Distribution::Int { .. } => None,
    }
}

/// Moves a multiple of 2⁻⁵³ in `[0, 1)` to the middle of its interval, away from both ends.
fn inside(unit: f64) -> f64 {
    (unit + f64::EPSILON / 4.0).min(BELOW_ONE)
}

/// Returns the order from best to worst, and whether each trial in it is as good as the one before.
///
/// With several losses complete trials go by front, then by room within it.
fn ranked(told: &[Told]) -> (Vec<usize>, Vec<bool>) {
    let places = places(told);
    let compare = |a: usize, b: usize| match (&places[a], &places[b]) {
        (Some(a), Some(b)) => a.compare(b),
        (Some(_), None) | (None, Some(_)) | (None, None) => told[a].standing.compare(&told[b].standing),
    };
    let mut order: Vec<usize> = (0..told.len()).collect();
    order.sort_by(|&a, &b| compare(a, b).then(told[a].number.cmp(&told[b].number)));
    let is_tied = (0..order.len()).map(|at| at > 0 && compare(order[at - 1], order[at]).is_eq()).collect();
    (order, is_tied)
}

/// Returns the places of complete trials with several losses; `None` for all others.
fn places(told: &[Told]) -> Vec<Option<Place>> {
    let has_place = |told: &Told| told.losses.len() > 1 && told.standing.kind == Kind::Complete;
    let losses: Vec<&[f64]> = told.iter().filter(|told| has_place(told)).map(|told| told.losses.as_slice()).collect();
    let mut places = dominance::places(&losses).into_iter();
    told.iter().map(|told| if has_place(told) { places.next() } else { None }).collect()
}
