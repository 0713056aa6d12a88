//! How dense the pool is around each row.

use rayon::prelude::*;

use super::Space;
use super::draw::{Stream, Use};

/// Rows that stand for the pool; with more of them the mean would hardly change.
const REFERENCES: usize = 1000;

/// Computes the mean similarity of each row to all rows, itself too, with 1 / (1 + distance) for similarity (Settles and
/// Craven 2008); from 0 to 1. Beyond 1,000 rows the mean is over 1,000 of them, drawn with the seed.
#[must_use]
pub fn information_density(space: &Space<'_>, seed: u64) -> Vec<f64> {
    let references = references(space.rows(), seed);
    let similarity = |row: usize, other: &usize| 1.0 / (1.0 + space.distance_of(space.squared(row, space, *other)));
    let density = |row| references.iter().map(|other| similarity(row, other)).sum::<f64>() / references.len() as f64;
    (0..space.rows()).into_par_iter().map(density).collect()
}

/// All rows, or a uniform sample of them without replacement (Fan, Muller and Rezucha 1962).
fn references(rows: usize, seed: u64) -> Vec<usize> {
    let mut stream = Stream::new(seed, Use::Reference);
    let mut wanted = REFERENCES.min(rows);
    let mut chosen = Vec::with_capacity(wanted);
    for row in 0..rows {
        if stream.unit() * ((rows - row) as f64) < wanted as f64 {
            chosen.push(row);
            wanted -= 1;
        }
    }
    chosen
}
