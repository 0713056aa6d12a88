//! Choosing rows far from each other and from those that are labelled.
//!
//! `rows` are what may be chosen, the preferred of equally good ones first; `nearest` has the squared distance of each from
//! the centres so far, infinite without any.

use super::Space;
use super::basket::Basket;
use super::draw::Stream;

/// The place of the open row with the highest value, the first of several; NaN is no value.
pub(super) fn highest_open(basket: &Basket<'_>, rows: &[usize], value: impl Fn(usize) -> f64) -> Option<usize> {
    let mut best: Option<(f64, usize)> = None;
    for at in (0..rows.len()).filter(|at| basket.is_open(rows[*at])) {
        let value = value(at);
        if best.map_or(!value.is_nan(), |(highest, _)| value > highest) {
            best = Some((value, at));
        }
    }
    best.map(|(_, at)| at)
}

/// Fills the basket with the rows farthest from what is nearest to them (k-center greedy; Gonzalez 1985, Sener and
/// Savarese 2018). Without centres the first row is first.
pub(super) fn farthest_first(space: &Space<'_>, rows: &[usize], nearest: &mut [f64], basket: &mut Basket<'_>) {
    while basket.wants() > 0 {
        let Some(at) = highest_open(basket, rows, |at| nearest[at]) else { return };
        if basket.offer(rows[at], space.distance_of(nearest[at])) && basket.wants() > 0 {
            space.approach(rows, nearest, rows[at]);
        }
    }
}

/// Fills the basket with rows drawn in proportion to `nearest` (k-means++; Arthur and Vassilvitskii 2007). Without centres,
/// and where all that are open lie on one, the first row is next.
pub(super) fn plus_plus(space: &Space<'_>, rows: &[usize], nearest: &mut [f64], basket: &mut Basket<'_>, stream: &mut Stream) {
    let mut weights = vec![0.0; rows.len()];
    while basket.wants() > 0 {
        for ((weight, row), nearest) in weights.iter_mut().zip(rows).zip(nearest.iter()) {
            *weight = if basket.is_open(*row) && nearest.is_finite() { *nearest } else { 0.0 };
        }
        let drawn = stream.weighted(&weights).or_else(|| highest_open(basket, rows, |_| 0.0));
        let Some(at) = drawn else { return };
        if basket.offer(rows[at], space.distance_of(nearest[at])) && basket.wants() > 0 {
            space.approach(rows, nearest, rows[at]);
        }
    }
}

/// Fills the basket with k-means++ on gradients, beginning with the longest (Ash et al. 2020).
pub(super) fn badge(gradients: &Space<'_>, rows: &[usize], nearest: &mut [f64], basket: &mut Basket<'_>, stream: &mut Stream) {
    while basket.wants() > 0 && basket.taken().is_empty() {
        let Some(at) = highest_open(basket, rows, |at| gradients.squared_length(rows[at])) else { return };
        if basket.offer(rows[at], f64::INFINITY) {
            gradients.approach(rows, nearest, rows[at]);
        }
    }
    plus_plus(gradients, rows, nearest, basket, stream);
}
