use super::*;

fn watch(window: u32) -> StabilityWatch {
    StabilityWatch::new(StabilityRule { window, threshold: 0.99 }, 2).expect("a rule")
}

fn alternating(changed: usize) -> Vec<u32> {
    (0..200).map(|item| u32::from((item % 2 == 0) != (item < changed))).collect()
}

#[test]
fn models_that_no_longer_change_their_minds_stop_the_asking() {
    let mut watch = watch(3);
    let steps = [100, 40, 0, 0, 0].map(|changed| watch.record(alternating(changed)).expect("predictions"));
    assert_eq!(steps[2], Stability::TooEarly { compared: 2, needed: 3 });
    assert!(matches!(steps[4], Stability::Moving { .. }), "{:?}", steps[4]);
    let last = watch.record(alternating(0)).expect("predictions");
    assert_eq!(last, Stability::Stable { kappa: 1.0, threshold: 0.99 });
    assert!(last.is_enough() && !steps[4].is_enough());
    assert_eq!(last.reason(), "stop: models no longer change their minds, kappa 1.0000 has reached 0.99");
}

#[test]
fn the_mean_over_the_window_counts() {
    let mut watch = watch(2);
    watch.record(alternating(0)).expect("predictions");
    watch.record(alternating(3)).expect("predictions");
    // Kappas 0.97 and 1: the mean is below 0.99, by a little.
    let Stability::Moving { kappa, .. } = watch.record(alternating(3)).expect("predictions") else { panic!("stable") };
    assert!((kappa - 0.985).abs() < 1e-12, "{kappa}");
    assert!(watch.record(alternating(3)).expect("predictions").is_enough());
}

#[test]
fn models_that_predict_one_class_are_not_stable() {
    let mut watch = watch(2);
    for _ in 0..5 {
        watch.record(vec![1; 50]).expect("predictions");
    }
    assert_eq!(watch.stability(), Stability::OneClass);
    assert!(!watch.stability().is_enough());
}

#[test]
fn mistakes_are_named() {
    let mut watch = watch(1);
    watch.record(vec![0, 1]).expect("predictions");
    assert_eq!(watch.record(vec![0]).expect_err("a mistake").to_string(), "`predictions` has `1` entries and needs `2`");
    assert_eq!(
        watch.record(vec![0, 2]).expect_err("a mistake").to_string(),
        "class `2` is unknown: there are `2`, counted from 0"
    );
    // A mistake leaves the watch as it was.
    assert_eq!(watch.stability(), Stability::TooEarly { compared: 0, needed: 1 });
    let rule = StabilityRule { window: 0, threshold: 0.99 };
    assert_eq!(StabilityWatch::new(rule, 2).expect_err("a mistake").to_string(), "`window` must be a number from 1, not `0`");
}
