//! What a table holds, whatever the order of its rows and columns: the multiset of the hashes of its rows.
//!
//! ```text
//! row ──► (name, value) of what is there, by name ──► BLAKE3 ──► 256 bits ─┐
//!                                                                         Σ mod 2^256, over all rows ──► digest
//! ```
//! A sum does not depend on the order (Bellare & Micciancio 1997, AdHash). It is meant to find out that nothing has
//! changed, not to withstand somebody who makes rows to fit.

use std::sync::Arc;

use crate::dataset::table::Value;
use crate::hash::Hash;

/// The order in which the columns of a table enter a row's hash.
#[derive(Debug, Default, Clone)]
pub struct RowHasher {
    columns: Vec<Arc<str>>,
    /// Places of the columns in the order of their names.
    order: Vec<usize>,
}

impl RowHasher {
    /// For rows with these columns.
    #[must_use]
    pub fn new(columns: &[Arc<str>]) -> Self {
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_unstable_by(|one, other| columns[*one].cmp(&columns[*other]));
        Self { columns: columns.to_vec(), order }
    }

    /// Whether it is for rows with these columns.
    #[must_use]
    pub fn is_for(&self, columns: &[Arc<str>]) -> bool {
        self.columns == columns
    }

    /// The hash of a row. Columns without a value do not enter it.
    #[must_use]
    pub fn hash(&self, row: &[Value]) -> Hash {
        let mut hasher = blake3::Hasher::new();
        for place in &self.order {
            let Some(value) = row.get(*place).filter(|value| **value != Value::Missing) else { continue };
            let name = self.columns[*place].as_bytes();
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name);
            value.hash_into(&mut hasher);
        }
        Hash::of_hasher(&hasher)
    }
}

/// The sum of the hashes of rows, and how many there were.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Multiset {
    /// 256 bits, the lowest ones first.
    sum: [u64; 4],
    rows: u64,
}

impl Multiset {
    /// Adds a row.
    pub fn add(&mut self, row: &Hash) {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(row.as_bytes().chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        }
        self.sum = sum(self.sum, words);
        self.rows += 1;
    }

    /// Adds all rows of another one.
    pub fn join(&mut self, other: &Self) {
        self.sum = sum(self.sum, other.sum);
        self.rows += other.rows;
    }

    /// Rows so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The digest of a table with these columns and the rows so far.
    #[must_use]
    pub fn digest(&self, columns: &[Arc<str>]) -> Hash {
        let mut names: Vec<&[u8]> = columns.iter().map(|name| name.as_bytes()).collect();
        names.sort_unstable();
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"hone table 1");
        for name in names {
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name);
        }
        hasher.update(&self.rows.to_le_bytes());
        for word in self.sum {
            hasher.update(&word.to_le_bytes());
        }
        Hash::of_hasher(&hasher)
    }
}

fn sum(one: [u64; 4], other: [u64; 4]) -> [u64; 4] {
    let mut carry = false;
    let mut all = [0; 4];
    for (at, word) in all.iter_mut().enumerate() {
        let (part, first) = one[at].overflowing_add(other[at]);
        let (part, second) = part.overflowing_add(u64::from(carry));
        (*word, carry) = (part, first || second);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*, sample::SizeRange};

    use super::*;

    fn columns(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|name| Arc::from(*name)).collect()
    }

    fn digest(names: &[&str], rows: &[Vec<Value>]) -> Hash {
        let columns = columns(names);
        let hasher = RowHasher::new(&columns);
        let mut set = Multiset::default();
        rows.iter().for_each(|row| set.add(&hasher.hash(row)));
        set.digest(&columns)
    }

    #[test]
    fn a_carry_goes_on_to_the_next_word() {
        assert_eq!(sum([u64::MAX, u64::MAX, 0, 7], [1, 0, 0, 0]), [0, 0, 1, 7]);
        assert_eq!(sum([u64::MAX; 4], [1, 0, 0, 0]), [0; 4]);
    }

    #[test]
    fn what_is_missing_is_as_if_it_were_not_there() {
        let one = RowHasher::new(&columns(&["a", "b"])).hash(&[Value::Int(1), Value::Missing]);
        assert_eq!(one, RowHasher::new(&columns(&["a"])).hash(&[Value::Int(1)]));
        assert_ne!(one, RowHasher::new(&columns(&["b", "a"])).hash(&[Value::Int(1)]));
    }

    /// Names and values cannot run into each other.
    #[test]
    fn borders_between_names_and_values_count() {
        let hash = |names: &[&str], row: &[Value]| RowHasher::new(&columns(names)).hash(row);
        let text = |text: &str| Value::Text(text.into());
        assert_ne!(hash(&["a", "b"], &[text("x"), text("y")]), hash(&["a", "b"], &[text("xy"), text("")]));
        assert_ne!(hash(&["ab"], &[text("c")]), hash(&["a"], &[text("bc")]));
    }

    fn any_rows(count: impl Into<SizeRange>) -> impl Strategy<Value = Vec<Vec<Value>>> {
        let value = prop_oneof![
            Just(Value::Missing),
            (0..3_i64).prop_map(Value::Int),
            "[ab]{0,2}".prop_map(|text| Value::Text(text.into())),
        ];
        vec(vec(value, 3), count)
    }

    proptest! {
        #[test]
        fn the_order_of_rows_and_columns_does_not_matter((rows, shuffled) in any_rows(0..30).prop_flat_map(|rows| {
            (Just(rows.clone()), Just(rows).prop_shuffle())
        })) {
            let names = ["a", "b", "c"];
            prop_assert_eq!(digest(&names, &rows), digest(&names, &shuffled));
            let turned: Vec<Vec<Value>> = rows.iter().map(|row| vec![row[2].clone(), row[0].clone(), row[1].clone()]).collect();
            prop_assert_eq!(digest(&names, &rows), digest(&["c", "a", "b"], &turned));
        }

        #[test]
        fn any_other_multiset_of_rows_has_another_digest(one in any_rows(1..8), other in any_rows(1..8)) {
            let sorted = |rows: &[Vec<Value>]| {
                let mut texts: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
                texts.sort();
                texts
            };
            let names = ["a", "b", "c"];
            prop_assert_eq!(digest(&names, &one) == digest(&names, &other), sorted(&one) == sorted(&other));
        }

        #[test]
        fn parts_join_to_the_whole(rows in any_rows(0..20), at in 0_usize..20) {
            let columns = columns(&["a", "b", "c"]);
            let hasher = RowHasher::new(&columns);
            let (mut one, mut other, mut all) = (Multiset::default(), Multiset::default(), Multiset::default());
            for (index, row) in rows.iter().enumerate() {
                if index < at { &mut one } else { &mut other }.add(&hasher.hash(row));
                all.add(&hasher.hash(row));
            }
            one.join(&other);
            prop_assert_eq!(one, all);
        }
    }
}
