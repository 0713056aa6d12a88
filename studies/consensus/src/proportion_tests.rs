use proptest::prelude::*;

use super::*;

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
}

/// The examples (a) to (h) of Newcombe 1998, table II, method 10.
#[test]
fn differences_agree_with_the_published_examples() {
    let published = [
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((6, 7), (2, 7), (0.0582, 0.8062)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((0, 10), (0, 10), (-0.2775, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ];
    for ((a, m), (b, n), (low, high)) in published {
        let found = newcombe(Rate { hits: a, of: m }, Rate { hits: b, of: n }, 0.95).expect("rates");
        close(found.low, low);
        close(found.high, high);
    }
}

/// Newcombe 1998 (on single proportions), table I, method 3.
#[test]
fn rates_agree_with_the_published_examples() {
    let published =
        [((81, 263), (0.2553, 0.3662)), ((15, 148), (0.0624, 0.1605)), ((0, 20), (0.0, 0.1611)), ((1, 29), (0.0061, 0.1718))];
    for ((hits, of), (low, high)) in published {
        let found = Rate { hits, of }.wilson(0.95).expect("a rate");
        close(found.low, low);
        close(found.high, high);
    }
}

#[test]
fn nothing_counted_says_nothing() {
    let none = Rate::default();
    assert_eq!(none.share(), None);
    assert_eq!(none.wilson(0.9).expect("a rate"), Interval { low: 0.0, high: 1.0 });
    let half = Rate { hits: 1, of: 2 };
    assert_eq!(newcombe(none, half, 0.9).expect("rates"), Interval { low: -1.0, high: 1.0 });
}

#[test]
fn mistakes_are_named() {
    let message = |rate: Rate, confidence| rate.wilson(confidence).expect_err("a mistake").to_string();
    assert_eq!(message(Rate { hits: 2, of: 1 }, 0.9), "`hits` must be `of` at most, not `2`");
    assert_eq!(message(Rate { hits: 1, of: 1 }, 1.0), "`confidence` must be above 0 and below 1, not `1`");
    assert!(sample_sizes(0.5, 0.5, 1.0, 0.95, 0.8).is_err());
}

/// Fleiss, Levin and Paik 2003, table A.4 less its correction; by hand for 0.6 and 0.5: 387.3 and so 388 of each.
#[test]
fn sizes_grow_as_differences_shrink() {
    assert_eq!(sample_sizes(0.6, 0.5, 1.0, 0.95, 0.8).expect("sizes"), (388, 388));
    let (shown, blind) = sample_sizes(0.6, 0.5, 0.1, 0.95, 0.8).expect("sizes");
    assert!(shown > 2_000 && blind > 200 && blind.abs_diff(shown / 10) <= 1, "{shown}, {blind}");
    assert!(sample_sizes(0.55, 0.5, 1.0, 0.95, 0.8).expect("sizes").0 > 1_500);
}

proptest! {
    #[test]
    fn intervals_hold_the_share_and_stay_within_bounds(hits in 0..50_u32, misses in 0..50_u32, confidence in 0.01..0.999) {
        prop_assume!(hits + misses > 0);
        let rate = Rate { hits, of: hits + misses };
        let interval = rate.wilson(confidence).expect("a rate");
        prop_assert!(interval.contains(rate.share().expect("some")), "{interval:?}");
        prop_assert!((0.0..=1.0).contains(&interval.low) && (0.0..=1.0).contains(&interval.high));
        let mirrored = Rate { hits: misses, of: rate.of }.wilson(confidence).expect("a rate");
        prop_assert!((interval.low - (1.0 - mirrored.high)).abs() < 1e-12);
        let difference = newcombe(rate, Rate { hits: misses, of: rate.of }, confidence).expect("rates");
        prop_assert!(difference.low >= -1.0 - 1e-12 && difference.high <= 1.0 + 1e-12 && difference.low <= difference.high);
    }
}
