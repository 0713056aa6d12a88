//! Where a value lies in its parameter's range: the inverse of drawing it from the unit interval.

use crate::space::Distribution;

/// Maps internal numbers of a numeric parameter to `[0, 1]`, logarithmically if the parameter is logarithmic.
///
/// A value in steps owns a cell and lies in its middle, so that the lowest of three values lies at a sixth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale {
    low: f64,
    width: f64,
    half_step: f64,
    log: bool,
}

impl Scale {
    /// Returns `None` for options, which have no order, and for a parameter with a single value.
    pub(crate) fn new(distribution: &Distribution) -> Option<Self> {
        let (log, half_step) = match distribution {
            Distribution::Float { log, step, .. } => (*log, step.map_or(0.0, |step| 0.5 * step)),
            Distribution::Int { log, step, .. } => (*log, 0.5 * *step as f64),
            Distribution::Categorical { .. } => return None,
        };
        let (first, last) = (distribution.snap(f64::MIN), distribution.snap(f64::MAX));
        let mut scale = Self { low: 0.0, width: 1.0, half_step, log };
        scale.low = scale.along(first - half_step);
        scale.width = scale.along(last + half_step) - scale.low;
        (first < last && scale.width > 0.0).then_some(scale)
    }

    /// Returns the position of an internal number; those outside the range lie at its ends.
    pub(crate) fn unit(&self, internal: f64) -> f64 {
        let (from, to) = self.cell(internal);
        0.5 * (from + to)
    }

    /// Returns the ends of the cell that a value owns; both are its position if the parameter is continuous.
    pub(crate) fn cell(&self, internal: f64) -> (f64, f64) {
        let place = |value: f64| ((self.along(value) - self.low) / self.width).clamp(0.0, 1.0);
        (place(internal - self.half_step), place(internal + self.half_step))
    }

    fn along(&self, value: f64) -> f64 {
        if self.log { libm::log(value.max(0.0)) } else { value }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scale(distribution: &Distribution) -> Scale {
        Scale::new(distribution).expect("a range with several values")
    }

    #[test]
    fn positions_follow_the_scale_of_the_parameter() {
        let log = scale(&Distribution::Float { low: 1e-4, high: 1.0, log: true, step: None });
        assert!((log.unit(1e-2) - 0.5).abs() < 1e-12);
        let three = scale(&Distribution::Int { low: 5, high: 7, log: false, step: 1 });
        assert!((three.unit(5.0) - 1.0 / 6.0).abs() < 1e-12);
        assert_eq!(three.cell(7.0).1, 1.0);
    }

    #[test]
    fn values_outside_lie_at_the_ends_and_the_narrowest_ranges_do_not_fail() {
        let float = scale(&Distribution::Float { low: 1e-300, high: 2e-300, log: false, step: None });
        assert_eq!((float.unit(0.0), float.unit(1.0)), (0.0, 1.0));
        let log = scale(&Distribution::Float { low: 1.0, high: 8.0, log: true, step: None });
        assert_eq!(log.unit(-5.0), 0.0);
        assert_eq!(Scale::new(&Distribution::Int { low: 3, high: 3, log: true, step: 1 }), None);
        assert_eq!(Scale::new(&Distribution::Categorical { choices: vec!["a".into(), "b".into()] }), None);
        assert!(scale(&Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 }).unit(0.0) <= 0.5);
    }

    proptest! {
        #[test]
        fn position_inverts_the_draw(unit in 0.0..1.0_f64, kind in 0..3) {
            let distribution = match kind {
                0 => Distribution::Float { low: -3.0, high: 5.0, log: false, step: None },
                1 => Distribution::Float { low: 1e-8, high: 1e3, log: true, step: None },
                _ => Distribution::Int { low: 1, high: 1_000_000, log: true, step: 1 },
            };
            let (from, to) = scale(&distribution).cell(distribution.from_unit(unit));
            prop_assert!(from <= unit + 1e-9 && unit <= to + 1e-9);
        }
    }
}
