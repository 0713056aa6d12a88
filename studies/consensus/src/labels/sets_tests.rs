use proptest::prelude::*;

use super::*;
use crate::agreement::{Level, alpha};

#[test]
fn each_class_is_voted_on_by_itself() {
    let found = vote(&[vec![0, 2], vec![2, 2, 1], vec![2], vec![0]], 4).expect("classes").expect("answers");
    assert_eq!(found, SetVote { answers: 4, votes: vec![2, 1, 3, 0], chosen: vec![2], tied: vec![0], agreement: 0.5 });
    let clear = vote(&[vec![1], vec![1], vec![1, 0]], 2).expect("classes").expect("answers");
    assert_eq!((clear.chosen, clear.tied, clear.agreement), (vec![1], vec![], 2.0 / 3.0));
    assert_eq!(vote::<Vec<u32>>(&[], 4), Ok(None));
    assert_eq!(vote(&[vec![4]], 4).expect_err("unknown").to_string(), "class `4` is unknown: there are `4`, counted from 0");
}

#[test]
fn sets_are_as_alike_as_what_they_share() {
    assert_eq!(jaccard(&[1, 2, 3], &[3, 2, 4, 4]), 0.5);
    assert_eq!((jaccard(&[], &[]), jaccard(&[], &[1])), (1.0, 0.0));
    assert_eq!(mean_jaccard(&[vec![1], vec![1, 2], vec![]]), Some(0.5 / 3.0));
    assert_eq!(mean_jaccard(&[vec![1]]), None);
}

#[test]
fn one_class_of_a_set_is_a_yes_or_a_no() {
    let set = |item, annotator, classes: &[u32]| SetAnswer { item, annotator, classes: classes.to_vec() };
    let sets = [set(0, 0, &[3]), set(0, 1, &[]), set(1, 0, &[1, 3]), set(1, 1, &[3])];
    let answers = of_class(&sets, 2, 2, 3).expect("answers");
    assert_eq!(answers.units(), [[1.0, 0.0], [1.0, 1.0]]);
    assert!(alpha(&answers.units(), Level::Nominal).expect("values").expect("a meaning") < 0.1);
}

proptest! {
    #[test]
    fn similarity_is_symmetric_and_bounded(a in prop::collection::vec(0..6_u32, 0..6), b in prop::collection::vec(0..6_u32, 0..6)) {
        let found = jaccard(&a, &b);
        prop_assert_eq!(found, jaccard(&b, &a));
        prop_assert!((0.0..=1.0).contains(&found));
        prop_assert_eq!(jaccard(&a, &a), 1.0);
    }
}
