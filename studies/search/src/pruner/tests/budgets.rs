//! Pruners together with TPE: it learns from the trials that were trained furthest.
//!
//! BOHB (Falkner, Klein and Hutter 2018) fits TPE's models to the highest budget that has enough trials. TPE here puts
//! complete trials first, then pruned ones by the step they reached and, at the same step, by their value: the good
//! trials are those of the highest rungs, filled up from the rung below where there are too few. That is the same rule
//! without its threshold, and needs no more of a trial than its last report.

use super::*;
use crate::columns::{Columns, History, Row};
use crate::sampler::{Hints, SamplerConfig, SuggestRequest, suggest};
use crate::space::{Distribution, Parameter, Space};

/// A trial at `x` that was pruned at `step`, or is complete.
fn row(number: u32, x: f64, step: i64, value: f64, outcome: Outcome) -> Row {
    let values = if outcome == Outcome::Complete { vec![value] } else { Vec::new() };
    Row { number, outcome, params: vec![x], values, violation: 0.0, last_step: Some(step), last_value: value }
}

/// How many of 40 suggestions are within 0.2 of `x`.
fn suggestions_near(x: f64, rows: Vec<Row>) -> usize {
    let distribution = Distribution::Float { low: 0.0, high: 1.0, log: false, step: None };
    let space = Space { parameters: vec![Parameter { name: "x".into(), distribution, when: Vec::new() }] };
    let mut finished = Columns::default();
    let first_number = rows.len() as u32;
    rows.into_iter().for_each(|row| finished.push(row));
    let near = |number: &u32| {
        let request = SuggestRequest {
            space: &space,
            directions: &[Direction::Minimize],
            history: History { chunks: &[], tail: Some(&finished) },
            pending: &[],
            seed: 3,
            first_number: first_number + number,
            count: 1,
            hints: Hints::default(),
        };
        let suggestion = suggest(&SamplerConfig::from_kind("tpe").unwrap(), &request).remove(0);
        (suggestion.params[0] - x).abs() < 0.2
    };
    (0..40).filter(near).count()
}

/// Sixty trials spread over `0..1`. Those near 0.8 go further, although the others look better at the first rung.
fn spread(outcome_of: impl Fn(f64) -> (i64, f64, Outcome)) -> Vec<Row> {
    let trial = |number: u32| {
        let x = golden(number);
        let (step, value, outcome) = outcome_of(x);
        row(number, x, step, value, outcome)
    };
    (0..60).map(trial).collect()
}

#[test]
fn tpe_trusts_a_higher_rung_more_than_a_better_value_at_a_lower_one() {
    let rows = spread(|x| if (x - 0.8).abs() < 0.1 { (9, 0.5, Outcome::Pruned) } else { (1, 0.1 * x, Outcome::Pruned) });
    let near = suggestions_near(0.8, rows);
    assert!(near >= 24, "{near} of 40");
}

#[test]
fn tpe_fills_up_from_the_rung_below_while_few_trials_are_complete() {
    let rows = spread(|x| match x {
        0.79..0.81 => (27, 0.4, Outcome::Complete),
        0.7..0.9 => (9, 0.5, Outcome::Pruned),
        _ => (1, 0.1 * x, Outcome::Pruned),
    });
    let complete = rows.iter().filter(|row| row.outcome == Outcome::Complete).count();
    assert!((1..4).contains(&complete), "fewer than count as good: {complete}");
    let near = suggestions_near(0.8, rows);
    assert!(near >= 24, "{near} of 40");
}
