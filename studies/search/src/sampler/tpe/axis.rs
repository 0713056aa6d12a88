//! One dimension of the model: where a parameter's values lie on the scale on which kernels are normal.

use crate::space::Distribution;

/// The narrowest cell, as a fraction of the range: narrower ones, as of an int near 2^63, would vanish in a
/// double, and only the ratio of two masses in the same cell matters.
const NARROWEST_CELL: f64 = 1e-9;

/// The scale of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Axis {
    /// A number, continuous or in cells.
    Line(Line),
    /// One of so many options without order.
    Options(usize),
}

/// A numeric scale, logarithmic if the parameter is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    /// Lower end, half a step below the lowest value if there are steps.
    pub(super) low: f64,
    /// Upper end, half a step above the highest value if there are steps.
    pub(super) high: f64,
    /// Half the distance of neighbouring values before taking logarithms; 0 for a continuous one.
    half_step: f64,
    log: bool,
    distribution: Distribution,
}

impl Axis {
    /// Returns `None` for a parameter with a single value, which needs no model.
    pub(super) fn new(distribution: &Distribution) -> Option<Self> {
        if distribution.cardinality().is_some_and(|count| count <= 1) {
            return None;
        }
        let line = |log, half_step| Some(Self::Line(Line::new(distribution, log, half_step)));
        match distribution {
            Distribution::Float { log, step, .. } => line(*log, step.unwrap_or(0.0) / 2.0),
            Distribution::Int { log, step, .. } => line(*log, *step as f64 / 2.0),
            Distribution::Categorical { choices } => Some(Self::Options(choices.len())),
        }
    }

    /// Maps an internal number to the scale; numbers outside the range go to its ends.
    pub(super) fn position(&self, internal: f64) -> f64 {
        match self {
            Self::Line(line) => line.position(internal),
            Self::Options(count) => internal.clamp(0.0, (count - 1) as f64),
        }
    }
}

impl Line {
    fn new(distribution: &Distribution, log: bool, half_step: f64) -> Self {
        let (first, last) = (distribution.snap(f64::MIN), distribution.snap(f64::MAX));
        let scale = |value: f64| if log { value.ln() } else { value };
        Self { low: scale(first - half_step), high: scale(last + half_step), half_step, log, distribution: distribution.clone() }
    }

    pub(super) fn width(&self) -> f64 {
        self.high - self.low
    }

    pub(super) fn is_continuous(&self) -> bool {
        self.half_step == 0.0
    }

    pub(super) fn position(&self, internal: f64) -> f64 {
        self.scale(internal).clamp(self.low, self.high)
    }

    /// Returns the edges of the cell of the value at `position`.
    pub(super) fn cell(&self, position: f64) -> (f64, f64) {
        let value = if self.log { position.exp().round() } else { position };
        let (from, to) = (self.scale(value - self.half_step), self.scale(value + self.half_step));
        let narrowest = NARROWEST_CELL * self.width();
        if to - from >= narrowest {
            return (from, to);
        }
        (position - 0.5 * narrowest, position + 0.5 * narrowest)
    }

    /// Returns the internal number of the allowed value nearest to `position`.
    pub(super) fn internal(&self, position: f64) -> f64 {
        self.distribution.snap(if self.log { position.exp() } else { position })
    }

    fn scale(&self, value: f64) -> f64 {
        if self.log { value.ln() } else { value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(distribution: &Distribution) -> Line {
        match Axis::new(distribution) {
            Some(Axis::Line(line)) => line,
            other => panic!("not a line: {other:?}"),
        }
    }

    #[test]
    fn cells_cover_the_range_without_gaps() {
        for (low, high, log, step) in [(1, 9, true, 1), (0, 9, false, 2), (-4, 4, false, 1)] {
            let line = line(&Distribution::Int { low, high, log, step });
            let mut edge = line.low;
            for value in (low..=high).step_by(step as usize) {
                let (from, to) = line.cell(line.position(value as f64));
                assert!((from - edge).abs() < 1e-12 && to > from, "{value}");
                assert_eq!(line.internal(line.position(value as f64)), value as f64);
                edge = to;
            }
            assert!((edge - line.high).abs() < 1e-12);
        }
    }

    #[test]
    fn single_values_have_no_axis() {
        assert_eq!(Axis::new(&Distribution::Int { low: 3, high: 3, log: false, step: 1 }), None);
        assert_eq!(Axis::new(&Distribution::Float { low: 1.0, high: 1.0, log: true, step: None }), None);
        assert_eq!(Axis::new(&Distribution::Categorical { choices: vec!["a".into()] }), None);
    }

    #[test]
    fn the_widest_ranges_stay_finite() {
        let wide = line(&Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 });
        assert!(wide.width().is_finite());
        let log = line(&Distribution::Int { low: 1, high: i64::MAX, log: true, step: 1 });
        assert_eq!(log.internal(log.low), 1.0);
        assert!(log.internal(log.high) > 0.999_999 * i64::MAX as f64);
    }
}
