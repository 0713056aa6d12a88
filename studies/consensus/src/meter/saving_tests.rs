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
    several(8, needed, noise, last)
}

fn several(count: u32, needed: f64, noise: f64, last: u32) -> Vec<Curve> {
    (0..count).map(|seed| learned(needed, seed + needed as u32, noise, last)).collect()
}

fn at_95() -> SavingRule {
    SavingRule { target: Target::Accuracy(0.95), ..SavingRule::default() }
}

#[test]
fn a_planted_saving_is_found_with_its_interval() {
    let found = saving(&learners(150.0, 0.02, 500), &learners(380.0, 0.02, 500), &at_95()).expect("curves");
    let Saving::Saves(estimate) = found else { panic!("{found:?}") };
    let planted = 1.0 - 150.0 / 380.0;
    assert!((estimate.saving().expect("exact") - planted).abs() < 0.04, "{estimate:?}");
    assert!(estimate.low.expect("bounded") < planted && estimate.high.expect("bounded") > planted, "{estimate:?}");
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
    assert!(found.estimate().and_then(Estimate::saving).expect("exact") < -1.0);
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
fn few_runs_say_too_little_of_chance() {
    let of = |runs: u32, rule: &SavingRule| {
        saving(&several(runs, 150.0, 0.0, 500), &several(runs + 1, 380.0, 0.0, 500), rule).expect("curves")
    };
    assert_eq!(of(1, &at_95()), Saving::TooFewCurves { given: 1, needed: 6 });
    assert_eq!(of(5, &at_95()), Saving::TooFewCurves { given: 5, needed: 6 });
    assert_eq!(of(5, &at_95()).reason(), "too early: 5 runs of a kind say too little of chance, and 6 of each are needed");
    assert!(of(6, &at_95()).estimate().is_some());
    let surer = SavingRule { confidence: 0.99, ..at_95() };
    assert_eq!(of(7, &surer), Saving::TooFewCurves { given: 7, needed: 8 });
    let resamples = SavingRule { repeats: Repeats::Resamples, ..at_95() };
    let found = saving(&several(39, 150.0, 0.0, 500), &several(39, 380.0, 0.0, 500), &resamples).expect("curves");
    assert_eq!(found, Saving::TooFewCurves { given: 39, needed: 40 });
}

/// A run that comes from 0 to 1 in a straight line and has 0.5 at so many labels.
fn straight(needed: f64) -> Curve {
    let points = [(1.0, 0.5 / needed), (1_000.0, 500.0 / needed)];
    Curve::new(points.map(|(labels, accuracy)| Point { labels, accuracy }).to_vec()).expect("a curve")
}

/// Where both kinds are the same, what is claimed is false: with a confidence of 0.95 in 5 of 100 cases. Of 20,000 cases
/// with 2,000 resamples 6.8 % were with 6 runs, 5.7 % with 8, 3.6 % with 8 and 9 that do not belong together, and 5.3 %
/// with 20. The bound is three standard errors of 1,000 cases above the first.
#[test]
fn as_many_verdicts_are_false_as_the_confidence_says() {
    let rule = SavingRule { target: Target::Accuracy(0.5), resamples: 1_000, ..SavingRule::default() };
    let cases = 1_000;
    let wrong = |runs: usize, others: usize| {
        let claimed = |&case: &u32| {
            let mut draw = Draw::new(1, Use::Curves, case);
            let mut kind = |count: usize| -> Vec<Curve> {
                // The mean of six numbers is nearly normal.
                let mut luck = || (0..6).map(|_| unit(&mut draw)).sum::<f64>() / 6.0 - 0.5;
                (0..count).map(|_| straight(200.0 * (1.0 + luck()))).collect()
            };
            let (active, control) = (kind(runs), kind(others));
            let found = saving(&active, &control, &SavingRule { seed: u64::from(case), ..rule }).expect("curves");
            assert!(found.estimate().is_some(), "{found:?}");
            !matches!(found, Saving::NotShown(_))
        };
        (0..cases).filter(claimed).count() as f64 / f64::from(cases)
    };
    for (runs, others) in [(6, 6), (8, 8), (8, 9)] {
        let share = wrong(runs, others);
        assert!((0.02..0.092).contains(&share), "{runs} and {others} runs: {share}");
    }
}

#[test]
fn a_control_that_has_not_come_so_far_gives_a_lower_bound() {
    let found = saving(&learners(150.0, 0.001, 500), &learners(380.0, 0.001, 300), &at_95()).expect("curves");
    let Saving::Saves(estimate) = found else { panic!("{found:?}") };
    assert_eq!(estimate.control_labels, Labels::MoreThan(300.0));
    assert!((estimate.least_saving.expect("bounded") - 0.5).abs() < 0.02, "{estimate:?}");
    // How much more than that nobody knows.
    assert_eq!((estimate.most_saving, estimate.high, estimate.saving()), (None, None, None));
    let reason = found.reason();
    assert!(reason.contains("instead of more than 300") && reason.contains("at least 50 % fewer"), "{reason}");
    assert!(reason.ends_with("to unknown)"), "{reason}");
}

#[test]
fn a_control_that_ends_before_active_learning_comes_there_shows_no_harm() {
    let found = saving(&learners(380.0, 0.001, 500), &learners(600.0, 0.001, 300), &at_95()).expect("curves");
    let Saving::NotShown(estimate) = found else { panic!("{found:?}") };
    assert!(estimate.least_saving.expect("bounded") < -0.2 && estimate.high.is_none(), "{estimate:?}");
}

#[test]
fn harm_is_seen_before_active_learning_comes_so_far() {
    let found = saving(&learners(380.0, 0.001, 300), &learners(150.0, 0.001, 500), &at_95()).expect("curves");
    let Saving::Costs(estimate) = found else { panic!("{found:?}") };
    assert_eq!((estimate.active_labels, estimate.low), (Labels::MoreThan(300.0), None));
    assert!(estimate.most_saving.is_some_and(|most| (most + 1.0).abs() < 0.05), "{estimate:?}");
    assert!(
        found.reason().contains("more than 300 labels instead of 150") && found.reason().contains("at most -"),
        "{}",
        found.reason()
    );
}

#[test]
fn an_accuracy_that_active_learning_has_yet_to_reach_says_nothing() {
    let ahead = saving(&learners(380.0, 0.001, 100), &learners(250.0, 0.001, 500), &at_95()).expect("curves");
    assert!(matches!(ahead, Saving::NotReached { labels: 100.0, control_labels: Labels::Exactly(_), .. }), "{ahead:?}");
    let reason = ahead.reason();
    assert!(reason.starts_with("not known yet: ") && reason.ends_with("for which random choice needs 250"), "{reason}");
    let both = saving(&learners(380.0, 0.001, 300), &learners(380.0, 0.001, 300), &at_95()).expect("curves");
    assert!(matches!(both, Saving::NotReached { control_labels: Labels::MoreThan(300.0), .. }), "{both:?}");
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
fn labels_of_a_curve_that_begins_there_are_a_bound() {
    // Both have 0.95 with 20 labels or fewer: that one of them needs 10 and the other 15 cannot be seen.
    let begun = saving(&learners(10.0, 0.001, 300), &learners(15.0, 0.001, 300), &at_95()).expect("curves");
    let Saving::NotShown(estimate) = begun else { panic!("{begun:?}") };
    assert_eq!((estimate.active_labels, estimate.control_labels), (Labels::AtMost(20.0), Labels::AtMost(20.0)));
    assert_eq!((estimate.least_saving, estimate.most_saving, estimate.low, estimate.high), (None, None, None, None));
    assert!(begun.reason().contains("which of them is fewer is not known"), "{}", begun.reason());
    // At most 20 instead of 380 is a saving all the same, of unknown size.
    let saves = saving(&learners(10.0, 0.001, 500), &learners(380.0, 0.001, 500), &at_95()).expect("curves");
    let Saving::Saves(estimate) = saves else { panic!("{saves:?}") };
    assert!(estimate.low.expect("bounded") > 0.9 && estimate.high.is_none(), "{estimate:?}");
    assert!(saves.reason().contains("saves labels: at most 20 labels instead of 38"), "{}", saves.reason());
    // And 380 instead of at most 20 does harm.
    let costs = saving(&learners(380.0, 0.001, 500), &learners(10.0, 0.001, 500), &at_95()).expect("curves");
    let Saving::Costs(estimate) = costs else { panic!("{costs:?}") };
    assert!(estimate.high.expect("bounded") < -15.0 && estimate.low.is_none(), "{estimate:?}");
}

#[test]
fn equal_accuracy_is_the_highest_that_both_reach() {
    let found = saving(&learners(150.0, 0.0, 150), &learners(380.0, 0.0, 500), &SavingRule::default()).expect("curves");
    let estimate = found.estimate().expect("measured");
    assert!((estimate.accuracy - 0.95).abs() < 1e-12, "{estimate:?}");
    let (Labels::AtMost(active) | Labels::Exactly(active) | Labels::MoreThan(active)) = estimate.active_labels;
    let Labels::Exactly(control) = estimate.control_labels else { panic!("{estimate:?}") };
    assert!((active - 150.0).abs() < 1e-9 && (control - 380.0).abs() < 1e-9, "{estimate:?}");
}

#[test]
fn resamples_are_an_interval_by_themselves() {
    let rule = SavingRule { repeats: Repeats::Resamples, resamples: 1, ..at_95() };
    let found = saving(&several(60, 150.0, 0.02, 500), &several(60, 380.0, 0.02, 500), &rule).expect("curves");
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
    assert_eq!(message(&curves, &[], &at_95()), "`control` has `0` entries and needs `1`");
    let far = |from: f64| Curve::new(vec![Point { labels: from, accuracy: 0.5 }]).expect("a curve");
    assert_eq!(
        message(&[far(10.0), far(20.0)], &curves, &at_95()),
        "the learning curves of `active` share no number of labels: measure them over the same labels"
    );
    let rule = SavingRule { repeats: Repeats::Resamples, ..at_95() };
    assert_eq!(message(&curves, &curves[1..], &rule), "`control` has `7` entries and needs `8`");
    let rule = SavingRule { confidence: 95.0, ..at_95() };
    assert_eq!(message(&curves, &curves, &rule), "`confidence` must be above 0 and below 1, not `95`");
    let rule = SavingRule { target: Target::Accuracy(f64::NAN), ..at_95() };
    assert_eq!(message(&curves, &curves, &rule), "`target.accuracy` must be finite, not `NaN`");
    let rule = SavingRule { resamples: 0, ..at_95() };
    assert_eq!(message(&curves, &curves, &rule), "`resamples` must be a number from 1, not `0`");
    let read = |text| serde_json::from_str::<SavingRule>(text).map_err(|error| error.to_string());
    assert_eq!(read(r#"{"seed": 3}"#), Ok(SavingRule { seed: 3, ..SavingRule::default() }));
    assert!(read(r#"{"resamples": 0}"#).is_err_and(|error| error.starts_with("`resamples` must be")));
}

/// A learner that is right on the first items of a split, on more of them with more labels.
fn measured(labels: u32, right: usize) -> Measured {
    Measured { labels, hits: (0..200).map(|item| item < right).collect() }
}

#[test]
fn one_run_is_measured_on_resamples_of_its_split() {
    let active = [measured(20, 120), measured(60, 170), measured(100, 196)];
    let control = [measured(20, 120), measured(120, 150), measured(400, 196)];
    let (a, c) = resample_split(&active, &control, 500, 1).expect("curves");
    assert_eq!((a.len(), c.len()), (500, 500));
    // The same items of both: where they were right on the same ones, they are as good.
    assert!(a.iter().zip(&c).all(|(a, c)| a.points()[0].accuracy == c.points()[0].accuracy));
    let mean = a.iter().map(|curve| curve.points()[1].accuracy).sum::<f64>() / 500.0;
    assert!((mean - 0.85).abs() < 0.01, "{mean}");
    let rule = SavingRule { repeats: Repeats::Resamples, ..SavingRule::default() };
    let Saving::Saves(estimate) = saving(&a, &c, &rule).expect("a saving") else { panic!("it saves") };
    assert!((estimate.saving().expect("exact") - 0.75).abs() < 0.05, "{estimate:?}");
    assert_eq!(resample_split(&active, &control, 500, 1), Ok((a, c)));
}

#[test]
fn rounds_on_different_splits_are_refused() {
    let other = Measured { labels: 60, hits: vec![true; 199] };
    let message = resample_split(&[measured(20, 100), other], &[measured(20, 100)], 9, 0).expect_err("a mistake").to_string();
    assert_eq!(message, "`hits` has `199` entries and needs `200`");
    assert!(resample_split(&[], &[], 9, 0).is_err());
}
