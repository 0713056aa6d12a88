//! A multiset of numbers that tells how many are smaller, and which one is the n-th.

use serde::{Deserialize, Serialize};

/// Buckets are cut in two beyond this; a million numbers then need about 4,000 of them.
const BUCKET: usize = 512;

/// Numbers in ascending order, NaN last and equal to NaN, kept in short sorted runs.
///
/// Inserting and removing move at most one run; a rank adds up the lengths of the runs before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ranked {
    buckets: Vec<Vec<f64>>,
    len: usize,
}

/// Two multisets are equal if their numbers are, however they are cut into runs.
impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        let (mine, theirs) = (self.buckets.iter().flatten(), other.buckets.iter().flatten());
        self.len == other.len && mine.zip(theirs).all(|(a, b)| key(*a) == key(*b))
    }
}

/// Maps a number to an integer of the same order: NaN above all, zeros alike.
pub(crate) fn key(value: f64) -> u64 {
    if value.is_nan() {
        return u64::MAX;
    }
    let bits = (value + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

impl Ranked {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn insert(&mut self, value: f64) {
        let at = self.bucket_of(value);
        if self.buckets.is_empty() {
            self.buckets.push(Vec::new());
        }
        let at = at.min(self.buckets.len() - 1);
        let bucket = &mut self.buckets[at];
        let place = bucket.partition_point(|&other| key(other) < key(value));
        bucket.insert(place, value);
        self.len += 1;
        if bucket.len() > BUCKET {
            let upper = bucket.split_off(BUCKET / 2);
            self.buckets.insert(at + 1, upper);
        }
    }

    /// Removes one number equal to `value`, if there is one.
    pub(crate) fn remove(&mut self, value: f64) {
        let at = self.bucket_of(value);
        let Some(bucket) = self.buckets.get_mut(at) else {
            return;
        };
        let place = bucket.partition_point(|&other| key(other) < key(value));
        if bucket.get(place).is_none_or(|&found| key(found) != key(value)) {
            return;
        }
        bucket.remove(place);
        self.len -= 1;
        if bucket.is_empty() {
            self.buckets.remove(at);
        }
    }

    /// Returns how many numbers are smaller than `value`.
    pub(crate) fn smaller(&self, value: f64) -> usize {
        let at = self.bucket_of(value);
        let before: usize = self.buckets[..at].iter().map(Vec::len).sum();
        let within = self.buckets.get(at);
        before + within.map_or(0, |bucket| bucket.partition_point(|&other| key(other) < key(value)))
    }

    /// Returns the number at `rank`, from 0 for the smallest.
    pub(crate) fn nth(&self, rank: usize) -> Option<f64> {
        let mut rank = rank;
        for bucket in &self.buckets {
            if rank < bucket.len() {
                return Some(bucket[rank]);
            }
            rank -= bucket.len();
        }
        None
    }

    /// Returns the first run whose last number is not smaller than `value`.
    fn bucket_of(&self, value: f64) -> usize {
        self.buckets.partition_point(|bucket| bucket.last().is_some_and(|&last| key(last) < key(value)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sorted(mut numbers: Vec<f64>) -> Vec<f64> {
        numbers.sort_by_key(|&number| key(number));
        numbers
    }

    #[test]
    fn nan_is_last_and_zeros_are_equal() {
        let mut ranked = Ranked::default();
        for value in [f64::NAN, 1.0, f64::INFINITY, -0.0, f64::NEG_INFINITY] {
            ranked.insert(value);
        }
        assert_eq!(ranked.smaller(0.0), 1);
        assert_eq!(ranked.smaller(f64::NAN), 4);
        ranked.remove(0.0);
        ranked.remove(f64::NAN);
        ranked.remove(7.0);
        assert_eq!((ranked.len(), ranked.nth(2)), (3, Some(f64::INFINITY)));
    }

    proptest! {
        #[test]
        fn agrees_with_a_sorted_list(
            numbers in prop::collection::vec(-40_i32..40, 0..3000),
            removed in prop::collection::vec(-40_i32..40, 0..200),
        ) {
            let mut ranked = Ranked::default();
            let mut list: Vec<f64> = Vec::new();
            for number in numbers {
                ranked.insert(f64::from(number));
                list.push(f64::from(number));
            }
            for number in removed {
                ranked.remove(f64::from(number));
                if let Some(at) = list.iter().position(|&other| other == f64::from(number)) {
                    list.swap_remove(at);
                }
            }
            let list = sorted(list);
            prop_assert_eq!(ranked.len(), list.len());
            for (rank, &number) in list.iter().enumerate() {
                prop_assert_eq!(ranked.nth(rank), Some(number));
            }
            for value in -41..41 {
                let smaller = list.iter().filter(|&&other| other < f64::from(value)).count();
                prop_assert_eq!(ranked.smaller(f64::from(value)), smaller);
            }
        }
    }
}
