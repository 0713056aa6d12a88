//! Where the acquisition is largest: many points cheaply, the best of them exactly, and from the best few a climb.
//!
//! ```text
//! Sobol points ─┐                 ┌ bound ┐   ┌ exact ┐   ┌ climb: gradient in numbers,  ┐
//! best points,  ├─→ ~500 points ──┤ each  ├─→ │ while  ├─→ │ then value by value in steps ├─→ the best
//! jolted       ─┘                 └───────┘   └ it pays┘   └ and options                  ┘
//! ```
//!
//! A point that was tried, failed or is under way is never proposed again while there are others.

use sobol_burley::{NUM_DIMENSIONS, sample};

use super::acquisition::{Acquisition, Workspace};
use super::descent::{Effort, minimize};
use super::encoding::{Axis, Encoding, Shape};
use crate::draw::{BELOW_ONE, Draw, Use};
use crate::normal::quantile;
use crate::space::Params;

/// Points spread over the whole space.
const SPREAD: u32 = 256;
/// Jolts of each of the best points.
const JOLTS: usize = 32;
/// Points evaluated exactly, at most.
const EXACT: usize = 48;
/// Points climbed from.
const STARTS: usize = 4;
/// Options tried of a parameter that has more.
const OPTIONS_TRIED: u64 = 16;
const CLIMB: Effort = Effort { evaluations: 24, least_gain: 1e-3 };
const POLISH: Effort = Effort { evaluations: 40, least_gain: 1e-7 };

/// One search for one trial.
pub(super) struct Search<'a> {
    pub(super) encoding: &'a Encoding<'a>,
    pub(super) acquisition: &'a Acquisition,
    /// Observed points to look around, best first.
    pub(super) centres: &'a [Params],
    pub(super) seed: u64,
    pub(super) number: u32,
}

/// A point and what it promises.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) params: Params,
    /// Logarithm of the acquisition; negative infinity for a point tried before.
    pub(super) promise: f64,
}

impl Search<'_> {
    /// Returns the most promising point, or `None` if all points found were tried before.
    pub(super) fn run(&self) -> Option<Candidate> {
        let mut workspace = Workspace::default();
        let starts = self.starts(&mut workspace);
        let mut best: Option<Candidate> = None;
        for start in starts {
            let top = self.climb(start, CLIMB, &mut workspace);
            if best.as_ref().is_none_or(|best| top.promise > best.promise) {
                best = Some(top);
            }
        }
        let best = best.map(|best| self.climb(best, POLISH, &mut workspace));
        best.filter(|best| best.promise > f64::NEG_INFINITY)
    }

    fn draw(&self, attempt: u32) -> Draw {
        Draw::again(self.seed, self.number, "", Use::Acquisition, attempt)
    }

    /// Returns the best points of a first look, each some way from the others.
    fn starts(&self, workspace: &mut Workspace) -> Vec<Candidate> {
        let mut bounded: Vec<(f64, Params)> = Vec::new();
        let mut point = Vec::new();
        for params in self.spread().chain(self.jolts()) {
            self.encoding.encode(&params, &mut point);
            if let Some(bound) = self.acquisition.bound(&point, workspace) {
                bounded.push((bound, params));
            }
        }
        bounded.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut exact: Vec<Candidate> = Vec::new();
        for (bound, params) in bounded.into_iter().take(EXACT) {
            if exact.len() >= STARTS && bound < exact[STARTS - 1].promise {
                break;
            }
            self.encoding.encode(&params, &mut point);
            let promise = self.acquisition.value(&point, workspace);
            let place = exact.partition_point(|other| other.promise >= promise);
            exact.insert(place, Candidate { params, promise });
        }
        self.apart(exact)
    }

    fn spread(&self) -> impl Iterator<Item = Params> + '_ {
        let scramble = Draw::new(self.seed, self.number, "", Use::Acquisition).bits() as u32;
        let mut draw = self.draw(1);
        (0..SPREAD).map(move |index| {
            self.encoding.spread(|parameter| {
                let dimension = u32::try_from(parameter).unwrap_or(u32::MAX);
                if dimension < NUM_DIMENSIONS {
                    f64::from(sample(index, dimension, scramble)).min(BELOW_ONE)
                } else {
                    draw.unit()
                }
            })
        })
    }

    /// Moves a few parameters of each centre, by steps of all sizes.
    fn jolts(&self) -> impl Iterator<Item = Params> + '_ {
        let mut draw = self.draw(2);
        self.centres.iter().flat_map(|centre| std::iter::repeat_n(centre, JOLTS)).map(move |centre| self.jolt(centre, &mut draw))
    }

    fn jolt(&self, centre: &Params, draw: &mut Draw) -> Params {
        let mut params = centre.clone();
        let count = self.encoding.axes.len();
        // Sizes from a third of the range down to a thousandth; few parameters as often as many.
        let size = libm::exp(-1.1 - 5.8 * draw.unit());
        let share = libm::pow(count as f64, -draw.unit());
        let certain = (draw.unit() * count as f64) as usize;
        for (index, axis) in self.encoding.axes.iter().enumerate() {
            let is_moved = draw.unit() < share || index == certain;
            let (step, other) = (quantile(draw.unit()), draw.unit());
            if is_moved && !params[axis.parameter].is_nan() {
                params[axis.parameter] = self.moved(axis, params[axis.parameter], size * step, other);
            }
        }
        self.encoding.complete(&params, |parameter| self.encoding.at_unit(parameter, draw.unit()))
    }

    /// Moves a number by `step` ranges, reflected at the ends; an option goes to any other.
    fn moved(&self, axis: &Axis, internal: f64, step: f64, other: f64) -> f64 {
        match axis.shape {
            Shape::Options(_) => self.encoding.at_unit(axis.parameter, other),
            Shape::Line(_) | Shape::Levels(..) => {
                let step = step.clamp(-1.0, 1.0);
                let to = self.encoding.position(axis, internal).clamp(0.0, 1.0) + step;
                let reflected = if to < 0.0 {
                    -to
                } else if to > 1.0 {
                    2.0 - to
                } else {
                    to
                };
                let value = self.encoding.internal(axis, reflected);
                let is_stuck = value == internal && matches!(axis.shape, Shape::Levels(..));
                if is_stuck { self.encoding.at_unit(axis.parameter, other) } else { value }
            }
        }
    }

    /// Keeps the best, and of the rest those that are not beside one kept.
    fn apart(&self, sorted: Vec<Candidate>) -> Vec<Candidate> {
        let lengths: Vec<f64> = self.acquisition.objective.lengths().collect();
        let encoded = |params: &Params| {
            let mut point = Vec::new();
            self.encoding.encode(params, &mut point);
            point
        };
        let mut kept: Vec<(Vec<f64>, Candidate)> = Vec::new();
        for candidate in sorted {
            let point = encoded(&candidate.params);
            let is_beside = |(other, _): &(Vec<f64>, Candidate)| {
                let near = |((a, b), length): ((&f64, &f64), &f64)| (a - b).abs() < 0.1 * length.min(1.0);
                point.iter().zip(other).zip(&lengths).all(near)
            };
            if !kept.iter().any(is_beside) {
                kept.push((point, candidate));
            }
            if kept.len() == STARTS {
                break;
            }
        }
        kept.into_iter().map(|(_, candidate)| candidate).collect()
    }

    /// Climbs by turns along numbers and among values and options, until neither gains.
    fn climb(&self, start: Candidate, effort: Effort, workspace: &mut Workspace) -> Candidate {
        let mut at = start;
        let is_discrete = self.encoding.axes.iter().any(|axis| !matches!(axis.shape, Shape::Line(_)));
        for _ in 0..if is_discrete { 3 } else { 1 } {
            let before = at.promise;
            at = self.climb_lines(at, effort, workspace);
            at = self.climb_values(at, workspace);
            if at.promise <= before + effort.least_gain {
                break;
            }
        }
        at
    }

    /// Follows the gradient in the parameters that are continuous or nearly so, then rounds.
    fn climb_lines(&self, from: Candidate, effort: Effort, workspace: &mut Workspace) -> Candidate {
        let is_line = |axis: &&Axis| matches!(axis.shape, Shape::Line(_)) && !from.params[axis.parameter].is_nan();
        let lines: Vec<&Axis> = self.encoding.axes.iter().filter(is_line).collect();
        if lines.is_empty() {
            return from;
        }
        let mut point = Vec::new();
        self.encoding.encode(&from.params, &mut point);
        let start: Vec<f64> = lines.iter().map(|axis| point[axis.column]).collect();
        let mut by_column = vec![0.0; point.len()];
        let (best, _) = minimize(&start, &vec![(0.0, 1.0); start.len()], effort, |x, gradient| {
            lines.iter().zip(x).for_each(|(axis, &x)| point[axis.column] = x);
            let promise = self.acquisition.gradient(&point, &mut by_column, workspace);
            lines.iter().zip(gradient).for_each(|(axis, slope)| *slope = -by_column[axis.column]);
            -promise
        });
        let mut params = from.params.clone();
        for (axis, position) in lines.iter().zip(best) {
            params[axis.parameter] = self.encoding.internal(axis, position);
        }
        let mut draw = self.draw(3);
        let params = self.encoding.complete(&params, |parameter| self.fallback(parameter, &mut draw));
        let to = self.judged(params, workspace);
        if to.promise > from.promise { to } else { from }
    }

    /// Tries the neighbours in each parameter that has steps or options, and takes every one that gains.
    fn climb_values(&self, from: Candidate, workspace: &mut Workspace) -> Candidate {
        let mut at = from;
        for (index, axis) in self.encoding.axes.iter().enumerate() {
            let own = at.params[axis.parameter];
            if own.is_nan() {
                continue;
            }
            for value in self.neighbours(index, axis, own) {
                let mut params = at.params.clone();
                params[axis.parameter] = value;
                let mut draw = self.draw(3);
                let params = self.encoding.complete(&params, |parameter| self.fallback(parameter, &mut draw));
                let to = self.judged(params, workspace);
                if to.promise > at.promise {
                    at = to;
                }
            }
        }
        at
    }

    /// Returns a value for a parameter that came to be there: that of the best point that has it, else any.
    fn fallback(&self, parameter: usize, draw: &mut Draw) -> f64 {
        let unit = draw.unit();
        let known = self.centres.iter().map(|centre| centre[parameter]).find(|value| !value.is_nan());
        known.unwrap_or_else(|| self.encoding.at_unit(parameter, unit))
    }

    fn neighbours(&self, index: usize, axis: &Axis, own: f64) -> Vec<f64> {
        let beside = |step: f64| {
            let position = self.encoding.position(axis, own);
            [position - step, position + step].map(|position| self.encoding.internal(axis, position.clamp(0.0, 1.0))).to_vec()
        };
        let mut values = match axis.shape {
            Shape::Line(_) => Vec::new(),
            Shape::Levels(_, count) => {
                let all = |nth: u64| self.encoding.at_unit(axis.parameter, (nth as f64 + 0.5) / count as f64);
                let mut values = beside(1.0 / count as f64);
                values.extend((0..count).map(all));
                values
            }
            Shape::Options(count) if count <= OPTIONS_TRIED => (0..count).map(|option| option as f64).collect(),
            Shape::Options(_) => {
                let mut draw = Draw::again(self.seed, self.number, "", Use::Acquisition, 4 + index as u32);
                (0..OPTIONS_TRIED).map(|_| self.encoding.at_unit(axis.parameter, draw.unit())).collect()
            }
        };
        values.retain(|&value| value != own);
        values.sort_by(f64::total_cmp);
        values.dedup();
        values
    }

    fn judged(&self, params: Params, workspace: &mut Workspace) -> Candidate {
        let mut point = Vec::new();
        self.encoding.encode(&params, &mut point);
        let is_new = self.acquisition.bound(&point, workspace).is_some();
        let promise = if is_new { self.acquisition.value(&point, workspace) } else { f64::NEG_INFINITY };
        Candidate { params, promise }
    }
}
