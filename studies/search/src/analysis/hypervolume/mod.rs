//! Hypervolume: how much of the space up to a reference point a set of losses dominates.
//!
//! Losses are smaller-is-better (see [`crate::Direction::to_loss`]), one list of equal length per point. A point
//! counts only where it is finite and better than the reference in every objective; any other adds nothing. Inside,
//! a point is the *box* it spans with the reference: `reference - loss` per objective, all positive.
//!
//! | Objectives | Exact algorithm | Cost for `n` points |
//! |---|---|---|
//! | 1, 2 | sorted sweep | `n log n` |
//! | 3 | dimension sweep over a staircase (Beume, Fonseca et al. 2009) | `n log n` comparisons |
//! | more | exclusive volumes of limited sets, WFG (While, Bradstreet and Barone 2012), down to 3 | exponential in the objectives |

mod boxes;
mod subset;
mod sweep;
mod wfg;

use boxes::Boxes;

pub use subset::select_subset;

/// The share of an objective's range by which [`reference_point`] lies beyond the worst loss.
const MARGIN: f64 = 0.1;

/// Returns a reference point for `losses`: in each objective the worst loss plus a tenth of the range.
///
/// The rule moves and stretches with the losses, so that units do not matter, and points at the ends of a front keep
/// a volume (Ishibuchi et al. 2018 discuss the margin). Where all losses are equal the margin is a tenth of their
/// size, or of 1 if that is larger. Non-finite losses are left out. `None` if an objective has no finite loss, or if
/// there is none at all.
pub fn reference_point<P: AsRef<[f64]>>(losses: &[P]) -> Option<Vec<f64>> {
    let objectives = losses.first()?.as_ref().len();
    let beyond = |objective: usize| {
        let column = losses.iter().filter_map(|point| point.as_ref().get(objective).copied());
        let finite = column.filter(|loss| loss.is_finite());
        let (best, worst) =
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(best, worst), loss| (best.min(loss), worst.max(loss)));
        let range = worst - best;
        let scale = if range > 0.0 { range } else { worst.abs().max(1.0) };
        (best <= worst).then(|| (worst + MARGIN * scale).clamp(f64::MIN, f64::MAX))
    };
    (0..objectives).map(beyond).collect()
}

/// Returns the volume between `losses` and `reference`, exactly up to rounding. Zero for no objectives.
pub fn hypervolume<P: AsRef<[f64]>>(losses: &[P], reference: &[f64]) -> f64 {
    Boxes::new(losses, reference).0.volume()
}

/// Returns for each point the volume that only it dominates: what would be lost without it.
///
/// Zero for dominated points and for points that stand there twice.
pub fn contributions<P: AsRef<[f64]>>(losses: &[P], reference: &[f64]) -> Vec<f64> {
    let (boxes, places) = Boxes::new(losses, reference);
    let mut contributions = vec![0.0; losses.len()];
    for (at, &place) in places.iter().enumerate() {
        let others = boxes.iter().enumerate().filter(|&(other, _)| other != at).map(|(_, other)| other);
        contributions[place] = boxes::exclusive(boxes.get(at), others);
    }
    contributions
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
