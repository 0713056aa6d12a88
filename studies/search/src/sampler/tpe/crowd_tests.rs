use super::*;
use crate::sampler::tpe::axis::Axis;
use crate::sampler::tpe::bank::Widths;
use crate::sampler::tpe::exp::ln_sum_exp;
use crate::space::Distribution;

fn axes() -> Axes {
    let float = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    let options = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    Axes::new([float, options].iter().filter_map(Axis::new).collect())
}

/// Points at 0.2 with the first option and at 0.8 with the last one, by turns.
fn point(at: usize) -> [f64; 2] {
    let wobble = (at * 7 % 11) as f64 / 1000.0;
    if at.is_multiple_of(2) { [0.2 + wobble, 0.0] } else { [0.8 + wobble, 2.0] }
}

fn filled(bounds: Bounds, points: usize) -> Crowd {
    let axes = axes();
    let mut crowd = Crowd::new(&axes, bounds);
    (0..points).for_each(|at| crowd.push(&axes, &point(at)));
    crowd.prepare(&axes);
    crowd
}

fn density(crowd: &Crowd, point: &[f64]) -> f64 {
    let axes = axes();
    let (mut probe, mut blurs, mut terms) = (Probe::default(), Vec::new(), Vec::new());
    axes.blurs(point, &mut blurs);
    probe.aim(&Widths::new(&axes, vec![0.02], 0.01), point, &blurs);
    crowd.measure(&axes, &probe, &mut terms);
    ln_sum_exp(&terms, f64::NEG_INFINITY).exp()
}

#[test]
fn merging_keeps_what_a_crowd_weighs_and_where() {
    let exact = filled(Bounds { latest: usize::MAX, clusters: 0 }, 1000);
    let merged = filled(Bounds { latest: 16, clusters: 8 }, 1000);
    for place in [[0.205, 0.0], [0.805, 2.0], [0.205, 2.0], [0.5, 0.0]] {
        let (exact, merged) = (density(&exact, &place), density(&merged, &place));
        assert!(merged < 2.0 * exact + 1.0 && exact < 2.0 * merged + 1.0, "{place:?}: {merged} for {exact}");
    }
}

#[test]
fn the_latest_stay_as_they_are() {
    let bounds = Bounds { latest: 16, clusters: 8 };
    let mut crowd = filled(bounds, 1000);
    let axes = axes();
    let before = density(&crowd, &[0.5, 1.0]);
    crowd.push(&axes, &[0.5, 1.0]);
    crowd.prepare(&axes);
    assert!(density(&crowd, &[0.5, 1.0]) > before + 10.0);
    assert_eq!((crowd.latest.len(), crowd.clusters.len()), (16, 8));
}

#[test]
fn preparing_in_between_changes_nothing() {
    let axes = axes();
    let bounds = Bounds { latest: 5, clusters: 3 };
    let mut often = Crowd::new(&axes, bounds);
    for at in 0..100 {
        often.push(&axes, &point(at));
        often.prepare(&axes);
    }
    assert_eq!(density(&often, &[0.3, 0.0]).to_bits(), density(&filled(bounds, 100), &[0.3, 0.0]).to_bits());
}

#[test]
fn a_million_options_cost_no_room() {
    let choices = (0..1_000_000).map(crate::space::Choice::Int).collect();
    let axes = Axes::new(Axis::new(&Distribution::Categorical { choices }).into_iter().collect());
    let mut crowd = Crowd::new(&axes, Bounds { latest: 2, clusters: 2 });
    (0..100).for_each(|at| crowd.push(&axes, &[f64::from(at) * 1e4]));
    crowd.prepare(&axes);
    let (mut probe, mut terms) = (Probe::default(), Vec::new());
    probe.aim(&Widths::new(&axes, Vec::new(), 0.01), &[5e5], &[]);
    crowd.measure(&axes, &probe, &mut terms);
    assert!(ln_sum_exp(&terms, f64::NEG_INFINITY).is_finite());
}
