use super::*;
use crate::sampler::gp::kernel::{Points, squares};
use crate::space::{Condition, Parameter};

fn parameter(name: &str, distribution: Distribution) -> Parameter {
    Parameter { name: name.into(), distribution, when: Vec::new() }
}

fn space() -> Space {
    let kind = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    let only_a = Condition { parameter: "kind".into(), values: vec!["a".into()] };
    let float = |low, high, log| Distribution::Float { low, high, log, step: None };
    Space {
        parameters: vec![
            parameter("kind", kind),
            parameter("rate", float(1e-4, 1.0, true)),
            parameter("layers", Distribution::Int { low: 1, high: 5, log: false, step: 2 }),
            parameter("same", Distribution::Int { low: 3, high: 3, log: false, step: 1 }),
            Parameter { when: vec![only_a.clone()], ..parameter("momentum", float(0.0, 1.0, false)) },
            Parameter {
                when: vec![only_a],
                ..parameter("sub", Distribution::Categorical { choices: vec!["x".into(), "y".into()] })
            },
        ],
    }
}

fn encode(params: &[f64]) -> Vec<f64> {
    let (space, plan) = (space(), space().plan());
    let mut point = Vec::new();
    Encoding::new(&space, &plan, |index| index >= 4).encode(params, &mut point);
    point
}

#[test]
fn numbers_lie_on_their_own_scale_and_absent_ones_in_the_middle() {
    let nan = f64::NAN;
    let present = encode(&[0.0, 1e-2, 3.0, 3.0, 0.25, 1.0]);
    let expected = [0.0, 0.5, 0.5, 0.25, 0.0, 1.0];
    assert!(present.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{present:?}");
    assert_eq!(encode(&[2.0, 1.0, 5.0, 3.0, nan, nan]), [2.0, 1.0, 1.0, MIDDLE, PRESENCE, ABSENT]);
    assert_eq!(encode(&[2.0, 1.0, 5.0]), encode(&[2.0, 1.0, 5.0, 3.0, nan, nan]), "parameters added later are absent");
}

#[test]
fn points_that_both_lack_a_parameter_agree_in_it_and_others_do_not() {
    let nan = f64::NAN;
    let (space, plan) = (space(), space().plan());
    let encoding = Encoding::new(&space, &plan, |index| index >= 4);
    let mut points = Points::new(encoding.columns.len());
    for params in [[1.0, 1.0, 1.0, 3.0, nan, nan], [0.0, 1.0, 1.0, 3.0, 0.5, 0.0], [2.0, 1.0, 1.0, 3.0, nan, nan]] {
        points.push(&encode(&params));
    }
    let mut q = vec![0.0; 3];
    squares(&encoding.columns, &vec![1.0; encoding.columns.len()], &points, &encode(&[1.0, 1.0, 1.0, 3.0, nan, nan]), &mut q);
    // Another option; another option, presence, another sub-option; another option.
    assert_eq!(q, [0.0, 2.0 + PRESENCE * PRESENCE, 1.0]);
}

#[test]
fn positions_come_back_as_allowed_values() {
    let (space, plan) = (space(), space().plan());
    let encoding = Encoding::new(&space, &plan, |_| false);
    for axis in &encoding.axes {
        for step in 0..=20 {
            let position = f64::from(step) / 20.0;
            let internal = encoding.internal(axis, position);
            assert!(space.parameters[axis.parameter].distribution.contains(internal), "{axis:?} {position} {internal}");
            let back = encoding.internal(axis, encoding.position(axis, internal));
            assert!((back - internal).abs() <= 1e-12 * internal.abs(), "{axis:?} {internal} {back}");
        }
    }
}

#[test]
fn the_narrowest_and_the_widest_ranges_have_finite_positions() {
    let float = |low: f64, high: f64| Distribution::Float { low, high, log: false, step: None };
    let ranges = [
        float(0.0, 1e-300),
        float(0.0, 5e-324),
        float(-8e307, 8e307),
        Distribution::Float { low: 5e-324, high: 1e308, log: true, step: None },
        Distribution::Int { low: i64::MIN, high: i64::MAX, log: false, step: 1 },
        Distribution::Int { low: 1, high: i64::MAX, log: true, step: 1 },
    ];
    let space = Space { parameters: ranges.into_iter().map(|range| parameter("x", range)).collect() };
    let plan = space.plan();
    let encoding = Encoding::new(&space, &plan, |_| false);
    assert_eq!(encoding.axes.len(), 6);
    for axis in &encoding.axes {
        let distribution = &space.parameters[axis.parameter].distribution;
        for position in [0.0, 0.3, 1.0] {
            let internal = encoding.internal(axis, position);
            assert!(distribution.contains(internal), "{distribution:?} {internal}");
            assert!((0.0..=1.0).contains(&encoding.position(axis, internal)));
        }
    }
}

#[test]
fn completing_a_point_drops_what_its_branch_lacks_and_asks_for_what_is_missing() {
    let (space, plan) = (space(), space().plan());
    let encoding = Encoding::new(&space, &plan, |_| true);
    let nan = f64::NAN;
    let other = encoding.complete(&[1.0, 0.5, 2.0, 3.0, 0.5, 1.0], |_| nan);
    assert!(other[4].is_nan() && other[5].is_nan() && other[2] == 3.0, "{other:?}");
    let mut asked = Vec::new();
    let whole = encoding.complete(&[0.0, 0.5, 2.0, 3.0, nan, 1.0], |index| {
        asked.push(index);
        0.25
    });
    assert_eq!((asked, whole[4]), (vec![4], 0.25));
}
