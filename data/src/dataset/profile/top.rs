//! The most frequent values of a column: exactly while there are few different ones; then rare ones are let go of, and
//! counts are too small by at most what was let go of (as in Misra & Gries 1982).

use std::collections::HashMap;

/// Values that are counted at once.
const COUNTED: usize = 8_192;
/// Longer values are shortened; in bytes.
const VALUE_BYTES: usize = 200;

/// Counts values.
#[derive(Debug, Default)]
pub struct Top {
    counts: HashMap<Box<str>, u64>,
    /// What the greatest of those that were let go of had.
    missed: u64,
}

impl Top {
    /// Notes a value.
    pub fn add(&mut self, value: &str) {
        let value = shortened(value);
        if let Some(count) = self.counts.get_mut(value) {
            *count += 1;
            return;
        }
        if self.counts.len() >= COUNTED {
            self.let_go();
        }
        self.counts.insert(value.into(), 1 + self.missed);
    }

    /// Keeps the more frequent half.
    fn let_go(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        counts.sort_unstable();
        let bound = counts[COUNTED / 2];
        self.counts.retain(|_, count| *count > bound);
        self.missed = self.missed.max(bound);
    }

    /// The most frequent values, most frequent first, ties in order of the texts; and whether the counts are exact.
    ///
    /// A value that was let go of and came again starts from what it may have had, so that a count is never too small by
    /// more than that, nor too great by more.
    #[must_use]
    pub fn most(&self, count: usize) -> (Vec<(String, u64)>, bool) {
        let mut all: Vec<(&str, u64)> = self.counts.iter().map(|(value, count)| (&**value, *count)).collect();
        all.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
        // What is not more frequent than those that were let go of may be anything.
        all.retain(|(_, count)| *count > 2 * self.missed || self.missed == 0);
        all.truncate(count);
        (all.into_iter().map(|(value, count)| (value.to_owned(), count)).collect(), self.missed == 0)
    }

    /// Different values so far, while all are counted.
    #[must_use]
    pub fn different(&self) -> Option<usize> {
        (self.missed == 0).then_some(self.counts.len())
    }
}

fn shortened(value: &str) -> &str {
    if value.len() <= VALUE_BYTES {
        return value;
    }
    let end = (0..=VALUE_BYTES).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
    &value[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_counted_exactly() {
        let mut top = Top::default();
        ["b", "a", "b", "c", "a", "b"].into_iter().for_each(|value| top.add(value));
        assert_eq!(top.most(2), (vec![("b".to_owned(), 3), ("a".to_owned(), 2)], true));
        let mut tied = Top::default();
        ["z", "y"].into_iter().for_each(|value| tied.add(value));
        assert_eq!(tied.most(9).0[0].0, "y");
    }

    #[test]
    fn frequent_values_are_found_among_many_rare_ones() {
        let mut top = Top::default();
        for at in 0..200_000_u32 {
            top.add(&format!("rare {at}"));
            if at % 10 == 0 {
                top.add("often");
            }
            if at % 20 == 0 {
                top.add("less often");
            }
        }
        let (most, exact) = top.most(2);
        assert!(!exact);
        assert_eq!(most.iter().map(|(value, _)| value.as_str()).collect::<Vec<_>>(), ["often", "less often"]);
        assert!((19_000..=21_000).contains(&most[0].1), "{most:?}");
    }

    #[test]
    fn long_values_are_shortened_between_letters() {
        let mut top = Top::default();
        top.add(&"é".repeat(500));
        assert_eq!(top.most(1).0[0].0.chars().count(), 100);
    }
}
