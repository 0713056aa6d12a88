use super::*;
use crate::sampler::tpe::axis::Axis;
use crate::sampler::tpe::exp::ln_sum_exp;
use crate::space::Distribution;

fn axes(distributions: &[Distribution]) -> Axes {
    Axes::new(distributions.iter().filter_map(Axis::new).collect())
}

fn unit() -> Distribution {
    Distribution::Float { low: 0.0, high: 1.0, log: false, step: None }
}

fn density(axes: &Axes, bank: &Bank, widths: &Widths, point: &[f64]) -> f64 {
    let (mut probe, mut blurs, mut terms) = (Probe::default(), Vec::new(), Vec::new());
    axes.blurs(point, &mut blurs);
    probe.aim(widths, point, &blurs);
    bank.measure(&probe, &mut terms);
    ln_sum_exp(&terms, f64::NEG_INFINITY).exp()
}

#[test]
fn every_point_has_the_kernels_of_its_neighbourhood_whatever_the_lane() {
    let axes = axes(&[unit(), unit()]);
    let widths = Widths::new(&axes, vec![0.01, 0.02], 0.1);
    let mut bank = Bank::default();
    for at in 0..21 {
        bank.push(&[f64::from(at) / 20.0, 0.5], 0.0);
    }
    let single = 1.0 / (0.01 * 0.02 * std::f64::consts::TAU);
    for at in 1..20 {
        let found = density(&axes, &bank, &widths, &[f64::from(at) / 20.0, 0.5]);
        assert!((found / single - 1.0).abs() < 1e-4, "{at}: {found}");
    }
    let mut place = [0.0; 2];
    bank.set(20, &[0.25, 0.375], 0.0);
    bank.place(20, &mut place);
    assert_eq!((place, bank.len()), ([0.25, 0.375], 21));
}

#[test]
fn the_ends_of_a_range_are_not_thinner_than_its_middle() {
    let axes = axes(&[unit()]);
    let widths = Widths::new(&axes, vec![0.05], 0.1);
    let mut bank = Bank::default();
    (0..1000).for_each(|at| bank.push(&[(f64::from(at) + 0.5) / 1000.0], 0.001_f64.ln()));
    for point in [0.0, 0.01, 0.5, 1.0] {
        assert!((density(&axes, &bank, &widths, &[point]) - 1.0).abs() < 0.01, "{point}");
    }
}

#[test]
fn probabilities_of_options_sum_to_one() {
    let axes = axes(&[Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] }]);
    let widths = Widths::new(&axes, Vec::new(), 0.1);
    let mut bank = Bank::default();
    bank.push(&[1.0], 0.75_f64.ln());
    bank.push(&[2.0], 0.25_f64.ln());
    let [a, b, c] = [0.0, 1.0, 2.0].map(|option| density(&axes, &bank, &widths, &[option]));
    assert!((a + b + c - 1.0).abs() < 1e-6 && b > c && c > a, "{a} {b} {c}");
}

#[test]
fn a_hundred_narrow_axes_do_not_overflow() {
    let axes = axes(&vec![unit(); 100]);
    let widths = Widths::new(&axes, vec![1e-3; 100], 0.1);
    let mut bank = Bank::default();
    bank.push(&[0.5; 100], 0.0);
    let (mut probe, mut terms) = (Probe::default(), Vec::new());
    probe.aim(&widths, &[0.5; 100], &[0.0; 100]);
    bank.measure(&probe, &mut terms);
    let expected = 100.0 * (1000_f64.ln() - normal::ln_sqrt_tau());
    assert!((ln_sum_exp(&terms, f64::NEG_INFINITY) - expected).abs() < 1e-3);
}
