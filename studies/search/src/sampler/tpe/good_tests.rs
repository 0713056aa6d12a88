use super::*;
use crate::draw::Use;
use crate::sampler::tpe::axis::Axis;
use crate::space::Distribution;

fn axes() -> Axes {
    let float = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    let options = Distribution::Categorical { choices: vec!["a".into(), "b".into(), "c".into()] };
    Axes::new([float, options].iter().filter_map(Axis::new).collect())
}

#[test]
fn better_trials_weigh_more_and_all_weigh_something() {
    let weights = rank_weights(10);
    assert!(weights.windows(2).all(|pair| pair[0] > pair[1]) && weights[9] > 0.0);
    assert!((weights.iter().sum::<f64>() - 10.0).abs() < 1e-12);
    assert_eq!((rank_weights(1), rank_weights(0)), (vec![1.0], Vec::new()));
}

/// By hand: a standard deviation of 0.1 over four points and two axes gives 0.1 × 4^(-1/6).
#[test]
fn widths_follow_the_spread_of_good_trials() {
    let points: Vec<Vec<f64>> = [0.4, 0.6, 0.4, 0.6].map(|number| vec![number, 0.0]).to_vec();
    let good = Good::new(&axes(), points, &rank_weights(4), 1_000);
    assert!((good.widths().sigmas[0] - 0.1 * 4_f64.powf(-1.0 / 6.0)).abs() < 1e-12);
}

#[test]
fn one_good_trial_of_ten_has_a_wide_kernel_and_equal_ones_of_many_a_narrow_one() {
    let width = |points: usize, trials| {
        let good = Good::new(&axes(), vec![vec![0.3, 0.0]; points], &rank_weights(points), trials);
        good.widths().sigmas[0]
    };
    assert_eq!((width(1, 9), width(25, 1_000_000)), (0.2, 1e-3));
}

#[test]
fn draws_stay_in_range_and_near_their_kernel() {
    let axes = axes();
    let good = Good::new(&axes, vec![vec![0.0, 1.0], vec![0.9, 2.0]], &rank_weights(2), 100);
    let mut draw = Draw::new(1, 2, "x", Use::Candidate);
    let numbers: Vec<f64> = (0..500).map(|_| good.draw_number(&axes, 0, 0, &mut draw)).collect();
    assert!(numbers.iter().all(|number| (0.0..=1.0).contains(number)));
    let kept = (0..900).filter(|_| good.draw_option(0, 1, 3, &mut draw) == 1.0).count();
    assert!((500..800).contains(&kept), "{kept} of 900 keep the option");
    let even = (0..900).filter(|_| good.draw_option(2, 1, 3, &mut draw) == 1.0).count();
    assert!((240..360).contains(&even), "{even} of 900 from the prior");
}

#[test]
fn without_good_trials_only_the_prior_is_left() {
    let good = Good::new(&axes(), Vec::new(), &[], 0);
    assert_eq!((good.pick(0.0), good.pick(0.999)), (0, 0));
}

#[test]
fn an_option_is_kept_as_often_among_many_as_among_few() {
    let kept = |count: usize| {
        let choices = (0..count as i64).map(crate::space::Choice::Int).collect();
        let axes = Axes::new(Axis::new(&Distribution::Categorical { choices }).into_iter().collect());
        let good = Good::new(&axes, vec![vec![1.0]; 9], &rank_weights(9), 90);
        let mut draw = Draw::new(1, 2, "x", Use::Candidate);
        (0..1000).filter(|_| good.draw_option(0, 0, count, &mut draw) == 1.0).count()
    };
    // One in eleven is drawn anew.
    assert!((930..980).contains(&kept(2)) && (880..930).contains(&kept(1000)), "{} {}", kept(2), kept(1000));
}
