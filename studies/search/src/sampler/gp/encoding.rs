//! Points of a space as the kernel sees them, and the way back.
//!
//! ```text
//! internal number  ⇄  position in [0, 1] on the parameter's scale  →  columns of the kernel
//! ```
//!
//! Positions are those of allowed values only: ints and steps are rounded before the kernel sees them, so that no two
//! covariances describe the same point (Garrido-Merchán and Hernández-Lobato 2020). An option is one column of labels.
//!
//! An absent number gets two columns with one length scale: its value, for which the middle of the range stands in,
//! and whether it is there, half a range apart. An absent option is an option of its own. So two points that lack a
//! parameter agree in it, and a branch is always some way off the others, the further the more the parameter matters.

use super::kernel::{Column, Kind};
use crate::space::{Distribution, Params, Plan, Space};

/// Stands in for the position of an absent number.
const MIDDLE: f64 = 0.5;
/// How far apart presence and absence are, in ranges.
const PRESENCE: f64 = 0.5;
/// The label of an absent option.
const ABSENT: f64 = -1.0;
/// Numbers with at most so many values are searched value by value.
const FEW_LEVELS: u64 = 12;

/// How one parameter with more than one value is laid out.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Position of the parameter in the space.
    pub(super) parameter: usize,
    /// Its first column.
    pub(super) column: usize,
    pub(super) shape: Shape,
    optional: bool,
}

/// What values a parameter has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shape {
    /// Numbers too many to try: continuous or nearly so.
    Line(Line),
    /// So many numbers in order.
    Levels(Line, u64),
    /// So many options without order.
    Options(u64),
}

/// A numeric range on its own scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    low: f64,
    high: f64,
    log: bool,
}

impl Line {
    fn new(distribution: &Distribution, log: bool) -> Self {
        let scale = |value: f64| if log { libm::log(value) } else { value };
        Self { low: scale(distribution.snap(f64::MIN)), high: scale(distribution.snap(f64::MAX)), log }
    }

    /// Values a little outside, as of trials enqueued before the bounds moved, are kept apart.
    fn position(&self, internal: f64) -> f64 {
        let scaled = if self.log { libm::log(internal) } else { internal };
        let position = (scaled - self.low) / (self.high - self.low);
        if position.is_nan() { MIDDLE } else { position.clamp(-1.0, 2.0) }
    }

    fn internal(&self, position: f64) -> f64 {
        let scaled = self.low + position * (self.high - self.low);
        if self.log { libm::exp(scaled) } else { scaled }
    }
}

/// All parameters of a space that have more than one value.
#[derive(Clone, Debug)]
pub(super) struct Encoding<'a> {
    space: &'a Space,
    plan: &'a Plan,
    pub(super) axes: Vec<Axis>,
    pub(super) columns: Vec<Column>,
}

impl<'a> Encoding<'a> {
    /// Lays out `space`; parameters for which `is_optional` can be absent.
    pub(super) fn new(space: &'a Space, plan: &'a Plan, is_optional: impl Fn(usize) -> bool) -> Self {
        let mut encoding = Self { space, plan, axes: Vec::new(), columns: Vec::new() };
        for (parameter, definition) in space.parameters.iter().enumerate() {
            if let Some(shape) = shape(&definition.distribution) {
                encoding.add(parameter, shape, is_optional(parameter));
            }
        }
        encoding
    }

    fn add(&mut self, parameter: usize, shape: Shape, optional: bool) {
        let scale = self.axes.len();
        self.axes.push(Axis { parameter, column: self.columns.len(), shape, optional });
        match shape {
            Shape::Line(_) | Shape::Levels(..) => {
                let width = if optional { 2 } else { 1 };
                self.columns.extend(std::iter::repeat_n(Column { kind: Kind::Line, scale }, width));
            }
            Shape::Options(_) => self.columns.push(Column { kind: Kind::Label, scale }),
        }
    }

    /// Returns the number of length scales.
    pub(super) fn scales(&self) -> usize {
        self.axes.len()
    }

    /// Returns a parameter's internal number at a position, rounded to an allowed one.
    pub(super) fn internal(&self, axis: &Axis, position: f64) -> f64 {
        let distribution = &self.space.parameters[axis.parameter].distribution;
        match axis.shape {
            Shape::Line(line) | Shape::Levels(line, _) => distribution.snap(line.internal(position)),
            Shape::Options(_) => distribution.snap(position),
        }
    }

    /// Returns where an internal number lies: in `[0, 1]`, or the number of an option. NaN for an absent one.
    pub(super) fn position(&self, axis: &Axis, internal: f64) -> f64 {
        match axis.shape {
            _ if internal.is_nan() => f64::NAN,
            Shape::Line(line) | Shape::Levels(line, _) => line.position(internal),
            Shape::Options(_) => internal,
        }
    }

    /// Writes the columns of a point.
    pub(super) fn encode(&self, params: &[f64], into: &mut Vec<f64>) {
        into.clear();
        for axis in &self.axes {
            let internal = params.get(axis.parameter).copied().unwrap_or(f64::NAN);
            self.encode_position(axis, self.position(axis, internal), into);
        }
    }

    fn encode_position(&self, axis: &Axis, position: f64, into: &mut Vec<f64>) {
        let is_absent = position.is_nan();
        match axis.shape {
            Shape::Options(_) => into.push(if is_absent { ABSENT } else { position }),
            Shape::Line(_) | Shape::Levels(..) => {
                into.push(if is_absent { MIDDLE } else { position });
                if axis.optional {
                    into.push(if is_absent { PRESENCE } else { 0.0 });
                }
            }
        }
    }

    /// Returns a whole point: `params` where its value is given, `otherwise` where a parameter came to be there.
    pub(super) fn complete(&self, params: &[f64], mut otherwise: impl FnMut(usize) -> f64) -> Params {
        let given = |index: usize| params.get(index).copied().filter(|value| !value.is_nan());
        self.plan.fill(|index, _| match given(index) {
            Some(value) => self.space.parameters[index].distribution.snap(value),
            None => otherwise(index),
        })
    }

    /// Returns a point whose value for each parameter is drawn at a number in `[0, 1)`.
    pub(super) fn spread(&self, mut unit: impl FnMut(usize) -> f64) -> Params {
        self.plan.fill(|index, _| self.space.parameters[index].distribution.from_unit(unit(index)))
    }

    /// Returns the internal number at a place in `[0, 1)` among all values of a parameter.
    pub(super) fn at_unit(&self, parameter: usize, unit: f64) -> f64 {
        self.space.parameters[parameter].distribution.from_unit(unit)
    }
}

fn shape(distribution: &Distribution) -> Option<Shape> {
    let count = distribution.cardinality();
    if count.is_some_and(|count| count <= 1) {
        return None;
    }
    let numbers = |log| {
        let line = Line::new(distribution, log);
        match count {
            Some(count) if count <= FEW_LEVELS => Shape::Levels(line, count),
            Some(_) | None => Shape::Line(line),
        }
    };
    match distribution {
        Distribution::Float { log, .. } | Distribution::Int { log, .. } => Some(numbers(*log)),
        Distribution::Categorical { choices } => Some(Shape::Options(choices.len() as u64)),
    }
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
