//! Order among trials with several losses: fronts that nothing better dominates, then room around a point.

/// Returns each point's place: its non-domination front from 0, and the negated crowding distance within it.
///
/// Smaller is better in both. Fronts follow Deb et al. 2002, found by efficient non-dominated sorting
/// (Zhang et al. 2015). Every point has the same number of losses; none is NaN.
pub(super) fn places(losses: &[Vec<f64>]) -> Vec<(f64, f64)> {
    let mut places = vec![(0.0, 0.0); losses.len()];
    for (rank, front) in fronts(losses).iter().enumerate() {
        let room = crowding(losses, front);
        for (&point, room) in front.iter().zip(room) {
            places[point] = (rank as f64, -room);
        }
    }
    places
}

/// Returns the points of each front, best front first.
fn fronts(losses: &[Vec<f64>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|&a, &b| compare(&losses[a], &losses[b]));
    let mut fronts: Vec<Vec<usize>> = Vec::new();
    for point in order {
        // If no member of a front dominates the point, no member of a later one does.
        let front = fronts.partition_point(|front| is_dominated(losses, front, point));
        match fronts.get_mut(front) {
            Some(front) => front.push(point),
            None => fronts.push(vec![point]),
        }
    }
    fronts
}

/// Whether a member of `front` dominates `point`, which comes after them all in lexicographic order.
fn is_dominated(losses: &[Vec<f64>], front: &[usize], point: usize) -> bool {
    // With two losses the last member has the smallest second one: it dominates if any member does.
    let enough = if losses[point].len() <= 2 { 1 } else { front.len() };
    front.iter().rev().take(enough).any(|&member| dominates(&losses[member], &losses[point]))
}

fn dominates(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a <= b) && a != b
}

fn compare(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let differences = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    differences.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

/// Returns the crowding distance of each point of a front: infinite at its ends (Deb et al. 2002).
fn crowding(losses: &[Vec<f64>], front: &[usize]) -> Vec<f64> {
    let mut room = vec![0.0; front.len()];
    let objectives = front.first().map_or(0, |&point| losses[point].len());
    for column in (0..objectives).map(|objective| front.iter().map(move |&point| losses[point][objective])) {
        let column: Vec<f64> = column.collect();
        let loss = |place: usize| column[place];
        let mut order: Vec<usize> = (0..front.len()).collect();
        order.sort_by(|&a, &b| loss(a).total_cmp(&loss(b)).then(a.cmp(&b)));
        let (first, last) = (order[0], order[order.len() - 1]);
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
    fn ends_of_a_front_come_before_its_crowded_middle() {
        let losses = [[0.0, 4.0], [1.0, 2.0], [1.5, 1.9], [4.0, 0.0], [4.0, 4.0]].map(Vec::from);
        let places = places(&losses);
        let fronts: Vec<f64> = places.iter().map(|place| place.0).collect();
        assert_eq!(fronts, [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!((places[0].1, places[3].1), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert!(places[2].1 < places[1].1, "more room around the third point");
    }

    #[test]
    fn equal_points_share_a_front() {
        let losses = vec![vec![1.0, 1.0]; 3];
        assert_eq!(fronts(&losses), [vec![0, 1, 2]]);
        assert!(fronts(&[]).is_empty());
    }

    /// The definition: a front is what nothing dominates once the fronts before it are gone.
    fn fronts_by_definition(losses: &[Vec<f64>]) -> Vec<Vec<usize>> {
        let mut left: Vec<usize> = (0..losses.len()).collect();
        let mut fronts = Vec::new();
        while !left.is_empty() {
            let best = |&point: &usize| !left.iter().any(|&other| dominates(&losses[other], &losses[point]));
            let front: Vec<usize> = left.iter().copied().filter(best).collect();
            left.retain(|point| !front.contains(point));
            fronts.push(front);
        }
        fronts
    }

    proptest! {
        #[test]
        fn fronts_agree_with_their_definition(
            objectives in 1..4_usize,
            cells in prop::collection::vec(0..6_i32, 0..120),
        ) {
            let losses: Vec<Vec<f64>> = cells
                .chunks_exact(objectives)
                .map(|chunk| chunk.iter().copied().map(f64::from).collect())
                .collect();
            let mut found = fronts(&losses);
            found.iter_mut().for_each(|front| front.sort_unstable());
            prop_assert_eq!(found, fronts_by_definition(&losses));
        }
    }
}
