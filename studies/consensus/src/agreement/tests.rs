use proptest::prelude::*;

use super::*;
use crate::answers::Answer;
use crate::error::ConsensusError;

/// The example of Krippendorff 2011, also in Wikipedia's article: four observers, twelve units, gaps.
const OBSERVERS: [[u32; 12]; 4] = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
];

fn published() -> Vec<Vec<f64>> {
    let unit = |at: usize| OBSERVERS.iter().map(|row| f64::from(row[at])).filter(|&value| value > 0.0).collect();
    (0..12).map(unit).collect()
}

/// Classes by item, one per annotator.
fn answers(items: &[Vec<u32>], classes: u32) -> Answers {
    let annotators = items.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let of = |(item, list): (u32, &Vec<u32>)| -> Vec<Answer> {
        (0..).zip(list).map(|(annotator, &class)| Answer { item, annotator, class }).collect()
    };
    let list = (0..).zip(items).flat_map(of).collect();
    Answers::new(items.len() as u32, annotators, classes, list).expect("answers")
}

#[test]
fn alpha_agrees_with_the_published_example() {
    let known =
        [(Level::Nominal, 0.743_421), (Level::Ordinal, 0.815_388), (Level::Interval, 0.849_107), (Level::Ratio, 0.797_403)];
    for (level, expected) in known {
        let found = alpha(&published(), level).expect("values").expect("a meaning");
        assert!((found - expected).abs() < 1e-6, "{level:?}: {found}");
    }
}

#[test]
fn alpha_has_no_meaning_where_nothing_varies_or_nothing_is_shared() {
    for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
        assert_eq!(alpha(&[vec![2.0, 2.0], vec![2.0, 2.0, 2.0]], level), Ok(None));
        assert_eq!(alpha(&[vec![1.0], vec![2.0]], level), Ok(None));
        assert_eq!(alpha::<Vec<f64>>(&[], level), Ok(None));
    }
}

#[test]
fn values_that_cannot_be_are_refused() {
    let message = |value, level| alpha(&[[value, 1.0]], level).expect_err("a mistake").to_string();
    assert_eq!(message(f64::NAN, Level::Nominal), "`values` must be finite, not `NaN`");
    assert_eq!(message(-1.0, Level::Ratio), "`values` must be numbers from 0 for the ratio level, not `-1`");
}

#[test]
fn the_interval_of_alpha_is_seeded_and_narrows_with_more_items() {
    let few = published();
    let many: Vec<Vec<f64>> = (0..20).flat_map(|_| published()).collect();
    let interval =
        |units: &[Vec<f64>], seed| alpha_interval(units, Level::Nominal, 0.95, 500, seed).expect("values").expect("a meaning");
    let wide = interval(&few, 1);
    assert_eq!(wide, interval(&few, 1));
    assert_ne!(wide, interval(&few, 2));
    assert!(wide.interval.contains(wide.alpha), "{wide:?}");
    let narrow = interval(&many, 1);
    let width = |found: AlphaInterval| found.interval.high - found.interval.low;
    // Twenty times the items: about a fourth or a fifth of the width.
    assert!((3.0..7.0).contains(&(width(wide) / width(narrow))), "{wide:?} {narrow:?}");
}

/// Wikipedia's example: 20 times both say yes, 15 times both no, 5 and 10 times they differ.
#[test]
fn kappa_agrees_with_hand_counts() {
    let cells = [(0, 0, 20), (0, 1, 5), (1, 0, 10), (1, 1, 15)];
    let lists = |of: fn(&(u32, u32, usize)) -> u32| -> Vec<u32> {
        cells.iter().flat_map(|cell| std::iter::repeat_n(of(cell), cell.2)).collect()
    };
    let (first, second) = (lists(|cell| cell.0), lists(|cell| cell.1));
    let kappa = cohen_kappa(&first, &second, 2, Weighting::Equal).expect("lists").expect("a meaning");
    assert!((kappa - 0.4).abs() < 1e-15, "{kappa}");
}

#[test]
fn weights_forgive_what_is_near() {
    let (first, second) = ([0, 1, 2, 3, 0, 3], [1, 1, 2, 2, 0, 3]);
    let of = |weighting| cohen_kappa(&first, &second, 4, weighting).expect("lists").expect("a meaning");
    assert!(of(Weighting::Equal) < of(Weighting::Linear) && of(Weighting::Linear) < of(Weighting::Quadratic));
}

#[test]
fn kappa_has_no_meaning_for_one_class() {
    assert_eq!(cohen_kappa(&[1, 1], &[1, 1], 3, Weighting::Equal), Ok(None));
    assert_eq!(cohen_kappa(&[], &[], 3, Weighting::Linear), Ok(None));
    assert_eq!(fleiss_kappa(&answers(&[vec![1, 1], vec![1, 1]], 2)), Ok(None));
}

/// Fleiss 1971 as worked in Wikipedia's article: ten subjects, fourteen raters, five categories, kappa 0.210.
#[test]
fn fleiss_kappa_agrees_with_the_published_example() {
    let table: [[usize; 5]; 10] = [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ];
    let item = |row: &[usize; 5]| (0..).zip(row).flat_map(|(class, &count)| std::iter::repeat_n(class, count)).collect();
    let items: Vec<Vec<u32>> = table.iter().map(item).collect();
    let kappa = fleiss_kappa(&answers(&items, 5)).expect("even").expect("a meaning");
    assert!((kappa - 0.209_930_704).abs() < 1e-9, "{kappa}");
}

#[test]
fn fleiss_kappa_wants_equal_overlap() {
    let uneven = answers(&[vec![0, 1, 1], vec![], vec![1, 1]], 2);
    assert_eq!(fleiss_kappa(&uneven), Err(ConsensusError::Uneven { item: 2, given: 2, needed: 3 }));
}

#[test]
fn pairs_are_compared_on_what_they_share() {
    let list = [(0, 0, 0), (0, 1, 0), (1, 0, 1), (1, 1, 1), (2, 1, 0), (2, 2, 1)];
    let list = list.map(|(item, annotator, class)| Answer { item, annotator, class }).to_vec();
    let answers = Answers::new(3, 3, 2, list).expect("answers");
    let pairs = pairwise_kappa(&answers, Weighting::Equal);
    assert_eq!(
        pairs,
        [
            PairKappa { first: 0, second: 1, items: 2, kappa: Some(1.0) },
            PairKappa { first: 1, second: 2, items: 1, kappa: Some(0.0) },
        ]
    );
    assert_eq!(percent_agreement(&answers), Some(2.0 / 3.0));
    assert_eq!(percent_agreement(&Answers::new(1, 1, 2, vec![]).expect("answers")), None);
}

fn items() -> impl Strategy<Value = Vec<Vec<u32>>> {
    prop::collection::vec(prop::collection::vec(0..4_u32, 0..6), 1..20)
}

proptest! {
    #[test]
    fn no_coefficient_is_above_one(items in items()) {
        let answers = answers(&items, 4);
        for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
            let alpha = alpha(&answers.units(), level).expect("values");
            prop_assert!(alpha.is_none_or(|alpha| alpha <= 1.0 + 1e-12), "{alpha:?}");
        }
        for weighting in [Weighting::Equal, Weighting::Linear, Weighting::Quadratic] {
            for pair in pairwise_kappa(&answers, weighting) {
                prop_assert!(pair.kappa.is_none_or(|kappa| (-1.0 - 1e-12..=1.0).contains(&kappa)), "{pair:?}");
            }
        }
        prop_assert!(percent_agreement(&answers).is_none_or(|share| (0.0..=1.0).contains(&share)));
    }

    #[test]
    fn the_order_of_items_and_annotators_does_not_matter(items in items(), turn in 0..6_usize) {
        let permuted: Vec<Vec<u32>> = items.iter().rev().map(|list| {
            let mut list = list.clone();
            let turn = if list.is_empty() { 0 } else { turn % list.len() };
            list.rotate_left(turn);
            list
        }).collect();
        for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
            let of = |items: &[Vec<u32>]| alpha(&answers(items, 4).units(), level).expect("values");
            match (of(&items), of(&permuted)) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12),
                (a, b) => prop_assert_eq!(a, b),
            }
        }
        prop_assert_eq!(percent_agreement(&answers(&items, 4)), percent_agreement(&answers(&permuted, 4)));
    }

    #[test]
    fn agreement_throughout_is_one(classes in prop::collection::vec(0..4_u32, 2..30)) {
        prop_assume!(classes.iter().any(|&class| class != classes[0]));
        let same: Vec<Vec<u32>> = classes.iter().map(|&class| vec![class; 3]).collect();
        let answers = answers(&same, 4);
        for level in [Level::Nominal, Level::Ordinal, Level::Interval, Level::Ratio] {
            prop_assert_eq!(alpha(&answers.units(), level), Ok(Some(1.0)));
        }
        prop_assert!((fleiss_kappa(&answers).expect("even").expect("a meaning") - 1.0).abs() < 1e-12);
        prop_assert!(pairwise_kappa(&answers, Weighting::Quadratic).iter().all(|pair| pair.kappa == Some(1.0)));
    }
}
