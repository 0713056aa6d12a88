//! New values from those of one or two parents.
//!
//! Numbers: simulated binary crossover (Deb and Agrawal 1995) and polynomial mutation (Deb and Goyal 1996), both in
//! the forms that respect bounds, on the unit interval. Options: one parent's, or any other.

use crate::draw::Draw;
use crate::sampler::cube::Axis;
use crate::space::Distribution;

/// Distribution index of the crossover: the larger, the closer children are to their parents.
const CROSSOVER_INDEX: f64 = 15.0;
/// Distribution index of the mutation: the larger, the closer a value stays.
const MUTATION_INDEX: f64 = 20.0;

/// How the values of one parameter vary.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gene {
    /// A number on its scale.
    Number(Axis),
    /// One of so many options.
    Options(usize),
    /// A parameter with a single value.
    Fixed(f64),
}

impl Gene {
    pub(super) fn new(distribution: &Distribution) -> Self {
        if let Some(axis) = Axis::new(distribution) {
            return Self::Number(axis);
        }
        match distribution {
            Distribution::Categorical { choices } if choices.len() > 1 => Self::Options(choices.len()),
            Distribution::Categorical { .. } | Distribution::Float { .. } | Distribution::Int { .. } => {
                Self::Fixed(distribution.nth(0))
            }
        }
    }

    /// Mixes two internal numbers.
    pub(super) fn cross(&self, a: f64, b: f64, draw: &mut Draw) -> f64 {
        let (mixes, side, spread) = (draw.unit() < 0.5, draw.unit() < 0.5, draw.unit());
        match self {
            Self::Fixed(value) => *value,
            Self::Number(axis) if mixes && a != b => axis.internal(blend(axis.position(a), axis.position(b), side, spread)),
            // The child inherits whole values from one parent about as often as it mixes them.
            Self::Number(_) | Self::Options(_) => {
                if side {
                    a
                } else {
                    b
                }
            }
        }
    }

    /// Departs from an internal number; never returns the same where there are others.
    pub(super) fn mutate(&self, value: f64, draw: &mut Draw) -> f64 {
        let unit = draw.unit();
        match self {
            Self::Fixed(value) => *value,
            Self::Options(count) => {
                let other = (unit * (count - 1) as f64).floor();
                if other >= value { other + 1.0 } else { other }
            }
            Self::Number(axis) => moved(axis, value, unit),
        }
    }
}

/// Returns one of the two children of two positions, on the lower or the upper side.
fn blend(a: f64, b: f64, lower: bool, unit: f64) -> f64 {
    let (low, high) = (a.min(b), a.max(b));
    let gap = (high - low).max(f64::EPSILON);
    let power = CROSSOVER_INDEX + 1.0;
    // The spread is cut so that neither child leaves the unit interval.
    let room = 1.0 + 2.0 * (if lower { low } else { 1.0 - high }) / gap;
    let alpha = 2.0 - libm::pow(room, -power);
    let scaled = unit * alpha;
    let spread = if scaled <= 1.0 { libm::pow(scaled, 1.0 / power) } else { libm::pow(1.0 / (2.0 - scaled), 1.0 / power) };
    let child = 0.5 * (low + high) + if lower { -0.5 } else { 0.5 } * spread * gap;
    child.clamp(0.0, 1.0)
}

/// Returns a number some way from `value`, at least in the next cell of a stepped axis.
fn moved(axis: &Axis, value: f64, unit: f64) -> f64 {
    let position = axis.position(value);
    let target = (position + departure(position, unit)).clamp(0.0, 1.0);
    let moved = axis.internal(target);
    let Some((from, to)) = axis.cell(position).filter(|_| moved == value) else { return moved };
    // On a logarithmic axis the next cell up is narrower, but more than a quarter of this one.
    let upwards = if from <= 0.0 || to >= 1.0 { from <= 0.0 } else { unit >= 0.5 };
    let beyond = 0.25 * (to - from);
    axis.internal(if upwards { to + beyond } else { from - beyond })
}

/// Returns a step of polynomial mutation that stays in the unit interval.
fn departure(position: f64, unit: f64) -> f64 {
    let power = MUTATION_INDEX + 1.0;
    if unit < 0.5 {
        let cut = libm::pow(1.0 - position, power);
        libm::pow(2.0 * unit + (1.0 - 2.0 * unit) * cut, 1.0 / power) - 1.0
    } else {
        let cut = libm::pow(position, power);
        1.0 - libm::pow(2.0 * (1.0 - unit) + (2.0 * unit - 1.0) * cut, 1.0 / power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Use;

    fn draw(number: u32) -> Draw {
        Draw::new(5, number, "x", Use::Mutation)
    }

    #[test]
    fn children_lie_around_their_parents_and_within_bounds() {
        let mut sum = 0.0;
        for number in 0..2_000 {
            let (side, unit) = (draw(number).unit() < 0.5, draw(number + 9_999).unit());
            let child = blend(0.1, 0.3, side, unit);
            assert!((0.0..=1.0).contains(&child));
            sum += child;
        }
        assert!((sum / 2_000.0 - 0.2).abs() < 0.01, "{sum}");
        assert!(blend(0.0, 1.0, true, 0.999_999) < 1e-6);
    }

    #[test]
    fn a_mutation_always_changes_ints_and_options_and_stays_allowed() {
        for distribution in [
            Distribution::Int { low: 0, high: 1, log: false, step: 1 },
            Distribution::Int { low: 1, high: 9, log: true, step: 1 },
            Distribution::Float { low: 0.0, high: 1.0, log: false, step: Some(0.1) },
            Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] },
        ] {
            let gene = Gene::new(&distribution);
            let count = distribution.cardinality().unwrap();
            for number in 0..600 {
                let value = distribution.nth(u64::from(number) % count);
                let mutated = gene.mutate(value, &mut draw(number));
                assert!(distribution.contains(mutated) && mutated != value, "{distribution:?} {value} {mutated}");
            }
        }
    }

    #[test]
    fn a_mutation_moves_both_ways_by_a_little() {
        let steps: Vec<f64> = (0..1_000).map(|number| departure(0.5, draw(number).unit())).collect();
        let mean = steps.iter().sum::<f64>() / 1_000.0;
        let size = steps.iter().map(|step| step.abs()).sum::<f64>() / 1_000.0;
        assert!(mean.abs() < 0.01 && (0.02..0.08).contains(&size), "{mean} {size}");
        assert!(departure(0.0, 0.0) == 0.0 && departure(1.0, 0.999_999_999) <= 0.0);
    }

    #[test]
    fn a_single_value_stays() {
        let gene = Gene::new(&Distribution::Int { low: 4, high: 4, log: false, step: 1 });
        assert_eq!((gene.mutate(4.0, &mut draw(1)), gene.cross(4.0, 4.0, &mut draw(1))), (4.0, 4.0));
    }
}
