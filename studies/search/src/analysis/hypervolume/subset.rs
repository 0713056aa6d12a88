//! The few points that keep most of the volume (hypervolume subset selection).

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::boxes::{self, Boxes};

/// Chooses `count` of `losses`, each the one that adds most volume to those before it, in order of choice.
///
/// The greedy choice keeps at least `1 - 1/e` of the best subset's volume (Nemhauser et al. 1978; Guerreiro et al.
/// 2016). Gains only shrink as the set grows, so a gain is worked out again only when its old value leads (Minoux
/// 1978). Ties go to the earlier point, and points that add nothing come last in their order, so that `count` are
/// chosen if there are as many.
pub fn select_subset<P: AsRef<[f64]>>(losses: &[P], reference: &[f64], count: usize) -> Vec<usize> {
    let (boxes, places) = Boxes::new(losses, reference);
    let mut chosen = greedy(&boxes, count);
    chosen.iter_mut().for_each(|at| *at = places[*at]);
    let mut is_chosen = vec![false; losses.len()];
    chosen.iter().for_each(|&at| is_chosen[at] = true);
    let rest = (0..losses.len()).filter(|&at| !is_chosen[at]);
    let missing = count.saturating_sub(chosen.len());
    chosen.extend(rest.take(missing));
    chosen
}

/// Chooses until there are enough or nothing adds volume.
fn greedy(boxes: &Boxes, count: usize) -> Vec<usize> {
    let whole = |at: usize| Gain { volume: boxes.get(at).iter().product(), at, known_for: 0 };
    let mut queue: BinaryHeap<Gain> = (0..boxes.len()).map(whole).collect();
    let mut chosen = Vec::new();
    let mut union = Boxes::default();
    while chosen.len() < count
        && let Some(gain) = queue.pop().filter(|gain| gain.volume > 0.0)
    {
        if gain.known_for == chosen.len() {
            chosen.push(gain.at);
            union.push(boxes.get(gain.at));
        } else {
            let volume = boxes::exclusive(boxes.get(gain.at), union.iter()).min(gain.volume);
            queue.push(Gain { volume, known_for: chosen.len(), ..gain });
        }
    }
    chosen
}

/// What a box would add to a set of so many chosen ones; an upper bound once the set has grown.
struct Gain {
    volume: f64,
    at: usize,
    known_for: usize,
}

impl Ord for Gain {
    fn cmp(&self, other: &Self) -> Ordering {
        self.volume.total_cmp(&other.volume).then(other.at.cmp(&self.at))
    }
}

impl PartialOrd for Gain {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Gain {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Gain {}
