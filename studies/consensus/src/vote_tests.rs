use proptest::prelude::*;

use super::*;
use crate::answers::Answer;

#[test]
fn the_class_with_most_votes_wins_and_ties_are_named() {
    let mut tally = Tally::new(3);
    assert_eq!(tally.standing(), Standing::Empty);
    for class in [2, 0, 2] {
        tally.add(class).expect("a class");
    }
    assert_eq!(tally.standing(), Standing::Won { class: 2, share: 2.0 / 3.0 });
    assert!(tally.remove(2));
    assert_eq!(tally.standing(), Standing::Tied { classes: vec![0, 2], share: 0.5 });
    assert_eq!((tally.counts(), tally.answers()), (&[1, 0, 1][..], 2));
}

#[test]
fn a_vote_that_is_not_there_cannot_be_taken_back() {
    let mut tally = Tally::new(2);
    assert!(!tally.remove(1) && !tally.remove(7));
    assert_eq!(tally.add(2).expect_err("unknown").to_string(), "class `2` is unknown: there are `2`, counted from 0");
}

#[test]
fn weights_decide_where_counts_do_not() {
    let list = vec![
        Answer { item: 0, annotator: 0, class: 0 },
        Answer { item: 0, annotator: 1, class: 0 },
        Answer { item: 0, annotator: 2, class: 1 },
    ];
    let answers = Answers::new(2, 3, 2, list).expect("answers");
    assert_eq!(majority(&answers)[0].winner(), Some(0));
    let weighted = |weights: &[f64]| weighted_majority(&answers, weights).expect("weights");
    assert_eq!(weighted(&[0.25, 0.25, 1.0]), [Standing::Won { class: 1, share: 2.0 / 3.0 }, Standing::Empty]);
    // 0.1 + 0.2 is not 0.3 in binary, and still a tie.
    assert_eq!(weighted(&[0.1, 0.2, 0.3])[0].winner(), None);
    assert_eq!(weighted(&[0.0; 3])[0], Standing::Empty);
    assert_eq!(shares(&answers), [2.0 / 3.0, 1.0 / 3.0, 0.5, 0.5]);
}

#[test]
fn weights_that_cannot_be_are_refused() {
    let answers = Answers::new(1, 2, 2, vec![]).expect("answers");
    let message = |weights: &[f64]| weighted_majority(&answers, weights).expect_err("a mistake").to_string();
    assert_eq!(message(&[1.0]), "`weights` has `1` entries and needs `2`");
    assert_eq!(message(&[1.0, -1.0]), "`weights` must be a number from 0, not `-1`");
    assert_eq!(message(&[f64::INFINITY, 1.0]), "`weights` must be a number from 0, not `inf`");
}

proptest! {
    #[test]
    fn equal_weights_change_nothing(classes in prop::collection::vec(0..4_u32, 0..12), weight in 0.1..10.0) {
        let list = (0..).zip(&classes).map(|(annotator, &class)| Answer { item: 0, annotator, class }).collect();
        let answers = Answers::new(1, classes.len() as u32, 4, list).expect("answers");
        let weighted = weighted_majority(&answers, &vec![weight; classes.len()]).expect("weights");
        let plain = majority(&answers);
        prop_assert_eq!(plain[0].winner(), weighted[0].winner());
        let is_tie = |standing: &Standing| matches!(standing, Standing::Tied { .. });
        prop_assert_eq!(is_tie(&plain[0]), is_tie(&weighted[0]));
        let shares = shares(&answers);
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
