//! Order among points with several losses: fronts by domination, and room around a point within its front.
//!
//! A point dominates another if it is nowhere worse and somewhere better. The first front is what nothing
//! dominates, the next what nothing dominates once the first is gone, and so on (Deb et al. 2002). Smaller
//! losses are better; none is NaN.

use std::cmp::Ordering;

/// The losses of many points in one list, point after point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Losses<'a> {
    cells: &'a [f64],
    objectives: usize,
}

impl<'a> Losses<'a> {
    /// Reads `cells` as points of `objectives` losses each; no objective counts as one.
    pub(crate) fn new(cells: &'a [f64], objectives: usize) -> Self {
        Self { cells, objectives: objectives.max(1) }
    }

    /// Returns the number of points.
    pub(crate) fn len(self) -> usize {
        self.cells.len() / self.objectives
    }

    /// Returns the losses of one point.
    pub(crate) fn point(self, index: usize) -> &'a [f64] {
        &self.cells[index * self.objectives..][..self.objectives]
    }
}

/// Whether `a` is nowhere worse than `b` and somewhere better.
pub(crate) fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

/// Returns each point's front, counted from 0.
///
/// Efficient non-dominated sorting with binary search (Zhang et al. 2015): `O(n log n)` for up to two objectives,
/// `O(n² m)` at worst for more.
pub(crate) fn ranks(losses: Losses<'_>) -> Vec<u32> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| lexicographic(losses.point(a), losses.point(b)).then(a.cmp(&b)));
    let mut ranks = vec![0; order.len()];
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for point in order {
        // If no member of a front dominates the point, no member of a later one does.
        let rank = fronts.partition_point(|front| is_dominated(losses, front, point));
        match fronts.get_mut(rank) {
            Some(front) => front.push(point),
            None => fronts.push(vec![point]),
        }
        ranks[point] = rank as u32;
    }
    ranks
}

/// Returns the points of each front in ascending order, best front first.
pub(crate) fn fronts(ranks: &[u32]) -> Vec<Vec<usize>> {
    let count = ranks.iter().max().map_or(0, |&last| last as usize + 1);
    let mut fronts = vec![Vec::new(); count];
    for (point, &rank) in ranks.iter().enumerate() {
        fronts[rank as usize].push(point);
    }
    fronts
}

/// Whether a member of `front` dominates `point`, which comes after them all in lexicographic order.
fn is_dominated(losses: Losses<'_>, front: &[usize], point: usize) -> bool {
    // With two losses the last member has the smallest second one: it dominates if any member does.
    let enough = if losses.objectives <= 2 { 1 } else { front.len() };
    front.iter().rev().take(enough).any(|&member| dominates(losses.point(member), losses.point(point)))
}

fn lexicographic(a: &[f64], b: &[f64]) -> Ordering {
    let differences = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    differences.fold(Ordering::Equal, Ordering::then)
}

/// Returns the crowding distance of each point of a front: infinite at its ends (Deb et al. 2002).
///
/// An objective whose losses are all equal, or not all finite, separates nothing and adds nothing but its ends.
pub(crate) fn crowding(losses: Losses<'_>, front: &[usize]) -> Vec<f64> {
    let mut room = vec![0.0; front.len()];
    let mut order: Vec<usize> = (0..front.len()).collect();
    for objective in 0..losses.objectives {
        let loss = |place: usize| losses.point(front[place])[objective];
        order.sort_by(|&a, &b| loss(a).total_cmp(&loss(b)).then(a.cmp(&b)));
        let (Some(&first), Some(&last)) = (order.first(), order.last()) else { break };
        room[first] = f64::INFINITY;
        room[last] = f64::INFINITY;
        let range = loss(last) - loss(first);
        if range > 0.0 && range.is_finite() {
            for around in order.windows(3) {
                room[around[1]] += (loss(around[2]) - loss(around[0])) / range;
            }
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ends_of_a_front_have_more_room_than_its_crowded_middle() {
        let cells = [0.0, 4.0, 1.0, 2.0, 1.5, 1.9, 4.0, 0.0, 4.0, 4.0];
        let losses = Losses::new(&cells, 2);
        let ranks = ranks(losses);
        assert_eq!(ranks, [0, 0, 0, 0, 1]);
        let room = crowding(losses, &fronts(&ranks)[0]);
        assert_eq!((room[0], room[3]), (f64::INFINITY, f64::INFINITY));
        assert!(room[2] > room[1], "more room around the third point");
    }

    #[test]
    fn equal_points_share_a_front_and_nothing_has_none() {
        assert_eq!(ranks(Losses::new(&[1.0; 6], 2)), [0, 0, 0]);
        assert!(ranks(Losses::new(&[], 2)).is_empty());
        assert!(fronts(&[]).is_empty());
        assert!(crowding(Losses::new(&[], 2), &[]).is_empty());
    }

    #[test]
    fn infinite_losses_leave_room_a_number() {
        let inf = f64::INFINITY;
        let cells = [0.0, inf, 1.0, 1.0, 2.0, 0.5, inf, 0.0];
        let room = crowding(Losses::new(&cells, 2), &[0, 1, 2, 3]);
        assert!(room.iter().all(|room| !room.is_nan()), "{room:?}");
    }

    /// The definition: a front is what nothing dominates once the fronts before it are gone.
    fn ranks_by_definition(losses: Losses<'_>) -> Vec<u32> {
        let mut ranks = vec![0; losses.len()];
        let mut left: Vec<usize> = (0..losses.len()).collect();
        for rank in 0.. {
            let best = |&point: &usize| !left.iter().any(|&other| dominates(losses.point(other), losses.point(point)));
            let front: Vec<usize> = left.iter().copied().filter(best).collect();
            if front.is_empty() {
                break;
            }
            front.iter().for_each(|&point| ranks[point] = rank);
            left.retain(|point| !front.contains(point));
        }
        ranks
    }

    proptest! {
        #[test]
        fn ranks_agree_with_their_definition(
            objectives in 1..4_usize,
            cells in prop::collection::vec(0..6_i32, 0..120),
        ) {
            let whole = cells.len() / objectives * objectives;
            let cells: Vec<f64> = cells[..whole].iter().copied().map(f64::from).collect();
            let losses = Losses::new(&cells, objectives);
            prop_assert_eq!(ranks(losses), ranks_by_definition(losses));
        }
    }
}
