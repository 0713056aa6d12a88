//! The first few of many, in an order that has no ties.

/// Keeps the smallest elements; which ones does not depend on the order in which they come.
#[derive(Clone, Debug)]
pub(super) struct Top<T> {
    limit: usize,
    kept: Vec<T>,
    /// Nothing after this can be among the first ones.
    bound: Option<T>,
}

impl<T: Ord + Clone> Top<T> {
    /// Keeps so many at most.
    pub fn new(limit: usize) -> Self {
        Self { limit, kept: Vec::new(), bound: None }
    }

    /// Keeps so many of what comes before the others' last one.
    pub fn within(other: &Self) -> Self {
        Self { limit: other.limit, kept: Vec::new(), bound: other.bound.clone() }
    }

    /// Whether nothing that compares so with the last one can be among the first ones.
    pub fn bound(&self) -> Option<&T> {
        self.bound.as_ref()
    }

    /// Takes an element.
    pub fn push(&mut self, element: T) {
        if self.limit == 0 || self.bound.as_ref().is_some_and(|bound| element >= *bound) {
            return;
        }
        self.kept.push(element);
        if self.kept.len() >= 2 * self.limit {
            self.prune();
        }
    }

    /// Takes all elements of another one.
    pub fn append(&mut self, other: Self) {
        other.kept.into_iter().for_each(|element| self.push(element));
    }

    /// Lets the bound follow what came.
    pub fn prune(&mut self) {
        if self.limit > 0 && self.kept.len() >= self.limit {
            let (_, last, _) = self.kept.select_nth_unstable(self.limit - 1);
            // An equal element is another one, and is kept.
            self.bound = Some(last.clone());
            self.kept.truncate(self.limit);
        }
    }

    /// The first ones, in order.
    pub fn into_sorted(mut self) -> Vec<T> {
        self.kept.sort_unstable();
        self.kept.truncate(self.limit);
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_ones_are_those_of_the_sorted_list(
            elements in proptest::collection::vec(0_u32..1_000, 0..200),
            limit in 0_usize..20,
            cut in 1_usize..50,
        ) {
            let mut unique = elements;
            unique.sort_unstable();
            unique.dedup();
            let expected: Vec<u32> = unique.iter().copied().take(limit).collect();
            // Neither ascending nor descending.
            unique.sort_by_key(|element| element.wrapping_mul(2_654_435_761));
            let mut top = Top::new(limit);
            for part in unique.chunks(cut) {
                let mut partial = Top::within(&top);
                part.iter().for_each(|element| partial.push(*element));
                top.append(partial);
                top.prune();
            }
            prop_assert_eq!(top.into_sorted(), expected);
        }
    }
}
