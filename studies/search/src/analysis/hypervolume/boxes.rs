//! Boxes that all have one corner at the origin, in one flat list, and the volume of their union.

use super::{sweep, wfg};

/// Boxes by their far corners; all sides are positive and finite.
#[derive(Clone, Debug, Default)]
pub(super) struct Boxes {
    width: usize,
    sides: Vec<f64>,
}

impl Boxes {
    /// Returns the boxes that `losses` span with `reference`, and the position of the point of each.
    ///
    /// Points that span none are left out.
    pub(super) fn new<P: AsRef<[f64]>>(losses: &[P], reference: &[f64]) -> (Self, Vec<usize>) {
        let mut boxes = Self { width: reference.len(), sides: Vec::new() };
        let mut places = Vec::new();
        for (place, point) in losses.iter().map(AsRef::as_ref).enumerate() {
            let sides = reference.iter().zip(point).map(|(reference, loss)| reference - loss);
            boxes.sides.extend(sides);
            boxes.sides.resize((places.len() + 1) * boxes.width, 0.0);
            let is_box = boxes.sides[places.len() * boxes.width..].iter().all(|&side| side > 0.0 && side.is_finite());
            if is_box && boxes.width > 0 {
                places.push(place);
            } else {
                boxes.sides.truncate(places.len() * boxes.width);
            }
        }
        (boxes, places)
    }

    /// Returns the part of each of `boxes` that lies within `limit`, cut to the first `width` sides.
    pub(super) fn within<'a>(limit: &[f64], boxes: impl Iterator<Item = &'a [f64]>, width: usize) -> Self {
        let mut limited = Self { width, sides: Vec::with_capacity(boxes.size_hint().0 * width) };
        for sides in boxes {
            limited.sides.extend(sides.iter().zip(&limit[..width]).map(|(side, limit)| side.min(*limit)));
        }
        limited
    }

    pub(super) fn len(&self) -> usize {
        self.sides.len().checked_div(self.width).unwrap_or(0)
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn get(&self, at: usize) -> &[f64] {
        &self.sides[at * self.width..(at + 1) * self.width]
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        (0..self.len()).map(|at| self.get(at))
    }

    pub(super) fn push(&mut self, sides: &[f64]) {
        self.width = sides.len();
        self.sides.extend_from_slice(sides);
    }

    /// Returns the volume of the union.
    pub(super) fn volume(&self) -> f64 {
        match self.width {
            0 => 0.0,
            1 => self.sides.iter().copied().fold(0.0, f64::max),
            2 => sweep::area(self),
            3 => sweep::volume(self),
            _ => wfg::volume(self),
        }
    }

    /// Leaves out boxes that lie within others; of equal ones the first stays.
    pub(super) fn without_inner(&self) -> Self {
        let mut order: Vec<usize> = (0..self.len()).collect();
        // A box can only lie within one that comes before it in this order.
        order.sort_by(|&a, &b| descending(self.get(a), self.get(b)).then(a.cmp(&b)));
        let mut kept = Self { width: self.width, sides: Vec::new() };
        for at in order {
            if !kept.iter().any(|outer| is_within(self.get(at), outer)) {
                kept.push(self.get(at));
            }
        }
        kept
    }
}

/// Returns the volume of `own` outside all of `others`.
pub(super) fn exclusive<'a>(own: &[f64], others: impl Iterator<Item = &'a [f64]>) -> f64 {
    let inside = Boxes::within(own, others, own.len()).volume();
    (own.iter().product::<f64>() - inside).max(0.0)
}

fn is_within(inner: &[f64], outer: &[f64]) -> bool {
    inner.iter().zip(outer).all(|(inner, outer)| inner <= outer)
}

fn descending(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    a.iter().zip(b).map(|(a, b)| b.total_cmp(a)).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}
