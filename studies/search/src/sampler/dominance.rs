//! Places among points with several losses: the front a point lies on, then the room around it there.
//!
//! Fronts are those of [`pareto::front_numbers`]; room is the crowding distance of Deb et al. 2002.

use std::cmp::Ordering;

use crate::analysis::pareto;

/// Where a point lies among others.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// Number of its front, 0 for points that nothing dominates.
    pub(crate) front: usize,
    /// Crowding distance within the front; infinite at its ends.
    pub(crate) room: f64,
}

impl Place {
    /// Orders places, the better one first: by front, then the one with more room.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.front.cmp(&other.front).then(other.room.total_cmp(&self.room))
    }
}

/// Returns each point's place. Smaller losses are better; all points have as many, and none is NaN.
///
/// `O(n log n)` for up to two objectives.
pub(crate) fn places<P: AsRef<[f64]>>(losses: &[P]) -> Vec<Place> {
    let numbers = pareto::front_numbers(losses);
    let mut fronts: Vec<Vec<usize>> = vec![Vec::new(); numbers.iter().max().map_or(0, |&last| last + 1)];
    for (point, &front) in numbers.iter().enumerate() {
        fronts[front].push(point);
    }
    let mut places = vec![Place::default(); losses.len()];
    for (front, points) in fronts.iter().enumerate() {
        for (&point, room) in points.iter().zip(crowding(losses, points)) {
            places[point] = Place { front, room };
        }
    }
    places
}

/// Returns the crowding distance of each point of a front.
///
/// An objective whose losses are all equal, or not all finite, separates nothing and adds nothing but its ends.
fn crowding<P: AsRef<[f64]>>(losses: &[P], front: &[usize]) -> Vec<f64> {
    let mut room = vec![0.0; front.len()];
    let mut order: Vec<usize> = (0..front.len()).collect();
    for objective in 0..front.first().map_or(0, |&point| losses[point].as_ref().len()) {
        let loss = |place: usize| losses[front[place]].as_ref()[objective];
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
    use super::*;

    #[test]
    fn ends_of_a_front_come_before_its_crowded_middle() {
        let places = places(&[[0.0, 4.0], [1.0, 2.0], [1.5, 1.9], [4.0, 0.0], [4.0, 4.0]]);
        assert_eq!(places.iter().map(|place| place.front).collect::<Vec<_>>(), [0, 0, 0, 0, 1]);
        assert_eq!((places[0].room, places[3].room), (f64::INFINITY, f64::INFINITY));
        assert!(places[2].room > places[1].room, "more room around the third point");
        assert!(places[0].compare(&places[2]).is_lt() && places[1].compare(&places[4]).is_lt());
    }

    #[test]
    fn equal_points_share_a_front_and_no_points_have_no_place() {
        assert!(places(&[[1.0, 1.0]; 3]).iter().all(|place| place.front == 0));
        assert!(places::<[f64; 2]>(&[]).is_empty());
    }

    #[test]
    fn infinite_losses_leave_room_a_number() {
        let inf = f64::INFINITY;
        let places = places(&[[0.0, inf], [1.0, 1.0], [2.0, 0.5], [inf, 0.0]]);
        assert!(places.iter().all(|place| !place.room.is_nan()), "{places:?}");
    }
}
