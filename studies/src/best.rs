//! The best trials of a study, best first.

use hone_search::{Direction, History, Outcome, analysis::pareto};

use crate::study::Study;

/// Numbers of the `count` best complete trials. With several objectives: the Pareto front, then by the first
/// objective. Ties go to the older trial. Linear in the history.
pub fn best_trials(study: &Study, count: usize) -> Vec<u32> {
    let signs: Vec<f64> = study.spec.objectives.iter().map(|objective| sign(objective.direction)).collect();
    let mut rows: Vec<(Vec<f64>, u32)> = Vec::new();
    for part in study.finished.parts() {
        let columns = &part.columns;
        for row in (0..columns.len()).filter(|row| columns.outcome[*row] == Outcome::Complete) {
            let losses = signs.iter().enumerate().map(|(at, sign)| sign * columns.value(at, row)).collect();
            rows.push((losses, columns.number[row]));
        }
    }
    if signs.len() > 1 {
        rows = front_first(rows);
    } else {
        let order = |a: &(Vec<f64>, u32), b: &(Vec<f64>, u32)| a.0[0].total_cmp(&b.0[0]).then(a.1.cmp(&b.1));
        if rows.len() > count && count > 0 {
            rows.select_nth_unstable_by(count - 1, order);
            rows.truncate(count);
        }
        rows.sort_by(order);
    }
    rows.into_iter().take(count).map(|(_, number)| number).collect()
}

/// Numbers of the complete trials that no other one beats in every objective, best in the first objective first. With
/// one objective: the trials that share the best value.
pub fn front(study: &Study) -> Vec<u32> {
    let directions: Vec<Direction> = study.spec.objectives.iter().map(|objective| objective.direction).collect();
    let chunks = study.finished.columns();
    let front = pareto::front(History { chunks: &chunks, tail: None }, &directions);
    front.into_iter().map(|trial| trial.number).collect()
}

fn sign(direction: Direction) -> f64 {
    match direction {
        Direction::Minimize => 1.0,
        Direction::Maximize => -1.0,
    }
}

fn front_first(mut rows: Vec<(Vec<f64>, u32)>) -> Vec<(Vec<f64>, u32)> {
    rows.sort_by(|a, b| lexicographic(&a.0, &b.0).then(a.1.cmp(&b.1)));
    let dominated = |row: &(Vec<f64>, u32), front: &[(Vec<f64>, u32)]| front.iter().any(|other| dominates(&other.0, &row.0));
    let (mut front, mut rest) = (Vec::new(), Vec::new());
    for row in rows {
        if dominated(&row, &front) {
            rest.push(row);
        } else {
            front.push(row);
        }
    }
    front.extend(rest);
    front
}

fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

/// In this order a row can only be dominated by one before it.
fn lexicographic(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}
