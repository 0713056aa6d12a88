//! Rows whose balls cover most others (Yehuda et al. 2022).

use rayon::prelude::*;

use super::Space;
use super::basket::Basket;
use super::clusters::k_means;
use super::draw::{Stream, Use};

/// The share of balls that hold rows of one cluster only, at the radius that is chosen.
const PURITY: f64 = 0.95;

/// Rows whose balls are looked at to choose a radius.
const PROBES: usize = 1000;

/// Rows whose covers are counted at once.
const CHUNK: usize = 32;

/// Estimates the largest radius at which 95 % of balls around rows hold rows of one k-means cluster only, with as many
/// clusters as classes; infinite where all rows fall into one.
#[must_use]
pub fn pure_radius(space: &Space<'_>, classes: usize, seed: u64) -> f64 {
    let labels = k_means(&[space], classes, seed);
    let mut stream = Stream::new(seed, Use::Reference);
    let probes: Vec<usize> = match space.rows() {
        rows @ ..=PROBES => (0..rows).collect(),
        rows => (0..PROBES).map(|_| (stream.unit() * rows as f64) as usize).collect(),
    };
    let nearest_stranger = |own: &usize| {
        let strangers = (0..space.rows()).filter(|other| labels[*other] != labels[*own]);
        strangers.fold(f64::INFINITY, |least, other| least.min(space.squared(*own, space, other)))
    };
    let mut squares: Vec<f64> = probes.par_iter().map(nearest_stranger).collect();
    squares.sort_unstable_by(f64::total_cmp);
    // A ball that just does not reach the stranger is pure.
    let impure = ((1.0 - PURITY) * squares.len() as f64) as usize;
    squares.get(impure).map_or(f64::INFINITY, |square| space.distance_of(*square).next_down())
}

/// Fills the basket with the rows whose balls hold most rows that lie in no ball of a labelled or taken one, the first of
/// several; counts over all rows, also those that may not be taken.
pub(super) fn prob_cover(space: &Space<'_>, labelled: Option<&Space<'_>>, radius: f64, basket: &mut Basket<'_>) {
    let limit = space.squared_of(radius);
    let all: Vec<usize> = (0..space.rows()).collect();
    let mut covered: Vec<bool> = space.nearest(&all, labelled).into_iter().map(|square| square <= limit).collect();
    let cover = |row: usize, covered: &mut [bool]| {
        for (other, covered) in covered.iter_mut().enumerate() {
            *covered |= space.squared(row, space, other) <= limit;
        }
    };
    for taken in basket.taken() {
        cover(taken.row, &mut covered);
    }
    let count = |row: usize, covered: &[bool]| {
        (0..space.rows()).filter(|other| !covered[*other] && space.squared(row, space, *other) <= limit).count()
    };
    let mut counts: Vec<usize> = all.par_iter().map(|row| count(*row, &covered)).collect();
    let mut known = vec![true; space.rows()];
    while basket.wants() > 0 {
        // Counts never grow, so an earlier one below the best of now need not be looked at.
        let mut order: Vec<usize> = all.iter().copied().filter(|row| basket.is_open(*row)).collect();
        order.sort_by_key(|row| usize::MAX - counts[*row]);
        let mut best: Option<usize> = None;
        for rows in order.chunks(CHUNK) {
            if best.is_some_and(|best| counts[rows[0]] < counts[best]) {
                break;
            }
            let fresh: Vec<usize> =
                rows.par_iter().map(|row| if known[*row] { counts[*row] } else { count(*row, &covered) }).collect();
            for (row, fresh) in rows.iter().zip(fresh) {
                (counts[*row], known[*row]) = (fresh, true);
                let is_better = best.is_none_or(|best| (fresh, best) > (counts[best], *row));
                best = if is_better { Some(*row) } else { best };
            }
        }
        let Some(row) = best else { return };
        if basket.offer(row, counts[row] as f64) {
            cover(row, &mut covered);
            known.fill(false);
        }
    }
}
