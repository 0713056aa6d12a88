use super::*;
use crate::dawid_skene::DawidSkene;
use crate::planted::{coin, plant};

fn answer(item: u32, annotator: u32, class: u32) -> Answer {
    Answer { item, annotator, class }
}

#[test]
fn each_measure_counts_what_it_says() {
    let list = vec![
        // All agree.
        answer(0, 0, 1),
        answer(0, 1, 1),
        answer(0, 2, 1),
        // The third one is outvoted; for the others, who then see a tie, it does not count.
        answer(1, 0, 0),
        answer(1, 1, 0),
        answer(1, 2, 1),
        // Nobody to compare with.
        answer(2, 0, 1),
    ];
    let answers = Answers::new(4, 4, 2, list).expect("answers");
    let gold = [Gold { item: 1, class: 0 }, Gold { item: 2, class: 0 }, Gold { item: 3, class: 1 }];
    let durations = [(0, 900.0), (0, 100.0), (0, 300.0), (2, 5.0)].map(|(annotator, taken_ms)| Duration { annotator, taken_ms });
    let all = summarise(&answers, &gold, &durations, None, 0.95).expect("summaries");
    let gold: Vec<Rate> = all.iter().map(|one| one.gold.rate).collect();
    assert_eq!(gold, [(1, 2), (1, 1), (0, 1), (0, 0)].map(|(hits, of)| Rate { hits, of }));
    let consensus: Vec<Rate> = all.iter().map(|one| one.consensus.rate).collect();
    assert_eq!(consensus, [(1, 1), (1, 1), (1, 2), (0, 0)].map(|(hits, of)| Rate { hits, of }));
    assert_eq!(all.iter().map(|one| one.median_ms).collect::<Vec<_>>(), [Some(300.0), None, Some(5.0), None]);
    assert_eq!(all.iter().map(|one| one.answers).collect::<Vec<_>>(), [3, 2, 2, 0]);
    assert_eq!(all[3].gold.interval, Interval { low: 0.0, high: 1.0 });
}

#[test]
fn a_spammer_is_told_from_who_tries() {
    let matrices = vec![coin(3, 0.9), coin(3, 0.8), coin(3, 0.85), vec![0.2, 0.5, 0.3, 0.2, 0.5, 0.3, 0.2, 0.5, 0.3]];
    let planted = plant(1, 500, &[0.3, 0.4, 0.3], &matrices, 4);
    let fit = DawidSkene::default().fit(&planted.answers, &[]).expect("a fit");
    let all = summarise(&planted.answers, &[], &[], Some(&fit), 0.95).expect("summaries");
    let scores: Vec<f64> = all.iter().filter_map(|one| one.spammer_score).collect();
    assert!(scores[3] < 0.05 && scores[..3].iter().all(|&score| score > 0.3), "{scores:?}");
    let accuracies: Vec<f64> = all.iter().filter_map(|one| one.estimated_accuracy).collect();
    for (found, planted) in accuracies.iter().zip([0.9, 0.8, 0.85]) {
        assert!((found - planted).abs() < 0.05, "{accuracies:?}");
    }
}

#[test]
fn who_has_not_answered_has_no_estimate() {
    let answers = Answers::new(1, 2, 2, vec![answer(0, 1, 0)]).expect("answers");
    let fit = DawidSkene::default().fit(&answers, &[]).expect("a fit");
    let all = summarise(&answers, &[], &[], Some(&fit), 0.95).expect("summaries");
    assert_eq!((all[0].estimated_accuracy, all[0].kind), (None, None));
    assert!(all[1].estimated_accuracy.is_some());
}

#[test]
fn mistakes_are_named() {
    let answers = Answers::new(1, 1, 2, vec![]).expect("answers");
    let other = Answers::new(1, 2, 2, vec![]).expect("answers");
    let fit = DawidSkene::default().fit(&other, &[]).expect("a fit");
    let message = |gold: &[Gold], durations: &[Duration], fit: Option<&Fit>| {
        summarise(&answers, gold, durations, fit, 0.95).expect_err("a mistake").to_string()
    };
    assert_eq!(message(&[], &[], Some(&fit)), "`confusions` has `2` entries and needs `1`");
    assert_eq!(message(&[Gold { item: 1, class: 0 }], &[], None), "item `1` is unknown: there are `1`, counted from 0");
    let late = Duration { annotator: 0, taken_ms: -1.0 };
    assert_eq!(message(&[], &[late], None), "`taken_ms` must be a number from 0, not `-1`");
}
