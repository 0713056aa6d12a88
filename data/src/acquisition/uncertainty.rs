//! Scores of one row of one model's class probabilities. The higher, the sooner it is asked.

/// Computes 1 − max p of a row (Lewis and Gale 1994); from 0 to 1 − 1/classes.
#[must_use]
pub fn least_confidence(row: &[f64]) -> f64 {
    1.0 - top_two(row).0
}

/// Computes 1 − (p₁ − p₂) of a row, with the two highest probabilities (Scheffer et al. 2001); from 0 to 1.
#[must_use]
pub fn margin(row: &[f64]) -> f64 {
    let (first, second) = top_two(row);
    1.0 - (first - second)
}

/// Computes −Σ p ln p of a row in nats (Shannon 1948), where 0 ln 0 is 0; from 0 to ln classes.
#[must_use]
pub fn entropy(row: &[f64]) -> f64 {
    // Not below zero where the only class has a probability a little above one.
    row.iter().map(|&p| entropy_term(p)).sum::<f64>().max(0.0)
}

pub(super) fn entropy_term(p: f64) -> f64 {
    if p > 0.0 { -p * p.ln() } else { 0.0 }
}

/// Computes ‖x‖ Σ p_c ‖e_c − p‖: the expected length of the gradient that a label gives a linear head under softmax, with
/// the length of the row's embedding (Settles and Craven 2008).
#[must_use]
pub fn expected_gradient_length(row: &[f64], length: f64) -> f64 {
    let top = top_class(row);
    let squares: f64 = row.iter().map(|p| p * p).sum();
    // ‖e_c − p‖² = (1 − p_c)² + Σ p² over the other classes. For the top class the latter are added up by themselves, since
    // little is left of a difference of two numbers near one.
    let others = |class: usize| row.iter().enumerate().filter(move |(other, _)| *other != class).map(|(_, p)| p * p).sum();
    let length_of = |class: usize, p: f64| {
        let others: f64 = if class == top { others(class) } else { squares - p * p };
        ((1.0 - p) * (1.0 - p) + others).sqrt()
    };
    let expected: f64 = row.iter().enumerate().map(|(class, p)| p * length_of(class, *p)).sum();
    length * expected
}

/// The class with the highest probability; the first of several.
#[must_use]
pub fn top_class(row: &[f64]) -> usize {
    let mut top = 0;
    for (class, p) in row.iter().enumerate() {
        if *p > row[top] {
            top = class;
        }
    }
    top
}

/// The two highest numbers of a row, none below zero; written for `max` and `min` of the processor, without branches.
fn top_two(row: &[f64]) -> (f64, f64) {
    let (mut first, mut second) = (0.0, 0.0);
    for &p in row {
        let lower = if p < first { p } else { first };
        second = if lower > second { lower } else { second };
        first = if p > first { p } else { first };
    }
    (first, second)
}
