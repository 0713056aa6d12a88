use proptest::prelude::*;

use super::*;

fn rule(min: u32, max: u32, threshold: f64) -> Overlap {
    Overlap::new(min, max, threshold).expect("a rule")
}

#[test]
fn votes_decide_by_the_table() {
    let two_thirds = rule(2, 5, 2.0 / 3.0);
    let cases = [
        (vec![0, 0, 0], Step::AskMore),
        // Fewer than `min`, however clear.
        (vec![1, 0, 0], Step::AskMore),
        (vec![2, 0, 0], Step::Resolve(0)),
        (vec![1, 1, 0], Step::AskMore),
        // Reaching the threshold is enough.
        (vec![0, 1, 2], Step::Resolve(2)),
        // 2 of 4 and one more to ask: 3 of 5 is too few.
        (vec![2, 2, 0], Step::Conflict),
        (vec![1, 1, 1], Step::Conflict),
        (vec![3, 1, 0], Step::Resolve(0)),
        (vec![3, 2, 0], Step::Conflict),
        (vec![4, 1, 0], Step::Resolve(0)),
        // More answers than asked for.
        (vec![3, 3, 0], Step::Conflict),
    ];
    for (counts, step) in cases {
        assert_eq!(two_thirds.next_by_votes(&counts), step, "{counts:?}");
    }
}

#[test]
fn a_tie_is_never_resolved() {
    let low = rule(1, 2, 0.4);
    assert_eq!(low.next_by_votes(&[1, 1]), Step::Conflict);
    assert_eq!(rule(1, 3, 0.4).next_by_votes(&[1, 1]), Step::AskMore);
    assert_eq!(low.next_by_posterior(&[0.5, 0.5], 1), Step::AskMore);
    assert_eq!(low.next_by_posterior(&[0.5, 0.5], 2), Step::Conflict);
}

#[test]
fn probabilities_decide_by_the_table() {
    let rule = rule(2, 3, 0.9);
    assert_eq!(rule.next_by_posterior(&[0.99, 0.01], 1), Step::AskMore);
    assert_eq!(rule.next_by_posterior(&[0.1, 0.9], 2), Step::Resolve(1));
    assert_eq!(rule.next_by_posterior(&[0.2, 0.8], 2), Step::AskMore);
    assert_eq!(rule.next_by_posterior(&[0.2, 0.8], 3), Step::Conflict);
    assert_eq!(rule.next_by_posterior(&[0.95, 0.05], 7), Step::Resolve(0));
}

#[test]
fn agreement_decides_where_there_are_no_classes() {
    let rule = rule(2, 3, 0.5);
    assert_eq!(rule.next_by_agreement(1.0, 1), Step::AskMore);
    assert_eq!(rule.next_by_agreement(0.5, 2), Step::Resolve(()));
    assert_eq!(rule.next_by_agreement(0.4, 2), Step::AskMore);
    assert_eq!(rule.next_by_agreement(f64::NAN, 3), Step::Conflict);
}

#[test]
fn limits_that_cannot_be_are_refused() {
    let message = |min, max, threshold| Overlap::new(min, max, threshold).expect_err("a mistake").to_string();
    assert_eq!(message(0, 3, 0.5), "`min` must be a number from 1, not `0`");
    assert_eq!(message(3, 2, 0.5), "`max` must be `min` at least, not `2`");
    assert_eq!(message(1, 2, 1.5), "`threshold` must be above 0 and at most 1, not `1.5`");
    assert_eq!(message(1, 2, f64::NAN), "`threshold` must be above 0 and at most 1, not `NaN`");
}

/// Whether some way in which the next annotators could answer ends in a resolved item, by looking at all of them.
fn can_resolve(rule: &Overlap, counts: &[u32], left: u32) -> bool {
    let answers: u32 = counts.iter().sum();
    let most = counts.iter().max().copied().unwrap_or(0);
    let is_alone = counts.iter().filter(|&&count| count == most).count() == 1;
    if answers >= rule.min && is_alone && f64::from(most) / f64::from(answers) >= rule.threshold {
        return true;
    }
    left > 0
        && (0..counts.len()).any(|class| {
            let mut counts = counts.to_vec();
            counts[class] += 1;
            can_resolve(rule, &counts, left - 1)
        })
}

proptest! {
    #[test]
    fn votes_are_in_conflict_exactly_when_no_answer_could_resolve_them(
        counts in prop::collection::vec(0..4_u32, 3),
        min in 1..4_u32,
        more in 0..4_u32,
        threshold in prop::sample::select(vec![0.34, 0.5, 0.6, 2.0 / 3.0, 0.75, 0.8, 1.0]),
    ) {
        let rule = rule(min, min + more, threshold);
        let answers: u32 = counts.iter().sum();
        let left = rule.max.saturating_sub(answers);
        let is_conflict = rule.next_by_votes(&counts) == Step::Conflict;
        if answers >= min {
            prop_assert_eq!(is_conflict, !can_resolve(&rule, &counts, left));
        } else {
            prop_assert!(!is_conflict);
        }
    }

    #[test]
    fn names_of_classes_do_not_matter(counts in prop::collection::vec(0..4_u32, 3), threshold in 0.1..1.0) {
        let rule = rule(1, 6, threshold);
        let reversed: Vec<u32> = counts.iter().rev().copied().collect();
        let mirrored = match rule.next_by_votes(&reversed) {
            Step::Resolve(class) => Step::Resolve(2 - class),
            other => other,
        };
        prop_assert_eq!(rule.next_by_votes(&counts), mirrored);
    }
}
