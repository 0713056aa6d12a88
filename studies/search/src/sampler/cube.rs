//! Numeric parameters on the unit interval, each value of a stepped one with a cell of its own.

use crate::space::Distribution;

/// Cells narrower than this are not told apart from a continuous range.
const NARROWEST_CELL: f64 = 1e-9;

/// The scale of one numeric parameter, logarithmic if the parameter is, mapped to `[0, 1]`.
///
/// With steps the ends lie half a step outside the first and the last value, so that every value has a whole cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    width: f64,
    /// Half the distance of neighbouring values before taking logarithms; 0 for a continuous parameter.
    half_step: f64,
    log: bool,
    distribution: Distribution,
}

impl Axis {
    /// Returns `None` for options, and for a parameter with a single value.
    pub(super) fn new(distribution: &Distribution) -> Option<Self> {
        if distribution.cardinality().is_some_and(|count| count <= 1) {
            return None;
        }
        let (log, half_step) = match distribution {
            Distribution::Float { log, step, .. } => (*log, step.unwrap_or(0.0) / 2.0),
            Distribution::Int { log, step, .. } => (*log, *step as f64 / 2.0),
            Distribution::Categorical { .. } => return None,
        };
        let (first, last) = (distribution.snap(f64::MIN), distribution.snap(f64::MAX));
        let low = scale(first - half_step, log);
        let width = (scale(last + half_step, log) - low).min(f64::MAX);
        Some(Self { low, width, half_step, log, distribution: distribution.clone() })
    }

    /// Maps an internal number to `[0, 1]`; numbers outside the range go to its ends.
    pub(super) fn position(&self, internal: f64) -> f64 {
        let position = (scale(internal, self.log) - self.low) / self.width;
        // A number without logarithm lies below the range.
        if position > 0.0 { position.min(1.0) } else { 0.0 }
    }

    /// Returns the internal number of the allowed value nearest to `position`.
    pub(super) fn internal(&self, position: f64) -> f64 {
        let scaled = self.low + position * self.width;
        self.distribution.snap(if self.log { libm::exp(scaled) } else { scaled })
    }

    /// Whether the parameter takes steps, however small.
    pub(super) fn is_stepped(&self) -> bool {
        self.half_step > 0.0
    }

    /// Returns the edges of the cell around `position`; `None` where values are too dense to be told apart.
    pub(super) fn cell(&self, position: f64) -> Option<(f64, f64)> {
        if self.half_step == 0.0 {
            return None;
        }
        let value = self.internal(position);
        let (from, to) = (self.position(value - self.half_step), self.position(value + self.half_step));
        (to - from >= NARROWEST_CELL).then_some((from, to))
    }
}

fn scale(value: f64, log: bool) -> f64 {
    if log { libm::log(value) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(distribution: Distribution) -> Axis {
        Axis::new(&distribution).expect("several numeric values")
    }

    #[test]
    fn cells_cover_the_unit_interval_without_gaps() {
        for (low, high, log, step) in [(1, 9, true, 1), (0, 9, false, 2), (-4, 4, false, 1)] {
            let axis = axis(Distribution::Int { low, high, log, step });
            let mut edge = 0.0;
            for value in (low..=high).step_by(step as usize) {
                let position = axis.position(value as f64);
                let (from, to) = axis.cell(position).expect("a cell");
                assert!((from - edge).abs() < 1e-12 && to > from, "{value}");
                assert_eq!(axis.internal(position), value as f64);
                edge = to;
            }
            assert!((edge - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn options_and_single_values_have_no_axis() {
        assert_eq!(Axis::new(&Distribution::Int { low: 3, high: 3, log: false, step: 1 }), None);
        assert_eq!(Axis::new(&Distribution::Categorical { choices: vec!["a".into(), "b".into()] }), None);
    }

    #[test]
    fn the_widest_and_the_narrowest_ranges_stay_finite() {
        let wide = axis(Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 });
        assert_eq!((wide.position(0.0), wide.cell(0.5)), (0.5, None));
        let huge = axis(Distribution::Float { low: -8e307, high: 9e307, log: false, step: Some(2e307) });
        assert!(huge.position(8e307) <= 1.0 && huge.internal(1.0).is_finite());
        let tiny = axis(Distribution::Float { low: 0.0, high: 1e-300, log: false, step: None });
        assert_eq!((tiny.position(1e-300), tiny.internal(0.5)), (1.0, 5e-301));
        let positive = axis(Distribution::Float { low: 1e-300, high: 1e300, log: true, step: None });
        assert_eq!((positive.position(0.0), positive.position(-1.0)), (0.0, 0.0));
    }
}
