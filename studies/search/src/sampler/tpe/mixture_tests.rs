use super::*;
use crate::space::Distribution;

fn axis(distribution: Distribution) -> Axis {
    Axis::new(&distribution).unwrap()
}

fn unit_axis() -> Axis {
    axis(Distribution::Float { low: 0.0, high: 1.0, log: false, step: None })
}

fn mixture(axis: &Axis, values: &[f64]) -> Mixture {
    let column = values.iter().map(|&value| axis.position(value)).collect();
    Mixture::new(std::slice::from_ref(axis), &[column], vec![1.0; values.len()])
}

fn density(mixture: &Mixture, point: &[f64]) -> f64 {
    mixture.ln_density(point, &mut Scratch::default()).exp()
}

#[test]
fn continuous_density_integrates_to_one() {
    let mixture = mixture(&unit_axis(), &[0.1, 0.15, 0.9]);
    let steps = 100_000;
    let sum: f64 = (0..steps).map(|step| density(&mixture, &[(f64::from(step) + 0.5) / f64::from(steps)])).sum();
    assert!((sum / f64::from(steps) - 1.0).abs() < 1e-6, "{sum}");
}

#[test]
fn masses_of_steps_and_options_sum_to_one() {
    let int = |log| axis(Distribution::Int { low: 1, high: 40, log, step: 1 });
    let options = axis(Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] });
    let cases = [(int(false), 1..=40, [3.0, 3.0, 38.0]), (int(true), 1..=40, [3.0, 3.0, 1.0]), (options, 0..=2, [0.0, 2.0, 2.0])];
    for (axis, values, observed) in cases {
        let mixture = mixture(&axis, &observed);
        let sum: f64 = values.map(|value| density(&mixture, &[axis.position(f64::from(value))])).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{axis:?}: {sum}");
    }
}

#[test]
fn draws_follow_the_density() {
    let axis = axis(Distribution::Int { low: 0, high: 4, log: false, step: 1 });
    let mixture = mixture(&axis, &[1.0, 1.0, 4.0]);
    let mut counts = [0_u32; 5];
    let side = 300;
    for first in 0..side {
        for second in 0..side {
            let kernel = mixture.pick((f64::from(first) + 0.5) / f64::from(side));
            let value = mixture.draw(kernel, 0, (f64::from(second) + 0.5) / f64::from(side));
            counts[value as usize] += 1;
        }
    }
    for (value, &count) in (0_u32..).zip(&counts) {
        let share = f64::from(count) / f64::from(side * side);
        assert!((share - density(&mixture, &[f64::from(value)])).abs() < 0.005, "{value} {share}");
    }
}

/// Means and standard deviations of the kernels on the unit interval.
fn normals(values: &[f64]) -> Vec<(f64, f64)> {
    let Kernels::Density { means, inverses, .. } = &mixture(&unit_axis(), values).kernels[0] else {
        panic!("not a density");
    };
    means.iter().zip(inverses).map(|(&mean, inverse)| (mean, 1.0 / inverse)).collect()
}

/// By hand: means 0.2, 0.4 and the prior's 0.5; gaps 0.2, 0.2 and 0.1; narrowest 1/4, so both are 0.25.
#[test]
fn bandwidth_is_the_larger_gap_within_limits() {
    assert_eq!(normals(&[0.2, 0.4]), [(0.2, 0.25), (0.4, 0.25), (0.5, 1.0)]);
    let ends = normals(&[0.0, 1.0, 0.9]);
    assert_eq!((ends[0], ends[2]), ((0.0, 0.5), (0.9, 0.4)));
}

#[test]
fn repeated_values_share_classes() {
    let axis = axis(Distribution::Int { low: 0, high: 9, log: false, step: 1 });
    let values: Vec<f64> = (0..1000).map(|index| f64::from(index % 10)).collect();
    let Kernels::Mass { normals, class, .. } = &mixture(&axis, &values).kernels[0] else {
        panic!("not a mass");
    };
    assert_eq!(class.len(), 1001);
    assert!(normals.len() <= 31, "{}", normals.len());
}

#[test]
fn without_observations_only_the_prior_is_left() {
    let mixture = mixture(&unit_axis(), &[]);
    assert_eq!((mixture.pick(0.0), mixture.pick(0.999)), (0, 0));
    assert!(density(&mixture, &[0.5]) > density(&mixture, &[0.0]));
}
