//! One dimension of the model: where a parameter's values lie on `[0, 1]`, the scale on which kernels are normal.

use crate::normal;
use crate::space::Distribution;

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
    low: f64,
    /// Upper end, half a step above the highest value if there are steps.
    high: f64,
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

    /// Maps an internal number to `[0, 1]`, an option to its index; numbers outside the range go to its ends.
    pub(super) fn to_unit(&self, internal: f64) -> f64 {
        match self {
            Self::Line(line) => line.to_unit(internal),
            Self::Options(count) => internal.clamp(0.0, (count - 1) as f64),
        }
    }

    /// Does the reverse of [`Axis::to_unit`], with the allowed value nearest by.
    pub(super) fn to_internal(&self, unit: f64) -> f64 {
        match self {
            Self::Line(line) => line.to_internal(unit),
            Self::Options(_) => unit,
        }
    }
}

/// The axes of a group, numbers before options.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Axes {
    all: Vec<Axis>,
    lines: usize,
}

impl Axes {
    /// `all` has the numbers before the options.
    pub(super) fn new(all: Vec<Axis>) -> Self {
        let lines = all.iter().take_while(|axis| matches!(axis, Axis::Line(_))).count();
        Self { all, lines }
    }

    pub(super) fn all(&self) -> &[Axis] {
        &self.all
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns the number of axes that are numbers.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Returns the number of options along each axis that has options.
    pub(super) fn options(&self) -> impl Iterator<Item = usize> + '_ {
        self.all[self.lines..].iter().map(|axis| match axis {
            Axis::Line(_) => 1,
            Axis::Options(count) => *count,
        })
    }

    /// Appends the standard deviation of a place within the cell around `point` along each line.
    pub(super) fn blurs(&self, point: &[f64], blurs: &mut Vec<f64>) {
        let blur = |(axis, &unit): (&Axis, &f64)| match axis {
            Axis::Line(line) => line.blur(unit),
            Axis::Options(_) => 0.0,
        };
        blurs.extend(self.all.iter().zip(point).take(self.lines).map(blur));
    }

    /// Returns the logarithm of the density of the prior: a kernel over everything.
    pub(super) fn ln_prior(&self, point: &[f64]) -> f64 {
        let (lines, options) = point.split_at(self.lines);
        let inside = normal::ln_mass_around(0.5, 1.0, 0.0, 1.0);
        let line = |unit: &f64| -0.5 * (unit - 0.5) * (unit - 0.5) - normal::ln_sqrt_tau() - inside;
        debug_assert_eq!(options.len(), self.len() - self.lines);
        lines.iter().map(line).sum::<f64>() - self.options().map(|count| (count as f64).ln()).sum::<f64>()
    }
}

impl Line {
    fn new(distribution: &Distribution, log: bool, half_step: f64) -> Self {
        let (first, last) = (distribution.snap(f64::MIN), distribution.snap(f64::MAX));
        let scale = |value: f64| if log { value.ln() } else { value };
        Self { low: scale(first - half_step), high: scale(last + half_step), half_step, log, distribution: distribution.clone() }
    }

    /// Never 0 nor infinite, so that places stay numbers.
    fn width(&self) -> f64 {
        (self.high - self.low).clamp(f64::MIN_POSITIVE, f64::MAX)
    }

    fn position(&self, internal: f64) -> f64 {
        self.scale(internal).clamp(self.low, self.high)
    }

    /// Returns the edges of the cell of the value at `position`.
    fn cell(&self, position: f64) -> (f64, f64) {
        let value = if self.log { position.exp().round() } else { position };
        (self.scale(value - self.half_step), self.scale(value + self.half_step))
    }

    /// Returns the standard deviation of a place within the cell around `unit`; 0 for a continuous parameter.
    pub(super) fn blur(&self, unit: f64) -> f64 {
        if self.half_step == 0.0 {
            return 0.0;
        }
        let (from, to) = self.cell(self.low + unit * self.width());
        ((to - from) / self.width() / 12_f64.sqrt()).clamp(0.0, 1.0)
    }

    /// Returns the place of the allowed value nearest to `unit`.
    pub(super) fn snap(&self, unit: f64) -> f64 {
        if self.half_step == 0.0 {
            return unit;
        }
        self.to_unit(self.to_internal(unit))
    }

    fn to_unit(&self, internal: f64) -> f64 {
        ((self.position(internal) - self.low) / self.width()).clamp(0.0, 1.0)
    }

    fn to_internal(&self, unit: f64) -> f64 {
        self.internal(self.low + unit * self.width())
    }

    /// Returns the internal number of the allowed value nearest to `position`.
    fn internal(&self, position: f64) -> f64 {
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
                assert_eq!(line.to_internal(line.to_unit(value as f64)), value as f64);
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
        assert!(wide.to_internal(0.5).is_finite());
        let log = line(&Distribution::Int { low: 1, high: i64::MAX, log: true, step: 1 });
        assert_eq!(log.to_internal(0.0), 1.0);
        assert!(log.to_internal(1.0) > 0.999_999 * i64::MAX as f64);
    }

    #[test]
    fn ranges_of_neighbouring_doubles_stay_numbers() {
        let high = f64::from_bits(1e-300_f64.to_bits() + 1);
        for log in [false, true] {
            let line = line(&Distribution::Float { low: 1e-300, high, log, step: None });
            assert!(line.to_unit(high).is_finite() && line.to_unit(1e-300).is_finite());
            assert!((1e-300..=high).contains(&line.to_internal(0.5)));
        }
    }

    #[test]
    fn blur_is_that_of_a_uniform_cell() {
        let line = line(&Distribution::Int { low: 0, high: 9, log: false, step: 1 });
        assert!((line.blur(0.35) - 0.1 / 12_f64.sqrt()).abs() < 1e-12);
    }
}
