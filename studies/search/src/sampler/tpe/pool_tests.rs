use proptest::prelude::*;

use super::*;
use crate::columns::{Columns, Outcome, Row};

fn standing(outcome: Outcome, loss: f64) -> Standing {
    let mut columns = Columns::default();
    columns.push(Row {
        number: 0,
        outcome,
        params: Vec::new(),
        values: vec![loss],
        violation: 0.0,
        last_step: None,
        last_value: f64::NAN,
    });
    Standing::of(&columns, 0, &[]).unwrap()
}

fn complete(losses: &[f64]) -> Entry {
    let several = if losses.len() > 1 { losses.to_vec() } else { Vec::new() };
    Entry::new(standing(Outcome::Complete, losses[0]), several, vec![losses[0]])
}

#[test]
fn a_tenth_is_good_up_to_25_for_one_objective() {
    let mut pool = Pool::default();
    let counts = [0, 1, 10, 11, 250, 10_000].map(|trials| {
        (0..trials.min(100)).for_each(|loss| {
            pool.insert(complete(&[loss as f64]));
        });
        pool.split(trials).0.len()
    });
    assert_eq!(counts, [0, 1, 1, 2, 25, 25]);
}

#[test]
fn the_worst_falls_out_and_ties_go_to_the_earlier() {
    let mut pool = Pool::default();
    for _ in 0..CAPACITY {
        assert!(pool.insert(complete(&[1.0])).is_none());
    }
    assert_eq!(pool.insert(complete(&[0.5])).map(|out| out.point), Some(vec![1.0]));
    let late = Entry { point: vec![9.0], ..complete(&[1.0]) };
    assert_eq!(pool.insert(late).map(|out| out.point), Some(vec![9.0]));
    let pruned = Entry::new(standing(Outcome::Pruned, 0.0), Vec::new(), vec![7.0]);
    assert_eq!(pool.insert(pruned).map(|out| out.point), Some(vec![7.0]));
}

#[test]
fn the_boundary_front_is_thinned_by_volume() {
    let mut pool = Pool::default();
    for losses in [[0.0, 1.0], [0.01, 0.99], [0.02, 0.98], [0.5, 0.4], [1.0, 0.0], [2.0, 2.0]] {
        pool.insert(complete(&losses));
    }
    let (good, others) = pool.split(30);
    assert_eq!((good.len(), others.len()), (3, 3));
    assert!(good.iter().any(|entry| entry.losses == [0.5, 0.4]));
    let crowded = good.iter().filter(|entry| entry.losses[0] < 0.1).count();
    assert_eq!(crowded, 1);
}

proptest! {
    #[test]
    fn an_early_refusal_is_what_ranking_would_have_said(cells in prop::collection::vec((0..9_i32, 0..9_i32), 1..200)) {
        let mut pool = Pool::default();
        let mut all: Vec<[f64; 2]> = Vec::new();
        for (a, b) in cells {
            let losses = [f64::from(a), f64::from(b)];
            all.push(losses);
            pool.insert(complete(&losses));
        }
        let is_best = |point: &[f64; 2]| !all.iter().any(|other| pareto::dominates(other, point));
        let mut best: Vec<[f64; 2]> = all.iter().copied().filter(is_best).collect();
        best.truncate(CAPACITY);
        let kept = pool.entries.iter().filter(|entry| entry.place.front == 0).count();
        prop_assert_eq!(kept, best.len());
    }
}
