use super::*;
use crate::meter::Point;
use crate::planted::unit;

/// A curve that comes to 0.95 with so many labels, and is off by noise.
fn learned(needed: f64, seed: u32, noise: f64, last: u32) -> Curve {
    let mut draw = Draw::new(5, Use::Curves, seed);
    let points = (2..=last / 10).map(|batch| {
        let labels = f64::from(10 * batch);
        let accuracy = 1.0 - 0.05 * (needed / labels).powf(0.8) + noise * (unit(&mut draw) - 0.5);
        Point { labels, accuracy }
    });
    Curve::new(points.collect()).expect("a curve")
}

fn learners(needed: f64, noise: f64, last: u32) -> Vec<Curve> {
    (0..8).map(|seed| learned(needed, seed + needed as u32, noise, last)).collect()
}

fn at_95() -> SavingRule {
    SavingRule { target: Target::Accuracy(0.95), ..SavingRule::default() }
}

#[test]
fn a_planted_saving_is_found_with_its_interval() {
    let found = saving(&learners(150.0, 0.02, 500), &learners(380.0, 0.02, 500), &at_95()).expect("curves");
    let Saving::Saves(estimate) = found else { panic!("{found:?}") };
    let planted = 1.0 - 150.0 / 380.0;
    assert!((estimate.saving - planted).abs() < 0.04, "{estimate:?}");
    assert!(estimate.low.expect("bounded") < planted && estimate.high.expect("bounded") > planted, "{estimate:?}");
    assert!(!estimate.is_at_least);
    let reason = found.reason();
    assert!(reason.starts_with("active learning saves labels: 1") && reason.contains("for an accuracy of 0.9500"), "{reason}");
}

#[test]
fn without_a_difference_nothing_is_claimed() {
    let found = saving(&learners(300.0, 0.03, 500), &learners(301.0, 0.03, 500), &at_95()).expect("curves");
    assert!(matches!(found, Saving::NotShown(_)), "{found:?}");
    assert!(found.reason().contains("has not been shown to help, the interval holds 0"), "{}", found.reason());
}

#[test]
fn harm_is_said_plainly() {
    let found = saving(&learners(380.0, 0.01, 500), &learners(150.0, 0.01, 500), &at_95()).expect("curves");
    assert!(matches!(found, Saving::Costs(_)), "{found:?}");
    assert!(found.reason().starts_with("active learning does not help, random choice is better"), "{}", found.reason());
    assert!(found.estimate().expect("measured").saving < -1.0);
}

#[test]
fn below_thirty_control_labels_it_is_too_early() {
    let found = saving(&learners(50.0, 0.0, 200), &learners(80.0, 0.0, 29), &SavingRule::default()).expect("curves");
    assert_eq!(found, Saving::TooEarly { control_labels: 20.0, needed: 30 });
    assert_eq!(found.reason(), "too early: 20 labels were chosen at random, and 30 are needed to compare with");
    let enough = saving(&learners(50.0, 0.0, 200), &learners(80.0, 0.0, 30), &SavingRule::default()).expect("curves");
    assert!(enough.estimate().is_some(), "{enough:?}");
}

#[test]
fn one_run_says_nothing_of_chance() {
    let found = saving(&learners(150.0, 0.0, 500)[..1], &learners(380.0, 0.0, 500), &at_95()).expect("curves");
    assert_eq!(found, Saving::TooFewCurves { given: 1 });
}

#[test]
fn a_control_that_has_not_come_so_far_gives_a_lower_bound() {
    let found = saving(&learners(150.0, 0.001, 500), &learners(380.0, 0.001, 300), &at_95()).expect("curves");
    let Saving::Saves(estimate) = found else { panic!("{found:?}") };
    assert!(estimate.is_at_least && estimate.control_labels == 300.0, "{estimate:?}");
    assert!((estimate.saving - 0.5).abs() < 0.02, "{estimate:?}");
    assert!(found.reason().contains("instead of more than 300"), "{}", found.reason());
}

#[test]
fn an_accuracy_that_active_learning_misses_is_no_saving() {
    let missed = saving(&learners(380.0, 0.001, 300), &learners(150.0, 0.001, 500), &at_95()).expect("curves");
    assert!(matches!(missed, Saving::NotReached { control_labels: Some(_), .. }), "{missed:?}");
    assert!(missed.reason().starts_with("active learning does not help: it has come to 0.9"), "{}", missed.reason());
    let both = saving(&learners(380.0, 0.001, 300), &learners(380.0, 0.001, 300), &at_95()).expect("curves");
    assert!(matches!(both, Saving::NotReached { control_labels: None, .. }), "{both:?}");
    // Reached by the mean, and missed in most resamples: the interval has no lower end.
    let mut mixed = learners(380.0, 0.0, 300);
    mixed[0] = learned(10.0, 0, 0.0, 300);
    mixed[1] = learned(10.0, 0, 0.0, 300);
    let found = saving(&mixed, &learners(250.0, 0.0, 300), &at_95()).expect("curves");
    let Saving::NotShown(estimate) = found else { panic!("{found:?}") };
    assert_eq!(estimate.low, None);
    assert!(found.reason().contains("interval: unknown to"), "{}", found.reason());
}

#[test]
fn equal_accuracy_is_the_highest_that_both_reach() {
    let found = saving(&learners(150.0, 0.0, 150), &learners(380.0, 0.0, 500), &SavingRule::default()).expect("curves");
    let estimate = found.estimate().expect("measured");
    assert!((estimate.accuracy - 0.95).abs() < 1e-12, "{estimate:?}");
    assert!((estimate.active_labels - 150.0).abs() < 1e-9 && (estimate.control_labels - 380.0).abs() < 1e-9, "{estimate:?}");
}

#[test]
fn resamples_are_an_interval_by_themselves() {
    let rule = SavingRule { repeats: Repeats::Resamples, resamples: 1, ..at_95() };
    let found = saving(&learners(150.0, 0.02, 500), &learners(380.0, 0.02, 500), &rule).expect("curves");
    let Saving::Saves(wide) = found else { panic!("{found:?}") };
    let seeds = saving(&learners(150.0, 0.02, 500), &learners(380.0, 0.02, 500), &at_95()).expect("curves");
    let narrow = seeds.estimate().expect("measured");
    let width = |estimate: &Estimate| estimate.high.expect("bounded") - estimate.low.expect("bounded");
    // One run is less sure than the mean of eight.
    assert!(width(&wide) > 1.5 * width(narrow), "{wide:?} {narrow:?}");
}

#[test]
fn runs_at_the_same_place_belong_together() {
    // Some runs are lucky in both kinds: what they save is the same.
    let runs = |share: f64| -> Vec<Curve> {
        (0..8).map(|seed| learned(share * (200.0 + 40.0 * f64::from(seed)), seed, 0.0, 800)).collect()
    };
    let width = |active: &[Curve], control: &[Curve]| {
        let found = saving(active, control, &at_95()).expect("curves");
        let estimate = found.estimate().expect("measured");
        estimate.high.expect("bounded") - estimate.low.expect("bounded")
    };
    let paired = width(&runs(0.4), &runs(1.0));
    let apart = width(&runs(0.4), &runs(1.0)[..7]);
    assert!(paired < 0.2 * apart, "{paired} {apart}");
}

#[test]
fn the_same_seed_draws_the_same_curves() {
    let of = |seed| {
        let rule = SavingRule { seed, ..at_95() };
        saving(&learners(150.0, 0.05, 500), &learners(380.0, 0.05, 500), &rule).expect("curves")
    };
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn mistakes_are_named() {
    let message = |active: &[Curve], control: &[Curve], rule: &SavingRule| {
        saving(active, control, rule).expect_err("a mistake").to_string()
    };
    let curves = learners(150.0, 0.0, 100);
    assert_eq!(message(&curves, &[], &at_95()), "`common labels` has `0` entries and needs `1`");
    let rule = SavingRule { repeats: Repeats::Resamples, ..at_95() };
    assert_eq!(message(&curves, &curves[1..], &rule), "`control` has `7` entries and needs `8`");
    let rule = SavingRule { confidence: 95.0, ..at_95() };
    assert_eq!(message(&curves, &curves, &rule), "`confidence` must be above 0 and below 1, not `95`");
}
