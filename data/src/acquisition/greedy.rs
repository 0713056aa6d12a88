//! Choosing rows far from each other and from those that are labelled.

use super::basket::Basket;
use super::draw::{Stream, Use};
use super::{OrderKey, Space};

/// The open row with the highest value, of several the one with the lowest key; NaN is no value.
pub(super) fn highest_open(basket: &Basket<'_>, keys: &[OrderKey], value: impl Fn(usize) -> f64) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for row in (0..keys.len()).filter(|row| basket.is_open(*row)) {
        let value = value(row);
        let is_better = match best {
            None => !value.is_nan(),
            Some((highest, at)) => value > highest || value == highest && keys[row] < keys[at],
        };
        if is_better {
            best = Some((value, row));
        }
    }
    best.map(|(_, row)| row)
}

/// Fills the basket with the rows farthest from what is nearest to them (k-center greedy; Gonzalez 1985, Sener and
/// Savarese 2018). `nearest` has each row's squared distance from the centres so far; without any, the row with the lowest
/// key is first.
pub(super) fn farthest_first(space: &Space<'_>, nearest: &mut [f64], keys: &[OrderKey], basket: &mut Basket<'_>) {
    while basket.wants() > 0 {
        let Some(row) = highest_open(basket, keys, |row| nearest[row]) else { return };
        if basket.offer(row, space.distance_of(nearest[row])) && basket.wants() > 0 {
            space.approach(nearest, row);
        }
    }
}

/// Fills the basket with rows drawn in proportion to `nearest`, their squared distances from the centres so far (k-means++;
/// Arthur and Vassilvitskii 2007). Without centres, and where all that are open lie on one, the lowest key is next.
pub(super) fn plus_plus(space: &Space<'_>, nearest: &mut [f64], keys: &[OrderKey], basket: &mut Basket<'_>, seed: u64) {
    let mut stream = Stream::new(seed, Use::Centre);
    let mut weights = vec![0.0; nearest.len()];
    while basket.wants() > 0 {
        for (row, weight) in weights.iter_mut().enumerate() {
            *weight = if basket.is_open(row) && nearest[row].is_finite() { nearest[row] } else { 0.0 };
        }
        let drawn = stream.weighted(&weights).or_else(|| highest_open(basket, keys, |_| 0.0));
        let Some(row) = drawn else { return };
        if basket.offer(row, space.distance_of(nearest[row])) && basket.wants() > 0 {
            space.approach(nearest, row);
        }
    }
}

/// Fills the basket with k-means++ on gradients, beginning with the longest (Ash et al. 2020).
pub(super) fn badge(gradients: &Space<'_>, keys: &[OrderKey], basket: &mut Basket<'_>, seed: u64) {
    let mut nearest = vec![f64::INFINITY; gradients.rows()];
    while basket.wants() > 0 {
        let Some(row) = highest_open(basket, keys, |row| gradients.squared_length(row)) else { return };
        if basket.offer(row, gradients.squared_length(row).sqrt()) {
            gradients.approach(&mut nearest, row);
            return plus_plus(gradients, &mut nearest, keys, basket, seed);
        }
    }
}
