//! Four and more dimensions: each box adds what it has alone against those still to come.
//!
//! Boxes come in order of their last side, smallest first. Limited to the present box, all later ones then have its
//! last side, so the volume it has alone is that side times a volume with one dimension less (While et al. 2012).

use super::boxes::Boxes;

/// Returns the volume of the union.
pub(super) fn volume(boxes: &Boxes) -> f64 {
    let outer = boxes.without_inner();
    let last = outer.width() - 1;
    let mut order: Vec<&[f64]> = outer.iter().collect();
    order.sort_by(|a, b| a[last].total_cmp(&b[last]));
    let alone = |(at, sides): (usize, &&[f64])| {
        let later = Boxes::within(sides, order[at + 1..].iter().copied(), last);
        sides[last] * (sides[..last].iter().product::<f64>() - later.volume())
    };
    order.iter().enumerate().map(alone).sum()
}
