//! Quantiles of a column: exact while there are few values, then from a uniform sample whose draws depend on the places of
//! the values alone (bottom-k by a hash of the place), so that the same column always gives the same figures.

use std::{cmp::Ordering, collections::BinaryHeap};

use super::distinct::mix;

/// Values that are kept. A quantile is off by about 1 / √k ranks: 1.5 %.
pub const KEPT: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Drawn {
    draw: u64,
    value: f64,
}

impl Eq for Drawn {}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> Ordering {
        self.draw.cmp(&other.draw).then(self.value.total_cmp(&other.value))
    }
}

/// A uniform sample of the values of a column.
#[derive(Debug, Default)]
pub struct Sample {
    kept: BinaryHeap<Drawn>,
    seen: u64,
}

impl Sample {
    /// Notes a value and its place in the column.
    pub fn add(&mut self, place: u64, value: f64) {
        self.seen += 1;
        let draw = mix(place.wrapping_add(0x9e37_79b9_7f4a_7c15));
        if self.kept.len() < KEPT {
            self.kept.push(Drawn { draw, value });
        } else if self.kept.peek().is_some_and(|greatest| draw < greatest.draw) {
            self.kept.pop();
            self.kept.push(Drawn { draw, value });
        }
    }

    /// Whether every value was kept.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.seen <= KEPT as u64
    }

    /// The quantiles at 0, 1/steps, …, 1, interpolated linearly (Hyndman & Fan 1996, type 7); none without values.
    #[must_use]
    pub fn quantiles(&self, steps: usize) -> Vec<f64> {
        let mut values: Vec<f64> = self.kept.iter().map(|drawn| drawn.value).collect();
        values.sort_by(f64::total_cmp);
        if values.is_empty() {
            return Vec::new();
        }
        (0..=steps).map(|step| quantile(&values, step as f64 / steps as f64)).collect()
    }
}

fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(sorted.len() - 1);
    if part == 0.0 { sorted[low] } else { sorted[low] + part * (sorted[high] - sorted[low]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_few_values_are_exact() {
        let mut sample = Sample::default();
        [3.0, 1.0, 2.0, 4.0].into_iter().zip(0..).for_each(|(value, place)| sample.add(place, value));
        assert_eq!(sample.quantiles(4), [1.0, 1.75, 2.5, 3.25, 4.0]);
        assert!(sample.is_whole());
        assert_eq!(Sample::default().quantiles(4), Vec::<f64>::new());
    }

    #[test]
    fn quantiles_of_many_values_are_near_whatever_their_order() {
        for order in [|at: u64| at as f64, |at: u64| (200_000 - at) as f64] {
            let mut sample = Sample::default();
            (0..200_000).for_each(|at| sample.add(at, order(at)));
            assert!(!sample.is_whole());
            for (step, quantile) in sample.quantiles(10).into_iter().enumerate() {
                assert!((quantile / 20_000.0 - step as f64).abs() < 0.3, "{step}: {quantile}");
            }
        }
    }
}
