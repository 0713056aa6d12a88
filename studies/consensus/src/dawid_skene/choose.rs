//! Whether answers call for whole confusion matrices.

use super::Kind;
use super::em::hits;

/// Returns whether a matrix explains the expected counts better than one coin, by the Bayesian information criterion.
///
/// `counts` lie by answer, then by true class; `given` is how many answers they are.
pub fn deserves_matrix(counts: &[f64], classes: usize, given: u32) -> bool {
    let total = f64::from(given);
    if total <= 1.0 {
        return false;
    }
    let mut of_truth = vec![0.0; classes];
    for row in counts.chunks_exact(classes) {
        of_truth.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
    }
    let cells = counts.chunks_exact(classes).flat_map(|row| row.iter().zip(&of_truth));
    let matrix: f64 = cells.map(|(&count, &total)| explained(count, total)).sum();
    let hits = hits(counts, classes);
    let misses = (total - hits).max(0.0);
    let coin = explained(hits, total) + explained(misses, total * (classes - 1) as f64);
    matrix - price(Kind::Full, classes, given) > coin - price(Kind::OneCoin, classes, given)
}

/// What the Bayesian information criterion takes for the numbers that describe an annotator.
pub fn price(kind: Kind, classes: usize, given: u32) -> f64 {
    let numbers = match kind {
        Kind::OneCoin => 1,
        Kind::Full => classes * (classes - 1),
    };
    0.5 * numbers as f64 * f64::from(given.max(1)).ln()
}

/// `count ln(count / total)`, and 0 for nothing.
fn explained(count: f64, total: f64) -> f64 {
    if count > 0.0 { count * (count / total).ln() } else { 0.0 }
}
